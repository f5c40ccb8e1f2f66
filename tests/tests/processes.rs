//! Laws 1 and 6 with several processes on one store: one sender, one charge, the same told to all.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::sync::Arc;
use std::time::Duration;

use paysluice::adapter::{Capture, Refund};
use paysluice::env::Env;
use paysluice::gateway::{Call, Gateway, PaymentChannel};
use paysluice::model::{CaptureNo, Fate, RefundNo, Status};
use paysluice::store::Store;
use paysluice_sandbox::{Fault, FaultTable, Sandbox, SandboxConfig, Scope};
use paysluice_sqlite::{Options, SqliteStore};
use paysluice_tests::wire::{Hang, Wire};
use paysluice_tests::{Parts, World, call, card, eur, fate, gateway_over, on_virtual_time, order};

/// A process whose wire can hang.
fn pausable(world: &World) -> (Gateway, Arc<Wire>) {
    let wire = Wire::new(&world.env, world.sandbox.transport());
    let gateway = gateway_over(&world.env, &world.sandbox, wire.clone(), &world.store, Parts::default());
    (gateway, wire)
}

#[test]
fn the_same_order_charged_from_two_processes_is_one_charge_told_to_both() {
    for seed in 0..40_u64 {
        on_virtual_time(async {
            let world = World::quiet(seed);
            let other = world.second_process();
            let pause = Duration::from_millis(seed * 3);
            let (here, there) = tokio::join!(world.gateway.charge(card("o"), call()), async {
                world.env.sleep(pause).await;
                other.charge(card("o"), call()).await
            });
            let (here, there) = (here.unwrap().value, there.unwrap().value);
            assert_eq!((&here.status, &here.provider_id), (&there.status, &there.provider_id), "{seed}");
            assert_eq!((world.sandbox.ledger().charges("o"), world.sandbox.intents().len()), (1, 1), "{seed}");
        });
    }
}

#[test]
fn ten_callers_in_three_processes_capture_and_refund_once() {
    on_virtual_time(async {
        let world = World::quiet(2);
        let gateways = [world.gateway.clone(), world.second_process(), world.second_process()];
        world.gateway.charge(card("o").capture_later(), call()).await.unwrap();
        let capture = Capture::new(order("o"), CaptureNo::new("c").unwrap(), eur(900));
        let refund = Refund::new(order("o"), RefundNo::new("r").unwrap(), eur(400));
        let captures = (0..10).map(|n| gateways[n % 3].capture(capture.clone(), call()));
        for told in futures_util::future::join_all(captures).await {
            assert_eq!(told.unwrap().value.captured, eur(900));
        }
        let refunds = (0..10).map(|n| gateways[n % 3].refund(refund.clone(), call()));
        for told in futures_util::future::join_all(refunds).await {
            assert_eq!(fate(&told), Fate::Applied, "{told:?}");
        }
        // Other numbers that together ask for more than is left: as many as fit.
        let more = (0..10).map(|n| {
            let refund = Refund::new(order("o"), RefundNo::new(format!("m{n}")).unwrap(), eur(200));
            gateways[n % 3].refund(refund, call())
        });
        let told = futures_util::future::join_all(more).await;
        assert_eq!(told.iter().filter(|told| told.is_ok()).count(), 2, "{told:?}");
        assert_eq!((world.sandbox.ledger().taken("o"), world.sandbox.ledger().refunded("o")), (900, 800));
        assert!(world.sandbox.ledger().audit().is_empty());
    });
}

