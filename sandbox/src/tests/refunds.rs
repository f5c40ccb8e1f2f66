//! Refunds: in parts, beyond what there is, without funds, pending, failing later.

use super::*;

async fn refund(client: &Client, intent: &str, more: &str, key: &str) -> Answer {
    client.post("/v1/refunds", &format!("payment_intent={intent}{more}"), key).await
}

#[tokio::test(start_paused = true)]
async fn refunds_never_exceed_what_was_taken() {
    let client = Client::new();
    let id = client.paid("o", "pm_card_visa").await;
    assert_eq!(refund(&client, &id, "&amount=1001", "a").await.code(), "amount_too_large");
    let part = refund(&client, &id, "&amount=400&reason=duplicate&metadata[refund]=r1", "b").await;
    assert_eq!(
        (part.status, part.json["status"].as_str(), part.json["metadata"]["refund"].as_str()),
        (200, Some("succeeded"), Some("r1"))
    );
    assert_eq!(refund(&client, &id, "&amount=400&reason=duplicate&metadata[refund]=r1", "b").await.json, part.json);
    assert_eq!(refund(&client, &id, "&amount=601", "c").await.code(), "amount_too_large");
    assert_eq!(refund(&client, &id, "", "d").await.json["amount"], 600);
    assert_eq!(refund(&client, &id, "", "e").await.code(), "charge_already_refunded");
    assert_eq!((client.sandbox.ledger().refunded("o"), client.sandbox.ledger().audit().len()), (1000, 0));
    let page = client.get(&format!("/v1/refunds?payment_intent={id}&limit=1")).await;
    assert_eq!((page.json["has_more"].as_bool(), page.json["data"][0]["amount"].as_i64()), (Some(true), Some(600)));
    let first = client.get(&format!("/v1/refunds/{}?expand[]=charge", part.json["id"].as_str().unwrap())).await;
    assert_eq!(first.json["charge"]["refunded"], true);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_taken_cannot_be_refunded() {
    let client = Client::new();
    let id = client.intent("o", "").await;
    assert_eq!(refund(&client, &id, "", "a").await.code(), "payment_intent_unexpected_state");
    assert_eq!(refund(&client, "pi_none", "", "b").await.code(), "resource_missing");
    assert_eq!(client.post("/v1/refunds", "amount=5", "c").await.code(), "parameter_missing");
}

#[tokio::test(start_paused = true)]
async fn a_refund_without_funds_is_refused_until_there_are_some() {
    let client = Client::new();
    let id = client.paid("o", "pm_card_visa").await;
    client.sandbox.set_refund_funds("usd", Some(100));
    assert_eq!(refund(&client, &id, "", "a").await.code(), "balance_insufficient");
    client.sandbox.set_refund_funds("usd", None);
    assert_eq!(refund(&client, &id, "", "b").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_refund_may_pend_and_may_fail_after_it_succeeded() {
    let client = Client::new();
    let (pending, failing) = (client.paid("o1", "pm_card_pendingRefund").await, client.paid("o2", "pm_card_refundFail").await);
    let (first, second) = (refund(&client, &pending, "", "a").await, refund(&client, &failing, "", "b").await);
    assert_eq!((first.json["status"].as_str(), second.json["status"].as_str()), (Some("pending"), Some("succeeded")));
    client.wait(6).await;
    let now = |answer: &Answer| client.sandbox.object(answer.json["id"].as_str().unwrap()).unwrap();
    assert_eq!((now(&first)["status"].as_str(), now(&second)["status"].as_str()), (Some("succeeded"), Some("failed")));
    assert_eq!(now(&second)["failure_reason"], "expired_or_canceled_card");
    let ledger = client.sandbox.ledger();
    assert_eq!((ledger.refunded("o1"), ledger.refunded("o2")), (1000, 0));
    let kinds: Vec<String> = client.sandbox.events().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    assert!(kinds.contains(&"refund.failed".to_owned()));
    assert_eq!(refund(&client, &failing, "", "c").await.status, 200);
}
