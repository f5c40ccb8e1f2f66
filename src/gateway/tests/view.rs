//! What operators see: orders whole, everything unfinished, and nothing that lets its bearer pay.

use std::time::Duration;

use super::bank::Fault;
use super::toy::Toy;
use super::world::*;
use crate::gateway::*;
use crate::model::*;

/// A paid order, one that waits, one in doubt, one with a slow refund, one that was blocked.
async fn busy() -> World {
    let world = World::of(Toy { replay: Duration::ZERO, ..Toy::new() }, 1);
    world.charge("1-paid", "ok").await.unwrap();
    world.charge("2-waits", "payer").await.unwrap();
    world.bank.ledger().slow_refunds = true;
    world.charge("3-slow", "ok").await.unwrap();
    world.refund("3-slow", "r1", 40).await.unwrap();
    world.bank.ledger().misread = Some(77);
    world.charge("4-other", "ok").await.unwrap_err();
    world.bank.ledger().misread = None;
    world.bank.fail("/confirm", Fault::LostAfter);
    (0..9000).for_each(|_| world.bank.fail("/pay_005", Fault::LostBefore));
    world.charge("5-doubt", "ok").await.unwrap_err();
    world
}

async fn open(world: &World) -> Vec<OperationView> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = world.gateway.open_operations(after.as_deref(), 1).await.unwrap();
        all.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn everything_unfinished_is_listed_with_its_age_and_next_look() {
    let world = busy().await;
    let found = open(&world).await;
    let names: Vec<_> =
        found.iter().map(|operation| (operation.order.as_str(), operation.operation.as_str(), operation.state)).collect();
    assert_eq!(
        names,
        [
            ("2-waits", "charge/1", Standing::Watched),
            ("3-slow", "refund/r1", Standing::Watched),
            ("5-doubt", "charge/1", Standing::Doubt)
        ]
    );
    assert!(found.iter().all(|operation| operation.next_look.is_some()));
    let doubt = &found[2];
    assert!(doubt.says.as_deref().is_some_and(|says| says.contains("broke")), "{doubt:?}");
    world.pass(3600).await;
    let doubt = open(&world).await.pop().unwrap();
    assert!(doubt.age >= Duration::from_secs(3600) && doubt.looks > 2, "{doubt:?}");
}

#[tokio::test(start_paused = true)]
async fn orders_are_listed_by_what_they_wait_for() {
    let world = busy().await;
    for (wanted, expected) in [
        (Wanted::All, &["1-paid", "2-waits", "3-slow", "4-other", "5-doubt"][..]),
        (Wanted::Blocked, &["4-other"]),
        (Wanted::Pending, &["3-slow"]),
        (Wanted::Unpaid, &["2-waits", "5-doubt"]),
    ] {
        let page = world.gateway.list(wanted, None, 10).await.unwrap();
        let orders: Vec<_> = page.items.iter().map(|line| line.order_no.as_str()).collect();
        assert_eq!((orders.as_slice(), page.next), (expected, None), "{wanted:?}");
    }
    let first = world.gateway.list(Wanted::All, None, 2).await.unwrap();
    let next = order_no(&first.next.unwrap());
    let rest = world.gateway.list(Wanted::All, Some(&next), 10).await.unwrap();
    assert_eq!((first.items.len(), rest.items.len()), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn an_order_is_shown_whole_and_with_nothing_that_pays() {
    let world = busy().await;
    world.pass(2).await;
    let waits = world.gateway.inspect(&order_no("2-waits")).await.unwrap();
    assert_eq!((waits.attempts[0].action, &waits.attempts[0].payment.next_action), (Some("redirect"), &None));
    let shown = format!("{waits:?} {}", serde_json::to_string(&waits).unwrap());
    assert!(!shown.contains("toy.test/pay") && !shown.contains("whisper") && !shown.contains("carry"), "{shown}");
    let slow = world.gateway.inspect(&order_no("3-slow")).await.unwrap();
    let operations: Vec<_> = slow.operations.iter().map(|operation| (operation.operation.as_str(), operation.state)).collect();
    assert_eq!(operations, [("charge/1", Standing::Settled), ("refund/r1", Standing::Watched)]);
    assert!(!slow.tells.is_empty() && slow.tells.iter().all(|tell| tell.taken), "{:?}", slow.tells);
    assert_eq!(world.gateway.inspect(&order_no("none")).await.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test(start_paused = true)]
async fn looking_now_brings_an_order_to_its_end_and_says_how_it_stands() {
    let world = busy().await;
    world.pass(600).await;
    world.bank.ledger().clear_faults();
    let asked = world.env.now();
    let view = world.gateway.resolve_now(&order_no("5-doubt"), Call::default()).await.unwrap();
    assert_eq!(view.attempts[0].payment.status, Status::Paid);
    assert_eq!(view.operations[0].state, Standing::Settled);
    assert!(world.env.now().since(asked) < Duration::from_secs(3));
    // What waits for its payer goes on waiting.
    let waits = world.gateway.resolve_now(&order_no("2-waits"), Call::default()).await.unwrap();
    assert_eq!(waits.operations[0].state, Standing::Watched);
}

#[tokio::test(start_paused = true)]
async fn looking_now_does_not_take_what_somebody_else_is_sending() {
    let world = World::new();
    world.bank.fail("/confirm", Fault::Slow(Duration::from_secs(5)));
    let later = async {
        world.env.sleep(Duration::from_millis(500)).await;
        world.gateway.resolve_now(&order_no("a"), Call::within(Duration::from_secs(2))).await.unwrap()
    };
    let (charged, view) = tokio::join!(world.charge("a", "ok"), later);
    assert_eq!((charged.unwrap().status, view.operations[0].state), (Status::Paid, Standing::Sending));
    assert_eq!(world.bank.requests("/confirm"), 1);
}

#[tokio::test(start_paused = true)]
async fn the_dead_callbacks_of_an_order_are_found_and_replayed_by_name() {
    let world = World::new();
    world.charge("a", "ok").await.unwrap();
    let mut stranger = world.bank.of("a", &[]).pop().unwrap();
    (stranger["id"], stranger["number"], stranger["order"]) = ("pay_9".into(), "later".into(), "later".into());
    world.gateway.receive(&world.bank.callback("ev", &stranger)).await;
    world.pass(48 * 3600).await;
    let dead = world.gateway.dead_letters_of(&order_no("later")).await.unwrap();
    assert!(world.gateway.dead_letters_of(&order_no("a")).await.unwrap().is_empty());
    if let [letter] = dead.as_slice() {
        assert!(letter.replayable);
        world.gateway.operator("maria", "the order is here now").unwrap().replay(&letter.delivery_key).await.unwrap();
        let audit = world.gateway.audit(None, 10).await.unwrap().items;
        assert_eq!((&*audit[0].act, &*audit[0].about), ("replay", &*format!("callback/{}", letter.delivery_key)));
    } else {
        panic!("{dead:?} {:?}", world.gateway.dead_letters(10).await);
    }
}
