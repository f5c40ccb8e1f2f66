//! Where a call's time went, stage by stage, and from many calls the verdict on the bottleneck.
//!
//! The verdict is Little's law: a resource with `c` places that calls arrive at with rate λ and hold for W is used to
//! ρ = λ·W / c. Above four fifths, waiting grows without bound; the remedy is a shorter hold or more places. The measured case
//! behind it: a pool of 10 held across a call of 200 ms by 50 payments a second has ρ = 1.05 and makes them wait 2.6 s.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A part of a call's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// From the guards' first to their last word, waits included.
    Admission,
    /// Waiting for the rate limit.
    RateWait,
    /// Waiting for a connection's permit.
    PermitWait,
    /// DNS, TCP, TLS.
    Connect,
    /// Writing the request.
    Send,
    /// Waiting for the answer's first byte: the provider at work.
    FirstByte,
    /// Reading the answer.
    Body,
    /// Verifying and decoding it.
    Verify,
    /// Waiting for the store's connection.
    StoreWait,
    /// The store at work.
    StoreUse,
}

impl Stage {
    /// Every stage, in the order of a call's way.
    pub const ALL: [Self; 10] = [
        Self::Admission,
        Self::RateWait,
        Self::PermitWait,
        Self::Connect,
        Self::Send,
        Self::FirstByte,
        Self::Body,
        Self::Verify,
        Self::StoreWait,
        Self::StoreUse,
    ];

    /// Its name in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admission => "admission",
            Self::RateWait => "rate_wait",
            Self::PermitWait => "permit_wait",
            Self::Connect => "connect",
            Self::Send => "send",
            Self::FirstByte => "first_byte",
            Self::Body => "body",
            Self::Verify => "verify",
            Self::StoreWait => "store_wait",
            Self::StoreUse => "store_use",
        }
    }

    const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The time that one call spent in each stage, in nanoseconds; added up over its sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing([u64; Stage::ALL.len()]);

impl Timing {
    /// Adds time to a stage.
    pub fn add(&mut self, stage: Stage, time: Duration) {
        if let Some(slot) = self.0.get_mut(stage.index()) {
            *slot = slot.saturating_add(nanos(time));
        }
    }

    /// The time in a stage.
    pub fn get(&self, stage: Stage) -> Duration {
        Duration::from_nanos(self.0.get(stage.index()).copied().unwrap_or(0))
    }

    /// Adds another call's times: those of a later send of the same operation.
    pub fn merge(&mut self, other: &Self) {
        for (slot, more) in self.0.iter_mut().zip(other.0) {
            *slot = slot.saturating_add(more);
        }
    }

    /// The time in all stages, each moment once (`Admission` already holds the guards' waits).
    pub fn total(&self) -> Duration {
        let waits = [Stage::RateWait, Stage::PermitWait];
        Stage::ALL.into_iter().filter(|stage| !waits.contains(stage)).map(|stage| self.get(stage)).sum()
    }

    /// The stages that took any time, in the order of a call's way.
    pub fn iter(&self) -> impl Iterator<Item = (Stage, Duration)> + '_ {
        Stage::ALL.into_iter().map(|stage| (stage, self.get(stage))).filter(|(_, time)| !time.is_zero())
    }
}

/// The times of many calls, added up; shared between tasks.
#[derive(Debug, Default)]
pub struct Totals {
    calls: AtomicU64,
    nanos: [AtomicU64; Stage::ALL.len()],
}

impl Totals {
    /// Adds a call.
    pub fn record(&self, timing: &Timing) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        for (slot, nanos) in self.nanos.iter().zip(timing.0) {
            slot.fetch_add(nanos, Ordering::Relaxed);
        }
    }

    /// Calls so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// The sums so far.
    pub fn sums(&self) -> Timing {
        let mut sums = Timing::default();
        for (slot, nanos) in sums.0.iter_mut().zip(&self.nanos) {
            *slot = nanos.load(Ordering::Relaxed);
        }
        sums
    }
}

/// Something with a limited number of places that calls hold for a while: a pool, a set of permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its name: `database`, `connections`.
    pub name: &'static str,
    /// Its places.
    pub capacity: u32,
    /// The time that all calls together held one, λ·W times the span.
    pub held: Duration,
    /// The time that all calls together waited for one.
    pub waited: Duration,
}

impl Resource {
    /// ρ = λ·W / c over the span, in thousandths. 1000 is full; a pool without places or a span without time is full.
    pub fn utilisation(&self, span: Duration) -> u64 {
        let room = span.as_nanos().saturating_mul(u128::from(self.capacity));
        let used = self.held.as_nanos().saturating_mul(1000);
        used.checked_div(room).map_or(1000, |rho| u64::try_from(rho).unwrap_or(u64::MAX))
    }
}

/// The ρ above which a resource is a bottleneck, in thousandths.
pub const BUSY: u64 = 800;

