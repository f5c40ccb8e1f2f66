//! Law 1 round cancels and second attempts: what is canceled takes nothing, and the next attempt opens only over a dead one.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::time::Duration;

use paysluice::adapter::{Cancel, Method};
use paysluice::gateway::{Call, PaymentChannel};
use paysluice::model::{AttemptNo, Block, ErrorKind, Fate, Status};
use paysluice_sandbox::{Fault, Scope};
use paysluice_tests::{World, call, card, fate, on_virtual_time, order, with_card};

const CONFIRM: &str = "/v1/payment_intents/*/confirm";
const DECLINED: &str = "pm_card_chargeDeclined";
const CHALLENGED: &str = "pm_card_threeDSecure2Required";

fn second(no: &str) -> paysluice::adapter::Charge {
    card(no).attempt(AttemptNo::FIRST.next())
}

fn secret(world: &World, intent: &str) -> String {
    world.sandbox.object(intent).unwrap()["client_secret"].as_str().unwrap().to_owned()
}

fn status(world: &World, intent: &str) -> String {
    world.sandbox.object(intent).unwrap()["status"].as_str().unwrap().to_owned()
}

#[test]
fn a_cancel_of_a_charge_in_doubt_ends_in_one_truth() {
    for (seed, fault) in [Fault::CloseAfter, Fault::CloseBefore, Fault::ErrorAfter, Fault::Garbage].into_iter().enumerate() {
        for held in [true, false] {
            on_virtual_time(async {
                let world = World::quiet(seed as u64);
                world.sandbox.faults().script_in(Scope::matching("POST", CONFIRM), [fault; 30]);
                let charge = if held { card("o").capture_later() } else { card("o") };
                let told = world.gateway.charge(charge, call()).await;
                world.sandbox.faults().none();
                let canceled = world.gateway.cancel(Cancel::new(order("o")), call()).await;
                let context = format!("{fault:?} held {held}: {told:?} then {canceled:?}");
                world.let_time_pass().await;
                assert!(world.gateway.doubts(9).await.unwrap().is_empty(), "{context}");
                let (ledger, payment) = (world.sandbox.ledger(), world.gateway.payment(&order("o")).await.unwrap());
                let open = ledger.taken("o") + ledger.held("o");
                match fate(&canceled) {
                    Fate::Applied => assert_eq!(open, 0, "{context}: told canceled, has {open}"),
                    Fate::NotApplied => assert_eq!(ledger.taken("o"), 1000, "{context}"),
                    Fate::Unknown => {}
                }
                assert!(open == 0 || !held, "{context}: a held payment can be let go");
                assert_eq!(payment.status.is_success(), open > 0, "{context}: {payment:?}");
                // Nothing wakes it again.
                let later = world.gateway.charge(card("o"), call()).await;
                assert!(fate(&later) != Fate::Unknown || ledger.charges("o") == 1, "{context}: {later:?}");
                assert!(world.sandbox.ledger().charges("o") <= 1, "{context}");
            });
        }
    }
}

#[test]
fn a_cancel_of_a_charge_in_flight_waits_for_its_end() {
    for hold in [true, false] {
        on_virtual_time(async {
            let world = World::quiet(3);
            world.sandbox.faults().script_in(Scope::matching("POST", CONFIRM), [Fault::Slow { by_ms: 3_000 }]);
            let charge = if hold { card("o").capture_later() } else { card("o") };
            let (charged, canceled) = tokio::join!(world.gateway.charge(charge, call()), async {
                world.env.sleep(Duration::from_millis(500)).await;
                world.gateway.cancel(Cancel::new(order("o")), call()).await
            });
            assert_eq!(fate(&charged), Fate::Applied, "{charged:?}");
            let ledger = world.sandbox.ledger();
            if hold {
                assert_eq!(fate(&canceled), Fate::Applied, "{canceled:?}");
                assert_eq!((ledger.held("o"), ledger.taken("o")), (0, 0));
                assert_eq!(world.gateway.payment(&order("o")).await.unwrap().status, Status::Canceled);
            } else {
                assert_eq!(canceled.unwrap_err().kind(), ErrorKind::Conflict);
                assert_eq!(ledger.taken("o"), 1000);
                assert_eq!(world.gateway.payment(&order("o")).await.unwrap().status, Status::Paid);
            }
        });
    }
}

