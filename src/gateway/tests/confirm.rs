//! A confirm is one operation per round, takes money at most once, and tells the truth when its answer is lost.

use std::time::Duration;

use super::bank::Fault;
use super::toy::Toy;
use super::world::*;
use crate::gateway::*;
use crate::model::*;
use crate::store::SpaceKind;

/// The order waits for its payer.
async fn waiting() -> World {
    let world = World::new();
    world.charge("a", "payer").await.unwrap();
    world
}

fn shortly() -> Call {
    Call::within(Duration::from_secs(2))
}

#[tokio::test(start_paused = true)]
async fn what_the_payer_brought_back_takes_the_money() {
    let world = waiting().await;
    let paid = world.confirm("a", 1, "ok").await.unwrap();
    assert_eq!((paid.status, paid.captured, paid.next_action), (Status::Paid, eur(100), None));
    world.pass(120).await;
    assert_eq!(world.ear.heard(), [(ToldChange::Payment, Status::AwaitingPayer), (ToldChange::Payment, Status::Paid)]);
    assert_eq!(world.charge("a", "payer").await.unwrap().status, Status::Paid);
    assert_eq!(world.bank.requests("/answer"), 1);
}

#[tokio::test(start_paused = true)]
async fn callers_at_once_in_two_processes_confirm_once() {
    let world = waiting().await;
    let other = world.another();
    let (one, two, three) = tokio::join!(
        world.confirm("a", 1, "ok"),
        world.confirm("a", 1, "ok"),
        other.confirm(confirm("a", 1, "ok"), Call::default())
    );
    for status in [one.unwrap().status, two.unwrap().status, three.unwrap().value.status] {
        assert_eq!(status, Status::Paid);
    }
    assert_eq!(world.bank.requests("/answer"), 1);
}

