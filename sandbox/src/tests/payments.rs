//! Payments from creation to refund, checked against the ledger.

use super::*;
use crate::EntryKind::{Authorize, Capture, Void};

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

#[tokio::test(start_paused = true)]
async fn a_decline_is_402_and_the_intent_stays_payable_until_it_is_cancelled() {
    let client = Client::new();
    let id = client.intent("o1", "").await;
    let declined = client.confirm(&id, "pm_card_chargeDeclined", "k").await;
    let error = &declined.json["error"];
    assert_eq!(
        (declined.status, declined.code(), error["decline_code"].as_str()),
        (402, "card_declined", Some("generic_decline"))
    );
    assert_eq!(
        (error["payment_intent"]["status"].as_str(), client.status(&id).as_str()),
        (Some("requires_payment_method"), "requires_payment_method")
    );
    assert_eq!(client.sandbox.ledger().charges("o1"), 0);
    let secret = error["payment_intent"]["client_secret"].as_str().unwrap();
    assert_eq!(client.sandbox.payer_pays_client_secret(secret), Ok("succeeded"));
    assert_eq!(client.sandbox.ledger().charges("o1"), 1);
    let other = client.intent("o2", "").await;
    client.confirm(&other, "pm_card_chargeDeclinedInsufficientFunds", "k3").await;
    assert_eq!(client.post(&format!("/v1/payment_intents/{other}/cancel"), "", "k4").await.json["status"], "canceled");
    assert!(client.sandbox.payer_pays_client_secret(&other).is_err());
    let again = client.post(&format!("/v1/payment_intents/{other}/cancel"), "", "k5").await;
    assert_eq!(again.code(), "payment_intent_unexpected_state");
}

