//! The handle that applications hold.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use paysluice::env::{BoxFuture, Clock};
use paysluice::store::{Commit, Depth, Durability, Key, OpId, Put, Row, Space, Store, StoreError, check_puts};

use crate::errors::Failure;
use crate::inner::Inner;
use crate::options::Options;
use crate::writer::{Write, Written};
use crate::{rows, views};

/// A store in one SQLite file. Clones share its threads; when the last is dropped, what waits is written and they end.
///
/// Several processes of one machine may open the same file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    pub(crate) inner: Arc<Inner>,
}

impl SqliteStore {
    /// Opens the file at `path`, or makes it. Its time is the wall time of `clock`.
    ///
    /// # Errors
    /// * `Refused`: a directory, another application's database, a later version's file, or not a local disk.
    /// * `Corrupt`: not a SQLite database.
    /// * `Full`: no right to write it, or no room.
    /// * `Unavailable`: it cannot be opened, or another process keeps it locked.
    pub fn open(path: impl AsRef<Path>, clock: Arc<dyn Clock>, options: Options) -> Result<Self, StoreError> {
        Ok(Self { inner: Arc::new(Inner::open(path.as_ref(), clock, &options)?) })
    }
}

impl Store for SqliteStore {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        let key = key.clone();
        Box::pin(async move { Ok(self.inner.read(move |connection, now| rows::get(connection, &key, now)).await?) })
    }

    fn commit<'a>(&'a self, op: OpId, puts: &'a [Put]) -> BoxFuture<'a, Result<Commit, StoreError>> {
        Box::pin(async move {
            check_puts(puts)?;
            match self.inner.write(Write::Commit { op, puts: puts.to_vec() }).await? {
                Written::Commit(answer) => Ok(answer),
                other => Err(mistaken(&other)),
            }
        })
    }

    fn claim_due<'a>(&'a self, space: &'a Space, max: usize, lease: Duration) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(async move {
            match self.inner.write(Write::Claim { space: space.clone(), max, lease }).await? {
                Written::Claimed(rows) => Ok(rows),
                other => Err(mistaken(&other)),
            }
        })
    }

    fn page<'a>(&'a self, space: &'a Space, after: Option<&'a Key>, max: usize) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        let (space, after) = (space.clone(), after.cloned());
        Box::pin(async move {
            Ok(self.inner.read(move |connection, now| rows::page(connection, &space, after.as_ref(), max, now)).await?)
        })
    }

    fn page_due<'a>(
        &'a self,
        space: &'a Space,
        after: Option<&'a Key>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        let (space, after) = (space.clone(), after.cloned());
        Box::pin(async move {
            Ok(self.inner.read(move |connection, now| rows::page_due(connection, &space, after.as_ref(), max, now)).await?)
        })
    }

    fn depth<'a>(&'a self, space: &'a Space) -> BoxFuture<'a, Result<Depth, StoreError>> {
        let space = space.clone();
        Box::pin(async move { Ok(self.inner.read(move |connection, now| views::depth(connection, &space, now)).await?) })
    }

    fn spaces(&self) -> BoxFuture<'_, Result<Vec<Space>, StoreError>> {
        Box::pin(async move { Ok(self.inner.read(views::spaces).await?) })
    }

    fn purge<'a>(&'a self, space: &'a Space, max: usize) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async move {
            match self.inner.write(Write::Purge { space: space.clone(), max }).await? {
                Written::Purged(rows) => Ok(rows),
                other => Err(mistaken(&other)),
            }
        })
    }

    fn durability(&self) -> Durability {
        Durability::Disk
    }
}

/// The writer answers a write with its own kind of answer; this is for the compiler.
fn mistaken(other: &Written) -> StoreError {
    Failure::unavailable(format!("answered with {other:?}")).into()
}
