//! Laws 4 to 6 and 12 under a store that fails at any of its calls: the truth is told, nothing is charged twice, all settles.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use paysluice::adapter::{Capture, Charge, Method, Refund};
use paysluice::gateway::{Call, PaymentChannel};
use paysluice::model::{CaptureNo, Currency, ErrorKind, Fate, Money, RefundNo, Status};
use paysluice::store::Store;
use paysluice::transport::Transport;
use paysluice_tests::ear::Ear;
use paysluice_tests::shaky::{Break, Outage, Shaky};
use paysluice_tests::wire::Wire;
use paysluice_tests::{Channel, Setup, World, call, card, eur, fate, on_virtual_time, order};

/// A world with a shaky store and a watched wire.
struct Shaken {
    world: World,
    store: Arc<Shaky>,
    wire: Arc<Wire>,
    ear: Arc<Ear>,
}

fn shaken(background: bool) -> Shaken {
    shaken_by(Channel::Stripe, background)
}

fn shaken_by(channel: Channel, background: bool) -> Shaken {
    let (kept, seen) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::new(None)));
    let (keep, see) = (Arc::clone(&kept), Arc::clone(&seen));
    let ear = Ear::new();
    let setup = Setup {
        seed: 11,
        channel,
        background,
        handler: Some(ear.clone()),
        store: Some(Box::new(move |env, store| -> Arc<dyn Store> {
            let shaky = Shaky::new(env, store);
            *keep.lock().unwrap() = Some(Arc::clone(&shaky));
            shaky
        })),
        wire: Some(Box::new(move |env, wire| -> Arc<dyn Transport> {
            let wire = Wire::new(env, wire);
            *see.lock().unwrap() = Some(Arc::clone(&wire));
            wire
        })),
        every: Some(Duration::from_secs(5)),
        ..Setup::default()
    };
    let world = World::with(setup);
    let store = kept.lock().unwrap().take().unwrap();
    let wire = seen.lock().unwrap().take().unwrap();
    Shaken { world, store, wire, ear }
}

/// Every outage: at each of the first `calls` calls, short (one retry mends it) and long (no retry does), in every way.
fn outages(calls: usize) -> impl Iterator<Item = Outage> {
    let ways =
        [(Break::Before, 1), (Break::Before, 12), (Break::After, 1), (Break::After, 3), (Break::After, 12), (Break::Full, 3)];
    ways.into_iter().flat_map(move |(how, lasts)| (0..calls).map(move |from| Outage { from, calls: lasts, how }))
}

fn charged(world: &World, outage: Outage, told: Fate, expected: i64, was: i64) {
    match told {
        Fate::Applied => assert_eq!(was, expected, "{outage:?}: told applied"),
        Fate::NotApplied => assert_eq!(was, 0, "{outage:?}: told not applied"),
        Fate::Unknown => {}
    }
    assert!(world.sandbox.ledger().audit().is_empty(), "{outage:?}");
}

#[test]
fn a_charge_over_a_store_that_fails_at_any_call_is_told_truly_and_made_at_most_once() {
    let calls = on_virtual_time(async {
        let shaken = shaken(false);
        shaken.world.gateway.charge(card("o"), call()).await.unwrap();
        shaken.store.calls()
    });
    assert!((6..40).contains(&calls), "{calls} calls to the store for one charge");
    for background in [false, true] {
        for outage in outages(calls + 2) {
            on_virtual_time(async {
                let Shaken { world, store, ear, .. } = shaken(background);
                world.sleep(1).await;
                store.fail(outage);
                let told = world.gateway.charge(card("o"), call()).await;
                world.sleep(90).await;
                store.recover();
                charged(&world, outage, fate(&told), 1000, world.sandbox.ledger().taken("o"));
                if background {
                    world.sleep(900).await;
                } else {
                    world.let_time_pass().await;
                }
                charged(&world, outage, fate(&told), 1000, world.sandbox.ledger().taken("o"));
                let context = format!("{outage:?}, background {background}: {told:?}");
                assert!(world.gateway.doubts(9).await.unwrap().is_empty(), "{context}");
                let taken = world.sandbox.ledger().taken("o");
                if let Ok(payment) = world.gateway.payment(&order("o")).await {
                    assert_eq!(payment.captured.minor(), taken, "{context}: {payment:?}");
                } else {
                    assert_eq!(taken, 0, "{context}: taken, and the store knows nothing");
                }
                // The same asking, now that all is well, ends in one charge.
                let again = world.gateway.charge(card("o"), call()).await;
                assert_eq!(fate(&again), Fate::Applied, "{context}, then {again:?}");
                assert_eq!((world.sandbox.ledger().charges("o"), world.sandbox.ledger().taken("o")), (1, 1000), "{context}");
                world.sleep(if background { 400 } else { 0 }).await;
                assert!(!background || ear.told_status("o", &Status::Paid) == 1, "{context}: {:?}", ear.effects());
            });
        }
    }
}

