//! Where an order is, and whose: paths, numbers, and the fields that name a merchant, direct or for a sub-merchant.

use paysluice::adapter::Known;
use paysluice::model::{Error, ErrorKind};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::WeChatPay;

/// Unreserved characters stay as they are, in the path and in what is signed.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A text within a path.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PATH).to_string()
}

/// Whose order: `mchid`, or both of `sp_mchid` and `sub_mchid`.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Merchant<'a> {
    Direct { mchid: &'a str },
    Partner { sp_mchid: &'a str, sub_mchid: &'a str },
}

/// By whose app.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum App<'a> {
    Direct {
        appid: &'a str,
    },
    Partner {
        sp_appid: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        sub_appid: Option<&'a str>,
    },
}

impl WeChatPay {
    /// `/v3/pay/transactions`, or the partners'.
    pub(crate) fn root(&self) -> &'static str {
        match self.account.sub() {
            None => "/v3/pay/transactions",
            Some(_) => "/v3/pay/partner/transactions",
        }
    }

    /// A question for an order by our number, or by WeChat Pay's.
    pub(crate) fn order_path(&self, number: &str, ours: bool) -> String {
        let (by, root) = (if ours { "out-trade-no" } else { "id" }, self.root());
        let whose = match self.account.sub() {
            None => format!("mchid={}", self.account.merchant()),
            Some(sub) => format!("sp_mchid={}&sub_mchid={sub}", self.account.merchant()),
        };
        format!("{root}/{by}/{}?{whose}", encoded(number))
    }

    pub(crate) fn merchant(&self) -> Merchant<'_> {
        match self.account.sub() {
            None => Merchant::Direct { mchid: self.account.merchant() },
            Some(sub_mchid) => Merchant::Partner { sp_mchid: self.account.merchant(), sub_mchid },
        }
    }

    pub(crate) fn app(&self) -> App<'_> {
        match self.account.sub() {
            None => App::Direct { appid: &self.appid },
            Some(_) => App::Partner { sp_appid: &self.appid, sub_appid: self.sub_appid.as_deref() },
        }
    }

    /// The app that the payer's side is started in.
    pub(crate) fn payers_app(&self) -> &str {
        self.sub_appid.as_deref().unwrap_or(&self.appid)
    }
}

/// Our number of the payment that an operation refers to.
pub(crate) fn number(known: &Known) -> Result<&str, Error> {
    let charged = known.original.as_ref().map(|original| original.seed.number.as_str());
    charged.or_else(|| known.refs.get("out_trade_no")).ok_or_else(|| {
        Error::new(ErrorKind::NotNow, "the payment was not charged here, and its out_trade_no is not known")
            .with_cause("query the payment first")
    })
}
