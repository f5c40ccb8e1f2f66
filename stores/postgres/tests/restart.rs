//! A server that crashes and comes back in the midst of commits: what was told done is there, and the same op tells the same.
#![allow(clippy::unwrap_used, reason = "a test program: a panic is its verdict")]

mod served;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use paysluice::store::{Commit, Expect, OpId, Store, StoreErrorKind};
use paysluice_postgres::PostgresStore;
use served::{Place, key, new_op, put, started_for};
use tokio::task::{JoinSet, spawn_blocking};

/// The URL of a server that nobody else uses, and the command that crashes it and starts it again.
const CRASH_URL: &str = "PAYSLUICE_TEST_POSTGRES_CRASH_URL";
const CRASH_COMMAND: &str = "PAYSLUICE_TEST_POSTGRES_CRASH_COMMAND";

/// Inserts until the crash is over; an insert whose answer was lost is asked again under its name.
async fn inserts(store: PostgresStore, caller: usize, over: Arc<AtomicBool>) -> Vec<(OpId, String, Commit)> {
    let mut done = Vec::new();
    let mut last = false;
    while !last {
        last = over.load(Ordering::SeqCst);
        let (op, id) = (new_op(), format!("{caller}-{}", done.len()));
        loop {
            match store.commit(op, &[put(&id, Expect::Absent, "{}")]).await {
                Ok(answer @ Commit::Done(_)) => break done.push((op, id, answer)),
                Ok(lost) => panic!("written twice: {lost:?}"),
                Err(error) => assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}"),
            }
            tokio::task::yield_now().await;
        }
    }
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_mid_commit_loses_nothing_and_writes_nothing_twice() {
    let why = "your server is not ours to crash; `cargo xtask test` without it starts one for this";
    let (Some(url), Some(command)) = (started_for(CRASH_URL, why), started_for(CRASH_COMMAND, why)) else { return };
    let place = Place::at(url).await;
    let store = place.store().await;
    let over = Arc::new(AtomicBool::new(false));
    let mut callers = JoinSet::new();
    for caller in 0..8 {
        callers.spawn(inserts(store.clone(), caller, over.clone()));
    }
    for _ in 0..2 {
        let command = command.clone();
        let crashed = spawn_blocking(move || Command::new("sh").args(["-c", &command]).output().unwrap()).await.unwrap();
        assert!(crashed.status.success(), "{crashed:?}");
    }
    over.store(true, Ordering::SeqCst);
    let done: Vec<_> = callers.join_all().await.into_iter().flatten().collect();
    for (op, id, answer) in done {
        assert_eq!(Commit::Done(vec![store.get(&key(&id)).await.unwrap().unwrap().ver]), answer);
        assert_eq!(store.commit(op, &[put(&id, Expect::Absent, "{}")]).await.unwrap(), answer);
    }
    place.leave().await;
}
