//! Durations as the server counts them: microseconds, rounded so that no lease is shorter than asked.

use std::time::Duration;

/// Some 285 years: what an interval multiplies without loss. Longer is as good as never.
const LONGEST: i64 = 9_000_000_000_000_000;

/// The microseconds of `time`, rounded up.
pub(crate) fn of(time: Duration) -> i64 {
    let micros = time.as_nanos().div_ceil(1000);
    i64::try_from(micros).unwrap_or(LONGEST).min(LONGEST)
}

/// So many microseconds; what has passed already is zero.
pub(crate) fn time(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_never_shorter_than_asked_and_zero_is_zero() {
        assert_eq!(of(Duration::ZERO), 0);
        assert_eq!(of(Duration::from_nanos(1)), 1);
        assert_eq!(of(Duration::from_nanos(1001)), 2);
        assert_eq!(of(Duration::MAX), LONGEST);
        assert_eq!(time(-5), Duration::ZERO);
        assert_eq!(time(5), Duration::from_micros(5));
    }
}
