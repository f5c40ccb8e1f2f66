//! The guards around every send, and THE order in which a call passes them.
//!
//! ```text
//!  again()           the loop that sends again; it stands outside, asks the budget, and sleeps holding nothing
//!   └ breaker        refuses at once while the provider is down: before a cell or a permit is spent on it
//!      └ rate        waits for its cell, or is refused now if that would pass the deadline
//!         └ bulkhead takes a connection's permit last, so that nobody sleeps holding one
//!            ·       (the gateway writes its intent here, then signs: after all waiting, because signatures age)
//!            └ timeout   ends the send at `until`
//! ```
//!
//! Why this order and no other:
//!
//! * **Breaker before rate**: an open breaker must not use up the quota that the way back needs.
//! * **Rate before bulkhead**: the other way round, callers that wait for a cell sleep on connections that others could use.
//! * **Bulkhead before timeout**: waiting in line is not the provider's slowness; it is bounded by the caller's deadline instead.
//! * **All inside the retry loop**: each try is counted, and a refusal is "later", not "again at once".
//!
//! It is written once, in [`ORDER`]; [`Guards::admit`] and [`layer::GuardLayer`] follow it and tests hold them to it.
//! Each guard also stands alone: a core (`admit` gives a permit, `permit.report(signal)` takes the outcome; a permit that is
//! dropped gives itself back and counts for nothing) and a [`tower` layer](layer) over it.

pub mod backoff;
pub mod breaker;
pub mod budget;
pub mod bulkhead;
pub mod config;
pub mod layer;
pub mod pool_watch;
pub mod rate;
pub mod timeout;
pub mod timing;

mod guards;
mod lanes;

use std::fmt;
use std::time::Duration;

use crate::env::Mono;

pub use crate::model::text::Quota;
pub use budget::{Loan, RetryCause};
pub use config::GuardsConfig;
pub use guards::{Admitted, Guards};
pub(crate) use lanes::PerLane;
pub use timing::{Stage, Timing};

/// THE order, from the outside in.
pub const ORDER: [Guard; 4] = [Guard::Breaker, Guard::Rate, Guard::Bulkhead, Guard::Timeout];

/// One kind of protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Guard {
    /// Refuses while the provider is down.
    Breaker,
    /// Keeps to the provider's quota.
    Rate,
    /// Keeps to so many connections.
    Bulkhead,
    /// Ends a send in time.
    Timeout,
    /// Keeps retries from making an outage worse. Asked by the loop, before a retry.
    Budget,
}

impl Guard {
    /// Its name in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Breaker => "breaker",
            Self::Rate => "rate",
            Self::Bulkhead => "bulkhead",
            Self::Timeout => "timeout",
            Self::Budget => "budget",
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a call is for, which decides whose permits, limits and breaker it meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Charge, confirm, capture: money to us.
    Charge,
    /// Cancel, reverse, refund: money back.
    Return,
    /// Query, query refund.
    Query,
    /// The resolver's own sends: reserved permits and a breaker of their own, so that doubt is resolved in an outage.
    Resolve,
    /// Tokens and keys.
    Access,
    /// A harmless question that finds out whether the provider is back. Shares the permits of `Access`.
    Probe,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 6] = [Self::Charge, Self::Return, Self::Query, Self::Resolve, Self::Access, Self::Probe];

    /// The classes that have limits, permits and a breaker of their own.
    pub(crate) const LANES: [Self; 5] = [Self::Charge, Self::Return, Self::Query, Self::Resolve, Self::Access];

    /// The class whose limits and permits it uses.
    pub(crate) const fn lane(self) -> Self {
        match self {
            Self::Probe => Self::Access,
            other => other,
        }
    }

    /// Whether it can be sent at any time without moving money: what may try a provider that was down.
    pub const fn is_harmless(self) -> bool {
        matches!(self, Self::Query | Self::Resolve | Self::Access | Self::Probe)
    }

    /// Its name in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Return => "return",
            Self::Query => "query",
            Self::Resolve => "resolve",
            Self::Access => "access",
            Self::Probe => "probe",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a call asks the guards: who it is and when it must have started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// What it is for.
    pub class: Class,
    /// No waiting goes past this.
    pub deadline: Mono,
}

/// How a call went, for the guards. The caller derives it after decoding the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The provider works: an answer, also a decline or a refusal of what we sent.
    Good,
    /// The provider or the way to it does not: no connection, timeout, 5xx, an answer that cannot be read or verified.
    Fault,
    /// The provider wants less (429).
    Pushback {
        /// For how long, if it said.
        after: Option<Duration>,
    },
    /// Says nothing about the provider: our own cancellation, our own mistake.
    Neutral,
}

impl Signal {
    pub(crate) const fn after(self) -> Option<Duration> {
        match self {
            Self::Pushback { after } => after,
            Self::Good | Self::Fault | Self::Neutral => None,
        }
    }
}

/// A guard says: not now. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which guard.
    pub guard: Guard,
    /// When to come back, as far as it can be told.
    pub after: Option<Duration>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused by the {} guard, nothing was sent", self.guard)?;
        self.after.map_or(Ok(()), |after| write!(f, "; come back in {after:?}"))
    }
}

impl std::error::Error for Refusal {}
