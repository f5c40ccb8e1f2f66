//! Laws 8 to 11: whatever the callbacks do, the payment ends right, and every change is told at least once under one key.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use paysluice::adapter::{Refund, Request};
use paysluice::callback::CallbackService;
use paysluice::gateway::{PaymentChannel, ToldChange};
use paysluice::model::{Block, ErrorKind, PartStatus, RefundNo, Status};
use paysluice::store::{Space, SpaceKind};
use paysluice_sandbox::{CallbackFault, Fault, SandboxConfig, Scope};
use paysluice_tests::ear::Ear;
use paysluice_tests::{Setup, World, call, card, direct, eur, on_virtual_time, order, with_card};
use tower_service::Service;

const CHALLENGED: &str = "pm_card_threeDSecure2Required";

fn hearing(seed: u64, sandbox: SandboxConfig) -> (World, Arc<Ear>) {
    let ear = Ear::new();
    let setup = Setup { seed, sandbox, background: true, handler: Some(ear.clone()), ..Setup::default() };
    let world = World::with(setup);
    world.hears();
    (world, ear)
}

fn refund(no: &str, number: &str, cents: i64) -> Refund {
    Refund::new(order(no), RefundNo::new(number).unwrap(), eur(cents))
}

/// What is left in the inbox undone.
async fn undone(world: &World) -> u64 {
    let space = Space::new(SpaceKind::Inbox, world.gateway.account());
    world.store.depth(&space).await.unwrap().due
}

#[test]
fn whatever_happens_to_the_callbacks_the_payment_ends_right_and_is_told_once_a_change() {
    use CallbackFault::{BadSignature, Duplicate, Early, Late, Missing, OtherSecret, Pass, Reordered};
    let faults = [Pass, Duplicate, Late { by_ms: 90_000 }, Early, Reordered, Missing, BadSignature, OtherSecret];
    for (seed, fault) in faults.into_iter().enumerate() {
        for answered in [true, false] {
            on_virtual_time(async {
                let (world, ear) = hearing(seed as u64, SandboxConfig::default());
                world.sandbox.faults().script_callbacks([fault; 40]);
                if !answered {
                    world
                        .sandbox
                        .faults()
                        .script_in(Scope::matching("POST", "/v1/payment_intents/*/confirm"), [Fault::CloseAfter; 3]);
                }
                let context = format!("{fault:?}, answered {answered}");
                let told = world.gateway.charge(card("o"), call()).await;
                world.sleep(240).await;
                let payment = world.gateway.payment(&order("o")).await.unwrap();
                assert_eq!((payment.status, payment.captured), (Status::Paid, eur(1000)), "{context}: {told:?}");
                world.gateway.refund(refund("o", "r", 300), call()).await.unwrap();
                world.sleep(1800).await;
                let payment = world.gateway.payment(&order("o")).await.unwrap();
                assert_eq!((payment.refunds.len(), payment.refunded), (1, eur(300)), "{context}: {payment:?}");
                assert_eq!(ear.told_status("o", &Status::Paid), 1, "{context}: {:?}", ear.effects());
                let refunds = ear.count("o", |told| matches!(&told.change, ToldChange::Refund(no) if no == "r"));
                assert!(refunds >= 1, "{context}: {:?}", ear.effects());
                assert_eq!(undone(&world).await, 0, "{context}");
                assert_eq!(world.sandbox.ledger().charges("o"), 1, "{context}");
                assert!(payment.blocked.is_none() && world.gateway.dead_letters(9).await.unwrap().is_empty(), "{context}");
            });
        }
    }
}

#[test]
fn a_handler_that_asks_to_be_told_again_is_told_again_under_the_same_key() {
    on_virtual_time(async {
        let ear = Ear::forgetful(4);
        let world = World::living(3, ear.clone());
        world.gateway.charge(card("o"), call()).await.unwrap();
        world.sleep(120).await;
        let paid: Vec<_> = ear.heard().into_iter().filter(|told| matches!(told.change, ToldChange::Payment)).collect();
        assert_eq!(paid.len(), 5, "{paid:?}");
        assert_eq!(ear.effects().len(), 1);
    });
}

#[test]
fn a_forged_delivery_changes_nothing_and_a_true_one_comes_twice_to_one_effect() {
    on_virtual_time(async {
        let (world, ear) = hearing(4, SandboxConfig::default());
        world.gateway.charge(with_card("o", CHALLENGED).return_url("https://shop.invalid"), call()).await.unwrap();
        let told = r#"{"id":"evt_forged","object":"event","type":"payment_intent.succeeded","data":{"object":{}}}"#;
        let mut forged = Request::new(http::Method::POST, "/callbacks/stripe").with_body(told);
        forged.headers.insert("stripe-signature", "t=1790000001,v1=00".parse().unwrap());
        let received = world.gateway.receive(&forged).await;
        assert!(received.refused.is_some() && received.reply.status.is_client_error(), "{received:?}");
        let intent = world.sandbox.intents()[0].clone();
        world.sandbox.payer_approves(&intent).unwrap();
        world.sleep(2).await;
        for event in world.sandbox.events() {
            assert!(world.sandbox.resend_event(event["id"].as_str().unwrap()));
        }
        world.sleep(60).await;
        assert!(world.sandbox.callbacks().counts().duplicates > 0);
        assert_eq!(ear.told_status("o", &Status::Paid), 1);
        assert_eq!(
            ear.heard()
                .iter()
                .filter(|told| told.payment.status == Status::Paid && matches!(told.change, ToldChange::Payment))
                .count(),
            1
        );
    });
}

