//! What a person gives up counts as not applied; money that shows up all the same is told, and is never taken twice unseen.

use std::time::Duration;

use super::bank::Fault;
use super::toy::Toy;
use super::world::*;
use crate::adapter::*;
use crate::gateway::*;
use crate::model::*;
use crate::store::SpaceKind;

/// The answer to this charge of order `a` was lost, and the provider is not to be reached from then on.
async fn in_doubt(toy: Toy, charge: Charge, fault: Fault) -> World {
    let world = World::of(toy, 1);
    let (send, ask) = if charge.method.kind() == "barcode" { ("/till", "number=") } else { ("/confirm", "/pay_001") };
    world.bank.fail(send, fault);
    (0..9000).for_each(|_| world.bank.fail(ask, Fault::LostBefore));
    assert_eq!(world.send(charge).await.unwrap_err().fate(), Fate::Unknown);
    world
}

fn forgetful() -> Toy {
    Toy { replay: Duration::ZERO, ..Toy::new() }
}

async fn abandon(world: &World) -> Result<Payment, Error> {
    let operator = world.gateway.operator("maria", "the provider's support says that it never arrived").unwrap();
    operator.abandon(&order_no("a")).await.map(|answer| answer.value)
}

async fn late_money(world: &World, id: &str) {
    let payment = {
        let mut ledger = world.bank.ledger();
        let payment = ledger.payments.get_mut(id).unwrap();
        (payment["state"], payment["captured"]) = ("paid".into(), 100.into());
        payment.clone()
    };
    world.gateway.receive(&world.bank.callback("late", &payment)).await;
    world.pass(5).await;
}

#[tokio::test(start_paused = true)]
async fn it_counts_as_not_applied_and_another_attempt_may_open() {
    let world = in_doubt(forgetful(), charge("a", "ok"), Fault::LostBefore).await;
    let given_up = abandon(&world).await.unwrap();
    assert_eq!((given_up.status, world.doubts().await), (Status::Canceled, Vec::new()));
    assert!(given_up.reason.unwrap().message.unwrap().contains("never arrived"));
    let asked = world.bank.ledger().log.len();
    world.pass(3600).await;
    assert_eq!(world.bank.ledger().log.len(), asked);
    world.bank.ledger().clear_faults();
    assert_eq!(world.send(charge("a", "ok").attempt(attempt(2))).await.unwrap().status, Status::Paid);
    assert_eq!(world.ear.heard().len(), 2, "{:?}", world.ear.heard());
}

#[tokio::test(start_paused = true)]
async fn money_that_shows_up_later_is_told_as_late_and_charging_again_takes_no_more() {
    for charged in [charge("a", "ok"), at_the_till("a", "4711")] {
        let world = in_doubt(forgetful(), charged.clone(), Fault::LostAfter).await;
        abandon(&world).await.unwrap();
        world.bank.ledger().clear_faults();
        late_money(&world, "pay_001").await;
        let late = world.payment("a").await;
        assert_eq!((late.status, late.blocked), (Status::Paid, Some(Block::LateSuccess)));
        assert_eq!(world.ear.count(|change| *change == ToldChange::Reversed(Reversal::LateSuccess)), 1);
        let again = world.send(charged).await.unwrap();
        assert_eq!((again.status, again.blocked), (Status::Paid, Some(Block::LateSuccess)));
        assert_eq!(world.bank.of("a", &["paid"]).len(), 1);
        let error = world.send(charge("a", "ok").attempt(attempt(2))).await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::AlreadyDone, Fate::Applied));
    }
}

#[tokio::test(start_paused = true)]
async fn money_on_an_abandoned_attempt_beside_a_paid_one_is_told_as_paid_twice() {
    let world = in_doubt(forgetful(), charge("a", "ok"), Fault::LostAfter).await;
    abandon(&world).await.unwrap();
    world.bank.ledger().clear_faults();
    assert_eq!(world.send(charge("a", "ok").attempt(attempt(2))).await.unwrap().status, Status::Paid);
    late_money(&world, "pay_001").await;
    assert_eq!(world.ear.count(|change| *change == ToldChange::DuplicatePaid), 1);
    assert_eq!(world.payment("a").await.blocked, Some(Block::DuplicatePaid));
}

