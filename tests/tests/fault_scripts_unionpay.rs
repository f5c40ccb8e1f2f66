//! Laws 1 to 4 over UnionPay: all fault scripts against every operation, answers of the wrong signer among them.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::time::Duration;

use paysluice::adapter::{Charge, Method, Query, Reverse, Surface};
use paysluice::gateway::{Call, PaymentChannel};
use paysluice::model::{AttemptNo, ErrorKind, Fate, RefundNo, Status};
use paysluice_sandbox::Fault;
use paysluice_tests::payer::opens;
use paysluice_tests::scanning::Shop;
use paysluice_tests::scripts::{FAULTS, SIGNED_FAULTS, all, insist};
use paysluice_tests::{Channel, Setup, World, call, fate, on_virtual_time, order, yuan};

const ORDER: &str = "order0001";

const SHOP: Shop = Shop {
    order: ORDER,
    code: "62234567890123",
    opens: |_, _| Ok(()),
    begins: |sandbox, order| sandbox.unionpay().payer_begins(order),
    pays: |sandbox, order| sandbox.unionpay().payer_pays(order).map(drop),
    orders: |sandbox| sandbox.unionpay().trades().len(),
};

/// What the certificate inside of each message adds: genuine ones of another owner, and of another time; and what a rightly signed
/// answer about another trade does.
const OF_CERTIFICATES: [Fault; 3] = [Fault::OtherName, Fault::OutOfTime, Fault::OtherOrder];

fn by(method: Method) -> Charge {
    Charge::new(order(ORDER), yuan(1000), method).description("tea")
}

fn setup() -> Setup {
    Setup { channel: Channel::UnionPay, ..Setup::default() }
}

fn faults() -> Vec<Fault> {
    FAULTS.into_iter().chain(SIGNED_FAULTS).chain(OF_CERTIFICATES).collect()
}

/// An order for the app or a QR code takes no money until its payer is shown something: it is made, it is not, or it is being made.
/// One whose answer was lost stands in the way of its number, which UnionPay takes once a day: the next attempt has another.
async fn order_under(world: &World, script: &[Fault], patience: Call, method: &Method) {
    world.sandbox.faults().script(script.to_vec());
    let told = world.gateway.charge(by(method.clone()), patience).await;
    let context = format!("{method:?} {script:?}: {told:?}");
    let flies = told.as_ref().is_err_and(|error| error.kind() == ErrorKind::InFlight);
    assert!(fate(&told) != Fate::Unknown || flies, "{context}");
    world.env.sleep(Duration::from_secs(200)).await;
    world.sandbox.faults().none();
    let again = match insist(world, || world.gateway.charge(by(method.clone()), call())).await {
        Err(error) if error.kind() == ErrorKind::Conflict => {
            let next = || by(method.clone()).attempt(AttemptNo::FIRST.next());
            insist(world, || world.gateway.charge(next(), call())).await
        }
        told => told,
    };
    let again = again.unwrap_or_else(|error| panic!("{context}, then {error:?}")).value;
    assert_eq!(again.status, Status::AwaitingPayer, "{context}");
    let shown = opens(world, &again).await;
    world.sandbox.unionpay().payer_pays(&shown).unwrap();
    world.let_time_pass().await;
    let (ledger, payment) = (world.sandbox.ledger(), world.gateway.payment(&order(ORDER)).await.unwrap());
    assert_eq!((payment.status, payment.captured), (Status::Paid, yuan(1000)), "{context}");
    assert_eq!((ledger.entries().len(), ledger.audit().len()), (1, 0), "{context}");
    assert!(world.gateway.doubts(10).await.unwrap().is_empty(), "{context}");
}

#[test]
fn an_order_under_every_script_is_made_for_one_payment() {
    all(&FAULTS, 3, setup, async |world, script| order_under(world, script, call(), &Method::Qr).await);
    all(&faults(), 2, setup, async |world, script| order_under(world, script, call(), &Method::App).await);
}

/// What the payer does with a form.
#[derive(Clone, Copy, Debug)]
enum Payer {
    Away,
    Pays,
    Retries,
    Late,
}

async fn form_under(world: &World, script: &[Fault], payer: Payer) {
    let charge = || {
        let words = if matches!(payer, Payer::Late) { "sandbox:late" } else { "tea" };
        by(Method::Redirect(Surface::Web)).description(words)
    };
    let payment = world.gateway.charge(charge(), call()).await.unwrap().value;
    let face = world.sandbox.unionpay();
    if !matches!(payer, Payer::Away) {
        let shown = opens(world, &payment).await;
        if matches!(payer, Payer::Retries) {
            face.payer_fails(&shown).unwrap();
        }
        if matches!(payer, Payer::Pays | Payer::Retries) {
            face.payer_pays(&shown).unwrap();
        }
    }
    world.sandbox.faults().script(script.to_vec());
    let told = world.gateway.query(Query::new(order(ORDER)), call()).await;
    let context = format!("{payer:?} {script:?}: {told:?}");
    let again = world.gateway.charge(charge(), call()).await;
    assert!(again.is_ok(), "{context}: shown again, or paid: {again:?}");
    world.let_time_pass().await;
    let (payment, ledger) = (world.gateway.payment(&order(ORDER)).await.unwrap(), world.sandbox.ledger());
    assert!(ledger.charges(ORDER) <= 1 && ledger.audit().is_empty(), "{context}");
    assert!(world.gateway.doubts(10).await.unwrap().is_empty(), "{context}");
    let (status, taken) = match payer {
        Payer::Away => (Status::Expired, 0),
        Payer::Pays | Payer::Retries => (Status::Paid, 1000),
        // It goes back by itself: that nobody is told.
        Payer::Late => (Status::Declined, 1000),
    };
    assert_eq!((payment.status, ledger.taken(ORDER)), (status, taken), "{context}");
}

