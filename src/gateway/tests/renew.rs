//! A fresh action for a payer who took his time: the same payment, nothing new is charged, and no action is called fresh that is not.

use std::time::Duration;

use super::bank::Fault;
use super::toy::Toy;
use super::world::*;
use crate::adapter::*;
use crate::gateway::*;
use crate::model::*;

/// The payer's link of order `a` is stale; the same bytes sent again give another.
async fn waiting(toy: Toy) -> World {
    let world = World::of(toy, 1);
    world.bank.ledger().fresh_links = true;
    assert_eq!(link(&world.charge("a", "payer").await.unwrap()), "1");
    world
}

fn resending() -> Toy {
    Toy { renewal: Renewal::Resend, ..Toy::new() }
}

async fn by(renewal: Renewal) -> World {
    waiting(Toy { renewal, ..Toy::new() }).await
}

#[tokio::test(start_paused = true)]
async fn where_asking_gives_it_the_provider_is_asked() {
    let world = World::new();
    world.charge("a", "payer").await.unwrap();
    world.bank.ledger().payments.get_mut("pay_001").unwrap()["link"] = 7.into();
    let renewed = world.renew("a").await.unwrap();
    assert_eq!((renewed.status.clone(), link(&renewed), world.bank.requests("POST")), (Status::AwaitingPayer, "7", 2));
    assert_eq!(link(&world.payment("a").await), "7");
}

#[tokio::test(start_paused = true)]
async fn where_the_same_bytes_give_it_they_are_sent_again_under_their_key() {
    let world = waiting(resending()).await;
    assert_eq!(link(&world.renew("a").await.unwrap()), "2");
    assert_eq!((link(&world.payment("a").await), world.bank.of("a", &[]).len()), ("2", 1));
    let ledger = world.bank.ledger();
    let keys: Vec<_> = ledger.log.iter().filter(|line| line.contains("/confirm")).map(|line| line.split(' ').nth(3)).collect();
    assert!(keys.len() == 2 && keys[0] == keys[1], "{:?}", ledger.log);
}

#[tokio::test(start_paused = true)]
async fn access_that_has_run_out_is_fetched_for_it() {
    let world = waiting(resending().with_token()).await;
    world.pass(3700).await;
    assert_eq!(link(&world.renew("a").await.unwrap()), "2");
    // A process that has fetched nothing yet.
    let renewed = world.another().renew_action(order_no("a"), Call::default()).await.unwrap();
    assert_eq!(link(&renewed.value), "3");
}

