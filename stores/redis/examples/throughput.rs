//! How many commits and how many cells a second a server gives: one caller after another, and 64 at a time.

use std::future::Future;
use std::time::Duration;

use paysluice::env::Env;
use paysluice::guard::config::RateConfig;
use paysluice::guard::rate::{Admission, Limiter};
use paysluice::guard::{Ask, Class};
use paysluice::model::{AccountRef, Mode};
use paysluice::store::{Commit, Expect, Key, OpId, Put, Space, SpaceKind, Store};
use paysluice_redis::{LimiterOptions, RedisLimiter, RedisStore, StoreOptions};
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "redis://127.0.0.1".to_owned());
    let env = Env::system();
    let account = AccountRef::new("bench", Mode::Test, &format!("{:016x}", env.rng().next_u64()))?;
    let store = RedisStore::open(&url, &env, StoreOptions::default())?;
    let space = Space::new(SpaceKind::Intent, &account);
    for (callers, each) in [(1, 5_000), (64, 500)] {
        measure(&env, "commits", callers, each, |caller, n| {
            insert(store.clone(), space.clone(), env.clone(), format!("{callers}-{caller}-{n}"))
        })
        .await;
    }
    // More than any server gives, so that only the asking is measured.
    let rate =
        RateConfig { account: "1000000/s".parse().ok(), resolve: None, burst: 100_000, line: 100_000, ..RateConfig::default() };
    let limiter = RedisLimiter::new(&url, &account, &env, &rate, LimiterOptions::new("1/1".parse()?))?;
    for (callers, each) in [(1, 5_000), (64, 500)] {
        measure(&env, "cells", callers, each, |_, _| take(limiter.clone(), env.clone())).await;
    }
    println!("Redis was {}", if limiter.is_away() { "away at the end" } else { "there all the time" });
    Ok(())
}

async fn measure<F: Future<Output = ()> + Send + 'static>(
    env: &Env,
    what: &str,
    callers: u32,
    each: u32,
    work: impl Fn(u32, u32) -> F,
) {
    let start = env.now();
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let work: Vec<F> = (0..each).map(|n| work(caller, n)).collect();
        tasks.spawn(async move {
            for one in work {
                one.await;
            }
        });
    }
    tasks.join_all().await;
    let micros = env.now().since(start).as_micros().max(1);
    let done = u128::from(callers) * u128::from(each);
    println!("{callers:>3} callers: {:>7} {what}/s ({done} in {} ms)", done * 1_000_000 / micros, micros / 1000);
}

async fn insert(store: RedisStore, space: Space, env: Env, name: String) {
    let key = Key { space, part: format!("order/{name}"), id: "charge/1".into() };
    let put = Put { key, expect: Expect::Absent, due_in: None, keep_in: None, body: vec![b'x'; 400].into() };
    let answer = store.commit(OpId(env.rng().next_u128()), &[put]).await;
    assert!(matches!(answer, Ok(Commit::Done(_))), "{answer:?}");
}

async fn take(limiter: RedisLimiter, env: Env) {
    let now = env.now();
    match limiter.acquire(&Ask { class: Class::Charge, deadline: now + Duration::from_secs(5) }, now) {
        Admission::Ready(mut permit) => permit.spend(),
        Admission::Wait(wait) => match wait.await {
            Ok(mut permit) => permit.spend(),
            Err(refusal) => println!("{refusal}"),
        },
        Admission::Refused(refusal) => println!("{refusal}"),
    }
}
