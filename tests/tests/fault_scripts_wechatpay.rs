//! Laws 1 to 4 over WeChat Pay: all fault scripts against every operation, answers with wrong signatures among them.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::time::Duration;

use paysluice::adapter::{Charge, Method};
use paysluice::gateway::{Call, PaymentChannel};
use paysluice::model::{ErrorKind, Fate, Status};
use paysluice_sandbox::{Fault, SandboxConfig, Scope, WechatPayConfig};
use paysluice_tests::scanning::{Payer, Shop};
use paysluice_tests::scripts::{FAULTS, SIGNED_FAULTS, all, insist};
use paysluice_tests::{Channel, Setup, World, call, on_virtual_time, order, yuan};

const SHOP: Shop = Shop {
    order: "order-1",
    code: "1012345678901234",
    opens: |_, _| Ok(()),
    begins: |sandbox, order| sandbox.wechatpay().payer_begins(order).map(drop),
    pays: |sandbox, order| sandbox.wechatpay().payer_pays(order).map(drop),
    orders: |sandbox| sandbox.wechatpay().orders().len(),
};

fn public_key() -> Setup {
    Setup { channel: Channel::WechatPay, ..Setup::default() }
}

fn certificates() -> Setup {
    Setup { channel: Channel::WechatPayByCertificates, ..Setup::default() }
}

fn faults() -> Vec<Fault> {
    FAULTS.into_iter().chain(SIGNED_FAULTS).collect()
}

#[test]
fn an_order_under_every_script_is_made_once_and_paid_once() {
    all(&FAULTS, 3, public_key, async |world, script| SHOP.order_under(world, script, call()).await);
    all(&faults(), 2, certificates, async |world, script| SHOP.order_under(world, script, call()).await);
}

/// The platform's certificate is replaced, and the fetch of the new one is lost: the answers of that moment prove nothing.
#[test]
fn an_order_whose_answer_could_not_be_verified_is_made_by_the_same_bytes() {
    on_virtual_time(async {
        let wechatpay = WechatPayConfig { rotation_notice: Duration::ZERO, ..WechatPayConfig::default() };
        let sandbox = SandboxConfig { wechatpay, ..SandboxConfig::default() };
        let world = World::with(Setup { sandbox, ..certificates() });
        world.gateway.charge(Charge::new(order("order-0"), yuan(1000), Method::Qr), call()).await.unwrap();
        world.sandbox.wechatpay().rotate_certificate();
        world.sandbox.faults().script_in(Scope::matching("GET", "/v3/certificates"), [Fault::CloseAfter]);
        let told = world.gateway.charge(SHOP.scanned(), call()).await.unwrap_err();
        assert_eq!((told.fate(), world.sandbox.wechatpay().orders().len()), (Fate::NotApplied, 2), "{told}");
        // A second draft would say another time, and WeChat Pay refuse it under this number for good.
        world.sleep(1).await;
        let made = insist(&world, || world.gateway.charge(SHOP.scanned(), call())).await.unwrap().value;
        assert_eq!((made.status, world.sandbox.wechatpay().orders().len()), (Status::AwaitingPayer, 2));
    });
}

#[test]
fn a_barcode_under_every_script_is_charged_at_most_once_and_told_truly() {
    all(&FAULTS, 4, public_key, async |world, script| SHOP.barcode_under(world, script, call(), "00").await);
    all(&faults(), 3, public_key, async |world, script| SHOP.barcode_under(world, script, call(), "00").await);
}

#[test]
fn a_barcode_whose_payer_types_a_password_ends_in_one_truth() {
    for last in ["11", "12", "13", "14", "21", "23"] {
        all(&faults(), 2, public_key, async |world, script| SHOP.barcode_under(world, script, call(), last).await);
    }
}

#[test]
fn a_refund_under_every_script_gives_back_at_most_once() {
    all(&FAULTS, 4, public_key, async |world, script| SHOP.refund_under(world, script, call()).await);
    all(&faults(), 2, certificates, async |world, script| SHOP.refund_under(world, script, call()).await);
}

#[test]
fn a_close_under_every_script_ends_in_one_truth_also_while_the_payer_pays() {
    all(&FAULTS, 3, public_key, async |world, script| SHOP.close_under(world, script, Payer::Away).await);
    all(&faults(), 2, public_key, async |world, script| SHOP.close_under(world, script, Payer::Typing).await);
}

#[test]
fn a_reversal_under_every_script_leaves_nothing_taken() {
    all(&faults(), 3, public_key, async |world, script| SHOP.reverse_under(world, script).await);
}

/// A caller who leaves early ends the loop in the middle of its doubts.
#[test]
fn a_caller_in_a_hurry_is_told_the_truth_too() {
    let hurried = Call::within(Duration::from_millis(400));
    all(&FAULTS, 3, public_key, async |world, script| SHOP.barcode_under(world, script, hurried, "00").await);
    all(&FAULTS, 3, public_key, async |world, script| SHOP.refund_under(world, script, hurried).await);
    all(&FAULTS, 3, public_key, async |world, script| SHOP.order_under(world, script, hurried).await);
}

/// The order was paid under its code before the shop asked once more: the error says so, and the row learns how.
#[test]
fn an_order_that_is_paid_already_is_found_paid() {
    paysluice_tests::on_virtual_time(async {
        let world = World::with(public_key());
        let shown = Fault::Truncated;
        world.sandbox.faults().script([shown; 30]);
        world.gateway.charge(SHOP.scanned(), call()).await.unwrap_err();
        world.sandbox.faults().none();
        world.sandbox.wechatpay().payer_pays(SHOP.order).unwrap();
        let told = insist(&world, || world.gateway.charge(SHOP.scanned(), call())).await.unwrap_err();
        assert_eq!((told.kind(), told.fate()), (ErrorKind::AlreadyDone, Fate::Applied));
        world.let_time_pass().await;
        assert_eq!(SHOP.agrees(&world, "paid").await.status, Status::Paid);
    });
}
