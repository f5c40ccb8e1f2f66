//! What the store says when the disk, the file or another process lets it down.

mod broken_files;
mod full_disks;
mod full_lines;
mod plans;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use paysluice::env::Clock;
use paysluice::model::{AccountRef, Mode};
use paysluice::store::conformance::ManualClock;
use paysluice::store::{Commit, Expect, Key, OpId, Put, Space, SpaceKind, Store, StoreError};

use crate::{Options, SqliteStore};

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::new())
}

fn open(path: &Path, options: Options) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, clock(), options)
}

fn inline() -> Options {
    Options { inline: true, ..Options::default() }
}

fn key(id: &str) -> Key {
    let space = Space::new(SpaceKind::Intent, &AccountRef::new("p", Mode::Test, "m").unwrap());
    Key { space, part: format!("order/{id}"), id: id.to_owned() }
}

fn insert(id: &str, size: usize) -> Put {
    Put { key: key(id), expect: Expect::Absent, due_in: None, keep_in: None, body: Bytes::from(vec![b'x'; size]) }
}

async fn commit(store: &SqliteStore, op: u128, put: Put) -> Result<Commit, StoreError> {
    store.commit(OpId(op), &[put]).await
}
