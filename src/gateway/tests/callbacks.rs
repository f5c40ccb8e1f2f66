//! Callbacks: stored, then acknowledged, then applied, once, whatever order they come in.

use super::toy::{SIGNATURE, Toy};
use super::world::*;
use crate::adapter::Trust;
use crate::callback::*;
use crate::gateway::*;
use crate::model::*;
use crate::store::SpaceKind;

#[tokio::test(start_paused = true)]
async fn a_callback_settles_a_payment_and_a_duplicate_changes_nothing() {
    let world = World::new();
    world.charge("a", "payer").await.unwrap();
    world.bank.moves_to("a", "paid");
    let callback = world.bank.callback_for("a");
    let first = world.gateway.receive(&callback).await;
    assert_eq!((first.reply.status.as_u16(), first.items), (200, vec![Receipt::Stored("ev-1".to_owned())]));
    assert_eq!(world.gateway.receive(&callback).await.items, [Receipt::Duplicate("ev-1".to_owned())]);
    world.pass(3).await;
    assert_eq!(world.gateway.receive(&callback).await.items, [Receipt::Duplicate("ev-1".to_owned())]);
    world.pass(60).await;
    let payment = world.payment("a").await;
    assert_eq!((payment.status, payment.captured), (Status::Paid, eur(100)));
    let heard = world.ear.heard();
    assert_eq!(heard, [(ToldChange::Payment, Status::AwaitingPayer), (ToldChange::Payment, Status::Paid)]);
}

