//! How many commits a second this machine's disk takes: one after another, and 64 at a time.

use std::sync::Arc;

use paysluice::env::{Clock, TokioClock};
use paysluice::model::{AccountRef, Mode};
use paysluice::store::{Commit, Expect, Key, OpId, Put, Space, SpaceKind, Store, StoreError};
use paysluice_sqlite::{Options, SqliteStore};
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::TempDir::new_in(std::env::args().nth(1).unwrap_or_else(|| ".".into()))?;
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::system());
    let store = SqliteStore::open(folder.path().join("store.db"), clock.clone(), Options::default())?;
    let space = Space::new(SpaceKind::Intent, &AccountRef::new("bench", Mode::Test, "m").map_err(|error| error.to_string())?);

    for (callers, each) in [(1_u32, 5_000_u32), (64, 2_000)] {
        let start = clock.monotonic();
        let mut tasks = JoinSet::new();
        for caller in 0..callers {
            tasks.spawn(inserts(store.clone(), space.clone(), callers, caller, each));
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        let micros = clock.monotonic().since(start).as_micros();
        let commits = u128::from(callers) * u128::from(each);
        println!(
            "{callers:>3} callers: {:>7} commits/s ({commits} in {} ms)",
            commits * 1_000_000 / micros.max(1),
            micros / 1000
        );
    }
    Ok(())
}

/// Inserts of an intent-sized row, one after another.
async fn inserts(store: SqliteStore, space: Space, run: u32, caller: u32, each: u32) -> Result<(), StoreError> {
    for n in 0..each {
        let name = format!("{run}-{caller}-{n}");
        let key = Key { space: space.clone(), part: format!("order/{name}"), id: "charge/1".into() };
        let put = Put { key, expect: Expect::Absent, due_in: None, keep_in: None, body: vec![b'x'; 400].into() };
        let op = OpId((u128::from(run) << 96) | (u128::from(caller) << 32) | u128::from(n));
        let answer = store.commit(op, &[put]).await?;
        assert!(matches!(answer, Commit::Done(_)));
    }
    Ok(())
}
