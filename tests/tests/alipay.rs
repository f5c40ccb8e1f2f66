//! Alipay's adapter and the sandbox's Alipay, which were written apart: every product is paid, ended, given back and told.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::sync::Arc;

use paysluice::adapter::{Cancel, Charge, Method, Query, QueryRefund, Refund, Reverse, Surface};
use paysluice::gateway::PaymentChannel;
use paysluice::model::{AttemptNo, ErrorKind, Fate, NextAction, PartStatus, Payment, RefundNo, Status};
use paysluice_sandbox::{AlipayConfig, AlipaySlashes, SandboxConfig};
use paysluice_tests::ear::Ear;
use paysluice_tests::{Channel, Setup, World, call, on_virtual_time, order, yuan};

/// Alipay takes it verbatim as its own number.
const ORDER: &str = "order_1";

const BOTH: [Channel; 2] = [Channel::Alipay, Channel::AlipayByCertificates];

fn by(method: Method) -> Charge {
    Charge::new(order(ORDER), yuan(1000), method).description("大乐透 + tea 100%").return_url("https://shop.example/back?a=b")
}

fn barcode(last: &str) -> Charge {
    by(Method::Barcode(format!("2812345678901234{last}")))
}

/// Every product whose payer acts on what he is shown.
fn shown() -> [Charge; 5] {
    [
        by(Method::Redirect(Surface::Web)),
        by(Method::Redirect(Surface::Wap)),
        by(Method::App),
        by(Method::Qr),
        by(Method::MiniProgram { payer: "2088102146225135".to_owned() }),
    ]
}

/// What the payer's browser, app or camera gets to see.
fn carried(payment: &Payment) -> String {
    match &payment.next_action.as_ref().unwrap().what {
        NextAction::Redirect(text) | NextAction::Qr(text) => text.clone(),
        NextAction::Invoke(parameters) => parameters.get("orderStr").cloned().unwrap_or_else(|| ORDER.to_owned()),
        other => panic!("{other:?}"),
    }
}

fn refund(number: &str, fen: i64) -> Refund {
    Refund::new(order(ORDER), RefundNo::new(number).unwrap(), yuan(fen))
}

async fn asked(world: &World) -> Payment {
    world.gateway.query(Query::new(order(ORDER)), call()).await.unwrap().value
}

/// A world that hears Alipay's notices.
fn hearing(channel: Channel, alipay: AlipayConfig) -> (World, Arc<Ear>) {
    let ear = Ear::new();
    let sandbox = SandboxConfig { alipay, ..SandboxConfig::default() };
    let world = World::with(Setup { channel, sandbox, background: true, handler: Some(ear.clone()), ..Setup::default() });
    world.hears();
    (world, ear)
}

#[test]
fn every_product_is_paid_by_its_payer_and_a_query_tells_it() {
    for channel in BOTH {
        for charge in shown() {
            on_virtual_time(async {
                let world = World::with(Setup { channel, ..Setup::default() });
                let context = format!("{channel:?} {}", charge.method.kind());
                let told = world.gateway.charge(charge, call()).await.unwrap().value;
                assert_eq!(told.status, Status::AwaitingPayer, "{context}");
                let waiting = asked(&world).await;
                assert_eq!((waiting.status, waiting.next_action.is_some()), (Status::AwaitingPayer, true), "{context}");
                world.sandbox.alipay().payer_opens(&carried(&told)).unwrap();
                assert_eq!(asked(&world).await.status, Status::AwaitingPayer, "{context}");
                world.sandbox.alipay().payer_pays(&carried(&told)).unwrap();
                let paid = asked(&world).await;
                assert_eq!((paid.status, paid.captured), (Status::Paid, yuan(1000)), "{context}");
                assert_eq!(world.sandbox.ledger().taken(ORDER), 1000, "{context}");
            });
        }
    }
}

