//! Tests of applying: the same twice, the stale, the late.

use super::*;
use crate::adapter::Seed;
use crate::gateway::verdict::Told;
use crate::model::{Currency, Error, ErrorKind, IdempotencyKey, OrderNo, ProviderNo};

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::parse("EUR").unwrap()).unwrap()
}

fn seed(number: &str) -> Seed {
    let key = IdempotencyKey::new("k").unwrap();
    Seed { number: ProviderNo::new(number).unwrap(), key, born: std::time::SystemTime::UNIX_EPOCH }
}

/// An order of 1.00 EUR with one attempt that has captured nothing, and a refund reserved.
fn order() -> Order {
    let mut order = Order::new(OrderNo::new("a").unwrap(), eur(100));
    order.attempts.push(Attempt::new(AttemptNo::FIRST, seed("a"), "token", eur(100)));
    order
}

fn statuses() -> Vec<Status> {
    use Status::{Authorized, AwaitingPayer, Canceled, Declined, Expired, Paid, Processing, Unrecognized};
    vec![AwaitingPayer, Processing, Authorized, Paid, Declined, Canceled, Expired, Unrecognized("odd".to_owned())]
}

/// Observations of all kinds.
fn sights() -> Vec<Seen> {
    let part = |no: &str, minor, status| SeenPart {
        number: Some(no.to_owned()),
        id: Some(format!("id_{no}")),
        money: Some(eur(minor)),
        status,
        reason: None,
    };
    let mut all = Vec::new();
    for status in statuses() {
        for (money, captured, refunded) in [(100, 0, 0), (100, 100, 0), (100, 100, 60), (90, 90, 0)] {
            let refunds = match refunded {
                0 => Vec::new(),
                _ => vec![part("r", 60, PartStatus::Succeeded)],
            };
            all.push(Seen {
                money: Some(eur(money)),
                captured: Some(eur(captured)),
                refunded: Some(eur(refunded)),
                refs: Refs::new().with("payment", "p1"),
                refunds,
                ..Seen::status(status.clone())
            });
        }
    }
    all.push(Seen { refunds: vec![part("r", 60, PartStatus::Failed)], ..Seen::default() });
    all.push(Seen { refs: Refs::new().with("payment", "other"), ..Seen::status(Status::Paid) });
    all
}

fn seen_by(order: &mut Order, seen: &Seen, by: By) -> Applied {
    apply(order, AttemptNo::FIRST, "payment", seen, by.into())
}

fn body(order: &Order) -> String {
    serde_json::to_string(order).unwrap()
}

#[test]
fn applying_the_same_again_changes_nothing() {
    for first in sights() {
        for second in sights() {
            let mut order = order();
            let _ = seen_by(&mut order, &first, By::Answer);
            let _ = seen_by(&mut order, &second, By::Callback);
            let before = body(&order);
            let again = seen_by(&mut order, &second, By::Callback);
            assert_eq!((again.changes, again.dirty), (vec![], false), "{first:?} {second:?}");
            assert_eq!(before, body(&order));
        }
    }
}

#[test]
fn what_is_told_moves_the_version_and_what_is_not_does_not() {
    for first in sights() {
        for second in sights() {
            let mut order = order();
            let _ = seen_by(&mut order, &first, By::Answer);
            let (before, version) = (body(&order), order.version);
            let applied = seen_by(&mut order, &second, By::Callback);
            let changed = body(&order) != before;
            assert!(applied.changes.is_empty() || changed, "{first:?} {second:?} {applied:?}");
            assert_eq!(changed, order.version > version, "{first:?} {second:?} {applied:?}");
        }
    }
}

#[test]
fn old_news_never_takes_money_back() {
    for late in sights() {
        let mut order = order();
        let paid = Seen { captured: Some(eur(100)), refs: Refs::new().with("payment", "p1"), ..Seen::status(Status::Paid) };
        let _ = seen_by(&mut order, &paid, By::Answer);
        let _ = seen_by(&mut order, &late, By::Callback);
        let attempt = &order.attempts[0];
        assert_eq!((attempt.status.clone(), attempt.captured), (Some(Status::Paid), eur(100)), "{late:?}");
    }
}

