//! A payment that was made elsewhere is taken over whole or not at all, and is never charged a second time.

use std::time::Duration;

use super::bank::Fault;
use super::world::*;
use crate::gateway::*;
use crate::model::*;
use crate::store::SpaceKind;

/// The bank knows a payment in that state, made by somebody else's software, and we do not.
fn elsewhere(state: &str) -> World {
    let world = World::new();
    let mut payment = serde_json::json!({ "id": "pay_x", "number": "theirs", "order": "theirs", "attempt": 1, "amount": 100,
        "later": false, "state": state, "captured": 0, "link": 1, "refunded": 0, "captures": [], "refunds": [] });
    if state == "paid" {
        payment["captured"] = 100.into();
    }
    world.bank.ledger().payments.insert("pay_x".to_owned(), payment);
    world
}

#[tokio::test(start_paused = true)]
async fn it_is_known_refundable_and_told_from_then_on() {
    let world = elsewhere("paid");
    let payment = world.adopt("a", "pay_x", 100).await.unwrap();
    assert_eq!((payment.status, payment.captured, payment.provider_id.as_deref()), (Status::Paid, eur(100), Some("pay_x")));
    assert_eq!(world.refund("a", "r", 40).await.unwrap().refunded, eur(40));
    world.pass(5).await;
    assert_eq!(world.ear.count(|change| *change == ToldChange::Payment), 1);
}

#[tokio::test(start_paused = true)]
async fn a_charge_of_an_adopted_order_takes_no_second_money() {
    for state in ["paid", "authorized", "awaiting", "declined", "canceled"] {
        let world = elsewhere(state);
        world.adopt("a", "pay_x", 100).await.unwrap();
        let answer = world.charge("a", "ok").await;
        assert_eq!(world.bank.requests("POST"), 0, "{state}: {answer:?}");
        match state {
            "declined" | "canceled" => assert_eq!(answer.unwrap_err().kind(), ErrorKind::Declined, "{state}"),
            _ => assert_eq!(answer.unwrap().provider_id.as_deref(), Some("pay_x"), "{state}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_adopted_order_that_is_paid_takes_no_other_attempt() {
    let world = elsewhere("paid");
    world.adopt("a", "pay_x", 100).await.unwrap();
    let error = world.send(charge("a", "ok").attempt(attempt(2))).await.unwrap_err();
    assert_eq!((error.kind(), error.fate(), world.bank.requests("POST")), (ErrorKind::AlreadyDone, Fate::Applied, 0));
}

#[tokio::test(start_paused = true)]
async fn an_adopted_order_that_was_declined_is_canceled_before_another_attempt() {
    let world = elsewhere("declined");
    world.adopt("a", "pay_x", 100).await.unwrap();
    assert_eq!(world.send(charge("a", "ok").attempt(attempt(2))).await.unwrap().status, Status::Paid);
    assert_eq!(world.bank.ledger().payments["pay_x"]["state"], "canceled");
}

#[tokio::test(start_paused = true)]
async fn an_id_that_the_provider_does_not_know_leaves_nothing_behind() {
    let world = elsewhere("paid");
    let error = world.adopt("a", "pay_y", 100).await.unwrap_err();
    assert_eq!(error.fate(), Fate::NotApplied, "{error}");
    assert_eq!((world.rows(SpaceKind::Order).await, world.rows(SpaceKind::Alias).await), (0, 0));
    assert_eq!(world.adopt("a", "pay_x", 100).await.unwrap().status, Status::Paid);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_does_not_answer_leaves_nothing_behind_and_it_can_be_asked_again() {
    let world = elsewhere("paid");
    (0..90).for_each(|_| world.bank.fail("/payments/", Fault::Unsent));
    world.adopt("a", "pay_x", 100).await.unwrap_err();
    world.bank.ledger().clear_faults();
    world.pass(60).await;
    assert_eq!((world.rows(SpaceKind::Order).await, world.rows(SpaceKind::Alias).await), (0, 0));
    assert_eq!(world.adopt("a", "pay_x", 100).await.unwrap().status, Status::Paid);
}

#[tokio::test(start_paused = true)]
async fn other_money_than_was_named_is_told_as_applied_and_blocks() {
    let world = elsewhere("paid");
    let error = world.adopt("a", "pay_x", 90).await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Mismatch, Fate::Applied));
    let payment = error.payment().unwrap();
    let blocked = Some(Block::Mismatch { expected: eur(90), got: eur(100) });
    assert_eq!((&payment.status, &payment.blocked, payment.captured), (&Status::Paid, &blocked, eur(100)));
    world.pass(5).await;
    assert_eq!(world.ear.count(|change| matches!(change, ToldChange::Mismatch { .. })), 1);
    assert_eq!(world.payment("a").await.blocked, blocked);
}

#[tokio::test(start_paused = true)]
async fn other_currency_than_was_named_is_told_as_applied_and_blocks() {
    let world = elsewhere("paid");
    let dollars = Money::new(100, Currency::parse("USD").unwrap()).unwrap();
    let error = world.gateway.adopt(&order_no("a"), "pay_x", dollars, Call::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Mismatch, Fate::Applied));
}

#[tokio::test(start_paused = true)]
async fn the_same_adoption_twice_is_one_and_another_is_a_conflict() {
    let world = elsewhere("paid");
    let other = world.another();
    let a = order_no("a");
    let (one, two) = tokio::join!(world.adopt("a", "pay_x", 100), other.adopt(&a, "pay_x", eur(100), Call::default()));
    assert_eq!((one.unwrap().status, two.unwrap().value.status), (Status::Paid, Status::Paid));
    assert_eq!(world.adopt("a", "pay_x", 100).await.unwrap().status, Status::Paid);
    for (order, id, minor) in [("a", "pay_x", 90), ("a", "pay_y", 100), ("b", "pay_x", 100)] {
        let error = world.adopt(order, id, minor).await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Conflict, Fate::NotApplied), "{order} {id} {minor}");
    }
    assert_eq!(world.rows(SpaceKind::Order).await, 1);
    world.pass(5).await;
    assert_eq!(world.ear.count(|change| *change == ToldChange::Payment), 1);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_was_charged_here_cannot_be_adopted_nor_its_payment_by_another_order() {
    let world = elsewhere("paid");
    world.charge("a", "ok").await.unwrap();
    let ours = world.payment("a").await.provider_id.unwrap();
    for (order, id) in [("a", "pay_x"), ("a", ours.as_str()), ("b", ours.as_str())] {
        let error = world.adopt(order, id, 100).await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Conflict, Fate::NotApplied), "{order} {id}");
    }
    assert_eq!(world.rows(SpaceKind::Order).await, 1);
}

