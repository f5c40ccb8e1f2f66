//! What the store does when its server forgets, dies, is full, hangs or throws rows away: it never says what is not so.

use std::time::Duration;

use bytes::Bytes;
use paysluice::model::AccountRef;
use paysluice::store::{Commit, Durability, Expect, Key, OpId, Put, Row, Space, SpaceKind, Store, StoreErrorKind};

use super::server::{Own, account, env};
use crate::{RedisStore, StoreOptions};

fn open(url: &str, timeout: Duration) -> RedisStore {
    RedisStore::open(url, &env(), StoreOptions { timeout, ..StoreOptions::default() }).unwrap()
}

const PATIENT: Duration = Duration::from_secs(5);

fn key(account: &AccountRef, name: &str) -> Key {
    Key { space: Space::new(SpaceKind::Intent, account), part: format!("order/{name}"), id: name.to_owned() }
}

fn put(key: &Key, expect: Expect, body: impl Into<Bytes>) -> Put {
    Put { key: key.clone(), expect, due_in: Some(Duration::ZERO), keep_in: None, body: body.into() }
}

fn op() -> OpId {
    OpId(env().rng().next_u128())
}

async fn insert(store: &RedisStore, key: &Key) -> u64 {
    match store.commit(op(), &[put(key, Expect::Absent, "x")]).await.unwrap() {
        Commit::Done(vers) => vers[0],
        lost @ Commit::Lost { .. } => panic!("{lost:?}"),
    }
}

#[tokio::test]
async fn what_the_server_lost_is_absent_and_no_version_comes_back() {
    let own = Own::start(&[]).await;
    let (store, account) = (open(&own.url(), PATIENT), account());
    let key = key(&account, "a");
    let mut last = 0;
    for _ in 0..3 {
        let ver = insert(&store, &key).await;
        assert!(ver > last);
        last = ver;
        own.say(&["FLUSHALL"]).await;
        assert_eq!(store.get(&key).await.unwrap(), None);
        let stale = store.commit(op(), &[put(&key, Expect::Ver(ver), "stale")]).await.unwrap();
        assert_eq!(stale, Commit::Lost { index: 0, current: None });
    }
    // Nor for a process that has never seen one, nor when the server's clock stands far behind what this process has seen.
    assert!(insert(&open(&own.url(), PATIENT), &key).await > last);
    own.say(&["FLUSHALL"]).await;
    let shift = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(0));
    let store = RedisStore::shifted(&own.url(), &env(), StoreOptions::default(), shift.clone()).unwrap();
    let before = insert(&store, &key).await;
    own.say(&["FLUSHALL"]).await;
    shift.store(-3_600_000_000, std::sync::atomic::Ordering::Relaxed);
    assert!(insert(&store, &key).await > before);
}

#[tokio::test]
async fn a_server_that_saves_and_rises_again_has_its_rows_and_its_answers() {
    let mut own = Own::start(&["--appendonly", "yes", "--appendfsync", "always"]).await;
    let (store, account) = (open(&own.url(), PATIENT), account());
    let (key, name) = (key(&account, "a"), op());
    let puts = [put(&key, Expect::Absent, "x")];
    let answer = store.commit(name, &puts).await.unwrap();
    own.kill();
    let error = store.get(&key).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "a dead server is not an absent row: {error}");
    own.rise().await;
    assert_eq!(store.get(&key).await.unwrap().map(|row| row.body), Some(Bytes::from("x")));
    assert_eq!(store.commit(name, &puts).await.unwrap(), answer);
    let claimed: Vec<Row> = store.claim_due(&key.space, 9, PATIENT).await.unwrap();
    assert_eq!(claimed.len(), 1);
}

