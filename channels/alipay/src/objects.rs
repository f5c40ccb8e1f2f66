//! What stands in Alipay's answers, as far as it is read: typed, borrowed from the bytes, a duplicate of a field refused.

use std::borrow::Cow;
use std::ops::Deref;

use serde::{Deserialize, Deserializer};
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

/// An amount in yuan: a decimal as text, or as a number, whose digits are taken as they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Yuan<'a>(Cow<'a, str>);

impl Deref for Yuan<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Yuan<'a> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(input)?.get();
        if raw.starts_with('"') {
            let text: Text<'de> = serde_json::from_str(raw).map_err(serde::de::Error::custom)?;
            return Ok(Self(text.0));
        }
        Ok(Self(Cow::Borrowed(raw)))
    }
}

/// Any response: what all have, what speaks of a payment, and what speaks of a refund.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Node<'a> {
    #[serde(borrow)]
    pub(crate) code: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) msg: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) sub_code: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) sub_msg: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) out_trade_no: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) trade_no: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) trade_status: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) total_amount: Option<Yuan<'a>>,
    #[serde(borrow)]
    pub(crate) receipt_amount: Option<Yuan<'a>>,
    #[serde(borrow)]
    pub(crate) buyer_pay_amount: Option<Yuan<'a>>,
    /// When it was paid, of a query.
    #[serde(borrow)]
    pub(crate) send_pay_date: Option<Text<'a>>,
    /// The same, of a payment by barcode.
    #[serde(borrow)]
    pub(crate) gmt_payment: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) qr_code: Option<Text<'a>>,
    /// What a reversal did.
    #[serde(borrow)]
    pub(crate) action: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) retry_flag: Option<Text<'a>>,
    /// Whether this very refund moved money.
    #[serde(borrow)]
    pub(crate) fund_change: Option<Text<'a>>,
    /// All that was given back so far.
    #[serde(borrow)]
    pub(crate) refund_fee: Option<Yuan<'a>>,
    #[serde(borrow)]
    pub(crate) out_request_no: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) refund_amount: Option<Yuan<'a>>,
    #[serde(borrow)]
    pub(crate) refund_status: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) alipay_cert_content: Option<Text<'a>>,
}
