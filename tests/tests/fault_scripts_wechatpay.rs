//! Laws 1 to 4 over WeChat Pay: all fault scripts against every operation, answers with wrong signatures among them.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::time::Duration;

use paysluice::adapter::{Cancel, Charge, Method, Query, Refund, Reverse};
use paysluice::gateway::{Call, PaymentChannel};
use paysluice::model::{Error, ErrorKind, Fate, Payment, RefundNo, Status};
use paysluice_sandbox::{Fault, SandboxConfig, Scope, WechatPayConfig};
use paysluice_tests::scripts::{FAULTS, SIGNED_FAULTS, all, insist};
use paysluice_tests::{Channel, Setup, World, call, fate, on_virtual_time, order, yuan};

/// WeChat Pay takes it verbatim as its own number.
const ORDER: &str = "order-1";

fn by(method: Method) -> Charge {
    Charge::new(order(ORDER), yuan(1000), method).description("tea")
}

fn scanned() -> Charge {
    by(Method::Qr)
}

fn at_the_counter(last: &str) -> Charge {
    by(Method::Barcode(format!("1012345678901234{last}")))
}

fn public_key() -> Setup {
    Setup { channel: Channel::WechatPay, ..Setup::default() }
}

fn certificates() -> Setup {
    Setup { channel: Channel::WechatPayByCertificates, ..Setup::default() }
}

fn faults() -> Vec<Fault> {
    FAULTS.into_iter().chain(SIGNED_FAULTS).collect()
}

async fn paid(world: &World) {
    world.gateway.charge(scanned(), call()).await.unwrap();
    world.sandbox.wechatpay().payer_pays(ORDER).unwrap();
    let payment = world.gateway.query(Query::new(order(ORDER)), call()).await.unwrap();
    assert_eq!(payment.value.status, Status::Paid);
    world.env.sleep(Duration::from_secs(60)).await;
}

/// The store agrees with the ledger, and nothing is left in doubt.
async fn agrees(world: &World, context: &str) -> Payment {
    let ledger = world.sandbox.ledger();
    assert!(ledger.charges(ORDER) <= 1 && ledger.audit().is_empty(), "{context}: {:?}", ledger.audit());
    let doubts = world.gateway.doubts(10).await.unwrap();
    assert!(doubts.is_empty(), "{context}: {doubts:?}");
    let payment = world.gateway.payment(&order(ORDER)).await.unwrap();
    let given: i64 = payment.refunds.iter().filter(|part| part.status.holds_money()).map(|part| part.money.minor()).sum();
    assert_eq!(given, ledger.refunded(ORDER), "{context}: {payment:?}");
    payment
}

async fn order_under(world: &World, script: &[Fault], patience: Call) {
    world.sandbox.faults().script(script.to_vec());
    let told = world.gateway.charge(scanned(), patience).await;
    let context = format!("{script:?}: {told:?}");
    // An order that nobody was shown takes no money: it is made, it is not, or it is still being made.
    let flies = told.as_ref().is_err_and(|error| error.kind() == ErrorKind::InFlight);
    assert!(fate(&told) != Fate::Unknown || flies, "{context}");
    world.env.sleep(Duration::from_secs(200)).await;
    world.sandbox.faults().none();
    let again = insist(world, || world.gateway.charge(scanned(), call())).await.unwrap().value;
    assert_eq!(again.status, Status::AwaitingPayer, "{context}");
    assert!(again.next_action.is_some(), "{context}");
    assert_eq!(world.sandbox.wechatpay().orders().len(), 1, "{context}");
    world.sandbox.wechatpay().payer_pays(ORDER).unwrap();
    world.let_time_pass().await;
    assert_eq!(agrees(world, &context).await.status, Status::Paid, "{context}");
}

