//! Laws of expiry: gone at once for everybody, never by accident, and never so that a version could come back.

use std::time::Duration;

use super::Bench;
use super::ground::{Ground, SECOND, insert, insert_due, insert_kept, names, over};
use crate::store::{Commit, Depth, Put};

/// From the moment its keep time ends a row is invisible to `get`, `page`, `claim_due`, `depth` and every `Expect`.
pub async fn an_expired_row_is_gone_at_once(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let [read, renewed, stale] = ["read", "renewed", "stale"].map(|name| ground.intent(name));
    for key in [&read, &renewed, &stale] {
        ground.put(Put { due_in: Some(SECOND), ..insert_kept(key, 10) }).await;
    }
    let ver = ground.get(&stale).await.expect("not yet expired").ver;
    bench.advance(10 * SECOND).await;
    assert_eq!(ground.claim(9, SECOND).await, vec![]);
    assert_eq!(ground.get(&read).await, None);
    assert_eq!(ground.store.page(&ground.intents(), None, 9).await.unwrap(), vec![]);
    assert_eq!(ground.store.depth(&ground.intents()).await.unwrap(), Depth::default());
    assert_eq!(ground.commit(&[over(&stale, ver, "too late")]).await, Commit::Lost { index: 0, current: None });
    assert!(ground.put(insert(&renewed)).await > ver);
    assert_eq!(names(&ground.store.page(&ground.intents(), None, 9).await.unwrap()), ["renewed"]);
    assert_eq!(ground.claim(9, SECOND).await, vec![]);
}

/// Each put sets the end anew: none is for ever, zero is deletion; a claim moves nothing.
pub async fn the_last_put_decides_how_long(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let [forever, longer, claimed, deleted] = ["forever", "longer", "claimed", "deleted"].map(|name| ground.intent(name));
    let ver = ground.put(insert_kept(&forever, 10)).await;
    ground.put(over(&forever, ver, "kept")).await;
    let ver = ground.put(insert_kept(&longer, 10)).await;
    ground.put(Put { keep_in: Some(30 * SECOND), ..over(&longer, ver, "longer") }).await;
    ground.put(Put { due_in: Some(Duration::ZERO), ..insert_kept(&claimed, 10) }).await;
    assert_eq!(ground.claim(9, 600 * SECOND).await.len(), 1);
    let ver = ground.put(insert(&deleted)).await;
    ground.put(Put { keep_in: Some(Duration::ZERO), ..over(&deleted, ver, "deleted") }).await;
    assert_eq!(ground.get(&deleted).await, None);
    bench.advance(10 * SECOND).await;
    assert_eq!(names(&ground.store.page(&ground.intents(), None, 9).await.unwrap()), ["forever", "longer"]);
    bench.advance(20 * SECOND).await;
    assert_eq!(names(&ground.store.page(&ground.intents(), None, 9).await.unwrap()), ["forever"]);
    assert_eq!(ground.get(&forever).await.unwrap().body, "kept");
}

/// A row that was deleted, expired or purged and is made again stands at a version above all it ever had.
pub async fn a_version_never_comes_back(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let key = ground.intent("row");
    let first = ground.put(insert(&key)).await;
    let deleted = ground.put(Put { keep_in: Some(Duration::ZERO), ..over(&key, first, "deleted") }).await;
    let after_deletion = ground.put(insert_kept(&key, 10)).await;
    bench.advance(10 * SECOND).await;
    let after_expiry = ground.put(insert_kept(&key, 10)).await;
    bench.advance(10 * SECOND).await;
    assert_eq!(ground.store.purge(&ground.intents(), 9).await.unwrap(), 1);
    let after_purge = ground.seen_by(bench).put(insert_due(&key, 0)).await;
    let claimed = ground.claim(1, SECOND).await.pop().expect("due").ver;
    let vers = [first, deleted, after_deletion, after_expiry, after_purge, claimed];
    assert!(vers.is_sorted_by(|a, b| a < b), "{vers:?}");
    for old in [first, deleted, after_deletion, after_expiry, after_purge] {
        assert!(matches!(ground.commit(&[over(&key, old, "stale")]).await, Commit::Lost { .. }));
    }
}

/// Purge removes no more than asked, counts what it removed, and touches neither the living nor other spaces.
pub async fn purge_is_bounded_and_spares_the_living(bench: &dyn Bench) {
    let (ground, neighbour) = (Ground::new(bench), Ground::new(bench));
    for name in ["1", "2", "3", "4", "5", "renewed"] {
        ground.put(insert_kept(&ground.intent(name), 10)).await;
    }
    ground.put(insert_kept(&ground.intent("longer"), 60)).await;
    ground.put(insert(&ground.intent("forever"))).await;
    neighbour.put(insert_kept(&neighbour.intent("1"), 10)).await;
    let purge = async |ground: &Ground, max| ground.store.purge(&ground.intents(), max).await.unwrap();
    assert_eq!(purge(&ground, 9).await, 0);
    bench.advance(10 * SECOND).await;
    ground.put(insert(&ground.intent("renewed"))).await;
    assert_eq!(purge(&ground, 0).await, 0);
    for purged in [2, 2, 1, 0] {
        assert_eq!(purge(&ground, 2).await, purged);
    }
    assert_eq!(names(&ground.store.page(&ground.intents(), None, 9).await.unwrap()), ["forever", "longer", "renewed"]);
    assert_eq!(purge(&neighbour, 9).await, 1);
}

/// What a row shrinks to when it is over stays: it is never due again, is not purged, and keeps its name taken.
pub async fn a_tombstone_stays_and_is_never_due(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let key = ground.intent("row");
    ground.put(Put { due_in: Some(Duration::ZERO), ..insert_kept(&key, 60) }).await;
    let held = ground.claim(1, 10 * SECOND).await.pop().expect("due at once");
    let ver = ground.put(over(&key, held.ver, "over")).await;
    bench.advance(600 * SECOND).await;
    assert_eq!(ground.claim(9, SECOND).await, vec![]);
    assert_eq!(ground.store.purge(&ground.intents(), 9).await.unwrap(), 0);
    let row = ground.get(&key).await.expect("kept for ever");
    assert_eq!((row.ver, row.tries, row.due_in, &row.body[..]), (ver, 0, None, &b"over"[..]));
    assert_eq!(ground.commit(&[insert(&key)]).await, Commit::Lost { index: 0, current: Some(row) });
}
