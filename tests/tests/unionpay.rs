//! UnionPay behind the gateway, before the sandbox: forms that nobody closes, codes that are asked about, refunds that are only accepted.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::sync::{Arc, Mutex};
use std::time::UNIX_EPOCH;

use paysluice::adapter::{Cancel, Charge, Method, Query, Refund, Reply, Request, Reverse, Surface};
use paysluice::env::{BoxFuture, Env};
use paysluice::gateway::PaymentChannel;
use paysluice::model::{AttemptNo, ErrorKind, Fate, Money, PartStatus, RefundNo, Status};
use paysluice::transport::{Limits, Transport, TransportError};
use paysluice_sandbox::{Fault, Scope};
use paysluice_tests::payer::opens;
use paysluice_tests::{Channel, START, Setup, World, Wrap, call, on_virtual_time, order};

/// A world that works by itself, and hears notices.
fn living(seed: u64) -> World {
    let world = deaf(seed);
    world.hears();
    world
}

/// A world that works by itself, and hears none.
fn deaf(seed: u64) -> World {
    World::with(Setup { channel: Channel::UnionPay, seed, background: true, ..Setup::default() })
}

fn cny(text: &str) -> Money {
    text.parse().unwrap()
}

fn charge(no: &str, method: Method) -> Charge {
    Charge::new(order(no), cny("12.34 CNY"), method)
}

fn scanned(no: &str, last: &str) -> Charge {
    charge(no, Method::Barcode(format!("62234567890123{last}")))
}

fn refund(no: &str, number: &str, money: &str) -> Refund {
    Refund::new(order(no), RefundNo::new(number).unwrap(), cny(money))
}

async fn stands(world: &World, no: &str) -> (Status, Money, Money) {
    let payment = world.gateway.query(Query::new(order(no)), call()).await.unwrap().value;
    (payment.status, payment.captured, payment.refunded)
}

/// What the bank has taken and given back, in fen.
fn books(world: &World, no: &str) -> (i64, i64) {
    (world.sandbox.ledger().taken(no), world.sandbox.ledger().refunded(no))
}

/// The types of the trades that gave money back, or were to.
fn back(world: &World) -> Vec<String> {
    world.sandbox.unionpay().trades().into_iter().map(|(_, _, kind)| kind).filter(|kind| kind != "01").collect()
}

async fn paid(world: &World, no: &str) {
    let payment = world.gateway.charge(charge(no, Method::Qr), call()).await.unwrap().value;
    let shown = opens(world, &payment).await;
    world.sandbox.unionpay().payer_pays(&shown).unwrap();
    world.sleep(5).await;
    assert_eq!(stands(world, no).await.0, Status::Paid);
}

#[test]
fn every_way_to_pay_ends_with_the_money_told_by_a_notice() {
    on_virtual_time(async {
        let world = living(1);
        for (no, method) in [
            ("order0web", Method::Redirect(Surface::Web)),
            ("order0wap", Method::Redirect(Surface::Wap)),
            ("order0app", Method::App),
            ("order0qr0", Method::Qr),
        ] {
            let payment = world.gateway.charge(charge(no, method), call()).await.unwrap().value;
            let shown = opens(&world, &payment).await;
            assert_eq!(stands(&world, no).await.0, Status::AwaitingPayer, "{no}");
            world.sandbox.unionpay().payer_pays(&shown).unwrap();
            world.sleep(5).await;
            // Nobody has asked: the notice said so.
            let known = world.gateway.payment(&order(no)).await.unwrap();
            assert_eq!((known.status, known.captured), (Status::Paid, cny("12.34 CNY")), "{no}");
            assert_eq!(books(&world, no), (1234, 0), "{no}");
        }
        assert_eq!(world.sandbox.callbacks().counts().accepted, 4);
    });
}

