//! The toy's till: a barcode is charged in one step, known by its number only until it is answered, and reversed when time is up.

use http::Method as Verb;
use serde_json::json;

use super::{Toy, answered, draft, judge_part, payment_id, sign};
use crate::adapter::*;
use crate::model::*;
use std::time::SystemTime;

const TILL: &str = "/payments/till";

/// The one step of a charge by barcode.
pub(super) fn paying_at_the_till(op: &Charge, code: &str, seed: &Seed) -> Result<Draft, Error> {
    let body = json!({ "number": seed.number, "order": op.order_no, "attempt": op.attempt.get(), "amount": op.money.minor(),
        "code": code });
    draft(0, Moves::Money, Verb::POST, TILL.to_owned(), &body, seed, Refs::new())
}

pub(super) fn is_at_the_till(draft: &Draft) -> bool {
    draft.path == TILL
}

codec!(
    Reverse,
    |_, known, seed| {
        let number = known.original.as_ref().map(|original| format!("@{}", original.seed.number));
        let name = payment_id(known).or_else(|error| number.ok_or(error))?;
        let carry = Refs::new().with("number", seed.number.as_str());
        draft(0, Moves::Money, Verb::POST, format!("/payments/{name}/reverse"), &json!({ "number": seed.number }), seed, carry)
    },
    |_, reply| answered(reply).map(Decoded::Done),
    |draft, seen| match seen.status.as_ref()? {
        Status::Canceled => Some(Fate::Applied),
        Status::Paid => judge_part(&seen.refunds, draft),
        _ => None,
    },
    |_, _, _| None
);