#[test]
fn a_form_whose_questions_meet_every_script_ends_in_one_truth_whatever_its_payer_does() {
    for payer in [Payer::Away, Payer::Pays, Payer::Retries, Payer::Late] {
        all(&faults(), 2, setup, async |world, script| form_under(world, script, payer).await);
    }
}

#[test]
fn a_barcode_under_every_script_is_charged_at_most_once_and_told_truly() {
    all(&faults(), 3, setup, async |world, script| SHOP.barcode_under(world, script, call(), "00").await);
}

#[test]
fn a_barcode_with_any_ending_ends_in_one_truth() {
    for last in ["11", "12", "13", "14", "16", "21", "31", "32", "33", "34"] {
        all(&faults(), 2, setup, async |world, script| SHOP.barcode_under(world, script, call(), last).await);
    }
}

/// A part goes back as a refund, all of it as a revoke: the worlds begin within the clearing day.
#[test]
fn a_refund_under_every_script_gives_back_at_most_once() {
    all(&FAULTS, 3, setup, async |world, script| SHOP.refund_of_under(world, script, call(), 300).await);
    all(&faults(), 2, setup, async |world, script| SHOP.refund_of_under(world, script, call(), 300).await);
    all(&faults(), 2, setup, async |world, script| SHOP.refund_of_under(world, script, call(), 1000).await);
}

/// What is known of the payment when it is to be taken back.
#[derive(Clone, Copy, Debug)]
enum Known {
    Accepted,
    Paid,
    Working,
}

async fn reversal_under(world: &World, script: &[Fault], known: Known) {
    let last = if matches!(known, Known::Working) { "13" } else { "00" };
    world.gateway.charge(SHOP.at_the_counter(last), call()).await.unwrap();
    if matches!(known, Known::Paid) {
        world.gateway.query(Query::new(order(ORDER)), call()).await.unwrap();
    }
    world.sandbox.faults().script(script.to_vec());
    let reverse = || world.gateway.reverse(Reverse::new(order(ORDER), RefundNo::new("v-1").unwrap()), call());
    let told = reverse().await;
    let context = format!("{known:?} {script:?}: {told:?}");
    world.env.sleep(Duration::from_secs(200)).await;
    let kept = || SHOP.kept(world);
    match fate(&told) {
        Fate::NotApplied => assert_eq!(kept() == 1000, !matches!(known, Known::Working), "{context}"),
        Fate::Applied => assert_eq!(kept(), 0, "{context}"),
        Fate::Unknown => {}
    }
    world.let_time_pass().await;
    SHOP.agrees(world, &context).await;
    if fate(&told) == Fate::Unknown && matches!(known, Known::Paid) && kept() > 0 {
        // A revoke is never sent twice by itself. It did not arrive: whoever asks again has it.
        world.sandbox.faults().none();
        insist(world, reverse).await.unwrap();
        world.let_time_pass().await;
        SHOP.agrees(world, &context).await;
    }
    assert!(fate(&told) == Fate::NotApplied || kept() == 0, "{context}: {}", kept());
}

#[test]
fn a_reversal_under_every_script_leaves_nothing_taken() {
    for known in [Known::Accepted, Known::Paid, Known::Working] {
        all(&faults(), 2, setup, async |world, script| reversal_under(world, script, known).await);
    }
}

/// A caller who leaves early ends the loop in the middle of its doubts.
#[test]
fn a_caller_in_a_hurry_is_told_the_truth_too() {
    let hurried = Call::within(Duration::from_millis(400));
    all(&FAULTS, 3, setup, async |world, script| SHOP.barcode_under(world, script, hurried, "00").await);
    all(&FAULTS, 2, setup, async |world, script| SHOP.barcode_under(world, script, hurried, "33").await);
    all(&FAULTS, 3, setup, async |world, script| SHOP.refund_of_under(world, script, hurried, 300).await);
    all(&FAULTS, 2, setup, async |world, script| order_under(world, script, hurried, &Method::Qr).await);
}

/// The payer's browser may carry the same form again, and be told so; it never makes a second order.
#[test]
fn a_form_that_the_browser_posts_twice_is_one_order() {
    on_virtual_time(async {
        let world = World::with(setup());
        let payment = world.gateway.charge(by(Method::Redirect(Surface::Wap)), call()).await.unwrap().value;
        let (one, other) = (opens(&world, &payment).await, opens(&world, &payment).await);
        assert_eq!((one, world.sandbox.unionpay().trades().len()), (other, 1));
    });
}
