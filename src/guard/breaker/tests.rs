//! The breaker in virtual time: what opens it, how long, and how it closes again.

use std::time::SystemTime;

use proptest::prelude::*;

use super::*;

const FAULT: Signal = Signal::Fault;
const PUSHBACK: Signal = Signal::Pushback { after: None };

struct World {
    env: Env,
    breaker: Breaker,
}

impl World {
    fn new(change: impl FnOnce(&mut BreakerConfig)) -> Self {
        let env = Env::simulated(1, SystemTime::UNIX_EPOCH);
        let mut config = BreakerConfig { probes: true, ..BreakerConfig::default() };
        change(&mut config);
        let breaker = Breaker::new(&env, &config);
        Self { env, breaker }
    }

    fn admit(&self, class: Class) -> Result<BreakerPermit, Refusal> {
        self.breaker.admit(class, self.env.now())
    }

    fn call(&self, signal: Signal) -> bool {
        self.admit(Class::Charge).map(|permit| permit.report(signal)).is_ok()
    }

    fn opened(change: impl FnOnce(&mut BreakerConfig)) -> Self {
        let world = Self::new(change);
        (0..5).for_each(|_| assert!(world.call(FAULT)));
        assert!(!world.breaker.is_closed());
        world
    }

    fn open_time(&self) -> Duration {
        match self.breaker.state() {
            BreakerState::Open { until } => until.since(self.env.now()),
            other => panic!("{other:?}"),
        }
    }

    async fn sleep_until_half_open(&self) {
        let time = self.open_time();
        self.env.sleep(time).await;
    }
}

#[tokio::test(start_paused = true)]
async fn faults_in_a_row_open_it_and_a_good_call_between_starts_the_row_anew() {
    let world = World::new(|_| {});
    for _ in 0..3 {
        (0..4).for_each(|_| assert!(world.call(FAULT)));
        assert!(world.call(Signal::Good));
    }
    assert!(world.breaker.is_closed(), "15 calls are below the minimum for the share");
    (0..5).for_each(|_| assert!(world.call(FAULT)));
    let refusal = world.admit(Class::Charge).unwrap_err();
    assert_eq!(refusal.guard, Guard::Breaker);
    assert_eq!(refusal.after, Some(world.open_time()));
}

#[tokio::test(start_paused = true)]
async fn too_small_a_share_of_good_calls_opens_it_only_above_the_minimum() {
    let world = World::new(|config| config.consecutive_faults = 1000);
    (0..19).for_each(|_| assert!(world.call(FAULT)));
    assert!(world.breaker.is_closed());
    assert!(world.call(FAULT), "the twentieth call is judged");
    assert!(!world.breaker.is_closed());
}

#[tokio::test(start_paused = true)]
async fn exactly_the_share_that_is_asked_keeps_it_closed() {
    let world = World::new(|config| config.consecutive_faults = 1000);
    (0..50).for_each(|_| assert!(world.call(Signal::Good)));
    (0..50).for_each(|_| assert!(world.call(FAULT)));
    assert!(world.breaker.is_closed());
    assert!(world.call(FAULT));
    assert!(!world.breaker.is_closed());
}

#[tokio::test(start_paused = true)]
async fn faults_of_long_ago_do_not_count_in_the_share() {
    let world = World::new(|config| config.consecutive_faults = 1000);
    (0..19).for_each(|_| assert!(world.call(FAULT)));
    world.env.sleep(Duration::from_secs(31)).await;
    (0..19).for_each(|_| assert!(world.call(FAULT)));
    assert!(world.breaker.is_closed());
}

#[tokio::test(start_paused = true)]
async fn pushbacks_count_only_in_the_share() {
    let world = World::new(|_| {});
    (0..19).for_each(|_| assert!(world.call(PUSHBACK)));
    assert!(world.breaker.is_closed());
    assert!(world.call(PUSHBACK));
    assert!(!world.breaker.is_closed());
}

