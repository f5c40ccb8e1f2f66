//! A reversal undoes whatever happened: what was not paid takes no money any more, what was paid is given back, once.

use std::time::Duration;

use super::bank::Fault;
use super::toy::Toy;
use super::world::*;
use crate::adapter::*;
use crate::gateway::*;
use crate::model::*;

fn shortly() -> Call {
    Call::within(Duration::from_secs(2))
}

fn refunded(world: &World) -> i64 {
    world.bank.of("a", &[])[0]["refunded"].as_i64().unwrap()
}

#[tokio::test(start_paused = true)]
async fn of_an_unpaid_payment_it_is_its_end_and_books_no_refund() {
    let world = World::new();
    world.charge("a", "payer").await.unwrap();
    let ended = world.reverse("a", "r").await.unwrap();
    assert_eq!((ended.status, ended.refunds.len(), ended.refunded), (Status::Canceled, 0, eur(0)));
    assert_eq!(world.confirm("a", 1, "ok").await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(world.charge("a", "payer").await.unwrap_err().kind(), ErrorKind::Declined);
    assert_eq!(world.reverse("a", "r").await.unwrap().status, Status::Canceled);
    assert_eq!(world.bank.requests("/reverse"), 1);
}

#[tokio::test(start_paused = true)]
async fn of_a_paid_payment_it_gives_all_back_under_its_number_once() {
    let world = World::new();
    world.charge("a", "ok").await.unwrap();
    let other = world.another();
    let (one, two) = tokio::join!(world.reverse("a", "r"), other.reverse(reverse("a", "r"), Call::default()));
    for given in [one.unwrap(), two.unwrap().value] {
        let refund = &given.refunds[0];
        assert_eq!((given.status, given.refunded, given.refunds.len()), (Status::Paid, eur(100), 1));
        assert_eq!((refund.refund_no.as_ref().unwrap().as_str(), &refund.status), ("r", &PartStatus::Succeeded));
    }
    assert_eq!((world.bank.requests("/reverse"), refunded(&world)), (1, 100));
    assert_eq!(world.refund("a", "more", 1).await.unwrap_err().fate(), Fate::NotApplied);
    world.pass(5).await;
    assert_eq!(world.ear.count(|change| *change == ToldChange::Refund("r".to_owned())), 1);
}

#[tokio::test(start_paused = true)]
async fn of_a_partly_refunded_payment_it_gives_back_the_rest() {
    let world = World::new();
    world.charge("a", "ok").await.unwrap();
    world.refund("a", "some", 30).await.unwrap();
    let given = world.reverse("a", "r").await.unwrap();
    assert_eq!((given.refunded, given.refunds.len(), given.refunds[1].money), (eur(100), 2, eur(70)));
    assert_eq!(refunded(&world), 100);
}

#[tokio::test(start_paused = true)]
async fn of_what_was_given_back_whole_it_sends_nothing() {
    let world = World::new();
    world.charge("a", "ok").await.unwrap();
    world.refund("a", "all", 100).await.unwrap();
    let given = world.reverse("a", "r").await.unwrap();
    assert_eq!((given.refunded, given.refunds.len(), world.bank.requests("/reverse")), (eur(100), 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_gives_nothing_back_twice() {
    for fault in [Fault::LostBefore, Fault::LostAfter, Fault::ErrorAfter, Fault::Garbage, Fault::Throttled, Fault::Unsent] {
        for token in ["ok", "payer"] {
            let world = World::new();
            world.charge("a", token).await.unwrap();
            world.bank.fail("/reverse", fault);
            let undone = world.reverse("a", "r").await.unwrap();
            assert_eq!(undone.refunded, if token == "ok" { eur(100) } else { eur(0) }, "{fault:?} {token}");
            assert_eq!(world.bank.of("a", &[])[0]["refunds"].as_array().unwrap().len(), usize::from(token == "ok"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_in_doubt_is_found_out_by_asking_whether_or_not_money_was_taken() {
    for (token, fault) in
        [("ok", Fault::LostAfter), ("ok", Fault::LostBefore), ("payer", Fault::LostAfter), ("payer", Fault::LostBefore)]
    {
        let world = World::of(Toy { replay: Duration::ZERO, ..Toy::new() }, 1);
        world.charge("a", token).await.unwrap();
        world.bank.fail("/reverse", fault);
        assert_eq!(world.reverse("a", "r").await.unwrap_err().fate(), Fate::Unknown, "{token} {fault:?}");
        world.pass(3600).await;
        let lost = fault == Fault::LostBefore;
        if token == "ok" || !lost {
            assert!(world.doubts().await.is_empty(), "{token} {fault:?}: {:?}", world.doubts().await);
        }
        let payment = world.payment("a").await;
        match (token, lost) {
            ("ok", true) => assert_eq!(payment.refunds[0].status, PartStatus::Failed),
            ("ok", false) => assert_eq!((payment.refunded, &payment.refunds[0].status), (eur(100), &PartStatus::Succeeded)),
            (_, true) => assert_eq!(payment.status, Status::AwaitingPayer),
            (_, false) => assert_eq!(payment.status, Status::Canceled),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_while_reversing_leaves_it_to_the_resolver() {
    for token in ["ok", "payer"] {
        for millis in [10, 30] {
            let mut world = World::new();
            world.charge("a", token).await.unwrap();
            let gone = tokio::time::timeout(Duration::from_millis(millis), world.reverse("a", "r")).await;
            assert!(gone.is_err());
            world.crash();
            world.pass(120).await;
            let payment = world.payment("a").await;
            match token {
                "ok" => assert_eq!((payment.refunded, refunded(&world)), (eur(100), 100), "{millis}"),
                _ => assert_eq!(payment.status, Status::Canceled, "{millis}"),
            }
            assert!(world.doubts().await.is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn while_one_is_in_doubt_its_money_is_held() {
    let world = World::new();
    world.charge("a", "ok").await.unwrap();
    world.bank.fail("/reverse", Fault::LostAfter);
    (0..60).for_each(|_| world.bank.fail("/reverse", Fault::Unsent));
    assert_eq!(world.reverse("a", "r").await.unwrap_err().fate(), Fate::Unknown);
    assert_eq!(world.refund("a", "other", 1).await.unwrap_err().fate(), Fate::NotApplied);
    world.pass(3600).await;
    assert_eq!((world.payment("a").await.refunded, refunded(&world), world.doubts().await), (eur(100), 100, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn money_that_was_taken_unseen_is_given_back_under_the_number_that_was_asked_for() {
    let world = World::new();
    world.charge("a", "payer").await.unwrap();
    world.bank.pays("a");
    let given = world.reverse("a", "r").await.unwrap();
    assert_eq!((given.status, given.captured, given.refunded), (Status::Paid, eur(100), eur(100)));
    assert_eq!(given.refunds[0].refund_no.as_ref().map(RefundNo::as_str), Some("r"));
    let query = QueryRefund::new(order_no("a"), RefundNo::new("r").unwrap());
    assert_eq!(world.gateway.query_refund(query, shortly()).await.unwrap().value.refunds.len(), 1);
    world.pass(5).await;
    assert_eq!(world.ear.count(|change| *change == ToldChange::Refund("r".to_owned())), 1);
}

#[tokio::test(start_paused = true)]
async fn it_waits_for_a_charge_that_is_being_sent() {
    let world = World::new();
    world.bank.fail("/confirm", Fault::Slow(Duration::from_secs(5)));
    let later = async {
        world.env.sleep(Duration::from_millis(200)).await;
        world.reverse("a", "r").await
    };
    let (charged, reversed) = tokio::join!(world.charge("a", "ok"), later);
    assert_eq!(charged.unwrap().status, Status::Paid);
    let reversed = reversed.unwrap();
    assert_eq!((reversed.status, reversed.refunded), (Status::Paid, eur(100)));
    assert_eq!(reversed.refunds[0].refund_no.as_ref().map(RefundNo::as_str), Some("r"));
    assert_eq!(world.payment("a").await.blocked, None);
}

#[tokio::test(start_paused = true)]
async fn a_barcode_in_doubt_without_an_id_is_reversed_by_its_number() {
    let world = World::of(Toy { replay: Duration::ZERO, ..Toy::new() }, 1);
    world.bank.fail("/till", Fault::LostAfter);
    (0..3).for_each(|_| world.bank.fail("number=", Fault::LostBefore));
    assert_eq!(world.send(at_the_till("a", "4711")).await.unwrap_err().fate(), Fate::Unknown);
    let undone = world.reverse("a", "r").await.unwrap();
    assert_eq!((undone.refunded, refunded(&world)), (eur(100), 100));
    world.pass(600).await;
    assert!(world.doubts().await.is_empty());
    let payment = world.payment("a").await;
    assert_eq!((payment.status, payment.refunds.len()), (Status::Paid, 1));
}

#[tokio::test(start_paused = true)]
async fn a_barcode_that_stays_in_doubt_is_taken_back_by_itself_once_its_time_is_over() {
    for (fault, taken) in [(Fault::LostAfter, 1), (Fault::LostBefore, 0)] {
        let world = World::of(Toy { replay: Duration::ZERO, ..Toy::new() }, 1);
        world.bank.fail("/till", fault);
        (0..100).for_each(|_| world.bank.fail("?number=", Fault::LostBefore));
        assert_eq!(world.send(at_the_till("a", "4711")).await.unwrap_err().fate(), Fate::Unknown);
        world.pass(40).await;
        assert_eq!(world.bank.requests("/reverse"), 0);
        world.pass(600).await;
        assert!(world.bank.requests("/reverse") > 0);
        let payment = world.payment("a").await;
        assert_eq!(payment.refunded, eur(100 * taken), "{fault:?} {payment:?}");
        if taken == 1 {
            assert_eq!((payment.status, refunded(&world)), (Status::Paid, 100));
            assert!(world.doubts().await.is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_barcode_whose_time_is_up_is_reversed_and_money_that_comes_late_is_told() {
    for code in ["payer", "slow"] {
        let mut world = World::new();
        let by = world.env.wall() + Duration::from_secs(60);
        world.send(at_the_till("a", code).charge_by(by)).await.unwrap();
        world.crash();
        world.pass(300).await;
        assert_eq!((world.payment("a").await.status, world.bank.requests("/reverse")), (Status::Canceled, 1), "{code}");
        world.bank.moves_to("a", "paid");
        world.gateway.receive(&world.bank.callback_for("a")).await;
        world.pass(5).await;
        let late = world.payment("a").await;
        assert_eq!((late.status, late.blocked), (Status::Paid, Some(Block::LateSuccess)), "{code}");
        assert_eq!(world.ear.count(|change| *change == ToldChange::Reversed(Reversal::LateSuccess)), 1);
        assert_eq!(world.refund("a", "back", 100).await.unwrap().refunded, eur(100));
    }
}

#[tokio::test(start_paused = true)]
async fn a_barcode_that_is_paid_in_the_last_moment_is_given_back_and_told() {
    let world = World::new();
    let by = world.env.wall() + Duration::from_secs(60);
    world.send(at_the_till("a", "payer").charge_by(by)).await.unwrap();
    world.pass(60).await;
    world.bank.fail("/reverse", Fault::Slow(Duration::from_secs(1)));
    while world.bank.requests("/reverse") == 0 {
        world.env.sleep(Duration::from_millis(5)).await;
    }
    world.bank.pays("a");
    world.pass(300).await;
    let payment = world.payment("a").await;
    assert_eq!((payment.status, payment.refunded, refunded(&world)), (Status::Paid, eur(100), 100));
    assert!(world.doubts().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_reversal_that_could_not_be_sent_leaves_a_wanted_cancel_wanted() {
    let world = World::of(Toy { replay: Duration::ZERO, ..Toy::new() }, 1);
    world.send(charge("a", "ok").capture_later()).await.unwrap();
    world.bank.fail("/cancel", Fault::LostAfter);
    (0..900).for_each(|_| world.bank.fail("/reverse", Fault::Unsent));
    (0..900).for_each(|_| world.bank.fail("/pay_001", Fault::LostBefore));
    assert_eq!(world.cancel("a").await.unwrap_err().fate(), Fate::Unknown);
    let error = world.gateway.reverse(reverse("a", "r"), shortly()).await.unwrap_err();
    assert_eq!((error.kind(), world.bank.requests("/reverse")), (ErrorKind::InFlight, 0), "{error}");
    let error = world.capture("a", "c", 100).await.unwrap_err();
    assert_eq!((error.kind(), world.bank.requests("/capture")), (ErrorKind::Conflict, 0), "{error}");
}
