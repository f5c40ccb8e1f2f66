//! The rate limit in virtual time, and against governor as the oracle.

use std::num::NonZeroU32;
use std::time::SystemTime;

use governor::clock::FakeRelativeClock;
use proptest::prelude::*;
use tokio::task::yield_now;

use super::*;
use crate::model::text::Quota;

fn env() -> Env {
    Env::simulated(1, SystemTime::UNIX_EPOCH)
}

fn quota(text: &str) -> Quota {
    text.parse().unwrap()
}

/// One limit on the account, of `rate` with `burst`, nothing else.
fn account(rate: &str, burst: u32) -> RateConfig {
    RateConfig { account: Some(quota(rate)), resolve: None, burst, ..RateConfig::default() }
}

fn ask(env: &Env, class: Class, millis: u64) -> Ask {
    Ask { class, deadline: env.now() + Duration::from_millis(millis) }
}

fn try_now(limit: &RateLimit, env: &Env, class: Class) -> Option<RatePermit> {
    match limit.acquire(&ask(env, class, 0), env.now()) {
        Admission::Ready(permit) => Some(permit),
        Admission::Wait(_) => panic!("nothing to wait for"),
        Admission::Refused(_) => None,
    }
}

fn spend_now(limit: &RateLimit, env: &Env, class: Class) -> bool {
    try_now(limit, env, class).map(|mut permit| permit.spend()).is_some()
}

/// Waits and tells when it was served, in milliseconds of virtual time, or when it was refused and until when.
async fn served(limit: &RateLimit, env: &Env, class: Class, millis: u64) -> Result<u128, (u128, u128)> {
    let result = limit.admit(&ask(env, class, millis)).await.map(|mut permit| permit.spend());
    let now = env.now().since_origin().as_millis();
    result.map(|()| now).map_err(|refusal| (now, refusal.after.unwrap().as_millis()))
}

proptest! {
    #[test]
    fn it_decides_as_governor_does(
        arrivals in prop::collection::vec(prop_oneof![Just(0_u64), 0_u64..30_000_000, 0_u64..900_000_000], 1..300),
        calls in 1_u32..200, burst in 1_u32..30,
    ) {
        let clock = FakeRelativeClock::default();
        let per = Duration::from_secs(1);
        let spacing = per / calls;
        let oracle_quota = governor::Quota::with_period(spacing).unwrap().allow_burst(NonZeroU32::new(burst).unwrap());
        let oracle = governor::RateLimiter::direct_with_clock(oracle_quota, clock.clone());
        let env = env();
        let config = RateConfig { account: Quota::new(NonZeroU32::new(calls).unwrap(), per), resolve: None, burst, line: 0, ..RateConfig::default() };
        let limit = RateLimit::new(&env, &config);
        let mut now = env.now();
        for nanos in arrivals {
            clock.advance(Duration::from_nanos(nanos));
            now = now + Duration::from_nanos(nanos);
            let ours = match limit.acquire(&Ask { class: Class::Charge, deadline: now }, now) {
                Admission::Ready(mut permit) => { permit.spend(); true }
                Admission::Wait(_) => panic!("the line is closed"),
                Admission::Refused(_) => false,
            };
            prop_assert_eq!(ours, oracle.check().is_ok());
        }
    }

    /// However many limits there are: in no stretch of time more cells than its burst and its rate allow.
    #[test]
    fn both_limits_hold_at_once(arrivals in prop::collection::vec((0_u64..60_000_000, any::<bool>()), 1..300)) {
        let env = env();
        let config = RateConfig { query: Some(quota("20/s")), line: 0, ..account("50/s", 3) };
        let limit = RateLimit::new(&env, &config);
        let mut now = env.now();
        let mut passed: Vec<(u128, Class)> = Vec::new();
        for (nanos, is_query) in arrivals {
            now = now + Duration::from_nanos(nanos);
            let class = if is_query { Class::Query } else { Class::Charge };
            if let Admission::Ready(mut permit) = limit.acquire(&Ask { class, deadline: now }, now) {
                permit.spend();
                passed.push((now.since_origin().as_nanos(), class));
            }
        }
        let queries: Vec<u128> = passed.iter().filter(|(_, class)| *class == Class::Query).map(|(at, _)| *at).collect();
        let all: Vec<u128> = passed.iter().map(|(at, _)| *at).collect();
        for (times, spacing) in [(all, 20_000_000), (queries, 50_000_000)] {
            for (first, from) in times.iter().enumerate() {
                for (last, to) in times.iter().enumerate().skip(first) {
                    let count = u128::try_from(last - first).unwrap() + 1;
                    prop_assert!(count <= 3 + (to - from) / spacing, "{count} within {}", to - from);
                }
            }
        }
    }

    /// Random comings, leavings, pauses and changes: nobody is forgotten, the line ends empty, nobody is served late.
    #[test]
    fn nobody_is_forgotten(callers in prop::collection::vec((0_u64..400, 0_u64..900, 0_u8..5, 0_u8..8), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let env = env();
            let limit = RateLimit::new(&env, &RateConfig { query: Some(quota("10/s")), ..account("40/s", 2) });
            let tasks: Vec<_> = callers.into_iter().map(|(start, patience, lane, deed)| {
                let (env, limit) = (env.clone(), limit.clone());
                async move {
                    env.sleep(Duration::from_millis(start)).await;
                    let ask = ask(&env, Class::LANES[usize::from(lane)], patience);
                    match deed {
                        0 => limit.pause(Some(Duration::from_millis(patience / 4))),
                        1 => limit.reconfigure(&RateConfig { query: Some(quota("15/s")), ..account("60/s", 3) }),
                        2 => drop(timeout_at(&env, ask.deadline, limit.admit(&ask)).await),
                        3 => drop(limit.admit(&ask).await),
                        _ => {
                            let result = limit.admit(&ask).await.map(|mut permit| permit.spend());
                            assert!(result.is_err() || env.now() <= ask.deadline + Duration::from_millis(1), "served late");
                        }
                    }
                }
            }).collect();
            futures_util::future::join_all(tasks).await;
            assert_eq!(limit.waiting(), 0);
            env.sleep(Duration::from_secs(5)).await;
            assert!(spend_now(&limit, &env, Class::Query));
        });
    }
}

