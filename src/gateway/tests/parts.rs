//! What captures and refunds reserve: never more than there is, and each number once.

use std::time::Duration;

use super::bank::Fault;
use super::toy::Toy;
use super::world::*;
use crate::gateway::*;
use crate::model::*;

#[tokio::test(start_paused = true)]
async fn of_many_refunds_at_once_as_many_pass_as_there_is_money() {
    let world = World::new();
    world.charge("a", "ok").await.unwrap();
    let numbers: Vec<String> = (0..32).map(|no| format!("r{no}")).collect();
    let all = futures_util::future::join_all(numbers.iter().map(|no| world.refund("a", no, 60))).await;
    assert_eq!(all.iter().filter(|answer| answer.is_ok()).count(), 1, "{all:?}");
    assert!(all.iter().filter_map(|answer| answer.as_ref().err()).all(|error| error.fate() == Fate::NotApplied));
    assert_eq!((world.bank.requests("/refund"), world.bank.of("a", &[])[0]["refunded"].as_i64()), (1, Some(60)));
    assert_eq!(world.payment("a").await.refunded, eur(60));
}

#[tokio::test(start_paused = true)]
async fn the_same_refund_twice_is_one() {
    let world = World::new();
    world.charge("a", "ok").await.unwrap();
    let (one, two) = tokio::join!(world.refund("a", "r", 40), world.refund("a", "r", 40));
    assert_eq!((one.unwrap().refunded, two.unwrap().refunded), (eur(40), eur(40)));
    assert_eq!(world.refund("a", "r", 30).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(world.bank.requests("/refund"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refund_in_doubt_holds_its_money_and_is_resolved() {
    let world = World::new();
    world.charge("a", "ok").await.unwrap();
    world.bank.fail("/refund", Fault::LostAfter);
    (0..60).for_each(|_| world.bank.fail("/refund", Fault::Unsent));
    assert_eq!(world.refund("a", "r1", 60).await.unwrap_err().fate(), Fate::Unknown);
    assert_eq!(world.refund("a", "r2", 60).await.unwrap_err().fate(), Fate::NotApplied);
    world.pass(3600).await;
    assert!(world.doubts().await.is_empty());
    assert_eq!(world.payment("a").await.refunds[0].status, PartStatus::Succeeded);
    assert_eq!(world.bank.of("a", &[])[0]["refunded"], 60);
}

#[tokio::test(start_paused = true)]
async fn a_refund_that_was_refused_gives_its_reservation_back_and_may_come_again() {
    let world = World::new();
    world.charge("a", "ok").await.unwrap();
    (0..60).for_each(|_| world.bank.fail("/refund", Fault::Unsent));
    assert_eq!(world.refund("a", "r", 60).await.unwrap_err().fate(), Fate::NotApplied);
    world.bank.ledger().clear_faults();
    world.pass(30).await;
    assert_eq!(world.refund("a", "other", 100).await.unwrap().refunded, eur(100));
    let error = world.refund("a", "r", 60).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    world.charge("b", "ok").await.unwrap();
    world.bank.fail("/refund", Fault::Unauthorized);
    let _ = world.refund("b", "rb", 60).await;
    assert_eq!(world.refund("b", "rb", 60).await.unwrap().refunded, eur(60));
    assert_eq!(world.bank.of("b", &[])[0]["refunded"], 60);
}

#[tokio::test(start_paused = true)]
async fn a_refund_that_fails_later_can_be_made_again() {
    let world = World::new();
    world.charge("a", "ok").await.unwrap();
    world.bank.ledger().slow_refunds = true;
    let pending = world.refund("a", "r1", 60).await.unwrap();
    assert_eq!(pending.refunds[0].status, PartStatus::Pending);
    world.bank.refund_fails("a");
    world.pass(120).await;
    let failed = world.payment("a").await;
    assert_eq!((failed.refunds[0].status.clone(), failed.refunded), (PartStatus::Failed, eur(0)));
    assert_eq!(world.ear.count(|change| matches!(change, ToldChange::Refund(_))), 1);
    world.bank.ledger().slow_refunds = false;
    assert_eq!(world.refund("a", "r2", 100).await.unwrap().refunded, eur(100));
}

#[tokio::test(start_paused = true)]
async fn more_than_was_authorized_is_not_captured() {
    let world = World::new();
    world.send(charge("a", "ok").capture_later()).await.unwrap();
    assert_eq!(world.capture("a", "c0", 101).await.unwrap_err().fate(), Fate::NotApplied);
    assert_eq!(world.bank.requests("/capture"), 0);
    assert_eq!(world.capture("a", "c1", 100).await.unwrap().status, Status::Paid);
    assert_eq!(world.capture("a", "c1", 100).await.unwrap().captured, eur(100));
    assert_eq!((world.bank.requests("/capture"), world.payment("a").await.captured), (1, eur(100)));
}

#[tokio::test(start_paused = true)]
async fn a_capture_and_a_cancel_never_both_happen() {
    for first_capture in [true, false] {
        let world = World::new();
        world.send(charge("a", "ok").capture_later()).await.unwrap();
        let (capture, cancel) = if first_capture {
            tokio::join!(world.capture("a", "c", 100), world.cancel("a"))
        } else {
            let (cancel, capture) = tokio::join!(world.cancel("a"), world.capture("a", "c", 100));
            (capture, cancel)
        };
        assert_ne!(capture.is_ok(), cancel.is_ok(), "{capture:?} {cancel:?}");
        let state = if capture.is_ok() { "paid" } else { "canceled" };
        assert_eq!(world.bank.of("a", &[state]).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_in_doubt_is_not_judged_by_an_older_authorization() {
    let world = World::new();
    world.send(charge("a", "ok").capture_later()).await.unwrap();
    world.bank.fail("/cancel", Fault::LostAfter);
    (0..60).for_each(|_| world.bank.fail("/cancel", Fault::Unsent));
    assert_eq!(world.cancel("a").await.unwrap_err().fate(), Fate::Unknown);
    world.pass(3600).await;
    assert_eq!(world.payment("a").await.status, Status::Canceled);
    assert_eq!(world.cancel("a").await.unwrap().status, Status::Canceled);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_never_arrived_can_be_asked_for_again() {
    let world = World::of(Toy { replay: Duration::ZERO, ..Toy::new() }, 1);
    world.send(charge("a", "ok").capture_later()).await.unwrap();
    world.bank.fail("/cancel", Fault::LostBefore);
    assert_eq!(world.cancel("a").await.unwrap_err().fate(), Fate::Unknown);
    world.pass(60).await;
    assert!(world.doubts().await.is_empty());
    assert_eq!(world.payment("a").await.status, Status::Authorized);
    world.bank.fail("/capture", Fault::Throttled);
    assert_eq!(world.capture("a", "c", 40).await.unwrap().captured, eur(40));
    world.send(charge("b", "ok").capture_later()).await.unwrap();
    world.bank.fail("/cancel", Fault::LostBefore);
    assert_eq!(world.cancel("b").await.unwrap_err().fate(), Fate::Unknown);
    world.pass(60).await;
    assert_eq!(world.cancel("b").await.unwrap().status, Status::Canceled);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_stops_a_charge_between_two_tries() {
    let world = World::new();
    world.bank.fail("/confirm", Fault::Throttled);
    let (charged, canceled) = tokio::join!(world.charge("a", "ok"), async {
        world.env.sleep(Duration::from_millis(500)).await;
        world.cancel("a").await
    });
    assert_eq!(charged.unwrap_err().fate(), Fate::NotApplied);
    assert_eq!((canceled.unwrap().status, world.bank.requests("/confirm")), (Status::Canceled, 1));
    // What was made for it lies unconfirmed at the provider: it takes nothing, and nothing more is sent for it.
    assert_eq!(world.bank.of("a", &["created"]).len(), 1);
    assert_eq!(world.charge("a", "ok").await.unwrap_err().kind(), ErrorKind::Conflict);
}
