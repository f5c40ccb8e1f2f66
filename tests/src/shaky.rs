//! A store for tests that fails at the call one names: before it did anything, or after, with its answer lost.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use paysluice::env::{BoxFuture, Env};
use paysluice::store::{Commit, Depth, Durability, Key, OpId, Put, Row, Space, Store, StoreError, StoreErrorKind};

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// Nothing was done.
    Before,
    /// It was done; the answer is lost.
    After,
    /// The disk is full: nothing was done, and the store says so.
    Full,
    /// It is done, and says so, but a minute and a half late: longer than any send may run.
    Stalled,
}

/// When calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// The first call that fails, from 0.
    pub from: usize,
    /// How many calls in a row fail.
    pub calls: usize,
    /// How.
    pub how: Break,
}

/// A store that fails on command.
#[derive(Debug)]
pub struct Shaky {
    env: Env,
    inner: Arc<dyn Store>,
    calls: AtomicUsize,
    well: AtomicBool,
    outage: Mutex<Option<Outage>>,
}

impl Shaky {
    /// A store over another, without faults yet.
    pub fn new(env: &Env, inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            env: env.clone(),
            inner,
            calls: AtomicUsize::new(0),
            well: AtomicBool::new(false),
            outage: Mutex::default(),
        })
    }

    /// Counts calls from zero and fails as `outage` says.
    pub fn fail(&self, outage: Outage) {
        *self.outage.lock().unwrap_or_else(PoisonError::into_inner) = Some(outage);
        self.calls.store(0, Ordering::Relaxed);
        self.well.store(false, Ordering::Relaxed);
    }

    /// It is back.
    pub fn recover(&self) {
        self.well.store(true, Ordering::Relaxed);
    }

    /// How many calls there were since the count began.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    fn fault(&self) -> Option<Break> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let outage = *self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        let outage = outage.filter(|_| !self.well.load(Ordering::Relaxed))?;
        (call >= outage.from && call - outage.from < outage.calls).then_some(outage.how)
    }

    async fn through<T>(&self, work: BoxFuture<'_, Result<T, StoreError>>) -> Result<T, StoreError> {
        match self.fault() {
            None => work.await,
            Some(Break::Before) => Err(StoreError::new(StoreErrorKind::Unavailable, "away")),
            Some(Break::Full) => Err(StoreError::new(StoreErrorKind::Full, "no room")),
            Some(Break::Stalled) => {
                let done = work.await;
                self.env.sleep(Duration::from_secs(90)).await;
                done
            }
            Some(Break::After) => {
                let _ = work.await;
                Err(StoreError::new(StoreErrorKind::Unavailable, "the answer was lost"))
            }
        }
    }
}

impl Store for Shaky {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        Box::pin(self.through(self.inner.get(key)))
    }

    fn commit<'a>(&'a self, op: OpId, puts: &'a [Put]) -> BoxFuture<'a, Result<Commit, StoreError>> {
        Box::pin(self.through(self.inner.commit(op, puts)))
    }

    fn claim_due<'a>(&'a self, space: &'a Space, max: usize, lease: Duration) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(self.through(self.inner.claim_due(space, max, lease)))
    }

    fn page<'a>(&'a self, space: &'a Space, after: Option<&'a Key>, max: usize) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(self.through(self.inner.page(space, after, max)))
    }

    fn page_due<'a>(
        &'a self,
        space: &'a Space,
        after: Option<&'a Key>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(self.through(self.inner.page_due(space, after, max)))
    }

    fn depth<'a>(&'a self, space: &'a Space) -> BoxFuture<'a, Result<Depth, StoreError>> {
        self.inner.depth(space)
    }

    fn spaces(&self) -> BoxFuture<'_, Result<Vec<Space>, StoreError>> {
        self.inner.spaces()
    }

    fn purge<'a>(&'a self, space: &'a Space, max: usize) -> BoxFuture<'a, Result<usize, StoreError>> {
        self.inner.purge(space, max)
    }

    fn durability(&self) -> Durability {
        self.inner.durability()
    }
}
