//! Each fault against the ledger: what the client sees, and what is true.

use super::*;
use crate::Fault;

async fn confirmed_under(fault: Fault) -> (Client, String, Result<Answer, TransportError>) {
    let client = Client::new();
    let id = client.intent("o", "").await;
    client.sandbox.faults().script([fault]);
    let request =
        client.request(Method::POST, &format!("/v1/payment_intents/{id}/confirm"), "payment_method=pm_card_visa", Some("k"));
    let seen = client.send(request).await;
    (client, id, seen)
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_proved_unsent() {
    let (client, _, seen) = confirmed_under(Fault::Refuse).await;
    assert!(matches!(seen, Err(TransportError::Unsent(_))));
    client.wait(60).await;
    assert_eq!(client.sandbox.ledger().charges("o"), 0);
}

#[tokio::test(start_paused = true)]
async fn lost_says_nothing_about_what_happened() {
    let slow = Fault::Slow { by_ms: 40_000 };
    for (fault, charges) in [(Fault::CloseBefore, 0), (Fault::CloseAfter, 1), (Fault::Truncated, 1), (slow, 1)] {
        let (client, id, seen) = confirmed_under(fault).await;
        assert!(matches!(seen, Err(TransportError::Lost(_))), "{fault:?}");
        assert_eq!(client.sandbox.ledger().charges("o"), charges, "{fault:?}");
        client.wait(20).await;
        let body = "payment_method=pm_card_visa";
        let again = client.post(&format!("/v1/payment_intents/{id}/confirm"), body, "k").await;
        assert_eq!(again.reply.header("idempotent-replayed").is_some(), charges == 1, "{fault:?}");
        assert_eq!((again.status, client.sandbox.ledger().charges("o")), (200, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_keeps_its_key_in_use() {
    let (client, id, seen) = confirmed_under(Fault::Slow { by_ms: 40_000 }).await;
    assert!(seen.is_err());
    let path = format!("/v1/payment_intents/{id}/confirm");
    assert_eq!(client.post(&path, "payment_method=pm_card_visa", "k").await.status, 409);
    let (_, _, in_time) = confirmed_under(Fault::Slow { by_ms: 20_000 }).await;
    assert_eq!(in_time.unwrap().json["status"], "succeeded");
}

#[tokio::test(start_paused = true)]
async fn a_garbled_answer_hides_a_charge() {
    let (client, _, seen) = confirmed_under(Fault::Garbage).await;
    let seen = seen.unwrap();
    assert_eq!((seen.status, seen.json.is_null(), client.sandbox.ledger().charges("o")), (200, true, 1));
}

#[tokio::test(start_paused = true)]
async fn another_payments_answer_is_not_this_ones() {
    let (client, id, seen) = confirmed_under(Fault::OtherOrder).await;
    let stranger = seen.unwrap().json;
    assert!(stranger["id"] != id.as_str() && stranger["metadata"]["order"] != "o", "{stranger}");
    assert_eq!(client.sandbox.ledger().charges("o"), 1);
    let truth = client.post(&format!("/v1/payment_intents/{id}/confirm"), "payment_method=pm_card_visa", "k").await;
    assert_eq!(truth.json["id"], id.as_str());
    client.intent("p", "").await;
    client.sandbox.faults().script([Fault::OtherOrder]);
    let other = client.get(&format!("/v1/payment_intents/{id}")).await;
    assert_eq!((other.status, other.json["metadata"]["order"].as_str()), (200, Some("p")));
}

#[tokio::test(start_paused = true)]
async fn a_skewed_clock_shows_in_the_answer() {
    let client = Client::new();
    client.sandbox.faults().script([Fault::ClockSkew { seconds: -3600 }]);
    let (skewed, right) = (client.intent("a", "").await, client.intent("b", "").await);
    let created = |id: &str| client.sandbox.object(id).unwrap()["created"].as_i64().unwrap();
    assert_eq!((created(&right) - created(&skewed)) / 3600, 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_sent_arrives_though_its_sender_is_gone() {
    let client = Client::new();
    let id = client.intent("o", "").await;
    let request =
        client.request(Method::POST, &format!("/v1/payment_intents/{id}/confirm"), "payment_method=pm_card_visa", Some("k"));
    tokio::select! {
        biased;
        _ = client.send(request) => unreachable!("it takes 20 ms"),
        () = client.sandbox.env().sleep(Duration::from_millis(1)) => {}
    }
    assert_eq!(client.sandbox.ledger().charges("o"), 0);
    client.wait(1).await;
    assert_eq!(client.sandbox.ledger().charges("o"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_beyond_the_cap_is_lost() {
    let client = Client::new();
    let request = client.request(Method::GET, "/v1/balance", "", None);
    let small = Limits { reply_cap: 10, ..LIMITS };
    assert!(matches!(client.transport.send(request, small).await, Err(TransportError::Lost(_))));
}
