//! The guards together: the order they are passed in, and what is given back when a later one refuses.

use std::time::SystemTime;

use tokio::task::yield_now;

use super::*;
use crate::guard::breaker::BreakerState;
use crate::guard::{ORDER, Quota};
use crate::model::Mode;

const FAULT: Signal = Signal::Fault;

struct World {
    env: Env,
    guards: Guards,
}

impl World {
    fn new(change: impl FnOnce(&mut GuardsConfig)) -> Self {
        let env = Env::simulated(1, SystemTime::UNIX_EPOCH);
        let mut config = GuardsConfig::default();
        change(&mut config);
        let guards = Guards::new(&AccountRef::new("toy", Mode::Test, "1").unwrap(), &env, config).unwrap();
        Self { env, guards }
    }

    async fn admit_within(&self, class: Class, millis: u64) -> Result<Admitted, Refusal> {
        let ask = Ask { class, deadline: self.env.now() + Duration::from_millis(millis) };
        self.guards.admit(&ask, &mut Timing::default()).await
    }

    async fn admit(&self, class: Class) -> Result<Admitted, Refusal> {
        self.admit_within(class, 0).await
    }

    async fn call(&self, class: Class, signal: Signal) -> Result<(), Guard> {
        let mut admitted = self.admit(class).await.map_err(|refusal| refusal.guard)?;
        admitted.sending();
        admitted.report(signal);
        Ok(())
    }

    async fn open(&self, class: Class) {
        for _ in 0..5 {
            self.call(class, FAULT).await.unwrap();
        }
        assert!(!self.guards.breaker(class).is_closed());
    }

    async fn until_half_open(&self, class: Class) {
        if let BreakerState::Open { until } = self.guards.breaker(class).state() {
            self.env.sleep(until.since(self.env.now())).await;
        }
    }
}

fn per_hour(calls: u32) -> Quota {
    format!("{calls}/h").parse().unwrap()
}

#[test]
fn the_order_is_written_once() {
    assert_eq!(ORDER, [Guard::Breaker, Guard::Rate, Guard::Bulkhead, Guard::Timeout]);
}