#[test]
fn an_order_under_every_script_is_made_once_and_paid_once() {
    all(&FAULTS, 3, public_key, async |world, script| order_under(world, script, call()).await);
    all(&faults(), 2, certificates, async |world, script| order_under(world, script, call()).await);
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
        let told = world.gateway.charge(scanned(), call()).await.unwrap_err();
        assert_eq!((told.fate(), world.sandbox.wechatpay().orders().len()), (Fate::NotApplied, 2), "{told}");
        // A second draft would say another time, and WeChat Pay refuse it under this number for good.
        world.sleep(1).await;
        let made = insist(&world, || world.gateway.charge(scanned(), call())).await.unwrap().value;
        assert_eq!((made.status, world.sandbox.wechatpay().orders().len()), (Status::AwaitingPayer, 2));
    });
}

async fn barcode_under(world: &World, script: &[Fault], patience: Call, last: &str) {
    world.sandbox.faults().script(script.to_vec());
    let told = world.gateway.charge(at_the_counter(last), patience).await;
    let context = format!("{last} {script:?}: {told:?}");
    let waits = told.as_ref().is_ok_and(|answer| answer.value.status == Status::AwaitingPayer);
    world.env.sleep(Duration::from_secs(200)).await;
    let taken = world.sandbox.ledger().taken(ORDER);
    match fate(&told) {
        Fate::NotApplied => assert_eq!(taken, 0, "{context}"),
        Fate::Applied if !waits => assert_eq!(taken, 1000, "{context}"),
        Fate::Applied | Fate::Unknown => {}
    }
    world.let_time_pass().await;
    let kept = world.sandbox.ledger().taken(ORDER) - world.sandbox.ledger().refunded(ORDER);
    if fate(&told) == Fate::NotApplied {
        assert_eq!(kept, 0, "{context}: charged afterwards");
        return;
    }
    let payment = agrees(world, &context).await;
    assert_eq!(payment.status == Status::Paid && payment.refunded.is_zero(), kept == 1000, "{context}: {payment:?}");
}

#[test]
fn a_barcode_under_every_script_is_charged_at_most_once_and_told_truly() {
    all(&FAULTS, 4, public_key, async |world, script| barcode_under(world, script, call(), "00").await);
    all(&faults(), 3, public_key, async |world, script| barcode_under(world, script, call(), "00").await);
}

#[test]
fn a_barcode_whose_payer_types_a_password_ends_in_one_truth() {
    for last in ["11", "12", "13", "14", "21", "23"] {
        all(&faults(), 2, public_key, async |world, script| barcode_under(world, script, call(), last).await);
    }
}

async fn refund_under(world: &World, script: &[Fault], patience: Call) {
    paid(world).await;
    world.sandbox.faults().script(script.to_vec());
    let refund = || Refund::new(order(ORDER), RefundNo::new("r-1").unwrap(), yuan(300));
    let told = world.gateway.refund(refund(), patience).await;
    let context = format!("{script:?}: {told:?}");
    world.env.sleep(Duration::from_secs(200)).await;
    let refunded = || world.sandbox.ledger().refunded(ORDER);
    match fate(&told) {
        Fate::NotApplied => assert_eq!(refunded(), 0, "{context}"),
        Fate::Applied => assert_eq!(refunded(), 300, "{context}"),
        Fate::Unknown => {}
    }
    world.let_time_pass().await;
    if fate(&told) == Fate::NotApplied {
        assert_eq!(refunded(), 0, "{context}: refunded afterwards");
        world.sandbox.faults().none();
        let again = insist(world, || world.gateway.refund(refund(), call())).await;
        assert_eq!(fate(&again), Fate::Applied, "{context} then {again:?}");
    }
    world.let_time_pass().await;
    assert!(matches!(refunded(), 0 | 300), "{context}");
    agrees(world, &context).await;
}

#[test]
fn a_refund_under_every_script_gives_back_at_most_once() {
    all(&FAULTS, 4, public_key, async |world, script| refund_under(world, script, call()).await);
    all(&faults(), 2, certificates, async |world, script| refund_under(world, script, call()).await);
}

/// Who pays while the order is being closed.
#[derive(Clone, Copy, Debug)]
enum Payer {
    Away,
    Typing,
}

