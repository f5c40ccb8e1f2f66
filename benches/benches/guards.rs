//! What the guards cost a call that need not wait: each core, all of them, and as layers beside tower's and governor's own.
#![allow(clippy::expect_used, reason = "a benchmark that cannot be set up must stop")]

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::num::NonZeroU32;
use std::task::{Context, Poll};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use governor::{DefaultDirectRateLimiter, RateLimiter};
use paysluice::env::Env;
use paysluice::guard::breaker::Breaker;
use paysluice::guard::budget::{Budget, RetryCause};
use paysluice::guard::bulkhead::Bulkhead;
use paysluice::guard::layer::GuardLayer;
use paysluice::guard::rate::{Admission, Limiter, RateLimit};
use paysluice::guard::{Ask, Class, Guards, GuardsConfig, Quota, Signal, Timing};
use paysluice::model::{AccountRef, Mode};
use tokio::runtime::{Builder, Runtime};
use tower::{Layer, Service, ServiceExt};

/// A service that has its answer ready, so that only what is around it is measured.
#[derive(Clone)]
struct Answer;

impl Service<u64> for Answer {
    type Response = u64;
    type Error = Infallible;
    type Future = Ready<Result<u64, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Self::Future {
        ready(Ok(request))
    }
}

/// Limits that are in place and never bind: two quotas of 500 million a second, as the account's and the class's.
fn config() -> GuardsConfig {
    let wide = NonZeroU32::new(500_000_000).map(Quota::per_second);
    let mut config = GuardsConfig::default();
    config.rate.account = wide;
    config.rate.charge = wide;
    config.rate.burst = 1_000_000;
    config
}

fn guards(env: &Env) -> Guards {
    let account = AccountRef::new("bench", Mode::Test, "1").expect("a valid account");
    Guards::new(&account, env, config()).expect("valid settings")
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn ask(env: &Env) -> Ask {
    Ask { class: Class::Charge, deadline: env.now() + Duration::from_hours(1) }
}

fn cores(c: &mut Criterion) {
    let (env, runtime, config) = (Env::system(), runtime(), config());
    let ask = ask(&env);
    let mut group = c.benchmark_group("guards/core");
    group.bench_function("clock", |b| b.iter(|| env.now()));

    let breaker = Breaker::new(&env, &config.breaker);
    let now = env.now();
    group.bench_function("breaker admit", |b| b.iter(|| black_box(breaker.admit(Class::Charge, now))));
    group.bench_function("breaker admit and report", |b| {
        b.iter(|| breaker.admit(Class::Charge, now).map(|permit| permit.report(Signal::Good)));
    });

    let rate = RateLimit::new(&env, &config.rate);
    group.bench_function("rate, two limits", |b| {
        b.iter(|| match rate.acquire(&ask, env.now()) {
            Admission::Ready(mut permit) => permit.spend(),
            other => panic!("{other:?}"),
        });
    });
    let quota = governor::Quota::per_second(NonZeroU32::new(500_000_000).expect("not zero"));
    let (one, two) = (RateLimiter::direct(quota), RateLimiter::direct(quota));
    group.bench_function("governor, two limits", |b| b.iter(|| black_box((one.check().is_ok(), two.check().is_ok()))));

    let bulkhead = Bulkhead::new(&env, &config.bulkhead);
    group.bench_function("bulkhead", |b| b.iter(|| black_box(bulkhead.try_admit(Class::Charge))));

    let budget = Budget::new(&env, &config.budget);
    group.bench_function("budget", |b| b.iter(|| budget.admit(RetryCause::Transient).map(|loan| loan.report(Signal::Good))));

    let guards = guards(&env);
    group.bench_function("all, admit and report", |b| {
        b.to_async(&runtime).iter(|| async {
            let mut timing = Timing::default();
            let mut admitted = guards.admit(&ask, &mut timing).await.expect("all is free");
            admitted.sending();
            admitted.report(Signal::Good);
        });
    });
    group.finish();
}

fn layers(c: &mut Criterion) {
    let (env, runtime) = (Env::system(), runtime());
    let mut group = c.benchmark_group("guards/layer");

    let bare = Answer;
    group.bench_function("nothing", |b| b.to_async(&runtime).iter(|| bare.clone().oneshot(7)));

    // A request is its class's deadline here: far away.
    let read = |_: &u64| Ask { class: Class::Charge, deadline: paysluice::env::Mono::from_origin(Duration::MAX) };
    let guarded = GuardLayer::new(&guards(&env), read, |_: &Result<u64, Infallible>| Signal::Good).layer(Answer);
    group.bench_function("breaker, rate, bulkhead, timeout", |b| b.to_async(&runtime).iter(|| guarded.clone().oneshot(7)));

    let quota = governor::Quota::per_second(NonZeroU32::new(500_000_000).expect("not zero"));
    let limiter = || -> &'static DefaultDirectRateLimiter { Box::leak(Box::new(RateLimiter::direct(quota))) };
    let (account, class) = (limiter(), limiter());
    let peer = tower::ServiceBuilder::new().concurrency_limit(32).timeout(Duration::from_secs(30)).service(tower::service_fn(
        |request: u64| async move {
            account.until_ready().await;
            class.until_ready().await;
            Answer.oneshot(request).await
        },
    ));
    group.bench_function("tower's concurrency and timeout, governor twice, no breaker", |b| {
        b.to_async(&runtime).iter(|| async { peer.clone().oneshot(7).await.expect("an answer") });
    });
    group.finish();
}

criterion_group!(benches, cores, layers);
criterion_main!(benches);
