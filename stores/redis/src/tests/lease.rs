//! The lease of a fleet: one holder, told when to come back, tokens that only grow, and a duty that is always somebody's.

use std::collections::BTreeSet;
use std::time::Duration;

use paysluice::gateway::Duty;
use paysluice::model::AccountRef;
use tokio::task::JoinSet;

use super::server::{Own, account, env, shared};
use crate::{Claim, Held, Lease, LeaseOptions, LeasedDuty};

fn lease(url: &str, account: &AccountRef, term: Duration) -> Lease {
    let options = LeaseOptions { term, timeout: Duration::from_secs(2), ..LeaseOptions::default() };
    Lease::new(url, account, "resolver", &env(), options).unwrap()
}

async fn held(lease: &Lease) -> Held {
    match lease.claim().await.unwrap() {
        Claim::Held(held) => held,
        busy @ Claim::Busy { .. } => panic!("{busy:?}"),
    }
}

const MINUTE: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_millis(150);

#[tokio::test(flavor = "multi_thread")]
async fn of_32_claimers_one_holds_and_the_others_know_when_to_come_back() {
    let (url, account) = (shared(), account());
    let claims: JoinSet<_> = (0..32)
        .map(|_| {
            let lease = lease(&url, &account, MINUTE);
            async move { lease.claim().await.unwrap() }
        })
        .collect();
    let claims = claims.join_all().await;
    assert_eq!(claims.iter().filter(|claim| matches!(claim, Claim::Held(_))).count(), 1);
    let told =
        |claim: &Claim| matches!(claim, Claim::Busy { retry_after: Some(after) } if *after > MINUTE / 2 && *after <= MINUTE);
    assert_eq!(claims.iter().filter(|claim| told(claim)).count(), 31, "{claims:?}");
}

#[tokio::test]
async fn the_holder_keeps_its_token_and_the_next_has_a_greater_one() {
    let (url, account) = (shared(), account());
    let (one, two) = (lease(&url, &account, MINUTE), lease(&url, &account, MINUTE));
    let first = held(&one).await;
    let renewed = one.renew().await.unwrap();
    assert!(matches!(renewed, Claim::Held(held) if held.token() == first.token() && held.until() > first.until()));
    assert_eq!(held(&one).await.token(), first.token(), "a repeated claim is the same claim");
    two.release().await.unwrap();
    assert!(matches!(two.claim().await.unwrap(), Claim::Busy { .. }), "nobody gives up another's lease");
    one.release().await.unwrap();
    assert!(held(&two).await.token() > first.token());
    assert!(matches!(one.renew().await.unwrap(), Claim::Busy { retry_after: Some(_) }));
}

#[tokio::test]
async fn an_ended_lease_is_the_next_ones_and_its_last_holder_cannot_renew_it() {
    let (url, account) = (shared(), account());
    let (one, two) = (lease(&url, &account, SHORT), lease(&url, &account, SHORT));
    let mut tokens = BTreeSet::new();
    let mut last = 0;
    for round in 0..3 {
        let claimed = held(if round % 2 == 0 { &one } else { &two }).await;
        assert!(claimed.token() > last && claimed.until() <= env().now() + SHORT);
        last = claimed.token();
        tokens.insert(last);
        env().sleep(SHORT * 2).await;
    }
    assert_eq!(tokens.len(), 3);
    assert_eq!(one.renew().await.unwrap(), Claim::Busy { retry_after: None });
}

#[tokio::test]
async fn no_token_comes_back_when_the_server_loses_everything() {
    let own = Own::start(&[]).await;
    let account = account();
    let one = lease(&own.url(), &account, MINUTE);
    let mut last = 0;
    for _ in 0..3 {
        let token = held(&one).await.token();
        assert!(token > last);
        last = token;
        own.say(&["FLUSHALL"]).await;
    }
    // Nor for who has never seen one.
    assert!(held(&lease(&own.url(), &account, MINUTE)).await.token() > last);
}

#[tokio::test]
async fn the_duty_is_one_processs_then_the_others_and_everybodys_without_redis() {
    let mut own = Own::start(&[]).await;
    let account = account();
    let term = Duration::from_millis(600);
    let (one, two) = (LeasedDuty::new(lease(&own.url(), &account, term)), LeasedDuty::new(lease(&own.url(), &account, term)));
    assert!(one.is_ours().await && !two.is_ours().await);
    env().sleep(term * 3 / 4).await;
    assert!(one.is_ours().await && !two.is_ours().await, "it renews in time");
    one.release().await.unwrap();
    env().sleep(term).await;
    assert!(two.is_ours().await && !one.is_ours().await);
    own.kill();
    env().sleep(term * 2).await;
    assert!(one.is_ours().await && two.is_ours().await);
}
