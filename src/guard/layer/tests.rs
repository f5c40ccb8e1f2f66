//! The layers over a scripted service, each alone and all together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use super::*;
use crate::env::Mono;
use crate::guard::config::{BreakerConfig, BulkheadConfig, GuardsConfig, RateConfig};
use crate::guard::{Class, Guard};
use crate::model::{AccountRef, Mode};

/// A service that takes as long as it is told, then answers `Ok` for even requests and `Err` for odd ones.
#[derive(Clone)]
struct Toy {
    env: Env,
    takes: Duration,
    calls: Arc<AtomicUsize>,
}

impl Toy {
    fn new(env: &Env, takes: Duration) -> Self {
        Self { env: env.clone(), takes, calls: Arc::default() }
    }
}

impl Service<u32> for Toy {
    type Response = u32;
    type Error = u32;
    type Future = BoxFuture<'static, Result<u32, u32>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), u32>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u32) -> Self::Future {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let sleep = self.env.sleep(self.takes);
        Box::pin(async move {
            sleep.await;
            if request.is_multiple_of(2) { Ok(request) } else { Err(request) }
        })
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the layers' readers take references")]
fn ask(_: &u32) -> Ask {
    Ask { class: Class::Query, deadline: Mono::from_origin(Duration::from_secs(3)) }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the layers' readers take references")]
fn signal(result: &Result<u32, u32>) -> Signal {
    if result.is_ok() { Signal::Good } else { Signal::Fault }
}

fn env() -> Env {
    Env::simulated(1, SystemTime::UNIX_EPOCH)
}

fn refused_by<T: std::fmt::Debug>(result: Result<T, GuardError<u32>>) -> Guard {
    match result {
        Err(GuardError::Refused(refusal)) => refusal.guard,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_breaker_alone_opens_after_faults_and_calls_no_more() {
    let env = env();
    let toy = Toy::new(&env, Duration::ZERO);
    let service = BreakerLayer::new(Breaker::new(&env, &BreakerConfig::default()), ask, signal).layer(toy.clone());
    for _ in 0..5 {
        assert_eq!(service.clone().oneshot(1).await, Err(GuardError::Inner(1)));
    }
    assert_eq!(refused_by(service.oneshot(2).await), Guard::Breaker);
    assert_eq!(toy.calls.load(Ordering::Relaxed), 5);
}

#[tokio::test(start_paused = true)]
async fn the_rate_alone_makes_calls_wait_or_refuses() {
    let env = env();
    let config = RateConfig { account: Some("1/s".parse().unwrap()), burst: 1, ..RateConfig::default() };
    let service = RateLayer::new(RateLimit::new(&env, &config), ask, signal).layer(Toy::new(&env, Duration::ZERO));
    for _ in 0..4 {
        assert_eq!(service.clone().oneshot(2).await, Ok(2));
    }
    assert_eq!(env.now().since_origin(), Duration::from_secs(3), "a dropped cell would have cost nothing");
    assert_eq!(refused_by(service.oneshot(2).await), Guard::Rate);
}

#[tokio::test(start_paused = true)]
async fn the_bulkhead_alone_holds_its_permit_until_the_answer() {
    let env = env();
    let bulkhead = Bulkhead::new(&env, &BulkheadConfig { query: 1, line: 0, ..BulkheadConfig::default() });
    let service = BulkheadLayer::new(bulkhead, ask, signal).layer(Toy::new(&env, Duration::from_secs(1)));
    let (first, second) = tokio::join!(biased; service.clone().oneshot(2), service.clone().oneshot(2));
    assert_eq!(first, Ok(2));
    assert_eq!(refused_by(second), Guard::Bulkhead);
    assert_eq!(service.oneshot(2).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn the_timeout_alone_ends_a_call() {
    let env = env();
    let service = TimeoutLayer::new(&env, &TimeoutConfig::default(), ask).layer(Toy::new(&env, Duration::from_mins(1)));
    assert_eq!(service.oneshot(2).await, Err(GuardError::Elapsed));
    assert_eq!(env.now().since_origin(), Duration::from_secs(3), "a query ends at the deadline");
}

#[tokio::test(start_paused = true)]
async fn all_together_count_a_timeout_as_a_fault() {
    let env = env();
    let mut config = GuardsConfig::default();
    config.breaker.consecutive_faults = 1;
    let guards = Guards::new(&AccountRef::new("toy", Mode::Test, "1").unwrap(), &env, config).unwrap();
    let layer = GuardLayer::new(&guards, ask, signal);
    assert_eq!(layer.layer(Toy::new(&env, Duration::ZERO)).oneshot(2).await, Ok(2));
    let slow = layer.layer(Toy::new(&env, Duration::from_mins(1)));
    assert_eq!(slow.clone().oneshot(2).await, Err(GuardError::Elapsed));
    assert_eq!(refused_by(slow.oneshot(2).await), Guard::Breaker);
    assert_eq!(guards.usage(Class::Query).used, 0);
}

#[tokio::test(start_paused = true)]
async fn a_layer_composes_with_others_and_the_outer_sees_the_inner_refusal() {
    let env = env();
    let bulkhead = Bulkhead::new(&env, &BulkheadConfig { query: 1, line: 0, ..BulkheadConfig::default() });
    let _held = bulkhead.try_admit(Class::Query).unwrap();
    let inner = BulkheadLayer::new(bulkhead, ask, signal).layer(Toy::new(&env, Duration::ZERO));
    let neutral = |result: &Result<u32, GuardError<u32>>| if result.is_ok() { Signal::Good } else { Signal::Neutral };
    let service = BreakerLayer::new(Breaker::new(&env, &BreakerConfig::default()), ask, neutral).layer(inner);
    let error = service.oneshot(2).await.unwrap_err();
    assert!(matches!(error, GuardError::Inner(GuardError::Refused(Refusal { guard: Guard::Bulkhead, .. }))));
}
