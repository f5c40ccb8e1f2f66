//! The control interface of WeChat Pay's face, under `/sandbox/wechatpay/`.

use http::Method;
use paysluice::adapter::Request;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Value, json};

use super::WechatPayFace;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PayerOrder {
    /// The order's number, its prepay id, or what its QR code says.
    order: String,
}

/// Answers a request by the segments after `wechatpay`; None if there is no such page.
pub(crate) fn answer(face: WechatPayFace<'_>, request: &Request, segments: &[&str]) -> Option<Result<Value, String>> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some(match (&request.method, segments) {
        (&Method::POST, ["pay"]) => payer(request).and_then(|order| face.payer_pays(&order)).map(state),
        (&Method::POST, ["begin"]) => payer(request).and_then(|order| face.payer_begins(&order)).map(state),
        (&Method::POST, ["rotate"]) => Ok(json!({"serial_no": face.rotate_certificate()})),
        (&Method::GET, ["certificates"]) => {
            let shown = |(serial, pem): (String, String)| json!({"serial_no": serial, "pem": pem});
            Ok(face.certificates().into_iter().map(shown).collect())
        }
        (&Method::GET, ["notices"]) => Ok(face.notices().into()),
        (&Method::GET, ["orders"]) => Ok(json!(face.orders())),
        (&Method::GET, ["orders", order]) => face.order(&decoded(order)).ok_or_else(|| "no such order".to_owned()),
        (&Method::GET, ["refunds", refund]) => face.refund(&decoded(refund)).ok_or_else(|| "no such refund".to_owned()),
        _ => return None,
    })
}

fn payer(request: &Request) -> Result<String, String> {
    let read: Result<PayerOrder, _> = serde_json::from_slice(&request.body);
    read.map(|read| read.order).map_err(|error| error.to_string())
}

fn state(state: &'static str) -> Value {
    json!({"trade_state": state})
}
