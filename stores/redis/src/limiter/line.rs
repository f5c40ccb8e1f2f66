//! Who waits in this process: a line for each class, and what was last seen of the fleet's limits, to refuse early.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use paysluice::env::Mono;
use paysluice::guard::config::RateConfig;
use paysluice::guard::{Ask, Class};
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

use super::limits::{Pace, Seen, lane, paces};

/// The lines of all classes.
#[derive(Debug)]
pub(super) struct Lines {
    lanes: [Arc<Lane>; 5],
    shared: Mutex<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: RateConfig,
    /// When the account's next cell is free, as last seen; in microseconds of the monotonic clock.
    account_free: i64,
    paused_until: Mono,
}

#[derive(Debug)]
struct Lane {
    /// One of a class asks at a time: so nobody overtakes, and Redis is not asked by everybody who waits.
    turn: Semaphore,
    state: Mutex<LaneState>,
}

#[derive(Debug)]
struct LaneState {
    waiting: usize,
    own_free: i64,
}

/// A place in the line; left when dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<Lane>);

impl Lines {
    pub(super) fn new(config: &RateConfig) -> Self {
        let lane = || {
            let state = Mutex::new(LaneState { waiting: 0, own_free: i64::MIN });
            Arc::new(Lane { turn: Semaphore::new(1), state })
        };
        let shared = Shared { config: config.clone(), account_free: i64::MIN, paused_until: Mono::ORIGIN };
        Self { lanes: std::array::from_fn(|_| lane()), shared: Mutex::new(shared) }
    }

    /// Joins the line, or tells how long it would take at least, if that is beyond the deadline or the line is full.
    pub(super) fn enter(&self, ask: &Ask, now: Mono) -> Result<Place, Duration> {
        let lane = self.lane(ask.class);
        let wait = self.served_in(ask.class, now);
        let line = self.shared().config.line;
        let mut state = lane.lock();
        if state.waiting >= line || now + wait > ask.deadline {
            return Err(wait);
        }
        state.waiting += 1;
        drop(state);
        Ok(Place(Arc::clone(lane)))
    }

    /// How long whoever joins now waits at least: if no other process takes a cell, and no other class.
    pub(super) fn served_in(&self, class: Class, now: Mono) -> Duration {
        let (waiting, own_free) = {
            let state = self.lane(class).lock();
            (i64::try_from(state.waiting).unwrap_or(i64::MAX), state.own_free)
        };
        let shared = self.shared();
        let paused = shared.paused_until.since(now);
        let frees = [shared.account_free, own_free];
        let waits = paces(&shared.config, class).into_iter().zip(frees).filter_map(|(pace, free)| {
            let Pace { spacing, tolerance } = pace?;
            let free = free.saturating_sub(micros(now)).max(tolerance.saturating_neg());
            u64::try_from(free.saturating_add(spacing.saturating_mul(waiting))).ok().map(Duration::from_micros)
        });
        waits.fold(paused, Duration::max)
    }

    /// What Redis said to a call of that class which was asked at `asked`.
    pub(super) fn saw(&self, class: Class, asked: Mono, seen: &Seen) {
        let [account, own] = seen.free_in.map(|free| free.map_or(i64::MIN, |free| micros(asked).saturating_add(free)));
        self.shared().account_free = account;
        self.lane(class).lock().own_free = own;
    }

    /// Stops this process; returns for how long.
    pub(super) fn pause(&self, after: Option<Duration>, now: Mono) -> Duration {
        let mut shared = self.shared();
        let time = after.unwrap_or(shared.config.pushback).min(shared.config.pushback_max);
        shared.paused_until = shared.paused_until.max(now + time);
        time
    }

    pub(super) fn paused_for(&self, now: Mono) -> Option<Duration> {
        Some(self.shared().paused_until.since(now)).filter(|left| !left.is_zero())
    }

    /// Other limits: what was seen of the old ones is forgotten.
    pub(super) fn reconfigure(&self, config: &RateConfig) {
        let mut shared = self.shared();
        (shared.config, shared.account_free) = (config.clone(), i64::MIN);
        self.lanes.iter().for_each(|lane| lane.lock().own_free = i64::MIN);
    }

    fn lane(&self, class: Class) -> &Arc<Lane> {
        let [charge, give_back, query, resolve, access] = &self.lanes;
        match lane(class) {
            Class::Charge => charge,
            Class::Return => give_back,
            Class::Query => query,
            Class::Resolve => resolve,
            Class::Access | Class::Probe => access,
        }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    fn lock(&self) -> MutexGuard<'_, LaneState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// This place's turn to ask; in the order in which places were polled first.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.0.turn.acquire().await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.lock().waiting -= 1;
    }
}

fn micros(instant: Mono) -> i64 {
    i64::try_from(instant.since_origin().as_micros()).unwrap_or(i64::MAX)
}
