//! Laws of the op: the same name again gives the same answer, whatever has happened since.

use std::task::Poll;

use super::Bench;
use super::ground::{Ground, SECOND, about, insert, insert_due, new_op, over, together};
use crate::env::BoxFuture;
use crate::store::{Commit, REMEMBERED, Row, SpaceKind};

/// A commit whose answer was lost can be asked again: same versions, nothing written twice, even after the row has moved on
/// and nearly for the time that stores must remember.
pub async fn the_same_op_gets_the_same_answer(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let (key, op) = (ground.intent("row"), new_op());
    let answer = ground.store.commit(op, &[insert(&key)]).await.unwrap();
    let Commit::Done(vers) = &answer else { panic!("an insert") };
    assert_eq!(ground.store.commit(op, &[insert(&key)]).await.unwrap(), answer);
    ground.put(over(&key, *vers.first().unwrap(), "moved on")).await;
    let moved_on = ground.get(&key).await;
    let other = ground.seen_by(bench);
    assert_eq!(other.store.commit(op, &[insert(&key)]).await.unwrap(), answer);
    bench.advance(REMEMBERED.saturating_sub(10 * SECOND)).await;
    other.store.purge(&other.intents(), 100).await.unwrap();
    assert_eq!(other.store.commit(op, &[insert(&key)]).await.unwrap(), answer);
    assert_eq!(other.get(&key).await, moved_on);
}

/// `Lost` stays `Lost` with the row it was lost to, even when the same puts would succeed now.
pub async fn a_refusal_is_remembered_too(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let (key, op) = (ground.intent("row"), new_op());
    let ver = ground.put(insert_due(&key, 60)).await;
    let claim_of_next = [over(&key, ver + 1, "late")];
    let answer = ground.store.commit(op, &claim_of_next).await.unwrap();
    let Commit::Lost { index: 0, current: Some(current) } = &answer else { panic!("{answer:?}") };
    // The time left is that of the commit: a store on real time has less left when it is asked again.
    assert!(about(current.due_in, 60 * SECOND), "{current:?}");
    assert_eq!(Some(Row { due_in: None, ..current.clone() }), ground.get(&key).await.map(|row| Row { due_in: None, ..row }));
    let next = ground.put(over(&key, ver, "moved on")).await;
    let would_succeed = [over(&key, next, "late")];
    bench.advance(SECOND).await;
    assert_eq!(ground.store.commit(op, &would_succeed).await.unwrap(), answer);

    let (absent, op) = (ground.intent("absent"), new_op());
    let answer = ground.store.commit(op, &[over(&absent, 1, "nothing there")]).await.unwrap();
    assert_eq!(answer, Commit::Lost { index: 0, current: None });
    assert_eq!(ground.seen_by(bench).store.commit(op, &[insert(&absent)]).await.unwrap(), answer);
    assert_eq!((ground.get(&key).await.unwrap().ver, ground.get(&absent).await), (next, None));
}

/// Sixteen callers with one op at once all get the one answer, and the row is written once.
pub async fn twins_of_one_op_write_once(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let (key, op) = (ground.intent("row"), new_op());
    let twins = (0..16).map(|n| {
        let (ground, key) = (if n % 4 == 0 { ground.seen_by(bench) } else { ground.clone() }, key.clone());
        async move { ground.store.commit(op, &[insert(&key)]).await.unwrap() }
    });
    let answers = together(twins).await;
    let row = ground.get(&key).await.expect("written");
    assert!(answers.iter().all(|answer| *answer == Commit::Done(vec![row.ver])), "{answers:?}");
}

/// A caller that goes away at any await leaves its commit whole or undone, and the same op tells which and ends it.
pub async fn a_commit_dropped_at_any_await_is_whole_or_undone(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    for polls in 0..12_u32 {
        let kinds = [SpaceKind::Intent, SpaceKind::Told];
        let keys = kinds.map(|kind| ground.key(kind, &format!("order/{polls}"), "row"));
        let (puts, op) = (keys.clone().map(|key| insert(&key)), new_op());
        polled(ground.store.commit(op, &puts), polls).await;
        let other = ground.seen_by(bench);
        let answer = other.store.commit(op, &puts).await.unwrap();
        let mut vers = Vec::new();
        for key in &keys {
            vers.extend(other.get(key).await.map(|row| row.ver));
        }
        assert_eq!(answer, Commit::Done(vers), "dropped at await {polls}");
    }
}

/// Polls the future so many times, each time that it asks for it, and then drops it.
async fn polled<T>(mut future: BoxFuture<'_, T>, polls: u32) {
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        future.as_mut().poll(context).map(drop)
    })
    .await;
}
