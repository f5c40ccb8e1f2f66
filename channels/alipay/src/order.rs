//! How a payment and a refund are named in a question or command: by our number, or by Alipay's.

use paysluice::adapter::{Known, Refs};
use paysluice::model::{Error, ErrorKind};
use serde::Serialize;

/// A trade: `out_trade_no` where it is known, since it finds a trade that was never paid too.
#[derive(Serialize)]
pub(crate) struct Trade<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    out_trade_no: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trade_no: Option<&'a str>,
}

impl<'a> Trade<'a> {
    /// The payment that an operation refers to.
    pub(crate) fn of(known: &'a Known) -> Result<Self, Error> {
        let ours = known.original.as_ref().map(|original| original.seed.number.as_str());
        let ours = ours.or_else(|| known.refs.get("out_trade_no"));
        match (ours, known.refs.get("trade")) {
            (Some(number), _) => Ok(Self { out_trade_no: Some(number), trade_no: None }),
            (None, Some(id)) => Ok(Self { out_trade_no: None, trade_no: Some(id) }),
            (None, None) => Err(Error::new(ErrorKind::NotNow, "the payment was not charged here, and no number of it is known")
                .with_cause("adopt the payment by its trade_no first")),
        }
    }

    /// The payment that was charged under that number.
    pub(crate) fn numbered(number: &'a str) -> Self {
        Self { out_trade_no: Some(number), trade_no: None }
    }

    /// What an answer must speak of.
    pub(crate) fn carry(&self, known: &Known) -> Refs {
        let mut carry = Refs::new();
        if let Some(number) = self.out_trade_no {
            carry.add("number", number);
        }
        if let Some(id) = known.refs.get("trade") {
            carry.add("trade", id);
        }
        if let Some(original) = &known.original {
            carry.add("product", original.product.as_str());
            carry.add("money", original.money.to_string());
        }
        // That it was paid once tells "closed because all was given back" from "closed unpaid".
        if known.refs.get("paid_at").is_some() {
            carry.add("paid", "yes");
        }
        carry
    }
}
