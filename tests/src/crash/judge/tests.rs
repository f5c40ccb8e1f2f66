//! The judge tells lies from truths, and what is lost from what is not: a storm that finds nothing must have been able to.

use std::time::{Duration, UNIX_EPOCH};

use paysluice::env::Env;
use paysluice_sandbox::{Sandbox, SandboxConfig};

use super::*;
use crate::crash::orders::{Wish, orders};

fn entry(ms: u64, kind: EntryKind, amount: i64) -> Entry {
    let (order, payment, currency) = ("o".to_owned(), "p".to_owned(), "cny".to_owned());
    Entry { seq: 0, at: UNIX_EPOCH + Duration::from_millis(ms), order, payment, kind, amount, currency }
}

fn line(asked: Asked, asking: u64, from: u64) -> Line {
    Line { order: "o".to_owned(), asked, asking, from }
}

fn word(at: u64, fate: Fate, what: &str) -> Word {
    Word { at, fate, what: what.to_owned(), payment: None }
}

fn fact(worker: usize, note: Note) -> Fact {
    Fact { worker, life: 1, note }
}

/// An order of 100 fen, of which nobody wants anything back.
fn order() -> Order {
    let mut order = orders(1, 1, 2, Duration::from_secs(1)).unwrap().remove(0);
    order.no = paysluice::model::OrderNo::new("o").unwrap();
    order.wish = Wish::Pay;
    order
}

/// The lies that were told of an order with these entries.
fn lies(facts: &[Fact], entries: &[Entry]) -> Vec<String> {
    let ledger = Sandbox::new(Env::system(), SandboxConfig::default()).ledger();
    let (payments, inbox) = (BTreeMap::new(), BTreeMap::new());
    let order = order();
    let case = Case { orders: &[], ledger: &ledger, facts, payments: &payments, deliveries: &[], inbox: &inbox };
    case.told(&order, &entries.iter().collect::<Vec<_>>())
}

#[test]
fn what_was_told_as_done_must_be_booked_by_then() {
    let told = |at| [fact(0, Note::Told(line(Asked::Charge(1), 1, 10), word(at, Fate::Applied, "paid")))];
    let charged = [entry(50, EntryKind::Charge, 100)];
    assert_eq!((lies(&told(60), &charged).len(), lies(&told(30), &charged).len(), lies(&told(60), &[]).len()), (0, 1, 1));
}

#[test]
fn what_was_told_as_not_done_may_be_done_by_another_and_by_nobody_else() {
    let refused = fact(0, Note::Told(line(Asked::Charge(1), 1, 20), word(60, Fate::NotApplied, "refused: busy")));
    let charged = |ms| [entry(ms, EntryKind::Charge, 100)];
    let alone = |ms| lies(std::slice::from_ref(&refused), &charged(ms)).len();
    assert_eq!((alone(5), alone(40), alone(90)), (1, 1, 0), "before it was asked, while it was, after");
    // Another asks meanwhile, and dies before he hears: it may have been his.
    let other = fact(1, Note::Asks(line(Asked::Charge(1), 1, 30)));
    assert_eq!(lies(&[refused.clone(), other], &charged(40)).len(), 0);
    // What was his is let go by whoever canceled it.
    let answered = fact(1, Note::Told(line(Asked::Charge(1), 1, 30), word(45, Fate::Applied, "authorized")));
    let held = [entry(40, EntryKind::Authorize, 100), entry(50, EntryKind::Void, 100)];
    assert_eq!(lies(&[refused.clone(), answered], &held).len(), 0);
    let too_late = fact(1, Note::Asks(line(Asked::Charge(1), 1, 50)));
    assert_eq!(lies(&[refused, too_late], &charged(40)).len(), 1);
}

