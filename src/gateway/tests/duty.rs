//! One resolver for a fleet: who is not on duty leaves doubt to others, and takes it up when its turn comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use super::bank::Fault;
use super::toy::Toy;
use super::world::*;
use crate::env::BoxFuture;
use crate::gateway::*;
use crate::guard::rate::{Admission, Limiter, RatePermit};
use crate::guard::{Ask, config::RateConfig};
use crate::model::*;
use crate::store::Durability;

#[derive(Debug, Default)]
struct Rota(AtomicBool);

impl Duty for Rota {
    fn is_ours(&self) -> BoxFuture<'_, bool> {
        Box::pin(async { self.0.load(Ordering::Relaxed) })
    }
}

/// A limiter that lets everybody go and counts.
#[derive(Debug, Default)]
struct Counter(AtomicU32);

impl Limiter for Counter {
    fn acquire(&self, _: &Ask, _: crate::env::Mono) -> Admission {
        self.0.fetch_add(1, Ordering::Relaxed);
        Admission::Ready(RatePermit::free())
    }
    fn pause(&self, _: Option<std::time::Duration>) {}
    fn reconfigure(&self, _: &RateConfig) {}
}

#[tokio::test(start_paused = true)]
async fn doubt_waits_for_whose_turn_it_is() {
    let mut world = World::of(Toy { replay: Duration::ZERO, ..Toy::new() }, 1);
    let (rota, counter) = (Arc::new(Rota::default()), Arc::new(Counter::default()));
    let builder = Gateway::builder(Arc::new(world.toy.clone()), world.bank.clone(), world.store.clone(), world.env.clone());
    let builder = builder.handler(world.ear.clone()).unsealed().accept_durability(Durability::Process);
    let ours = builder.duty(rota.clone()).limiter(counter.clone()).build().unwrap();
    // The one without a duty ends with its last handle.
    drop(std::mem::replace(&mut world.gateway, ours));
    world.pass(5).await;
    world.bank.fail("/confirm", Fault::LostAfter);
    assert_eq!(world.charge("a", "ok").await.unwrap_err().fate(), Fate::Unknown);
    let asked = counter.0.load(Ordering::Relaxed);
    assert!(asked >= 1, "calls pass the limiter that was given");
    world.pass(3600).await;
    assert_eq!(world.doubts().await.len(), 1, "nobody is on duty");
    rota.0.store(true, Ordering::Relaxed);
    world.pass(20).await;
    assert_eq!(world.payment("a").await.status, Status::Paid);
    assert!(counter.0.load(Ordering::Relaxed) > asked);
}

#[tokio::test(start_paused = true)]
async fn a_resolver_that_stood_still_past_its_claim_sends_nothing() {
    let world = World::new();
    let _other = world.another();
    (0..99).for_each(|_| world.bank.fail("/pay_", Fault::LostBefore));
    *world.store.late_claim.lock().unwrap() = Some(Duration::from_secs(100));
    assert_eq!(
        world.gateway.charge(charge("a", "ok"), Call::within(Duration::from_millis(100))).await.unwrap_err().fate(),
        Fate::Unknown
    );
    // One of the two claims it after 6 s, and hears so at 106 s. Meanwhile the lease has ended, and the other looks, in vain.
    world.pass(100).await;
    let sent = world.bank.requests("/pay_");
    assert!(sent > 2, "the other took it over");
    world.env.sleep(Duration::from_millis(6_300)).await;
    assert_eq!(world.bank.requests("/pay_"), sent, "who comes late sends nothing");
    assert_eq!(world.doubts().await.len(), 1);
}

#[test]
fn what_follows_from_the_lease_ends_within_it() {
    for seconds in [1, 3, 90, 3600] {
        let config = GatewayConfig { lease: Duration::from_secs(seconds), ..GatewayConfig::default() };
        let leases = config.leases();
        assert!(
            leases.patience + leases.last_send < config.lease && leases.hearing < leases.short && leases.short < config.lease
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_no_send_fits_into_is_refused() {
    let world = World::new();
    let builder = Gateway::builder(Arc::new(world.toy.clone()), world.bank.clone(), world.store.clone(), world.env.clone());
    let config = GatewayConfig { lease: Duration::from_millis(900), ..GatewayConfig::default() };
    let refused = builder.no_handler().unsealed().accept_durability(Durability::Process).config(config).build().unwrap_err();
    assert!(refused.to_string().contains("gateway.lease"), "{refused}");
}
