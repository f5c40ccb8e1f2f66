//! An outage of the server: calls wait for its end, but only as long after its begin as a call is patient; then all are told at once.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use paysluice::env::{Env, Mono};

/// Shortest and longest wait before a server that is away is tried again.
const FIRST: Duration = Duration::from_millis(20);
const LAST: Duration = Duration::from_millis(250);

/// Since when the server is away, if it is.
#[derive(Debug)]
pub(crate) struct Outage {
    env: Env,
    began: Mutex<Option<Mono>>,
}

impl Outage {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { env: Env::system(), began: Mutex::default() }
    }

    /// The server has answered.
    pub(crate) fn is_over(&self) {
        self.began(|began| *began = None);
    }

    /// It is away. How long to wait before the next try, of which there have been so many; `None` if it has been away for longer
    /// than anybody waits: then nobody does, and a line of callers is not held up for nothing.
    pub(crate) fn wait(&self, tries: u32, patience: Duration) -> Option<Duration> {
        let now = self.env.now();
        let began = self.began(|began| *began.get_or_insert(now));
        let left = patience.checked_sub(now.since(began)).filter(|left| !left.is_zero())?;
        Some(FIRST.saturating_mul(1 << tries.min(10)).min(LAST).min(left))
    }

    /// Waits so long.
    pub(crate) async fn rest(&self, time: Duration) {
        if !time.is_zero() {
            self.env.sleep(time).await;
        }
    }

    fn began<T>(&self, f: impl FnOnce(&mut Option<Mono>) -> T) -> T {
        f(&mut self.began.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_waited_for_once_and_not_by_everybody_anew() {
        let (outage, patience) = (Outage::new(), Duration::from_secs(5));
        let mut waited = Duration::ZERO;
        for tries in 0.. {
            let Some(wait) = outage.wait(tries, patience) else { break };
            waited += wait;
            tokio::time::advance(wait).await;
        }
        assert_eq!(waited, patience);
        assert_eq!(outage.wait(0, patience), None, "who comes later is told at once");
        outage.is_over();
        assert_eq!(outage.wait(0, patience), Some(FIRST));
    }
}
