//! An event as it is forwarded: one small stable form for all providers, built only from what the provider's proof covers.
//!
//! The form is documented in `docs/callback-serve.md`; fields may be added, none changes its meaning.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use paysluice::adapter::{Change, Event, Refs, SeenPart, Trust};
use paysluice::model::{Money, PartStatus, Reason, Status};
use serde::Serialize;

/// The whole body.
#[derive(Debug, Serialize)]
struct Forwarded<'a> {
    r#type: String,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Debug, Serialize)]
struct Data<'a> {
    id: &'a str,
    gateway: &'a str,
    account: &'a str,
    name: &'a str,
    change: &'a Change,
    order_no: Option<&'a str>,
    attempt: Option<u32>,
    number: Option<&'a str>,
    refs: &'a Refs,
    status: Option<&'static str>,
    word: Option<&'a str>,
    reason: Option<&'a Reason>,
    money: Option<Money>,
    captured: Option<Money>,
    refunded: Option<Money>,
    captures: Vec<Part<'a>>,
    refunds: Vec<Part<'a>>,
    trust: &'static str,
    raw_b64: String,
}

/// A capture or a refund.
#[derive(Debug, Serialize)]
struct Part<'a> {
    number: Option<&'a str>,
    id: Option<&'a str>,
    money: Option<Money>,
    status: &'static str,
    reason: Option<&'a Reason>,
}

/// Whose callback it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct From<'a> {
    pub(crate) gateway: &'a str,
    pub(crate) account: &'a str,
}

/// The body that is forwarded. `received` stands in where the provider does not say when it happened.
pub(crate) fn body(from: From<'_>, id: &str, event: &Event, received: SystemTime) -> Result<Vec<u8>, String> {
    let (about, seen) = (event.about(), event.seen());
    let (order_no, attempt) = about.order.as_ref().map(|(order, attempt)| (order.as_str(), attempt.get())).unzip();
    let forwarded = Forwarded {
        r#type: kind(event),
        timestamp: rfc3339(event.happened_at().unwrap_or(received))?,
        data: Data {
            id,
            gateway: from.gateway,
            account: from.account,
            name: event.name(),
            change: event.change(),
            order_no,
            attempt,
            number: about.number.as_ref().map(paysluice::model::ProviderNo::as_str),
            refs: &about.refs,
            status: seen.status.as_ref().map(status),
            word: seen.word.as_deref(),
            reason: seen.reason.as_ref(),
            money: seen.money,
            captured: seen.captured,
            refunded: seen.refunded,
            captures: seen.captures.iter().map(part).collect(),
            refunds: seen.refunds.iter().map(part).collect(),
            trust: match event.trust() {
                Trust::Enough => "enough",
                Trust::AskFirst => "ask_first",
            },
            raw_b64: STANDARD.encode(event.covered()),
        },
    };
    serde_json::to_vec(&forwarded).map_err(|error| format!("cannot be written as JSON ({error})"))
}

/// The type that receivers switch on. It names a status only where the proof is enough: `payment.paid` may be believed.
fn kind(event: &Event) -> String {
    let trusted = event.trust() == Trust::Enough;
    let seen = event.seen();
    match event.change() {
        Change::Payment => format!("payment.{}", seen.status.as_ref().filter(|_| trusted).map_or("updated", status)),
        Change::Capture => format!("capture.{}", only(&seen.captures).filter(|_| trusted).unwrap_or("updated")),
        Change::Refund => format!("refund.{}", only(&seen.refunds).filter(|_| trusted).unwrap_or("updated")),
        Change::Dispute => "dispute.updated".to_owned(),
        _ => "other".to_owned(),
    }
}

fn only(parts: &[SeenPart]) -> Option<&'static str> {
    if let [one] = parts { Some(part_status(&one.status)) } else { None }
}

fn part(seen: &SeenPart) -> Part<'_> {
    Part {
        number: seen.number.as_deref(),
        id: seen.id.as_deref(),
        money: seen.money,
        status: part_status(&seen.status),
        reason: seen.reason.as_ref(),
    }
}

fn status(status: &Status) -> &'static str {
    match status {
        Status::AwaitingPayer => "awaiting_payer",
        Status::Processing => "processing",
        Status::Authorized => "authorized",
        Status::Paid => "paid",
        Status::Declined => "declined",
        Status::Canceled => "canceled",
        Status::Expired => "expired",
        Status::Unrecognized(_) => "unrecognized",
    }
}

fn part_status(status: &PartStatus) -> &'static str {
    match status {
        PartStatus::Pending => "pending",
        PartStatus::Succeeded => "succeeded",
        PartStatus::Failed => "failed",
        PartStatus::Canceled => "canceled",
        PartStatus::NeedsAction => "needs_action",
        PartStatus::Unrecognized(_) => "unrecognized",
    }
}

fn rfc3339(at: SystemTime) -> Result<String, String> {
    jiff::Timestamp::try_from(at).map(|at| at.to_string()).map_err(|error| format!("its time cannot be written ({error})"))
}

#[cfg(test)]
#[path = "event/tests.rs"]
mod tests;
