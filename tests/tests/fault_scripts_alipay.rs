//! Laws 1 to 4 over Alipay: all fault scripts against every operation, wrong signatures and wrong nodes among them.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::time::Duration;

use paysluice::adapter::{Cancel, Charge, Method, Surface};
use paysluice::gateway::{Call, PaymentChannel};
use paysluice::model::{ErrorKind, Fate, Status};
use paysluice_sandbox::{AlipayConfig, Fault, SandboxConfig};
use paysluice_tests::scanning::{Payer, Shop};
use paysluice_tests::scripts::{FAULTS, all, insist};
use paysluice_tests::{Channel, Setup, World, call, fate, on_virtual_time, order, yuan};

const SHOP: Shop = Shop {
    order: "order_1",
    code: "2812345678901234",
    opens: |sandbox, order| sandbox.alipay().payer_opens(order).map(drop),
    begins: |sandbox, order| sandbox.alipay().payer_begins(order).map(drop),
    pays: |sandbox, order| sandbox.alipay().payer_pays(order).map(drop),
    orders: |sandbox| sandbox.alipay().trades().len(),
};

/// What can happen beside to an answer in a signed node, and what is said though it is not so.
const NODE_FAULTS: [Fault; 7] = [
    Fault::BadSignature,
    Fault::OtherKey,
    Fault::Unsigned,
    Fault::OtherNode,
    Fault::DoubledNode,
    Fault::OtherOrder,
    Fault::ErrorBefore,
];

fn keys() -> Setup {
    Setup { channel: Channel::Alipay, ..Setup::default() }
}

fn certificates() -> Setup {
    Setup { channel: Channel::AlipayByCertificates, ..Setup::default() }
}

fn faults() -> Vec<Fault> {
    FAULTS.into_iter().chain(NODE_FAULTS).collect()
}

#[test]
fn an_order_under_every_script_is_made_once_and_paid_once() {
    all(&FAULTS, 3, keys, async |world, script| SHOP.order_under(world, script, call()).await);
    all(&faults(), 2, certificates, async |world, script| SHOP.order_under(world, script, call()).await);
}

#[test]
fn a_barcode_under_every_script_is_charged_at_most_once_and_told_truly() {
    all(&FAULTS, 4, keys, async |world, script| SHOP.barcode_under(world, script, call(), "00").await);
    all(&faults(), 3, keys, async |world, script| SHOP.barcode_under(world, script, call(), "00").await);
    all(&faults(), 2, certificates, async |world, script| SHOP.barcode_under(world, script, call(), "00").await);
}

#[test]
fn a_barcode_of_each_ending_ends_in_one_truth() {
    for last in ["11", "12", "13", "14", "15", "16", "17", "21", "22", "23", "24", "25", "26"] {
        all(&faults(), 2, keys, async |world, script| SHOP.barcode_under(world, script, call(), last).await);
    }
}

#[test]
fn a_refund_under_every_script_gives_back_at_most_once() {
    all(&FAULTS, 4, keys, async |world, script| SHOP.refund_under(world, script, call()).await);
    all(&faults(), 2, certificates, async |world, script| SHOP.refund_under(world, script, call()).await);
}

#[test]
fn a_close_under_every_script_ends_in_one_truth_also_while_the_payer_pays() {
    all(&FAULTS, 3, keys, async |world, script| SHOP.close_under(world, script, Payer::Away).await);
    all(&faults(), 2, keys, async |world, script| SHOP.close_under(world, script, Payer::Typing).await);
}

#[test]
fn a_reversal_under_every_script_leaves_nothing_taken() {
    all(&faults(), 3, keys, async |world, script| SHOP.reverse_under(world, script).await);
}