#[test]
fn what_no_notice_tells_is_found_by_asking() {
    on_virtual_time(async {
        let world = deaf(13);
        for (no, method) in [("order0web", Method::Redirect(Surface::Web)), ("order0app", Method::App)] {
            let payment = world.gateway.charge(charge(no, method), call()).await.unwrap().value;
            let shown = opens(&world, &payment).await;
            world.sandbox.unionpay().payer_fails(&shown).unwrap();
            world.sleep(60).await;
            world.sandbox.unionpay().payer_pays(&shown).unwrap();
            world.sleep(600).await;
            assert_eq!(world.gateway.payment(&order(no)).await.unwrap().status, Status::Paid, "{no}");
        }
        world.gateway.refund(refund("order0web", "refund01", "5.00 CNY"), call()).await.unwrap();
        world.sleep(60).await;
        assert_eq!(world.gateway.payment(&order("order0web")).await.unwrap().refunded, cny("5.00 CNY"));
        let payment = world.gateway.charge(charge("order0002", Method::Redirect(Surface::Wap)), call()).await.unwrap().value;
        world.sandbox.unionpay().payer_fails(&opens(&world, &payment).await).unwrap();
        world.sleep(1300).await;
        assert_eq!(world.gateway.payment(&order("order0002")).await.unwrap().status, Status::Declined, "tried, and left");
    });
}

#[test]
fn a_form_is_shown_again_and_a_failed_try_leaves_it_payable() {
    on_virtual_time(async {
        let world = living(2);
        let first = world.gateway.charge(charge("order0001", Method::Redirect(Surface::Web)), call()).await.unwrap().value;
        let shown = opens(&world, &first).await;
        world.sandbox.unionpay().payer_fails(&shown).unwrap();
        assert_eq!(stands(&world, "order0001").await.0, Status::AwaitingPayer);
        let again = world.gateway.charge(charge("order0001", Method::Redirect(Surface::Web)), call()).await.unwrap().value;
        assert_eq!(opens(&world, &again).await, shown, "the same form leads to the same order");
        world.sandbox.unionpay().payer_pays(&shown).unwrap();
        world.sleep(5).await;
        assert_eq!(stands(&world, "order0001").await.0, Status::Paid);
        assert_eq!(books(&world, "order0001"), (1234, 0));
    });
}

#[test]
fn a_scanned_code_ends_in_one_truth_whatever_its_answer_was() {
    on_virtual_time(async {
        for (last, told, end, kept) in [
            ("00", Fate::Applied, Status::Paid, 1234),
            ("11", Fate::Applied, Status::Paid, 1234),
            ("12", Fate::Applied, Status::Declined, 0),
            ("13", Fate::Applied, Status::Canceled, 0),
            ("14", Fate::Unknown, Status::Paid, 1234),
            ("16", Fate::Applied, Status::Paid, 1234),
            ("21", Fate::NotApplied, Status::Declined, 0),
            ("24", Fate::NotApplied, Status::Declined, 0),
            ("31", Fate::Unknown, Status::Paid, 1234),
            ("32", Fate::Unknown, Status::Paid, 1234),
            ("33", Fate::Unknown, Status::Canceled, 0),
            ("34", Fate::Unknown, Status::Canceled, 0),
        ] {
            let world = living(3);
            let answer = world.gateway.charge(scanned("order0001", last), call()).await;
            // 03 and 04 may be asked about within the call: then it knows.
            let fate = paysluice_tests::fate(&answer);
            assert!(fate == told || told == Fate::Unknown && fate == Fate::Applied, "{last}: {answer:?}");
            world.sleep(1200).await;
            let (status, captured, _) = stands(&world, "order0001").await;
            assert_eq!((&status, captured.minor() > 0), (&end, end == Status::Paid), "{last}");
            let (taken, returned) = books(&world, "order0001");
            assert_eq!(taken - returned, kept, "{last}");
            assert!(world.gateway.doubts(9).await.unwrap().is_empty(), "{last}");
        }
    });
}

#[test]
fn all_the_money_goes_back_by_a_revoke_within_the_clearing_day_and_by_a_refund_after_it() {
    on_virtual_time(async {
        for (wait, kind) in [(0, "31"), (3600, "04")] {
            let world = living(4);
            paid(&world, "order0001").await;
            // The clearing day ends 47 minutes after the worlds begin.
            world.sleep(wait).await;
            let told = world.gateway.refund(refund("order0001", "refund01", "12.34 CNY"), call()).await.unwrap().value;
            assert_eq!((told.refunds[0].status.clone(), books(&world, "order0001").1), (PartStatus::Pending, 0), "accepted only");
            world.sleep(30).await;
            assert_eq!(stands(&world, "order0001").await, (Status::Paid, cny("12.34 CNY"), cny("12.34 CNY")));
            assert_eq!((books(&world, "order0001"), back(&world)), ((1234, 1234), vec![kind.to_owned()]));
        }
    });
}