#[test]
fn every_product_is_told_by_its_notice_and_every_refund_by_its_own() {
    for channel in BOTH {
        for charge in shown() {
            on_virtual_time(async {
                let (world, ear) = hearing(channel, AlipayConfig::default());
                let context = format!("{channel:?} {}", charge.method.kind());
                let told = world.gateway.charge(charge, call()).await.unwrap().value;
                world.sandbox.alipay().payer_pays(&carried(&told)).unwrap();
                world.sleep(3).await;
                // Long before anything is asked for.
                assert_eq!(ear.told_status(ORDER, &Status::Paid), 1, "{context}: {:?}", ear.heard());
                let part = world.gateway.refund(refund("r-1", 300), call()).await.unwrap().value;
                assert_eq!(part.refunded, yuan(300), "{context}");
                world.gateway.refund(refund("r-2", 700), call()).await.unwrap();
                world.sleep(3).await;
                let payment = world.gateway.payment(&order(ORDER)).await.unwrap();
                assert_eq!((&payment.status, payment.refunded), (&Status::Paid, yuan(1000)), "{context}");
                assert_eq!(payment.refunds.len(), 2, "{context}: {payment:?}");
                assert!(payment.refunds.iter().all(|part| part.status == PartStatus::Succeeded), "{context}: {payment:?}");
                // Closed says Alipay of what has all been given back; paid it was all the same.
                assert_eq!(world.sandbox.alipay().trade(ORDER).unwrap()["trade_status"], "TRADE_CLOSED", "{context}");
                assert_eq!(asked(&world).await.status, Status::Paid, "{context}");
                let counts = world.sandbox.callbacks().counts();
                assert!(counts.events >= 3 && counts.accepted == counts.events, "{context}: {counts:?}");
                assert!(world.gateway.dead_letters(9).await.unwrap().is_empty() && payment.blocked.is_none(), "{context}");
            });
        }
    }
}

#[test]
fn a_barcode_takes_the_money_at_once_or_when_the_password_is_there() {
    for channel in BOTH {
        on_virtual_time(async {
            let world = World::with(Setup { channel, ..Setup::default() });
            let told = world.gateway.charge(barcode("00"), call()).await.unwrap().value;
            assert_eq!((told.status, told.captured), (Status::Paid, yuan(1000)));
        });
        on_virtual_time(async {
            let (world, ear) = hearing(channel, AlipayConfig::default());
            let told = world.gateway.charge(barcode("11"), call()).await.unwrap().value;
            assert_eq!(told.status, Status::AwaitingPayer);
            world.sleep(15).await;
            assert_eq!(world.gateway.payment(&order(ORDER)).await.unwrap().status, Status::Paid);
            assert_eq!(ear.told_status(ORDER, &Status::Paid), 1);
        });
    }
}

/// The payer never types: after a minute of looking, what was begun is taken back.
#[test]
fn a_barcode_whose_payer_does_not_come_is_reversed_after_a_minute() {
    on_virtual_time(async {
        let (world, _) = hearing(Channel::Alipay, AlipayConfig::default());
        world.gateway.charge(barcode("13"), call()).await.unwrap();
        world.sleep(90).await;
        assert_eq!(world.gateway.payment(&order(ORDER)).await.unwrap().status, Status::Canceled);
        assert_eq!(world.sandbox.alipay().trade(ORDER).unwrap()["trade_status"], "TRADE_CLOSED");
    });
}

#[test]
fn what_a_barcode_is_refused_for_is_told_and_takes_nothing() {
    for last in ["21", "22", "23", "24", "25", "26"] {
        on_virtual_time(async {
            let world = World::with(Setup { channel: Channel::Alipay, ..Setup::default() });
            let refused = world.gateway.charge(barcode(last), call()).await.unwrap_err();
            // "Query, then try anew": the trade is there, and is taken back after a minute.
            let expected = match last {
                "25" | "26" => (ErrorKind::Doubtful, Fate::Unknown),
                _ => (ErrorKind::Declined, Fate::NotApplied),
            };
            assert_eq!((refused.kind(), refused.fate()), expected, "{last}: {refused}");
            world.let_time_pass().await;
            let payment = world.gateway.payment(&order(ORDER)).await.unwrap();
            assert!(matches!(payment.status, Status::Declined | Status::Canceled), "{last}: {payment:?}");
            assert!(world.gateway.doubts(9).await.unwrap().is_empty() && world.sandbox.ledger().taken(ORDER) == 0);
        });
    }
}

