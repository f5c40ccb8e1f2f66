//! Law 1 to 4: all fault scripts up to length 4 against every operation; at most one charge, and every fate true to the ledger.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::time::Duration;

use paysluice::adapter::{Cancel, Capture, Refund};
use paysluice::gateway::{Call, PaymentChannel};
use paysluice::model::{CaptureNo, Fate, RefundNo, Status};
use paysluice_sandbox::Fault;
use paysluice_tests::scripts::{FAULTS, all, insist};
use paysluice_tests::{Setup, World, call, card, eur, fate, order};

#[test]
fn a_charge_whose_preparing_step_meets_every_script_is_told_truly() {
    all(&FAULTS, 4, Setup::default, async |world, script| charge_under(world, script, call()).await);
}

#[test]
fn a_charge_whose_money_moving_step_meets_every_script_is_made_at_most_once_and_told_truly() {
    all(&FAULTS, 4, Setup::default, async |world, script| {
        let after_the_first_step: Vec<Fault> = [Fault::Pass].into_iter().chain(script.iter().copied()).collect();
        charge_under(world, &after_the_first_step, call()).await;
    });
}

async fn charge_under(world: &World, script: &[Fault], patience: Call) {
    world.sandbox.faults().script(script.to_vec());
    let told = world.gateway.charge(card("o"), patience).await;
    // What runs on after the deadline is unknown to the caller; let it end before the ledger is asked.
    world.env.sleep(Duration::from_secs(200)).await;
    let taken = world.sandbox.ledger().taken("o");
    match fate(&told) {
        Fate::NotApplied => assert_eq!(taken, 0, "{script:?}: told {told:?}"),
        Fate::Applied => assert_eq!(taken, 1000, "{script:?}: told {told:?}"),
        Fate::Unknown => {}
    }
    world.let_time_pass().await;
    let ledger = world.sandbox.ledger();
    assert!(ledger.charges("o") <= 1 && ledger.audit().is_empty(), "{script:?}: {:?}", ledger.audit());
    if fate(&told) == Fate::NotApplied {
        assert_eq!(ledger.taken("o"), 0, "{script:?}: charged after {told:?}");
        world.sandbox.faults().none();
        // The same asking again, now that all is well, charges once.
        let again = insist(world, || world.gateway.charge(card("o"), call())).await;
        assert_eq!(fate(&again), Fate::Applied, "{script:?}: {told:?} then {again:?}");
        assert_eq!(world.sandbox.ledger().charges("o"), 1, "{script:?}");
        return;
    }
    let doubts = world.gateway.doubts(10).await.unwrap();
    assert!(doubts.is_empty(), "{script:?}: {told:?} left {doubts:?}");
    let payment = world.gateway.payment(&order("o")).await.unwrap();
    assert_eq!(payment.status == Status::Paid, ledger.taken("o") == 1000, "{script:?}: {payment:?}");
    assert_eq!(payment.captured.minor(), ledger.taken("o"), "{script:?}");
}

#[test]
fn a_capture_under_every_script_takes_at_most_what_was_asked() {
    all(&FAULTS, 4, Setup::default, async |world, script| capture_under(world, script, call()).await);
}

async fn capture_under(world: &World, script: &[Fault], patience: Call) {
    world.gateway.charge(card("o").capture_later(), call()).await.unwrap();
    world.sandbox.faults().script(script.to_vec());
    let capture = Capture::new(order("o"), CaptureNo::new("c").unwrap(), eur(700));
    let told = world.gateway.capture(capture.clone(), patience).await;
    world.env.sleep(Duration::from_secs(200)).await;
    match fate(&told) {
        Fate::NotApplied => assert_eq!(world.sandbox.ledger().taken("o"), 0, "{script:?}: told {told:?}"),
        Fate::Applied => assert_eq!(world.sandbox.ledger().taken("o"), 700, "{script:?}: told {told:?}"),
        Fate::Unknown => {}
    }
    world.let_time_pass().await;
    let taken = world.sandbox.ledger().taken("o");
    assert!(taken == 0 || taken == 700, "{script:?}: {taken}");
    assert!(world.sandbox.ledger().audit().is_empty(), "{script:?}");
    if fate(&told) == Fate::NotApplied {
        assert_eq!(taken, 0, "{script:?}: captured after {told:?}");
        return;
    }
    assert!(world.gateway.doubts(10).await.unwrap().is_empty(), "{script:?}: {told:?}");
    let payment = world.gateway.payment(&order("o")).await.unwrap();
    assert_eq!(payment.captured.minor(), taken, "{script:?}: {payment:?}");
}

