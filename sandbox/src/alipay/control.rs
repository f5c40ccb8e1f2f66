//! The control interface of Alipay's face, under `/sandbox/alipay/`.

use http::Method;
use paysluice::adapter::Request;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Value, json};

use super::AlipayFace;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PayerOrder {
    /// The page's address, the order string, what the QR code says, or the order's number.
    order: String,
}

/// Answers a request by the segments after `alipay`; None if there is no such page.
pub(crate) fn answer(face: AlipayFace<'_>, request: &Request, segments: &[&str]) -> Option<Result<Value, String>> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some(match (&request.method, segments) {
        (&Method::POST, ["open"]) => payer(request).and_then(|order| face.payer_opens(&order)).map(state),
        (&Method::POST, ["pay"]) => payer(request).and_then(|order| face.payer_pays(&order)).map(state),
        (&Method::POST, ["begin"]) => payer(request).and_then(|order| face.payer_begins(&order)).map(state),
        (&Method::POST, ["finish"]) => payer(request).map(|order| json!({"finished": face.finish(&order)})),
        (&Method::POST, ["rotate"]) => Ok(json!({"alipay_cert_sn": face.rotate_certificate()})),
        (&Method::GET, ["certificates"]) => {
            let shown = |(sn, pem): (String, String)| json!({"alipay_cert_sn": sn, "pem": pem});
            Ok(face.certificates().into_iter().map(shown).collect())
        }
        (&Method::GET, ["notices"]) => Ok(face.notices().into()),
        (&Method::GET, ["trades"]) => Ok(json!(face.trades())),
        (&Method::GET, ["trades", order]) => face.trade(&decoded(order)).ok_or_else(|| "no such trade".to_owned()),
        (&Method::GET, ["trades", order, "refunds", refund]) => {
            face.refund(&decoded(order), &decoded(refund)).ok_or_else(|| "no such refund".to_owned())
        }
        _ => return None,
    })
}

fn payer(request: &Request) -> Result<String, String> {
    let read: Result<PayerOrder, _> = serde_json::from_slice(&request.body);
    read.map(|read| read.order).map_err(|error| error.to_string())
}

fn state(state: &'static str) -> Value {
    json!({"trade_status": state})
}