#[test]
fn a_cancel_closes_what_was_opened_and_says_of_the_rest_until_when_it_can_be_paid() {
    for channel in BOTH {
        for charge in shown() {
            on_virtual_time(async {
                let world = World::with(Setup { channel, ..Setup::default() });
                let context = format!("{channel:?} {}", charge.method.kind());
                let created = matches!(charge.method, Method::MiniProgram { .. });
                let told = world.gateway.charge(charge, call()).await.unwrap().value;
                if !created {
                    let early = world.gateway.cancel(Cancel::new(order(ORDER)), call()).await.unwrap_err();
                    assert_eq!(early.kind(), ErrorKind::StillPayable, "{context}: {early}");
                    assert_eq!(early.until(), told.next_action.as_ref().and_then(|action| action.expires_at), "{context}");
                }
                world.sandbox.alipay().payer_opens(&carried(&told)).unwrap();
                let canceled = world.gateway.cancel(Cancel::new(order(ORDER)), call()).await.unwrap().value;
                assert_eq!(canceled.status, Status::Canceled, "{context}");
                world.sandbox.alipay().payer_pays(&carried(&told)).unwrap_err();
                assert_eq!(world.sandbox.ledger().taken(ORDER), 0, "{context}");
            });
        }
    }
}

#[test]
fn what_nobody_has_opened_stays_payable_until_its_time() {
    for charge in [by(Method::Redirect(Surface::Web)), by(Method::App), by(Method::Qr)] {
        on_virtual_time(async {
            let (world, _) = hearing(Channel::Alipay, AlipayConfig::default());
            world.gateway.charge(charge.clone(), call()).await.unwrap();
            world.sleep(1500).await;
            assert_eq!(asked(&world).await.status, Status::AwaitingPayer);
            // Whoever cancels when its time is over need not wait for the next look.
            world.sleep(361).await;
            let over = world.gateway.cancel(Cancel::new(order(ORDER)), call()).await.unwrap().value;
            assert_eq!(over.status, Status::Expired);
            let second = barcode("00").attempt(AttemptNo::FIRST.next());
            assert_eq!(world.gateway.charge(second, call()).await.unwrap().value.status, Status::Paid);
        });
    }
}

#[test]
fn a_cancel_of_what_is_paid_comes_too_late_and_gives_nothing_back() {
    on_virtual_time(async {
        let world = World::with(Setup { channel: Channel::Alipay, ..Setup::default() });
        let told = world.gateway.charge(by(Method::Qr), call()).await.unwrap().value;
        world.sandbox.alipay().payer_pays(&carried(&told)).unwrap();
        let late = world.gateway.cancel(Cancel::new(order(ORDER)), call()).await.unwrap_err();
        assert_eq!(late.fate(), Fate::NotApplied, "{late}");
        world.let_time_pass().await;
        let payment = world.gateway.payment(&order(ORDER)).await.unwrap();
        assert_eq!((payment.status, payment.refunded, world.sandbox.ledger().taken(ORDER)), (Status::Paid, yuan(0), 1000));
    });
}

#[test]
fn a_reversal_gives_back_what_was_paid_and_closes_what_was_not() {
    for channel in BOTH {
        on_virtual_time(async {
            let world = World::with(Setup { channel, ..Setup::default() });
            world.gateway.charge(barcode("00"), call()).await.unwrap();
            let reverse = Reverse::new(order(ORDER), RefundNo::new("v-1").unwrap());
            let undone = world.gateway.reverse(reverse, call()).await.unwrap().value;
            assert_eq!((&undone.status, undone.refunded), (&Status::Paid, yuan(1000)), "{undone:?}");
            world.let_time_pass().await;
            // The trade is closed now, and had been paid: nothing of it is lost.
            let later = asked(&world).await;
            assert_eq!((later.status, later.captured, later.refunded), (Status::Paid, yuan(1000), yuan(1000)));
            assert_eq!(world.sandbox.ledger().refunded(ORDER), 1000);
        });
        on_virtual_time(async {
            let world = World::with(Setup { channel, ..Setup::default() });
            let told = world.gateway.charge(by(Method::Qr), call()).await.unwrap().value;
            world.sandbox.alipay().payer_opens(&carried(&told)).unwrap();
            let reverse = Reverse::new(order(ORDER), RefundNo::new("v-1").unwrap());
            assert_eq!(world.gateway.reverse(reverse, call()).await.unwrap().value.status, Status::Canceled);
        });
    }
}

