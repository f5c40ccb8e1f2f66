//! Real processes on one schema: they share it without loss.
#![allow(clippy::unwrap_used, reason = "a test program: a panic is its verdict")]

mod served;

use std::env;
use std::process::{Child, Command, Stdio};

use paysluice::store::{Commit, Expect, Store};
use paysluice_postgres::{Options, PostgresStore};
use served::{Place, key, new_op, put, url};

const SCHEMA: &str = "PAYSLUICE_TEST_SCHEMA";

/// Starts this test program again, to do only the work of a child.
fn child(schema: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "the_work_of_a_child"])
        .env(SCHEMA, schema)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Adds one to the counter a hundred times, by compare-and-set against the other processes.
async fn count(store: &PostgresStore) {
    for _ in 0..100 {
        loop {
            let row = store.get(&key("counter")).await.unwrap().unwrap();
            let sum: u32 = std::str::from_utf8(&row.body).unwrap().parse().unwrap();
            let counted = put("counter", Expect::Ver(row.ver), (sum + 1).to_string());
            if let Commit::Done(_) = store.commit(new_op(), &[counted]).await.unwrap() {
                break;
            }
        }
    }
}

/// Does nothing as a test; as a child it does the work it was started for.
#[tokio::test]
async fn the_work_of_a_child() {
    let Ok(schema) = env::var(SCHEMA) else { return };
    let options = Options { schema, ..Options::default() };
    count(&PostgresStore::connect(&url(), options).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_processes_count_together_and_lose_nothing() {
    let place = Place::new().await;
    let store = place.store().await;
    store.commit(new_op(), &[put("counter", Expect::Absent, "0")]).await.unwrap();
    let children = [child(&place.options.schema), child(&place.options.schema)];
    count(&store).await;
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(store.get(&key("counter")).await.unwrap().unwrap().body, "300");
    place.leave().await;
}
