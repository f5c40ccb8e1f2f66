//! Payments from creation to refund, checked against the ledger.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_charge_is_taken_once_and_booked() {
    let client = Client::new();
    let id = client.intent("o1", "").await;
    assert_eq!((client.status(&id), client.sandbox.ledger().entries().len()), ("requires_payment_method".into(), 0));
    let paid = client.confirm(&id, "pm_card_visa", "k").await;
    assert_eq!(
        (paid.status, paid.json["status"].as_str(), paid.json["amount_received"].as_i64()),
        (200, Some("succeeded"), Some(1000))
    );
    let again = client.confirm(&id, "pm_card_visa", "k2").await;
    assert_eq!((again.status, again.code()), (400, "payment_intent_unexpected_state"));
    assert_eq!(again.json["error"]["payment_intent"]["id"], id.as_str());
    let ledger = client.sandbox.ledger();
    assert_eq!((ledger.charges("o1"), ledger.taken("o1"), ledger.audit().len()), (1, 1000, 0));
    assert!(paid.reply.header("request-id").unwrap().starts_with("req_"));
    let shown = client.get(&format!("/v1/payment_intents/{id}?expand[]=latest_charge")).await;
    assert_eq!(shown.json["latest_charge"]["captured"], true);
}