#[tokio::test(start_paused = true)]
async fn what_the_resolver_learns_after_it_was_given_up_and_charged_again_is_not_dropped() {
    // The resolver's send is on its way; a person gives the charge up, the caller charges again, and then its answer comes: paid.
    let world = World::new();
    world.bank.fail("/till", Fault::Slow(Duration::from_secs(50)));
    assert_eq!(world.send(at_the_till("a", "4711")).await.unwrap_err().fate(), Fate::Unknown);
    while world.doubts().await.is_empty() {
        world.pass(1).await;
    }
    world.bank.fail("/till", Fault::Slow(Duration::from_secs(5)));
    let sent = world.bank.requests("/till");
    while world.bank.requests("/till") == sent {
        world.env.sleep(Duration::from_millis(5)).await;
    }
    abandon(&world).await.unwrap();
    assert_eq!(world.send(at_the_till("a", "4711")).await.unwrap().status, Status::Paid);
    assert_eq!(world.bank.of("a", &["paid"]).len(), 2);
    world.pass(60).await;
    assert_eq!(world.payment("a").await.blocked, Some(Block::DuplicatePaid));
    assert_eq!(world.ear.count(|change| *change == ToldChange::DuplicatePaid), 1);
}

#[tokio::test(start_paused = true)]
async fn only_what_is_in_doubt_can_be_given_up_and_only_with_a_reason() {
    let world = in_doubt(forgetful(), charge("a", "ok"), Fault::LostAfter).await;
    for (by, evidence) in [("maria", "  "), ("", "because"), ("maria", "two\nlines"), ("maria", &"x".repeat(1001))] {
        assert!(world.gateway.operator(by, evidence).is_err(), "{by} {evidence}");
    }
    let operator = world.gateway.operator("maria", "because").unwrap();
    for (order, token) in [("paid", "ok"), ("waiting", "payer"), ("declined", "declined")] {
        let _ = world.charge(order, token).await;
        let error = operator.abandon(&order_no(order)).await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Conflict, Fate::NotApplied), "{order}");
    }
    assert_eq!(operator.abandon(&order_no("none")).await.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test(start_paused = true)]
async fn a_charge_that_is_being_sent_is_not_given_up() {
    let world = World::new();
    world.bank.fail("/confirm", Fault::Slow(Duration::from_secs(5)));
    let later = async {
        world.env.sleep(Duration::from_millis(500)).await;
        abandon(&world).await
    };
    let (charged, given_up) = tokio::join!(world.charge("a", "ok"), later);
    assert_eq!((charged.unwrap().status, given_up.unwrap_err().kind()), (Status::Paid, ErrorKind::Conflict));
}

#[tokio::test(start_paused = true)]
async fn two_people_at_once_give_it_up_once() {
    let world = in_doubt(forgetful(), charge("a", "ok"), Fault::LostBefore).await;
    let (one, two) = tokio::join!(abandon(&world), abandon(&world));
    assert!(one.is_ok() || two.is_ok());
    for answer in [one, two] {
        match answer {
            Ok(payment) => assert_eq!(payment.status, Status::Canceled),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict),
        }
    }
    world.pass(60).await;
    assert_eq!(world.ear.heard().len(), 1, "{:?}", world.ear.heard());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_meanwhile_is_not_told_as_given_up() {
    let world = in_doubt(forgetful(), charge("a", "ok"), Fault::LostAfter).await;
    world.store.fail(Some(SpaceKind::Told), Trouble::Before, 3);
    let error = abandon(&world).await.unwrap_err();
    assert_eq!((error.kind(), world.doubts().await.len()), (ErrorKind::StoreFailed, 1));
    // What a person was told has failed does not happen behind his back; he does it again.
    world.pass(60).await;
    assert_eq!(world.doubts().await.len(), 1);
    assert_eq!(abandon(&world).await.unwrap().status, Status::Canceled);
    assert_eq!(world.gateway.inspect(&order_no("a")).await.unwrap().audit.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_was_wanted_is_granted_by_giving_up() {
    let world = in_doubt(forgetful(), at_the_till("a", "4711"), Fault::LostBefore).await;
    let cancel = world.gateway.cancel(Cancel::new(order_no("a")), Call::within(Duration::from_secs(2))).await;
    assert_eq!(cancel.unwrap_err().kind(), ErrorKind::InFlight);
    abandon(&world).await.unwrap();
    world.pass(60).await;
    assert_eq!(world.payment("a").await.status, Status::Canceled);
    let settled = world.gateway.settled(order_no("a"), Call::within(Duration::from_secs(2))).await.unwrap();
    assert_eq!(settled.value.status, Status::Canceled);
    assert_eq!(world.send(at_the_till("a", "4711")).await.unwrap_err().fate(), Fate::NotApplied);
    assert!(world.bank.of("a", &["paid"]).is_empty());
}
