//! The control interface of UnionPay's face, under `/sandbox/unionpay/`.

use http::Method;
use paysluice::adapter::Request;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Value, json};

use super::UnionPayFace;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PayerOrder {
    /// The consumption's orderId, its `tn`, its `qrCode` or its queryId.
    order: String,
}

/// Answers a request by the segments after `unionpay`; None if there is no such page.
pub(crate) fn answer(face: UnionPayFace<'_>, request: &Request, segments: &[&str]) -> Option<Result<Value, String>> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some(match (&request.method, segments) {
        (&Method::POST, ["pay"]) => payer(request).and_then(|order| face.payer_pays(&order)).map(|code| json!({"code": code})),
        (&Method::POST, ["begin"]) => payer(request).and_then(|order| face.payer_begins(&order)).map(|()| json!({"code": "05"})),
        (&Method::POST, ["fail"]) => payer(request).and_then(|order| face.payer_fails(&order)).map(|()| json!({"code": "64"})),
        (&Method::POST, ["renew"]) => {
            face.renew_certificate();
            Ok(json!({"ok": true}))
        }
        (&Method::GET, ["notices"]) => Ok(json!(face.notices())),
        (&Method::GET, ["trades"]) => Ok(json!(face.trades())),
        (&Method::GET, ["trades", order]) => {
            face.trade(&decoded(order)).map(|trade| json!(trade)).ok_or_else(|| "no such trade".to_owned())
        }
        _ => return None,
    })
}

fn payer(request: &Request) -> Result<String, String> {
    let read: Result<PayerOrder, _> = serde_json::from_slice(&request.body);
    read.map(|read| read.order).map_err(|error| error.to_string())
}
