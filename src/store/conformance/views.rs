//! Laws of the views: pages without gap or double, depths and spaces that are true, accounts that never touch.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Bench;
use super::ground::{Ground, SECOND, insert, insert_due, insert_kept, names, over};
use crate::model::{AccountRef, Mode};
use crate::store::{Depth, Key, Put, SpaceKind};

/// Pages follow part, then id, byte by byte; a page goes on after a key whether or not its row still stands.
pub async fn pages_have_no_gap_and_no_double(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let parts = ["order/1", "order/10", "order/2", "Order/1", "order/1/x", "ordre/é", "订单/1"];
    let mut keys = BTreeSet::new();
    for part in parts {
        for id in ["a", "B", "aa", "é", "~", "0"] {
            let key = ground.key(SpaceKind::Intent, part, id);
            ground.put(insert(&key)).await;
            keys.insert(key);
        }
    }
    for size in [1, 5, 42, 100] {
        let mut seen: Vec<Key> = Vec::new();
        loop {
            let page = ground.store.page(&ground.intents(), seen.last(), size).await.unwrap();
            assert!(page.len() <= size);
            if page.is_empty() {
                break;
            }
            seen.extend(page.into_iter().map(|row| row.key));
        }
        assert!(seen.iter().eq(&keys), "{seen:?}");
    }
    assert_eq!(ground.store.page(&ground.intents(), None, 0).await.unwrap(), vec![]);
    let between = ground.key(SpaceKind::Intent, "order/1", "aaa");
    let next = ground.store.page(&ground.intents(), Some(&between), 1).await.unwrap();
    assert_eq!(Some(&next.first().unwrap().key), keys.range(&between..).next());
}

/// Depth counts the visible rows, of them those due now, and how long the oldest has waited.
pub async fn depth_counts_the_visible_and_the_due(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let depth = async || ground.store.depth(&ground.intents()).await.unwrap();
    assert_eq!(depth().await, Depth::default());
    for secs in [10, 20, 3600] {
        ground.put(insert_due(&ground.intent(&secs.to_string()), secs)).await;
    }
    ground.put(insert(&ground.intent("never"))).await;
    ground.put(Put { due_in: Some(Duration::ZERO), ..insert_kept(&ground.intent("short"), 5) }).await;
    assert_eq!((depth().await.rows, depth().await.due), (5, 1));
    bench.advance(30 * SECOND).await;
    let waiting = depth().await;
    assert_eq!((waiting.rows, waiting.due), (4, 2));
    assert!(waiting.oldest_due.is_some_and(|time| (20 * SECOND..26 * SECOND).contains(&time)), "{waiting:?}");
    ground.claim(1, 600 * SECOND).await;
    let waiting = depth().await;
    assert_eq!((waiting.rows, waiting.due), (4, 1));
    assert!(waiting.oldest_due.is_some_and(|time| (10 * SECOND..16 * SECOND).contains(&time)), "{waiting:?}");
}

/// A space is listed, once, as long as it holds a visible row, whoever is configured.
pub async fn spaces_are_those_that_hold_rows(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let mine = async || {
        let all = ground.store.spaces().await.unwrap();
        all.into_iter().filter(|space| space.account.merchant() == ground.account.merchant()).collect::<Vec<_>>()
    };
    assert_eq!(mine().await, vec![]);
    ground.put(insert(&ground.intent("1"))).await;
    ground.put(insert(&ground.intent("2"))).await;
    ground.put(insert_kept(&ground.key(SpaceKind::Dead, "order/1", "1"), 10)).await;
    let mut sub = ground.clone();
    sub.account = ground.account.clone().on_behalf_of("sub").unwrap();
    sub.put(insert(&sub.key(SpaceKind::Alias, "order/1", "1"))).await;
    let listed = |spaces: Vec<_>| spaces.into_iter().collect::<BTreeSet<_>>();
    let all = [ground.intents(), ground.space(SpaceKind::Dead), sub.space(SpaceKind::Alias)];
    assert_eq!(mine().await.len(), 3);
    assert_eq!(listed(mine().await), BTreeSet::from(all));
    bench.advance(10 * SECOND).await;
    assert_eq!(listed(mine().await), BTreeSet::from([ground.intents(), sub.space(SpaceKind::Alias)]));
}

/// Rows of the same name of other modes, merchants, subs and kinds are other rows.
pub async fn accounts_never_touch_each_other(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let mut others = vec![ground.clone(); 4];
    let merchant = ground.account.merchant();
    others[0].account = AccountRef::new("conformance", Mode::Live, merchant).unwrap();
    others[1].account = ground.account.clone().on_behalf_of("sub").unwrap();
    others[2].account = AccountRef::new("conformance2", Mode::Test, merchant).unwrap();
    others[3].account = AccountRef::new("conformance", Mode::Test, &format!("{merchant}0")).unwrap();
    let mut keys: Vec<Key> = others.iter().map(|other| other.intent("row")).collect();
    keys.push(ground.key(SpaceKind::Told, "order/row", "row"));
    let mut before = Vec::new();
    for key in &keys {
        ground.put(Put { body: key.space.account.to_string().into(), ..insert_due(key, 0) }).await;
        before.push(ground.get(key).await);
    }
    let key = ground.intent("row");
    ground.put(insert_due(&key, 0)).await;
    let claimed = ground.claim(100, 600 * SECOND).await;
    assert_eq!(claimed.len(), 1);
    let ver = claimed.first().unwrap().ver;
    ground.put(Put { keep_in: Some(Duration::ZERO), ..over(&key, ver, "deleted") }).await;
    assert_eq!(ground.store.purge(&ground.intents(), 100).await.unwrap(), 1);
    for (key, before) in keys.iter().zip(before) {
        let row = ground.get(key).await;
        assert_eq!(row.as_ref().map(|row| (row.ver, row.tries, &row.body)), before.as_ref().map(|row| (row.ver, 0, &row.body)));
        assert_eq!(names(&ground.store.page(&key.space, None, 9).await.unwrap()), ["row"]);
        assert_eq!(ground.store.depth(&key.space).await.unwrap().due, 1);
    }
}
