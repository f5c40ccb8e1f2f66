//! The clock: wall time for what others read, monotonic time for every duration, and sleep.

use std::fmt;
use std::ops::Add;
use std::time::{Duration, SystemTime};

use super::BoxFuture;

/// An instant of a clock that never goes back, as the time since that clock's origin. Comparable only within one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mono(Duration);

impl Mono {
    /// The clock's origin.
    pub const ORIGIN: Self = Self(Duration::ZERO);

    /// An instant `since` the origin.
    pub const fn from_origin(since: Duration) -> Self {
        Self(since)
    }

    /// The time from the clock's origin to this instant.
    pub const fn since_origin(self) -> Duration {
        self.0
    }

    /// The time from `earlier` to this instant, zero if it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Mono {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }
}

/// Tells the time and waits.
pub trait Clock: Send + Sync + fmt::Debug + 'static {
    /// Wall time; may jump when the machine's clock is set.
    fn wall(&self) -> SystemTime;
    /// Monotonic time; never goes back.
    fn monotonic(&self) -> Mono;
    /// A future that is ready once `time` has passed on the monotonic clock.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;
}
