//! The store keeps every law: through one handle, through many, and with all of an account in one slot of a cluster.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use paysluice::env::{BoxFuture, Env};
use paysluice::store::Store;
use paysluice::store::conformance::{self, Bench};

use super::server::{Own, env, shared};
use crate::{RedisStore, StoreOptions};

/// On a busy machine a burst of large bodies takes its time.
const PATIENT: Duration = Duration::from_secs(20);

#[derive(Debug)]
struct RedisBench {
    url: String,
    shift: Arc<AtomicI64>,
    /// The one handle, if not each call opens another.
    one: Option<RedisStore>,
}

impl RedisBench {
    fn new(url: String, is_one: bool) -> Self {
        let mut bench = Self { url, shift: Arc::default(), one: None };
        bench.one = is_one.then(|| bench.open());
        bench
    }

    fn open(&self) -> RedisStore {
        let options = StoreOptions { timeout: PATIENT, ..StoreOptions::default() };
        RedisStore::shifted(&self.url, &env(), options, self.shift.clone()).unwrap()
    }
}

impl Bench for RedisBench {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.one.clone().unwrap_or_else(|| self.open()))
    }

    fn store_of_client(&self, wrong_by: i64) -> Arc<dyn Store> {
        let wrong = Duration::from_secs(wrong_by.unsigned_abs());
        let told = if wrong_by > 0 { env().wall() + wrong } else { env().wall() - wrong };
        let options = StoreOptions { timeout: PATIENT, ..StoreOptions::default() };
        Arc::new(RedisStore::shifted(&self.url, &Env::simulated(1, told), options, self.shift.clone()).unwrap())
    }

    fn advance(&self, time: Duration) -> BoxFuture<'_, ()> {
        self.shift.fetch_add(i64::try_from(time.as_micros()).unwrap(), Ordering::Relaxed);
        Box::pin(async {})
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_handle_keeps_every_law() {
    conformance::all(&RedisBench::new(shared(), true)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handles_with_connections_of_their_own_keep_every_law_together() {
    conformance::all(&RedisBench::new(shared(), false)).await;
}

/// A server in cluster mode refuses scripts whose keys are of several slots, even if it has all slots.
#[tokio::test(flavor = "multi_thread")]
async fn every_law_is_kept_within_one_slot_of_a_cluster() {
    let own = Own::start(&["--cluster-enabled", "yes"]).await;
    own.say(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).await;
    while !format!("{:?}", own.say(&["CLUSTER", "INFO"]).await).contains("cluster_state:ok") {
        env().sleep(Duration::from_millis(20)).await;
    }
    conformance::all(&RedisBench::new(own.url(), true)).await;
}
