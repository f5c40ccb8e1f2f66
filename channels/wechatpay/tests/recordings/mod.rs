//! Recordings in WeChat Pay's shapes: a merchant, its charge, good answers and callbacks, signed with published test keys.
#![allow(dead_code, reason = "each test uses some")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "for tests")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode};
use paysluice::adapter::{
    Charge, Codec, Decoded, Draft, Failure, Grant, Granted, Known, Method, Operation, Original, Ready, Refs, Reply, Request,
    Seed, Seen, Signed, Stamp, Want,
};
use paysluice::model::{AttemptNo, Error, IdempotencyKey, Money, OrderNo, ProviderNo, Secret};
use paysluice::signing::{Certificate, RsaPrivateKey};
use paysluice_wechatpay::{WeChatPay, WeChatPayConfig};

pub(crate) const API_KEY: &str = "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb";
pub(crate) const MERCHANT_KEY: &str = include_str!("../../vectors/java_test_merchant_private_key.pem");
pub(crate) const MERCHANT_SERIAL: &str = "5F1C72E2A8931B72A2E13AF8DEE92471EB397115";
pub(crate) const PLATFORM_KEY: &str = include_str!("../../vectors/java_test_wechat_pay_private_key.pem");
pub(crate) const PLATFORM_CERTIFICATE: &str = include_str!("../../vectors/java_test_wechat_pay_certificate.pem");
pub(crate) const PLATFORM_SERIAL: &str = "440024045C4A427599D09BB4E3DE0279F2E813FD";
pub(crate) const PUBLIC_KEY: &str = include_str!("../../vectors/java_test_wechat_pay_public_key.pem");
pub(crate) const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0114232134912410000000000000";
pub(crate) const ORDER: &str = "order-4711";
pub(crate) const TRANSACTION: &str = "4200000001202609011234567890";

/// Within the validity of the platform certificate.
pub(crate) const NOW: u64 = 1_700_000_000;

pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

pub(crate) fn config() -> WeChatPayConfig {
    let account = "wechatpay:live:1900009191".parse().unwrap();
    WeChatPayConfig::new(account, "wxd678efh567hg6787", Secret::new(MERCHANT_KEY), MERCHANT_SERIAL, Secret::new(API_KEY))
        .notify_url("https://shop.example/callbacks/wechatpay")
}

/// In the mode of certificates, none of them configured.
pub(crate) fn wechat() -> WeChatPay {
    WeChatPay::new(config()).unwrap()
}

/// In the mode of the public key.
pub(crate) fn keyed() -> WeChatPay {
    WeChatPay::new(config().public_key(PUBLIC_KEY_ID, PUBLIC_KEY)).unwrap()
}

/// A partner's, for a sub-merchant with an app of its own.
pub(crate) fn partner() -> WeChatPay {
    let mut config = config();
    config.account = "wechatpay:live:1900009191:1900009999".parse().unwrap();
    config.sub_appid = Some("wxsub".into());
    WeChatPay::new(config).unwrap()
}

/// The platform certificate, as it is fetched.
pub(crate) fn granted() -> Granted {
    let certificate = Certificate::from_pem("certificate", PLATFORM_CERTIFICATE.as_bytes()).unwrap();
    let mut granted = Granted::default();
    granted.insert(Grant::new(Want::Keys, Secret::new(PLATFORM_SERIAL), None));
    let want = Want::Key(PLATFORM_SERIAL.into());
    granted.insert(Grant::new(want, Secret::new(PLATFORM_CERTIFICATE), None).with_parsed(certificate));
    granted
}

pub(crate) fn charge() -> Charge {
    by(Method::Qr)
}

/// The sample charge, paid by that method.
pub(crate) fn by(method: Method) -> Charge {
    let money: Money = "12.34 CNY".parse().unwrap();
    let mut charge = Charge::new(OrderNo::new(ORDER).unwrap(), money, method).description("Image形象店-深圳腾大-QQ公仔");
    charge.payer_ip = Some("14.23.150.211".into());
    charge.extra.insert("scene_info.store_info.out_id".into(), "A1111".into());
    charge
}

