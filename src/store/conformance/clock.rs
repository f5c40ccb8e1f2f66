//! A clock that stands still until a test moves it.

use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use crate::env::{BoxFuture, Clock, Mono};

/// A clock that moves only by [`advance`](Self::advance), and forwards; unlike tokio's paused clock it can be shared with
/// other threads.
#[derive(Debug)]
pub struct ManualClock {
    start: SystemTime,
    passed: watch::Sender<Duration>,
}

impl ManualClock {
    /// A clock whose wall time begins in September 2001, a billion seconds after the epoch.
    pub fn new() -> Self {
        Self::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000))
    }

    /// A clock whose wall time begins at `start`.
    pub fn starting_at(start: SystemTime) -> Self {
        Self { start, passed: watch::Sender::new(Duration::ZERO) }
    }

    /// Lets `time` pass and wakes whoever has slept enough.
    pub fn advance(&self, time: Duration) {
        self.passed.send_modify(|passed| *passed = passed.saturating_add(time));
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> SystemTime {
        self.start + *self.passed.borrow()
    }

    fn monotonic(&self) -> Mono {
        Mono::from_origin(*self.passed.borrow())
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        let mut passed = self.passed.subscribe();
        let until = passed.borrow().saturating_add(time);
        Box::pin(async move {
            // An error means that the clock is gone: then its time stands still for ever.
            if passed.wait_for(|passed| *passed >= until).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_its_time_has_passed_and_not_before() {
        let clock = ManualClock::new();
        let mut sleep = polled_by_hand(clock.sleep(Duration::from_secs(10)));
        clock.advance(Duration::from_secs(9));
        assert!(!sleep());
        clock.advance(Duration::from_secs(1));
        assert!(sleep());
    }

    /// Tells at each call whether the future is ready.
    fn polled_by_hand(mut future: BoxFuture<'static, ()>) -> impl FnMut() -> bool {
        move || {
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            future.as_mut().poll(&mut context).is_ready()
        }
    }
}