#[tokio::test(start_paused = true)]
async fn access_that_the_answer_asks_for_is_fetched_and_the_answer_read_again() {
    let world = waiting(Toy { sealed_answers: true, ..resending() }).await;
    let other = world.another();
    let sent = world.bank.requests("/confirm");
    assert_eq!(link(&other.renew_action(order_no("a"), Call::default()).await.unwrap().value), "2");
    assert_eq!(world.bank.requests("/confirm"), sent + 1);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_is_not_answered_says_so_and_charges_nothing() {
    for fault in [Fault::LostBefore, Fault::LostAfter, Fault::ErrorAfter, Fault::Garbage, Fault::Throttled, Fault::Unsent] {
        let world = waiting(resending()).await;
        world.bank.fail("/confirm", fault);
        let error = world.renew("a").await.unwrap_err();
        assert_eq!(error.fate(), Fate::NotApplied, "{fault:?} {error}");
        world.pass(60).await;
        assert_eq!((world.payment("a").await.status, world.doubts().await), (Status::AwaitingPayer, Vec::new()), "{fault:?}");
        assert!(link(&world.renew("a").await.unwrap()).parse::<u32>().unwrap() > 1, "{fault:?}");
        world.bank.pays("a");
        world.pass(120).await;
        assert_eq!(world.payment("a").await.status, Status::Paid, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_payment_that_was_paid_meanwhile_it_says_paid() {
    for renewal in [Renewal::Query, Renewal::Resend] {
        let world = by(renewal).await;
        world.bank.pays("a");
        let renewed = world.renew("a").await.unwrap();
        assert_eq!((renewed.status, renewed.next_action, renewed.captured), (Status::Paid, None, eur(100)), "{renewal:?}");
        let error = world.renew("a").await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Conflict, Fate::NotApplied));
        world.pass(5).await;
        assert_eq!(world.ear.heard().last(), Some(&(ToldChange::Payment, Status::Paid)));
    }
}

#[tokio::test(start_paused = true)]
async fn no_action_is_renewed_of_what_is_to_be_canceled() {
    let world = waiting(resending()).await;
    (0..900).for_each(|_| world.bank.fail("/cancel", Fault::LostBefore));
    world.cancel("a").await.unwrap_err();
    let sent = world.bank.requests("/confirm");
    let error = world.renew("a").await.unwrap_err();
    assert_eq!((error.kind(), world.bank.requests("/confirm")), (ErrorKind::Conflict, sent));
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_comes_while_the_renewal_waits_for_its_turn_stops_it() {
    let world = waiting(resending().with_token()).await;
    let other = world.another();
    world.bank.fail("/token", Fault::Slow(Duration::from_secs(3)));
    let cancel = async {
        world.env.sleep(Duration::from_millis(500)).await;
        world.cancel("a").await
    };
    let (renewed, canceled) = tokio::join!(other.renew_action(order_no("a"), Call::default()), cancel);
    assert_eq!(canceled.unwrap().status, Status::Canceled);
    assert_eq!((renewed.unwrap_err().kind(), world.bank.requests("/confirm")), (ErrorKind::Conflict, 1));
}

#[tokio::test(start_paused = true)]
async fn after_the_time_of_the_charge_nothing_is_sent_again() {
    let world = World::of(Toy { renewal: Renewal::Resend, ..Toy::new() }, 1);
    let by = world.env.wall() + Duration::from_secs(5);
    world.send(charge("a", "payer").charge_by(by)).await.unwrap();
    world.pass(6).await;
    let error = world.renew("a").await.unwrap_err();
    assert_eq!((error.kind(), world.bank.requests("/confirm")), (ErrorKind::Unsupported, 1), "{error}");
}

#[tokio::test(start_paused = true)]
async fn where_it_cannot_be_renewed_it_says_what_can_be_done() {
    let world = World::of(Toy { renewal: Renewal::Never, ..Toy::new() }, 1);
    world.charge("a", "payer").await.unwrap();
    let error = world.renew("a").await.unwrap_err();
    assert_eq!((error.kind(), error.fate(), error.next()), (ErrorKind::Unsupported, Fate::NotApplied, Next::Fix));
    assert_eq!(world.renew("unknown").await.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test(start_paused = true)]
async fn a_resend_is_stored_before_it_is_sent_and_looked_at_if_its_process_dies() {
    let mut world = waiting(resending()).await;
    world.pass(300).await;
    world.bank.fail("/confirm", Fault::Slow(Duration::from_secs(20)));
    let gone = tokio::time::timeout(Duration::from_secs(1), world.renew("a")).await;
    assert!(gone.is_err());
    world.crash();
    world.bank.pays("a");
    world.pass(120).await;
    assert_eq!(world.payment("a").await.status, Status::Paid);
}

#[tokio::test(start_paused = true)]
async fn many_renewals_at_once_leave_one_payment_with_a_link_of_its_own() {
    let world = waiting(resending()).await;
    let other = world.another();
    let (one, two, three) = tokio::join!(world.renew("a"), world.renew("a"), other.renew_action(order_no("a"), Call::default()));
    let answers = [one, two, three.map(|answer| answer.value)];
    assert!(answers.iter().any(Result::is_ok), "{answers:?}");
    for error in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_eq!((error.fate(), error.kind()), (Fate::NotApplied, ErrorKind::NotNow), "{error}");
    }
    let sends = 1 + answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!((world.bank.of("a", &[]).len(), world.bank.requests("/confirm")), (1, sends));
    world.bank.pays("a");
    world.pass(120).await;
    assert_eq!(world.payment("a").await.status, Status::Paid);
}

#[tokio::test(start_paused = true)]
async fn it_does_not_keep_its_caller_beyond_the_deadline() {
    for renewal in [Renewal::Query, Renewal::Resend] {
        let world = by(renewal).await;
        (0..90).for_each(|_| world.bank.fail("/pay_001", Fault::Slow(Duration::from_secs(50))));
        let before = world.env.now();
        let error = world.gateway.renew_action(order_no("a"), Call::within(Duration::from_secs(2))).await.unwrap_err();
        assert!(world.env.now().since(before) <= Duration::from_millis(2600), "{renewal:?} {error}");
    }
}