#[tokio::test(start_paused = true)]
async fn neutral_and_dropped_calls_count_for_nothing() {
    let world = World::new(|_| {});
    for _ in 0..4 {
        assert!(world.call(FAULT));
        assert!(world.call(Signal::Neutral));
        drop(world.admit(Class::Charge).unwrap());
    }
    assert!(world.breaker.is_closed());
    assert!(world.call(FAULT), "the fifth in a row");
    assert!(!world.breaker.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_probe_then_one_call_close_it() {
    let world = World::opened(|_| {});
    assert!(world.breaker.probe().is_none(), "not before its time");
    world.sleep_until_half_open().await;
    assert!(world.admit(Class::Charge).is_err() && world.admit(Class::Query).is_err(), "half-open admits only the probe");
    drop(world.admit(Class::Probe).unwrap());
    let probe = world.breaker.probe().unwrap();
    assert!(world.breaker.probe().is_none(), "one probe at a time");
    probe.report(Signal::Good);
    let trial = world.admit(Class::Charge).unwrap();
    assert!(world.admit(Class::Charge).is_err(), "one ordinary call at a time");
    assert!(world.breaker.probe().is_none());
    trial.report(Signal::Good);
    assert_eq!(world.breaker.state(), BreakerState::Closed);
    assert!(world.call(FAULT), "one fault after closing does not open it");
    assert!(world.breaker.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_failed_probe_or_trial_opens_it_for_longer_up_to_the_maximum() {
    let world = World::opened(|_| {});
    let mut ceiling = Duration::from_secs(5);
    for round in 0..10 {
        let time = world.open_time();
        assert!(time >= ceiling / 2 && time <= ceiling, "round {round}: {time:?} of {ceiling:?}");
        world.sleep_until_half_open().await;
        let probe = world.breaker.probe().unwrap();
        if round % 2 == 0 {
            probe.report(if round % 4 == 0 { FAULT } else { PUSHBACK });
        } else {
            probe.report(Signal::Good);
            world.admit(Class::Charge).unwrap().report(FAULT);
        }
        ceiling = (ceiling * 2).min(Duration::from_mins(5));
    }
    assert_eq!(ceiling, Duration::from_mins(5));
}

#[tokio::test(start_paused = true)]
async fn closing_forgets_how_often_it_was_open() {
    let world = World::opened(|_| {});
    for _ in 0..4 {
        world.sleep_until_half_open().await;
        world.breaker.probe().unwrap().report(FAULT);
    }
    world.sleep_until_half_open().await;
    world.breaker.probe().unwrap().report(Signal::Good);
    assert!(world.call(Signal::Good));
    (0..5).for_each(|_| assert!(world.call(FAULT)));
    assert!(world.open_time() <= Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_probe_or_trial_makes_room_for_the_next() {
    let world = World::opened(|_| {});
    world.sleep_until_half_open().await;
    drop(world.breaker.probe().unwrap());
    world.breaker.probe().unwrap().report(Signal::Neutral);
    world.breaker.probe().unwrap().report(Signal::Good);
    drop(world.admit(Class::Charge).unwrap());
    assert!(world.call(Signal::Good));
    assert!(world.breaker.is_closed());
}

#[tokio::test(start_paused = true)]
async fn without_probes_a_query_tries_at_once_and_a_charge_after_the_grace() {
    let world = World::opened(|config| config.probes = false);
    world.sleep_until_half_open().await;
    assert!(world.admit(Class::Charge).is_err());
    let query = world.admit(Class::Query).unwrap();
    drop(query);
    assert!(world.admit(Class::Charge).is_err());
    world.env.sleep(Duration::from_secs(2)).await;
    assert!(world.call(Signal::Good));
    assert!(world.breaker.is_closed());
}

#[tokio::test(start_paused = true)]
async fn after_a_long_silence_the_first_charge_is_not_refused() {
    let world = World::opened(|config| config.probes = false);
    world.env.sleep(Duration::from_secs(3600)).await;
    assert!(world.call(Signal::Good));
    assert!(world.breaker.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_breaker_whose_prober_died_tries_an_ordinary_call_in_the_end() {
    let world = World::opened(|_| {});
    world.sleep_until_half_open().await;
    assert!(world.admit(Class::Charge).is_err());
    world.env.sleep(Duration::from_secs(299)).await;
    assert!(world.admit(Class::Charge).is_err());
    world.env.sleep(Duration::from_secs(1)).await;
    assert!(world.call(Signal::Good));
    assert!(world.breaker.is_closed());
}

#[tokio::test(start_paused = true)]
async fn late_reports_from_before_it_opened_or_closed_change_nothing() {
    let world = World::new(|_| {});
    let mut late: Vec<BreakerPermit> = (0..12).map(|_| world.admit(Class::Charge).unwrap()).collect();
    assert!(late[0].is_current());
    (0..5).for_each(|_| assert!(world.call(FAULT)));
    assert!(!late[0].is_current());
    let before = world.breaker.state();
    late.drain(..6).for_each(|permit| permit.report(FAULT));
    assert_eq!(world.breaker.state(), before, "it is not opened for longer");
    world.sleep_until_half_open().await;
    world.breaker.probe().unwrap().report(Signal::Good);
    assert!(world.call(Signal::Good));
    late.drain(..).for_each(|permit| permit.report(FAULT));
    assert!(world.breaker.is_closed(), "what failed then says nothing about now");
}

#[tokio::test(start_paused = true)]
async fn a_pushback_that_names_a_time_is_honoured_up_to_the_maximum() {
    let world = World::opened(|_| {});
    world.sleep_until_half_open().await;
    world.breaker.probe().unwrap().report(Signal::Pushback { after: Some(Duration::from_mins(1)) });
    assert_eq!(world.open_time(), Duration::from_mins(1));
    world.sleep_until_half_open().await;
    world.breaker.probe().unwrap().report(Signal::Pushback { after: Some(Duration::from_hours(24)) });
    assert_eq!(world.open_time(), Duration::from_mins(5));
}

#[tokio::test(start_paused = true)]
async fn settings_change_while_it_runs() {
    let world = World::new(|_| {});
    assert!(world.call(FAULT));
    world.breaker.reconfigure(&BreakerConfig { consecutive_faults: 2, ..BreakerConfig::default() });
    assert!(world.call(FAULT));
    assert!(!world.breaker.is_closed());
}

proptest! {
    /// Whatever happens, an open breaker lets at most one call at a time through, and always comes back to a probe.
    #[test]
    fn at_most_one_at_a_time_while_not_closed(steps in prop::collection::vec((0_u8..6, 0_u64..4_000), 1..200), probes: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let world = World::opened(|config| config.probes = probes);
            let mut out: Vec<BreakerPermit> = Vec::new();
            for (step, millis) in steps {
                world.env.sleep(Duration::from_millis(millis)).await;
                let signal = [Signal::Good, FAULT, PUSHBACK, Signal::Neutral][usize::from(step) % 4];
                match step {
                    0..=3 => if let Some(permit) = out.pop() { permit.report(signal) },
                    4 => out.extend(world.breaker.probe()),
                    _ => out.extend(world.admit(Class::Query).ok()),
                }
                if !world.breaker.is_closed() {
                    let current = out.iter().filter(|permit| permit.is_current()).count();
                    assert!(current <= 1, "{current} at once");
                }
            }
            out.clear();
            world.env.sleep(Duration::from_secs(301)).await;
            let (closed, waits) = (world.breaker.is_closed(), world.breaker.probe().is_some());
            assert!(closed || waits || world.admit(Class::Query).is_ok(), "stuck at {:?}", world.breaker.state());
        });
    }
}
