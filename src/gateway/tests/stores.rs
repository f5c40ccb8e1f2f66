//! A store that fails or stands still holds nobody, and nobody is shown what stood before.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::bank::Fault;
use super::world::*;
use crate::gateway::*;
use crate::model::*;

#[tokio::test(start_paused = true)]
async fn a_store_that_stands_still_lets_the_caller_go() {
    let world = World::new();
    world.store.stands_still.store(true, Ordering::Relaxed);
    let began = world.env.now();
    let error = world.gateway.charge(charge("a", "ok"), Call::within(Duration::from_secs(3))).await.unwrap_err();
    assert_eq!((error.kind(), error.fate(), error.next()), (ErrorKind::StoreFailed, Fate::Unknown, Next::Query));
    assert!(world.env.now().since(began) < Duration::from_secs(4));
    world.store.stands_still.store(false, Ordering::Relaxed);
    assert_eq!(world.charge("a", "ok").await.unwrap().status, Status::Paid);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_stored_yet_is_told_as_it_was_answered() {
    let world = World::new();
    world.bank.fail("/confirm", Fault::Slow(Duration::from_secs(5)));
    let (charged, ()) = tokio::join!(world.charge("a", "ok"), async {
        world.pass(2).await;
        world.store.fail(None, Trouble::Before, 6);
    });
    assert_eq!(charged.unwrap().status, Status::Paid);
    world.pass(20).await;
    assert_eq!(world.payment("a").await.status, Status::Paid);
    assert_eq!(world.ear.heard(), [(ToldChange::Payment, Status::Paid)]);
}