/// With every guard shut, the first in the order speaks; opened one by one, the next does.
#[tokio::test(start_paused = true)]
async fn a_call_passes_the_guards_in_the_order() {
    let shut = |config: &mut GuardsConfig| {
        config.rate.account = Some(per_hour(5));
        config.rate.burst = 5;
        config.rate.line = 0;
        config.bulkhead.charge = 1;
        config.bulkhead.line = 0;
    };
    let world = World::new(shut);
    let held = world.admit(Class::Charge).await.unwrap();
    // Neutral calls of another class use up the account's cells.
    for _ in 0..4 {
        world.call(Class::Query, Signal::Neutral).await.unwrap();
    }
    let ask = Ask { class: Class::Charge, deadline: world.env.now() };
    let mut refused_by = Vec::new();
    world
        .guards
        .breaker(Class::Charge)
        .reconfigure(&crate::guard::config::BreakerConfig { consecutive_faults: 1, ..Default::default() });
    world.guards.breaker(Class::Charge).admit(Class::Charge, world.env.now()).unwrap().report(FAULT);
    refused_by.push(world.guards.admit(&ask, &mut Timing::default()).await.unwrap_err().guard);
    world.until_half_open(Class::Charge).await;
    let probe = world.guards.breaker(Class::Charge).probe().unwrap();
    probe.report(Signal::Good);
    world.guards.breaker(Class::Charge).admit(Class::Charge, world.env.now()).unwrap().report(Signal::Good);
    refused_by.push(world.admit(Class::Charge).await.unwrap_err().guard);
    let mut config = (*world.guards.config()).clone();
    config.rate.account = None;
    world.guards.reconfigure(config).unwrap();
    refused_by.push(world.admit(Class::Charge).await.unwrap_err().guard);
    drop(held);
    let ask = Ask { class: Class::Query, deadline: world.env.now() + Duration::from_secs(1) };
    assert!(world.admit(Class::Charge).await.is_ok());
    if world.guards.timed(&ask, std::future::pending::<()>()).await.is_err() {
        refused_by.push(Guard::Timeout);
    }
    assert_eq!(refused_by, ORDER);
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_uses_up_no_cell() {
    let world = World::new(|config| {
        config.rate.account = Some(per_hour(6));
        config.rate.burst = 6;
    });
    world.open(Class::Charge).await;
    for _ in 0..10 {
        assert_eq!(world.call(Class::Charge, Signal::Good).await, Err(Guard::Breaker));
    }
    assert_eq!(world.call(Class::Query, Signal::Good).await, Ok(()), "the sixth cell is still there");
    assert_eq!(world.call(Class::Query, Signal::Good).await, Err(Guard::Rate));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_finds_no_connection_gives_its_cell_back() {
    let world = World::new(|config| {
        config.rate.account = Some(per_hour(2));
        config.rate.burst = 2;
        config.bulkhead.charge = 1;
        config.bulkhead.line = 0;
    });
    let held = world.admit(Class::Charge).await.unwrap();
    assert_eq!(world.admit(Class::Charge).await.unwrap_err().guard, Guard::Bulkhead);
    drop(held);
    assert_eq!(world.call(Class::Charge, Signal::Good).await, Ok(()));
    assert_eq!(world.call(Class::Charge, Signal::Good).await, Ok(()), "two cells, neither used before");
    assert_eq!(world.call(Class::Charge, Signal::Good).await, Err(Guard::Rate));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_cell_holds_no_connection() {
    let world = World::new(|config| {
        config.rate.charge = Some("1/s".parse().unwrap());
        config.rate.burst = 1;
    });
    world.call(Class::Charge, Signal::Good).await.unwrap();
    let wait = world.admit_within(Class::Charge, 9_000);
    tokio::pin!(wait);
    assert!(futures_util::FutureExt::now_or_never(wait.as_mut()).is_none());
    assert_eq!(world.guards.usage(Class::Charge).used, 0);
    let admitted = wait.await.unwrap();
    assert_eq!(world.guards.usage(Class::Charge).used, 1);
    drop(admitted);
    assert_eq!(world.guards.usage(Class::Charge).used, 0);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_gives_all_back_unless_it_was_sent() {
    let world = World::new(|config| {
        config.rate.account = Some(per_hour(1));
        config.rate.burst = 1;
    });
    drop(world.admit(Class::Charge).await.unwrap());
    let mut sent = world.admit(Class::Charge).await.unwrap();
    sent.sending();
    drop(sent);
    assert_eq!(world.admit(Class::Charge).await.unwrap_err().guard, Guard::Rate);
    assert_eq!(world.guards.usage(Class::Charge).used, 0);
    assert!(world.guards.breaker(Class::Charge).is_closed());
}

#[tokio::test(start_paused = true)]
async fn recovery_works_while_charges_are_refused() {
    let world = World::new(|_| {});
    world.open(Class::Charge).await;
    for class in [Class::Return, Class::Query, Class::Resolve, Class::Access] {
        assert_eq!(world.call(class, Signal::Good).await, Ok(()), "{class}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_probes_a_query_that_goes_out_anyway_opens_the_way_for_one_charge() {
    let world = World::new(|_| {});
    world.open(Class::Charge).await;
    world.until_half_open(Class::Charge).await;
    assert_eq!(world.call(Class::Charge, Signal::Good).await, Err(Guard::Breaker));
    world.call(Class::Query, Signal::Good).await.unwrap();
    assert_eq!(world.call(Class::Charge, Signal::Good).await, Ok(()));
    assert!(world.guards.breaker(Class::Charge).is_closed());
}

#[tokio::test(start_paused = true)]
async fn the_prober_is_called_when_a_probe_is_due_and_its_success_serves_every_open_breaker() {
    let world = World::new(|config| config.breaker.probes = true);
    let refusal = world.admit(Class::Probe).await.unwrap_err();
    assert_eq!((refusal.guard, refusal.after), (Guard::Breaker, None), "nothing to probe");
    let breaks = async {
        yield_now().await;
        world.open(Class::Charge).await;
        world.open(Class::Return).await;
        world.env.now()
    };
    let ((), opened) = tokio::join!(biased; world.guards.probe_due(), breaks);
    let waited = world.env.now().since(opened);
    assert!(waited >= Duration::from_millis(2_500) && waited <= Duration::from_secs(5), "{waited:?}");
    world.until_half_open(Class::Charge).await;
    world.until_half_open(Class::Return).await;
    assert_eq!(world.call(Class::Query, Signal::Good).await, Ok(()));
    assert_eq!(world.call(Class::Charge, Signal::Good).await, Err(Guard::Breaker), "a query is no probe if there is a prober");
    world.call(Class::Probe, Signal::Good).await.unwrap();
    for class in [Class::Charge, Class::Return] {
        assert_eq!(world.call(class, Signal::Good).await, Ok(()));
        assert!(world.guards.breaker(class).is_closed());
    }
}

#[tokio::test(start_paused = true)]
async fn who_waited_while_the_breaker_opened_is_refused_and_gives_its_cell_back() {
    let world = World::new(|config| {
        config.rate.charge = Some("1/s".parse().unwrap());
        config.rate.burst = 5;
    });
    let mut faults = Vec::new();
    for _ in 0..5 {
        faults.push(world.admit(Class::Charge).await.unwrap());
    }
    let wait = world.admit_within(Class::Charge, 9_000);
    tokio::pin!(wait);
    assert!(futures_util::FutureExt::now_or_never(wait.as_mut()).is_none());
    faults.drain(..).for_each(|admitted| admitted.report(FAULT));
    assert_eq!(wait.await.unwrap_err().guard, Guard::Breaker);
    assert_eq!(world.env.now().since_origin(), Duration::from_secs(1));
    assert_eq!(world.guards.usage(Class::Charge).used, 0);
}

#[tokio::test(start_paused = true)]
async fn a_pushback_pauses_the_account() {
    let world = World::new(|_| {});
    world.call(Class::Query, Signal::Pushback { after: Some(Duration::from_secs(7)) }).await.unwrap();
    let refusal = world.admit_within(Class::Charge, 6_999).await.unwrap_err();
    assert_eq!(refusal, Refusal { guard: Guard::Rate, after: Some(Duration::from_secs(7)) });
    let mut timing = Timing::default();
    let ask = Ask { class: Class::Charge, deadline: world.env.now() + Duration::from_secs(9) };
    assert!(world.guards.admit(&ask, &mut timing).await.is_ok());
    assert_eq!(timing.get(Stage::RateWait), Duration::from_secs(7));
    assert_eq!(timing.total(), Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_need_not_wait_takes_no_time() {
    let world = World::new(|_| {});
    let mut timing = Timing::default();
    let ask = Ask { class: Class::Charge, deadline: world.env.now() };
    assert!(world.guards.admit(&ask, &mut timing).await.is_ok());
    assert_eq!(timing, Timing::default());
}

#[tokio::test(start_paused = true)]
async fn a_retry_is_paid_for_and_paid_back_when_it_succeeds() {
    let world = World::new(|_| {});
    let tokens = || world.guards.budget(Class::Charge).tokens();
    let loan = world.guards.retry(Class::Charge, RetryCause::Transient).unwrap();
    assert_eq!(tokens(), 486);
    world.admit(Class::Charge).await.unwrap().paid_with(loan).report(FAULT);
    assert_eq!(tokens(), 486);
    let loan = world.guards.retry(Class::Charge, RetryCause::Transient).unwrap();
    world.admit(Class::Charge).await.unwrap().paid_with(loan).report(Signal::Good);
    assert_eq!(tokens(), 486);
    world.call(Class::Charge, Signal::Good).await.unwrap();
    assert_eq!(tokens(), 487);
    let mut sent =
        world.admit(Class::Charge).await.unwrap().paid_with(world.guards.retry(Class::Charge, RetryCause::Transient).unwrap());
    sent.sending();
    drop(sent);
    assert_eq!(tokens(), 473);
    assert_eq!(world.guards.budget(Class::Query).tokens(), 500, "each class has its own");
}

#[tokio::test(start_paused = true)]
async fn settings_change_while_it_runs_and_wrong_ones_change_nothing() {
    let world = World::new(|config| config.bulkhead.charge = 1);
    let held = world.admit(Class::Charge).await.unwrap();
    let mut config = (*world.guards.config()).clone();
    config.bulkhead.charge = 2;
    config.timeout.send = Duration::from_secs(7);
    world.guards.reconfigure(config.clone()).unwrap();
    assert!(world.admit(Class::Charge).await.is_ok());
    assert_eq!(world.guards.until(Class::Charge, Mono::ORIGIN, Mono::ORIGIN), Mono::ORIGIN + Duration::from_secs(7));
    config.bulkhead.charge = 0;
    assert_eq!(world.guards.reconfigure(config).unwrap_err().field(), "bulkhead.charge");
    assert_eq!(world.guards.config().bulkhead.charge, 2);
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_released_connection_is_somebody_elses_while_the_answer_is_verified() {
    let world = World::new(|config| config.bulkhead.charge = 1);
    let mut first = world.admit(Class::Charge).await.unwrap();
    first.sending();
    first.release_connection();
    assert!(world.admit(Class::Charge).await.is_ok());
    first.report(Signal::Good);
}