#[test]
fn a_payment_that_waits_for_its_payer_is_canceled_and_the_payer_comes_too_late() {
    on_virtual_time(async {
        let world = World::quiet(4);
        let waiting = world.gateway.charge(with_card("o", CHALLENGED).return_url("https://shop.invalid/back"), call()).await;
        let intent = waiting.unwrap().value.provider_id.unwrap();
        let payment = world.gateway.cancel(Cancel::new(order("o")), call()).await.unwrap().value;
        assert_eq!(payment.status, Status::Canceled);
        assert!(payment.next_action.is_none());
        assert!(world.sandbox.payer_approves(&intent).is_err());
        assert!(world.sandbox.payer_pays_client_secret(&secret(&world, &intent)).is_err());
        // Twice is once.
        assert_eq!(fate(&world.gateway.cancel(Cancel::new(order("o")), call()).await), Fate::Applied);
        // The next attempt may open: the first is dead.
        assert_eq!(fate(&world.gateway.charge(second("o"), call()).await), Fate::Applied);
        assert_eq!((world.sandbox.ledger().charges("o"), world.sandbox.ledger().audit().len()), (1, 0));
    });
}

#[test]
fn the_second_attempt_cancels_the_declined_first_before_anything_of_it_exists() {
    on_virtual_time(async {
        let world = World::quiet(5);
        let declined = world.gateway.charge(with_card("o", DECLINED), call()).await.unwrap_err();
        assert_eq!((declined.kind(), declined.fate()), (ErrorKind::Declined, Fate::NotApplied));
        let first = declined.payment().unwrap().provider_id.clone().unwrap();
        assert_eq!(status(&world, &first), "requires_payment_method", "a declined intent stays payable");
        let paid = world.gateway.charge(second("o"), call()).await.unwrap().value;
        assert_eq!((paid.status, paid.attempt), (Status::Paid, AttemptNo::FIRST.next()));
        let events: Vec<(String, String)> = world
            .sandbox
            .events()
            .iter()
            .map(|event| (event["type"].as_str().unwrap().to_owned(), event["data"]["object"]["id"].as_str().unwrap().to_owned()))
            .collect();
        let place = |kind: &str, id: &str| events.iter().position(|event| *event == (kind.to_owned(), id.to_owned())).unwrap();
        let other = paid.provider_id.unwrap();
        assert!(place("payment_intent.canceled", &first) < place("payment_intent.created", &other), "{events:?}");
        assert!(world.sandbox.payer_pays_client_secret(&secret(&world, &first)).is_err());
        assert_eq!(world.sandbox.ledger().charges("o"), 1);
    });
}

#[test]
fn a_second_attempt_does_not_open_when_the_cancel_of_the_first_is_lost() {
    for fault in [Fault::CloseBefore, Fault::CloseAfter, Fault::Unavailable, Fault::Refuse] {
        on_virtual_time(async {
            let world = World::quiet(6);
            let declined = world.gateway.charge(with_card("o", DECLINED), call()).await.unwrap_err();
            let first = declined.payment().unwrap().provider_id.clone().unwrap();
            world.sandbox.faults().script_in(Scope::matching("POST", "/v1/payment_intents/*/cancel"), [fault; 40]);
            world.sandbox.faults().script_in(Scope::matching("GET", "/v1/payment_intents/*"), [Fault::CloseBefore; 40]);
            let told = world.gateway.charge(second("o"), call()).await.unwrap_err();
            assert_eq!(told.kind(), ErrorKind::StillPayable, "{fault:?}: {told}");
            assert_eq!(world.sandbox.intents().len(), 1, "{fault:?}: opened over a live attempt");
            // The payer pays late, if the provider lets him.
            let late = world.sandbox.payer_pays_client_secret(&secret(&world, &first)).is_ok();
            world.sandbox.faults().none();
            world.let_time_pass().await;
            let again = world.gateway.charge(second("o"), call()).await;
            world.let_time_pass().await;
            let ledger = world.sandbox.ledger();
            assert_eq!(ledger.charges("o"), 1, "{fault:?}: late {late}, {again:?}");
            assert!(ledger.audit().is_empty());
            assert_eq!(late, again.is_err(), "{fault:?}: {again:?}");
            assert!(world.gateway.doubts(9).await.unwrap().is_empty(), "{fault:?}");
        });
    }
}

