//! The bulkhead, which is the connection-pool guard: a permit per connection and class, and a bounded line for who waits.
//!
//! HTTP clients do not limit connections: 300 calls at once open up to 297 sockets. A permit is taken last, after all other
//! waiting, and held until the body is read, so that permits cap sockets (http/1) or streams (http/2). Each class has its own,
//! so charges that hang cannot keep money from going back or doubt from being resolved.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::config::BulkheadConfig;
use super::{Ask, Class, Guard, PerLane, Refusal};
use crate::env::Env;

/// The permits of one account, by class; clones share them.
#[derive(Clone, Debug)]
pub struct Bulkhead {
    env: Env,
    pools: PerLane<Arc<Pool>>,
}

#[derive(Debug)]
struct Pool {
    permits: Semaphore,
    waiting: AtomicUsize,
    size: Mutex<usize>,
    /// The line's bound and the answer to who finds it full; change while running.
    line: AtomicUsize,
    retry_after: Mutex<Duration>,
    /// Permits that are out and must not come back, because the pool has shrunk meanwhile.
    owed: AtomicUsize,
}

impl Bulkhead {
    /// The permits as configured, all free.
    pub fn new(env: &Env, config: &BulkheadConfig) -> Self {
        Self { env: env.clone(), pools: sizes(config).map(|permits| Arc::new(Pool::new(*permits, config))) }
    }

    /// A permit, at once if one is free, else by waiting in line, at most until the deadline. A dropped wait leaves the line.
    pub async fn admit(&self, ask: &Ask) -> Result<BulkheadPermit, Refusal> {
        match self.try_admit(ask.class) {
            Some(permit) => Ok(permit),
            None => self.wait(ask).await,
        }
    }

    /// A permit if one is free and nobody waits.
    pub fn try_admit(&self, class: Class) -> Option<BulkheadPermit> {
        let pool = self.pools.get(class);
        pool.permits.try_acquire().ok()?.forget();
        Some(BulkheadPermit(Arc::clone(pool)))
    }

    async fn wait(&self, ask: &Ask) -> Result<BulkheadPermit, Refusal> {
        let pool = self.pools.get(ask.class);
        let refused = || Err(Refusal { guard: Guard::Bulkhead, after: Some(pool.retry_after()) });
        let Some(_place) = Place::take(pool) else { return refused() };
        let left = ask.deadline.since(self.env.now());
        if left.is_zero() {
            return refused();
        }
        tokio::select! {
            biased;
            permit = pool.permits.acquire() => match permit {
                Ok(permit) => { permit.forget(); Ok(BulkheadPermit(Arc::clone(pool))) }
                Err(_closed) => refused(),
            },
            () = self.env.sleep(left) => refused(),
        }
    }

    /// Changes the sizes. More permits serve the line at once; fewer take effect as permits come back.
    pub fn reconfigure(&self, config: &BulkheadConfig) {
        for class in Class::LANES {
            self.pools.get(class).resize(*sizes(config).get(class), config);
        }
    }

    /// Permits of the class in use and permits in all: what utilisation is computed from.
    pub fn usage(&self, class: Class) -> BulkheadUsage {
        self.pools.get(class).usage()
    }
}

/// How full one class's permits are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkheadUsage {
    /// Permits in use.
    pub used: usize,
    /// Permits in all.
    pub permits: usize,
    /// Calls that wait.
    pub waiting: usize,
}

fn sizes(config: &BulkheadConfig) -> PerLane<u32> {
    PerLane {
        charge: config.charge,
        give_back: config.give_back,
        query: config.query,
        resolve: config.resolve,
        access: config.access,
    }
}

fn size(permits: u32) -> usize {
    usize::try_from(permits).unwrap_or(Semaphore::MAX_PERMITS).min(Semaphore::MAX_PERMITS)
}

impl Pool {
    fn new(permits: u32, config: &BulkheadConfig) -> Self {
        let permits = size(permits);
        Self {
            permits: Semaphore::new(permits),
            waiting: AtomicUsize::new(0),
            size: Mutex::new(permits),
            line: AtomicUsize::new(config.line),
            retry_after: Mutex::new(config.retry_after),
            owed: AtomicUsize::new(0),
        }
    }

    fn retry_after(&self) -> Duration {
        *self.retry_after.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn resize(&self, permits: u32, config: &BulkheadConfig) {
        self.line.store(config.line, Ordering::Relaxed);
        *self.retry_after.lock().unwrap_or_else(PoisonError::into_inner) = config.retry_after;
        let wanted = size(permits);
        let mut current = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted > *current {
            (*current..wanted).for_each(|_| self.give_back());
        } else {
            let fewer = *current - wanted;
            let taken = self.permits.forget_permits(fewer);
            self.owed.fetch_add(fewer - taken, Ordering::AcqRel);
        }
        *current = wanted;
    }

    /// Returns one permit, or lets it go if the pool owes one.
    fn give_back(&self) {
        let pays = self.owed.fetch_update(Ordering::AcqRel, Ordering::Acquire, |owed| owed.checked_sub(1)).is_ok();
        if !pays {
            self.permits.add_permits(1);
        }
    }

    fn usage(&self) -> BulkheadUsage {
        let permits = *self.size.lock().unwrap_or_else(PoisonError::into_inner);
        let out = permits + self.owed.load(Ordering::Acquire);
        let used = out.saturating_sub(self.permits.available_permits());
        BulkheadUsage { used, permits, waiting: self.waiting.load(Ordering::Acquire) }
    }
}

/// A place in the line; left when dropped.
struct Place<'a>(&'a Pool);

impl<'a> Place<'a> {
    fn take(pool: &'a Pool) -> Option<Self> {
        let line = pool.line.load(Ordering::Relaxed);
        let next = |waiting| (waiting < line).then_some(waiting + 1);
        pool.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).ok().map(|_| Self(pool))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

/// One connection's permit. Hold it until the body is read; it comes back when dropped.
#[derive(Debug)]
#[must_use = "dropping the permit gives the connection to somebody else"]
pub struct BulkheadPermit(Arc<Pool>);

impl Drop for BulkheadPermit {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

#[cfg(test)]
mod tests;