#[test]
fn refunds_are_done_at_once_or_later_and_asked_for_by_their_number() {
    for (reason, soon) in [("size", true), ("sandbox:later", false)] {
        on_virtual_time(async {
            let (world, _) = hearing(Channel::AlipayByCertificates, AlipayConfig::default());
            world.gateway.charge(barcode("00"), call()).await.unwrap();
            let told = world.gateway.refund(refund("r-1", 300).reason(reason), call()).await;
            assert_eq!(told.is_ok(), soon, "{told:?}");
            world.sleep(60).await;
            let number = RefundNo::new("r-1").unwrap();
            let payment = world.gateway.query_refund(QueryRefund::new(order(ORDER), number), call()).await.unwrap().value;
            assert_eq!((payment.refunded, payment.refunds.len()), (yuan(300), 1), "{reason}: {payment:?}");
            assert_eq!(world.sandbox.ledger().refunded(ORDER), 300);
        });
    }
}

/// Alipay writes `/` as it likes, and signs either; a QR code is full of them.
#[test]
fn the_slashes_of_an_answer_may_be_written_in_any_way() {
    for slashes in [AlipaySlashes::Plain, AlipaySlashes::Escaped, AlipaySlashes::EscapedAfterSigning] {
        on_virtual_time(async {
            let (world, _) = hearing(Channel::Alipay, AlipayConfig { slashes, ..AlipayConfig::default() });
            let told = world.gateway.charge(by(Method::Qr), call()).await.unwrap().value;
            world.sandbox.alipay().payer_pays(&carried(&told)).unwrap();
            assert_eq!(asked(&world).await.status, Status::Paid, "{slashes:?}");
        });
    }
}

/// Without notice, as in truth: the new one is fetched by the first answer that names it. Notices name none, so that one of them
/// is refused until then, and comes again.
#[test]
fn a_new_certificate_of_alipays_is_fetched_and_a_forged_one_is_not_believed() {
    on_virtual_time(async {
        let (world, ear) = hearing(Channel::AlipayByCertificates, AlipayConfig::default());
        let told = world.gateway.charge(by(Method::Qr), call()).await.unwrap().value;
        world.sandbox.alipay().rotate_certificate();
        world.sandbox.alipay().payer_opens(&carried(&told)).unwrap();
        world.sleep(3).await;
        assert_eq!(world.sandbox.callbacks().counts().accepted, 0);
        assert_eq!(asked(&world).await.status, Status::AwaitingPayer);
        world.sandbox.alipay().payer_pays(&carried(&told)).unwrap();
        world.sleep(3).await;
        assert_eq!((ear.told_status(ORDER, &Status::Paid), world.sandbox.callbacks().counts().accepted), (1, 1));
        world.sandbox.alipay().rotate_to_forged_certificate();
        let told = world.gateway.refund(refund("r-1", 300), call()).await;
        assert!(told.as_ref().is_err_and(|error| error.fate() == Fate::Unknown), "{told:?}");
        world.sandbox.alipay().rotate_certificate();
        world.let_time_pass().await;
        let payment = world.gateway.payment(&order(ORDER)).await.unwrap();
        assert_eq!((payment.refunded, world.sandbox.ledger().refunded(ORDER)), (yuan(300), 300), "{payment:?}");
    });
}

/// What the payer's browser brings back is signed, and is no notice.
#[test]
fn what_a_browser_brings_back_books_nothing() {
    on_virtual_time(async {
        let world = World::with(Setup { channel: Channel::Alipay, ..Setup::default() });
        let told = world.gateway.charge(by(Method::Redirect(Surface::Web)), call()).await.unwrap().value;
        world.sandbox.alipay().payer_pays(&carried(&told)).unwrap();
        let back = world.sandbox.alipay().payer_returns(ORDER).unwrap();
        let form = back.split_once("a=b&").unwrap().1.to_owned();
        let request = paysluice::adapter::Request::new(http::Method::POST, "/callbacks/alipay").with_body(form);
        let request = request.header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded").unwrap();
        assert!(!world.gateway.receive(&request).await.reply.status.is_success());
        assert_eq!(world.gateway.payment(&order(ORDER)).await.unwrap().status, Status::AwaitingPayer);
    });
}
