//! Whether Redis answers: told once when that changes, tried again once in a while.

use std::sync::atomic::{AtomicU64, Ordering};

use paysluice::env::Mono;

use crate::link::Trouble;

/// Zero while Redis answers, else the monotonic nanosecond at which it is tried again.
#[derive(Debug, Default)]
pub(super) struct Away(AtomicU64);

impl Away {
    pub(super) fn is_away(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    pub(super) fn answered(&self) {
        if self.is_away() && self.0.swap(0, Ordering::Relaxed) != 0 {
            tracing::info!("Redis answers again: the rate limit is the fleet's");
        }
    }

    pub(super) fn went(&self, try_at: Mono, trouble: &Trouble) {
        if self.0.swap(nanos(try_at).max(1), Ordering::Relaxed) == 0 {
            tracing::warn!(%trouble, "Redis is away: the rate limit is this process's share");
        }
    }

    /// Whether it is time to try; true for one caller, and for the next only from `again` on.
    pub(super) fn is_to_be_tried(&self, now: Mono, again: Mono) -> bool {
        let at = self.0.load(Ordering::Relaxed);
        let due = at != 0 && at <= nanos(now);
        due && self.0.compare_exchange(at, nanos(again).max(1), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

fn nanos(instant: Mono) -> u64 {
    u64::try_from(instant.since_origin().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn one_of_many_tries_and_only_when_it_is_time() {
        let at = |secs| Mono::from_origin(Duration::from_secs(secs));
        let away = Away::default();
        assert!(!away.is_to_be_tried(at(9), at(10)), "it is not away");
        away.went(at(10), &Trouble::Late(Duration::ZERO));
        assert!(!away.is_to_be_tried(at(9), at(10)));
        assert!(away.is_to_be_tried(at(10), at(11)));
        assert!(!away.is_to_be_tried(at(10), at(11)) && away.is_away());
        away.answered();
        assert!(!away.is_away());
    }
}
