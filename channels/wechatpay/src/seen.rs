//! What a payment or a refund shows, in the words of the contract.

use bytes::Bytes;
use paysluice::adapter::{Refs, Seen, SeenPart};
use paysluice::model::{Advice, Currency, Error, ErrorKind, Money, Reason, Status};

use crate::objects::{Amount, Object, Text};
use crate::{WeChatPay, codes};

impl WeChatPay {
    /// Whether an object is of this merchant and app. Refunds in answers name neither.
    pub(crate) fn check_whose(&self, object: &Object<'_>) -> Result<(), Error> {
        let (merchant, app, sub) = match self.account.sub() {
            None => (&object.mchid, &object.appid, None),
            Some(sub) => (&object.sp_mchid, &object.sp_appid, Some(sub)),
        };
        let field = |name: &str| format!("{}{name}", if sub.is_some() { "sp_" } else { "" });
        if merchant.as_deref() != Some(self.account.merchant()) {
            return Err(other(&field("mchid"), "not ours"));
        }
        if sub.is_some() && object.sub_mchid.as_deref() != sub {
            return Err(other("sub_mchid", "not ours"));
        }
        // A refund's callback names no app, and an order of the partner's own app none of the sub-merchant's.
        if app.as_deref().is_some_and(|app| app != self.appid) {
            return Err(other(&field("appid"), "not ours"));
        }
        let sub_app = object.sub_appid.as_deref().zip(self.sub_appid.as_deref());
        if sub_app.is_some_and(|(theirs, ours)| theirs != ours) {
            return Err(other("sub_appid", "not ours"));
        }
        Ok(())
    }

    /// What a payment shows.
    pub(crate) fn see_payment(&self, object: &Object<'_>, raw: Bytes) -> Result<Seen, Error> {
        let word = object.trade_state.as_deref().ok_or_else(|| unread("trade_state"))?;
        let status = codes::status(word);
        let total = object.amount.as_ref().and_then(|amount| amount.total);
        let money = total.map(|total| self.money(total, object.amount.as_ref())).transpose()?;
        let paid = status == Status::Paid;
        if paid && money.is_none() {
            return Err(unread("amount.total"));
        }
        let ended = status.is_unpaid_end();
        Ok(Seen {
            refs: refs(object)?,
            reason: ended.then(|| Reason {
                code: codes::shown(word),
                message: object.trade_state_desc.as_deref().and_then(|text| self.printable(text)),
                advice: if status == Status::Declined { Advice::AskPayer } else { Advice::Unknown },
            }),
            status: Some(status),
            word: Some(codes::shown(word)),
            money,
            captured: money.filter(|_| paid),
            raw,
            ..Seen::default()
        })
    }

    /// What a refund shows. It says nothing of the payment's own status, but that it was paid.
    pub(crate) fn see_refund(&self, object: &Object<'_>, raw: Bytes) -> Result<Seen, Error> {
        let number = object.out_refund_no.as_deref().ok_or_else(|| unread("out_refund_no"))?;
        let id = object.refund_id.as_deref().filter(|id| is_id(id)).ok_or_else(|| unread("refund_id"))?;
        let word = object.status.as_deref().or(object.refund_status.as_deref()).ok_or_else(|| unread("status"))?;
        let amount = object.amount.as_ref().ok_or_else(|| unread("amount"))?;
        let refund = amount.refund.ok_or_else(|| unread("amount.refund"))?;
        let part = SeenPart {
            number: Some(number.to_owned()),
            id: Some(id.to_owned()),
            money: Some(self.money(refund, Some(amount))?),
            status: codes::refund_status(word),
            reason: (word == "ABNORMAL" || word == "CLOSED").then(|| Reason {
                code: codes::shown(word),
                message: None,
                advice: Advice::Unknown,
            }),
        };
        let money = amount.total.map(|total| self.money(total, Some(amount))).transpose()?;
        Ok(Seen { word: Some(codes::shown(word)), money, refs: refs(object)?, refunds: vec![part], raw, ..Seen::default() })
    }

    /// Money in fen.
    fn money(&self, fen: i64, amount: Option<&Amount<'_>>) -> Result<Money, Error> {
        let currency = amount.and_then(|amount| amount.currency.as_deref()).filter(|currency| !currency.is_empty());
        if currency.is_some_and(|currency| currency != "CNY") {
            return Err(unread("amount.currency"));
        }
        self.profile.from_provider(fen, Currency::CNY).map_err(|_| unread("amount"))
    }

    /// WeChat Pay's sentence, unless it repeats something that is secret.
    pub(crate) fn printable(&self, text: &str) -> Option<String> {
        (!self.repeats_secret(text)).then(|| text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect())
    }

    /// A word of theirs as we print it.
    pub(crate) fn shown(&self, word: &str) -> String {
        if self.repeats_secret(word) { "(hidden)".to_owned() } else { codes::shown(word) }
    }

    fn repeats_secret(&self, text: &str) -> bool {
        let secret = self.api_v3_secret.expose_str().is_some_and(|secret| text.contains(secret));
        secret || text.contains("PRIVATE KEY")
    }
}

fn refs(object: &Object<'_>) -> Result<Refs, Error> {
    let mut refs = Refs::new();
    if let Some(number) = given(object.out_trade_no.as_ref()) {
        refs.add("out_trade_no", is_id(number).then_some(number).ok_or_else(|| unread("out_trade_no"))?);
    }
    if let Some(id) = given(object.transaction_id.as_ref()) {
        refs.add("transaction", is_id(id).then_some(id).ok_or_else(|| unread("transaction_id"))?);
    }
    Ok(refs)
}

/// A text that is there and not empty.
pub(crate) fn given<'a>(text: Option<&'a Text<'a>>) -> Option<&'a str> {
    text.map(|text| &**text).filter(|text| !text.is_empty())
}

/// An id: visible ASCII, not longer than any of theirs or ours.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// An answer that lacks what it must say, or says it in a way that cannot be.
pub(crate) fn unread(field: &str) -> Error {
    Error::new(ErrorKind::Unintelligible, format!("WeChat Pay's object has no {field} that can be read"))
}

/// An answer about something else than was asked.
pub(crate) fn other(field: &str, what: &str) -> Error {
    Error::new(ErrorKind::Unintelligible, format!("it speaks of something else: {field} is {what}"))
}
