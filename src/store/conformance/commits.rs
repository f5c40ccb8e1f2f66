//! Laws of `commit`: inserts race to one winner, versions compare, all or none, and what was put is what is read.

use std::time::Duration;

use bytes::Bytes;

use super::Bench;
use super::ground::{Ground, SECOND, about, insert, insert_due, new_op, over, together};
use crate::model::{AccountRef, Mode};
use crate::store::{Commit, Expect, MAX_PUTS, Put, SpaceKind, StoreErrorKind};

/// Of 64 that insert the same row at once, one is told `Done`, and the others see the winner's row.
pub async fn of_64_inserts_exactly_one_wins(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let key = ground.intent("race");
    let racers = (0..64_u8).map(|n| {
        let (ground, key) = (if n % 8 == 0 { ground.seen_by(bench) } else { ground.clone() }, key.clone());
        async move { ground.commit(&[Put { body: vec![n].into(), ..insert(&key) }]).await }
    });
    let answers = together(racers).await;
    let row = ground.get(&key).await.expect("the winner's row");
    assert_eq!(answers.iter().filter(|answer| **answer == Commit::Done(vec![row.ver])).count(), 1);
    let lost = Commit::Lost { index: 0, current: Some(row) };
    assert_eq!(answers.iter().filter(|answer| **answer == lost).count(), 63);
}

/// A put over a version is made only at that version; one that expects absence only where nothing is.
pub async fn a_put_needs_the_version_it_names(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let (key, absent) = (ground.intent("row"), ground.intent("absent"));
    let first = ground.put(insert(&key)).await;
    let second = ground.put(over(&key, first, "second")).await;
    assert!(second > first);
    let row = ground.get(&key).await;
    let lost = Commit::Lost { index: 0, current: row.clone() };
    assert_eq!(ground.commit(&[over(&key, first, "stale")]).await, lost);
    assert_eq!(ground.commit(&[over(&key, second + 1, "never was")]).await, lost);
    assert_eq!(ground.commit(&[insert(&key)]).await, lost);
    assert_eq!(ground.commit(&[over(&absent, second, "nothing there")]).await, Commit::Lost { index: 0, current: None });
    assert_eq!(ground.get(&key).await, row);
    assert_eq!(ground.get(&absent).await, None);
}

/// When one put of several does not find what it expects, none is written, and the first such is named with its row.
pub async fn a_commit_is_all_or_none(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let order = ground.key(SpaceKind::Order, "order/1", "1");
    let [intent, told, effect] =
        [SpaceKind::Intent, SpaceKind::Told, SpaceKind::Effect].map(|kind| ground.key(kind, "order/1", "1"));
    let ver = ground.put(insert(&order)).await;
    let before = ground.get(&order).await;

    let puts = [over(&order, ver, "changed"), insert_due(&told, 0), over(&intent, ver, "absent"), insert(&effect)];
    assert_eq!(ground.commit(&puts).await, Commit::Lost { index: 2, current: None });
    assert_eq!(ground.get(&order).await, before);
    assert_eq!(ground.get(&told).await, None);
    assert_eq!(ground.store.claim_due(&told.space, 9, SECOND).await.unwrap(), vec![]);

    let puts = [insert(&effect), over(&order, ver + 1, "stale"), over(&intent, ver, "absent")];
    assert_eq!(ground.commit(&puts).await, Commit::Lost { index: 1, current: before.clone() });
    assert_eq!((ground.get(&order).await, ground.get(&effect).await), (before, None));

    let puts = [over(&order, ver, "changed"), insert(&intent), insert(&told), insert(&effect)];
    assert!(matches!(ground.commit(&puts).await, Commit::Done(vers) if vers.len() == 4));
    assert_eq!(ground.get(&order).await.unwrap().body, "changed");
    assert!(ground.get(&effect).await.is_some());
}

