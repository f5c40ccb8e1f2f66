//! A cancel that comes while its charge is under way is remembered, whoever has stopped waiting for it.

use std::time::Duration;

use super::bank::Fault;
use super::world::*;
use crate::adapter::*;
use crate::gateway::*;
use crate::model::*;

const SLOW: Fault = Fault::Slow(Duration::from_secs(20));

fn shortly() -> Call {
    Call::within(Duration::from_secs(2))
}

#[tokio::test(start_paused = true)]
async fn a_cancel_nobody_waits_for_ends_the_charge_that_comes_to_hold_money() {
    for crash in [false, true] {
        let mut world = World::new();
        world.bank.fail("/confirm", SLOW);
        let held = charge("a", "ok").capture_later();
        assert_eq!(world.gateway.charge(held, shortly()).await.unwrap_err().kind(), ErrorKind::InFlight);
        let error = world.gateway.cancel(Cancel::new(order_no("a")), shortly()).await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::InFlight, Fate::Unknown));
        if crash {
            world.crash();
        }
        world.pass(120).await;
        assert_eq!(world.payment("a").await.status, Status::Canceled, "crash: {crash}");
        assert_eq!((world.bank.of("a", &["canceled"]).len(), world.bank.of("a", &[]).len()), (1, 1));
        let settled = world.gateway.settled(order_no("a"), shortly()).await.unwrap();
        assert_eq!(settled.value.status, Status::Canceled);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_comes_too_late_is_told_so_and_leaves_the_payment_refundable() {
    let world = World::new();
    world.bank.fail("/confirm", SLOW);
    world.gateway.charge(charge("a", "ok"), shortly()).await.unwrap_err();
    world.gateway.cancel(Cancel::new(order_no("a")), shortly()).await.unwrap_err();
    world.pass(120).await;
    assert_eq!(world.payment("a").await.status, Status::Paid);
    let error = world.cancel("a").await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Conflict, Fate::NotApplied), "{error}");
    world.refund("a", "1", 40).await.unwrap();
    assert_eq!(world.gateway.settled(order_no("a"), shortly()).await.unwrap().value.refunded, eur(40));
}
