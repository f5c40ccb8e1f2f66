//! The forwarded form, byte for byte where it is promised.

use std::time::{Duration, UNIX_EPOCH};

use http::Method;
use paysluice::adapter::{Adapter, Granted, Opened, Request};
use paysluice::model::Secret;
use paysluice::signing::HmacKey;
use paysluice_stripe::{Stripe, StripeConfig};
use serde_json::{Value, json};

use super::*;

fn forwarded(body: &str) -> Value {
    let config = StripeConfig::new("stripe:test:acct_1".parse().unwrap(), Secret::new("sk_test_a"));
    let stripe = Stripe::new(config.webhook_secret(Secret::new("whsec_a"))).unwrap();
    let code = hex::encode(HmacKey::new(&Secret::new("whsec_a")).sign(&[b"1000.", body.as_bytes()]));
    let mut raw = Request::new(Method::POST, "/").with_body(body.to_owned());
    raw.headers.insert("stripe-signature", format!("t=1000,v1={code}").parse().unwrap());
    let now = UNIX_EPOCH + Duration::from_secs(1000);
    let Ok(Opened::Items(items)) = stripe.callbacks().open(&raw, now, &Granted::default()) else { panic!("not opened") };
    let event = items[0].verdict.as_ref().unwrap();
    let from = From { gateway: "shop", account: "stripe:test:acct_1" };
    serde_json::from_slice(&super::body(from, "msg_1", event, now).unwrap()).unwrap()
}

#[test]
fn a_payment_is_told_in_the_documented_form() {
    let body = r#"{"id":"evt_1","object":"event","livemode":false,"created":900,"type":"payment_intent.succeeded","data":{"object":{
        "id":"pi_1","object":"payment_intent","livemode":false,"amount":1234,"amount_received":1234,"currency":"usd","status":"succeeded",
        "metadata":{"paysluice_order":"o-1","paysluice_attempt":"2"}}}}"#;
    let mut told = forwarded(body);
    assert_eq!(told["data"]["raw_b64"].take(), STANDARD.encode(body));
    let money = json!({"minor": 1234, "currency": "USD"});
    let expected = json!({
        "type": "payment.paid", "timestamp": "1970-01-01T00:15:00Z",
        "data": {
            "id": "msg_1", "gateway": "shop", "account": "stripe:test:acct_1", "name": "payment_intent.succeeded",
            "change": "payment", "order_no": "o-1", "attempt": 2, "number": null, "refs": {"intent": "pi_1"},
            "status": "paid", "word": "succeeded", "reason": null, "money": money, "captured": money, "refunded": null,
            "captures": [], "refunds": [], "trust": "enough", "raw_b64": null,
        },
    });
    assert_eq!(told, expected);
}

#[test]
fn a_refund_and_an_event_of_no_payment_have_their_types() {
    let refund = r#"{"id":"evt_2","object":"event","livemode":false,"created":900,"type":"refund.updated","data":{"object":{
        "id":"re_1","object":"refund","amount":5,"currency":"usd","status":"succeeded","payment_intent":"pi_1","metadata":{}}}}"#;
    let told = forwarded(refund);
    assert_eq!((&told["type"], &told["data"]["refunds"][0]["id"]), (&"refund.succeeded".into(), &"re_1".into()), "{told}");
    let other = forwarded(r#"{"id":"evt_3","object":"event","livemode":false,"type":"customer.created","data":{"object":{}}}"#);
    assert_eq!((&other["type"], &other["data"]["name"]), (&"other".into(), &"customer.created".into()));
    assert_eq!(other["timestamp"], "1970-01-01T00:16:40Z");
}
