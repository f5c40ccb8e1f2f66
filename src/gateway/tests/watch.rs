//! Everything unfinished is watched until it is finished.

use std::time::Duration;

use super::world::*;
use crate::gateway::*;
use crate::model::*;

#[tokio::test(start_paused = true)]
async fn a_payment_whose_callback_never_comes_is_found_paid() {
    let world = World::new();
    assert!(world.charge("a", "payer").await.unwrap().next_action.is_some());
    world.bank.moves_to("a", "paid");
    world.pass(15).await;
    assert_eq!(world.payment("a").await.status, Status::Paid);
    assert_eq!(world.charge("a", "payer").await.unwrap().status, Status::Paid);
}

#[tokio::test(start_paused = true)]
async fn when_time_is_up_the_payment_is_canceled_and_money_that_comes_later_is_told() {
    let world = World::new();
    let by = world.env.wall() + Duration::from_secs(300);
    world.send(charge("a", "payer").charge_by(by)).await.unwrap();
    world.pass(200).await;
    assert_eq!(world.payment("a").await.status, Status::AwaitingPayer);
    world.pass(300).await;
    assert_eq!((world.payment("a").await.status, world.bank.of("a", &["canceled"]).len()), (Status::Canceled, 1));
    world.bank.moves_to("a", "paid");
    world.gateway.receive(&world.bank.callback_for("a")).await;
    world.pass(5).await;
    let late = world.payment("a").await;
    assert_eq!((late.status, late.blocked), (Status::Paid, Some(Block::LateSuccess)));
    assert_eq!(world.ear.count(|change| *change == ToldChange::Reversed(Reversal::LateSuccess)), 1);
    assert_eq!(world.refund("a", "back", 100).await.unwrap().refunded, eur(100));
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_is_canceled_ends_its_watch() {
    let world = World::new();
    world.charge("a", "payer").await.unwrap();
    assert_eq!(world.cancel("a").await.unwrap().status, Status::Canceled);
    world.pass(120).await;
    let asked = world.bank.requests("GET");
    world.pass(7200).await;
    assert_eq!(world.bank.requests("GET"), asked);
    assert_eq!(world.charge("a", "payer").await.unwrap_err().kind(), ErrorKind::Declined);
}
