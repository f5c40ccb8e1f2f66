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
    account: Free,
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
    own: Free,
}

/// When a limit's next cell is free, as last seen.
#[derive(Clone, Copy, Debug, Default)]
struct Free(Option<(Mono, i64)>);

/// How long what was seen is believed: afterwards others may have given cells back, and Redis is asked again.
const BELIEVED: Duration = Duration::from_millis(250);

impl Free {
    /// Microseconds from `now`, negative if it has been; `None` if it is not known.
    fn from(self, now: Mono) -> Option<i64> {
        let (seen, free) = self.0.filter(|(seen, _)| now.since(*seen) <= BELIEVED)?;
        Some(free.saturating_sub(micros(now.since(seen))))
    }
}

/// A place in the line; left when dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<Lane>);

impl Lines {
    pub(super) fn new(config: &RateConfig) -> Self {
        let lane = || {
            let state = Mutex::new(LaneState { waiting: 0, own: Free::default() });
            Arc::new(Lane { turn: Semaphore::new(1), state })
        };
        let shared = Shared { config: config.clone(), account: Free::default(), paused_until: Mono::ORIGIN };
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
        let (waiting, own) = {
            let state = self.lane(class).lock();
            (i64::try_from(state.waiting).unwrap_or(i64::MAX), state.own)
        };
        let shared = self.shared();
        let paused = shared.paused_until.since(now);
        let frees = [shared.account, own];
        let waits = paces(&shared.config, class).into_iter().zip(frees).filter_map(|(pace, free)| {
            let Pace { spacing, tolerance } = pace?;
            let free = free.from(now).unwrap_or(i64::MIN).max(tolerance.saturating_neg());
            u64::try_from(free.saturating_add(spacing.saturating_mul(waiting))).ok().map(Duration::from_micros)
        });
        waits.fold(paused, Duration::max)
    }

    /// What Redis said to a call of that class which was asked at `asked`.
    pub(super) fn saw(&self, class: Class, asked: Mono, seen: &Seen) {
        let [account, own] = seen.free_in.map(|free| Free(free.map(|free| (asked, free))));
        self.shared().account = account;
        self.lane(class).lock().own = own;
    }

    /// Forgets what was seen: cells were given back, or the limits are others.
    pub(super) fn forget(&self) {
        self.shared().account = Free::default();
        self.lanes.iter().for_each(|lane| lane.lock().own = Free::default());
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

    pub(super) fn reconfigure(&self, config: &RateConfig) {
        self.shared().config = config.clone();
        self.forget();
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

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