#[tokio::test(start_paused = true)]
async fn the_same_round_with_other_data_is_a_conflict_and_the_next_round_another_operation() {
    let world = waiting().await;
    let asked = world.confirm("a", 1, "more").await.unwrap();
    assert_eq!((&asked.status, link(&asked)), (&Status::AwaitingPayer, "2"));
    let error = world.confirm("a", 1, "ok").await.unwrap_err();
    assert_eq!((error.kind(), error.fate(), world.bank.requests("/answer")), (ErrorKind::Conflict, Fate::NotApplied, 1));
    assert_eq!(world.confirm("a", 2, "ok").await.unwrap().status, Status::Paid);
    assert_eq!(world.bank.requests("/answer"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_round_that_was_refused_is_told_as_declined_and_stays_so() {
    let world = waiting().await;
    for _ in 0..2 {
        let error = world.confirm("a", 1, "no").await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Declined, Fate::NotApplied));
        assert_eq!(error.payment().unwrap().status, Status::Declined);
    }
    assert_eq!(world.bank.requests("/answer"), 1);
    assert_eq!(world.gateway.settled(order_no("a"), shortly()).await.unwrap().value.status, Status::Declined);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_again_under_the_same_key() {
    for fault in [Fault::LostBefore, Fault::LostAfter, Fault::ErrorAfter, Fault::Garbage, Fault::Throttled, Fault::Unsent] {
        let world = waiting().await;
        world.bank.fail("/answer", fault);
        assert_eq!(world.confirm("a", 1, "ok").await.unwrap().status, Status::Paid, "{fault:?}");
        let ledger = world.bank.ledger();
        let lines = ledger.log.iter().filter(|line| line.contains("/answer"));
        let keys: Vec<_> = lines.map(|line| line.split(' ').nth(3)).collect();
        assert!(keys.len() == 2 && keys[0] == keys[1], "{fault:?} {:?}", ledger.log);
    }
}

#[tokio::test(start_paused = true)]
async fn a_round_in_doubt_is_told_as_unknown_and_found_out() {
    let world = waiting().await;
    world.bank.fail("/answer", Fault::LostAfter);
    (0..60).for_each(|_| world.bank.fail("/answer", Fault::Unsent));
    let error = world.confirm("a", 1, "ok").await.unwrap_err();
    assert_eq!((error.fate(), error.next()), (Fate::Unknown, Next::Query), "{error}");
    world.pass(3600).await;
    assert_eq!((world.payment("a").await.status, world.doubts().await), (Status::Paid, Vec::new()));
    assert_eq!(world.confirm("a", 1, "ok").await.unwrap().status, Status::Paid);
}

#[tokio::test(start_paused = true)]
async fn the_next_round_waits_while_the_one_before_is_in_doubt() {
    let world = World::of(Toy { replay: Duration::ZERO, ..Toy::new() }, 1);
    world.charge("a", "payer").await.unwrap();
    world.bank.fail("/answer", Fault::LostAfter);
    (0..9).for_each(|_| world.bank.fail("/pay_001", Fault::Unsent));
    assert_eq!(world.confirm("a", 1, "ok").await.unwrap_err().fate(), Fate::Unknown);
    let error = world.gateway.confirm(confirm("a", 2, "ok"), shortly()).await.unwrap_err();
    assert_eq!((error.kind(), error.fate(), world.bank.requests("/answer")), (ErrorKind::InFlight, Fate::Unknown, 1), "{error}");
    world.pass(600).await;
    assert_eq!((world.payment("a").await.status, world.bank.requests("/answer")), (Status::Paid, 1));
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_while_confirming_leaves_it_to_the_resolver() {
    for millis in [10, 30, 60] {
        let mut world = waiting().await;
        let gone = tokio::time::timeout(Duration::from_millis(millis), world.confirm("a", 1, "ok")).await;
        assert!(gone.is_err() || millis == 60);
        world.crash();
        world.pass(120).await;
        assert_eq!(world.payment("a").await.status, Status::Paid, "after {millis} ms");
        assert!(world.doubts().await.is_empty());
        assert_eq!(world.confirm("a", 1, "ok").await.unwrap().status, Status::Paid);
        assert_eq!(world.bank.of("a", &[]).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_was_told_as_not_applied_twice_is_not_sent_behind_the_callers_back() {
    let world = waiting().await;
    for _ in 0..3 {
        (0..60).for_each(|_| world.bank.fail("/answer", Fault::Unsent));
        assert_eq!(world.confirm("a", 1, "ok").await.unwrap_err().fate(), Fate::NotApplied);
        // Its breaker closes again by a call that goes well.
        world.bank.ledger().clear_faults();
        world.pass(300).await;
        world.charge("b", "ok").await.unwrap();
    }
    world.pass(7200).await;
    assert_eq!((world.payment("a").await.status, world.bank.of("a", &["paid"]).len()), (Status::AwaitingPayer, 0));
    assert_eq!(world.confirm("a", 1, "ok").await.unwrap().status, Status::Paid);
}

#[tokio::test(start_paused = true)]
async fn when_the_callback_was_first_the_confirm_sends_nothing_and_says_paid() {
    let world = waiting().await;
    world.bank.moves_to("a", "paid");
    world.gateway.receive(&world.bank.callback_for("a")).await;
    world.pass(3).await;
    assert_eq!(world.confirm("a", 1, "ok").await.unwrap().status, Status::Paid);
    assert_eq!((world.bank.requests("/answer"), world.doubts().await), (0, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn after_the_time_of_the_charge_no_round_takes_money() {
    let world = World::new();
    let by = world.env.wall() + Duration::from_secs(25);
    world.send(charge("a", "payer").charge_by(by)).await.unwrap();
    (0..90).for_each(|_| world.bank.fail("/pay_001", Fault::LostBefore));
    world.pass(30).await;
    let error = world.confirm("a", 1, "ok").await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Conflict, Fate::NotApplied), "{error}");
    assert_eq!(world.bank.requests("/answer"), 0);
}

#[tokio::test(start_paused = true)]
async fn the_resolver_does_not_send_a_round_again_after_the_time_of_the_charge() {
    let world = World::new();
    let by = world.env.wall() + Duration::from_secs(12);
    world.send(charge("a", "payer").charge_by(by)).await.unwrap();
    (0..900).for_each(|_| world.bank.fail("/answer", Fault::LostBefore));
    assert_eq!(world.confirm("a", 1, "ok").await.unwrap_err().fate(), Fate::Unknown);
    world.pass(8).await;
    world.bank.ledger().clear_faults();
    world.pass(3600).await;
    assert!(world.bank.of("a", &["paid"]).is_empty(), "{}", world.bank.ledger().log.join("\n"));
    assert_eq!((world.payment("a").await.status, world.doubts().await), (Status::Canceled, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn no_send_begins_after_the_time_of_the_charge_though_the_caller_still_waits() {
    let world = World::new();
    let by = world.env.wall() + Duration::from_secs(3);
    (0..2).for_each(|_| world.bank.fail("/confirm", Fault::Throttled));
    let error = world.send(charge("a", "ok").charge_by(by)).await.unwrap_err();
    assert_eq!(error.fate(), Fate::NotApplied, "{error}");
    world.pass(600).await;
    assert!(world.bank.of("a", &["paid"]).is_empty(), "{}", world.bank.ledger().log.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn a_canceled_payment_is_not_confirmed() {
    let world = waiting().await;
    world.cancel("a").await.unwrap();
    let error = world.confirm("a", 1, "ok").await.unwrap_err();
    assert_eq!((error.kind(), error.fate(), world.bank.requests("/answer")), (ErrorKind::Conflict, Fate::NotApplied, 0));
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_meets_a_confirm_ends_in_one_of_the_two() {
    for seed in 0..8_u64 {
        let world = World::of(Toy::new(), seed);
        world.charge("a", "payer").await.unwrap();
        let later = async {
            world.env.sleep(Duration::from_millis(seed * 10)).await;
            world.cancel("a").await
        };
        let (confirmed, canceled) = tokio::join!(world.confirm("a", 1, "ok"), later);
        world.pass(7200).await;
        let (paid, gone) = (world.bank.of("a", &["paid"]).len(), world.bank.of("a", &["canceled"]).len());
        let status = world.payment("a").await.status;
        assert_eq!((paid + gone, status == Status::Paid), (1, paid == 1), "{seed}: {confirmed:?} {canceled:?}");
        assert!(confirmed.is_err() || paid == 1, "{seed}: {confirmed:?}");
        assert!(canceled.is_err() || gone == 1, "{seed}: {canceled:?}");
        assert!(world.doubts().await.is_empty(), "{seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_that_was_never_charged_cannot_be_confirmed() {
    let world = World::new();
    let error = world.confirm("a", 1, "ok").await.unwrap_err();
    assert_eq!((error.kind(), world.rows(SpaceKind::Intent).await), (ErrorKind::Invalid, 0));
}

#[tokio::test(start_paused = true)]
async fn a_caller_with_little_time_is_let_go_and_the_round_goes_on() {
    let world = waiting().await;
    world.bank.fail("/answer", Fault::Slow(Duration::from_secs(20)));
    let before = world.env.now();
    let error = world.gateway.confirm(confirm("a", 1, "ok"), shortly()).await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::InFlight, Fate::Unknown));
    assert!(world.env.now().since(before) <= Duration::from_millis(2600));
    let settled = world.gateway.settled(order_no("a"), Call::default()).await.unwrap();
    assert_eq!((settled.value.status, world.bank.requests("/answer")), (Status::Paid, 1));
}
