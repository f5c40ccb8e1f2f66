//! Laws of `claim_due`: exclusive for the lease, the longest due first, counted, and fencing out whoever came before.

use std::collections::BTreeSet;

use super::Bench;
use super::ground::{Ground, SECOND, about, insert, insert_due, names, over, together};
use super::replays::polled;
use crate::store::{Commit, Put, SpaceKind};

/// Eight claimers at once share forty due rows without ever sharing one.
pub async fn a_due_row_goes_to_one_claimer(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    for n in 0..40 {
        ground.put(insert_due(&ground.intent(&n.to_string()), 0)).await;
    }
    let claimers = (0..8).map(|_| {
        let ground = ground.seen_by(bench);
        async move {
            let mut mine = Vec::new();
            loop {
                let claimed = ground.claim(3, 600 * SECOND).await;
                assert!(claimed.len() <= 3);
                // More than all of them: a store without leases would go on giving for ever.
                if claimed.is_empty() || mine.len() > 40 {
                    return mine;
                }
                mine.extend(claimed.into_iter().map(|row| (row.key.id, row.ver)));
                tokio::task::yield_now().await;
            }
        }
    });
    let claimed: Vec<_> = together(claimers).await.into_iter().flatten().collect();
    let rows: BTreeSet<_> = claimed.iter().map(|(id, _)| id).collect();
    let vers: BTreeSet<_> = claimed.iter().map(|(_, ver)| ver).collect();
    assert_eq!((claimed.len(), rows.len(), vers.len()), (40, 40, 40));
}

/// A claimed row is nobody else's until its lease ends, then anybody's; what the claim returned is what the row is.
pub async fn a_lease_ends_and_the_row_returns(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let key = ground.intent("row");
    let ver = ground.put(insert_due(&key, 0)).await;
    let other = ground.seen_by(bench);
    let claimed = ground.claim(10, 60 * SECOND).await.pop().expect("due at once");
    assert!(claimed.ver > ver && about(claimed.due_in, 60 * SECOND), "{claimed:?}");
    let held = other.get(&key).await.expect("still there");
    assert_eq!((held.ver, held.tries), (claimed.ver, claimed.tries));
    assert_eq!(other.claim(10, SECOND).await, vec![]);
    bench.advance(50 * SECOND).await;
    assert_eq!(other.claim(10, SECOND).await, vec![]);
    bench.advance(10 * SECOND).await;
    let again = other.claim(10, SECOND).await.pop().expect("the lease is over");
    assert!(again.ver > claimed.ver);
}

/// A row whose claimer went away at any await, before he knew what he had, is not lost: when the lease ends it is due again.
pub async fn a_claim_dropped_at_any_await_comes_back(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let key = ground.intent("row");
    let mut ver = ground.put(insert_due(&key, 0)).await;
    for polls in 0..12 {
        polled(ground.store.claim_due(&key.space, 9, 5 * SECOND), polls).await;
        let mut back = Vec::new();
        // What he had begun may end only now, and then holds the row for its lease.
        for _ in 0..3 {
            bench.advance(5 * SECOND).await;
            back = ground.seen_by(bench).claim(9, SECOND).await;
            if !back.is_empty() {
                break;
            }
        }
        let row = back.pop().expect("the row comes back");
        assert!(row.ver > ver, "dropped at await {polls}");
        ver = row.ver;
        bench.advance(SECOND).await;
    }
}

/// Whoever held a row before the last claim can no longer write it; the holder can.
pub async fn a_stale_holder_loses(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let key = ground.intent("row");
    let ver = ground.put(insert_due(&key, 0)).await;
    let stale = ground.claim(1, SECOND).await.pop().expect("due");
    bench.advance(SECOND).await;
    let holder = ground.claim(1, 600 * SECOND).await.pop().expect("due again");
    for old in [ver, stale.ver] {
        let answer = ground.commit(&[over(&key, old, "stale")]).await;
        assert!(matches!(answer, Commit::Lost { index: 0, current: Some(row) } if row.ver == holder.ver && row.tries == 2));
    }
    ground.put(over(&key, holder.ver, "done")).await;
    bench.advance(600 * SECOND).await;
    assert_eq!(ground.claim(1, SECOND).await, vec![]);
}

/// Rows come in the order in which they fell due; those not due yet, never due, or of another kind do not come.
pub async fn the_longest_due_goes_first(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    for (name, secs) in [("c", 30), ("a", 10), ("d", 40), ("b", 20), ("later", 3600)] {
        ground.put(insert_due(&ground.intent(name), secs)).await;
    }
    ground.put(insert(&ground.intent("never"))).await;
    ground.put(insert_due(&ground.key(SpaceKind::Told, "order/x", "other"), 0)).await;
    assert_eq!(names(&ground.claim(9, SECOND).await), [""; 0]);
    bench.advance(10 * SECOND).await;
    assert_eq!(names(&ground.claim(9, 100 * SECOND).await), ["a"]);
    bench.advance(40 * SECOND).await;
    assert_eq!(names(&ground.claim(2, 10 * SECOND).await), ["b", "c"]);
    bench.advance(10 * SECOND).await;
    assert_eq!(names(&ground.claim(9, 600 * SECOND).await), ["d", "b", "c"]);
}

/// Each claim counts as a try before the work begins, so that work which kills its worker is counted too; a put resets it.
pub async fn tries_count_until_the_next_put(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let key = ground.intent("row");
    ground.put(insert_due(&key, 0)).await;
    let mut last = 0;
    for tries in 1..=3 {
        let row = ground.claim(1, SECOND).await.pop().expect("due");
        assert_eq!((row.tries, ground.get(&key).await.unwrap().tries), (tries, tries));
        last = row.ver;
        bench.advance(SECOND).await;
    }
    ground.put(Put { due_in: Some(SECOND), ..over(&key, last, "again") }).await;
    assert_eq!(ground.get(&key).await.unwrap().tries, 0);
    bench.advance(SECOND).await;
    assert_eq!(ground.claim(1, SECOND).await.pop().expect("due").tries, 1);
}

/// A claim of no rows returns none and touches none.
pub async fn a_claim_of_none_takes_none(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let key = ground.intent("row");
    let ver = ground.put(insert_due(&key, 0)).await;
    assert_eq!(ground.claim(0, 600 * SECOND).await, vec![]);
    let row = ground.get(&key).await.unwrap();
    assert_eq!((row.ver, row.tries), (ver, 0));
    assert_eq!(ground.claim(1, SECOND).await.len(), 1);
}