async fn timeout_at<T>(env: &Env, deadline: Mono, work: impl Future<Output = T>) -> Option<T> {
    let half = deadline.since(env.now()) / 2;
    tokio::select! { biased; done = work => Some(done), () = env.sleep(half) => None }
}

#[tokio::test(start_paused = true)]
async fn a_burst_goes_at_once_and_the_rest_in_order_at_the_rate() {
    let env = env();
    let limit = RateLimit::new(&env, &account("10/s", 2));
    let calls = (0..5).map(|_| served(&limit, &env, Class::Charge, 10_000));
    let times: Vec<u128> = futures_util::future::join_all(calls).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(times, [0, 0, 100, 200, 300]);
}

#[tokio::test(start_paused = true)]
async fn who_would_wait_past_the_deadline_is_refused_now_with_the_time() {
    let env = env();
    let limit = RateLimit::new(&env, &account("1/s", 1));
    let first = served(&limit, &env, Class::Charge, 0);
    let patient = served(&limit, &env, Class::Charge, 1_000);
    let hasty = served(&limit, &env, Class::Charge, 1_999);
    let results = tokio::join!(biased; first, patient, hasty);
    assert_eq!(results, (Ok(0), Ok(1_000), Err((0, 2_000))));
}

#[tokio::test(start_paused = true)]
async fn a_full_line_refuses_at_once() {
    let env = env();
    let limit = RateLimit::new(&env, &RateConfig { line: 1, ..account("1/s", 1) });
    let results = tokio::join!(
        biased;
        served(&limit, &env, Class::Charge, 60_000),
        served(&limit, &env, Class::Charge, 60_000),
        served(&limit, &env, Class::Charge, 60_000)
    );
    assert_eq!(results, (Ok(0), Ok(1_000), Err((0, 2_000))));
}

#[tokio::test(start_paused = true)]
async fn a_slow_class_does_not_hold_up_the_others() {
    let env = env();
    let limit = RateLimit::new(&env, &RateConfig { query: Some(quota("1/s")), ..account("10/s", 1) });
    let results = tokio::join!(
        biased;
        served(&limit, &env, Class::Query, 9_000),
        served(&limit, &env, Class::Query, 9_000),
        served(&limit, &env, Class::Query, 9_000),
        served(&limit, &env, Class::Charge, 150),
        served(&limit, &env, Class::Charge, 250)
    );
    assert_eq!(results, (Ok(0), Ok(1_000), Ok(2_000), Ok(100), Ok(200)));
}

#[tokio::test(start_paused = true)]
async fn classes_that_meet_at_the_account_are_served_in_the_order_they_came() {
    let env = env();
    let limit = RateLimit::new(&env, &account("10/s", 1));
    let classes = [Class::Charge, Class::Query, Class::Charge, Class::Resolve, Class::Return, Class::Charge, Class::Probe];
    let calls = classes.map(|class| served(&limit, &env, class, 9_000));
    let times: Vec<u128> = futures_util::future::join_all(calls).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(times, [0, 100, 200, 300, 400, 500, 600]);
}

#[tokio::test(start_paused = true)]
async fn no_cell_is_taken_of_one_limit_if_the_other_has_none() {
    let env = env();
    let limit = RateLimit::new(&env, &RateConfig { query: Some(quota("1/m")), line: 0, ..account("1/s", 1) });
    assert!(spend_now(&limit, &env, Class::Query));
    env.sleep(Duration::from_secs(2)).await;
    (0..5).for_each(|_| assert!(!spend_now(&limit, &env, Class::Query), "its class has none"));
    assert!(spend_now(&limit, &env, Class::Charge), "the account's was not taken by the refused");
}

