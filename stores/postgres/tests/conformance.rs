//! The store keeps every law on a real server: through one handle, through several with connections of their own, and behind PgBouncer.
#![allow(clippy::unwrap_used, reason = "a test program: a panic is its verdict")]

mod served;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use paysluice::env::BoxFuture;
use paysluice::store::Store;
use paysluice::store::conformance::{self, Bench};
use paysluice_postgres::PostgresStore;
use served::{Place, started_for};
use tokio::sync::Mutex;

#[derive(Debug)]
struct PostgresBench {
    place: Place,
    handles: Vec<PostgresStore>,
    given: AtomicUsize,
    /// By how much the store's clock has been set forward.
    ahead: Mutex<Duration>,
}

impl PostgresBench {
    async fn new(place: Place, handles: usize) -> Self {
        let mut opened = Vec::new();
        for _ in 0..handles {
            opened.push(place.store().await);
        }
        Self { place, handles: opened, given: AtomicUsize::new(0), ahead: Mutex::default() }
    }
}

impl Bench for PostgresBench {
    fn store(&self) -> Arc<dyn Store> {
        let turn = self.given.fetch_add(1, Ordering::Relaxed);
        Arc::new(self.handles[turn % self.handles.len()].clone())
    }

    /// The schema has one function that tells the time; here it tells a later one.
    fn advance(&self, time: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let mut ahead = self.ahead.lock().await;
            *ahead += time;
            let later = format!("SELECT clock_timestamp() + interval '{} milliseconds'", ahead.as_millis());
            self.place
                .run(&format!(
                    "CREATE OR REPLACE FUNCTION {{schema}}.clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS '{}'",
                    later.replace('\'', "''")
                ))
                .await;
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_handle_keeps_every_law() {
    let bench = PostgresBench::new(Place::new().await, 1).await;
    conformance::all(&bench).await;
    bench.place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handles_with_connections_of_their_own_keep_every_law_together() {
    let bench = PostgresBench::new(Place::new().await, 4).await;
    conformance::all(&bench).await;
    bench.place.leave().await;
}

/// PgBouncer in transaction mode gives every statement another session of the server.
#[tokio::test(flavor = "multi_thread")]
async fn behind_pgbouncer_in_transaction_mode_it_keeps_every_law() {
    let why = "no PgBouncer stands before your server; `cargo xtask test` without it starts both";
    let Some(bouncer) = started_for("PAYSLUICE_TEST_PGBOUNCER", why) else { return };
    let mut bench = PostgresBench::new(Place::new().await, 0).await;
    for _ in 0..3 {
        bench.handles.push(PostgresStore::connect(&bouncer, bench.place.options.clone()).await.unwrap());
    }
    conformance::all(&bench).await;
    bench.place.leave().await;
}
