//! Law 5: a caller who lets go at any instant stops nothing that has begun.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use paysluice::adapter::{Capture, Refund};
use paysluice::gateway::PaymentChannel;
use paysluice::model::{CaptureNo, Fate, RefundNo, Status};
use paysluice_tests::ear::Ear;
use paysluice_tests::{World, call, card, eur, fate, on_virtual_time, order};

/// Polls at most `polls` times and `time` long, then lets go. What it came to, if it did.
async fn let_go<T>(world: &World, work: impl Future<Output = T>, polls: u32, time: Duration) -> Option<T> {
    let mut work = pin!(work);
    let mut left = polls;
    let mut timer = world.env.sleep(time);
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(Some(done));
        }
        if left == 0 {
            return Poll::Ready(None);
        }
        timer.as_mut().poll(cx).map(|()| None)
    })
    .await
}

#[test]
fn a_charge_that_is_let_go_of_completes_or_was_never_begun() {
    let (mut begun, mut never) = (0, 0);
    for seed in 0..120_u64 {
        on_virtual_time(async {
            let ear = Ear::new();
            let world = World::living(seed, ear.clone());
            let polls = u32::try_from(world.env.rng().next_u64() % 4).unwrap();
            let time = world.env.rng().up_to(Duration::from_millis(90));
            let told = let_go(&world, world.gateway.charge(card("o"), call()), polls, time).await;
            assert!(told.is_none_or(|told| told.is_ok()));
            world.sleep(60).await;
            let taken = world.sandbox.ledger().taken("o");
            if taken == 0 {
                never += 1;
                assert!(world.gateway.payment(&order("o")).await.is_err(), "{seed}: begun and not ended");
                assert!(world.sandbox.intents().is_empty(), "{seed}");
            } else {
                begun += 1;
                assert_eq!(world.sandbox.ledger().charges("o"), 1);
                assert_eq!(world.gateway.payment(&order("o")).await.unwrap().status, Status::Paid);
                assert_eq!(ear.told_status("o", &Status::Paid), 1, "{seed}: {:?}", ear.heard());
            }
            // Whoever asks again hears the truth, and nothing is charged twice.
            let again = world.gateway.charge(card("o"), call()).await;
            assert_eq!(fate(&again), Fate::Applied, "{seed}: {again:?}");
            assert_eq!(world.sandbox.ledger().charges("o"), 1, "{seed}");
            world.sleep(5).await;
            assert_eq!(ear.told_status("o", &Status::Paid), 1, "{seed}");
        });
    }
    assert!(begun > 20 && never > 20, "{begun} begun, {never} never");
}

#[test]
fn captures_and_refunds_that_are_let_go_of_complete_or_were_never_begun() {
    for seed in 0..60_u64 {
        on_virtual_time(async {
            let ear = Ear::new();
            let world = World::living(seed, ear.clone());
            world.gateway.charge(card("o").capture_later(), call()).await.unwrap();
            let polls = u32::try_from(world.env.rng().next_u64() % 4).unwrap();
            let time = world.env.rng().up_to(Duration::from_millis(30));
            let capture = Capture::new(order("o"), CaptureNo::new("c").unwrap(), eur(800));
            let_go(&world, world.gateway.capture(capture.clone(), call()), polls, time).await;
            world.sleep(60).await;
            let taken = world.sandbox.ledger().taken("o");
            assert_eq!(world.gateway.payment(&order("o")).await.unwrap().captured.minor(), taken, "{seed}");
            world.gateway.capture(capture, call()).await.unwrap();
            assert_eq!(world.sandbox.ledger().taken("o"), 800, "{seed}");

            let refund = Refund::new(order("o"), RefundNo::new("r").unwrap(), eur(300));
            let_go(&world, world.gateway.refund(refund.clone(), call()), polls, time).await;
            world.sleep(60).await;
            world.gateway.refund(refund, call()).await.unwrap();
            assert_eq!(world.sandbox.ledger().refunded("o"), 300, "{seed}");
            let payment = world.gateway.payment(&order("o")).await.unwrap();
            assert_eq!(payment.refunds.len(), 1, "{seed}: {payment:?}");
        });
    }
}