#[test]
fn captures_and_refunds_over_a_store_that_fails_at_any_call_move_their_money_at_most_once() {
    for outage in outages(14) {
        on_virtual_time(async {
            let Shaken { world, store, .. } = shaken(false);
            world.gateway.charge(card("o").capture_later(), call()).await.unwrap();
            store.fail(outage);
            let capture = Capture::new(order("o"), CaptureNo::new("c").unwrap(), eur(800));
            let told = world.gateway.capture(capture.clone(), call()).await;
            world.sleep(90).await;
            store.recover();
            charged(&world, outage, fate(&told), 800, world.sandbox.ledger().taken("o"));
            world.let_time_pass().await;
            charged(&world, outage, fate(&told), 800, world.sandbox.ledger().taken("o"));
            if world.sandbox.ledger().held("o") > 0 {
                // Let go of by the bank, or not captured: asked again, it is done or truly refused.
                let again = world.gateway.capture(capture, call()).await;
                assert!(again.is_ok(), "{outage:?}: {told:?} then {again:?}");
            }
            assert!(world.gateway.doubts(9).await.unwrap().is_empty(), "{outage:?}: {told:?}");

            world.gateway.charge(card("p"), call()).await.unwrap();
            store.fail(outage);
            let refund = Refund::new(order("p"), RefundNo::new("r").unwrap(), eur(300));
            let told = world.gateway.refund(refund.clone(), call()).await;
            world.sleep(90).await;
            store.recover();
            charged(&world, outage, fate(&told), 300, world.sandbox.ledger().refunded("p"));
            world.let_time_pass().await;
            charged(&world, outage, fate(&told), 300, world.sandbox.ledger().refunded("p"));
            let again = world.gateway.refund(refund, call()).await;
            assert_eq!(fate(&again), Fate::Applied, "{outage:?}: {told:?} then {again:?}");
            assert_eq!(world.sandbox.ledger().refunded("p"), 300, "{outage:?}");
            let payment = world.gateway.payment(&order("p")).await.unwrap();
            assert_eq!(payment.refunds.len(), 1, "{outage:?}: {payment:?}");
        });
    }
}

#[test]
fn a_store_that_is_lost_after_the_provider_answered_does_not_lose_the_answer() {
    for (token, status) in [("pm_card_visa", Some(Status::Paid)), ("pm_card_chargeDeclined", None)] {
        on_virtual_time(async {
            let Shaken { world, store, wire, .. } = shaken(false);
            let lose = async {
                while wire.count("/confirm") == 0 {
                    world.env.sleep(Duration::from_millis(1)).await;
                }
                store.fail(Outage { from: 0, calls: usize::MAX, how: Break::Before });
            };
            let (told, ()) = tokio::join!(world.gateway.charge(paysluice_tests::with_card("o", token), call()), lose);
            match &status {
                Some(status) => assert_eq!(told.as_ref().map(|answer| &answer.value.status).ok(), Some(status), "{told:?}"),
                None => assert_eq!(fate(&told), Fate::NotApplied, "{told:?}"),
            }
            world.sleep(1).await;
            store.recover();
            world.sleep(30).await;
            let payment = world.gateway.payment(&order("o")).await.unwrap();
            assert_eq!(payment.status, status.unwrap_or(Status::Declined), "settled as soon as the store is back");
            assert_eq!(wire.count("/confirm"), 1, "and without asking the provider again");
        });
    }
}

#[test]
fn a_sender_whose_store_stalls_past_its_time_does_not_send() {
    on_virtual_time(async {
        let calls = shaken(false);
        calls.world.gateway.charge(card("o"), call()).await.unwrap();
        for from in 0..calls.store.calls() {
            let Shaken { world, store, wire, .. } = shaken(false);
            let other = world.second_process();
            store.fail(Outage { from, calls: 1, how: Break::Stalled });
            let patient = Call::within(Duration::from_secs(20));
            let begun = world.env.now();
            let (told, ()) = tokio::join!(world.gateway.charge(card("o"), patient), async {
                for _ in 0..20 {
                    world.sleep(10).await;
                    other.resolve_due().await.unwrap();
                }
            });
            let late: Vec<_> = wire.lines().into_iter().filter(|line| line.at.since(begun) > Duration::from_secs(55)).collect();
            assert!(late.is_empty(), "stalled at call {from}: sent after its time: {late:?}, told {told:?}");
            world.let_time_pass().await;
            let ledger = world.sandbox.ledger();
            charged(&world, Outage { from, calls: 1, how: Break::Stalled }, fate(&told), 1000, ledger.taken("o"));
            assert!(ledger.charges("o") <= 1);
            let again = world.gateway.charge(card("o"), call()).await;
            assert_eq!(fate(&again), Fate::Applied, "stalled at call {from}: {told:?} then {again:?}");
            assert_eq!(world.sandbox.ledger().charges("o"), 1, "stalled at call {from}");
        }
    });
}

/// Found by a storm: the code was shown, the process died before the store came back, and whoever took over found an order of which
/// "nothing was asked that could take money". It counted as not applied, and could be charged again, while the payer paid the code.
#[test]
fn nobody_is_shown_how_to_pay_before_it_is_written_down() {
    on_virtual_time(async {
        let Shaken { world, store, wire, .. } = shaken_by(Channel::WechatPay, false);
        let yuan = Money::new(1000, Currency::parse("CNY").unwrap()).unwrap();
        let by_code = || Charge::new(order("o"), yuan, Method::Qr);
        let lose = async {
            while wire.count("/native") == 0 {
                world.env.sleep(Duration::from_millis(1)).await;
            }
            store.fail(Outage { from: 0, calls: usize::MAX, how: Break::Before });
        };
        let (told, ()) = tokio::join!(world.gateway.charge(by_code(), call()), lose);
        let error = told.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::StoreFailed, Fate::Unknown), "{error}");
        assert!(error.payment().is_none_or(|payment| payment.next_action.is_none()), "{error:?}");
        // Its settling is given up after some minutes, as if the process had died; another finds what it left.
        world.sleep(600).await;
        store.recover();
        let other = world.second_process();
        other.resolve_due().await.unwrap();
        let payment = other.charge(by_code(), call()).await.unwrap().value;
        assert_eq!(payment.status, Status::AwaitingPayer);
        assert!(payment.next_action.is_some());
        assert_eq!(world.sandbox.wechatpay().orders().len(), 1, "the same order at the provider");
    });
}
