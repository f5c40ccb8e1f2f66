//! Recordings in Alipay's shapes: an app, its charge, good answers and notices, signed with published test keys.
#![allow(dead_code, reason = "each test uses some")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "for tests")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use paysluice::adapter::{
    Charge, Codec, Decoded, Draft, Failure, Form, Granted, Known, Method, Operation, Original, Ready, Refs, Reply, Request, Seed,
    Seen, Signed, Stamp,
};
use paysluice::model::{AttemptNo, Error, IdempotencyKey, Money, OrderNo, ProviderNo, Secret};
use paysluice::signing::{RsaPrivateKey, canonical};
use paysluice_alipay::{Alipay, AlipayConfig};
use serde_json::Value;

pub(crate) const APP: &str = "2021000122671080";
pub(crate) const SELLER: &str = "2088102146225135";
pub(crate) const APP_KEY: &str = include_str!("../../vectors/node_app_private_key_pkcs8.pem");
/// Alipay's side: a key that is published with its other half.
pub(crate) const ALIPAY_KEY: &str = include_str!("../../vectors/yansongda_app_private_key_pkcs1.pem");
pub(crate) const ORDER: &str = "order_4711";
pub(crate) const TRADE: &str = "2023111522001499160501586202";

pub(crate) const NOW: u64 = 1_700_000_000;

pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

fn alipay_private() -> RsaPrivateKey {
    RsaPrivateKey::from_text("key", &Secret::new(ALIPAY_KEY)).unwrap()
}

/// Alipay's public key, as the base64 that the console shows: that of the certificate which was made for its private key.
pub(crate) fn alipay_public() -> String {
    bare(include_str!("../../vectors/signer_public_key.pem"))
}

/// A PEM's base64 alone.
pub(crate) fn bare(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

pub(crate) fn config() -> AlipayConfig {
    let account = format!("alipay:live:{APP}").parse().unwrap();
    AlipayConfig::with_key(account, Secret::new(APP_KEY), alipay_public())
        .seller_id(SELLER)
        .notify_url("https://shop.example/callbacks/alipay")
}

/// In the mode of keys.
pub(crate) fn alipay() -> Alipay {
    Alipay::new(config()).unwrap()
}

/// Of a merchant that has authorized the app.
pub(crate) fn authorized() -> Alipay {
    let mut config = config().app_auth_token(Secret::new("202212BB_D64b2be8afd4b6c8468cf585bd05E50"));
    config.account = format!("alipay:live:{APP}:2021000000000099").parse().unwrap();
    Alipay::new(config).unwrap()
}

pub(crate) fn vector(id: &str) -> Value {
    let read: Value = serde_json::from_str(include_str!("../../vectors/vectors.json")).unwrap();
    read["vectors"].as_array().unwrap().iter().find(|vector| vector["id"] == id).unwrap().clone()
}

pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name}"))
}