#[test]
fn a_refund_under_every_script_gives_back_at_most_once() {
    all(&FAULTS, 4, Setup::default, async |world, script| refund_under(world, script, call()).await);
}

async fn refund_under(world: &World, script: &[Fault], patience: Call) {
    world.gateway.charge(card("o"), call()).await.unwrap();
    world.sandbox.faults().script(script.to_vec());
    let refund = Refund::new(order("o"), RefundNo::new("r").unwrap(), eur(300));
    let told = world.gateway.refund(refund.clone(), patience).await;
    world.env.sleep(Duration::from_secs(200)).await;
    match fate(&told) {
        Fate::NotApplied => assert_eq!(world.sandbox.ledger().refunded("o"), 0, "{script:?}: told {told:?}"),
        Fate::Applied => assert_eq!(world.sandbox.ledger().refunded("o"), 300, "{script:?}: told {told:?}"),
        Fate::Unknown => {}
    }
    world.let_time_pass().await;
    let refunded = world.sandbox.ledger().refunded("o");
    assert!(refunded == 0 || refunded == 300, "{script:?}: {refunded}");
    if fate(&told) == Fate::NotApplied {
        assert_eq!(refunded, 0, "{script:?}: refunded after {told:?}");
        world.sandbox.faults().none();
        let again = insist(world, || world.gateway.refund(refund.clone(), call())).await;
        assert_eq!(fate(&again), Fate::Applied, "{script:?}: {told:?} then {again:?}");
        assert_eq!(world.sandbox.ledger().refunded("o"), 300, "{script:?}");
        return;
    }
    assert!(world.gateway.doubts(10).await.unwrap().is_empty(), "{script:?}: {told:?}");
    let payment = world.gateway.payment(&order("o")).await.unwrap();
    let ours: i64 = payment.refunds.iter().filter(|part| part.status.holds_money()).map(|part| part.money.minor()).sum();
    assert_eq!(ours, refunded, "{script:?}: {payment:?}");
}

#[test]
fn a_cancel_under_every_script_lets_the_money_go_and_never_lies() {
    all(&FAULTS, 4, Setup::default, async |world, script| {
        world.gateway.charge(card("o").capture_later(), call()).await.unwrap();
        world.sandbox.faults().script(script.to_vec());
        let told = world.gateway.cancel(Cancel::new(order("o")), call()).await;
        world.env.sleep(Duration::from_secs(200)).await;
        match fate(&told) {
            Fate::NotApplied => assert_eq!(world.sandbox.ledger().held("o"), 1000, "{script:?}: told {told:?}"),
            Fate::Applied => assert_eq!(world.sandbox.ledger().held("o"), 0, "{script:?}: told {told:?}"),
            Fate::Unknown => {}
        }
        world.let_time_pass().await;
        if fate(&told) == Fate::NotApplied {
            return;
        }
        assert_eq!(world.sandbox.ledger().held("o"), 0, "{script:?}: {told:?}");
        assert!(world.gateway.doubts(10).await.unwrap().is_empty(), "{script:?}: {told:?}");
        let payment = world.gateway.payment(&order("o")).await.unwrap();
        assert_eq!(payment.status, Status::Canceled, "{script:?}: {told:?}");
    });
}

/// A caller who leaves early ends the loop in the middle of its doubts: the last answer he gets is not the whole story.
#[test]
fn a_caller_in_a_hurry_is_told_the_truth_too() {
    let hurried = Call::within(Duration::from_millis(400));
    all(&FAULTS, 3, Setup::default, async |world, script| {
        let after_the_first_step: Vec<Fault> = [Fault::Pass].into_iter().chain(script.iter().copied()).collect();
        charge_under(world, &after_the_first_step, hurried).await;
    });
    all(&FAULTS, 3, Setup::default, async |world, script| capture_under(world, script, hurried).await);
    all(&FAULTS, 3, Setup::default, async |world, script| refund_under(world, script, hurried).await);
}
