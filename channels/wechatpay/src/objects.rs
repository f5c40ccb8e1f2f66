//! WeChat Pay's JSON objects as far as they are read: typed, borrowed from the bytes, a duplicate of a field refused.

use std::borrow::Cow;
use std::ops::Deref;

use serde::Deserialize;
use serde_json::value::RawValue;

/// A text that lies in the bytes it was read from, unless an escape made that impossible.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// Any object that money is spoken of in: a payment, a refund, what either's callback holds, the answer to a reversal.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Object<'a> {
    #[serde(borrow)]
    pub(crate) mchid: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) appid: Option<Text<'a>>,
    /// In partner mode, instead of the two above.
    #[serde(borrow)]
    pub(crate) sp_mchid: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) sp_appid: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) sub_mchid: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) sub_appid: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) out_trade_no: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) transaction_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) trade_state: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) trade_state_desc: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) success_time: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) amount: Option<Amount<'a>>,
    #[serde(borrow)]
    pub(crate) out_refund_no: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) refund_id: Option<Text<'a>>,
    /// A refund's, in answers.
    #[serde(borrow)]
    pub(crate) status: Option<Text<'a>>,
    /// A refund's, in callbacks.
    #[serde(borrow)]
    pub(crate) refund_status: Option<Text<'a>>,
}

/// In fen.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Amount<'a> {
    pub(crate) total: Option<i64>,
    pub(crate) refund: Option<i64>,
    #[serde(borrow)]
    pub(crate) currency: Option<Text<'a>>,
}

/// The answer to a new order: one of the three.
#[derive(Deserialize)]
pub(crate) struct Made<'a> {
    #[serde(borrow)]
    pub(crate) prepay_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) code_url: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) h5_url: Option<Text<'a>>,
}

/// An error answer.
#[derive(Deserialize)]
pub(crate) struct Refusal<'a> {
    #[serde(borrow)]
    pub(crate) code: Text<'a>,
    #[serde(borrow)]
    pub(crate) message: Option<Text<'a>>,
    /// Of another shape with each code; read apart, so that none spoils the rest.
    #[serde(borrow)]
    pub(crate) detail: Option<&'a RawValue>,
}

/// Which field broke which rule, of PARAM_ERROR.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Detail<'a> {
    #[serde(borrow)]
    pub(crate) field: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) issue: Option<Text<'a>>,
}

/// A callback's outside.
#[derive(Deserialize)]
pub(crate) struct Envelope<'a> {
    #[serde(borrow)]
    pub(crate) id: Text<'a>,
    #[serde(borrow)]
    pub(crate) create_time: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) resource_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) event_type: Text<'a>,
    #[serde(borrow)]
    pub(crate) resource: Sealed<'a>,
}

/// What is sealed with the APIv3 key.
#[derive(Deserialize)]
pub(crate) struct Sealed<'a> {
    #[serde(borrow)]
    pub(crate) algorithm: Text<'a>,
    #[serde(borrow)]
    pub(crate) nonce: Text<'a>,
    #[serde(borrow)]
    pub(crate) associated_data: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) ciphertext: Text<'a>,
}

/// The answer to `GET /v3/certificates`.
#[derive(Deserialize)]
pub(crate) struct Certificates<'a> {
    #[serde(borrow)]
    pub(crate) data: Vec<Listed<'a>>,
}

/// One certificate of it.
#[derive(Deserialize)]
pub(crate) struct Listed<'a> {
    #[serde(borrow)]
    pub(crate) serial_no: Text<'a>,
    #[serde(borrow)]
    pub(crate) encrypt_certificate: Sealed<'a>,
}
