//! How the limiter of a fleet works, and how much of the fleet's quota one process may use alone.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use paysluice::guard::Quota;
use paysluice::guard::config::RateConfig;
use paysluice::model::Invalid;

/// How a [`RedisLimiter`](super::RedisLimiter) works. The share must be said: nobody else knows how many processes there are.
#[derive(Clone, Debug)]
pub struct LimiterOptions {
    /// What this process may use of every limit while Redis is away: with eight processes, `1/8`.
    pub fallback_share: Share,
    /// What all keys begin with. Default `paysluice`.
    pub prefix: String,
    /// How long a call waits for Redis before this process goes on alone. Default 50 ms: a hundred times what Redis needs nearby.
    pub timeout: Duration,
    /// How long after a failure Redis is tried again. Default 1 s.
    pub retry_every: Duration,
}

impl LimiterOptions {
    /// The defaults, and that share.
    pub fn new(fallback_share: Share) -> Self {
        let (timeout, retry_every) = (Duration::from_millis(50), Duration::from_secs(1));
        Self { fallback_share, prefix: crate::PREFIX.to_owned(), timeout, retry_every }
    }
}

/// One part of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(NonZeroU32);

impl Share {
    /// One of that many processes.
    pub const fn one_of(processes: NonZeroU32) -> Self {
        Self(processes)
    }

    /// The limits of which this is the share. Each keeps at least one call in its time, and a burst of one.
    pub(super) fn of(self, config: &RateConfig) -> RateConfig {
        let share = |quota: Option<Quota>| quota.map(|quota| self.of_quota(quota));
        RateConfig {
            account: share(config.account),
            charge: share(config.charge),
            give_back: share(config.give_back),
            query: share(config.query),
            resolve: share(config.resolve),
            access: share(config.access),
            burst: (config.burst / self.0).max(1),
            ..config.clone()
        }
    }

    fn of_quota(self, quota: Quota) -> Quota {
        // So many in a longer time; where that is beyond a day, fewer in the same.
        let calls = NonZeroU32::new(quota.calls()).unwrap_or(NonZeroU32::MIN);
        let fewer = || Quota::new(NonZeroU32::new(calls.get() / self.0).unwrap_or(NonZeroU32::MIN), quota.per());
        Quota::new(calls, quota.per().saturating_mul(self.0.get())).or_else(fewer).unwrap_or(quota)
    }
}

impl FromStr for Share {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let processes = text.strip_prefix("1/").and_then(|processes| processes.parse().ok());
        processes.map(Self).ok_or_else(|| Invalid::new("fallback_share", "1/N, such as 1/8 for one of eight processes"))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1/{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_limits_is_that_much_slower_and_never_nothing() {
        let config = RateConfig { charge: "1/12h".parse().ok(), ..RateConfig::default() };
        let share: Share = "1/8".parse().unwrap();
        let part = share.of(&config);
        assert_eq!(part.account.unwrap().spacing(), Duration::from_millis(100), "80/s of eight is 10/s");
        assert_eq!((part.charge.unwrap().to_string(), part.query, part.burst), ("1/12h".to_owned(), None, 2));
        assert_eq!(("1/0".parse::<Share>().is_err(), "2/3".parse::<Share>().is_err()), (true, true));
    }
}