#[test]
fn a_declined_attempt_takes_no_money_ever_after() {
    let declined = [fact(0, Note::Told(line(Asked::Charge(1), 1, 20), word(30, Fate::NotApplied, "declined: no")))];
    assert_eq!(lies(&declined, &[entry(900, EntryKind::Charge, 100)]).len(), 1);
    let let_go = [entry(900, EntryKind::Authorize, 100), entry(901, EntryKind::Void, 100)];
    assert_eq!(lies(&declined, &let_go).len(), 0);
}

#[test]
fn what_was_canceled_keeps_nothing_and_a_refund_is_made_once() {
    let canceled = [fact(0, Note::Told(line(Asked::Cancel, 1, 20), word(30, Fate::Applied, "canceled")))];
    let held = entry(10, EntryKind::Authorize, 100);
    assert_eq!(lies(&canceled, std::slice::from_ref(&held)).len(), 1);
    assert_eq!(lies(&canceled, &[held, entry(25, EntryKind::Void, 100)]).len(), 0);
    let twice = [entry(1, EntryKind::Charge, 100), entry(2, EntryKind::Refund, 30), entry(3, EntryKind::Refund, 30)];
    assert_eq!(lies(&[], &twice).len(), 1);
}

#[test]
fn the_store_must_say_what_the_ledger_says() {
    let payment = |status, captured: i64, refunded: i64| -> Payment {
        let money = |minor: i64| serde_json::json!({"minor": minor, "currency": "CNY"});
        let shown = serde_json::json!({
            "account": "stripe:test:m", "order_no": "o", "attempt": 1, "provider_id": "p", "status": status,
            "money": money(100), "captured": money(captured), "refunded": money(refunded),
            "captures": [], "refunds": [], "next_action": null, "reason": null, "blocked": null, "version": 1,
        });
        serde_json::from_value(shown).unwrap()
    };
    let (charged, back) = (entry(1, EntryKind::Charge, 100), entry(2, EntryKind::Refund, 30));
    assert!(agree(&payment(Status::Paid, 100, 30), &[&charged, &back]));
    assert!(!agree(&payment(Status::Paid, 100, 0), &[&charged, &back]));
    assert!(!agree(&payment(Status::Canceled, 0, 0), &[&charged]));
    assert!(!agree(&payment(Status::Paid, 100, 0), &[]));
    assert!(!agree(&payment(Status::AwaitingPayer, 0, 0), &[]), "nothing stays open");
}

#[test]
fn an_acknowledged_callback_must_lie_in_the_store_and_be_worked_off() {
    let ledger = Sandbox::new(Env::system(), SandboxConfig::default()).ledger();
    let delivery = |event: &str, status| Delivery { event: event.to_owned(), at: 1, attempt: 1, status: Some(status) };
    let deliveries = [delivery("a", 200), delivery("b", 503), delivery("c", 204), delivery("d", 200)];
    let inbox = BTreeMap::from([("a".to_owned(), true), ("c".to_owned(), false)]);
    let payments = BTreeMap::new();
    let case = Case { orders: &[], ledger: &ledger, facts: &[], payments: &payments, deliveries: &deliveries, inbox: &inbox };
    let wrong: Vec<String> = case.judge().into_iter().map(|wrong| wrong.what).collect();
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    assert!(wrong[0].contains("c was acknowledged and never applied") && wrong[1].contains("d was acknowledged and is lost"));
}

#[test]
fn what_was_booked_must_have_been_heard() {
    let ledger = Sandbox::new(Env::system(), SandboxConfig::default()).ledger();
    let (payments, inbox, order) = (BTreeMap::new(), BTreeMap::new(), order());
    let heard = [fact(0, Note::Heard { order: "o".to_owned(), what: "payment/paid".to_owned() })];
    let charged = entry(1, EntryKind::Charge, 100);
    for (facts, silent) in [(&heard[..], 0), (&[], 1)] {
        let case = Case { orders: &[], ledger: &ledger, facts, payments: &payments, deliveries: &[], inbox: &inbox };
        assert_eq!(case.heard(&order, &[&charged]).len(), silent);
    }
}