/// Nothing closes what nobody has opened: whoever is told so may be paid until the time that he is told.
#[test]
fn a_close_of_what_nobody_has_opened_never_says_that_it_is_closed() {
    for method in [Method::Qr, Method::App, Method::Redirect(Surface::Web)] {
        all(&faults(), 2, keys, async |world, script| {
            let charge = Charge::new(order(SHOP.order), yuan(1000), method.clone()).return_url("https://shop.example/");
            world.gateway.charge(charge, call()).await.unwrap();
            world.sandbox.faults().script(script.to_vec());
            let told = world.gateway.cancel(Cancel::new(order(SHOP.order)), call()).await;
            let context = format!("{method:?} {script:?}: {told:?}");
            assert_ne!(fate(&told), Fate::Applied, "{context}");
            world.sandbox.faults().none();
            let again = insist(world, || world.gateway.cancel(Cancel::new(order(SHOP.order)), call())).await;
            assert!(again.is_err_and(|error| error.kind() != ErrorKind::AlreadyDone), "{context}");
            world.let_time_pass().await;
            let payment = SHOP.agrees(world, &context).await;
            assert!(matches!(payment.status, Status::Expired | Status::Canceled), "{context}: {payment:?}");
            assert_eq!(world.sandbox.ledger().taken(SHOP.order), 0, "{context}");
        });
    }
}

/// A caller who leaves early ends the loop in the middle of its doubts.
#[test]
fn a_caller_in_a_hurry_is_told_the_truth_too() {
    let hurried = Call::within(Duration::from_millis(400));
    all(&FAULTS, 3, keys, async |world, script| SHOP.barcode_under(world, script, hurried, "00").await);
    all(&FAULTS, 3, keys, async |world, script| SHOP.refund_under(world, script, hurried).await);
    all(&FAULTS, 3, keys, async |world, script| SHOP.order_under(world, script, hurried).await);
}

/// The order was paid under its code before the shop asked once more: the error says so, and the row learns how.
#[test]
fn an_order_that_is_paid_already_is_found_paid() {
    on_virtual_time(async {
        let world = World::with(keys());
        world.sandbox.faults().script([Fault::Truncated; 30]);
        world.gateway.charge(SHOP.scanned(), call()).await.unwrap_err();
        world.sandbox.faults().none();
        world.sandbox.alipay().payer_pays(SHOP.order).unwrap();
        let told = insist(&world, || world.gateway.charge(SHOP.scanned(), call())).await.unwrap_err();
        assert_eq!((told.kind(), told.fate()), (ErrorKind::AlreadyDone, Fate::Applied));
        world.let_time_pass().await;
        assert_eq!(SHOP.agrees(&world, "paid").await.status, Status::Paid);
    });
}

/// The answer asks for the same reversal again (`retry_flag` `Y`), and nothing was done yet.
#[test]
fn a_reversal_that_is_to_be_repeated_is_repeated_until_it_is_done() {
    all(&faults(), 2, keys, async |world, script| {
        let charge = SHOP.at_the_counter("00").description("sandbox:cancel-retry");
        world.gateway.charge(charge, call()).await.unwrap();
        world.sandbox.faults().script(script.to_vec());
        let reverse = paysluice::adapter::Reverse::new(order(SHOP.order), paysluice::model::RefundNo::new("v-1").unwrap());
        let told = world.gateway.reverse(reverse, call()).await;
        world.let_time_pass().await;
        let context = format!("{script:?}: {told:?}");
        SHOP.agrees(world, &context).await;
        assert_eq!(world.sandbox.ledger().refunded(SHOP.order), 1000, "{context}");
    });
}

/// A payer's code that runs out soon, and a slow gateway: nothing is charged after its time.
#[test]
fn orders_whose_window_is_short_end_in_one_truth() {
    let soon = || {
        let alipay = AlipayConfig { password_time: Duration::from_secs(70), ..AlipayConfig::default() };
        Setup { sandbox: SandboxConfig { alipay, ..SandboxConfig::default() }, ..keys() }
    };
    for last in ["11", "17"] {
        all(&faults(), 2, soon, async |world, script| SHOP.barcode_under(world, script, call(), last).await);
    }
}
