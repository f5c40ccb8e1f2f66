//! The store keeps every law: through one handle, through many, and inline.
#![allow(clippy::unwrap_used, reason = "a test program: a panic is its verdict")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use paysluice::env::BoxFuture;
use paysluice::store::Store;
use paysluice::store::conformance::{self, Bench, ManualClock};
use paysluice_sqlite::{Options, SqliteStore};
use tempfile::TempDir;

#[derive(Debug)]
struct SqliteBench {
    folder: TempDir,
    clock: Arc<ManualClock>,
    options: Options,
    /// The one handle, if not each call opens another.
    shared: Option<SqliteStore>,
}

impl SqliteBench {
    fn new(options: Options, is_shared: bool) -> Self {
        let mut bench = Self { folder: TempDir::new().unwrap(), clock: Arc::default(), options, shared: None };
        bench.shared = is_shared.then(|| bench.open());
        bench
    }

    fn open(&self) -> SqliteStore {
        let path: PathBuf = self.folder.path().join("store.db");
        SqliteStore::open(path, self.clock.clone(), self.options.clone()).unwrap()
    }
}

impl Bench for SqliteBench {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.shared.clone().unwrap_or_else(|| self.open()))
    }

    fn advance(&self, time: Duration) -> BoxFuture<'_, ()> {
        self.clock.advance(time);
        Box::pin(async {})
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_handle_keeps_every_law() {
    conformance::all(&SqliteBench::new(Options::default(), true)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handles_with_connections_of_their_own_keep_every_law_together() {
    conformance::all(&SqliteBench::new(Options { readers: 1, ..Options::default() }, false)).await;
}

#[tokio::test]
async fn the_inline_store_keeps_every_law_on_one_thread() {
    conformance::all(&SqliteBench::new(Options { inline: true, ..Options::default() }, true)).await;
}
