//! A question about a refund is about that refund, on whichever attempt it was made, and never guesses.

use std::time::Duration;

use super::bank::Fault;
use super::toy::Toy;
use super::world::*;
use crate::adapter::*;
use crate::gateway::*;
use crate::model::*;

async fn ask(world: &World, no: &str) -> Result<Payment, Error> {
    let query = QueryRefund::new(order_no("a"), RefundNo::new(no).unwrap());
    world.gateway.query_refund(query, Call::default()).await.map(|answer| answer.value)
}

#[tokio::test(start_paused = true)]
async fn it_shows_what_became_of_a_refund_that_was_pending() {
    let world = World::new();
    world.charge("a", "ok").await.unwrap();
    world.bank.ledger().slow_refunds = true;
    assert_eq!(world.refund("a", "r", 40).await.unwrap().refunds[0].status, PartStatus::Pending);
    assert_eq!(ask(&world, "r").await.unwrap().refunds[0].status, PartStatus::Pending);
    world.bank.refund_fails("a");
    let failed = ask(&world, "r").await.unwrap();
    assert_eq!((&failed.refunds[0].status, failed.refunded), (&PartStatus::Failed, eur(0)));
    world.pass(5).await;
    assert_eq!(world.ear.count(|change| *change == ToldChange::Refund("r".to_owned())), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refund_in_doubt_is_settled_by_it_and_the_same_refund_says_so() {
    let world = World::of(Toy { replay: Duration::ZERO, ..Toy::new() }, 1);
    world.charge("a", "ok").await.unwrap();
    world.bank.fail("/refund", Fault::LostAfter);
    assert_eq!(world.refund("a", "r", 40).await.unwrap_err().fate(), Fate::Unknown);
    let seen = ask(&world, "r").await.unwrap();
    assert_eq!((seen.refunded, &seen.refunds[0].status), (eur(40), &PartStatus::Succeeded));
    assert_eq!(world.refund("a", "r", 40).await.unwrap().refunded, eur(40));
    assert_eq!((world.bank.requests("/refund"), world.doubts().await), (1, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn that_it_is_not_found_is_told_as_doubtful_and_frees_nothing() {
    let world = World::of(Toy { replay: Duration::ZERO, ..Toy::new() }, 1);
    world.charge("a", "ok").await.unwrap();
    world.bank.fail("/refund", Fault::LostBefore);
    world.refund("a", "r", 60).await.unwrap_err();
    let error = ask(&world, "r").await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Doubtful, Fate::Unknown));
    assert_eq!(error.payment().unwrap().refunds[0].status, PartStatus::Pending);
    assert_eq!(world.refund("a", "other", 60).await.unwrap_err().fate(), Fate::NotApplied);
}

#[tokio::test(start_paused = true)]
async fn a_number_that_was_never_asked_for_is_refused_and_nothing_is_sent() {
    let world = World::new();
    world.charge("a", "ok").await.unwrap();
    let sent = world.bank.ledger().log.len();
    let error = ask(&world, "none").await.unwrap_err();
    assert_eq!((error.kind(), world.bank.ledger().log.len()), (ErrorKind::Invalid, sent));
}

#[tokio::test(start_paused = true)]
async fn a_refund_of_an_earlier_attempt_is_found_though_a_later_one_holds_money() {
    let world = World::new();
    world.charge("a", "declined").await.unwrap_err();
    world.send(charge("a", "ok").attempt(attempt(2))).await.unwrap();
    let mut late = world.bank.of("a", &["canceled"]).pop().unwrap();
    let id = late["id"].as_str().unwrap().to_owned();
    (late["state"], late["captured"]) = ("paid".into(), 100.into());
    world.bank.ledger().payments.insert(id, late.clone());
    world.gateway.receive(&world.bank.callback("late", &late)).await;
    world.pass(5).await;
    let back = Refund::new(order_no("a"), RefundNo::new("r").unwrap(), eur(100)).on(attempt(1));
    world.gateway.refund(back, Call::default()).await.unwrap();
    let found = ask(&world, "r").await.unwrap();
    assert_eq!((found.attempt, found.refunded, found.refunds.len()), (attempt(1), eur(100), 1));
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_waits_for_anothers_access_is_let_go_in_time_and_told_why() {
    let world = World::of(Toy::new().with_token(), 1);
    world.bank.fail("/token", Fault::Slow(Duration::from_secs(8)));
    let little = Call::within(Duration::from_secs(1));
    let (slow, quick) = tokio::join!(world.charge("a", "ok"), async {
        world.env.sleep(Duration::from_millis(10)).await;
        let before = world.env.now();
        let order = world.gateway.adopt(&order_no("b"), "pay_9", eur(100), little).await;
        assert!(world.env.now().since(before) <= Duration::from_millis(1100));
        order
    });
    let error = quick.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, Fate::NotApplied), "{error}");
    assert_eq!(slow.unwrap().status, Status::Paid);
}