/// The fields of a vector.
pub(crate) fn fields(vector: &Value) -> Vec<(String, String)> {
    let pairs = vector["params"].as_object().unwrap().iter();
    pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

/// The sample charge, paid by that method.
pub(crate) fn by(method: Method) -> Charge {
    let money: Money = "12.34 CNY".parse().unwrap();
    Charge::new(OrderNo::new(ORDER).unwrap(), money, method).description("大乐透")
}

pub(crate) fn seed(number: &str) -> Seed {
    Seed { number: ProviderNo::new(number).unwrap(), key: IdempotencyKey::new("key-0001").unwrap(), born: now() }
}

pub(crate) fn known() -> Known {
    known_by("qr")
}

pub(crate) fn known_by(product: &str) -> Known {
    let charge = by(Method::Qr);
    Known {
        original: Some(Original {
            order_no: charge.order_no,
            attempt: AttemptNo::FIRST,
            seed: seed(ORDER),
            money: charge.money,
            product: product.into(),
            closes_at: Some(now() + Duration::from_secs(1800)),
        }),
        refs: Refs::new().with("trade", TRADE),
        part_number: None,
    }
}

pub(crate) fn stamp() -> Stamp {
    at(0)
}

/// That many seconds after now.
pub(crate) fn at(seconds: u64) -> Stamp {
    Stamp { now: now() + Duration::from_secs(seconds), nonce: 7, send: 1 }
}

/// A response with code 10000 and these members.
pub(crate) fn success(members: &str) -> String {
    let comma = if members.is_empty() { "" } else { "," };
    format!(r#"{{"code":"10000","msg":"Success"{comma}{members}}}"#)
}

/// What a trade is named by.
pub(crate) fn ids() -> String {
    format!(r#""out_trade_no":"{ORDER}","trade_no":"{TRADE}""#)
}

/// A payment in that state.
pub(crate) fn trade(status: &str) -> String {
    let paid = matches!(status, "TRADE_SUCCESS" | "TRADE_FINISHED");
    let date = if paid { r#","send_pay_date":"2023-11-15 06:13:20","receipt_amount":"12.34""# } else { "" };
    success(&format!(r#"{},"trade_status":"{status}","total_amount":"12.34","buyer_logon_id":"159****5620"{date}"#, ids()))
}

pub(crate) fn refused(code: &str, sub_code: &str) -> String {
    format!(r#"{{"code":"{code}","msg":"Failed","sub_code":"{sub_code}","sub_msg":"不行"}}"#)
}

pub(crate) fn signature(text: &[u8]) -> String {
    STANDARD.encode(alipay_private().sign(&[text]).unwrap())
}

/// An answer to the draft, signed over its node.
pub(crate) fn ok(draft: &Draft, node: &str) -> Reply {
    to(draft.carry.get("method").unwrap(), node)
}

/// An answer to the method, signed over its node.
pub(crate) fn to(method: &str, node: &str) -> Reply {
    let name = method.replace('.', "_");
    plain(&format!(r#"{{"{name}_response":{node},"sign":"{}"}}"#, signature(node.as_bytes())))
}

pub(crate) fn plain(body: &str) -> Reply {
    let mut reply = Reply::new(StatusCode::OK, body.to_owned());
    reply.headers.insert("trace_id", "0b26d5f117000000001234567e1a2b".parse().unwrap());
    reply
}

/// A refusal of the gateway itself: never signed.
pub(crate) fn of_gateway(code: &str, sub_code: &str) -> Reply {
    plain(&format!(r#"{{"error_response":{}}}"#, refused(code, sub_code)))
}

/// The fields of a notice about a trade in that state, and these.
pub(crate) fn notice(status: &str, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = [
        ("gmt_create", "2023-11-15 06:13:10"),
        ("charset", "utf-8"),
        ("notify_time", "2023-11-15 06:13:21"),
        ("subject", "yansongda+测试 - 1"),
        ("buyer_id", "2088722003899169"),
        ("version", "1.0"),
        ("notify_id", "2023111501222061320099160501632046"),
        ("fund_bill_list", r#"[{"amount":"12.34","fundChannel":"ALIPAYACCOUNT"}]"#),
        ("notify_type", "trade_status_sync"),
        ("out_trade_no", ORDER),
        ("total_amount", "12.34"),
        ("trade_status", status),
        ("trade_no", TRADE),
        ("auth_app_id", APP),
        ("app_id", APP),
        ("sign_type", "RSA2"),
        ("seller_id", SELLER),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    if status == "TRADE_SUCCESS" {
        fields.push(("gmt_payment".to_owned(), "2023-11-15 06:13:20".to_owned()));
    }
    for (name, value) in more {
        fields.retain(|(other, _)| other != name);
        fields.push(((*name).to_owned(), (*value).to_owned()));
    }
    fields
}

/// The fields as they are signed, without those.
pub(crate) fn said(fields: &[(String, String)], without: &[&str]) -> Vec<u8> {
    let signed = fields.iter().filter(|(name, _)| !without.contains(&name.as_str()));
    canonical(signed.map(|(name, value)| (name.as_bytes(), value.as_bytes())))
}

/// A notice of these fields, signed as those of trades are.
pub(crate) fn signed(mut fields: Vec<(String, String)>) -> Request {
    let sign = signature(&said(&fields, &["sign", "sign_type"]));
    fields.push(("sign".to_owned(), sign));
    posted(&fields)
}

pub(crate) fn posted(fields: &[(String, String)]) -> Request {
    let form = Form::encode(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    Request::new(http::Method::POST, "/callbacks/alipay").with_body(form)
}

/// Drafts an operation that needs nothing granted.
pub(crate) fn drafted<O: Operation>(alipay: &Alipay, op: &O, known: &Known, seed: &Seed) -> Result<Draft, Error> {
    match codec::<O>(alipay).draft(op, known, seed, &Granted::default())? {
        Ready::Done(draft) => Ok(draft),
        Ready::Need(want) => panic!("drafting needs nothing, but {want:?} is wanted"),
    }
}

pub(crate) fn decoded<O: Operation>(alipay: &Alipay, draft: &Draft, reply: &Reply) -> Result<Decoded, Failure> {
    codec::<O>(alipay).decode(draft, reply, &stamp(), &Granted::default())
}

pub(crate) fn done<O: Operation>(alipay: &Alipay, draft: &Draft, node: &str) -> Seen {
    match decoded::<O>(alipay, draft, &ok(draft, node)).unwrap() {
        Decoded::Done(seen) => *seen,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn sent<O: Operation>(alipay: &Alipay, draft: &Draft) -> Request {
    match codec::<O>(alipay).sign(draft, &stamp(), &Granted::default()).unwrap() {
        Ready::Done(Signed::Send(request)) => request,
        other => panic!("it is sent, but got {other:?}"),
    }
}

pub(crate) fn shown(alipay: &Alipay, draft: &Draft, stamp: &Stamp) -> Seen {
    match codec::<Charge>(alipay).sign(draft, stamp, &Granted::default()).unwrap() {
        Ready::Done(Signed::Present(seen)) => *seen,
        other => panic!("it is shown, but got {other:?}"),
    }
}

pub(crate) fn codec<O: Operation>(alipay: &Alipay) -> &dyn Codec<O> {
    O::codec(alipay).expect("Alipay can do it")
}

/// All parameters of a request, by name, decoded once.
pub(crate) fn parameters(request: &Request) -> Vec<(String, String)> {
    let query = request.url.split_once('?').unwrap().1;
    let whole = [query.as_bytes(), b"&", &request.body].concat();
    let form = Form::read(&whole).unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    form.fields().map(|(name, value)| (text(name), text(value))).collect()
}

pub(crate) fn parameter(request: &Request, name: &str) -> Option<String> {
    parameters(request).into_iter().find(|(other, _)| other == name).map(|(_, value)| value)
}