#[test]
fn an_approval_and_a_slow_bank_are_told_by_callback() {
    on_virtual_time(async {
        let (world, ear) = hearing(5, SandboxConfig::default());
        let waiting = world.gateway.charge(with_card("a", CHALLENGED).return_url("https://shop.invalid"), call()).await.unwrap();
        assert_eq!(waiting.value.status, Status::AwaitingPayer);
        let intent = waiting.value.provider_id.unwrap();
        world.sandbox.payer_approves(&intent).unwrap();
        world.sleep(3).await;
        assert_eq!(world.gateway.payment(&order("a")).await.unwrap().status, Status::Paid);
        assert_eq!(ear.told_status("a", &Status::Paid), 1);
        for (no, method, end) in [("w", "pm_card_processing", Status::Paid), ("f", "pm_card_processingFails", Status::Declined)] {
            let working = world.gateway.charge(with_card(no, method), call()).await.unwrap();
            assert_eq!(working.value.status, Status::Processing);
            world.sleep(8).await;
            assert_eq!(world.gateway.payment(&order(no)).await.unwrap().status, end);
            assert_eq!(ear.told_status(no, &end), 1, "{:?}", ear.effects());
        }
        let declined = world.gateway.charge(with_card("d", CHALLENGED).return_url("https://shop.invalid"), call()).await.unwrap();
        world.sandbox.payer_declines(&declined.value.provider_id.unwrap()).unwrap();
        world.sleep(3).await;
        assert_eq!(world.gateway.payment(&order("d")).await.unwrap().status, Status::Declined);
        assert_eq!(ear.told_status("d", &Status::Declined), 1);
    });
}

#[test]
fn without_any_callback_what_waits_is_still_looked_at_until_its_end() {
    on_virtual_time(async {
        let ear = Ear::new();
        let world = World::living(6, ear.clone());
        let waiting = world.gateway.charge(with_card("a", CHALLENGED).return_url("https://shop.invalid"), call()).await.unwrap();
        world.gateway.charge(with_card("w", "pm_card_processing"), call()).await.unwrap();
        world.sandbox.payer_approves(&waiting.value.provider_id.unwrap()).unwrap();
        world.sleep(120).await;
        for no in ["a", "w"] {
            assert_eq!(world.gateway.payment(&order(no)).await.unwrap().status, Status::Paid, "{no}");
            assert_eq!(ear.told_status(no, &Status::Paid), 1, "{no}");
        }
    });
}

#[test]
fn payments_of_others_on_the_account_are_filtered_and_nothing_is_told_of_them() {
    on_virtual_time(async {
        let (world, ear) = hearing(7, SandboxConfig::default());
        for metadata in [None, Some(("metadata[order]", "theirs"))] {
            let mut form = vec![("amount", "700"), ("currency", "eur"), ("payment_method", "pm_card_visa"), ("confirm", "true")];
            form.extend([
                ("automatic_payment_methods[enabled]", "true"),
                ("automatic_payment_methods[allow_redirects]", "never"),
            ]);
            form.extend(metadata);
            let (status, answer) = direct::post(&world.sandbox, "/v1/payment_intents", &form).await;
            assert_eq!((status, &answer["status"]), (200, &"succeeded".into()), "{answer}");
        }
        world.gateway.charge(card("ours"), call()).await.unwrap();
        world.sleep(1200).await;
        assert!(ear.heard().iter().all(|told| told.payment.order_no.as_str() == "ours"), "{:?}", ear.heard());
        assert_eq!(undone(&world).await, 0);
        assert!(world.gateway.dead_letters(9).await.unwrap().is_empty());
    });
}

#[test]
fn a_refund_made_in_the_dashboard_counts_in_the_sum() {
    on_virtual_time(async {
        let (world, ear) = hearing(8, SandboxConfig::default());
        let paid = world.gateway.charge(card("o"), call()).await.unwrap().value;
        let intent = paid.provider_id.unwrap();
        let (status, made) = direct::post(&world.sandbox, "/v1/refunds", &[("payment_intent", &intent), ("amount", "600")]).await;
        assert_eq!(status, 200, "{made}");
        world.sleep(5).await;
        let payment = world.gateway.payment(&order("o")).await.unwrap();
        assert_eq!((payment.refunded, payment.refunds.len()), (eur(600), 1), "{payment:?}");
        assert!(ear.count("o", |told| matches!(told.change, ToldChange::Refund(_))) >= 1);
        let beyond = world.gateway.refund(refund("o", "r", 401), call()).await.unwrap_err();
        assert_eq!(beyond.kind(), ErrorKind::Invalid, "{beyond}");
        world.gateway.refund(refund("o", "s", 400), call()).await.unwrap();
        world.sleep(5).await;
        assert_eq!(world.sandbox.ledger().refunded("o"), 1000);
        assert_eq!(world.gateway.payment(&order("o")).await.unwrap().refunded, eur(1000));
        assert!(world.gateway.refund(refund("o", "t", 1), call()).await.is_err());
    });
}

