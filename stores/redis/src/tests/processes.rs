//! Real processes on one server: they share it without loss.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use paysluice::env::{Rng, SystemRng};
use paysluice::model::AccountRef;
use paysluice::store::{Commit, Expect, Key, OpId, Put, Space, SpaceKind, Store};

use super::server::{account, env, shared};
use crate::{RedisStore, StoreOptions};

const ACCOUNT: &str = "PAYSLUICE_TEST_ACCOUNT";

/// Starts this test program again, to do only the work of a child.
fn child(account: &AccountRef) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::processes::the_work_of_a_child"])
        .env(ACCOUNT, account.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn open() -> RedisStore {
    RedisStore::open(&shared(), &env(), StoreOptions { timeout: Duration::from_secs(20), ..StoreOptions::default() }).unwrap()
}

fn counter(account: &AccountRef) -> Key {
    Key { space: Space::new(SpaceKind::Order, account), part: "order/1".into(), id: "counter".into() }
}

fn put(key: &Key, expect: Expect, sum: u32) -> [Put; 1] {
    [Put { key: key.clone(), expect, due_in: None, keep_in: None, body: sum.to_string().into() }]
}

/// Adds one to the counter a hundred times, by compare-and-set against the other processes.
async fn count(store: &RedisStore, key: &Key) {
    for _ in 0..100 {
        loop {
            let row = store.get(key).await.unwrap().unwrap();
            let sum: u32 = std::str::from_utf8(&row.body).unwrap().parse().unwrap();
            let counted = put(key, Expect::Ver(row.ver), sum + 1);
            if let Commit::Done(_) = store.commit(OpId(SystemRng::new().next_u128()), &counted).await.unwrap() {
                break;
            }
        }
    }
}

/// Does nothing as a test; as a child it does the work it was started for.
#[tokio::test]
async fn the_work_of_a_child() {
    let Ok(account) = std::env::var(ACCOUNT) else { return };
    count(&open(), &counter(&account.parse().unwrap())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_processes_count_together_and_lose_nothing() {
    let (store, account) = (open(), account());
    let key = counter(&account);
    store.commit(OpId(SystemRng::new().next_u128()), &put(&key, Expect::Absent, 0)).await.unwrap();
    let children = [child(&account), child(&account)];
    count(&store, &key).await;
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(store.get(&key).await.unwrap().unwrap().body, "300");
}
