//! Law 4 where keys die: a provider that was lost for more than the key's time is asked, never sent to again.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::sync::Arc;
use std::time::Duration;

use paysluice::adapter::{Capture, Refund};
use paysluice::gateway::PaymentChannel;
use paysluice::model::{CaptureNo, Fate, RefundNo, Status};
use paysluice_sandbox::{Fault, Scope};
use paysluice_tests::wire::Wire;
use paysluice_tests::{Setup, World, call, card, eur, fate, on_virtual_time, order};

const CONFIRM: &str = "/v1/payment_intents/*/confirm";

/// A world whose wire is watched.
fn wired(seed: u64) -> (World, Arc<Wire>) {
    let kept = Arc::new(std::sync::Mutex::new(None));
    let keep = Arc::clone(&kept);
    let wire = Box::new(move |env: &_, inner| -> Arc<dyn paysluice::transport::Transport> {
        let wire = Wire::new(env, inner);
        *keep.lock().unwrap() = Some(Arc::clone(&wire));
        wire
    });
    let world = World::with(Setup { seed, wire: Some(wire), ..Setup::default() });
    let wire = kept.lock().unwrap().take().unwrap();
    (world, wire)
}

/// Lets the resolver look every ten minutes.
async fn hours(world: &World, hours: u64) {
    for _ in 0..hours * 6 {
        world.sleep(600).await;
        world.gateway.resolve_due().await.unwrap();
    }
}

/// The resolver's sends of money after the window, by the keys they carried; each line later than `window` after the first.
fn late(wire: &Wire, what: &str, window: Duration) -> usize {
    let lines: Vec<_> =
        wire.lines().into_iter().filter(|line| line.what.starts_with("POST") && line.what.contains(what)).collect();
    let first = lines.first().unwrap().at;
    lines.iter().filter(|line| line.at.since(first) >= window).count()
}

const WINDOW: Duration = Duration::from_secs(23 * 3600);

#[test]
fn a_charge_whose_answer_was_lost_for_a_day_is_asked_for_and_not_sent_again() {
    on_virtual_time(async {
        for executed in [true, false] {
            let (world, wire) = wired(u64::from(executed));
            let fault = if executed { Fault::CloseAfter } else { Fault::CloseBefore };
            world.sandbox.faults().script_in(Scope::matching("POST", CONFIRM), [fault; 50]);
            let told = world.gateway.charge(card("o"), call()).await;
            assert_eq!(fate(&told), Fate::Unknown, "{told:?}");
            wire.cut(true);
            hours(&world, 30).await;
            assert_eq!(world.gateway.doubts(9).await.unwrap().len(), 1, "it stays in doubt while nobody can be asked");
            assert_eq!(late(&wire, "confirm", WINDOW), 0, "sent again after the window: {:?}", wire.lines());
            assert!(wire.count("confirm") > 5, "within the window it is sent again");
            wire.cut(false);
            world.sandbox.faults().none();
            hours(&world, 5).await;
            assert_eq!(late(&wire, "confirm", WINDOW), 0, "{:?}", wire.lines());
            let ledger = world.sandbox.ledger();
            assert_eq!(ledger.taken("o"), if executed { 1000 } else { 0 });
            let payment = world.gateway.payment(&order("o")).await.unwrap();
            assert_eq!(payment.status == Status::Paid, executed, "{payment:?}");
            assert!(world.gateway.doubts(9).await.unwrap().is_empty());
            // What was not executed is dead at the provider too: the key could execute anew, and the intent cannot.
            if !executed {
                let intent = world.sandbox.object(&world.sandbox.intents()[0]).unwrap();
                assert_eq!(intent["status"], "canceled");
            }
        }
    });
}

#[test]
fn a_refund_and_a_capture_are_not_sent_again_after_the_window() {
    on_virtual_time(async {
        for executed in [true, false] {
            let fault = if executed { Fault::CloseAfter } else { Fault::CloseBefore };
            let (world, wire) = wired(7);
            world.gateway.charge(card("r"), call()).await.unwrap();
            world.sandbox.faults().script_in(Scope::Changing, [fault; 60]);
            let refund = Refund::new(order("r"), RefundNo::new("1").unwrap(), eur(300));
            assert_eq!(fate(&world.gateway.refund(refund, call()).await), Fate::Unknown);
            wire.cut(true);
            hours(&world, 30).await;
            wire.cut(false);
            world.sandbox.faults().none();
            hours(&world, 12).await;
            assert_eq!(late(&wire, "/v1/refunds", WINDOW), 0, "executed: {executed}");
            assert_eq!(world.sandbox.ledger().refunded("r"), if executed { 300 } else { 0 });

            let (world, wire) = wired(8);
            world.gateway.charge(card("c").capture_later(), call()).await.unwrap();
            world.sandbox.faults().script_in(Scope::Changing, [fault; 60]);
            let capture = Capture::new(order("c"), CaptureNo::new("1").unwrap(), eur(700));
            assert_eq!(fate(&world.gateway.capture(capture, call()).await), Fate::Unknown);
            wire.cut(true);
            hours(&world, 30).await;
            wire.cut(false);
            world.sandbox.faults().none();
            hours(&world, 12).await;
            assert_eq!(late(&wire, "/capture", WINDOW), 0, "executed: {executed}");
            assert_eq!(world.sandbox.ledger().taken("c"), if executed { 700 } else { 0 });
            let payment = world.gateway.payment(&order("c")).await.unwrap();
            assert_eq!(payment.captured.minor(), world.sandbox.ledger().taken("c"), "{payment:?}");
            assert!(world.gateway.doubts(9).await.unwrap().is_empty(), "executed: {executed}");
        }
    });
}

#[test]
fn a_capture_whose_key_keeps_a_failure_is_free_to_be_asked_for_again_when_the_key_is_dead() {
    on_virtual_time(async {
        let (world, _) = wired(9);
        world.gateway.charge(card("c").capture_later(), call()).await.unwrap();
        world.sandbox.faults().script_in(Scope::matching("POST", "/v1/payment_intents/*/capture"), [Fault::ErrorBefore]);
        let capture = || Capture::new(order("c"), CaptureNo::new("1").unwrap(), eur(700));
        assert_eq!(fate(&world.gateway.capture(capture(), call()).await), Fate::Unknown);
        hours(&world, 20).await;
        assert_eq!(world.gateway.doubts(9).await.unwrap().len(), 1, "a key that lives proves nothing yet");
        hours(&world, 6).await;
        assert!(world.gateway.doubts(9).await.unwrap().is_empty());
        world.gateway.capture(capture(), call()).await.unwrap();
        assert_eq!(world.sandbox.ledger().taken("c"), 700);
    });
}
