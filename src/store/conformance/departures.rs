//! Laws of departure: a caller that goes away at any await leaves a commit whole or not at all, and a claim that comes back.

use std::future::poll_fn;
use std::task::Poll;

use super::Bench;
use super::ground::{Ground, SECOND, insert, insert_due, new_op, over};
use crate::store::{Commit, SpaceKind};

/// More awaits than any store has before it answers.
const AWAITS: usize = 12;

/// Polls `future` until it is ready or has been pending for the `awaits`th time, and then drops it, as a crash there would.
async fn left_at<T>(awaits: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = Box::pin(future);
    let mut left = awaits;
    poll_fn(move |context| match future.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending if left <= 1 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

/// Whoever asks the same op afterwards gets the one answer, both rows stand as it says, and nothing of it comes later still.
pub async fn a_commit_left_at_any_await_is_whole_or_not_at_all(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let order = ground.key(SpaceKind::Order, "order/1", "1");
    let mut ver = ground.put(insert(&order)).await;
    for awaits in 1..=AWAITS {
        let op = new_op();
        let told = ground.key(SpaceKind::Told, "order/1", &awaits.to_string());
        let puts = [over(&order, ver, awaits.to_string()), insert(&told)];
        let left = left_at(awaits, ground.store.commit(op, &puts)).await;
        let other = ground.seen_by(bench);
        let half = (other.get(&told).await, other.get(&order).await);
        assert!(half.0.is_none() || half.1.is_some_and(|row| row.ver != ver), "the second row stands without the first");
        let answer = other.store.commit(op, &puts).await.unwrap();
        assert!(left.is_none_or(|left| left.unwrap() == answer));
        let Commit::Done(vers) = &answer else { panic!("nobody else writes: {answer:?}") };
        let stand = [ground.get(&order).await.unwrap().ver, ground.get(&told).await.unwrap().ver];
        assert_eq!(*vers, stand);
        ver = stand[0];
        assert_eq!(ground.store.commit(op, &puts).await.unwrap(), answer);
    }
}

/// A row whose claimer went away before it knew what it had is due again when the lease ends, at the latest, and never lost.
pub async fn a_claim_left_at_any_await_comes_back(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let key = ground.intent("row");
    ground.put(insert_due(&key, 0)).await;
    for awaits in 1..=AWAITS {
        let left = left_at(awaits, ground.store.claim_due(&key.space, 9, 5 * SECOND)).await;
        bench.advance(5 * SECOND).await;
        let mut back = Vec::new();
        // What the one who left had begun may end only now, and then holds the row for its lease.
        for _ in 0..3 {
            back = ground.seen_by(bench).claim(9, SECOND).await;
            if !back.is_empty() {
                break;
            }
            bench.advance(5 * SECOND).await;
        }
        let row = back.pop().expect("the row comes back");
        assert!(left.is_none_or(|left| left.unwrap().iter().all(|claimed| claimed.ver < row.ver)));
        bench.advance(SECOND).await;
    }
}