/// Two rows that are always written together are never seen apart in one page.
pub async fn readers_never_see_half_a_commit(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let (left, right) = (ground.key(SpaceKind::Intent, "order/1", "left"), ground.key(SpaceKind::Intent, "order/1", "right"));
    let Commit::Done(mut vers) = ground.commit(&[insert(&left), insert(&right)]).await else { panic!("two inserts") };
    let writer = ground.clone();
    let writing = async move {
        for n in 0..100 {
            let body = Bytes::from(n.to_string());
            let puts = [over(&left, *vers.first().unwrap(), body.clone()), over(&right, *vers.last().unwrap(), body)];
            let Commit::Done(written) = writer.commit(&puts).await else { panic!("nobody else writes") };
            vers = written;
        }
    };
    let reader = ground.seen_by(bench);
    let reading = async move {
        for _ in 0..200 {
            let rows = reader.store.page(&reader.intents(), None, 2).await.unwrap();
            assert_eq!(rows.first().unwrap().body, rows.last().unwrap().body);
            tokio::task::yield_now().await;
        }
    };
    together([Box::pin(writing) as crate::env::BoxFuture<'static, ()>, Box::pin(reading)]).await;
}

/// Sixteen rows of one part and several kinds come back each with its own version, due time and body, through any handle.
pub async fn rows_read_back_as_they_were_put(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let part = "order/'; DROP TABLE rows;-- 中文 %_\\ ☃";
    let ids: Vec<String> = (0..16).map(|n| format!("{n} \" ' : / \\ é")).collect();
    let kinds = SpaceKind::ALL.into_iter().cycle();
    let keys: Vec<_> = ids.iter().zip(kinds).map(|(id, kind)| ground.key(kind, part, id)).collect();
    let puts: Vec<Put> = keys.iter().zip(0..).map(|(key, n)| Put { body: vec![n].into(), ..insert_due(key, n.into()) }).collect();
    let Commit::Done(vers) = ground.commit(&puts).await else { panic!("sixteen inserts") };
    assert_eq!(vers.len(), MAX_PUTS);
    let other = ground.seen_by(bench);
    for ((put, ver), n) in puts.iter().zip(vers).zip(0..) {
        let row = other.get(&put.key).await.unwrap();
        assert_eq!((&row.key, row.ver, row.tries, &row.body), (&put.key, ver, 0, &put.body));
        assert!(about(row.due_in, SECOND * n), "{:?}", row.due_in);
    }
    let forever = ground.intent("forever");
    ground.put(Put { due_in: Some(Duration::MAX), keep_in: Some(Duration::MAX), ..insert(&forever) }).await;
    assert!(other.get(&forever).await.unwrap().due_in > Some(SECOND * 3600 * 24 * 365 * 20));
}

/// Bodies from nothing to 256 KiB, of every byte, come back bit by bit from `get`, `page` and a lost commit.
pub async fn bodies_of_any_bytes_come_back(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    for size in [0, 1, 255, 256, 4096, 65_537, 262_144_u32] {
        let key = ground.intent(&size.to_string());
        let body: Bytes = (0..size).map(|n| n.wrapping_mul(167).to_le_bytes()[0]).collect();
        ground.put(Put { body: body.clone(), ..insert_due(&key, 0) }).await;
        assert_eq!(ground.get(&key).await.unwrap().body, body);
        let Commit::Lost { current: Some(row), .. } = ground.commit(&[insert(&key)]).await else { panic!("it is there") };
        assert_eq!(row.body, body);
        let claimed = ground.claim(1, 3600 * SECOND).await;
        assert_eq!(claimed.first().unwrap().body, body);
    }
    let sizes: Vec<_> = ground.store.page(&ground.intents(), None, 9).await.unwrap().iter().map(|row| row.body.len()).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 1 + 255 + 256 + 4096 + 65_537 + 262_144);
}

/// No rows, too many, two parts, two accounts, one row twice, names too short or too long: refused, and nothing written.
pub async fn puts_that_break_the_rules_are_refused(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let key = |part: &str, id: &str| ground.key(SpaceKind::Intent, part, id);
    let mut elsewhere = insert(&key("a", "2"));
    elsewhere.key.space.account = AccountRef::new("conformance", Mode::Live, ground.account.merchant()).unwrap();
    let long = "x".repeat(301);
    let refused = [
        vec![],
        (0..17).map(|n| insert(&key("a", &n.to_string()))).collect(),
        vec![insert(&key("a", "1")), insert(&key("b", "1"))],
        vec![insert(&key("a", "1")), elsewhere],
        vec![insert(&key("a", "1")), Put { expect: Expect::Ver(1), ..insert(&key("a", "1")) }],
        vec![insert(&key("", "1"))],
        vec![insert(&key("a", ""))],
        vec![insert(&key(&long, "1"))],
        vec![insert(&key("a", &long))],
    ];
    for puts in refused {
        let error = ground.store.commit(new_op(), &puts).await.expect_err("refused");
        assert_eq!(error.kind(), StoreErrorKind::Refused, "{error}");
    }
    assert_eq!(ground.store.page(&ground.intents(), None, 9).await.unwrap(), vec![]);
    let longest = "x".repeat(300);
    ground.put(insert(&key(&longest, &longest))).await;
}
