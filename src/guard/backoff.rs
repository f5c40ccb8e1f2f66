//! How long to wait before the next try: full jitter under a doubling, capped bound; and what `Retry-After` says.

use std::time::{Duration, SystemTime};

use super::budget::RetryCause;
use super::config::BackoffConfig;
use crate::env::Rng;

/// Longest `Retry-After` believed, as in Envoy and linkerd.
pub const RETRY_AFTER_MAX: Duration = Duration::from_mins(5);

/// How far above the computed wait a query follows `Retry-After` (AWS retry 2.1).
const QUERY_SLACK: Duration = Duration::from_secs(5);

impl BackoffConfig {
    /// The wait before retry `tries` (0 for the first): evenly from 0 to min(cap, base·2ⁿ). Capped before the draw, so that
    /// waits do not pile up at the cap.
    pub fn wait(&self, tries: u32, cause: RetryCause, rng: &dyn Rng) -> Duration {
        rng.up_to(self.bound(tries, cause))
    }

    /// The bound that [`wait`](Self::wait) draws under.
    pub fn bound(&self, tries: u32, cause: RetryCause) -> Duration {
        let base = match cause {
            RetryCause::Transient => self.base,
            RetryCause::Throttled => self.throttled_base,
        };
        base.saturating_mul(1 << tries.min(31)).min(self.cap)
    }
}

/// The wait with what the provider asked for: never less than it, so that money never comes before it is welcome.
/// Who has less time left than this returns to its caller at once instead of waiting.
pub fn honour(computed: Duration, asked: Option<Duration>) -> Duration {
    computed.max(asked.unwrap_or_default().min(RETRY_AFTER_MAX))
}

/// The same for a query, which is harmless: follows the provider to at most 5 s above the computed wait.
pub fn honour_for_query(computed: Duration, asked: Option<Duration>) -> Duration {
    asked.unwrap_or_default().clamp(computed, computed + QUERY_SLACK)
}

/// Reads `Retry-After`, in seconds or as an HTTP date (RFC 9110 section 10.2.3); at most [`RETRY_AFTER_MAX`].
/// A date that has passed is zero; anything else that is not of the form is `None`.
pub fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let after = if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(after.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::env::SeededRng;

    proptest! {
        #[test]
        fn a_wait_is_within_its_bound_and_the_bound_within_the_cap(tries: u32, seed: u64, throttled: bool) {
            let config = BackoffConfig::default();
            let cause = if throttled { RetryCause::Throttled } else { RetryCause::Transient };
            prop_assert!(config.bound(tries, cause) <= config.cap);
            prop_assert!(config.wait(tries, cause, &SeededRng::new(seed)) <= config.bound(tries, cause));
        }

        #[test]
        fn no_header_panics_or_exceeds_the_maximum(value: String) {
            prop_assert!(retry_after(&value, SystemTime::UNIX_EPOCH).is_none_or(|after| after <= RETRY_AFTER_MAX));
        }
    }

    #[test]
    fn the_bound_doubles_from_its_base() {
        let config = BackoffConfig::default();
        let bounds: Vec<u128> = (0..4).map(|n| config.bound(n, RetryCause::Transient).as_millis()).collect();
        assert_eq!(bounds, [50, 100, 200, 400]);
        assert_eq!(config.bound(1, RetryCause::Throttled), Duration::from_secs(2));
        assert_eq!(config.bound(9, RetryCause::Transient), config.cap);
    }

    #[test]
    fn waits_do_not_pile_up_at_the_cap() {
        let (config, rng) = (BackoffConfig::default(), SeededRng::new(3));
        let below_half = (0..1000).filter(|_| config.wait(20, RetryCause::Transient, &rng) < config.cap / 2).count();
        assert!((400..600).contains(&below_half), "{below_half}");
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now = httpdate::parse_http_date("Wed, 21 Oct 2015 07:28:00 GMT").unwrap();
        let cases = [
            ("0", Some(0)),
            (" 7 ", Some(7)),
            ("Wed, 21 Oct 2015 07:28:30 GMT", Some(30)),
            ("Wed, 21 Oct 2015 07:00:00 GMT", Some(0)),
            ("86400", Some(300)),
            ("99999999999999999999999", Some(300)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ];
        for (value, expected) in cases {
            assert_eq!(retry_after(value, now), expected.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn money_waits_as_long_as_asked_and_a_query_a_little() {
        let (computed, asked) = (Duration::from_secs(1), Some(Duration::from_mins(1)));
        assert_eq!(honour(computed, asked), Duration::from_mins(1));
        assert_eq!(honour_for_query(computed, asked), Duration::from_secs(6));
        assert_eq!(honour(computed, Some(Duration::from_millis(1))), computed);
        assert_eq!(honour_for_query(computed, None), computed);
    }
}
