//! Store time in the file: milliseconds since the epoch, rounded so that no lease is shorter than asked.

use std::time::{Duration, SystemTime};

/// A moment of store time, read once a transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now(Duration);

impl Now {
    pub(crate) fn at(wall: SystemTime) -> Self {
        // A wall clock before 1970 is a machine without a clock; to it, everything stored is in the future.
        Self(wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
    }

    /// Now, rounded down: what is compared with stored times.
    pub(crate) fn ms(self) -> i64 {
        to_ms(self.0)
    }

    /// The moment `time` from now, rounded up unless it is this very moment; saturating.
    pub(crate) fn plus(self, time: Duration) -> i64 {
        if time.is_zero() {
            return self.ms();
        }
        to_ms(self.0.saturating_add(time).saturating_add(Duration::from_nanos(999_999)))
    }

    /// The moment `time` before now.
    pub(crate) fn minus(self, time: Duration) -> i64 {
        to_ms(self.0.saturating_sub(time))
    }

    /// The time from now to the stored moment, zero if it has passed.
    pub(crate) fn until(self, ms: i64) -> Duration {
        Duration::from_millis(u64::try_from(ms.saturating_sub(self.ms())).unwrap_or(0))
    }

    /// The time from the stored moment to now, zero if it is still to come.
    pub(crate) fn since(self, ms: i64) -> Duration {
        Duration::from_millis(u64::try_from(self.ms().saturating_sub(ms)).unwrap_or(0))
    }
}

fn to_ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_never_shorter_than_asked_and_zero_is_now() {
        let now = Now(Duration::from_micros(10_500));
        assert_eq!(now.plus(Duration::ZERO), 10);
        assert_eq!(now.plus(Duration::from_micros(500)), 11);
        assert_eq!(now.plus(Duration::from_millis(1)), 12);
        assert_eq!(now.plus(Duration::MAX), i64::MAX);
        assert_eq!(now.until(9), Duration::ZERO);
        assert_eq!(now.since(9), Duration::from_millis(1));
    }
}
