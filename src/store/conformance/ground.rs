//! The ground a law stands on: an account of its own, short words for rows, and tasks that race.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::Bench;
use crate::env::{Rng, SystemRng};
use crate::model::{AccountRef, Mode};
use crate::store::{Commit, Expect, Key, OpId, Put, Row, Space, SpaceKind, Store};

/// A second of store time; laws speak in whole seconds, so that a store may count in milliseconds.
pub(super) const SECOND: Duration = Duration::from_secs(1);

/// A handle to the store and an account that nobody else uses.
#[derive(Clone, Debug)]
pub(super) struct Ground {
    pub(super) store: Arc<dyn Store>,
    pub(super) account: AccountRef,
}

impl Ground {
    pub(super) fn new(bench: &dyn Bench) -> Self {
        let merchant = format!("{:016x}", SystemRng::new().next_u64());
        Self { store: bench.store(), account: AccountRef::new("conformance", Mode::Test, &merchant).unwrap() }
    }

    /// The same account through another handle.
    pub(super) fn seen_by(&self, bench: &dyn Bench) -> Self {
        Self { store: bench.store(), account: self.account.clone() }
    }

    pub(super) fn space(&self, kind: SpaceKind) -> Space {
        Space::new(kind, &self.account)
    }

    pub(super) fn key(&self, kind: SpaceKind, part: &str, id: &str) -> Key {
        Key { space: self.space(kind), part: part.to_owned(), id: id.to_owned() }
    }

    /// A row of a part of its own.
    pub(super) fn intent(&self, name: &str) -> Key {
        self.key(SpaceKind::Intent, &format!("order/{name}"), name)
    }

    pub(super) fn intents(&self) -> Space {
        self.space(SpaceKind::Intent)
    }

    pub(super) async fn get(&self, key: &Key) -> Option<Row> {
        self.store.get(key).await.unwrap()
    }

    /// Commits under a name that is used once.
    pub(super) async fn commit(&self, puts: &[Put]) -> Commit {
        self.store.commit(new_op(), puts).await.unwrap()
    }

    /// Commits one row that must succeed; returns its version.
    pub(super) async fn put(&self, put: Put) -> u64 {
        match self.commit(&[put]).await {
            Commit::Done(vers) => *vers.first().expect("one version for one row"),
            lost @ Commit::Lost { .. } => panic!("the put should have been made: {lost:?}"),
        }
    }

    pub(super) async fn claim(&self, max: usize, lease: Duration) -> Vec<Row> {
        self.store.claim_due(&self.intents(), max, lease).await.unwrap()
    }
}

/// A put of a row that must be absent: never due, kept for ever.
pub(super) fn insert(key: &Key) -> Put {
    Put { key: key.clone(), expect: Expect::Absent, due_in: None, keep_in: None, body: Bytes::from_static(br#"{"n":0}"#) }
}

/// A put over the row's version.
pub(super) fn over(key: &Key, ver: u64, body: impl Into<Bytes>) -> Put {
    Put { expect: Expect::Ver(ver), body: body.into(), ..insert(key) }
}

/// An insert that is due after so many seconds.
pub(super) fn insert_due(key: &Key, secs: u64) -> Put {
    Put { due_in: Some(SECOND * u32::try_from(secs).unwrap()), ..insert(key) }
}

/// An insert that is kept for so many seconds.
pub(super) fn insert_kept(key: &Key, secs: u64) -> Put {
    Put { keep_in: Some(SECOND * u32::try_from(secs).unwrap()), ..insert(key) }
}

pub(super) fn new_op() -> OpId {
    OpId(SystemRng::new().next_u128())
}

pub(super) fn names(rows: &[Row]) -> Vec<&str> {
    rows.iter().map(|row| row.key.id.as_str()).collect()
}

/// True when a time to wait is what was asked for, less at most the seconds that a slow test may have taken.
pub(super) fn about(due_in: Option<Duration>, asked: Duration) -> bool {
    due_in.is_some_and(|due_in| due_in <= asked && due_in + 5 * SECOND >= asked)
}

/// Runs the tasks side by side, on several threads if there are; the results come in no order.
pub(super) async fn together<T: Send + 'static>(
    tasks: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    tasks.into_iter().collect::<JoinSet<T>>().join_all().await
}
