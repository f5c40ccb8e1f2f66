//! What goes wrong in a run, and when, as a seed has it.

use std::time::Duration;

use paysluice::env::{Rng, SeededRng};

use super::proxy::Weather;

/// Between whom the network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Workers and their store.
    Store,
    /// Workers and the bank.
    Bank,
    /// The bank and the workers' callbacks.
    Callbacks,
    /// Workers and the Redis that limits their rate.
    Limiter,
}

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A worker is killed (SIGKILL), and another takes its place after that time.
    Kill(usize, Duration),
    /// A worker is stopped (SIGSTOP) for that time.
    Pause(usize, Duration),
    /// The store's server dies without a word and is started again.
    CrashStore,
    /// The limiter's server dies, and its memory with it, and is started again.
    CrashLimiter,
    /// All connections are cut.
    Cut(Line),
    /// The network is so for that time.
    Weather(Line, Weather, Duration),
}

/// What a ground can have go wrong beside workers' deaths.
#[derive(Clone, Copy, Debug)]
pub struct Ground {
    /// Its store is a server.
    pub store: bool,
    /// A Redis limits the rate.
    pub limiter: bool,
}

/// Longer than a lease and than a send with its grace: what a worker had claimed or was sending is another's by then.
pub const PAST_LEASE: Duration = Duration::from_millis(7_500);

/// The faults of a seed, by the time from the run's begin.
pub fn plan(seed: u64, ground: Ground, workers: usize, storm: Duration) -> Vec<(Duration, Fault)> {
    let rng = SeededRng::new(seed ^ 0xfa17);
    let below = |bound: u64| rng.next_u64() % bound.max(1);
    let span = u64::try_from(storm.as_millis()).unwrap_or(1);
    let worker = || usize::try_from(below(u64::try_from(workers).unwrap_or(1))).unwrap_or(0);
    let lines: Vec<Line> = [Line::Bank, Line::Callbacks]
        .into_iter()
        .chain(ground.store.then_some(Line::Store))
        .chain(ground.limiter.then_some(Line::Limiter))
        .collect();
    let line = || usize::try_from(below(u64::try_from(lines.len()).unwrap_or(1))).ok().and_then(|at| lines.get(at)).copied();
    let mut faults = Vec::new();
    let mut add = |fault: Fault| faults.push((Duration::from_millis(300 + below(span.saturating_sub(300))), fault));
    let times = |every: u64| 1 + span / every;
    for _ in 0..times(2_500) {
        add(Fault::Kill(worker(), Duration::from_millis(50 + below(600))));
    }
    for _ in 0..times(12_000) {
        add(Fault::Pause(worker(), PAST_LEASE));
    }
    for _ in 0..times(6_000) {
        add(Fault::Pause(worker(), Duration::from_millis(100 + below(1_500))));
    }
    for _ in 0..times(7_000) {
        if ground.store {
            add(Fault::CrashStore);
        }
        if ground.limiter {
            add(Fault::CrashLimiter);
        }
    }
    for _ in 0..times(900) {
        add(Fault::Cut(line().unwrap_or(Line::Bank)));
        let weather = [Weather::Deaf, Weather::Stall, Weather::Refuse];
        let weather = usize::try_from(below(3)).ok().and_then(|at| weather.get(at)).copied().unwrap_or_default();
        let time = Duration::from_millis(if below(5) == 0 { 1_500 + below(1_500) } else { 50 + below(500) });
        add(Fault::Weather(line().unwrap_or(Line::Bank), weather, time));
    }
    faults.sort_by_key(|(at, _)| *at);
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_plan_and_every_plan_has_every_kind_that_its_ground_can() {
        for seed in 0..50 {
            let make = |store, limiter| plan(seed, Ground { store, limiter }, 3, Duration::from_secs(15));
            let (all, files) = (make(true, true), make(false, false));
            assert_eq!(all, make(true, true));
            let has = |plan: &[(Duration, Fault)], wanted: fn(&Fault) -> bool| plan.iter().any(|(_, fault)| wanted(fault));
            assert!(has(&all, |fault| *fault == Fault::CrashStore) && !has(&files, |fault| *fault == Fault::CrashStore));
            assert!(
                has(&files, |fault| matches!(fault, Fault::Kill(..))) && has(&files, |fault| matches!(fault, Fault::Pause(..)))
            );
            assert!(!has(&files, |fault| matches!(fault, Fault::Cut(Line::Store | Line::Limiter))));
        }
        assert_ne!(
            plan(1, Ground { store: true, limiter: false }, 3, PAST_LEASE),
            plan(2, Ground { store: true, limiter: false }, 3, PAST_LEASE)
        );
    }
}