#[tokio::test(start_paused = true)]
async fn an_authorisation_is_captured_in_part_and_the_rest_let_go() {
    let client = Client::new();
    let id = client.intent("o1", "&capture_method=manual").await;
    let held = client.confirm(&id, "pm_card_visa", "k").await;
    assert_eq!((held.json["status"].as_str(), held.json["amount_capturable"].as_i64()), (Some("requires_capture"), Some(1000)));
    let path = format!("/v1/payment_intents/{id}/capture");
    assert_eq!(client.post(&path, "amount_to_capture=1001", "k1").await.code(), "amount_too_large");
    let first = client.post(&path, "amount_to_capture=300&final_capture=false", "k2").await;
    assert_eq!((first.json["status"].as_str(), first.json["amount_capturable"].as_i64()), (Some("requires_capture"), Some(700)));
    let last = client.post(&path, "amount_to_capture=200", "k3").await;
    assert_eq!((last.json["status"].as_str(), last.json["amount_received"].as_i64()), (Some("succeeded"), Some(500)));
    assert_eq!(client.post(&path, "", "k4").await.code(), "payment_intent_unexpected_state");
    let ledger = client.sandbox.ledger();
    let kinds: Vec<_> = ledger.entries().iter().map(|entry| (entry.kind, entry.amount)).collect();
    assert_eq!(kinds, [(Authorize, 1000), (Capture, 300), (Capture, 200), (Void, 500)]);
    assert_eq!(ledger.audit(), []);
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_nobody_captures_runs_out() {
    let client = Client::new();
    let id = client.intent("o1", "&capture_method=manual").await;
    client.confirm(&id, "pm_card_visa", "k").await;
    client.wait(7 * 24 * 3600 + 1).await;
    assert_eq!((client.status(&id).as_str(), client.sandbox.ledger().held("o1")), ("canceled", 0));
}

#[tokio::test(start_paused = true)]
async fn a_challenge_waits_for_the_payer() {
    let client = Client::new();
    let id = client.intent("o1", "").await;
    let asked = client.confirm(&id, "pm_card_threeDSecure2Required", "k").await;
    assert_eq!((asked.status, asked.json["status"].as_str()), (200, Some("requires_action")));
    let url = asked.json["next_action"]["redirect_to_url"]["url"].as_str().unwrap();
    assert!(url.ends_with(&format!("/sandbox/3ds/{id}")), "{url}");
    assert_eq!(client.sandbox.payer_declines(&id), Ok("requires_payment_method"));
    client.confirm(&id, "pm_card_authenticationRequired", "k2").await;
    assert_eq!(client.sandbox.ledger().charges("o1"), 0);
    assert_eq!(client.sandbox.payer_approves(&id), Ok("succeeded"));
    assert!(client.sandbox.payer_approves(&id).is_err());
    let absent = client.intent("o2", "").await;
    let body = "payment_method=pm_card_authenticationRequired&off_session=true";
    let refused = client.post(&format!("/v1/payment_intents/{absent}/confirm"), body, "k3").await;
    assert_eq!((refused.status, refused.code()), (402, "authentication_required"));
}

#[tokio::test(start_paused = true)]
async fn an_asynchronous_payment_ends_later_either_way() {
    let client = Client::new();
    let (good, bad) = (client.paid("o1", "pm_card_processing").await, client.paid("o2", "pm_card_processingFails").await);
    assert_eq!((client.status(&good).as_str(), client.sandbox.ledger().entries().len()), ("processing", 0));
    let canceled = client.post(&format!("/v1/payment_intents/{good}/cancel"), "", "k").await;
    assert_eq!(canceled.code(), "payment_intent_unexpected_state");
    client.wait(6).await;
    assert_eq!((client.status(&good).as_str(), client.status(&bad).as_str()), ("succeeded", "requires_payment_method"));
    assert_eq!((client.sandbox.ledger().taken("o1"), client.sandbox.ledger().taken("o2")), (1000, 0));
}

#[tokio::test(start_paused = true)]
async fn requests_are_read_strictly() {
    let client = Client::new();
    let good = "amount=1000&currency=usd&payment_method_types[0]=card";
    let create = |body: String| client.request(Method::POST, "/v1/payment_intents", &body, None);
    for (more, code) in [
        ("&colour=red", "parameter_unknown"),
        ("&return_url=https%3A%2F%2Fx", "parameter_unknown"),
        ("&payment_method=pm_nobody", "resource_missing"),
        ("&capture_method=later", "parameter_invalid"),
        ("&confirm=true", "parameter_missing"),
    ] {
        let answer = client.send(create(format!("{good}{more}"))).await.unwrap();
        assert_eq!((answer.status, answer.code()), (400, code), "{more}");
    }
    assert_eq!(client.send(create("currency=usd".into())).await.unwrap().code(), "parameter_missing");
    assert_eq!(client.send(create("amount=10&currency=usd".into())).await.unwrap().code(), "amount_too_small");
    let mut wrong_key = create(good.into());
    wrong_key.headers.insert("authorization", "Bearer sk_test_wrong".parse().unwrap());
    assert_eq!(client.send(wrong_key).await.unwrap().status, 401);
    let mut json = create(good.into());
    json.headers.insert("content-type", "application/json".parse().unwrap());
    assert_eq!(client.send(json).await.unwrap().status, 400);
    let mut version = create(good.into());
    version.headers.insert("stripe-version", "today".parse().unwrap());
    assert_eq!(client.send(version).await.unwrap().status, 400);
    assert_eq!(client.get("/v1/payment_intents/pi_none").await.status, 404);
    assert_eq!(client.get("/v1/teapots").await.status, 404);
    let free = "amount=1000&currency=usd&confirm=true&payment_method=pm_card_visa";
    let redirecting = client.send(create(free.into())).await.unwrap();
    assert_eq!((redirecting.status, redirecting.json["error"]["param"].as_str()), (400, Some("return_url")));
    assert!(client.sandbox.intents().is_empty());
}

#[tokio::test(start_paused = true)]
async fn accounts_do_not_see_each_other() {
    let client = Client::new();
    let id = client.intent("o1", "").await;
    let mut request = client.request(Method::GET, &format!("/v1/payment_intents/{id}"), "", None);
    request.headers.insert("stripe-account", "acct_other".parse().unwrap());
    assert_eq!(client.send(request).await.unwrap().status, 404);
}

#[tokio::test(start_paused = true)]
async fn search_lags_and_lists_do_not() {
    let client = Client::new();
    let id = client.intent("o-1", "").await;
    client.intent("o-2", "").await;
    let search = "/v1/payment_intents/search?query=metadata%5B%27order%27%5D%3A%27o-1%27";
    assert_eq!(client.get(search).await.json["data"].as_array().unwrap().len(), 0);
    client.wait(31).await;
    assert_eq!(client.get(search).await.json["data"][0]["id"], id.as_str());
    let page = client.get("/v1/payment_intents?limit=1").await;
    assert_eq!((page.json["has_more"].as_bool(), page.json["data"][0]["metadata"]["order"].as_str()), (Some(true), Some("o-2")));
    let newest = page.json["data"][0]["id"].as_str().unwrap();
    let rest = client.get(&format!("/v1/payment_intents?starting_after={newest}")).await;
    assert_eq!((rest.json["has_more"].as_bool(), rest.json["data"][0]["id"].as_str()), (Some(false), Some(id.as_str())));
    assert_eq!(client.get("/v1/payment_intents/search?query=nonsense").await.status, 400);
    assert_eq!(client.get("/v1/balance").await.json["object"], "balance");
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_is_the_same_run() {
    async fn run(seed: u64) -> String {
        let client = Client::with(SandboxConfig { seed, ..SandboxConfig::default() });
        client.sandbox.faults().random(3, crate::FaultTable::storm());
        for order in 0..20 {
            let body = format!("amount=1000&currency=usd&payment_method_types[0]=card&metadata[order]={order}");
            let _ = client.send(client.request(Method::POST, "/v1/payment_intents", &body, None)).await;
        }
        for id in client.sandbox.intents() {
            let body = "payment_method=pm_card_visa";
            let _ = client.send(client.request(Method::POST, &format!("/v1/payment_intents/{id}/confirm"), body, None)).await;
        }
        format!("{:?} {:?}", client.sandbox.ledger(), client.sandbox.faults().drawn())
    }
    let first = run(1).await;
    assert_eq!(first, run(1).await);
    assert_ne!(first, run(2).await);
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_is_changed_while_the_payer_is_asked_is_confirmed_anew() {
    let client = Client::new();
    let id = client.intent("o1", "").await;
    client.confirm(&id, "pm_card_authenticationRequired", "k").await;
    let changed = client.post(&format!("/v1/payment_intents/{id}"), "amount=2000&metadata[a]=b", "k2").await;
    assert_eq!((changed.json["status"].as_str(), changed.json["amount"].as_i64()), (Some("requires_confirmation"), Some(2000)));
    assert!(client.sandbox.payer_approves(&id).is_err());
    client.confirm(&id, "pm_card_visa", "k3").await;
    assert_eq!(client.sandbox.ledger().taken("o1"), 2000);
    let late = client.post(&format!("/v1/payment_intents/{id}"), "amount=3000", "k4").await;
    assert_eq!(late.code(), "payment_intent_unexpected_state");
}

#[tokio::test(start_paused = true)]
async fn a_capture_with_a_bad_parameter_takes_nothing() {
    let client = Client::new();
    let id = client.intent("o1", "&capture_method=manual").await;
    client.confirm(&id, "pm_card_visa", "k").await;
    let body = format!("metadata[a]={}", "x".repeat(501));
    assert_eq!(client.post(&format!("/v1/payment_intents/{id}/capture"), &body, "k2").await.status, 400);
    assert_eq!((client.sandbox.ledger().taken("o1"), client.status(&id).as_str()), (0, "requires_capture"));
}
