//! The same asking twice is one operation.

use super::world::*;
use crate::gateway::*;
use crate::model::*;

#[tokio::test(start_paused = true)]
async fn two_callers_of_one_order_make_one_charge() {
    let world = World::new();
    let (one, two) = tokio::join!(world.charge("a", "ok"), world.charge("a", "ok"));
    assert_eq!((one.unwrap().status, two.unwrap().status), (Status::Paid, Status::Paid));
    assert_eq!((world.bank.of("a", &[]).len(), world.bank.requests("/confirm")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn two_processes_make_one_charge() {
    let world = World::new();
    let other = world.another();
    let (one, two) = tokio::join!(world.charge("a", "ok"), other.charge(charge("a", "ok"), Call::default()));
    assert_eq!((one.unwrap().status, two.unwrap().value.status), (Status::Paid, Status::Paid));
    assert_eq!((world.bank.of("a", &[]).len(), world.bank.requests("/confirm")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_stops_nothing_and_is_told() {
    let world = World::new();
    let gone = tokio::time::timeout(std::time::Duration::from_millis(30), world.charge("a", "ok")).await;
    assert!(gone.is_err());
    world.pass(5).await;
    assert_eq!(world.payment("a").await.status, Status::Paid);
    assert_eq!(world.ear.heard(), [(ToldChange::Payment, Status::Paid)]);
    assert_eq!(world.charge("a", "ok").await.unwrap().status, Status::Paid);
    assert_eq!(world.bank.requests("/confirm"), 1);
}

#[tokio::test(start_paused = true)]
async fn other_money_at_the_same_time_does_not_join() {
    let world = World::new();
    let mut other = charge("a", "ok");
    other.money = eur(200);
    let (one, two) = tokio::join!(world.charge("a", "ok"), world.send(other));
    assert_eq!((one.unwrap().status, two.unwrap_err().kind()), (Status::Paid, ErrorKind::Conflict));
    assert_eq!(world.bank.of("a", &[]).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn other_money_under_the_same_number_is_a_conflict_and_sends_nothing() {
    let world = World::new();
    world.charge("a", "ok").await.unwrap();
    let sent = world.bank.ledger().log.len();
    let mut other = charge("a", "ok");
    other.money = eur(200);
    let error = world.send(other).await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Conflict, Fate::NotApplied));
    assert_eq!(world.bank.ledger().log.len(), sent);
}