#[test]
fn a_process_paused_in_mid_send_and_one_that_resolves_charge_once() {
    for what in ["POST /v1/payment_intents", "/confirm"] {
        for sent in [true, false] {
            on_virtual_time(async {
                let world = World::quiet(5);
                let (paused, wire) = pausable(&world);
                wire.hang(what, Hang { time: Duration::from_secs(300), sent });
                let context = format!("hangs at {what}, sent {sent}");
                let told = paused.charge(card("o"), call()).await;
                assert_eq!(fate(&told), Fate::Unknown, "{context}: {told:?}");
                let began = wire.lines().len();
                // Its send's own time (30 s) and the grace are over; the other process takes over.
                for _ in 0..12 {
                    world.sleep(10).await;
                    world.gateway.resolve_due().await.unwrap();
                }
                let resolved = world.gateway.charge(card("o"), call()).await;
                assert_eq!(fate(&resolved), Fate::Applied, "{context}: {resolved:?}");
                // The paused one wakes up, with an answer that was lost, and finds the world moved on.
                world.sleep(400).await;
                assert_eq!(wire.lines().len(), began, "{context}: a stale sender sent: {:?}", wire.lines());
                world.let_time_pass().await;
                let ledger = world.sandbox.ledger();
                assert_eq!((ledger.charges("o"), ledger.taken("o")), (1, 1000), "{context}");
                let payment = world.gateway.payment(&order("o")).await.unwrap();
                assert_eq!((payment.status, payment.captured), (Status::Paid, eur(1000)), "{context}");
                assert!(world.gateway.doubts(9).await.unwrap().is_empty(), "{context}");
            });
        }
    }
}

#[test]
fn a_lost_confirm_is_resolved_by_either_process_but_once() {
    on_virtual_time(async {
        for seed in 0..20 {
            let world = World::quiet(seed);
            let other = world.second_process();
            world.sandbox.faults().script_in(Scope::matching("POST", "/v1/payment_intents/*/confirm"), [Fault::CloseAfter; 12]);
            assert_eq!(fate(&world.gateway.charge(card("o"), call()).await), Fate::Unknown);
            world.sandbox.faults().none();
            for _ in 0..10 {
                world.sleep(10).await;
                let (here, there) = tokio::join!(world.gateway.resolve_due(), other.resolve_due());
                assert!(here.unwrap() + there.unwrap() <= 1, "{seed}: both claimed it");
            }
            assert_eq!(other.payment(&order("o")).await.unwrap().status, Status::Paid, "{seed}");
            assert_eq!(world.sandbox.ledger().charges("o"), 1);
        }
    });
}

/// Real time, for SQLite's threads and locks are the point.
#[test]
fn two_processes_on_one_sqlite_file_charge_each_order_once() {
    for inline in [true, false] {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let env = Env::system();
            let config = SandboxConfig { latency: Duration::from_millis(4), ..SandboxConfig::default() };
            let sandbox = Sandbox::new(env.clone(), config);
            let quick = FaultTable {
                requests: vec![(Fault::Refuse, 60), (Fault::TooMany { retry_after_s: 0 }, 40)],
                ..FaultTable::default()
            };
            sandbox.faults().random(7, quick);
            let folder = tempfile::tempdir().unwrap();
            let open = || -> Arc<dyn Store> {
                let options = Options { inline, ..Options::default() };
                Arc::new(SqliteStore::open(folder.path().join("payments.db"), env.clock().clone(), options).unwrap())
            };
            let gateway = |store: Arc<dyn Store>| gateway_over(&env, &sandbox, sandbox.transport(), &store, Parts::default());
            let (one, two) = (gateway(open()), gateway(open()));
            let orders: Vec<String> = (0..20).map(|n| format!("o{n}")).collect();
            let charges = orders.iter().map(|no| async {
                let patient = Call::within(Duration::from_secs(15));
                tokio::join!(one.charge(card(no), patient), two.charge(card(no), patient))
            });
            for (no, (here, there)) in orders.iter().zip(futures_util::future::join_all(charges).await) {
                let context = format!("inline {inline}, {no}: {here:?} {there:?}");
                assert!(sandbox.ledger().charges(no) <= 1, "{context}");
                for told in [here, there] {
                    assert_eq!(fate(&told) == Fate::Applied, sandbox.ledger().taken(no) == 1000, "{context}");
                }
            }
            assert!(sandbox.ledger().audit().is_empty());
        });
    }
}
