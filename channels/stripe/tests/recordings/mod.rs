//! Recordings in Stripe's shapes: an account, its charge, good answers and signed webhooks.
#![allow(dead_code, reason = "each test uses some")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "for tests")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::StatusCode;
use paysluice::adapter::{
    Charge, Codec, Decoded, Draft, Failure, Granted, Known, Method, Operation, Original, Ready, Refs, Reply, Request, Seed,
    Signed, Stamp,
};
use paysluice::model::{AttemptNo, Error, IdempotencyKey, Money, OrderNo, ProviderNo, Secret};
use paysluice::signing::HmacKey;
use paysluice_stripe::{Stripe, StripeConfig};

pub(crate) const KEY: &str = "sk_test_51AbCdEfGh";
pub(crate) const WEBHOOK_SECRET: &str = "whsec_f00dfeedf00dfeed";
pub(crate) const INTENT: &str = "pi_3PaySluice1";
pub(crate) const SECRET: &str = "pi_3PaySluice1_secret_2b3c";

pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_790_000_000)
}

pub(crate) fn config() -> StripeConfig {
    StripeConfig::new("stripe:test:acct_1Main".parse().unwrap(), Secret::new(KEY)).webhook_secret(Secret::new(WEBHOOK_SECRET))
}

pub(crate) fn stripe() -> Stripe {
    Stripe::new(config()).unwrap()
}

pub(crate) fn charge() -> Charge {
    let money: Money = "12.34 USD".parse().unwrap();
    Charge::new(OrderNo::new("order-4711").unwrap(), money, Method::Token("pm_1CardVisa".into()))
        .return_url("https://shop.example/back")
}

pub(crate) fn seed(number: &str) -> Seed {
    Seed { number: ProviderNo::new(number).unwrap(), key: IdempotencyKey::new("key-0001").unwrap(), born: now() }
}

pub(crate) fn known() -> Known {
    let charge = charge();
    Known {
        original: Some(Original {
            order_no: charge.order_no,
            attempt: AttemptNo::FIRST,
            seed: seed("order-4711"),
            money: charge.money,
            product: "token".into(),
            closes_at: None,
        }),
        refs: Refs::new().with("intent", INTENT),
        part_number: None,
    }
}

pub(crate) fn stamp() -> Stamp {
    Stamp { now: now(), nonce: 7, send: 1 }
}

/// An intent in that status, with more fields after `extra`.
pub(crate) fn intent(status: &str, extra: &str) -> String {
    intent_of("token", status, extra)
}

pub(crate) fn intent_of(method: &str, status: &str, extra: &str) -> String {
    let received = if status == "succeeded" { 1234 } else { 0 };
    format!(
        r#"{{"id":"{INTENT}","object":"payment_intent","amount":1234,"amount_capturable":0,"amount_received":{received},"capture_method":"automatic","client_secret":"{SECRET}","created":1789999999,"currency":"usd","livemode":false,"metadata":{{"paysluice_order":"order-4711","paysluice_attempt":"1","paysluice_method":"{method}"}},"status":"{status}"{extra}}}"#
    )
}

pub(crate) fn refund(status: &str) -> String {
    format!(
        r#"{{"id":"re_3Refund","object":"refund","amount":1234,"charge":"ch_3Charge","currency":"usd","metadata":{{"paysluice_refund":"ref-1","paysluice_order":"order-4711","paysluice_attempt":"1"}},"payment_intent":"{INTENT}","status":"{status}"}}"#
    )
}

pub(crate) fn declined() -> Reply {
    let intent = intent("requires_payment_method", r#","last_payment_error":{"type":"card_error","code":"card_declined"}"#);
    let body = format!(
        r#"{{"error":{{"type":"card_error","code":"card_declined","decline_code":"insufficient_funds","message":"Your card has insufficient funds.","charge":"ch_3Charge","payment_intent":{intent}}}}}"#
    );
    answer(402, body)
}

pub(crate) fn answer(status: u16, body: impl Into<String>) -> Reply {
    let mut reply = Reply::new(StatusCode::from_u16(status).unwrap(), body.into());
    reply.headers.insert("request-id", "req_abc".parse().unwrap());
    reply
}

pub(crate) fn ok(body: impl Into<String>) -> Reply {
    answer(200, body)
}

pub(crate) fn fault(status: u16, class: &str, code: &str) -> Reply {
    answer(status, format!(r#"{{"error":{{"type":"{class}","code":"{code}","message":"No."}}}}"#))
}

pub(crate) fn event(name: &str, object: &str) -> String {
    format!(
        r#"{{"id":"evt_1Abc","object":"event","api_version":"2026-07-29.dahlia","created":1789999999,"data":{{"object":{object}}},"livemode":false,"pending_webhooks":1,"request":{{"id":null,"idempotency_key":null}},"type":"{name}"}}"#
    )
}

pub(crate) fn webhook(body: &str) -> Request {
    signed(body, now(), WEBHOOK_SECRET)
}

pub(crate) fn signed(body: &str, at: SystemTime, secret: &str) -> Request {
    let t = at.duration_since(UNIX_EPOCH).unwrap().as_secs();
    let code = HmacKey::new(&Secret::new(secret)).sign(&[t.to_string().as_bytes(), b".", body.as_bytes()]);
    posted(body, &format!("t={t},v1={}", hex::encode(code)))
}

pub(crate) fn posted(body: &str, header: &str) -> Request {
    let mut request = Request::new(http::Method::POST, "/callbacks/stripe").with_body(body.to_owned());
    request.headers.insert("stripe-signature", header.parse().unwrap());
    request
}

/// Drafts an operation that needs nothing granted.
pub(crate) fn drafted<O: Operation>(stripe: &Stripe, op: &O, known: &Known, seed: &Seed) -> Result<Draft, Error> {
    match codec::<O>(stripe).draft(op, known, seed, &Granted::default())? {
        Ready::Done(draft) => Ok(draft),
        Ready::Need(want) => panic!("Stripe needs nothing, but {want:?} is wanted"),
    }
}

pub(crate) fn decoded<O: Operation>(stripe: &Stripe, draft: &Draft, reply: &Reply) -> Result<Decoded, Failure> {
    codec::<O>(stripe).decode(draft, reply, &stamp(), &Granted::default())
}

pub(crate) fn sent<O: Operation>(stripe: &Stripe, draft: &Draft) -> Request {
    match codec::<O>(stripe).sign(draft, &stamp(), &Granted::default()).unwrap() {
        Ready::Done(Signed::Send(request)) => request,
        other => panic!("Stripe sends everything, but got {other:?}"),
    }
}

pub(crate) fn codec<O: Operation>(stripe: &Stripe) -> &dyn Codec<O> {
    O::codec(stripe).expect("Stripe can do it")
}
