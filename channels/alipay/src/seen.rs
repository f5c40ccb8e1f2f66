//! What a payment or a refund shows, in the words of the contract.

use bytes::Bytes;
use paysluice::adapter::{Draft, Refs, Reply, Seen, SeenPart};
use paysluice::model::{Advice, Currency, Error, ErrorKind, Money, PartStatus, Reason, Status};

use crate::objects::{Node, Text, Yuan};
use crate::{Alipay, codes};

impl Alipay {
    /// Reads a node.
    pub(crate) fn node<'a>(&self, body: &'a [u8], reply: &Reply) -> Result<Node<'a>, Error> {
        serde_json::from_slice(body).map_err(|error| {
            let why = self.shown(&error.to_string());
            crate::answer::with_id(Error::new(ErrorKind::Unintelligible, format!("Alipay's answer cannot be read: {why}")), reply)
        })
    }

    /// What a payment shows: where it stands, what it is for, whether it was ever paid.
    pub(crate) fn see_payment(node: &Node<'_>, status: Status, word: &str, raw: Bytes) -> Result<Seen, Error> {
        let money = node.total_amount.as_ref().map(yuan).transpose()?;
        let paid = status == Status::Paid;
        if paid && money.is_none() {
            return Err(unread("total_amount"));
        }
        let mut refs = refs(node)?;
        if paid {
            let at = given(node.send_pay_date.as_ref()).or(given(node.gmt_payment.as_ref()));
            refs.add("paid_at", codes::shown(at.unwrap_or("yes")));
        }
        Ok(Seen {
            reason: status.is_unpaid_end().then(|| Reason { code: codes::shown(word), message: None, advice: Advice::Unknown }),
            status: Some(status),
            word: Some(codes::shown(word)),
            captured: money.filter(|_| paid),
            money,
            refs,
            raw,
            ..Seen::default()
        })
    }

    /// Alipay's sentence, unless it repeats something that is secret.
    pub(crate) fn printable(&self, text: &str) -> Option<String> {
        (!self.repeats_secret(text)).then(|| text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect())
    }

    /// A word of theirs as we print it.
    pub(crate) fn shown(&self, word: &str) -> String {
        if self.repeats_secret(word) { "(hidden)".to_owned() } else { codes::shown(word) }
    }

    fn repeats_secret(&self, text: &str) -> bool {
        let token = self.app_auth_token.as_ref().and_then(|token| token.expose_str());
        token.is_some_and(|token| text.contains(token)) || text.contains("PRIVATE KEY")
    }
}

/// Whether an answer speaks of the payment that the draft speaks of: one about another proves nothing about ours.
pub(crate) fn check_trade(draft: &Draft, node: &Node<'_>) -> Result<(), Error> {
    let (number, trade) = (given(node.out_trade_no.as_ref()), given(node.trade_no.as_ref()));
    let (our_number, our_trade) = (draft.carry.get("number"), draft.carry.get("trade"));
    if our_number.is_some_and(|ours| number != Some(ours)) {
        return Err(other("out_trade_no", "another order's, or none"));
    }
    if our_trade.is_some_and(|ours| trade.is_some_and(|theirs| theirs != ours)) {
        return Err(other("trade_no", "another payment's"));
    }
    if our_number.is_none() && (our_trade.is_none() || trade != our_trade) {
        return Err(other("trade_no", "another payment's, or none"));
    }
    Ok(())
}

/// A refund that succeeded or stands otherwise, under our number.
pub(crate) fn part(number: &str, money: Option<Money>, status: PartStatus) -> SeenPart {
    SeenPart { number: Some(number.to_owned()), id: None, money, status, reason: None }
}

/// The ids of an answer.
pub(crate) fn refs(node: &Node<'_>) -> Result<Refs, Error> {
    let mut refs = Refs::new();
    for (name, field, id) in [("out_trade_no", "out_trade_no", &node.out_trade_no), ("trade", "trade_no", &node.trade_no)] {
        if let Some(id) = given(id.as_ref()) {
            refs.add(name, is_id(id).then_some(id).ok_or_else(|| unread(field))?);
        }
    }
    Ok(refs)
}

/// Money in yuan, exact.
pub(crate) fn yuan(amount: &Yuan<'_>) -> Result<Money, Error> {
    Money::parse(amount, Currency::CNY).map_err(|_| unread("amount in yuan"))
}

/// Whether an amount is there and is not nothing.
pub(crate) fn is_some_money(amount: Option<&Yuan<'_>>) -> bool {
    amount.and_then(|amount| yuan(amount).ok()).is_some_and(|money| !money.is_zero())
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
    Error::new(ErrorKind::Unintelligible, format!("Alipay's message has no {field} that can be read"))
}

/// An answer about something else than was asked.
pub(crate) fn other(field: &str, what: &str) -> Error {
    Error::new(ErrorKind::Unintelligible, format!("it speaks of something else: {field} is {what}"))
}