async fn close_under(world: &World, script: &[Fault], payer: Payer) {
    world.gateway.charge(scanned(), call()).await.unwrap();
    if matches!(payer, Payer::Typing) {
        world.sandbox.wechatpay().payer_begins(ORDER).unwrap();
    }
    world.sandbox.faults().script(script.to_vec());
    let told: Result<_, Error> = world.gateway.cancel(Cancel::new(order(ORDER)), call()).await;
    let context = format!("{payer:?} {script:?}: {told:?}");
    world.env.sleep(Duration::from_secs(200)).await;
    match fate(&told) {
        Fate::NotApplied => assert_eq!(world.sandbox.ledger().taken(ORDER), 1000, "{context}"),
        Fate::Applied => assert_eq!(world.sandbox.ledger().taken(ORDER), 0, "{context}"),
        Fate::Unknown => {}
    }
    world.let_time_pass().await;
    // Whoever comes now comes too late, or the order was not closed.
    let late = world.sandbox.wechatpay().payer_pays(ORDER);
    let payment = agrees(world, &context).await;
    match payment.status {
        Status::Canceled => assert!(late.is_err(), "{context}: canceled, and paid all the same"),
        Status::Paid => assert_eq!(world.sandbox.ledger().taken(ORDER), 1000, "{context}"),
        other => panic!("{context}: {other}"),
    }
}

#[test]
fn a_close_under_every_script_ends_in_one_truth_also_while_the_payer_pays() {
    all(&FAULTS, 3, public_key, async |world, script| close_under(world, script, Payer::Away).await);
    all(&faults(), 2, public_key, async |world, script| close_under(world, script, Payer::Typing).await);
}

#[test]
fn a_reversal_under_every_script_leaves_nothing_taken() {
    all(&faults(), 3, public_key, async |world, script| {
        world.gateway.charge(at_the_counter("00"), call()).await.unwrap();
        world.sandbox.faults().script(script.to_vec());
        let reverse = Reverse::new(order(ORDER), RefundNo::new("v-1").unwrap());
        let told = world.gateway.reverse(reverse, call()).await;
        let context = format!("{script:?}: {told:?}");
        world.env.sleep(Duration::from_secs(200)).await;
        let kept = || world.sandbox.ledger().taken(ORDER) - world.sandbox.ledger().refunded(ORDER);
        match fate(&told) {
            Fate::NotApplied => assert_eq!(kept(), 1000, "{context}"),
            Fate::Applied => assert_eq!(kept(), 0, "{context}"),
            Fate::Unknown => {}
        }
        world.let_time_pass().await;
        agrees(world, &context).await;
        assert!(fate(&told) == Fate::NotApplied || kept() == 0, "{context}");
    });
}

/// A caller who leaves early ends the loop in the middle of its doubts.
#[test]
fn a_caller_in_a_hurry_is_told_the_truth_too() {
    let hurried = Call::within(Duration::from_millis(400));
    all(&FAULTS, 3, public_key, async |world, script| barcode_under(world, script, hurried, "00").await);
    all(&FAULTS, 3, public_key, async |world, script| refund_under(world, script, hurried).await);
    all(&FAULTS, 3, public_key, async |world, script| order_under(world, script, hurried).await);
}

/// The order was paid under its code before the shop asked once more: the error says so, and the row learns how.
#[test]
fn an_order_that_is_paid_already_is_found_paid() {
    paysluice_tests::on_virtual_time(async {
        let world = World::with(public_key());
        let shown = Fault::Truncated;
        world.sandbox.faults().script([shown; 30]);
        world.gateway.charge(scanned(), call()).await.unwrap_err();
        world.sandbox.faults().none();
        world.sandbox.wechatpay().payer_pays(ORDER).unwrap();
        let told = insist(&world, || world.gateway.charge(scanned(), call())).await.unwrap_err();
        assert_eq!((told.kind(), told.fate()), (ErrorKind::AlreadyDone, Fate::Applied));
        world.let_time_pass().await;
        assert_eq!(agrees(&world, "paid").await.status, Status::Paid);
    });
}
