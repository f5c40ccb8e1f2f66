//! The circuit breaker: it refuses at once while the provider is down, and lets one harmless question find out when it is back.
//!
//! linkerd's unified rule opens it: so many faults in a row, **or** too small a share of good calls in a window of ten
//! buckets with a minimum of calls. A decline is a good call. A pushback (429) counts only in the share.
//!
//! ```text
//! Closed ──faults──▶ Open ──time──▶ half-open: one probe ──good──▶ half-open: one ordinary call ──good──▶ Closed
//!                     ▲                         │ fault or pushback: longer (doubling, to open_max) │
//!                     └─────────────────────────┴───────────────────────────────────────────────────┘
//! ```
//!
//! Without probes, half-open lets one query through, or, if none comes within `grace`, one call of any class. With probes
//! but nobody to send them for `open_max`, the same: a breaker must not stay open because its prober died.

mod window;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use self::window::Window;
use super::config::BreakerConfig;
use super::{Class, Guard, Refusal, Signal};
use crate::env::{Env, Mono};

/// What a refused caller is told to wait while somebody else's probe is out.
const WHILE_PROBED: Duration = Duration::from_secs(1);

/// A breaker; clones share it.
#[derive(Clone, Debug)]
pub struct Breaker(Arc<Core>);

#[derive(Debug)]
struct Core {
    env: Env,
    /// The epoch, and in the lowest bit whether anything but Closed: what the fast path reads.
    state: AtomicU64,
    inner: Mutex<Inner>,
    /// Rung when a probe may become due.
    bell: Arc<Notify>,
}

#[derive(Debug)]
struct Inner {
    config: BreakerConfig,
    phase: Phase,
    /// Moves when it opens or closes; a report from before counts for nothing.
    epoch: u64,
    faults_in_a_row: u32,
    /// Times opened since it was last closed.
    openings: u32,
    window: Window,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Closed,
    Open { until: Mono },
    HalfOpen { since: Mono, proved: bool, out: bool },
}

