//! The fleet's rate limit: decides as the local one does, holds over processes, gives back, pauses all, and lives without Redis.

use std::sync::Arc;
use std::time::Duration;

use paysluice::env::{Env, Mono, Rng, SystemRng};
use paysluice::guard::config::RateConfig;
use paysluice::guard::rate::{Admission, Limiter, RateLimit, RatePermit};
use paysluice::guard::{Ask, Class, Refusal};
use paysluice::model::AccountRef;
use paysluice::store::conformance::ManualClock;
use tokio::task::JoinSet;

use super::server::{Own, account, env, say, shared};
use crate::limiter::model::Decision;
use crate::{LimiterOptions, RedisLimiter};

fn limits(account: &str, charge: Option<&str>, burst: u32) -> RateConfig {
    RateConfig {
        account: account.parse().ok(),
        charge: charge.and_then(|quota| quota.parse().ok()),
        resolve: None,
        burst,
        ..RateConfig::default()
    }
}

fn options() -> LimiterOptions {
    // On a busy machine Redis may take longer than nearby; where a test is about this time it sets its own.
    LimiterOptions { timeout: Duration::from_secs(2), ..LimiterOptions::new("1/4".parse().unwrap()) }
}

fn limiter(url: &str, account: &AccountRef, config: &RateConfig) -> RedisLimiter {
    RedisLimiter::new(url, account, &env(), config, options()).unwrap()
}

async fn admit(limiter: &RedisLimiter, class: Class, within: Duration) -> Result<RatePermit, Refusal> {
    let now = env().now();
    match limiter.acquire(&Ask { class, deadline: now + within }, now) {
        Admission::Ready(permit) => Ok(permit),
        Admission::Wait(wait) => wait.await,
        Admission::Refused(refusal) => Err(refusal),
    }
}

async fn spent(limiter: &RedisLimiter, class: Class, within: Duration) -> Result<(), Refusal> {
    admit(limiter, class, within).await.map(|mut permit| permit.spend())
}

/// Random arrivals of two classes, some giving their cell back: every decision and every wait is the local limiter's.
#[tokio::test]
async fn the_script_decides_as_the_local_limiter_does() {
    let rng = SystemRng::new();
    let env = env();
    for round in 0..6 {
        let burst = [1, 2, 3, 7, 10, 20][round];
        let config = limits("500/s", Some("100/s"), burst);
        let fleet = limiter(&shared(), &account(), &config);
        let clock = Arc::new(ManualClock::new());
        let local_env = Env::new(clock.clone(), env.rng().clone(), Arc::new(NoTasks));
        let local = RateLimit::new(&local_env, &config);
        let mut last = None;
        let mut taken = 0;
        for _ in 0..300 {
            let class = if rng.next_u64().is_multiple_of(2) { Class::Charge } else { Class::Query };
            let gives_back = rng.next_u64().is_multiple_of(5);
            let decision = fleet.decide(class, gives_back).await;
            let Decision { now, wait, .. } = decision;
            clock.advance(now.saturating_sub(last.unwrap_or(now)));
            last = Some(now);
            let at = local_env.now();
            match local.acquire(&Ask { class, deadline: at }, at) {
                Admission::Ready(mut permit) => {
                    assert_eq!(wait, Duration::ZERO, "burst {burst}");
                    taken += 1;
                    if !gives_back {
                        permit.spend();
                    }
                }
                Admission::Refused(refusal) => assert_eq!(refusal.after, Some(wait), "burst {burst}"),
                Admission::Wait(_) => panic!("the deadline is now"),
            }
            if rng.next_u64().is_multiple_of(4) {
                env.sleep(rng.up_to(Duration::from_millis(6))).await;
            }
        }
        assert!((50..300).contains(&taken), "both happened: {taken}");
    }
}

#[derive(Debug)]
struct NoTasks;