#[test]
fn parts_go_back_under_their_own_numbers_and_never_more_than_was_paid() {
    on_virtual_time(async {
        let world = living(5);
        paid(&world, "order0001").await;
        for (number, money) in [("refund01", "2.00 CNY"), ("r-2", "3.00 CNY"), ("refund03", "7.34 CNY")] {
            world.gateway.refund(refund("order0001", number, money), call()).await.unwrap();
            world.sleep(10).await;
        }
        assert_eq!(stands(&world, "order0001").await, (Status::Paid, cny("12.34 CNY"), cny("12.34 CNY")));
        assert_eq!((books(&world, "order0001"), back(&world)), ((1234, 1234), vec!["04".to_owned(); 3]));
        world.gateway.refund(refund("order0001", "refund04", "0.01 CNY"), call()).await.unwrap_err();
        assert_eq!(back(&world).len(), 3, "nothing was sent");
    });
}

#[test]
fn a_refund_that_fails_at_its_end_gives_its_money_free_again() {
    on_virtual_time(async {
        let world = living(6);
        paid(&world, "order0001").await;
        world.sandbox.unionpay().refunds_fail(true);
        world.gateway.refund(refund("order0001", "refund01", "5.00 CNY"), call()).await.unwrap();
        world.sleep(30).await;
        let payment = world.gateway.payment(&order("order0001")).await.unwrap();
        assert_eq!((payment.refunds[0].status.clone(), payment.refunded), (PartStatus::Failed, cny("0.00 CNY")));
        world.sandbox.unionpay().refunds_fail(false);
        world.gateway.refund(refund("order0001", "refund02", "12.34 CNY"), call()).await.unwrap();
        world.sleep(30).await;
        assert_eq!(books(&world, "order0001"), (1234, 1234));
        assert_eq!(stands(&world, "order0001").await.2, cny("12.34 CNY"));
    });
}

#[test]
fn what_is_not_known_is_reversed_and_what_is_paid_is_revoked() {
    on_virtual_time(async {
        for (last, kind) in [("13", "none"), ("00", "31")] {
            let world = living(7);
            world.gateway.charge(scanned("order0001", last), call()).await.unwrap();
            world.sleep(10).await;
            let reverse = Reverse::new(order("order0001"), RefundNo::new("reverse1").unwrap());
            world.gateway.reverse(reverse, call()).await.unwrap();
            world.sleep(60).await;
            let (taken, returned) = books(&world, "order0001");
            assert_eq!(taken, returned, "{last}");
            assert_eq!(back(&world).first().map_or("none", String::as_str), kind);
            assert!(world.gateway.doubts(9).await.unwrap().is_empty(), "{last}");
        }
    });
}

#[test]
fn an_order_that_nobody_pays_ends_with_its_time_and_the_next_attempt_is_another() {
    on_virtual_time(async {
        let world = living(8);
        for (no, method) in [("order0web", Method::Redirect(Surface::Web)), ("order0qr0", Method::Qr)] {
            let first = world.gateway.charge(charge(no, method.clone()), call()).await.unwrap().value;
            let second = || charge(no, Method::Qr).attempt(AttemptNo::new(2).unwrap());
            let error = world.gateway.charge(second(), call()).await.unwrap_err();
            assert_eq!((error.kind(), error.until()), (ErrorKind::StillPayable, first.next_action.unwrap().expires_at));
            assert_eq!(world.gateway.cancel(Cancel::new(order(no)), call()).await.unwrap_err().fate(), Fate::NotApplied);
            world.sleep(1300).await;
            assert_eq!(stands(&world, no).await.0, Status::Expired, "{no}");
            let next = world.gateway.charge(second(), call()).await.unwrap().value;
            let shown = opens(&world, &next).await;
            world.sandbox.unionpay().payer_pays(&shown).unwrap();
            world.sleep(5).await;
            assert_eq!(stands(&world, no).await.0, Status::Paid, "{no}");
        }
    });
}

/// The way to the bank, with the minutes at which questions went over it.
#[derive(Debug)]
struct Watched(Arc<dyn Transport>, Env, Arc<Mutex<Vec<u64>>>);

impl Transport for Watched {
    fn send(&self, request: Request, limits: Limits) -> BoxFuture<'_, Result<Reply, TransportError>> {
        if request.url.ends_with("/queryTrans.do") {
            let since = self.1.wall().duration_since(UNIX_EPOCH + START).unwrap();
            self.2.lock().unwrap().push(since.as_secs() / 60);
        }
        self.0.send(request, limits)
    }
}

