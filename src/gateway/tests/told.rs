//! Every change is told, at least once, under a key that stays.

use std::sync::Arc;

use super::bank::Fault;
use super::toy::Toy;
use super::world::*;
use crate::gateway::*;
use crate::model::*;
use crate::store::{Commit, OpId, SpaceKind, Store};

#[tokio::test(start_paused = true)]
async fn each_change_is_told_once_under_its_own_key() {
    let world = World::new();
    world.send(charge("a", "ok").capture_later()).await.unwrap();
    world.capture("a", "c", 100).await.unwrap();
    world.refund("a", "r", 30).await.unwrap();
    world.pass(5).await;
    let told = world.ear.told.lock().unwrap();
    let mut keys: Vec<&str> = told.iter().map(|told| told.effect_key.as_str()).collect();
    keys.sort_unstable();
    let account = &world.toy.account;
    let mut expected = ["payment/authorized", "payment/paid", "capture/c/Succeeded", "refund/r/Succeeded"]
        .map(|effect| format!("{account}/a/1/{effect}"));
    expected.sort_unstable();
    assert_eq!(keys, expected);
}

#[tokio::test(start_paused = true)]
async fn who_asks_to_be_told_again_is_told_again_later_under_the_same_key() {
    let world = World::new();
    *world.ear.again.lock().unwrap() = 3;
    world.charge("a", "ok").await.unwrap();
    world.pass(3).await;
    assert_eq!(world.ear.heard().len(), 1);
    world.pass(120).await;
    let told = world.ear.told.lock().unwrap().clone();
    assert_eq!(told.len(), 4);
    assert!(told.iter().all(|one| one.effect_key == told[0].effect_key && one.payment.status == Status::Paid));
}

#[tokio::test(start_paused = true)]
async fn what_was_not_told_before_a_crash_is_told_after() {
    let mut world = World::new();
    *world.ear.again.lock().unwrap() = 1;
    world.charge("a", "ok").await.unwrap();
    world.crash();
    world.pass(120).await;
    assert!(!world.ear.heard().is_empty() && world.ear.heard().iter().all(|(_, status)| *status == Status::Paid));
    assert_eq!(*world.ear.again.lock().unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_takes_the_background_with_it() {
    let world = World::new();
    let second = world.another();
    let watch = Arc::downgrade(second.inner());
    world.pass(5).await;
    assert!(watch.upgrade().is_some());
    drop(second);
    world.pass(2).await;
    assert!(watch.upgrade().is_none(), "a task keeps the gateway alive");
}

#[tokio::test(start_paused = true)]
async fn settled_answers_when_all_is_at_its_end() {
    let world = World::new();
    world.charge("a", "payer").await.unwrap();
    let call = |secs| Call::within(std::time::Duration::from_secs(secs));
    let error = world.gateway.settled(order_no("a"), call(3)).await.unwrap_err();
    assert_eq!((error.kind(), error.payment().unwrap().status.clone()), (ErrorKind::InFlight, Status::AwaitingPayer));
    let (settled, ()) = tokio::join!(world.gateway.settled(order_no("a"), call(30)), async {
        world.pass(2).await;
        world.bank.moves_to("a", "paid");
        world.gateway.receive(&world.bank.callback_for("a")).await;
    });
    assert_eq!(settled.unwrap().value.status, Status::Paid);
    world.bank.fail("/confirm", Fault::LostAfter);
    let (settled, charged) = tokio::join!(
        async {
            world.pass(1).await;
            world.gateway.settled(order_no("b"), call(60)).await
        },
        world.charge("b", "ok")
    );
    assert_eq!((settled.unwrap().value.status, charged.unwrap().status), (Status::Paid, Status::Paid));
    assert!(world.gateway.settled(order_no("nobody"), call(1)).await.is_err());
    // A refund under way is waited for, too.
    world.bank.fail("/refund", Fault::Slow(std::time::Duration::from_secs(20)));
    let refund = crate::adapter::Refund::new(order_no("b"), RefundNo::new("1").unwrap(), eur(40));
    world.gateway.refund(refund, call(1)).await.unwrap_err();
    assert_eq!(world.gateway.settled(order_no("b"), call(3)).await.unwrap_err().kind(), ErrorKind::InFlight);
    assert_eq!(world.gateway.settled(order_no("b"), call(60)).await.unwrap().value.refunded, eur(40));
}

#[tokio::test(start_paused = true)]
async fn a_draining_process_ends_what_it_began_and_takes_nothing_new() {
    let world = World::new();
    let (drained, charged) = tokio::join!(
        async {
            world.pass(0).await;
            world.env.sleep(std::time::Duration::from_millis(10)).await;
            world.gateway.drain(std::time::Duration::from_secs(10)).await
        },
        world.charge("a", "ok")
    );
    assert_eq!((drained.left, charged.unwrap().status), (0, Status::Paid));
    let error = world.charge("b", "ok").await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, Fate::NotApplied));
    assert!(world.bank.of("b", &[]).is_empty());
}

#[tokio::test(start_paused = true)]
async fn credentials_may_change_and_the_merchant_may_not() {
    let world = World::new();
    let other = AccountRef::new("toy", Mode::Test, "m2").unwrap();
    assert!(world.gateway.rotate(Arc::new(Toy { account: other, ..Toy::new() })).is_err());
    world.gateway.rotate(Arc::new(Toy::new())).unwrap();
    assert_eq!(world.charge("a", "ok").await.unwrap().status, Status::Paid);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_before_the_first_commit_leaves_no_row() {
    let world = World::of(Toy::new().with_token(), 1);
    world.bank.fail("/token", Fault::Unsent);
    let error = world.charge("a", "ok").await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, Fate::NotApplied));
    assert_eq!((world.rows(SpaceKind::Order).await, world.rows(SpaceKind::Intent).await), (0, 0));
    world.pass(6).await;
    let (one, two) = tokio::join!(world.charge("a", "ok"), world.charge("b", "ok"));
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(world.bank.requests("/token"), 2);
    world.bank.fail("/confirm", Fault::Unauthorized);
    assert_eq!(world.charge("c", "ok").await.unwrap().status, Status::Paid);
    assert_eq!(world.bank.requests("/token"), 3);
}

#[tokio::test(start_paused = true)]
async fn what_the_application_marks_by_itself_is_told_once_whatever_its_handler_answers() {
    let world = World::new();
    *world.ear.again.lock().unwrap() = 1;
    *world.ear.marks_in.lock().unwrap() = Some(world.store.clone());
    world.charge("a", "ok").await.unwrap();
    world.pass(600).await;
    assert_eq!(world.ear.heard().len(), 1);
    let tells = world.gateway.inspect(&order_no("a")).await.unwrap().tells;
    assert!(tells.iter().all(|tell| tell.taken && tell.tries == 1), "{tells:?}");
}

#[tokio::test(start_paused = true)]
async fn an_old_hold_marks_nothing_and_each_telling_is_counted() {
    let world = World::new();
    *world.ear.again.lock().unwrap() = 2;
    world.charge("a", "ok").await.unwrap();
    world.pass(3).await;
    let old = world.ear.told.lock().unwrap()[0].hold().unwrap().handled().clone();
    let marked = world.store.commit(OpId(1), &[old]).await.unwrap();
    assert!(matches!(marked, Commit::Lost { index: 0, .. }), "{marked:?}");
    world.pass(120).await;
    let tries: Vec<u32> = world.ear.told.lock().unwrap().iter().map(|told| told.hold().unwrap().tries()).collect();
    assert_eq!(tries, [1, 2, 3]);
}
