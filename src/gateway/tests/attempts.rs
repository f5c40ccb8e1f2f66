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

#[tokio::test(start_paused = true)]
async fn an_overlap_is_asked_for_and_what_is_paid_twice_by_it_is_told_and_given_back_once() {
    let world = World::new();
    let second = || charge("a", "ok").attempt(attempt(2));
    assert_eq!(world.charge("a", "payer").await.unwrap().status, Status::AwaitingPayer);
    assert_eq!(world.send(second()).await.unwrap_err().kind(), ErrorKind::StillPayable);
    assert_eq!(world.send(second().overlapping()).await.unwrap().status, Status::Paid);
    let error = world.gateway.return_duplicates(&order_no("a"), Call::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Conflict, Fate::NotApplied));
    world.bank.pays("a");
    world.pass(120).await;
    assert_eq!(world.ear.count(|change| *change == ToldChange::DuplicatePaid), 1);
    for _ in 0..2 {
        let given = world.gateway.return_duplicates(&order_no("a"), Call::default()).await.unwrap().value;
        assert_eq!((given.attempt, given.refunded), (attempt(2), eur(100)));
    }
    let refunded: Vec<_> = world.bank.of("a", &["paid"]).iter().map(|payment| payment["refunded"].as_i64().unwrap()).collect();
    assert_eq!(refunded.iter().sum::<i64>(), 100);
    // With money on it, no third opens, whoever asks how.
    assert_eq!(world.send(charge("a", "ok").attempt(attempt(3)).overlapping()).await.unwrap_err().kind(), ErrorKind::AlreadyDone);
}

#[tokio::test(start_paused = true)]
async fn what_is_in_doubt_is_never_overlapped() {
    let world = World::of(Toy { replay: Duration::ZERO, ..Toy::new() }, 1);
    world.bank.fail("/confirm", Fault::LostAfter);
    world.charge("a", "ok").await.unwrap_err();
    let error = world.send(charge("a", "ok").attempt(attempt(2)).overlapping()).await.unwrap_err();
    assert_eq!((error.kind(), world.bank.of("a", &[]).len()), (ErrorKind::StillPayable, 1));
}
