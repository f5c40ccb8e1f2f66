//! Processes that share a Redis: its store is refused for money until it is accepted; then orders are charged once, at one rate.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::sync::Arc;
use std::time::Duration;

use paysluice::env::Env;
use paysluice::gateway::{Builder, Call, Gateway, PaymentChannel};
use paysluice::guard::GuardsConfig;
use paysluice::model::Fate;
use paysluice::store::Durability;
use paysluice_redis::{Lease, LeaseOptions, LeasedDuty, LimiterOptions, RedisLimiter, RedisStore, StoreOptions};
use paysluice_sandbox::{Fault, FaultTable, Sandbox, SandboxConfig};
use paysluice_tests::{Channel, adapter, card, fate};

fn url() -> String {
    let Ok(url) = std::env::var("PAYSLUICE_TEST_REDIS") else {
        panic!("PAYSLUICE_TEST_REDIS must be the URL of a Redis server for tests, as `cargo xtask test` sets it")
    };
    url
}

fn builder(env: &Env, sandbox: &Sandbox, prefix: &str) -> Builder {
    let patient = StoreOptions { prefix: prefix.to_owned(), timeout: Duration::from_secs(10) };
    let store = Arc::new(RedisStore::open(&url(), env, patient).unwrap());
    Gateway::builder(adapter(sandbox, Channel::Stripe), sandbox.transport(), store, env.clone()).unsealed().no_handler()
}

#[tokio::test]
async fn a_gateway_refuses_redis_until_told_that_its_best_will_do() {
    let env = Env::system();
    let sandbox = Sandbox::new(env.clone(), SandboxConfig::default());
    let refused = builder(&env, &sandbox, "refused").build().unwrap_err().to_string();
    assert!(refused.contains("gateway.store") && refused.contains("Disk"), "{refused}");
    assert!(builder(&env, &sandbox, "refused").accept_durability(Durability::BestEffort).build().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn three_processes_charge_each_order_once_at_one_rate() {
    let env = Env::system();
    let sandbox = Sandbox::new(env.clone(), SandboxConfig { latency: Duration::from_millis(4), ..SandboxConfig::default() });
    let quick =
        FaultTable { requests: vec![(Fault::Refuse, 60), (Fault::TooMany { retry_after_s: 0 }, 40)], ..FaultTable::default() };
    sandbox.faults().random(7, quick);
    let prefix = format!("test-{:016x}", env.rng().next_u64());
    let account = adapter(&sandbox, Channel::Stripe).account().clone();
    let guards = GuardsConfig::default();
    let processes = [(); 3].map(|()| {
        let options = LimiterOptions {
            prefix: prefix.clone(),
            timeout: Duration::from_secs(2),
            ..LimiterOptions::new("1/3".parse().unwrap())
        };
        let limiter = RedisLimiter::new(&url(), &account, &env, &guards.rate, options).unwrap();
        let options = LeaseOptions { prefix: prefix.clone(), ..LeaseOptions::default() };
        let duty = LeasedDuty::new(Lease::new(&url(), &account, "resolver", &env, options).unwrap());
        let builder = builder(&env, &sandbox, &prefix).accept_durability(Durability::BestEffort);
        (builder.guards(guards.clone()).limiter(Arc::new(limiter.clone())).duty(Arc::new(duty)).build().unwrap(), limiter)
    });
    let orders: Vec<String> = (0..20).map(|n| format!("o{n}")).collect();
    let begin = env.now();
    let charges = orders.iter().map(|no| {
        let patient = Call::within(Duration::from_secs(20));
        futures_util::future::join_all(processes.iter().map(move |(gateway, _)| gateway.charge(card(no), patient)))
    });
    let told = futures_util::future::join_all(charges).await;
    for (no, told) in orders.iter().zip(told) {
        assert!(sandbox.ledger().charges(no) <= 1, "{no}: {told:?}");
        for told in told {
            assert_eq!(fate(&told) == Fate::Applied, sandbox.ledger().taken(no) == 1000, "{no}: {told:?}");
        }
    }
    assert!(sandbox.ledger().audit().is_empty());
    assert!(processes.iter().all(|(_, limiter)| !limiter.is_away()));
    // 80/s and a burst of 20: forty sends or more, two to a charge, take a quarter of a second.
    assert!(env.now().since(begin) > Duration::from_millis(200));
}