#[tokio::test(start_paused = true)]
async fn an_adopted_payment_that_waits_is_watched_until_it_ends() {
    for crash in [false, true] {
        let mut world = elsewhere("awaiting");
        assert_eq!(world.adopt("a", "pay_x", 100).await.unwrap().status, Status::AwaitingPayer);
        if crash {
            world.crash();
        }
        world.bank.moves_to("theirs", "paid");
        world.pass(7200).await;
        assert_eq!(world.payment("a").await.status, Status::Paid, "crash: {crash}");
        let asked = world.bank.requests("GET");
        world.pass(24 * 3600).await;
        assert_eq!(world.bank.requests("GET"), asked, "crash: {crash}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_callback_finds_an_adopted_payment_by_its_id() {
    let world = elsewhere("awaiting");
    world.adopt("a", "pay_x", 100).await.unwrap();
    world.bank.moves_to("theirs", "paid");
    let mut payment = world.bank.of("theirs", &[]).pop().unwrap();
    payment["order"] = serde_json::Value::Null;
    world.gateway.receive(&world.bank.callback("ev", &payment)).await;
    world.pass(3).await;
    assert_eq!(world.payment("a").await.status, Status::Paid);
}

#[tokio::test(start_paused = true)]
async fn an_adoption_has_a_deadline() {
    let world = elsewhere("paid");
    (0..90).for_each(|_| world.bank.fail("/payments/", Fault::Slow(Duration::from_secs(50))));
    let before = world.env.now();
    let call = Call::within(Duration::from_secs(2));
    world.gateway.adopt(&order_no("a"), "pay_x", eur(100), call).await.unwrap_err();
    assert!(world.env.now().since(before) <= Duration::from_millis(2600));
}

#[tokio::test(start_paused = true)]
async fn its_action_can_be_renewed_by_asking() {
    let world = elsewhere("awaiting");
    world.adopt("a", "pay_x", 100).await.unwrap();
    world.bank.ledger().payments.get_mut("pay_x").unwrap()["link"] = 9.into();
    assert_eq!(link(&world.renew("a").await.unwrap()), "9");
}
