//! A pause stops charges in every process within a second, and nothing else; and costs no read of the store per charge.

use std::time::Duration;

use super::bank::Fault;
use super::toy::Toy;
use super::world::*;
use crate::gateway::*;
use crate::model::*;

async fn pause(world: &World) {
    world.gateway.operator("maria", "the provider charges twice today").unwrap().pause().await.unwrap();
}

async fn resume(world: &World) {
    world.gateway.operator("maria", "they mended it").unwrap().resume().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn charges_are_refused_with_who_and_why_until_it_ends() {
    let world = World::new();
    pause(&world).await;
    let error = world.charge("a", "ok").await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, Fate::NotApplied));
    assert!(error.to_string().contains("paused by maria: the provider charges twice today"), "{error}");
    assert!(matches!(error.next(), Next::Resend { after } if after == Duration::from_secs(30)));
    assert!(world.bank.ledger().log.is_empty());
    assert_eq!(world.gateway.paused().await.unwrap().unwrap().by, "maria");
    resume(&world).await;
    assert_eq!(world.charge("a", "ok").await.unwrap().status, Status::Paid);
    let again = world.gateway.operator("maria", "again").unwrap().resume().await;
    assert_eq!(again.unwrap_err().kind(), ErrorKind::Conflict);
    let audit = world.gateway.audit(None, 10).await.unwrap().items;
    let acts: Vec<_> = audit.iter().map(|entry| (entry.act.as_str(), entry.about.as_str())).collect();
    assert_eq!(acts, [("pause", "pause"), ("resume", "pause")]);
}

#[tokio::test(start_paused = true)]
async fn every_process_knows_within_a_second() {
    let world = World::new();
    let other = world.another();
    let send = |order: &str| other.charge(charge(order, "ok"), Call::default());
    send("before").await.unwrap();
    pause(&world).await;
    world.env.sleep(Duration::from_millis(1000)).await;
    assert_eq!(send("after").await.unwrap_err().kind(), ErrorKind::Refused);
    resume(&world).await;
    world.env.sleep(Duration::from_millis(1000)).await;
    send("later").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn confirms_and_captures_stop_too_and_all_else_goes_on() {
    let world = World::new();
    world.charge("paid", "ok").await.unwrap();
    world.charge("waits", "payer").await.unwrap();
    world.send(charge("held", "ok").capture_later()).await.unwrap();
    pause(&world).await;
    assert_eq!(world.confirm("waits", 1, "fine").await.unwrap_err().kind(), ErrorKind::Refused);
    assert_eq!(world.capture("held", "c1", 100).await.unwrap_err().kind(), ErrorKind::Refused);
    assert_eq!(world.refund("paid", "r1", 40).await.unwrap().refunded, eur(40));
    assert_eq!(world.cancel("held").await.unwrap().status, Status::Canceled);
    world.bank.pays("waits");
    world.gateway.receive(&world.bank.callback_for("waits")).await;
    world.pass(2).await;
    assert_eq!(world.payment("waits").await.status, Status::Paid);
    // What was charged before is answered as before, and nothing is sent.
    assert_eq!(world.charge("paid", "ok").await.unwrap().status, Status::Paid);
}

#[tokio::test(start_paused = true)]
async fn a_declined_attempt_is_not_canceled_for_one_that_may_not_be_made() {
    let world = World::new();
    world.charge("a", "declined").await.unwrap_err();
    pause(&world).await;
    let second = world.send(charge("a", "ok").attempt(attempt(2))).await;
    assert_eq!((second.unwrap_err().kind(), world.bank.requests("/cancel")), (ErrorKind::Refused, 0));
}

#[tokio::test(start_paused = true)]
async fn a_charge_in_doubt_is_asked_about_and_neither_sent_again_nor_canceled() {
    let world = World::new();
    (0..60).for_each(|_| world.bank.fail("/confirm", Fault::LostBefore));
    assert_eq!(world.charge("a", "ok").await.unwrap_err().fate(), Fate::Unknown);
    pause(&world).await;
    world.bank.ledger().clear_faults();
    let sent = world.bank.requests("/confirm");
    world.pass(600).await;
    assert_eq!((world.bank.requests("/confirm"), world.bank.requests("/cancel")), (sent, 0));
    assert!(world.bank.requests("/payments/pay_001") > sent, "it is asked about");
    assert_eq!(world.doubts().await.len(), 1);
    resume(&world).await;
    world.pass(120).await;
    assert_eq!((world.payment("a").await.status, world.doubts().await.len()), (Status::Paid, 0));
}

#[tokio::test(start_paused = true)]
async fn a_charge_that_is_under_way_sends_no_more_after_the_pause() {
    let world = World::new();
    (0..60).for_each(|_| world.bank.fail("/confirm", Fault::Throttled));
    let later = async {
        world.env.sleep(Duration::from_millis(500)).await;
        pause(&world).await;
        world.bank.ledger().clear_faults();
    };
    let (charged, ()) = tokio::join!(world.charge("a", "ok"), later);
    assert_eq!(charged.unwrap_err().kind(), ErrorKind::Refused);
    assert!(world.bank.of("a", &["paid"]).is_empty());
    resume(&world).await;
    assert_eq!(world.charge("a", "ok").await.unwrap().status, Status::Paid);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_charges_read_the_row_about_twice_a_second() {
    let world = World::of(Toy::new(), 1);
    let began = world.env.now();
    for batch in 0..100 {
        let orders: Vec<_> = (0..10).map(|one| format!("{batch}-{one}")).collect();
        let charges = orders.iter().map(|order| world.charge(order, "ok"));
        assert!(futures_util::future::join_all(charges).await.iter().all(Result::is_ok));
    }
    let seconds = world.env.now().since(began).as_secs();
    let reads = world.store.reads_of_the_pause();
    assert!(reads >= 2 && u64::try_from(reads).unwrap() <= 2 * seconds + 2, "{reads} reads in {seconds} s");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_say_sends_nothing() {
    let world = World::new();
    world.store.hides_the_pause(true);
    let error = world.charge("a", "ok").await.unwrap_err();
    assert_eq!((error.fate(), world.bank.ledger().log.len()), (Fate::NotApplied, 0), "{error}");
    world.store.hides_the_pause(false);
    assert_eq!(world.charge("a", "ok").await.unwrap().status, Status::Paid);
}
