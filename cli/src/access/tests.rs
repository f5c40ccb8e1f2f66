//! Fetching: once for all who want it, not again at once when it was refused, and never past the deadline.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use http::{Method, StatusCode};
use paysluice::adapter::{
    Access, Callbacks, Cancel, Capture, Charge, Codec, Confirm, Finding, Grant, Probe, Profile, Query, QueryRefund, Refund,
    Reply, Request, Reverse,
};
use paysluice::env::BoxFuture;
use paysluice::model::{AccountRef, Secret};
use paysluice::transport::TransportError;
use paysluice_stripe::{Stripe, StripeConfig};

use super::*;

/// Stripe, if it handed out tokens that are good for an hour.
#[derive(Debug)]
struct Granting(Stripe);

impl Access for Granting {
    fn request(&self, _: &Want, _: &Stamp) -> Result<Request, Error> {
        Ok(Request::new(Method::POST, "https://provider.example/token"))
    }
    fn read(&self, want: &Want, reply: &Reply, received: &Stamp) -> Result<Vec<Grant>, Failure> {
        if reply.status != StatusCode::OK {
            return Err(Failure::last(Error::new(ErrorKind::Unauthorized, "no token for you")));
        }
        Ok(vec![Grant::new(want.clone(), Secret::new("t"), Some(received.now + Duration::from_secs(3600)))])
    }
}

impl Adapter for Granting {
    fn account(&self) -> &AccountRef {
        self.0.account()
    }
    fn profile(&self) -> &Profile {
        self.0.profile()
    }
    fn charge(&self) -> &dyn Codec<Charge> {
        self.0.charge()
    }
    fn confirm(&self) -> Option<&dyn Codec<Confirm>> {
        None
    }
    fn capture(&self) -> Option<&dyn Codec<Capture>> {
        None
    }
    fn cancel(&self) -> Option<&dyn Codec<Cancel>> {
        None
    }
    fn reverse(&self) -> Option<&dyn Codec<Reverse>> {
        None
    }
    fn refund(&self) -> Option<&dyn Codec<Refund>> {
        None
    }
    fn query(&self) -> Option<&dyn Codec<Query>> {
        None
    }
    fn query_refund(&self) -> Option<&dyn Codec<QueryRefund>> {
        None
    }
    fn access(&self) -> Option<&dyn Access> {
        Some(self)
    }
    fn probe(&self) -> Option<&dyn Probe> {
        None
    }
    fn callbacks(&self) -> &dyn Callbacks {
        self.0.callbacks()
    }
    fn inspect(&self, _: &Granted, _: SystemTime) -> Vec<Finding> {
        Vec::new()
    }
}

/// Answers after a second, and counts.
#[derive(Debug)]
struct Slow {
    env: Env,
    status: StatusCode,
    sent: AtomicU32,
}

impl Transport for Slow {
    fn send(&self, _: Request, _: Limits) -> BoxFuture<'_, Result<Reply, TransportError>> {
        self.sent.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {
            self.env.sleep(Duration::from_secs(1)).await;
            Ok(Reply::new(self.status, ""))
        })
    }
}

fn fetcher(status: StatusCode) -> (Fetcher, Arc<Slow>) {
    let env = Env::simulated(1, SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000));
    let slow = Arc::new(Slow { env: env.clone(), status, sent: AtomicU32::new(0) });
    let config = StripeConfig::new("stripe:test:acct_1".parse().unwrap(), Secret::new("sk_test_a"));
    (Fetcher::new(env, Arc::new(Granting(Stripe::new(config).unwrap())), slow.clone()), slow)
}

impl Fetcher {
    fn in_secs(&self, secs: u64) -> Mono {
        self.env.now() + Duration::from_secs(secs)
    }
}

#[tokio::test(start_paused = true)]
async fn many_who_want_it_fetch_it_once_and_again_when_it_has_run_out() {
    let (fetcher, slow) = fetcher(StatusCode::OK);
    let deadline = fetcher.in_secs(4);
    let (a, b, c) = tokio::join!(
        fetcher.ensure(&Want::Token, deadline),
        fetcher.ensure(&Want::Token, deadline),
        fetcher.ensure(&Want::Token, deadline)
    );
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!(slow.sent.load(Ordering::SeqCst), 1);
    fetcher.env.sleep(Duration::from_secs(3601)).await;
    assert!(fetcher.ensure(&Want::Token, fetcher.in_secs(4)).await.is_ok());
    assert_eq!(slow.sent.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_is_not_asked_for_again_at_once() {
    let (fetcher, slow) = fetcher(StatusCode::UNAUTHORIZED);
    for _ in 0..5 {
        let error = fetcher.ensure(&Want::Token, fetcher.in_secs(4)).await.unwrap_err();
        assert!(error.message().contains("no token for you"), "{error}");
    }
    assert_eq!(slow.sent.load(Ordering::SeqCst), 1);
    // Another want has not been refused.
    assert!(fetcher.ensure(&Want::Keys, fetcher.in_secs(4)).await.is_err());
    assert_eq!(slow.sent.load(Ordering::SeqCst), 2);
    fetcher.env.sleep(REFUSED_FOR).await;
    assert!(fetcher.ensure(&Want::Keys, fetcher.in_secs(4)).await.is_err());
    assert_eq!(slow.sent.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_past_the_deadline() {
    let (fetcher, _) = fetcher(StatusCode::OK);
    let began = fetcher.env.now();
    let deadline = began + Duration::from_millis(500);
    let (first, second) = tokio::join!(fetcher.ensure(&Want::Token, deadline), fetcher.ensure(&Want::Token, deadline));
    assert!(first.is_err() && second.is_err());
    assert_eq!(fetcher.env.now().since(began), Duration::from_millis(500));
}
