//! What is not proved is unknown, and stays so until evidence comes.

use std::time::Duration;

use super::bank::Fault;
use super::toy::Toy;
use super::world::*;
use crate::gateway::*;
use crate::model::*;
use crate::store::SpaceKind;

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_again_under_the_same_key() {
    for fault in [Fault::LostBefore, Fault::LostAfter, Fault::ErrorAfter, Fault::Garbage, Fault::Throttled, Fault::Unsent] {
        let world = World::new();
        world.bank.fail("/confirm", fault);
        assert_eq!(world.charge("a", "ok").await.unwrap().status, Status::Paid, "{fault:?}");
        let ledger = world.bank.ledger();
        let keys: Vec<_> =
            ledger.log.iter().filter(|line| line.contains("/confirm")).map(|line| line.split(' ').nth(3)).collect();
        assert!(keys.len() == 2 && keys[0] == keys[1], "{fault:?} {:?}", ledger.log);
    }
}

#[tokio::test(start_paused = true)]
async fn doubt_is_not_lifted_by_a_refused_connection() {
    let world = World::new();
    world.bank.fail("/confirm", Fault::LostAfter);
    (0..60).for_each(|_| world.bank.fail("/confirm", Fault::Unsent));
    let error = world.charge("a", "ok").await.unwrap_err();
    assert_eq!(error.fate(), Fate::Unknown, "{error}");
    assert_eq!(error.next(), Next::Query);
    world.pass(7200).await;
    assert_eq!(world.payment("a").await.status, Status::Paid);
    assert_eq!(world.bank.of("a", &["paid"]).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn after_the_replay_window_a_query_settles() {
    let world = World::of(Toy { replay: Duration::ZERO, ..Toy::new() }, 1);
    world.bank.fail("/confirm", Fault::LostAfter);
    let error = world.charge("a", "ok").await.unwrap_err();
    assert_eq!((error.fate(), world.bank.requests("/confirm")), (Fate::Unknown, 1));
    world.pass(20).await;
    assert_eq!(world.payment("a").await.status, Status::Paid);
    assert_eq!(world.bank.requests("/confirm"), 1);
    assert_eq!(world.charge("a", "ok").await.unwrap().status, Status::Paid);
    assert_eq!(world.ear.heard(), [(ToldChange::Payment, Status::Paid)]);
}

#[tokio::test(start_paused = true)]
async fn what_never_arrived_is_canceled_after_the_window_and_can_be_tried_anew() {
    let world = World::of(Toy { replay: Duration::ZERO, ..Toy::new() }, 1);
    world.bank.fail("/confirm", Fault::LostBefore);
    assert_eq!(world.charge("a", "ok").await.unwrap_err().fate(), Fate::Unknown);
    world.pass(20).await;
    assert_eq!(world.bank.of("a", &["canceled"]).len(), 1);
    assert_eq!(world.charge("a", "ok").await.unwrap_err().kind(), ErrorKind::Declined);
    let second = charge("a", "ok").attempt(attempt(2));
    assert_eq!(world.send(second).await.unwrap().status, Status::Paid);
    assert!(world.doubts().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_after_the_answer_changes_no_truth() {
    for trouble in [Trouble::Before, Trouble::After] {
        let world = World::new();
        world.store.fail(Some(SpaceKind::Told), trouble, 12);
        let answer = world.charge("a", "ok").await;
        assert!(answer.as_ref().map_or_else(|error| error.fate() != Fate::NotApplied, |_| true), "{answer:?}");
        world.pass(60).await;
        assert_eq!(world.payment("a").await.status, Status::Paid, "{trouble:?}");
        assert_eq!(world.ear.count(|change| *change == ToldChange::Payment), 1, "{trouble:?}");
        assert!(world.doubts().await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_before_the_send_sends_nothing() {
    let world = World::new();
    world.store.fail(Some(SpaceKind::Intent), Trouble::Before, 3);
    let error = world.charge("a", "ok").await.unwrap_err();
    assert_eq!((error.kind(), world.bank.ledger().log.len()), (ErrorKind::StoreFailed, 0));
    assert_eq!(world.charge("a", "ok").await.unwrap().status, Status::Paid);
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_answer_was_lost_sends_once() {
    let world = World::new();
    world.store.fail(Some(SpaceKind::Intent), Trouble::After, 3);
    let error = world.charge("a", "ok").await.unwrap_err();
    assert_eq!((error.fate(), world.bank.ledger().log.len()), (Fate::Unknown, 0));
    world.pass(120).await;
    assert_eq!(world.charge("a", "ok").await.unwrap().status, Status::Paid);
    assert_eq!(world.bank.of("a", &["paid"]).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_sending_and_the_answer_is_resolved() {
    for millis in [5, 30, 60, 75, 90, 120] {
        let mut world = World::new();
        let cut = tokio::time::timeout(Duration::from_millis(millis), world.charge("a", "ok")).await;
        world.crash();
        world.pass(180).await;
        let answer = world.charge("a", "ok").await.unwrap();
        assert_eq!(answer.status, Status::Paid, "after {millis} ms: {cut:?}");
        assert_eq!((world.bank.of("a", &[]).len(), world.bank.of("a", &["paid"]).len()), (1, 1), "after {millis} ms");
        world.pass(5).await;
        assert!(world.ear.count(|change| *change == ToldChange::Payment) >= 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_operators_word_ends_a_doubt_and_money_that_shows_up_later_is_told() {
    let world = World::of(Toy { replay: Duration::ZERO, ..Toy::new() }, 1);
    world.bank.fail("/confirm", Fault::LostAfter);
    (0..900).for_each(|_| world.bank.fail("/payments/", Fault::Unsent));
    assert_eq!(world.charge("a", "ok").await.unwrap_err().fate(), Fate::Unknown);
    world.pass(30).await;
    assert_eq!(world.doubts().await.len(), 1);
    assert!(world.gateway.operator("maria", " ").is_err());
    let given_up = world.gateway.operator("maria", "the bank says no").unwrap().abandon(&order_no("a")).await.unwrap().value;
    assert_eq!((given_up.status, world.doubts().await.len()), (Status::Canceled, 0));
    world.gateway.receive(&world.bank.callback_for("a")).await;
    world.pass(5).await;
    let payment = world.payment("a").await;
    assert_eq!((payment.status, payment.blocked), (Status::Paid, Some(Block::LateSuccess)));
    assert_eq!(world.ear.count(|change| *change == ToldChange::Reversed(Reversal::LateSuccess)), 1);
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_learned_nothing_does_not_undo_what_the_resolver_found() {
    let world = World::new();
    world.bank.fail("/confirm", Fault::Slow(Duration::from_secs(50)));
    let (answer, ()) = tokio::join!(world.charge("a", "payer"), async {
        world.pass(29).await;
        world.store.fail(Some(SpaceKind::Intent), Trouble::Before, 18);
    });
    assert_eq!(answer.unwrap_err().fate(), Fate::Unknown);
    let mut found = false;
    for _ in 0..30 {
        world.pass(1).await;
        found |= world.payment("a").await.status == Status::AwaitingPayer;
        assert!(!found || world.doubts().await.is_empty());
    }
    assert!(found);
}