#[tokio::test]
async fn a_cut_connection_is_made_anew_and_forgotten_scripts_are_told_again() {
    let own = Own::start(&[]).await;
    let (store, account) = (open(&own.url(), PATIENT), account());
    insert(&store, &key(&account, "before")).await;
    for round in 0..3 {
        own.say(&["SCRIPT", "FLUSH"]).await;
        insert(&store, &key(&account, &format!("after script flush {round}"))).await;
        own.say(&["CLIENT", "KILL", "TYPE", "normal"]).await;
        let (key, name) = (key(&account, &format!("after cut {round}")), op());
        let puts = [put(&key, Expect::Absent, "x")];
        // The cut may be noticed by the call that meets it; the same op again is safe.
        let answer = match store.commit(name, &puts).await {
            Ok(answer) => answer,
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
                store.commit(name, &puts).await.unwrap()
            }
        };
        assert!(matches!(answer, Commit::Done(_)));
    }
}

#[tokio::test]
async fn a_full_server_writes_nothing_and_says_so_while_it_can_still_be_read() {
    let own = Own::start(&[]).await;
    let (store, account) = (open(&own.url(), PATIENT), account());
    let (old, new) = (key(&account, "old"), key(&account, "new"));
    let ver = insert(&store, &old).await;
    own.say(&["CONFIG", "SET", "maxmemory", "100kb"]).await;
    for puts in [[put(&new, Expect::Absent, "x")], [put(&old, Expect::Ver(ver), "over")], [put(&old, Expect::Absent, "lost")]] {
        let error = store.commit(op(), &puts).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Full, "{error}");
    }
    assert_eq!(store.get(&new).await.unwrap(), None);
    assert_eq!(store.get(&old).await.unwrap().map(|row| (row.ver, row.body)), Some((ver, Bytes::from("x"))));
    own.say(&["CONFIG", "SET", "maxmemory", "0"]).await;
    insert(&store, &new).await;
}

#[tokio::test]
async fn a_hanging_server_is_unavailable_in_time_and_the_op_tells_afterwards() {
    let own = Own::start(&[]).await;
    let (store, account) = (open(&own.url(), Duration::from_millis(300)), account());
    let (first, key, name) = (key(&account, "first"), key(&account, "a"), op());
    let store_first = async { while store.commit(op(), &[put(&first, Expect::Absent, "x")]).await.is_err() {} };
    store_first.await;
    own.signal("-STOP");
    let begin = env().now();
    let error = store.commit(name, &[put(&key, Expect::Absent, "x")]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    assert!(env().now().since(begin) < Duration::from_secs(2));
    own.signal("-CONT");
    let store = open(&own.url(), PATIENT);
    let answer = store.commit(name, &[put(&key, Expect::Absent, "x")]).await.unwrap();
    let ver = store.get(&key).await.unwrap().unwrap().ver;
    assert_eq!(answer, Commit::Done(vec![ver]), "whether it ran before or now, it ran once");
}

#[tokio::test]
async fn a_server_that_would_throw_rows_away_is_refused() {
    let own = Own::start(&["--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"]).await;
    let store = open(&own.url(), PATIENT);
    let error = store.get(&key(&account(), "a")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert!(error.to_string().contains("noeviction"), "{error}");
    own.say(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await;
    assert_eq!(store.get(&key(&account(), "a")).await.unwrap(), None, "looked at again until it is fit");
}

#[tokio::test]
async fn a_replica_is_read_but_not_written() {
    let (main, replica) = (Own::start(&[]).await, Own::start(&[]).await);
    replica.say(&["REPLICAOF", "127.0.0.1", &main.port()]).await;
    let error = open(&replica.url(), PATIENT).claim_due(&Space::new(SpaceKind::Intent, &account()), 1, PATIENT).await;
    assert!(error.is_ok_and(|rows| rows.is_empty()));
    let error = open(&replica.url(), PATIENT).commit(op(), &[put(&key(&account(), "a"), Expect::Absent, "x")]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Full, "{error}");
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_unavailable_to_who_wants_it() {
    let own = Own::start(&[]).await;
    let store = open(&own.url().replace("redis:", "rediss:"), Duration::from_secs(1));
    let error = store.get(&key(&account(), "a")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
}

#[test]
fn it_promises_no_more_than_its_best() {
    assert_eq!(open("redis://127.0.0.1:1", PATIENT).durability(), Durability::BestEffort);
}