impl paysluice::env::Spawn for NoTasks {
    fn spawn(&self, _: paysluice::env::BoxFuture<'static, ()>) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn four_processes_together_keep_to_one_quota() {
    let (url, account, env) = (shared(), account(), env());
    let config = limits("200/s", None, 10);
    let begin = env.now();
    let mut tasks = JoinSet::new();
    for n in 0..120 {
        let process = limiter(&url, &account, &config);
        let class = if n % 2 == 0 { Class::Charge } else { Class::Query };
        tasks.spawn(async move { spent(&process, class, Duration::from_secs(10)).await });
    }
    let done = tasks.join_all().await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    let took = env.now().since(begin);
    // 120 calls, 10 at once, the rest 5 ms apart.
    assert!((Duration::from_millis(545)..Duration::from_secs(3)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn who_would_be_too_late_is_told_at_once_and_takes_nothing() {
    let limiter = limiter(&shared(), &account(), &limits("1/m", None, 2));
    let soon = Duration::from_secs(1);
    spent(&limiter, Class::Charge, soon).await.unwrap();
    spent(&limiter, Class::Query, soon).await.unwrap();
    let begin = env().now();
    for _ in 0..20 {
        let after = spent(&limiter, Class::Charge, soon).await.unwrap_err().after.unwrap();
        assert!((Duration::from_secs(50)..=Duration::from_secs(60)).contains(&after), "{after:?}");
    }
    assert!(env().now().since(begin) < Duration::from_millis(900));
}

#[tokio::test]
async fn a_full_class_takes_no_cell_of_the_account() {
    let limiter = limiter(&shared(), &account(), &limits("20/s", Some("1/m"), 2));
    let decide = async |class| limiter.decide(class, false).await.wait.is_zero();
    assert!(decide(Class::Charge).await && decide(Class::Charge).await);
    // The account's two cells are free again, the class's are not.
    env().sleep(Duration::from_millis(120)).await;
    for _ in 0..10 {
        assert!(!decide(Class::Charge).await);
    }
    assert!(decide(Class::Query).await && decide(Class::Query).await);
}

#[tokio::test]
async fn a_cell_that_was_not_used_is_the_fleets_again() {
    let (url, account) = (shared(), account());
    let config = limits("1/m", None, 1);
    let (one, two) = (limiter(&url, &account, &config), limiter(&url, &account, &config));
    let soon = Duration::from_secs(1);
    drop(admit(&one, Class::Charge, soon).await.unwrap());
    settled(&one).await;
    spent(&two, Class::Charge, soon).await.unwrap();
    spent(&one, Class::Charge, soon).await.unwrap_err();
}

/// A future dropped while it asks must not keep the cell that comes for it.
#[tokio::test]
async fn a_caller_that_goes_away_while_it_asks_takes_nothing() {
    let limiter = limiter(&shared(), &account(), &limits("1/m", None, 1));
    let now = env().now();
    let Admission::Wait(mut wait) = limiter.acquire(&Ask { class: Class::Charge, deadline: now + Duration::from_secs(1) }, now)
    else {
        panic!("it asks")
    };
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(wait.as_mut().poll(&mut context).is_pending());
    drop(wait);
    settled(&limiter).await;
    spent(&limiter, Class::Charge, Duration::from_secs(1)).await.unwrap();
}

#[tokio::test]
async fn a_pushback_stops_everybody() {
    let (url, account) = (shared(), account());
    let config = limits("100/s", None, 20);
    let (one, two) = (limiter(&url, &account, &config), limiter(&url, &account, &config));
    one.pause(Some(Duration::from_secs(30)));
    let here = spent(&one, Class::Charge, Duration::from_secs(1)).await.unwrap_err();
    assert!(here.after.unwrap() > Duration::from_secs(29));
    settled(&one).await;
    let there = spent(&two, Class::Query, Duration::from_secs(1)).await.unwrap_err();
    assert!(there.after.unwrap() > Duration::from_secs(20), "{there:?}");
    // A shorter one does not shorten it.
    two.pause(Some(Duration::from_millis(1)));
    settled(&two).await;
    let there = spent(&limiter(&url, &account, &config), Class::Query, Duration::from_secs(1)).await.unwrap_err();
    assert!(there.after.unwrap() > Duration::from_secs(20), "{there:?}");
}

#[tokio::test]
async fn other_limits_hold_at_once_for_who_waits() {
    let limiter = limiter(&shared(), &account(), &limits("1/m", None, 1));
    spent(&limiter, Class::Charge, Duration::from_secs(1)).await.unwrap();
    let waiter = limiter.clone();
    let mut waiting = JoinSet::new();
    waiting.spawn(async move { spent(&waiter, Class::Charge, Duration::from_secs(100)).await });
    settled(&limiter).await;
    limiter.reconfigure(&limits("1000/s", None, 5));
    assert_eq!(waiting.join_all().await, [Ok(())]);
}

#[tokio::test]
async fn a_server_that_forgot_the_scripts_is_told_again() {
    let limiter = limiter(&shared(), &account(), &limits("100/s", None, 20));
    for _ in 0..3 {
        spent(&limiter, Class::Charge, Duration::from_secs(1)).await.unwrap();
        say(&shared(), &["SCRIPT", "FLUSH"]).await;
    }
    assert!(!limiter.is_away());
}

#[tokio::test]
async fn a_hanging_server_costs_one_timeout_and_then_the_share_holds() {
    let own = Own::start(&[]).await;
    let env = env();
    let config = limits("40/s", None, 8);
    let options = LimiterOptions { timeout: Duration::from_millis(50), ..options() };
    let limiter = RedisLimiter::new(&own.url(), &account(), &env, &config, options).unwrap();
    let within = Duration::from_millis(80);
    while spent(&limiter, Class::Charge, Duration::from_secs(1)).await.is_err() || limiter.is_away() {}
    own.signal("-STOP");
    let begin = env.now();
    // A quarter of the burst of eight, then a quarter of 40/s.
    let granted = many(&limiter, 30, within).await;
    let took = env.now().since(begin);
    assert!((2..=4).contains(&granted), "{granted}");
    assert!(limiter.is_away() && took < Duration::from_millis(400), "{took:?}");
    let begin = env.now();
    many(&limiter, 100, Duration::ZERO).await;
    assert!(env.now().since(begin) < Duration::from_millis(40), "nobody waits for a server that is away");
    own.signal("-CONT");
    back(&limiter, within).await;
    spent(&limiter, Class::Charge, Duration::from_secs(5)).await.unwrap();
    assert!(!limiter.is_away());
}

#[tokio::test]
async fn a_dead_server_is_done_without_and_found_again_when_it_rises() {
    let mut own = Own::start(&[]).await;
    let limiter = limiter(&own.url(), &account(), &limits("400/s", None, 8));
    spent(&limiter, Class::Charge, Duration::from_secs(1)).await.unwrap();
    own.kill();
    for _ in 0..5 {
        spent(&limiter, Class::Charge, Duration::from_secs(1)).await.unwrap();
    }
    assert!(limiter.is_away());
    own.rise().await;
    back(&limiter, Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_server_without_room_is_as_good_as_none() {
    let own = Own::start(&["--maxmemory", "100kb"]).await;
    let limiter = limiter(&own.url(), &account(), &limits("400/s", None, 8));
    spent(&limiter, Class::Charge, Duration::from_secs(1)).await.unwrap();
    assert!(limiter.is_away());
}

#[test]
fn a_url_that_is_none_is_refused_without_repeating_it() {
    let refused = RedisLimiter::new("http://:secret@host", &account(), &env(), &RateConfig::default(), options());
    let told = refused.unwrap_err().to_string();
    assert!(told.starts_with("store refused: not a Redis URL") && !told.contains("secret"), "{told}");
}

/// Waits until what the limiter does on the side is done: its tasks ask on the same connection, in order.
async fn settled(limiter: &RedisLimiter) {
    for _ in 0..3 {
        tokio::task::yield_now().await;
        limiter.ping().await;
    }
}

async fn many(limiter: &RedisLimiter, calls: usize, within: Duration) -> usize {
    let tasks: JoinSet<_> = (0..calls)
        .map(|_| {
            let limiter = limiter.clone();
            async move { spent(&limiter, Class::Charge, within).await }
        })
        .collect();
    tasks.join_all().await.iter().filter(|done| done.is_ok()).count()
}

/// Calls until Redis is found again: at most a few seconds.
async fn back(limiter: &RedisLimiter, within: Duration) {
    let env = env();
    let begin: Mono = env.now();
    while limiter.is_away() {
        let _ = spent(limiter, Class::Charge, within).await;
        env.sleep(Duration::from_millis(50)).await;
        assert!(env.now().since(begin) < Duration::from_secs(10), "it is never found again");
    }
}