pub(crate) fn seed(number: &str) -> Seed {
    Seed { number: ProviderNo::new(number).unwrap(), key: IdempotencyKey::new("key-0001").unwrap(), born: now() }
}

pub(crate) fn known() -> Known {
    known_by("qr")
}

pub(crate) fn known_by(product: &str) -> Known {
    let charge = charge();
    Known {
        original: Some(Original {
            order_no: charge.order_no,
            attempt: AttemptNo::FIRST,
            seed: seed(ORDER),
            money: charge.money,
            product: product.into(),
            closes_at: Some(now() + Duration::from_secs(7200)),
        }),
        refs: Refs::new().with("transaction", TRANSACTION),
        part_number: None,
    }
}

pub(crate) fn stamp() -> Stamp {
    Stamp { now: now(), nonce: 7, send: 1 }
}

/// A payment in that state.
pub(crate) fn transaction(state: &str) -> String {
    let paid = if matches!(state, "SUCCESS" | "REFUND") {
        format!(r#","transaction_id":"{TRANSACTION}","success_time":"2023-11-15T06:13:20+08:00","bank_type":"CMC""#)
    } else {
        String::new()
    };
    format!(
        r#"{{"appid":"wxd678efh567hg6787","mchid":"1900009191","out_trade_no":"{ORDER}","trade_type":"NATIVE","trade_state":"{state}","trade_state_desc":"x","attach":"","amount":{{"total":1234,"payer_total":1200,"currency":"CNY","payer_currency":"CNY"}}{paid},"promotion_detail":[]}}"#
    )
}

/// The same for the sub-merchant of `partner`.
pub(crate) fn sub_transaction(state: &str) -> String {
    transaction(state)
        .replace(r#""appid":"#, r#""sub_appid":"wxsub","sp_appid":"#)
        .replace(r#""mchid":"#, r#""sub_mchid":"1900009999","sp_mchid":"#)
}

pub(crate) fn refund(status: &str) -> String {
    format!(
        r#"{{"refund_id":"50000000382019052709732678859","out_refund_no":"ref-1","transaction_id":"{TRANSACTION}","out_trade_no":"{ORDER}","channel":"ORIGINAL","user_received_account":"x","create_time":"2023-11-15T06:13:20+08:00","status":"{status}","amount":{{"total":1234,"refund":1234,"payer_total":1200,"payer_refund":1200,"currency":"CNY"}}}}"#
    )
}

/// What a refund's callback holds.
pub(crate) fn refund_notice(status: &str) -> String {
    format!(
        r#"{{"mchid":"1900009191","out_trade_no":"{ORDER}","transaction_id":"{TRANSACTION}","out_refund_no":"ref-1","refund_id":"50000000382019052709732678859","refund_status":"{status}","success_time":"2023-11-15T06:13:20+08:00","user_received_account":"x","amount":{{"total":1234,"refund":1234,"payer_total":1200,"payer_refund":1200}}}}"#
    )
}

/// The headers that prove a body, by the platform certificate.
pub(crate) fn proof(body: &str, at: SystemTime) -> HeaderMap {
    proof_by(body, at, PLATFORM_SERIAL)
}

pub(crate) fn proof_by(body: &str, at: SystemTime, serial: &str) -> HeaderMap {
    let key = RsaPrivateKey::from_pem("key", &Secret::new(PLATFORM_KEY)).unwrap();
    let timestamp = at.duration_since(UNIX_EPOCH).unwrap().as_secs().to_string();
    let nonce = "61f9c719728a7d9e61f9c719728a7d9e";
    let signature = key.sign(&[format!("{timestamp}\n{nonce}\n{body}\n").as_bytes()]).unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("wechatpay-timestamp", timestamp.as_str()),
        ("wechatpay-nonce", nonce),
        ("wechatpay-serial", serial),
        ("wechatpay-signature", &STANDARD.encode(signature)),
        ("wechatpay-signature-type", "WECHATPAY2-SHA256-RSA2048"),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    headers
}

/// An answer, signed.
pub(crate) fn signed(status: u16, body: impl Into<String>) -> Reply {
    let body = body.into();
    let mut reply = unsigned(status, body.clone());
    reply.headers.extend(proof(&body, now()));
    reply
}

pub(crate) fn unsigned(status: u16, body: impl Into<String>) -> Reply {
    let mut reply = Reply::new(StatusCode::from_u16(status).unwrap(), body.into());
    reply.headers.insert("request-id", "08F78BB5AF".parse().unwrap());
    reply
}

pub(crate) fn ok(body: impl Into<String>) -> Reply {
    signed(200, body)
}

/// An error answer: never signed.
pub(crate) fn fault(status: u16, code: &str) -> Reply {
    unsigned(status, format!(r#"{{"code":"{code}","message":"No."}}"#))
}

/// Seals a text as WeChat Pay does: nonce of 12 characters, tag at the end.
pub(crate) fn seal(plain: &str, associated: &str, key: &str) -> String {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_bytes()).unwrap());
    let mut sealed = plain.as_bytes().to_vec();
    let nonce = Nonce::assume_unique_for_key(*b"fdasflkja484");
    key.seal_in_place_append_tag(nonce, Aad::from(associated.as_bytes()), &mut sealed).unwrap();
    STANDARD.encode(sealed)
}

/// A notification of that type, its content sealed with that key.
pub(crate) fn notification_with(name: &str, content: &str, key: &str) -> String {
    let kind = if name.starts_with("REFUND") { "refund" } else { "transaction" };
    let sealed = seal(content, kind, key);
    format!(
        r#"{{"id":"EV-2018022511223320873","create_time":"2023-11-15T06:13:20+08:00","resource_type":"encrypt-resource","event_type":"{name}","summary":"支付成功","resource":{{"original_type":"{kind}","algorithm":"AEAD_AES_256_GCM","ciphertext":"{sealed}","associated_data":"{kind}","nonce":"fdasflkja484"}}}}"#
    )
}

pub(crate) fn notification(name: &str, content: &str) -> String {
    notification_with(name, content, API_KEY)
}

/// A callback, signed at `now`.
pub(crate) fn callback(body: &str) -> Request {
    posted(body, proof(body, now()))
}

pub(crate) fn posted(body: &str, headers: HeaderMap) -> Request {
    let mut request = Request::new(http::Method::POST, "/callbacks/wechatpay").with_body(body.to_owned());
    request.headers = headers;
    request
}

/// Drafts an operation that needs nothing granted.
pub(crate) fn drafted<O: Operation>(wechat: &WeChatPay, op: &O, known: &Known, seed: &Seed) -> Result<Draft, Error> {
    match codec::<O>(wechat).draft(op, known, seed, &Granted::default())? {
        Ready::Done(draft) => Ok(draft),
        Ready::Need(want) => panic!("drafting needs nothing, but {want:?} is wanted"),
    }
}

pub(crate) fn decoded<O: Operation>(wechat: &WeChatPay, draft: &Draft, reply: &Reply) -> Result<Decoded, Failure> {
    codec::<O>(wechat).decode(draft, reply, &stamp(), &granted())
}

pub(crate) fn done<O: Operation>(wechat: &WeChatPay, draft: &Draft, reply: &Reply) -> Seen {
    match decoded::<O>(wechat, draft, reply).unwrap() {
        Decoded::Done(seen) => *seen,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn sent<O: Operation>(wechat: &WeChatPay, draft: &Draft) -> Request {
    match codec::<O>(wechat).sign(draft, &stamp(), &granted()).unwrap() {
        Ready::Done(Signed::Send(request)) => request,
        other => panic!("everything is sent, but got {other:?}"),
    }
}

pub(crate) fn codec<O: Operation>(wechat: &WeChatPay) -> &dyn Codec<O> {
    O::codec(wechat).expect("WeChat Pay can do it")
}