#[test]
fn a_refund_that_fails_later_is_told_and_its_money_is_free_again() {
    on_virtual_time(async {
        let (world, ear) = hearing(9, SandboxConfig::default());
        world.gateway.charge(with_card("o", "pm_card_refundFail"), call()).await.unwrap();
        world.gateway.refund(refund("o", "r", 1000), call()).await.unwrap();
        world.sleep(30).await;
        let payment = world.gateway.payment(&order("o")).await.unwrap();
        assert_eq!(payment.refunds[0].status, PartStatus::Failed, "{payment:?}");
        assert_eq!(world.sandbox.ledger().refunded("o"), 0);
        assert!(ear.count("o", |told| matches!(&told.change, ToldChange::Refund(no) if no == "r")) >= 2, "{:?}", ear.effects());
        let again = world.gateway.refund(refund("o", "again", 1000), call()).await;
        assert!(again.is_ok(), "the failed refund holds nothing: {again:?}");

        let (world, ear) = hearing(10, SandboxConfig { refunds_pending: true, ..SandboxConfig::default() });
        world.gateway.charge(card("p"), call()).await.unwrap();
        let pending = world.gateway.refund(refund("p", "r", 500), call()).await.unwrap().value;
        assert_eq!(pending.refunds[0].status, PartStatus::Pending);
        world.sleep(30).await;
        assert_eq!(world.gateway.payment(&order("p")).await.unwrap().refunds[0].status, PartStatus::Succeeded);
        assert!(ear.count("p", |told| matches!(told.change, ToldChange::Refund(_))) >= 1, "{:?}", ear.effects());
    });
}

#[test]
fn another_amount_than_asked_is_told_and_blocks() {
    on_virtual_time(async {
        let (world, ear) = hearing(11, SandboxConfig::default());
        let waiting = world.gateway.charge(with_card("o", CHALLENGED).return_url("https://shop.invalid"), call()).await.unwrap();
        let intent = waiting.value.provider_id.unwrap();
        // Somebody else with the same keys makes a payment of another amount that carries our order's number.
        let amended = direct::post(&world.sandbox, &format!("/v1/payment_intents/{intent}"), &[("amount", "900")]).await;
        world.sandbox.payer_approves(&intent).unwrap_or_default();
        world.sleep(60).await;
        let payment = world.gateway.payment(&order("o")).await.unwrap();
        if amended.0 == 200 {
            assert_eq!(payment.blocked, Some(Block::Mismatch { expected: eur(1000), got: eur(900) }), "{payment:?}");
            assert_eq!(ear.count("o", |told| matches!(told.change, ToldChange::Mismatch { .. })), 1, "{:?}", ear.effects());
        } else {
            assert_eq!(payment.status, Status::Paid, "the sandbox takes no amendment: {amended:?}");
        }
    });
}

#[test]
fn the_service_answers_strangers_and_takes_what_is_true() {
    on_virtual_time(async {
        let (world, ear) = hearing(12, SandboxConfig::default());
        let service = CallbackService::new([world.gateway.clone()]);
        let ask = |method: &str, path: String, body: Vec<u8>| {
            let request = http::Request::builder().method(method).uri(path).body(Full::new(bytes::Bytes::from(body))).unwrap();
            let mut service = service.clone();
            async move { service.call(request).await.unwrap() }
        };
        let path = format!("/callbacks/{}", world.gateway.account());
        assert_eq!(ask("POST", "/callbacks/stripe:live:acct_other".to_owned(), Vec::new()).await.status(), 404);
        assert_eq!(ask("GET", path.clone(), Vec::new()).await.status(), 405);
        assert_eq!(ask("POST", path.clone(), vec![b'x'; world.gateway.callback_cap() + 1]).await.status(), 413);
        let refused = ask("POST", path.clone(), b"{}".to_vec()).await;
        assert_eq!(refused.status(), 400);
        // What is true goes through the same door.
        let door = service.clone();
        let take = move |request: Request| -> paysluice::env::BoxFuture<'static, paysluice::adapter::Reply> {
            let mut door = door.clone();
            Box::pin(async move {
                let mut http = http::Request::new(Full::new(request.body));
                *http.uri_mut() = request.url.parse().unwrap();
                (*http.method_mut(), *http.headers_mut()) = (request.method, request.headers);
                let status = door.call(http).await.unwrap().status();
                paysluice::adapter::Reply::new(status, "")
            })
        };
        world.sandbox.callbacks().to_handler(path, Arc::new(take));
        let waiting = world.gateway.charge(with_card("o", CHALLENGED).return_url("https://shop.invalid"), call()).await.unwrap();
        world.sandbox.payer_approves(&waiting.value.provider_id.unwrap()).unwrap();
        world.env.sleep(Duration::from_secs(3)).await;
        assert_eq!(ear.told_status("o", &Status::Paid), 1);
    });
}
