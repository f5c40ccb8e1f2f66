//! What a payment or a refund shows, in the words of the contract.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use paysluice::adapter::{Draft, Refs, Seen, SeenPart};
use paysluice::model::{Advice, Currency, Error, Money, PartStatus, Reason, Status};

use crate::answer::{other, sentence, unread};
use crate::codes::{self, State, shown};
use crate::fields::Fields;
use crate::order::BIZ_TYPE;
use crate::profile::QUERY_ID;
use crate::recovery::{BARCODE, final_after};
use crate::{UnionPay, time};

/// How long a payment that was not made here is thought to be payable: no message tells its `payTimeout`.
const ADOPTED: Duration = Duration::from_secs(24 * 3600);

impl UnionPay {
    /// What the answer to a question shows of a payment.
    ///
    /// "Failed, being processed and not found may all be passing": a payer who still has time may try again, so that a failure ends a
    /// payment only after its `payTimeout`, or where the payer cannot try again.
    pub(crate) fn see_payment(&self, draft: &Draft, fields: &Fields<'_>, now: SystemTime, raw: Bytes) -> Result<Seen, Error> {
        let code = fields.text("origRespCode").ok_or_else(|| unread("origRespCode"))?;
        let state = codes::state(code);
        let money = self.money(fields)?;
        if state == State::Done && (money.is_none() || fields.text("queryId").is_none()) {
            return Err(unread("txnAmt and queryId"));
        }
        let status = match state {
            State::Done => Status::Paid,
            State::Open => Status::Processing,
            State::Payer => Status::AwaitingPayer,
            State::Failed(_) if may_try_again(draft, fields, now) => Status::AwaitingPayer,
            State::Failed(_) => Status::Declined,
            // "The original has been refunded or reversed": what a reversal leaves of its payment.
            State::Undone => Status::Canceled,
            State::Unrecognized => Status::Unrecognized(shown(code)),
        };
        let reason = match state {
            State::Failed(advice) if status == Status::Declined => Some(reason(fields, "origRespMsg", code, advice)),
            _ => None,
        };
        let paid = status == Status::Paid;
        Ok(Seen {
            refs: refs(fields, paid)?,
            word: Some(shown(code)),
            captured: money.filter(|_| paid),
            status: Some(status),
            money,
            reason,
            raw,
            ..Seen::default()
        })
    }

    /// What a refund or a revoke shows: its own code, or that it was accepted. It says nothing of the payment's own status.
    pub(crate) fn see_refund(&self, fields: &Fields<'_>, code: Option<(&str, &str)>, raw: Bytes) -> Result<Seen, Error> {
        let number = fields.text("orderId").ok_or_else(|| unread("orderId"))?;
        let id = fields.text("queryId").filter(|id| is_id(id));
        let (status, reason) = match code {
            None => (PartStatus::Pending, None),
            Some((code, message)) => match codes::state(code) {
                State::Done => (PartStatus::Succeeded, None),
                State::Open | State::Payer => (PartStatus::Pending, None),
                State::Failed(advice) => (PartStatus::Failed, Some(reason(fields, message, code, advice))),
                // What it was to give back of is given back already, by another.
                State::Undone => (PartStatus::Failed, Some(reason(fields, message, code, Advice::Unknown))),
                State::Unrecognized => (PartStatus::Unrecognized(shown(code)), None),
            },
        };
        let money = self.money(fields)?;
        if status == PartStatus::Succeeded && money.is_none() {
            return Err(unread("txnAmt"));
        }
        let word = code.map_or("accepted", |(code, _)| code);
        let part = SeenPart { number: Some(number.to_owned()), id: id.map(str::to_owned), money, status, reason };
        Ok(Seen { word: Some(shown(word)), refunds: vec![part], raw, ..Seen::default() })
    }

    /// Money in fen, if any is named.
    pub(crate) fn money(&self, fields: &Fields<'_>) -> Result<Option<Money>, Error> {
        let Some(text) = fields.text("txnAmt") else { return Ok(None) };
        if fields.text("currencyCode").is_some_and(|code| code != "156") {
            return Err(unread("currencyCode"));
        }
        let digits = (1..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let fen: i64 = text.parse().ok().filter(|_| digits).ok_or_else(|| unread("txnAmt"))?;
        self.profile.from_provider(fen, Currency::CNY).map(Some).map_err(|_| unread("txnAmt"))
    }
}

/// An answer names no other money than its request.
pub(crate) fn check_money(draft: &Draft, fields: &Fields<'_>) -> Result<(), Error> {
    let told = |name, ours: Option<&str>| fields.text(name).zip(ours).is_some_and(|(theirs, ours)| theirs != ours);
    if told("txnAmt", draft.carry.get("amount")) || told("currencyCode", Some("156")) {
        return Err(other("txnAmt", "other money than was asked"));
    }
    Ok(())
}

/// Whether a payer whose payment failed may try again.
fn may_try_again(draft: &Draft, fields: &Fields<'_>, now: SystemTime) -> bool {
    let made = || fields.text("txnTime").and_then(time::read).and_then(|made| made.checked_add(ADOPTED));
    draft.carry.get("product") != Some(BARCODE) && draft.closes_at.or_else(made).is_some_and(|at| now <= final_after(at))
}

/// The ids of a payment. `queryId` is of the try that took the money: a failed try has another, and is not the payment.
pub(crate) fn refs(fields: &Fields<'_>, paid: bool) -> Result<Refs, Error> {
    let mut refs = Refs::new();
    if paid {
        let id = fields.text("queryId").filter(|id| is_id(id)).ok_or_else(|| unread("queryId"))?;
        refs.add(QUERY_ID, id);
    }
    if let Some(text) = fields.text("bizType").filter(|text| is_id(text)) {
        refs.add(BIZ_TYPE, text);
    }
    Ok(refs)
}

fn reason(fields: &Fields<'_>, message: &str, code: &str, advice: Advice) -> Reason {
    Reason { code: shown(code), message: Some(sentence(fields, message, codes::listed(code))), advice }
}

/// An id: visible ASCII, not longer than any of theirs or ours.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
