//! The toy's confirm: what the payer brought back goes to the bank in one step, and may bring another action.

use http::Method as Verb;
use serde_json::json;

use super::{Toy, answered, draft, judge_payment, payment_id, sign, watch};
use crate::adapter::*;
use crate::model::*;
use std::time::SystemTime;

codec!(
    Confirm,
    |op, known, seed| {
        let path = format!("/payments/{}/answer", payment_id(known)?);
        draft(0, Moves::Money, Verb::POST, path, &json!(op.data), seed, Refs::new())
    },
    |_, reply| answered(reply).map(Decoded::Done),
    |_, seen| judge_payment(seen),
    |_, _, seen| (seen.status == Some(Status::AwaitingPayer)).then(|| watch(None, WhenUp::Leave))
);