/// What a breaker stands at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// All calls pass.
    Closed,
    /// None pass until then.
    Open {
        /// When it becomes half-open.
        until: Mono,
    },
    /// One at a time passes, to find out.
    HalfOpen,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(env: &Env, config: &BreakerConfig) -> Self {
        Self::ringing(env, config, Arc::new(Notify::new()))
    }

    /// A closed breaker that rings when a probe may become due.
    pub(super) fn ringing(env: &Env, config: &BreakerConfig, bell: Arc<Notify>) -> Self {
        let window = Window::new(config.window);
        let inner = Inner { config: config.clone(), phase: Phase::Closed, epoch: 0, faults_in_a_row: 0, openings: 0, window };
        Self(Arc::new(Core { env: env.clone(), state: AtomicU64::new(0), inner: Mutex::new(inner), bell }))
    }

    /// Lets a call through, or refuses it with the time to come back. `now` is the monotonic now. A [`Class::Probe`] passes a
    /// half-open breaker as [`probe`](Self::probe) does.
    pub fn admit(&self, class: Class, now: Mono) -> Result<BreakerPermit, Refusal> {
        let state = self.0.state.load(Ordering::Acquire);
        if is_closed(state) {
            return Ok(self.permit(state, Role::Ordinary));
        }
        let mut inner = self.0.lock();
        match inner.try_ordinary(class, now) {
            Ok(role) => Ok(self.permit(self.0.publish(&inner), role)),
            Err(after) => Err(Refusal { guard: Guard::Breaker, after: Some(after) }),
        }
    }

    /// The one probe of a half-open breaker, for who sends harmless questions; `None` if none is wanted now.
    pub fn probe(&self) -> Option<BreakerPermit> {
        if self.is_closed() {
            return None;
        }
        let now = self.0.env.now();
        let mut inner = self.0.lock();
        inner.half_open_if_due(now);
        let Phase::HalfOpen { proved: false, out: out @ false, .. } = &mut inner.phase else { return None };
        *out = true;
        Some(self.permit(self.0.publish(&inner), Role::Probe))
    }

    /// When [`probe`](Self::probe) will give one (now, if it would now); `None` while closed, proved or probed.
    pub fn probe_due(&self) -> Option<Mono> {
        if self.is_closed() {
            return None;
        }
        match self.0.lock().phase {
            Phase::Open { until } => Some(until),
            Phase::HalfOpen { since, proved: false, out: false } => Some(since),
            Phase::Closed | Phase::HalfOpen { .. } => None,
        }
    }

    /// Whether all calls pass. The cheapest question.
    pub fn is_closed(&self) -> bool {
        is_closed(self.0.state.load(Ordering::Acquire))
    }

    /// What it stands at.
    pub fn state(&self) -> BreakerState {
        match self.0.lock().phase {
            Phase::Closed => BreakerState::Closed,
            Phase::Open { until } => BreakerState::Open { until },
            Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// Changes the settings; what it has seen and where it stands stay.
    pub fn reconfigure(&self, config: &BreakerConfig) {
        let mut inner = self.0.lock();
        inner.window.resize(config.window);
        inner.config = config.clone();
    }

    /// The monotonic now of this breaker's world.
    pub(super) fn now(&self) -> Mono {
        self.0.env.now()
    }

    fn permit(&self, state: u64, role: Role) -> BreakerPermit {
        BreakerPermit { core: Arc::clone(&self.0), state, role, told: false }
    }
}

const fn is_closed(state: u64) -> bool {
    state & 1 == 0
}

impl Core {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows the fast path where the breaker stands.
    fn publish(&self, inner: &Inner) -> u64 {
        let state = (inner.epoch << 1) | u64::from(!matches!(inner.phase, Phase::Closed));
        self.state.store(state, Ordering::Release);
        state
    }

    fn report(&self, role: Role, state: u64, signal: Signal, now: Mono) {
        let mut inner = self.lock();
        if state >> 1 != inner.epoch {
            return;
        }
        match role {
            Role::Ordinary => inner.count(signal, now, &self.env),
            Role::Probe => inner.answered(signal, now, &self.env, false),
            Role::Trial => inner.answered(signal, now, &self.env, true),
        }
        let after = self.publish(&inner);
        drop(inner);
        if !is_closed(after) {
            self.bell.notify_one();
        }
    }
}

impl Inner {
    fn try_ordinary(&mut self, class: Class, now: Mono) -> Result<Role, Duration> {
        self.half_open_if_due(now);
        let patience = if self.config.probes { self.config.open_max } else { self.config.grace };
        match &mut self.phase {
            Phase::Closed => Ok(Role::Ordinary),
            Phase::Open { until } => Err(until.since(now)),
            Phase::HalfOpen { out: true, .. } => Err(WHILE_PROBED),
            Phase::HalfOpen { since, proved, out } => {
                if class == Class::Probe && !*proved {
                    *out = true;
                    return Ok(Role::Probe);
                }
                let harmless = !self.config.probes && class.is_harmless();
                if *proved || harmless || now.since(*since) >= patience {
                    *out = true;
                    return Ok(Role::Trial);
                }
                Err((*since + patience).since(now).min(WHILE_PROBED))
            }
        }
    }

    fn half_open_if_due(&mut self, now: Mono) {
        if let Phase::Open { until } = self.phase
            && now >= until
        {
            // Counted from when it was due, not from when somebody came to ask: after a long silence nobody waits in vain.
            self.phase = Phase::HalfOpen { since: until, proved: false, out: false };
        }
    }

    fn count(&mut self, signal: Signal, now: Mono, env: &Env) {
        match signal {
            Signal::Neutral => return,
            Signal::Good => {
                self.faults_in_a_row = 0;
                self.window.add(now, true);
                return;
            }
            Signal::Fault => self.faults_in_a_row = self.faults_in_a_row.saturating_add(1),
            Signal::Pushback { .. } => {}
        }
        self.window.add(now, false);
        if self.faults_in_a_row >= self.config.consecutive_faults || self.too_few_good(now) {
            self.open(now, signal.after(), env);
        }
    }

    fn too_few_good(&self, now: Mono) -> bool {
        let (good, bad) = self.window.sums(now);
        let all = good + bad;
        all >= u64::from(self.config.min_calls) && good * 1000 < all * u64::from(self.config.success_per_mille)
    }

    fn answered(&mut self, signal: Signal, now: Mono, env: &Env, closes: bool) {
        match signal {
            Signal::Good if closes => self.close(),
            Signal::Good => self.phase = Phase::HalfOpen { since: now, proved: true, out: false },
            Signal::Fault | Signal::Pushback { .. } => self.open(now, signal.after(), env),
            Signal::Neutral => {
                if let Phase::HalfOpen { out, .. } = &mut self.phase {
                    *out = false;
                }
            }
        }
    }

    /// Opens for half of the ceiling plus a random half, so that many processes do not come back in the same instant.
    fn open(&mut self, now: Mono, at_least: Option<Duration>, env: &Env) {
        let doubled = self.config.open_min.saturating_mul(1 << self.openings.min(20));
        let half = doubled.min(self.config.open_max) / 2;
        let time = half + env.rng().up_to(half);
        let time = time.max(at_least.unwrap_or_default().min(self.config.open_max));
        self.phase = Phase::Open { until: now + time };
        self.openings = self.openings.saturating_add(1);
        self.start_afresh();
    }

    fn close(&mut self) {
        self.phase = Phase::Closed;
        self.openings = 0;
        self.start_afresh();
    }

    fn start_afresh(&mut self) {
        self.epoch += 1;
        self.faults_in_a_row = 0;
        self.window.clear();
    }
}

#[derive(Clone, Copy, Debug)]
enum Role {
    /// Passed a closed breaker.
    Ordinary,
    /// A harmless question; its success admits one ordinary call.
    Probe,
    /// The one ordinary call of a half-open breaker; its success closes.
    Trial,
}

/// A call that the breaker let through. Dropped without a report, it counts for nothing and makes room for the next.
#[derive(Debug)]
#[must_use = "a call that is not reported counts for nothing"]
pub struct BreakerPermit {
    core: Arc<Core>,
    state: u64,
    role: Role,
    told: bool,
}

impl BreakerPermit {
    /// Tells how the call went.
    pub fn report(self, signal: Signal) {
        let now = self.core.env.now();
        self.report_at(signal, now);
    }

    /// The same, for who has just read the clock.
    pub(super) fn report_at(mut self, signal: Signal, now: Mono) {
        self.told = true;
        self.core.report(self.role, self.state, signal, now);
    }

    /// Whether the breaker still stands where it let this call through: who has waited since should ask.
    pub fn is_current(&self) -> bool {
        self.core.state.load(Ordering::Acquire) == self.state
    }
}

impl Drop for BreakerPermit {
    fn drop(&mut self) {
        if !self.told && !matches!(self.role, Role::Ordinary) {
            self.core.report(self.role, self.state, Signal::Neutral, Mono::ORIGIN);
        }
    }
}

#[cfg(test)]
mod tests;
