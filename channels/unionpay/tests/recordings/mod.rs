//! Recordings in UnionPay's shapes: a merchant, its charge, good answers and notices, signed by an authority made for tests.
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
use paysluice_unionpay::{UnionPay, UnionPayConfig};

pub(crate) const ROOT: &str = include_str!("../../vectors/made_root.pem");
pub(crate) const MIDDLE: &str = include_str!("../../vectors/made_middle.pem");
pub(crate) const SIGNER: &str = include_str!("../../vectors/made_signer.pem");
pub(crate) const SIGNER_KEY: &str = include_str!("../../vectors/made_signer_key.pem");
pub(crate) const IMPOSTOR: &str = include_str!("../../vectors/made_impostor.pem");
pub(crate) const IMPOSTOR_KEY: &str = include_str!("../../vectors/made_impostor_key.pem");
pub(crate) const MERCHANT: &str = include_str!("../../vectors/made_merchant.pem");
pub(crate) const MERCHANT_KEY: &str = include_str!("../../vectors/made_merchant_key.pem");

pub(crate) const ORDER: &str = "order47110001";
pub(crate) const QUERY_ID: &str = "782209081322060674028";
/// `NOW` in Beijing.
pub(crate) const TIME: &str = "20231115061320";

/// The moment of the recordings.
pub(crate) const NOW: u64 = 1_700_000_000;

pub(crate) fn now() -> SystemTime {
    at(0)
}

/// So many seconds later.
pub(crate) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW + seconds)
}

pub(crate) fn config() -> UnionPayConfig {
    UnionPayConfig::new("unionpay:live:777290058110048".parse().unwrap(), ROOT, MIDDLE)
        .signing(Secret::new(MERCHANT_KEY), MERCHANT)
        .notify_url("https://shop.example/callbacks/unionpay")
        .return_url("https://shop.example/paid?order=1&x=2")
}

pub(crate) fn unionpay() -> UnionPay {
    UnionPay::new(config()).unwrap()
}

pub(crate) fn by(method: Method) -> Charge {
    Charge::new(OrderNo::new(ORDER).unwrap(), "12.34 CNY".parse().unwrap(), method)
}

pub(crate) fn seed(number: &str) -> Seed {
    seed_at(number, now())
}

pub(crate) fn seed_at(number: &str, born: SystemTime) -> Seed {
    Seed { number: ProviderNo::new(number).unwrap(), key: IdempotencyKey::new("key-0001").unwrap(), born }
}

/// A paid payment, charged by that method.
pub(crate) fn known(product: &str) -> Known {
    Known { refs: Refs::new().with("query_id", QUERY_ID).with("biz_type", "000201"), ..unpaid(product) }
}

pub(crate) fn unpaid(product: &str) -> Known {
    let charge = by(Method::Qr);
    let original = Original {
        order_no: charge.order_no,
        attempt: AttemptNo::FIRST,
        seed: seed(ORDER),
        money: charge.money,
        product: product.into(),
        closes_at: Some(at(900)),
    };
    Known { original: Some(original), refs: Refs::new(), part_number: None }
}

pub(crate) fn stamp() -> Stamp {
    stamp_at(now())
}

pub(crate) fn stamp_at(now: SystemTime) -> Stamp {
    Stamp { now, nonce: 7, send: 1 }
}

/// Fields by name.
pub(crate) type Pairs = Vec<(String, String)>;