#[tokio::test(start_paused = true)]
async fn an_unused_cell_goes_back_and_serves_who_waits() {
    let env = env();
    let limit = RateLimit::new(&env, &RateConfig { charge: Some(quota("1/m")), ..account("1/m", 1) });
    let unused = try_now(&limit, &env, Class::Charge).unwrap();
    let give_back = async {
        yield_now().await;
        drop(unused);
    };
    let (result, ()) = tokio::join!(biased; served(&limit, &env, Class::Charge, 60_000), give_back);
    assert_eq!(result, Ok(0));
    assert!(!spend_now(&limit, &env, Class::Charge));
}

#[tokio::test(start_paused = true)]
async fn a_cell_that_time_has_made_up_for_is_not_given_back_twice() {
    let env = env();
    let limit = RateLimit::new(&env, &account("10/s", 1));
    let old = try_now(&limit, &env, Class::Charge).unwrap();
    env.sleep(Duration::from_secs(10)).await;
    assert!(spend_now(&limit, &env, Class::Charge));
    drop(old);
    assert!(!spend_now(&limit, &env, Class::Charge));
}

#[tokio::test(start_paused = true)]
async fn who_leaves_the_line_makes_it_shorter() {
    let env = env();
    let limit = RateLimit::new(&env, &account("1/s", 1));
    assert!(spend_now(&limit, &env, Class::Charge));
    let ask = ask(&env, Class::Charge, 9_000);
    let Admission::Wait(first) = limit.acquire(&ask, env.now()) else { panic!("it must wait") };
    let second = served(&limit, &env, Class::Charge, 9_000);
    tokio::pin!(second);
    assert!(futures_util::FutureExt::now_or_never(second.as_mut()).is_none());
    assert_eq!(limit.waiting(), 2);
    drop(first);
    assert_eq!(second.await, Ok(1_000), "it has moved up, though its place was never polled again");
    assert_eq!(limit.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_cell_granted_to_who_is_no_longer_there_goes_back() {
    let env = env();
    let limit = RateLimit::new(&env, &account("1/s", 1));
    assert!(spend_now(&limit, &env, Class::Charge));
    let Admission::Wait(gone) = limit.acquire(&ask(&env, Class::Charge, 9_000), env.now()) else { panic!("it must wait") };
    env.sleep(Duration::from_secs(1)).await;
    assert!(!spend_now(&limit, &env, Class::Query), "the cell is granted to who came first, who does not look");
    drop(gone);
    assert!(spend_now(&limit, &env, Class::Query));
}

#[tokio::test(start_paused = true)]
async fn a_pushback_pauses_everybody_also_who_waits() {
    let env = env();
    let limit = RateLimit::new(&env, &account("10/s", 1));
    assert!(spend_now(&limit, &env, Class::Charge));
    let pushback = async {
        yield_now().await;
        limit.pause(Some(Duration::from_secs(5)));
        assert_eq!(served(&limit, &env, Class::Query, 4_999).await, Err((0, 5_100)));
    };
    let patient = served(&limit, &env, Class::Charge, 60_000);
    let hasty = served(&limit, &env, Class::Return, 1_000);
    let results = tokio::join!(biased; patient, hasty, pushback);
    assert_eq!(results, (Ok(5_000), Err((0, 5_100)), ()));
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_never_longer_than_the_maximum_nor_shortened_by_the_next() {
    let env = env();
    let limit = RateLimit::new(&env, &account("10/s", 1));
    limit.pause(Some(Duration::from_hours(24)));
    limit.pause(None);
    assert_eq!(served(&limit, &env, Class::Charge, 299_999).await, Err((0, 300_000)));
    assert_eq!(served(&limit, &env, Class::Charge, 300_000).await, Ok(300_000));
}

#[tokio::test(start_paused = true)]
async fn a_higher_limit_serves_who_waits_and_a_lower_one_refuses_who_cannot() {
    let env = env();
    let limit = RateLimit::new(&env, &account("1/s", 1));
    assert!(spend_now(&limit, &env, Class::Charge));
    let faster = async {
        yield_now().await;
        limit.reconfigure(&account("10/s", 1));
    };
    let (waits, ()) = tokio::join!(biased; served(&limit, &env, Class::Charge, 9_000), faster);
    assert_eq!(waits, Ok(100));
    let slower = async {
        yield_now().await;
        limit.reconfigure(&account("1/m", 1));
    };
    let (waits, ()) = tokio::join!(biased; served(&limit, &env, Class::Charge, 9_000), slower);
    assert_eq!(waits, Err((100, 60_000)));
}

#[tokio::test(start_paused = true)]
async fn without_a_quota_all_go() {
    let env = env();
    let limit = RateLimit::new(&env, &RateConfig { account: None, resolve: None, ..RateConfig::default() });
    (0..10_000).for_each(|_| assert!(spend_now(&limit, &env, Class::Charge)));
}
