//! Callbacks: signed, again until taken, and every fault of theirs.

use std::sync::Mutex;

use http::StatusCode;
use paysluice::env::BoxFuture;

use super::*;
use crate::stripe::events::signature;
use crate::world::unix;
use crate::{CallbackFault, Sink};

type Inbox = Arc<Mutex<Vec<(i64, Request)>>>;

/// A client whose callbacks go into an inbox; the first `refusals` are answered by 500.
fn listening(refusals: usize) -> (Client, Inbox) {
    let client = Client::new();
    let inbox = Inbox::default();
    let (kept, env) = (inbox.clone(), client.sandbox.env().clone());
    let sink: Sink = Arc::new(move |request| -> BoxFuture<'static, Reply> {
        let mut inbox = kept.lock().unwrap();
        inbox.push((unix(env.wall()), request));
        let status = if inbox.len() <= refusals { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
        Box::pin(std::future::ready(Reply::new(status, "")))
    });
    client.sandbox.callbacks().to_handler("/callbacks/stripe", sink);
    (client, inbox)
}

fn genuine(client: &Client, request: &Request, at: i64) -> bool {
    let secret = client.sandbox.credentials().webhook_secret.expose();
    request.headers["stripe-signature"] == signature(secret, at, &request.body).as_str()
}

fn kind(request: &Request) -> String {
    serde_json::from_slice::<Value>(&request.body).unwrap()["type"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn events_are_signed_and_tell_what_caused_them() {
    let (client, inbox) = listening(0);
    client.paid("o", "pm_card_visa").await;
    client.wait(1).await;
    let inbox = inbox.lock().unwrap();
    let kinds: Vec<String> = inbox.iter().map(|(_, request)| kind(request)).collect();
    assert_eq!(kinds, ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]);
    assert!(inbox.iter().all(|(at, request)| genuine(&client, request, *at) && request.url == "/callbacks/stripe"));
    let last: Value = serde_json::from_slice(&inbox[2].1.body).unwrap();
    assert_eq!(
        (last["request"]["idempotency_key"].as_str(), last["data"]["object"]["status"].as_str()),
        (Some("confirm-o"), Some("succeeded"))
    );
    assert_eq!(client.sandbox.callbacks().counts().accepted, 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_taken_comes_again_with_a_fresh_signature() {
    let (client, inbox) = listening(2);
    client.intent("o", "").await;
    client.wait(3600).await;
    let inbox = inbox.lock().unwrap();
    assert_eq!(inbox.len(), 3);
    assert!(inbox.iter().all(|(at, request)| genuine(&client, request, *at) && request.body == inbox[0].1.body));
    assert!(inbox[0].1.headers["stripe-signature"] != inbox[2].1.headers["stripe-signature"]);
    let counts = client.sandbox.callbacks().counts();
    assert_eq!((counts.deliveries, counts.accepted, counts.duplicates, counts.given_up), (3, 1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_never_taken_is_given_up_after_days() {
    let (client, inbox) = listening(usize::MAX);
    client.intent("o", "").await;
    client.wait(5 * 24 * 3600).await;
    assert_eq!((inbox.lock().unwrap().len(), client.sandbox.callbacks().counts().given_up), (13, 1));
}

#[tokio::test(start_paused = true)]
async fn callbacks_come_twice_late_or_never_on_command() {
    let (client, inbox) = listening(0);
    client.sandbox.faults().script_callbacks([
        CallbackFault::Duplicate,
        CallbackFault::Late { by_ms: 60_000 },
        CallbackFault::Missing,
    ]);
    client.paid("o", "pm_card_visa").await;
    client.wait(30).await;
    assert_eq!(inbox.lock().unwrap().iter().map(|(_, request)| kind(request)).collect::<Vec<_>>(), ["payment_intent.created"; 2]);
    client.wait(60).await;
    assert_eq!(inbox.lock().unwrap().len(), 3);
    let counts = client.sandbox.callbacks().counts();
    assert_eq!((counts.events, counts.duplicates, counts.missing), (3, 1, 1));
    let missing = client.sandbox.events()[2]["id"].as_str().unwrap().to_owned();
    assert!(client.sandbox.resend_event(&missing));
    client.wait(1).await;
    assert_eq!(kind(&inbox.lock().unwrap()[3].1), "payment_intent.succeeded");
}

#[tokio::test(start_paused = true)]
async fn an_early_callback_overtakes_its_answer() {
    let (client, inbox) = listening(0);
    client.sandbox.faults().script_callbacks([CallbackFault::Early]);
    client.intent("o", "").await;
    assert_eq!(inbox.lock().unwrap().len(), 1);
    client.intent("p", "").await;
    assert_eq!(inbox.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reordered_callback_follows_the_next_one() {
    let (client, inbox) = listening(0);
    client.sandbox.faults().script_callbacks([
        CallbackFault::Reordered,
        CallbackFault::Pass,
        CallbackFault::Pass,
        CallbackFault::Reordered,
    ]);
    client.paid("o", "pm_card_visa").await;
    client.wait(5).await;
    let kinds = || inbox.lock().unwrap().iter().map(|(_, request)| kind(request)).collect::<Vec<_>>();
    assert_eq!(kinds(), ["charge.succeeded", "payment_intent.succeeded", "payment_intent.created"]);
    client.intent("p", "").await;
    client.wait(30).await;
    assert_eq!(kinds().len(), 3);
    client.wait(31).await;
    assert_eq!(kinds().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_signature_is_wrong_once() {
    for fault in [CallbackFault::BadSignature, CallbackFault::OtherSecret] {
        let (client, inbox) = listening(1);
        client.sandbox.faults().script_callbacks([fault]);
        client.intent("o", "").await;
        client.wait(60).await;
        let inbox = inbox.lock().unwrap();
        let good: Vec<bool> = inbox.iter().map(|(at, request)| genuine(&client, request, *at)).collect();
        assert_eq!(good, [false, true], "{fault:?}");
    }
}
