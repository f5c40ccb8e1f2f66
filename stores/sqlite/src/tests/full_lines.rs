//! Lines that are full, other processes that hold the file, and a store that is dropped.

use std::task::{Context, Waker};
use std::time::Duration;

use paysluice::store::{Commit, OpId, Store, StoreErrorKind};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::{commit, insert, key, open};
use crate::Options;

#[tokio::test]
async fn a_full_line_is_told_at_once_and_reads_do_not_wait_behind_it() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    // One in hand and two in line: of ten at least seven are refused.
    let store = open(&path, Options { line: 2, group: 1, ..Options::default() }).unwrap();
    commit(&store, 0, insert("before", 10)).await.unwrap();
    let other_process = Connection::open(&path).unwrap();
    other_process.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut tasks = JoinSet::new();
    for n in 1..=10_u8 {
        let store = store.clone();
        tasks.spawn(async move { (n, commit(&store, n.into(), insert(&n.to_string(), 10)).await) });
    }
    let mut refused = Vec::new();
    while refused.len() < 7 {
        let (n, answer) = tasks.join_next().await.unwrap().unwrap();
        let error = answer.unwrap_err();
        assert!(error.kind() == StoreErrorKind::Unavailable && error.to_string().contains("line is full"), "{error}");
        refused.push(n);
    }
    assert!(store.get(&key("before")).await.unwrap().is_some());
    other_process.execute_batch("COMMIT").unwrap();
    while let Some(done) = tasks.join_next().await {
        let (n, answer) = done.unwrap();
        match answer {
            Ok(answer) => assert!(matches!(answer, Commit::Done(_))),
            Err(_) => refused.push(n),
        }
    }
    for n in 1..=10_u8 {
        assert_eq!(store.get(&key(&n.to_string())).await.unwrap().is_none(), refused.contains(&n), "{n}");
    }
}

#[tokio::test]
async fn another_process_that_holds_the_file_too_long_makes_it_unavailable() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path, Options { busy: Duration::from_millis(20), ..Options::default() }).unwrap();
    let other_process = Connection::open(&path).unwrap();
    other_process.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = commit(&store, 1, insert("1", 10)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    other_process.execute_batch("COMMIT").unwrap();
    assert!(matches!(commit(&store, 1, insert("1", 10)).await.unwrap(), Commit::Done(_)));
}

#[tokio::test]
async fn what_waits_when_the_store_is_dropped_is_written() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path, Options::default()).unwrap();
    for n in 0..100_u8 {
        let put = [insert(&n.to_string(), 10)];
        let mut given_up = store.commit(OpId(n.into()), &put);
        assert!(given_up.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    drop(store);
    assert!(!folder.path().join("store.db-wal").exists(), "the last connection has cleaned up, so the threads have ended");
    let store = open(&path, Options::default()).unwrap();
    assert_eq!(store.depth(&key("0").space).await.unwrap().rows, 100);
}