/// What holds the calls up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bottleneck {
    /// Nothing is too full, and calls spend most of their time where the work is: in this stage.
    Work(Stage),
    /// This resource is too full: its ρ in thousandths, and the share of calls' time spent waiting for it, in thousandths.
    Full {
        /// Which.
        name: &'static str,
        /// Its ρ, in thousandths.
        utilisation: u64,
        /// The wait's share of all time, in thousandths.
        wait_share: u64,
    },
}

impl fmt::Display for Bottleneck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Work(stage) => write!(f, "no resource is full; most time goes to {stage}"),
            Self::Full { name, utilisation, wait_share } => {
                write!(f, "{name} is full: used to {utilisation} of 1000, {wait_share} of 1000 of the time is waiting for it")
            }
        }
    }
}

/// The verdict on `calls` (their times added up) over a span: among the resources used above [`BUSY`], the one that is waited
/// for most; else the stage that takes most time. `None` if no time was spent.
pub fn bottleneck(calls: &Timing, resources: &[Resource], span: Duration) -> Option<Bottleneck> {
    let total = calls.total().as_nanos();
    let full = resources.iter().map(|resource| (resource, resource.utilisation(span))).filter(|(_, rho)| *rho > BUSY);
    if let Some((resource, utilisation)) = full.max_by_key(|(resource, rho)| (resource.waited, *rho)) {
        let share = resource.waited.as_nanos().saturating_mul(1000).checked_div(total).unwrap_or(0);
        let wait_share = u64::try_from(share).unwrap_or(u64::MAX);
        return Some(Bottleneck::Full { name: resource.name, utilisation, wait_share });
    }
    let stages = calls.iter().filter(|(stage, _)| *stage != Stage::Admission);
    stages.max_by_key(|(_, time)| *time).map(|(stage, _)| Bottleneck::Work(stage))
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(held: Duration, waited: Duration) -> Resource {
        Resource { name: "database", capacity: 10, held, waited }
    }

    #[test]
    fn a_pool_held_across_the_call_is_the_bottleneck_and_a_split_one_is_not() {
        let span = Duration::from_secs(1);
        let mut calls = Timing::default();
        calls.add(Stage::FirstByte, Duration::from_secs(10));
        calls.add(Stage::StoreWait, Duration::from_secs(30));
        // 50 payments a second, each holding a connection for 210 ms; then for 10 ms.
        let held = bottleneck(&calls, &[pool(Duration::from_millis(210) * 50, Duration::from_secs(30))], span);
        assert_eq!(held, Some(Bottleneck::Full { name: "database", utilisation: 1050, wait_share: 750 }));
        calls = Timing::default();
        calls.add(Stage::FirstByte, Duration::from_secs(10));
        let split = bottleneck(&calls, &[pool(Duration::from_millis(10) * 50, Duration::ZERO)], span);
        assert_eq!(split, Some(Bottleneck::Work(Stage::FirstByte)));
    }

    #[test]
    fn among_full_resources_the_one_waited_for_most_is_named() {
        let mut calls = Timing::default();
        calls.add(Stage::Send, Duration::from_secs(1));
        let connections =
            Resource { name: "connections", capacity: 1, held: Duration::from_secs(1), waited: Duration::from_secs(2) };
        let resources = [pool(Duration::from_secs(100), Duration::from_secs(1)), connections];
        let verdict = bottleneck(&calls, &resources, Duration::from_secs(1));
        assert!(matches!(verdict, Some(Bottleneck::Full { name: "connections", .. })), "{verdict:?}");
    }

    #[test]
    fn nothing_measured_gives_no_verdict() {
        assert_eq!(bottleneck(&Timing::default(), &[], Duration::from_secs(1)), None);
        assert_eq!(Resource { capacity: 0, ..pool(Duration::ZERO, Duration::ZERO) }.utilisation(Duration::from_secs(1)), 1000);
    }

    #[test]
    fn the_guards_waits_count_once() {
        let mut timing = Timing::default();
        timing.add(Stage::Admission, Duration::from_millis(5));
        timing.add(Stage::RateWait, Duration::from_millis(3));
        timing.add(Stage::Body, Duration::from_millis(1));
        assert_eq!(timing.total(), Duration::from_millis(6));
    }

    #[test]
    fn totals_are_the_sum_of_their_calls() {
        let (totals, mut timing) = (Totals::default(), Timing::default());
        timing.add(Stage::Verify, Duration::from_micros(7));
        totals.record(&timing);
        totals.record(&timing);
        timing.merge(&timing.clone());
        assert_eq!((totals.calls(), totals.sums()), (2, timing));
    }

    #[test]
    fn every_stage_has_its_own_place() {
        let indices: Vec<usize> = Stage::ALL.iter().map(|stage| stage.index()).collect();
        assert_eq!(indices, (0..Stage::ALL.len()).collect::<Vec<_>>());
    }
}