#[tokio::test(start_paused = true)]
async fn a_dispute_that_is_updated_twice_is_two_effects_and_one_that_is_delivered_twice_is_one() {
    let world = World::new();
    world.charge("a", "ok").await.unwrap();
    for event in ["d1", "d2", "d2"] {
        world.gateway.receive(&world.bank.dispute(event, "a")).await;
        world.pass(5).await;
    }
    let disputes = || world.ear.told.lock().unwrap().iter().filter(|told| told.change != ToldChange::Payment).cloned().collect();
    let told: Vec<Told> = disputes();
    assert!(told.len() == 2 && told[0].effect_key != told[1].effect_key, "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_signature_is_refused_and_leaves_nothing() {
    let world = World::new();
    world.charge("a", "payer").await.unwrap();
    let mut callback = world.bank.callback_for("a");
    callback.headers.insert(SIGNATURE, "00".parse().unwrap());
    let received = world.gateway.receive(&callback).await;
    assert_eq!((received.reply.status.as_u16(), world.rows(SpaceKind::Inbox).await), (400, 0));
}

#[tokio::test(start_paused = true)]
async fn one_that_comes_before_its_order_waits_for_it() {
    let world = World::new();
    let other = World::new();
    other.charge("a", "ok").await.unwrap();
    let early = other.bank.callback_for("a");
    world.gateway.receive(&early).await;
    world.pass(5).await;
    world.charge("a", "payer").await.unwrap();
    world.pass(60).await;
    assert_eq!(world.payment("a").await.status, Status::Paid);
}

#[tokio::test(start_paused = true)]
async fn an_older_one_that_comes_later_is_asked_about_and_changes_nothing() {
    let world = World::new();
    world.send(charge("a", "ok").capture_later()).await.unwrap();
    let authorized = world.bank.callback_for("a");
    world.bank.moves_to("a", "paid");
    world.gateway.receive(&world.bank.callback_for("a")).await;
    world.pass(5).await;
    assert_eq!(world.payment("a").await.status, Status::Paid);
    let asked = world.bank.requests("GET");
    world.gateway.receive(&authorized).await;
    world.pass(5).await;
    assert_eq!((world.payment("a").await.status, world.bank.requests("GET")), (Status::Paid, asked + 1));
    world.bank.moves_to("a", "authorized");
    world.gateway.receive(&world.bank.callback_for("a")).await;
    world.pass(5).await;
    assert_eq!(world.payment("a").await.status, Status::Authorized);
    assert_eq!(world.ear.count(|change| *change == ToldChange::Reversed(Reversal::CaptureFailed)), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_covered_is_asked_about_before_it_is_applied() {
    let world = World::of(Toy { trust: Trust::AskFirst, ..Toy::new() }, 1);
    world.charge("a", "payer").await.unwrap();
    let mut lie = world.bank.of("a", &[]).pop().unwrap();
    lie["state"] = "paid".into();
    world.gateway.receive(&world.bank.callback("lie", &lie)).await;
    world.pass(5).await;
    assert_eq!(world.payment("a").await.status, Status::AwaitingPayer);
    world.bank.moves_to("a", "paid");
    world.gateway.receive(&world.bank.callback_for("a")).await;
    world.pass(5).await;
    assert_eq!(world.payment("a").await.status, Status::Paid);
}

#[tokio::test(start_paused = true)]
async fn one_that_the_provider_cannot_find_yet_is_asked_about_again() {
    let world = World::of(Toy { trust: Trust::AskFirst, ..Toy::new() }, 1);
    world.charge("a", "payer").await.unwrap();
    world.bank.moves_to("a", "paid");
    let callback = world.bank.callback_for("a");
    let hidden = std::mem::take(&mut world.bank.ledger().payments);
    world.gateway.receive(&callback).await;
    world.pass(4).await;
    world.bank.ledger().payments = hidden;
    world.pass(5).await;
    assert_eq!(world.payment("a").await.status, Status::Paid);
}

#[tokio::test(start_paused = true)]
async fn one_of_an_unknown_order_ends_on_the_dead_list_and_can_be_replayed() {
    let world = World::new();
    let other = World::new();
    other.charge("a", "ok").await.unwrap();
    world.gateway.receive(&other.bank.callback_for("a")).await;
    world.pass(24 * 3600).await;
    let dead = world.gateway.dead_letters(10).await.unwrap();
    assert_eq!((dead.len(), dead[0].delivery_key.as_str()), (1, "ev-1"));
    world.charge("a", "payer").await.unwrap();
    world.gateway.replay("ev-1").await.unwrap();
    world.pass(5).await;
    assert_eq!(world.payment("a").await.status, Status::Paid);
    assert!(world.gateway.dead_letters(10).await.unwrap().is_empty());
    assert!(world.gateway.replay("ev-1").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_on_the_same_account_is_let_go() {
    let world = World::new();
    let other = World::new();
    other.charge("a", "ok").await.unwrap();
    let mut payment = other.bank.of("a", &[]).pop().unwrap();
    payment["order"] = serde_json::Value::Null;
    world.gateway.receive(&world.bank.callback("ev", &payment)).await;
    world.pass(3600).await;
    assert!(world.gateway.dead_letters(10).await.unwrap().is_empty());
    assert_eq!(world.rows(SpaceKind::Inbox).await, 1);
    assert!(world.ear.heard().is_empty());
}

#[tokio::test(start_paused = true)]
async fn other_money_than_was_asked_is_told_and_blocks() {
    let world = World::new();
    world.charge("a", "payer").await.unwrap();
    let mut payment = world.bank.of("a", &[]).pop().unwrap();
    (payment["state"], payment["amount"], payment["captured"]) = ("paid".into(), 90.into(), 90.into());
    for event in ["e1", "e2"] {
        world.gateway.receive(&world.bank.callback(event, &payment)).await;
        world.pass(5).await;
    }
    let blocked = Block::Mismatch { expected: eur(100), got: eur(90) };
    let found = world.payment("a").await;
    assert_eq!((found.status, found.blocked), (Status::Paid, Some(blocked)));
    assert_eq!(world.ear.count(|change| matches!(change, ToldChange::Mismatch { .. })), 1);
    let error = world.charge("a", "payer").await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Mismatch, Fate::Applied));
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_stored_is_not_acknowledged() {
    let world = World::new();
    world.charge("a", "payer").await.unwrap();
    world.bank.moves_to("a", "paid");
    let callback = world.bank.callback_for("a");
    world.store.fail(Some(SpaceKind::Inbox), Trouble::Before, 3);
    assert_eq!(world.gateway.receive(&callback).await.reply.status.as_u16(), 503);
    world.store.fail(Some(SpaceKind::Inbox), Trouble::After, 3);
    assert_eq!(world.gateway.receive(&callback).await.reply.status.as_u16(), 503);
    assert_eq!(world.gateway.receive(&callback).await.items, [Receipt::Duplicate("ev-1".to_owned())]);
    world.pass(5).await;
    assert_eq!(world.payment("a").await.status, Status::Paid);
}

#[tokio::test(start_paused = true)]
async fn one_that_was_unreadable_before_it_was_readable_finds_its_way_to_the_dead_list() {
    let (world, other) = (World::new(), World::new());
    other.charge("nobody", "ok").await.unwrap();
    let payment = other.bank.of("nobody", &[]).pop().unwrap();
    world.gateway.receive(&world.bank.callback_with_a_bad_item("good", "twice", &payment)).await;
    world.gateway.receive(&world.bank.callback("twice", &payment)).await;
    world.pass(48 * 3600).await;
    let dead = world.gateway.dead_letters(10).await.unwrap();
    let twice = dead.iter().find(|letter| letter.delivery_key == "twice").unwrap();
    assert!(twice.name.is_some(), "{twice:?}");
}
