//! The send's timeout: until when one send may run, and the race that ends it there.
//!
//! The caller's deadline bounds the *start* of a send. A send that moves money then runs to its own `until`: cutting it short
//! would only turn an answer into doubt. A query is cut at the deadline too, because asking again is harmless.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::Class;
use super::config::TimeoutConfig;
use crate::env::{Env, Mono};

impl TimeoutConfig {
    /// Until when a send that begins `now` may run: `now + send` if it may move money, else min(`now + query`, `deadline`).
    pub fn until(&self, class: Class, now: Mono, deadline: Mono) -> Mono {
        match class {
            Class::Charge | Class::Return | Class::Resolve => now + self.send,
            Class::Query | Class::Access | Class::Probe => (now + self.query).min(deadline),
        }
    }
}

/// The time was up before the work was done. Whether it took effect is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

/// Runs `work` until `until`; then drops it. Work that is ready at once costs no timer.
pub async fn run<T>(env: &Env, until: Mono, work: impl Future<Output = T>) -> Result<T, Elapsed> {
    let mut work = pin!(work);
    let mut timer = None;
    poll_fn(|cx| {
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(Ok(done));
        }
        let timer = timer.get_or_insert_with(|| env.sleep(left(env, until)));
        timer.as_mut().poll(cx).map(|()| Err(Elapsed))
    })
    .await
}

fn left(env: &Env, until: Mono) -> Duration {
    until.since(env.now())
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::time::SystemTime;

    use super::*;

    fn secs(secs: u64) -> Mono {
        Mono::from_origin(Duration::from_secs(secs))
    }

    #[test]
    fn a_send_of_money_outlives_the_deadline_and_a_query_does_not() {
        let config = TimeoutConfig::default();
        let now = secs(100);
        assert_eq!(config.until(Class::Charge, now, secs(101)), secs(130));
        assert_eq!(config.until(Class::Return, now, secs(101)), secs(130));
        assert_eq!(config.until(Class::Resolve, now, secs(101)), secs(130));
        assert_eq!(config.until(Class::Query, now, secs(101)), secs(101));
        assert_eq!(config.until(Class::Query, now, secs(999)), secs(110));
    }

    #[tokio::test(start_paused = true)]
    async fn work_ends_at_its_time_and_not_before() {
        let env = Env::simulated(1, SystemTime::UNIX_EPOCH);
        let until = env.now() + Duration::from_secs(30);
        assert_eq!(run(&env, until, env.sleep(Duration::from_secs(29))).await, Ok(()));
        assert_eq!(run(&env, until, pending::<()>()).await, Err(Elapsed));
        assert_eq!(env.now().since_origin(), Duration::from_secs(30));
        assert_eq!(run(&env, until, ready(7)).await, Ok(7), "work that is done is not thrown away");
    }
}
