//! Real processes on one file: they share it without loss, and a killed one loses nothing that it was told was done.
#![allow(clippy::unwrap_used, reason = "a test program: a panic is its verdict")]

use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use paysluice::env::{Clock, Rng, SystemRng, TokioClock};
use paysluice::model::{AccountRef, Mode};
use paysluice::store::{Commit, Expect, Key, OpId, Put, Space, SpaceKind, Store};
use paysluice_sqlite::{Options, SqliteStore};
use tempfile::TempDir;

const FILE: &str = "PAYSLUICE_TEST_FILE";
const WORK: &str = "PAYSLUICE_TEST_WORK";

/// Starts this test program again, to do only the work of a child.
fn child(file: &Path, work: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "the_work_of_a_child", "--nocapture"])
        .env(FILE, file)
        .env(WORK, work)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn open(file: &Path) -> SqliteStore {
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::system());
    SqliteStore::open(file, clock, Options::default()).unwrap()
}

fn key(id: &str) -> Key {
    let space = Space::new(SpaceKind::Order, &AccountRef::new("p", Mode::Test, "m").unwrap());
    Key { space, part: "order/1".into(), id: id.into() }
}

fn put(id: &str, expect: Expect, body: String) -> Put {
    Put { key: key(id), expect, due_in: None, keep_in: None, body: body.into() }
}

async fn commit(store: &SqliteStore, put: Put) -> Commit {
    store.commit(OpId(SystemRng::new().next_u128()), &[put]).await.unwrap()
}

/// Adds one to the counter a hundred times, by compare-and-set against the other processes.
async fn count(store: &SqliteStore) {
    for _ in 0..100 {
        loop {
            let row = store.get(&key("counter")).await.unwrap().unwrap();
            let sum: u32 = std::str::from_utf8(&row.body).unwrap().parse().unwrap();
            if let Commit::Done(_) = commit(store, put("counter", Expect::Ver(row.ver), (sum + 1).to_string())).await {
                break;
            }
        }
    }
}

/// Takes due rows until there are no more to come, and tells each.
async fn claim(store: &SqliteStore) {
    loop {
        let is_all = store.get(&key("end")).await.unwrap().is_some();
        let claimed = store.claim_due(&key("").space, 3, Duration::from_secs(600)).await.unwrap();
        if claimed.is_empty() && is_all {
            return;
        }
        for row in claimed {
            println!("took {} at {}", row.key.id, row.ver);
        }
    }
}

/// Does nothing as a test; as a child it does the work it was started for.
#[tokio::test]
async fn the_work_of_a_child() {
    let (Some(file), Ok(work)) = (env::var_os(FILE), env::var(WORK)) else { return };
    let store = open(Path::new(&file));
    match work.as_str() {
        "count" => return count(&store).await,
        "claim" => return claim(&store).await,
        _ => {}
    }
    for n in 0.. {
        assert!(matches!(commit(&store, put(&format!("{n}"), Expect::Absent, String::new())).await, Commit::Done(_)));
        println!("done {n}");
    }
}

#[tokio::test]
async fn three_processes_count_together_and_lose_nothing() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let store = open(&file);
    commit(&store, put("counter", Expect::Absent, "0".into())).await;
    let children = [child(&file, "count"), child(&file, "count")];
    count(&store).await;
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(store.get(&key("counter")).await.unwrap().unwrap().body, "300");
}

#[tokio::test]
async fn eight_processes_share_what_is_due_and_none_takes_what_another_has() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let store = open(&file);
    let children: Vec<Child> = (0..8).map(|_| child(&file, "claim")).collect();
    for n in 0..400 {
        commit(&store, Put { due_in: Some(Duration::ZERO), ..put(&n.to_string(), Expect::Absent, String::new()) }).await;
    }
    commit(&store, put("end", Expect::Absent, String::new())).await;
    let mut taken = Vec::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let said = String::from_utf8(output.stdout).unwrap();
        // The first answer shares its line with the test harness's own words.
        let mine: Vec<String> = said.lines().filter_map(|line| Some(line.split_once("took ")?.1.to_owned())).collect();
        taken.push(mine);
    }
    let all: Vec<(&str, &str)> = taken.iter().flatten().map(|line| line.split_once(" at ").unwrap()).collect();
    let distinct = |words: Vec<&str>| words.into_iter().collect::<BTreeSet<_>>().len();
    let (rows, vers) = all.iter().copied().unzip();
    assert_eq!((all.len(), distinct(rows), distinct(vers)), (400, 400, 400));
}

#[tokio::test]
async fn a_killed_process_keeps_all_that_it_was_told_was_done() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let mut child = child(&file, "insert");
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut done = Vec::new();
    for line in lines {
        let line = line.unwrap();
        // The first answer shares its line with the test harness's own words.
        done.extend(line.split_once("done ").map(|(_, n)| n.to_owned()));
        if done.len() == 100 {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(done.len() >= 100);
    let store = open(&file);
    for n in done {
        assert!(store.get(&key(&n)).await.unwrap().is_some(), "{n}");
    }
}
