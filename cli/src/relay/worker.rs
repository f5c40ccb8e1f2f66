//! The worker: claims what is due, forwards it, and decides what an answer means for the letter.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use paysluice::env::{Env, Mono};
use paysluice::store::StoreError;
use tokio::sync::{Notify, Semaphore, watch};

use super::letters::{Claimed, Letters};
use super::target::{Attempt, Target};

/// The pauses after each failed attempt, as Standard Webhooks recommends: about three days in all.
const PAUSES: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(14),
    Duration::from_hours(20),
    Duration::from_hours(24),
];

/// How long a claim holds, and how often it is renewed while an attempt is under way: what a killed process held comes back within
/// the first, and a fast attempt costs no write more.
const LEASE: Duration = Duration::from_secs(10);
const RENEW: Duration = Duration::from_secs(3);

/// How often is looked for what has become due.
const LOOK: Duration = Duration::from_secs(1);

/// How often, and how much at once, is forgotten that is past its time.
const PURGE_EVERY: Duration = Duration::from_mins(1);
const PURGE: usize = 500;

/// How long a letter that cannot be opened waits: its key may be missing from the configuration.
const UNOPENED: Duration = Duration::from_mins(5);

/// Forwards letters.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) env: Env,
    pub(crate) letters: Arc<Letters>,
    pub(crate) target: Target,
    /// Most attempts under way at once.
    pub(crate) concurrency: u32,
    /// Rung when a letter has come.
    pub(crate) bell: Arc<Notify>,
    /// How many were taken so far.
    pub(crate) forwarded: AtomicU64,
    pub(crate) verbose: bool,
}

impl Worker {
    /// Works until `stop`; then finishes what is under way.
    pub(crate) async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let permits = Arc::new(Semaphore::new(usize::try_from(self.concurrency).unwrap_or(1)));
        let mut purged = self.env.now();
        while !*stop.borrow() {
            self.purge(&mut purged).await;
            let claimed = self.claim(permits.available_permits()).await;
            if claimed.is_empty() {
                tokio::select! {
                    biased;
                    _ = stop.changed() => {}
                    () = self.bell.notified() => {}
                    () = self.env.sleep(LOOK) => {}
                }
            }
            for letter in claimed {
                // Only this task takes permits, so there is one for each that was claimed.
                let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
                let worker = Arc::clone(&self);
                self.env.spawn(async move {
                    worker.forward(letter).await;
                    drop(permit);
                });
            }
            // Wait until there is room for one more.
            drop(permits.acquire().await);
        }
        drop(permits.acquire_many(self.concurrency).await);
    }

    async fn claim(&self, max: usize) -> Vec<Claimed> {
        self.letters.claim(max, LEASE).await.unwrap_or_else(|error| {
            eprintln!("paysluice: nothing can be claimed: {error}");
            Vec::new()
        })
    }

    async fn purge(&self, last: &mut Mono) {
        let now = self.env.now();
        if now.since(*last) < PURGE_EVERY {
            return;
        }
        *last = now;
        if let Err(error) = self.letters.purge(PURGE).await {
            eprintln!("paysluice: nothing can be forgotten: {error}");
        }
    }

    async fn forward(&self, mut claimed: Claimed) {
        let key = claimed.letter.delivery_key.clone();
        let body = match self.letters.open(&claimed) {
            Ok(body) => body,
            Err(error) => {
                eprintln!("paysluice: {key} cannot be opened: {error}; it is tried again in 5 minutes");
                return written(&key, self.letters.park(&claimed, UNOPENED).await);
            }
        };
        let written = match self.attempt(&mut claimed, body).await {
            Attempt::Taken => {
                self.forwarded.fetch_add(1, Ordering::Relaxed);
                if self.verbose {
                    eprintln!("forwarded {key}");
                }
                self.letters.delivered(&claimed).await
            }
            Attempt::Gone => self.give_up(&claimed, "answered 410: the target wants it no more").await,
            Attempt::Failed { why, after } => match self.pause(claimed.letter.failed, after) {
                Some(pause) => {
                    eprintln!("paysluice: {key} was not taken: {why}; again in {} s", pause.as_secs());
                    self.letters.failed(&claimed, &why, pause).await
                }
                None => self.give_up(&claimed, &why).await,
            },
        };
        self::written(&key, written);
    }

    /// One attempt, its claim renewed for as long as it takes.
    async fn attempt(&self, claimed: &mut Claimed, body: Bytes) -> Attempt {
        let key = claimed.letter.delivery_key.clone();
        let id = self.letters.id(&key);
        let mut attempt = pin!(self.target.post(&id, body));
        loop {
            tokio::select! {
                biased;
                attempt = &mut attempt => return attempt,
                () = self.env.sleep(RENEW) => written(&key, self.letters.hold(claimed, LEASE).await),
            }
        }
    }

    async fn give_up(&self, claimed: &Claimed, why: &str) -> Result<(), StoreError> {
        eprintln!("paysluice: {} is given up: {why}; `paysluice callback replay` puts it back", claimed.letter.delivery_key);
        self.letters.give_up(claimed, why).await
    }

    /// How long to wait after the attempt that follows `failed` others; none if it was the last. Up to a fifth longer than the
    /// schedule says, so that what failed together does not come back together; and not before the target asked for.
    fn pause(&self, failed: u32, asked: Option<Duration>) -> Option<Duration> {
        let pause = usize::try_from(failed).ok().and_then(|failed| PAUSES.get(failed))?;
        Some((*pause + self.env.rng().up_to(*pause / 5)).max(asked.unwrap_or_default()))
    }
}

/// What could not be written down happens once more when the lease ends: at least once.
fn written(key: &str, written: Result<(), StoreError>) {
    if let Err(error) = written {
        eprintln!("paysluice: what became of {key} could not be stored, so it comes again: {error}");
    }
}

#[cfg(test)]
#[path = "worker/tests.rs"]
mod tests;
