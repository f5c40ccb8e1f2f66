//! Idempotency keys, rule by rule.

use super::*;
use crate::Fault;

const PATH: &str = "/v1/payment_intents";
const BODY: &str =
    "amount=1000&currency=usd&payment_method_types[0]=card&confirm=true&payment_method=pm_card_visa&metadata[order]=o";

#[tokio::test(start_paused = true)]
async fn the_same_key_replays_the_first_answer() {
    let client = Client::new();
    let first = client.post(PATH, BODY, "k").await;
    assert_eq!(first.reply.header("idempotent-replayed"), None);
    let second = client.post(PATH, BODY, "k").await;
    assert_eq!((second.status, &second.json), (200, &first.json));
    assert_eq!(second.reply.header("idempotent-replayed"), Some("true"));
    assert_eq!(second.reply.header("original-request"), first.reply.header("request-id"));
    assert_ne!(second.reply.header("request-id"), first.reply.header("request-id"));
    let reordered =
        "currency=usd&amount=1000&payment_method_types[0]=card&confirm=true&payment_method=pm_card_visa&metadata[order]=o";
    assert_eq!(client.post(PATH, reordered, "k").await.json, first.json);
    assert_eq!(client.sandbox.ledger().charges("o"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_decline_is_replayed_too() {
    let client = Client::new();
    let id = client.intent("o", "").await;
    client.confirm(&id, "pm_card_chargeDeclined", "k").await;
    let again = client.confirm(&id, "pm_card_chargeDeclined", "k").await;
    assert_eq!((again.status, again.reply.header("idempotent-replayed")), (402, Some("true")));
}

#[tokio::test(start_paused = true)]
async fn a_key_with_other_parameters_is_an_idempotency_error() {
    let client = Client::new();
    client.post(PATH, BODY, "k").await;
    let other = client.post(PATH, &BODY.replace("1000", "2000"), "k").await;
    assert_eq!((other.status, other.json["error"]["type"].as_str()), (400, Some("idempotency_error")));
    assert_eq!(client.sandbox.ledger().taken("o"), 1000);
}

#[tokio::test(start_paused = true)]
async fn a_key_in_flight_is_in_use() {
    let client = Client::new();
    let (first, second) = tokio::join!(client.post(PATH, BODY, "k"), client.post(PATH, BODY, "k"));
    assert_eq!((first.status, second.status, second.code()), (200, 409, "idempotency_key_in_use"));
    assert_eq!(client.post(PATH, BODY, "k").await.json, first.json);
    assert_eq!(client.sandbox.ledger().charges("o"), 1);
}

#[tokio::test(start_paused = true)]
async fn what_did_not_begin_is_not_remembered() {
    let client = Client::new();
    assert_eq!(client.post(PATH, "amount=1&currency=usd", "k").await.code(), "amount_too_small");
    let mut wrong = client.request(Method::POST, PATH, BODY, Some("k"));
    wrong.headers.insert("authorization", "Bearer sk_test_x".parse().unwrap());
    assert_eq!(client.send(wrong).await.unwrap().status, 401);
    client.sandbox.faults().script([Fault::TooMany { retry_after_s: 3 }, Fault::Unavailable]);
    let limited = client.post(PATH, BODY, "k").await;
    assert_eq!((limited.status, limited.reply.header("retry-after")), (429, Some("3")));
    assert_eq!(client.post(PATH, BODY, "k").await.status, 503);
    assert_eq!(client.sandbox.ledger().charges("o"), 0);
    let done = client.post(PATH, BODY, "k").await;
    assert_eq!((done.status, done.reply.header("idempotent-replayed")), (200, None));
}

#[tokio::test(start_paused = true)]
async fn a_conflict_of_state_is_remembered() {
    let client = Client::new();
    let id = client.intent("o", "").await;
    let capture = format!("{PATH}/{id}/capture");
    assert_eq!(client.post(&capture, "", "k").await.status, 400);
    assert_eq!(client.post(&capture, "", "k").await.reply.header("idempotent-replayed"), Some("true"));
}

#[tokio::test(start_paused = true)]
async fn a_500_is_remembered_whether_it_was_executed_or_not() {
    let client = Client::new();
    for (fault, key, charges) in [(Fault::ErrorBefore, "a", 0), (Fault::ErrorAfter, "b", 1)] {
        client.sandbox.faults().script([fault]);
        assert_eq!(client.post(PATH, BODY, key).await.status, 500);
        let again = client.post(PATH, BODY, key).await;
        assert_eq!((again.status, again.reply.header("idempotent-replayed")), (500, Some("true")));
        assert_eq!(client.sandbox.ledger().charges("o"), charges);
    }
}

#[tokio::test(start_paused = true)]
async fn keys_are_per_account_and_forgotten_after_a_day() {
    let client = Client::new();
    client.post(PATH, BODY, "k").await;
    let mut elsewhere = client.request(Method::POST, PATH, BODY, Some("k"));
    elsewhere.headers.insert("stripe-account", "acct_other".parse().unwrap());
    assert_eq!(client.send(elsewhere).await.unwrap().reply.header("idempotent-replayed"), None);
    client.wait(24 * 3600 - 60).await;
    assert_eq!(client.post(PATH, BODY, "k").await.reply.header("idempotent-replayed"), Some("true"));
    client.wait(120).await;
    assert_eq!(client.post(PATH, BODY, "k").await.reply.header("idempotent-replayed"), None);
    assert_eq!(client.sandbox.ledger().charges("o"), 3);
    assert_eq!(client.sandbox.ledger().audit().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_overlong_key_is_refused() {
    let client = Client::new();
    assert_eq!(client.post(PATH, BODY, &"k".repeat(256)).await.status, 400);
    assert_eq!(client.post(PATH, BODY, &"k".repeat(255)).await.status, 200);
}
