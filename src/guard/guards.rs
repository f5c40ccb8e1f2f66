//! One account's guards together: a call passes them in [`ORDER`](super::ORDER), and its outcome goes back to each.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use super::backoff::{honour, honour_for_query};
use super::breaker::{Breaker, BreakerPermit};
use super::budget::{Budget, Loan, RetryCause};
use super::bulkhead::{Bulkhead, BulkheadPermit, BulkheadUsage};
use super::config::GuardsConfig;
use super::rate::{Admission, Limiter, RateLimit, RatePermit};
use super::timeout::{self, Elapsed};
use super::timing::{Stage, Timing};
use super::{Ask, Class, Guard, PerLane, Refusal, Signal, pool_watch};
use crate::env::{Env, Mono};
use crate::model::{AccountRef, Invalid};

/// The guards of one account; clones share them.
#[derive(Clone, Debug)]
pub struct Guards(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    account: String,
    env: Env,
    config: ArcSwap<GuardsConfig>,
    breakers: PerLane<Breaker>,
    rate: Arc<dyn Limiter>,
    bulkhead: Bulkhead,
    budgets: PerLane<Budget>,
    /// Rung when a breaker may want a probe.
    bell: Arc<Notify>,
}

impl Guards {
    /// Guards with this process's own rate limiter.
    pub fn new(account: &AccountRef, env: &Env, config: GuardsConfig) -> Result<Self, Invalid> {
        let rate = Arc::new(RateLimit::new(env, &config.rate));
        Self::with_limiter(account, env, config, rate)
    }

    /// Guards with another rate limiter, such as one shared by several processes.
    pub fn with_limiter(account: &AccountRef, env: &Env, config: GuardsConfig, rate: Arc<dyn Limiter>) -> Result<Self, Invalid> {
        config.validate()?;
        let bell = Arc::new(Notify::new());
        Ok(Self(Arc::new(Inner {
            account: account.to_string(),
            env: env.clone(),
            breakers: PerLane::build(|| Breaker::ringing(env, &config.breaker, Arc::clone(&bell))),
            rate,
            bulkhead: Bulkhead::new(env, &config.bulkhead),
            budgets: PerLane::build(|| Budget::new(env, &config.budget)),
            bell,
            config: ArcSwap::from_pointee(config),
        })))
    }

    /// Passes the call through breaker, rate and bulkhead, in that order, waiting at most until its deadline.
    ///
    /// * Waits are added to `timing` (`Admission` is the whole, `RateWait` and `PermitWait` its parts); a call that need not wait
    ///   adds nothing and allocates nothing.
    /// * Who has waited passes the breaker again if it has moved meanwhile.
    /// * [`Class::Probe`] passes only as the probe of a half-open breaker; see [`probe_due`](Self::probe_due).
    /// * Dropping the future gives everything back.
    pub async fn admit(&self, ask: &Ask, timing: &mut Timing) -> Result<Admitted, Refusal> {
        self.pass(ask, timing).await.inspect_err(|refusal| self.count(ask.class, *refusal))
    }

    async fn pass(&self, ask: &Ask, timing: &mut Timing) -> Result<Admitted, Refusal> {
        let guards = &*self.0;
        let start = guards.env.now();
        let mut waited = false;
        let mut passed = guards.breaker(ask.class, start)?;
        let rate = match guards.rate.acquire(ask, start) {
            Admission::Ready(permit) => permit,
            Admission::Refused(refusal) => return Err(refusal),
            Admission::Wait(wait) => {
                waited = true;
                guards.timed(Stage::RateWait, timing, wait).await?
            }
        };
        let connection = if let Some(permit) = guards.bulkhead.try_admit(ask.class) {
            permit
        } else {
            waited = true;
            guards.timed(Stage::PermitWait, timing, guards.bulkhead.admit(ask)).await?
        };
        if waited {
            let now = guards.env.now();
            timing.add(Stage::Admission, now.since(start));
            if !passed.own.as_ref().is_none_or(BreakerPermit::is_current) {
                passed = guards.breaker(ask.class, now)?;
            }
        }
        Ok(Admitted { guards: Arc::clone(&self.0), class: ask.class, passed, rate, connection: Some(connection), loan: None })
    }

    /// Pays for one retry or hedge of that class. Give the loan to the call it is for with [`Admitted::paid_with`].
    pub fn retry(&self, class: Class, cause: RetryCause) -> Result<Loan, Refusal> {
        self.0.budgets.get(class).admit(cause).inspect_err(|refusal| self.count(class, *refusal))
    }

    /// How long to wait before retry `tries` (0 for the first), given what the provider asked for. Longer than the time that
    /// is left: return to the caller now.
    pub fn backoff(&self, class: Class, tries: u32, cause: RetryCause, asked: Option<Duration>) -> Duration {
        let wait = self.0.config.load().backoff.wait(tries, cause, &**self.0.env.rng());
        if class == Class::Query { honour_for_query(wait, asked) } else { honour(wait, asked) }
    }

    /// Until when a send that begins `now` may run; see [`timeout`](super::timeout).
    pub fn until(&self, class: Class, now: Mono, deadline: Mono) -> Mono {
        self.0.config.load().timeout.until(class, now, deadline)
    }

    /// Runs a send that begins now until its [`until`](Self::until), then drops it.
    pub async fn timed<T>(&self, ask: &Ask, send: impl Future<Output = T>) -> Result<T, Elapsed> {
        let until = self.until(ask.class, self.0.env.now(), ask.deadline);
        timeout::run(&self.0.env, until, send).await
    }

    /// The settings as they are.
    pub fn config(&self) -> Arc<GuardsConfig> {
        self.0.config.load_full()
    }

