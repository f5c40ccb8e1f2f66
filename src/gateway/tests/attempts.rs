//! At most one attempt of an order is live.

use super::bank::Fault;
use super::toy::Toy;
use super::world::*;
use crate::gateway::*;
use crate::model::*;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn the_second_attempt_cancels_the_declined_first_and_sees_it_dead() {
    let world = World::new();
    let error = world.charge("a", "declined").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Declined, Some("card_declined")));
    assert!(error.payment().is_some());
    let paid = world.send(charge("a", "ok").attempt(attempt(2))).await.unwrap();
    assert_eq!((paid.status, paid.attempt), (Status::Paid, attempt(2)));
    assert_eq!((world.bank.of("a", &["canceled"]).len(), world.bank.of("a", &["paid"]).len()), (1, 1));
    let again = world.charge("a", "declined").await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Declined);
    assert_eq!(world.bank.requests("/confirm"), 2);
}

#[tokio::test(start_paused = true)]
async fn no_second_attempt_opens_while_the_cancel_of_the_first_is_in_doubt() {
    let world = World::new();
    world.charge("a", "declined").await.unwrap_err();
    (0..900).for_each(|_| world.bank.fail("/payments/", Fault::LostBefore));
    let error = world.send(charge("a", "ok").attempt(attempt(2))).await.unwrap_err();
    assert_eq!((error.kind(), world.bank.of("a", &[]).len()), (ErrorKind::StillPayable, 1), "{error}");
    world.bank.ledger().clear_faults();
    world.pass(600).await;
    assert_eq!(world.send(charge("a", "ok").attempt(attempt(2))).await.unwrap().status, Status::Paid);
}

#[tokio::test(start_paused = true)]
async fn while_an_attempt_is_in_doubt_no_other_opens() {
    let world = World::of(Toy { replay: Duration::ZERO, ..Toy::new() }, 1);
    world.bank.fail("/confirm", Fault::LostAfter);
    assert_eq!(world.charge("a", "ok").await.unwrap_err().fate(), Fate::Unknown);
    let error = world.send(charge("a", "ok").attempt(attempt(2))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StillPayable);
    world.pass(20).await;
    let error = world.send(charge("a", "ok").attempt(attempt(2))).await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::AlreadyDone, Fate::Applied));
    assert_eq!(world.bank.of("a", &[]).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn attempts_are_numbered_without_gaps() {
    let world = World::new();
    for no in [2, 7] {
        let error = world.send(charge("a", "ok").attempt(attempt(no))).await.unwrap_err();
        assert_eq!((error.kind(), world.bank.ledger().log.len()), (ErrorKind::Invalid, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_charge_that_was_released_goes_on_with_the_payment_it_had_made() {
    let world = World::new();
    (0..60).for_each(|_| world.bank.fail("/confirm", Fault::Unsent));
    let error = world.charge("a", "ok").await.unwrap_err();
    assert_eq!(error.fate(), Fate::NotApplied, "{error}");
    world.bank.ledger().clear_faults();
    world.pass(600).await;
    assert!(world.bank.of("a", &["paid"]).is_empty());
    assert_eq!(world.charge("a", "ok").await.unwrap().status, Status::Paid);
    assert_eq!(world.bank.of("a", &[]).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_attempts_with_money_are_told_as_paid_twice() {
    let world = World::new();
    world.charge("a", "declined").await.unwrap_err();
    world.send(charge("a", "ok").attempt(attempt(2))).await.unwrap();
    let mut first = world.bank.of("a", &["canceled"]).pop().unwrap();
    first["state"] = "paid".into();
    world.gateway.receive(&world.bank.callback("late", &first)).await;
    world.pass(5).await;
    assert_eq!(world.ear.count(|change| *change == ToldChange::DuplicatePaid), 1);
    assert_eq!(world.payment("a").await.blocked, Some(Block::DuplicatePaid));
}