pub(crate) fn pairs(fields: &[(&str, &str)]) -> Pairs {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The fields, with `others` put in their places or at the end; an empty value takes a field out.
pub(crate) fn with(mut fields: Pairs, others: &[(&str, &str)]) -> Pairs {
    for (name, value) in others {
        fields.retain(|(other, _)| other != name);
        if !value.is_empty() {
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
    }
    fields
}

/// What every message of the provider's has.
fn base() -> Pairs {
    pairs(&[
        ("version", "5.1.0"),
        ("encoding", "UTF-8"),
        ("signMethod", "01"),
        ("bizType", "000201"),
        ("accessType", "0"),
        ("merId", "777290058110048"),
    ])
}

/// An answer about the order, of that type of trade.
pub(crate) fn answer(kind: &str, code: &str) -> Pairs {
    let said = [("orderId", ORDER), ("txnTime", TIME), ("txnType", kind), ("respCode", code), ("respMsg", "成功[0000000]")];
    with(base(), &said)
}

/// The answer to a question for the order, which stands so.
pub(crate) fn state(code: &str) -> Pairs {
    let state = [
        ("origRespCode", code),
        ("origRespMsg", "交易[0000000]"),
        ("queryId", QUERY_ID),
        ("txnAmt", "1234"),
        ("currencyCode", "156"),
        ("accNo", "a+b/c=="),
    ];
    with(answer("01", "00"), &state)
}

/// The answer to a question for a refund of that number and time.
pub(crate) fn refund_state(number: &str, time: &str, code: &str) -> Pairs {
    let refund = [("orderId", number), ("txnTime", time), ("txnType", "04"), ("queryId", "782209081322069999999")];
    with(state(code), &refund)
}

/// A refusal of what could not be read: it names no trade.
pub(crate) fn refusal(code: &str) -> Pairs {
    with(base(), &[("respCode", code), ("respMsg", "报文格式错误[6100030]")])
}

/// A notice of a payment.
pub(crate) fn notice() -> Pairs {
    let paid =
        [("queryId", QUERY_ID), ("txnAmt", "1234"), ("currencyCode", "156"), ("settleDate", "1115"), ("exchangeRate", "0")];
    with(answer("01", "00"), &paid)
}

/// A notice of a refund.
pub(crate) fn refund_notice() -> Pairs {
    let refund = [
        ("txnType", "04"),
        ("orderId", "refund000001"),
        ("queryId", "782209081322069999999"),
        ("origQryId", QUERY_ID),
        ("txnAmt", "400"),
    ];
    with(notice(), &refund)
}

/// Signs as UnionPay does, with the certificate inside.
pub(crate) fn signed(fields: Pairs) -> Pairs {
    signed_by(fields, SIGNER, SIGNER_KEY)
}

pub(crate) fn signed_by(fields: Pairs, certificate: &str, key: &str) -> Pairs {
    let pem = certificate.trim_end().replace('\n', "\r\n");
    let fields = with(fields, &[("signPubKeyCert", &pem)]);
    let text = canonical(fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
    let key = RsaPrivateKey::from_pem("key", &Secret::new(key)).unwrap();
    let signature = STANDARD.encode(key.sign_hashed(&text).unwrap());
    with(fields, &[("signature", &signature)])
}

/// Joined as answers are, not encoded.
pub(crate) fn plain(fields: &Pairs) -> String {
    fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// An answer, signed.
pub(crate) fn ok(fields: Pairs) -> Reply {
    Reply::new(StatusCode::OK, plain(&signed(fields)))
}

/// An answer of any status and body.
pub(crate) fn raw(status: u16, body: impl Into<String>) -> Reply {
    Reply::new(StatusCode::from_u16(status).unwrap(), body.into())
}

/// A notice, signed and encoded.
pub(crate) fn callback(fields: Pairs) -> Request {
    posted(&signed(fields))
}

pub(crate) fn posted(fields: &Pairs) -> Request {
    let body = Form::encode(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    Request::new(http::Method::POST, "/callbacks/unionpay").with_body(body)
}

/// The fields of a body or of a draft.
pub(crate) fn read(body: &[u8]) -> Pairs {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Form::read(body).unwrap().fields().map(|(name, value)| (text(name), text(value))).collect()
}

pub(crate) fn get<'a>(fields: &'a Pairs, name: &str) -> Option<&'a str> {
    fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}

pub(crate) fn drafted<O: Operation>(unionpay: &UnionPay, op: &O, known: &Known, seed: &Seed) -> Result<Draft, Error> {
    match codec::<O>(unionpay).draft(op, known, seed, &Granted::default())? {
        Ready::Done(draft) => Ok(draft),
        Ready::Need(want) => panic!("drafting needs nothing, but {want:?} is wanted"),
    }
}

pub(crate) fn decoded<O: Operation>(unionpay: &UnionPay, draft: &Draft, reply: &Reply) -> Result<Decoded, Failure> {
    decoded_at::<O>(unionpay, draft, reply, now())
}

pub(crate) fn decoded_at<O: Operation>(
    unionpay: &UnionPay,
    draft: &Draft,
    reply: &Reply,
    now: SystemTime,
) -> Result<Decoded, Failure> {
    codec::<O>(unionpay).decode(draft, reply, &stamp_at(now), &Granted::default())
}

pub(crate) fn done<O: Operation>(unionpay: &UnionPay, draft: &Draft, reply: &Reply) -> Seen {
    done_at::<O>(unionpay, draft, reply, now())
}

pub(crate) fn done_at<O: Operation>(unionpay: &UnionPay, draft: &Draft, reply: &Reply, now: SystemTime) -> Seen {
    match decoded_at::<O>(unionpay, draft, reply, now).unwrap() {
        Decoded::Done(seen) => *seen,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn sent<O: Operation>(unionpay: &UnionPay, draft: &Draft) -> Request {
    match codec::<O>(unionpay).sign(draft, &stamp(), &Granted::default()).unwrap() {
        Ready::Done(Signed::Send(request)) => request,
        other => panic!("it is sent, but got {other:?}"),
    }
}

pub(crate) fn shown<O: Operation>(unionpay: &UnionPay, draft: &Draft) -> Seen {
    match codec::<O>(unionpay).sign(draft, &stamp(), &Granted::default()).unwrap() {
        Ready::Done(Signed::Present(seen)) => *seen,
        other => panic!("it is shown, but got {other:?}"),
    }
}

pub(crate) fn codec<O: Operation>(unionpay: &UnionPay) -> &dyn Codec<O> {
    O::codec(unionpay).expect("UnionPay can do it")
}

pub(crate) fn money(text: &str) -> Money {
    text.parse().unwrap()
}