    /// Changes the settings while calls run and wait; what the guards have seen stays. Wrong settings change nothing.
    pub fn reconfigure(&self, config: GuardsConfig) -> Result<(), Invalid> {
        config.validate()?;
        self.0.breakers.iter().for_each(|breaker| breaker.reconfigure(&config.breaker));
        self.0.rate.reconfigure(&config.rate);
        self.0.bulkhead.reconfigure(&config.bulkhead);
        self.0.budgets.iter().for_each(|budget| budget.reconfigure(&config.budget));
        self.0.config.store(Arc::new(config));
        self.0.bell.notify_one();
        Ok(())
    }

    /// Ready when a breaker wants a probe. For one prober: await this, then `admit` a [`Class::Probe`], send, report; repeat.
    /// After a refusal, or a probe that told nothing (`Neutral`), wait before asking again: the probe is still due.
    pub async fn probe_due(&self) {
        loop {
            let due = self.0.breakers.iter().filter_map(Breaker::probe_due).min();
            let now = self.0.env.now();
            match due {
                Some(due) if due <= now => return,
                Some(due) => tokio::select! {
                    biased;
                    () = self.0.bell.notified() => {}
                    () = self.0.env.sleep(due.since(now)) => {}
                },
                None => self.0.bell.notified().await,
            }
        }
    }

    /// Reports, as configured, a call that begins while its task holds a database connection; tells whether it does. For the
    /// first line of every public operation, on the caller's own task; see [`pool_watch`](super::pool_watch).
    pub fn check_not_holding(&self, operation: &'static str) -> bool {
        pool_watch::check_not_holding(operation, self.0.config.load().pool_watch.on_held)
    }

    /// The breaker that calls of that class meet.
    pub fn breaker(&self, class: Class) -> &Breaker {
        self.0.breakers.get(class)
    }

    /// The budget that retries of that class draw on.
    pub fn budget(&self, class: Class) -> &Budget {
        self.0.budgets.get(class)
    }

    /// How full the permits of that class are.
    pub fn usage(&self, class: Class) -> BulkheadUsage {
        self.0.bulkhead.usage(class)
    }

    fn count(&self, class: Class, refusal: Refusal) {
        let labels =
            [("account", self.0.account.clone()), ("guard", refusal.guard.name().into()), ("class", class.name().into())];
        metrics::counter!("paysluice_guard_refused_total", &labels).increment(1);
    }
}

impl Inner {
    /// Waits, and adds the time to the stage, whatever comes of it.
    async fn timed<T>(&self, stage: Stage, timing: &mut Timing, wait: impl Future<Output = T>) -> T {
        let before = self.env.now();
        let result = wait.await;
        timing.add(stage, self.env.now().since(before));
        result
    }

    /// The call's own breaker, and the half-open ones that its outcome tells something about.
    fn breaker(&self, class: Class, now: Mono) -> Result<Passed, Refusal> {
        if class == Class::Probe {
            let probes: Vec<BreakerPermit> = self.breakers.iter().filter_map(Breaker::probe).collect();
            let due = || self.breakers.iter().filter_map(Breaker::probe_due).min().map(|due| due.since(now));
            let refused = || Refusal { guard: Guard::Breaker, after: due() };
            return if probes.is_empty() { Err(refused()) } else { Ok(Passed { own: None, probes }) };
        }
        let own = self.breakers.get(class).admit(class, now)?;
        Ok(Passed { own: Some(own), probes: self.ride_along(class) })
    }

    /// Without a prober a query is the probe of whichever breaker wants one: it was going out anyway.
    fn ride_along(&self, class: Class) -> Vec<BreakerPermit> {
        let serves = matches!(class, Class::Query | Class::Resolve);
        if !serves || self.breakers.iter().all(Breaker::is_closed) || self.config.load().breaker.probes {
            return Vec::new();
        }
        self.breakers.iter().filter_map(Breaker::probe).collect()
    }
}

#[derive(Debug)]
struct Passed {
    own: Option<BreakerPermit>,
    probes: Vec<BreakerPermit>,
}

/// A call that every guard has let through. Dropped, it gives all back and counts for nothing.
#[derive(Debug)]
#[must_use = "dropping it gives the call's place to somebody else"]
pub struct Admitted {
    guards: Arc<Inner>,
    class: Class,
    passed: Passed,
    rate: RatePermit,
    connection: Option<BulkheadPermit>,
    loan: Option<Loan>,
}

impl Admitted {
    /// This call is the retry that the loan pays for.
    pub fn paid_with(mut self, loan: Loan) -> Self {
        self.loan = Some(loan);
        self
    }

    /// Say this before the first byte may go out: from here on the provider counts the call, and so do rate and budget, even
    /// if the future is dropped.
    pub fn sending(&mut self) {
        self.rate.spend();
        if let Some(loan) = &mut self.loan {
            loan.sending();
        }
    }

    /// The body is read: the connection is somebody else's, while the answer is still being verified.
    pub fn release_connection(&mut self) {
        self.connection = None;
    }

    /// Tells every guard how the call went, after the answer is decoded. A pushback pauses the whole account.
    pub fn report(mut self, signal: Signal) {
        let now = self.guards.env.now();
        self.rate.spend();
        self.connection = None;
        if let Some(own) = self.passed.own {
            own.report_at(signal, now);
        }
        for probe in self.passed.probes {
            probe.report_at(signal, now);
        }
        if let Signal::Pushback { after } = signal {
            self.guards.rate.pause(after);
        }
        match self.loan {
            Some(loan) => loan.report(signal),
            None if signal == Signal::Good => self.guards.budgets.get(self.class).succeeded(),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests;
