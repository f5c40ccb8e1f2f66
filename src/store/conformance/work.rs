//! The law of unfinished work: whoever dies at any await of a claim and its commits is followed by one who ends it, once.

use std::task::Poll;

use super::Bench;
use super::ground::{Ground, SECOND, insert, insert_due, new_op, over};
use crate::env::BoxFuture;
use crate::store::{Commit, Key, Put, SpaceKind};

/// More awaits than any store needs for a claim, two reads and two commits.
const MOST: u32 = 200;

/// A worker claims a callback, adds to a balance together with its effect, and marks the callback done. It is dropped at its first
/// await, at its second, and so on until it comes through; another comes after the lease. Each time the balance has changed once.
pub async fn work_dropped_at_any_await_is_ended_once_by_another(bench: &dyn Bench) {
    for polls in 0..MOST {
        let ground = Ground::new(bench);
        let balance = ground.key(SpaceKind::Order, "order/1", "balance");
        ground.put(Put { body: "100".into(), ..insert(&balance) }).await;
        ground.put(insert_due(&ground.intent("callback"), 0)).await;

        let came_through = dropped_after(polls, Box::pin(work(&ground, &balance))).await;
        for _ in 0..3 {
            bench.advance(10 * SECOND).await;
            work(&ground.seen_by(bench), &balance).await;
        }
        let other = ground.seen_by(bench);
        assert_eq!(amount(&other, &balance).await.1, 70, "dropped at await {polls}");
        let callback = other.get(&ground.intent("callback")).await.expect("stays");
        assert_eq!((callback.due_in, &callback.body[..]), (None, &b"done"[..]), "dropped at await {polls}");
        if came_through {
            return;
        }
    }
    panic!("work that needs {MOST} awaits");
}

/// Applies what is due: first its effect with all that it changes, then that it is done.
async fn work(ground: &Ground, balance: &Key) {
    for row in ground.claim(9, 10 * SECOND).await {
        let effect = ground.key(SpaceKind::Effect, &balance.part, "taken");
        loop {
            let (ver, sum) = amount(ground, balance).await;
            let puts = [insert(&effect), over(balance, ver, (sum - 30).to_string())];
            match ground.store.commit(new_op(), &puts).await.unwrap() {
                Commit::Done(_) | Commit::Lost { index: 0, .. } => break,
                // Somebody else changed the balance.
                Commit::Lost { .. } => {}
            }
        }
        ground.store.commit(new_op(), &[over(&row.key, row.ver, "done")]).await.unwrap();
    }
}

async fn amount(ground: &Ground, balance: &Key) -> (u64, i64) {
    let row = ground.get(balance).await.expect("the balance stands");
    (row.ver, std::str::from_utf8(&row.body).unwrap().parse().unwrap())
}

/// Polls the work so many times and drops it; true if it had ended.
async fn dropped_after(polls: u32, mut work: BoxFuture<'_, ()>) -> bool {
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        work.as_mut().poll(context).map(|()| true)
    })
    .await
}