#[test]
fn a_form_that_nobody_opens_is_looked_at_in_unionpays_own_cadence() {
    on_virtual_time(async {
        let looks = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&looks);
        let wire: Wrap<dyn Transport> = Box::new(move |env, inner| Arc::new(Watched(inner, env.clone(), kept)));
        let world = World::with(Setup { channel: Channel::UnionPay, background: true, wire: Some(wire), ..Setup::default() });
        world.gateway.charge(charge("order0001", Method::Redirect(Surface::Web)), call()).await.unwrap();
        world.sleep(7200).await;
        assert_eq!(*looks.lock().unwrap(), [5, 10, 15, 21], "the last found that its time was over");
    });
}

#[test]
fn a_success_that_came_too_late_is_told_as_none_and_goes_back_by_itself() {
    on_virtual_time(async {
        let world = living(9);
        let late = charge("order0001", Method::Redirect(Surface::Web)).description("sandbox:late");
        let payment = world.gateway.charge(late, call()).await.unwrap().value;
        opens(&world, &payment).await;
        world.sleep(10).await;
        assert_eq!(stands(&world, "order0001").await.0, Status::Processing, "the payer is at the bank");
        world.sleep(1300).await;
        assert_eq!(books(&world, "order0001"), (1234, 0), "42");
        assert_eq!(stands(&world, "order0001").await.0, Status::Declined);
        world.sleep(6 * 24 * 3600).await;
        assert_eq!(books(&world, "order0001"), (1234, 1234));
    });
}

#[test]
fn a_refund_that_never_arrived_is_free_again_when_its_time_is_stale() {
    on_virtual_time(async {
        let world = living(10);
        paid(&world, "order0001").await;
        world.sandbox.faults().script_in(Scope::matching("POST", "/gateway/api/backTransReq.do"), [Fault::CloseBefore]);
        let told = world.gateway.refund(refund("order0001", "refund01", "5.00 CNY"), call()).await.unwrap_err();
        assert_eq!(told.fate(), Fate::Unknown);
        world.sleep(600).await;
        let told = world.gateway.refund(refund("order0001", "refund01", "5.00 CNY"), call()).await.unwrap_err();
        assert_eq!(told.fate(), Fate::Unknown, "it may still arrive");
        world.sleep(1200).await;
        assert!(world.gateway.doubts(9).await.unwrap().is_empty());
        world.gateway.refund(refund("order0001", "refund01", "5.00 CNY"), call()).await.unwrap();
        world.sleep(30).await;
        assert_eq!((books(&world, "order0001"), stands(&world, "order0001").await.2), ((1234, 500), cny("5.00 CNY")));
    });
}

#[test]
fn a_refusal_under_a_stale_time_is_not_applied_and_the_order_is_made_anew() {
    on_virtual_time(async {
        let world = living(11);
        // Two hours in which nothing reaches the bank.
        world.sandbox.faults().script([Fault::Refuse; 40]);
        let told = world.gateway.charge(charge("order0001", Method::Qr), call()).await.unwrap_err();
        assert_eq!(told.fate(), Fate::NotApplied);
        world.sleep(7200).await;
        world.sandbox.faults().none();
        world.sleep(60).await;
        let payment = world.gateway.charge(charge("order0001", Method::Qr), call()).await.unwrap().value;
        let shown = opens(&world, &payment).await;
        world.sandbox.unionpay().payer_pays(&shown).unwrap();
        world.sleep(5).await;
        assert_eq!(stands(&world, "order0001").await.0, Status::Paid);
    });
}

#[test]
fn forged_notices_are_refused_and_one_under_a_new_certificate_is_believed() {
    on_virtual_time(async {
        use paysluice_sandbox::CallbackFault::{BadSignature, OtherName, OtherSecret, OutOfTime};
        let world = living(12);
        world.sandbox.faults().script_callbacks([OtherName, OutOfTime, OtherSecret, BadSignature]);
        world.sandbox.unionpay().renew_certificate();
        for no in ["order0001", "order0002", "order0003", "order0004", "order0005"] {
            let before = world.sandbox.callbacks().deliveries().len();
            paid(&world, no).await;
            world.sleep(60).await;
            // The first of each is forged, all that follow it are not.
            let statuses: Vec<_> = world.sandbox.callbacks().deliveries()[before..].iter().map(|told| told.status).collect();
            let expected = if no == "order0005" { vec![Some(200)] } else { vec![Some(400), Some(200)] };
            assert_eq!(statuses, expected, "{no}");
        }
    });
}
