//! The stores beside bare loops over their drivers, in one run: callbacks stored, claimed and applied per second, alone and by 64 tasks.
//!
//! `cargo xtask bench-stores` starts the servers. A bare loop does durably what the store does, in the store's own tables, and keeps
//! none of its other promises: no versions that never come back, no answer remembered, nothing compared. `grouped` is the same loop
//! with 64 in one transaction. The rounds of all three take turns, so that the machine's mood falls on all; what is told is their median.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "a benchmark"
)]

mod backlog;
mod bare_memory;
mod bare_postgres;
mod bare_redis;
mod bare_sqlite;
mod letters;
mod ours;
mod timed;

use std::sync::Arc;
use std::time::Duration;

use paysluice::env::Env;
use paysluice::store::{MemoryStore, Store};
use paysluice_postgres::PostgresStore;
use paysluice_redis::{RedisStore, StoreOptions};
use paysluice_sqlite::SqliteStore;

use bare_memory::BareMemory;
use bare_postgres::BarePostgres;
use bare_redis::BareRedis;
use bare_sqlite::BareSqlite;
use ours::Ours;
use timed::beside;

/// A place that takes callbacks: the store, or a bare loop.
pub trait Inbox: Send + Sync + 'static {
    /// How many loops that group there are beside 64 tasks.
    const LOOPS: u64;
    /// Stores one callback, durably.
    fn store(&self, n: u64) -> impl Future<Output = ()> + Send;
    /// Stores so many in one transaction, and tells how many; none where there are no transactions. Only a bare loop is asked.
    fn store_group(&self, from: u64, count: u64) -> impl Future<Output = u64> + Send;
    /// Takes up to so many that are due.
    fn claim(&self, max: usize, lease: Duration) -> impl Future<Output = Vec<Taken>> + Send;
    /// Applies one: reads its order, changes it together with an effect and what is to tell, then marks the callback done.
    fn apply(&self, taken: Taken) -> impl Future<Output = ()> + Send;
}

/// A callback that was claimed.
#[derive(Debug)]
pub struct Taken {
    pub n: u64,
    pub ver: u64,
}

#[tokio::main]
async fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    let env = Env::system();
    println!(
        "{:<10} {:<22} {:>5} {:>10} {:>10} {:>10} {:>7} {:>9}",
        "store", "what", "tasks", "ours/s", "bare/s", "grouped/s", "ratio", "/grouped"
    );
    if is_wanted("memory") {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(env.clock().clone()));
        beside("memory", Ours::new(store).await, BareMemory::new().await).await;
    }
    if is_wanted("sqlite") {
        let folder = tempfile::tempdir().unwrap();
        let open =
            |name: &str| SqliteStore::open(folder.path().join(name), env.clock().clone(), paysluice_sqlite::Options::default());
        let (ours, file) = (open("ours.db").unwrap(), folder.path().join("bare.db"));
        drop(open("bare.db").unwrap());
        beside("sqlite", Ours::new(Arc::new(ours)).await, BareSqlite::new(&file).await).await;
    }
    if is_wanted("redis") {
        let url = server("PAYSLUICE_TEST_REDIS");
        let options = StoreOptions { prefix: format!("bench-{:016x}", env.rng().next_u64()), timeout: Duration::from_secs(20) };
        let bare = BareRedis::new(&url, &format!("{}-bare", options.prefix)).await;
        beside("redis", Ours::new(Arc::new(RedisStore::open(&url, &env, options).unwrap())).await, bare).await;
    }
    if is_wanted("postgres") || is_wanted("backlog") {
        let url = server("PAYSLUICE_TEST_POSTGRES");
        let schema = |name: &str| format!("bench_{name}_{:016x}", env.rng().next_u64());
        let options = |name: &str| paysluice_postgres::Options { schema: schema(name), ..Default::default() };
        let (ours, bare, backlog) = (options("ours"), options("bare"), options("backlog"));
        for options in [&ours, &bare, &backlog] {
            paysluice_postgres::migrate(&url, options).await.unwrap();
        }
        if is_wanted("postgres") {
            let store = PostgresStore::connect(&url, ours.clone()).await.unwrap();
            beside("postgres", Ours::new(Arc::new(store)).await, BarePostgres::new(&url, &bare.schema).await).await;
        }
        if is_wanted("backlog") {
            backlog::run(&url, &backlog).await;
        }
        let admin = bare_postgres::connect(&url).await;
        for options in [ours, bare, backlog] {
            admin.batch_execute(&format!("DROP SCHEMA {} CASCADE", options.schema)).await.unwrap();
        }
    }
}

fn server(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} must be the URL of a server: run `cargo xtask bench-stores`"))
}