#[test]
fn a_turn_back_is_believed_of_a_question_put_to_the_order_as_it_stands() {
    let mut order = order();
    let _ = seen_by(&mut order, &Seen::status(Status::Paid), By::Answer);
    let back = Seen::status(Status::Authorized);
    assert!(seen_by(&mut order, &back, By::Callback).ask_first);
    let stale = Light { by: By::Query, asked: Some(order.version - 1) };
    assert!(!apply(&mut order, AttemptNo::FIRST, "payment", &back, stale).dirty);
    let now = Light { by: By::Query, asked: Some(order.version) };
    let applied = apply(&mut order, AttemptNo::FIRST, "payment", &back, now);
    assert_eq!(applied.changes[0].0, ToldChange::Reversed(Reversal::CaptureFailed));
}

#[test]
fn money_on_a_charge_that_was_given_up_is_late() {
    let mut order = order();
    release(&mut order, AttemptNo::FIRST, &Told::of(&Error::new(ErrorKind::Unreachable, "x")));
    let applied = seen_by(&mut order, &Seen::status(Status::Paid), By::Callback);
    assert_eq!(applied.changes[0].0, ToldChange::Reversed(Reversal::LateSuccess));
    assert_eq!(order.attempts[0].blocked, Some(Block::LateSuccess));
}

#[test]
fn a_refund_that_fails_lowers_the_total_by_itself_and_no_more() {
    let mut order = order();
    let reserved = |no: &str, minor| Part { status: PartStatus::Succeeded, ..Part::reserved(no, &seed(no), eur(minor)) };
    order.attempts[0].refunds = vec![reserved("r", 60), reserved("s", 30)];
    order.attempts[0].refunded = eur(90);
    let failed = sights().into_iter().find(|seen| seen.status.is_none()).unwrap();
    assert!(seen_by(&mut order, &failed, By::Callback).dirty);
    assert_eq!(order.attempts[0].refunded, eur(30));
    assert!(!seen_by(&mut order, &failed, By::Callback).dirty);
    assert_eq!(order.attempts[0].refunded, eur(30));
}

#[test]
fn a_total_from_before_a_refund_failed_is_asked_about_first() {
    let mut order = order();
    let reserved = |no: &str, minor| Part { status: PartStatus::Succeeded, ..Part::reserved(no, &seed(no), eur(minor)) };
    order.attempts[0].refunds = vec![reserved("r", 60)];
    order.attempts[0].refunded = eur(60);
    let failed = sights().into_iter().find(|seen| seen.status.is_none()).unwrap();
    seen_by(&mut order, &failed, By::Callback);
    let late = Seen { refunded: Some(eur(60)), ..Seen::default() };
    assert!(seen_by(&mut order, &late, By::Callback).ask_first);
    assert_eq!(order.attempts[0].refunded, eur(0));
    let light = Light { by: By::Query, asked: Some(order.version) };
    assert!(apply(&mut order, AttemptNo::FIRST, "payment", &late, light).dirty, "a fresh answer is believed");
    assert_eq!(order.attempts[0].refunded, eur(60));
}

#[test]
fn the_answer_to_our_own_send_stands_against_a_payment_that_a_callback_dug_up() {
    let mut order = order();
    let of = |id: &str, status: Option<Status>| Seen { status, refs: Refs::new().with("payment", id), ..Seen::default() };
    seen_by(&mut order, &of("given_up", None), By::Callback);
    seen_by(&mut order, &of("ours", Some(Status::Paid)), By::Answer);
    let attempt = order.attempt(AttemptNo::FIRST).unwrap();
    let stands = (attempt.status.clone(), attempt.refs.get("payment"), attempt.blocked.clone());
    assert_eq!(stands, (Some(Status::Paid), Some("ours"), None));
    seen_by(&mut order, &of("given_up", Some(Status::Canceled)), By::Callback);
    assert_eq!(order.attempt(AttemptNo::FIRST).unwrap().status, Some(Status::Paid));
}

#[test]
fn money_on_two_payments_of_one_attempt_is_told() {
    let mut order = order();
    let paid = |id: &str| Seen { refs: Refs::new().with("payment", id), ..Seen::status(Status::Paid) };
    seen_by(&mut order, &paid("first"), By::Callback);
    let applied = seen_by(&mut order, &paid("second"), By::Answer);
    assert_eq!(applied.changes, [(ToldChange::DuplicatePaid, "former".to_owned())]);
}
