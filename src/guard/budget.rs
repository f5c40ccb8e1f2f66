//! The retry budget, after AWS retry 2.1: a bucket of tokens that retries draw on and successes fill.
//!
//! While half of all calls fail it allows 7 % more load, where three tries each would send 74 % more; when all fail it soon
//! allows none. A retry that succeeds gets its tokens back, any other success brings one, and time brings one a second.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::config::BudgetConfig;
use super::{Guard, Refusal, Signal};
use crate::env::{Env, Mono};

/// Why a retry is made, which decides what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryCause {
    /// A fault, a timeout, a hedge.
    Transient,
    /// The provider pushed back.
    Throttled,
}

/// A budget; clones share it. One per account and class: a shared one lets one operation's outage starve the others.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Core>);

#[derive(Debug)]
struct Core {
    env: Env,
    /// Whether nothing can be added: what a success on the fast path reads.
    full: AtomicBool,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    config: BudgetConfig,
    tokens: u32,
    filled_at: Mono,
}

impl Budget {
    /// A full budget.
    pub fn new(env: &Env, config: &BudgetConfig) -> Self {
        let bucket = Bucket { config: config.clone(), tokens: config.cap, filled_at: env.now() };
        Self(Arc::new(Core { env: env.clone(), full: AtomicBool::new(true), bucket: Mutex::new(bucket) }))
    }

    /// Pays for one retry or hedge, or refuses with the time until there will be enough.
    pub fn admit(&self, cause: RetryCause) -> Result<Loan, Refusal> {
        let now = self.0.env.now();
        self.0.with(|bucket| bucket.take(cause, now)).map(|cost| Loan { core: Arc::clone(&self.0), cost, sent: false })
    }

    /// A call that was no retry has succeeded: one token.
    pub fn succeeded(&self) {
        if !self.0.full.load(Ordering::Relaxed) {
            self.0.with(|bucket| bucket.put(1));
        }
    }

    /// Tokens there are now.
    pub fn tokens(&self) -> u32 {
        let now = self.0.env.now();
        self.0.with(|bucket| {
            bucket.refill(now);
            bucket.tokens
        })
    }

    /// Changes the settings; tokens above the new cap are lost.
    pub fn reconfigure(&self, config: &BudgetConfig) {
        let now = self.0.env.now();
        self.0.with(|bucket| {
            bucket.refill(now);
            bucket.tokens = bucket.tokens.min(config.cap);
            bucket.config = config.clone();
        });
    }
}

impl Core {
    fn with<T>(&self, work: impl FnOnce(&mut Bucket) -> T) -> T {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let result = work(&mut bucket);
        self.full.store(bucket.tokens >= bucket.config.cap, Ordering::Relaxed);
        result
    }
}

impl Bucket {
    fn take(&mut self, cause: RetryCause, now: Mono) -> Result<u32, Refusal> {
        self.refill(now);
        let cost = match cause {
            RetryCause::Transient => self.config.transient,
            RetryCause::Throttled => self.config.throttled,
        };
        if let Some(rest) = self.tokens.checked_sub(cost) {
            self.tokens = rest;
            return Ok(cost);
        }
        // A cost above the cap is never affordable; there is no time to name.
        let after = (cost <= self.config.cap).then(|| self.config.refill.saturating_mul(cost - self.tokens));
        Err(Refusal { guard: Guard::Budget, after })
    }

    fn put(&mut self, tokens: u32) {
        self.tokens = self.tokens.saturating_add(tokens).min(self.config.cap);
    }

    /// Adds a token for every whole refill time since the last; the remainder goes on counting.
    fn refill(&mut self, now: Mono) {
        let each = self.config.refill.as_nanos().max(1);
        let whole = u32::try_from(now.since(self.filled_at).as_nanos() / each).unwrap_or(u32::MAX);
        if whole > 0 {
            self.put(whole);
            self.filled_at = self.filled_at + self.config.refill.saturating_mul(whole);
        }
    }
}

/// The tokens of one retry. Dropped before the retry has gone out, they go back.
#[derive(Debug)]
#[must_use = "dropping the loan pays it back"]
pub struct Loan {
    core: Arc<Core>,
    cost: u32,
    sent: bool,
}

impl Loan {
    /// The retry goes out: from here on a drop without a report keeps the tokens.
    pub fn sending(&mut self) {
        self.sent = true;
    }

    /// Good: the tokens go back. Fault or pushback: they are spent. Neutral: as if it had not been.
    pub fn report(mut self, signal: Signal) {
        self.sent = matches!(signal, Signal::Fault | Signal::Pushback { .. });
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if !self.sent {
            self.core.with(|bucket| bucket.put(self.cost));
        }
    }
}

#[cfg(test)]
mod tests;