#[test]
fn a_late_payment_on_the_declined_intent_and_a_second_attempt_never_both_take_money() {
    for pause in [0, 5, 15, 25, 35, 45, 60, 80, 100, 150_u64] {
        for heard in [true, false] {
            on_virtual_time(async {
                let world = World::quiet(pause);
                if heard {
                    world.hears();
                }
                let declined = world.gateway.charge(with_card("o", DECLINED), call()).await.unwrap_err();
                let first = declined.payment().unwrap().provider_id.clone().unwrap();
                let key = secret(&world, &first);
                let (told, late) = tokio::join!(world.gateway.charge(second("o"), call()), async {
                    world.env.sleep(Duration::from_millis(pause)).await;
                    world.sandbox.payer_pays_client_secret(&key)
                });
                world.let_time_pass().await;
                let ledger = world.sandbox.ledger();
                assert_eq!(ledger.charges("o"), 1, "{pause} ms: {told:?} and {late:?}");
                assert!(ledger.audit().is_empty(), "{pause} ms");
                assert_eq!(late.is_ok(), told.is_err(), "{pause} ms: {told:?} and {late:?}");
                let payment = world.gateway.payment(&order("o")).await.unwrap();
                assert_eq!(payment.status, Status::Paid, "{pause} ms, heard {heard}: {payment:?}");
                assert!(payment.blocked.is_none_or(|block| block == Block::LateSuccess), "{pause} ms");
                assert_eq!(payment.attempt == AttemptNo::FIRST, late.is_ok());
            });
        }
    }
}

#[test]
fn no_second_attempt_opens_while_the_first_is_in_doubt_or_waits() {
    on_virtual_time(async {
        let world = World::quiet(8);
        world.gateway.charge(with_card("waits", CHALLENGED).return_url("https://shop.invalid"), call()).await.unwrap();
        let told = world.gateway.charge(second("waits"), call()).await.unwrap_err();
        assert_eq!(told.kind(), ErrorKind::StillPayable);
        world.gateway.charge(with_card("works", "pm_card_processing"), call()).await.unwrap();
        let told = world.gateway.charge(second("works"), call()).await.unwrap_err();
        assert_eq!(told.kind(), ErrorKind::StillPayable);
        world.sandbox.faults().script_in(Scope::matching("POST", CONFIRM), [Fault::CloseAfter; 30]);
        assert_eq!(fate(&world.gateway.charge(card("doubt"), call()).await), Fate::Unknown);
        let told = world.gateway.charge(second("doubt"), call()).await.unwrap_err();
        assert_eq!((told.kind(), told.fate()), (ErrorKind::StillPayable, Fate::NotApplied));
        world.sandbox.faults().none();
        world.let_time_pass().await;
        assert_eq!(world.gateway.charge(second("doubt"), call()).await.unwrap_err().kind(), ErrorKind::AlreadyDone);
        for no in ["doubt", "works"] {
            assert_eq!(world.sandbox.ledger().charges(no), 1, "{no}");
        }
    });
}

#[test]
fn two_second_attempts_at_once_are_one() {
    on_virtual_time(async {
        let world = World::quiet(9);
        let other = world.second_process();
        world.gateway.charge(with_card("o", DECLINED), call()).await.unwrap_err();
        let (here, there) = tokio::join!(world.gateway.charge(second("o"), call()), other.charge(second("o"), call()));
        assert_eq!((fate(&here), fate(&there)), (Fate::Applied, Fate::Applied), "{here:?} {there:?}");
        assert_eq!((world.sandbox.ledger().charges("o"), world.sandbox.intents().len()), (1, 2));
        let client = paysluice::adapter::Charge::new(order("o"), paysluice_tests::eur(1000), Method::Client);
        let third = world.gateway.charge(client.attempt(AttemptNo::FIRST.next().next()), Call::default()).await;
        assert_eq!(third.unwrap_err().kind(), ErrorKind::AlreadyDone);
    });
}
