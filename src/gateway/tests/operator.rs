//! What a person decides is checked, settled like any other outcome, and written down; and never makes an order be charged twice.

use std::time::Duration;

use super::bank::Fault;
use super::toy::Toy;
use super::world::*;
use crate::gateway::*;
use crate::model::*;
use crate::signing::Sealer;
use crate::store::{Durability, SpaceKind};

/// The charge of order `a` is in doubt, and the provider cannot be reached from then on.
async fn in_doubt(fault: Fault) -> World {
    let world = World::of(Toy { replay: Duration::ZERO, ..Toy::new() }, 1);
    world.bank.fail("/confirm", fault);
    silence(&world, "/pay_001");
    assert_eq!(world.charge("a", "ok").await.unwrap_err().fate(), Fate::Unknown);
    world
}

fn silence(world: &World, path: &'static str) {
    (0..9000).for_each(|_| world.bank.fail(path, Fault::LostBefore));
}

async fn settle(world: &World, operation: &str, ruling: &Ruling) -> Result<Payment, Error> {
    let operator = world.gateway.operator("maria", "the dashboard shows it so").unwrap();
    let call = Call::within(Duration::from_secs(5));
    operator.settle(&order_no("a"), operation, ruling, call).await.map(|answer| answer.value)
}

fn paid_as(id: &str, minor: i64) -> Ruling {
    Ruling::AppliedAs { provider_id: id.to_owned(), money: eur(minor) }
}

async fn view(world: &World) -> OrderView {
    world.gateway.inspect(&order_no("a")).await.unwrap()
}

/// The bank can be reached again, and nobody has looked yet.
fn speaks(world: &World) {
    world.bank.ledger().clear_faults();
}

#[tokio::test(start_paused = true)]
async fn a_charge_is_settled_as_applied_by_the_providers_own_answer() {
    let world = in_doubt(Fault::LostAfter).await;
    speaks(&world);
    let paid = settle(&world, "charge/1", &paid_as("pay_001", 100)).await.unwrap();
    assert_eq!((paid.status, paid.captured), (Status::Paid, eur(100)));
    world.pass(5).await;
    assert_eq!(world.ear.heard(), [(ToldChange::Payment, Status::Paid)]);
    assert_eq!(world.ear.told.lock().unwrap()[0].by, By::Operator);
    let audit = view(&world).await.audit;
    let [entry] = audit.as_slice() else { panic!("{audit:?}") };
    assert_eq!((&*entry.by, &*entry.act, entry.operation.as_deref()), ("maria", "settle", Some("charge/1")));
    assert_eq!((&*entry.before, &*entry.after), ("doubt; payment not known", "settled; payment paid"));
    assert_eq!(world.charge("a", "ok").await.unwrap().status, Status::Paid);
    assert_eq!(world.bank.of("a", &["paid"]).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_word_that_the_provider_contradicts_changes_nothing() {
    // Applied, it says; but the person says it was not, and would charge again.
    let world = in_doubt(Fault::LostAfter).await;
    speaks(&world);
    let error = settle(&world, "charge/1", &Ruling::NotApplied).await.unwrap_err();
    assert_eq!((error.kind(), world.doubts().await.len()), (ErrorKind::Conflict, 1), "{error}");
    assert!(error.to_string().contains("says paid"), "{error}");
    // Not applied, it says; but the person says it was.
    let world = in_doubt(Fault::LostBefore).await;
    speaks(&world);
    let error = settle(&world, "charge/1", &paid_as("pay_001", 100)).await.unwrap_err();
    assert_eq!((error.kind(), world.doubts().await.len()), (ErrorKind::Conflict, 1), "{error}");
    assert!(view(&world).await.audit.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_charge_is_decided_only_with_the_providers_answer_and_given_up_without() {
    let world = in_doubt(Fault::LostAfter).await;
    for ruling in [Ruling::NotApplied, paid_as("pay_001", 100)] {
        let error = settle(&world, "charge/1", &ruling).await.unwrap_err();
        assert_eq!((error.kind(), world.doubts().await.len()), (ErrorKind::Refused, 1), "{error}");
    }
    assert_eq!(world.charge("a", "ok").await.unwrap_err().fate(), Fate::Unknown);
    let operator = world.gateway.operator("maria", "the provider is gone for good").unwrap();
    operator.abandon(&order_no("a")).await.unwrap();
    let audit = view(&world).await.audit;
    assert_eq!((audit.len(), &*audit[0].act, &*audit[0].after), (1, "abandon", "released; payment not known"));
}

#[tokio::test(start_paused = true)]
async fn what_was_not_applied_can_be_charged_again_and_is_charged_once() {
    let world = in_doubt(Fault::LostBefore).await;
    speaks(&world);
    let released = settle(&world, "charge/1", &Ruling::NotApplied).await.unwrap();
    assert_eq!(released.status, Status::Canceled);
    assert!(released.reason.unwrap().message.unwrap().contains("by the word of maria"));
    assert_eq!(world.charge("a", "ok").await.unwrap().status, Status::Paid);
    assert_eq!(world.bank.of("a", &["paid"]).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_applied_charge_needs_the_right_payment_and_the_right_money() {
    let world = in_doubt(Fault::LostAfter).await;
    world.bank.fail("/till", Fault::Unsent);
    speaks(&world);
    let other = world.charge("b", "ok").await.unwrap().provider_id.unwrap();
    for (ruling, kind) in [
        (Ruling::Applied, ErrorKind::Invalid),
        (paid_as("pay_001", 99), ErrorKind::Invalid),
        (paid_as(&other, 100), ErrorKind::Conflict),
        (paid_as("pay_999", 100), ErrorKind::Conflict),
    ] {
        let error = settle(&world, "charge/1", &ruling).await.unwrap_err();
        assert_eq!((error.kind(), world.doubts().await.len()), (kind, 1), "{ruling:?}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_is_in_doubt_is_decided() {
    let world = World::new();
    world.charge("a", "ok").await.unwrap();
    for (operation, kind) in [
        ("charge/1", ErrorKind::Conflict),
        ("charge/2", ErrorKind::Invalid),
        ("refund/r1", ErrorKind::Invalid),
        ("", ErrorKind::Invalid),
    ] {
        assert_eq!(settle(&world, operation, &Ruling::NotApplied).await.unwrap_err().kind(), kind, "{operation}");
    }
    let operator = world.gateway.operator("maria", "because").unwrap();
    let none = operator.settle(&order_no("none"), "charge/1", &Ruling::NotApplied, Call::default()).await;
    assert_eq!(none.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test(start_paused = true)]
async fn what_the_resolver_is_sending_right_now_is_not_decided() {
    // Its send may be the first execution: a person's "not applied" beside it would let the order be charged twice.
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
    let error = settle(&world, "charge/1", &Ruling::NotApplied).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    world.pass(30).await;
    assert_eq!(world.payment("a").await.status, Status::Paid);
    assert_eq!(world.bank.of("a", &["paid"]).len(), 1);
}

/// A refund or capture of order `a` under `x` is in doubt, and the provider cannot be reached.
async fn part_in_doubt(kind: &str, fault: Fault) -> World {
    let world = World::of(Toy { replay: Duration::ZERO, ..Toy::new() }, 1);
    if kind == "refund" {
        world.charge("a", "ok").await.unwrap();
        world.bank.fail("/refund", fault);
        silence(&world, "/pay_001");
        assert_eq!(world.refund("a", "x", 40).await.unwrap_err().fate(), Fate::Unknown);
    } else {
        world.send(charge("a", "ok").capture_later()).await.unwrap();
        world.bank.fail("/capture", fault);
        silence(&world, "/pay_001");
        assert_eq!(world.capture("a", "x", 100).await.unwrap_err().fate(), Fate::Unknown);
    }
    world
}

#[tokio::test(start_paused = true)]
async fn a_refund_or_capture_is_settled_as_applied_on_a_word_when_nobody_answers() {
    let world = part_in_doubt("refund", Fault::LostAfter).await;
    let error = settle(&world, "refund/x", &Ruling::NotApplied).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "it would be given back twice: {error}");
    let given =
        settle(&world, "refund/x", &Ruling::AppliedAs { provider_id: "part_2".to_owned(), money: eur(40) }).await.unwrap();
    assert_eq!((given.refunded, &given.refunds[0].status), (eur(40), &PartStatus::Succeeded));
    assert_eq!(given.refunds[0].provider_id.as_deref(), Some("part_2"));
    assert!(world.doubts().await.is_empty());
    let world = part_in_doubt("capture", Fault::LostAfter).await;
    let taken = settle(&world, "capture/x", &Ruling::Applied).await.unwrap();
    assert_eq!((taken.status, taken.captured), (Status::Paid, eur(100)));
    world.pass(5).await;
    assert_eq!(world.ear.count(|change| *change == ToldChange::Capture("x".to_owned())), 1);
    speaks(&world);
    assert_eq!(world.capture("a", "x", 100).await.unwrap().captured, eur(100));
    assert_eq!(world.bank.requests("/capture"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refund_or_capture_that_never_arrived_frees_what_it_held() {
    for kind in ["refund", "capture"] {
        let world = part_in_doubt(kind, Fault::LostBefore).await;
        speaks(&world);
        let settled = settle(&world, &format!("{kind}/x"), &Ruling::NotApplied).await.unwrap();
        assert!(settled.refunded.is_zero(), "{settled:?}");
        let again = if kind == "refund" { world.refund("a", "x", 40).await } else { world.capture("a", "x", 100).await };
        let (expected, got) =
            if kind == "refund" { (eur(40), again.unwrap().refunded) } else { (eur(100), again.unwrap().captured) };
        assert_eq!(got, expected, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_people_decide_it_once() {
    let world = in_doubt(Fault::LostAfter).await;
    speaks(&world);
    let ruling = paid_as("pay_001", 100);
    let (one, two) = tokio::join!(settle(&world, "charge/1", &ruling), settle(&world, "charge/1", &ruling));
    assert!(one.is_ok() || two.is_ok());
    assert_eq!(view(&world).await.audit.len(), 1);
    world.pass(60).await;
    assert_eq!(world.ear.heard().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_meanwhile_settles_nothing_behind_ones_back() {
    let world = in_doubt(Fault::LostAfter).await;
    speaks(&world);
    world.store.fail(Some(SpaceKind::Audit), Trouble::Before, 3);
    let error = settle(&world, "charge/1", &paid_as("pay_001", 100)).await.unwrap_err();
    assert_eq!((error.kind(), view(&world).await.audit.len()), (ErrorKind::StoreFailed, 0));
    // And when only the answer of the commit was lost, it is there once.
    world.store.fail(Some(SpaceKind::Audit), Trouble::After, 2);
    assert_eq!(settle(&world, "charge/1", &paid_as("pay_001", 100)).await.unwrap().status, Status::Paid);
    assert_eq!(view(&world).await.audit.len(), 1);
}

/// Order `a` was charged under a key that is lost: the resolver takes it up in vain, again and again.
async fn sealed_for_good(token: &str) -> World {
    let mut world = World::of(Toy { replay: Duration::ZERO, ..Toy::new() }, 1);
    let built = |world: &World, key: u8| {
        let sealer = Sealer::new([(format!("k{key}"), Secret::new(key.to_string().repeat(32)))]).unwrap();
        Gateway::builder(std::sync::Arc::new(world.toy.clone()), world.bank.clone(), world.store.clone(), world.env.clone())
            .handler(world.ear.clone())
            .sealer(sealer)
            .accept_durability(Durability::Process)
            .build()
            .unwrap()
    };
    world.crash();
    world.gateway = built(&world, 1);
    if token == "ok" {
        world.bank.fail("/confirm", Fault::LostAfter);
    }
    assert_eq!(world.charge("a", token).await.is_err(), token == "ok");
    world.crash();
    world.gateway = built(&world, 2);
    world.pass(400).await;
    let stuck = &view(&world).await.operations[0];
    assert!(stuck.held && stuck.tries >= 3, "{stuck:?}");
    world
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_open_any_more_is_still_decided_by_the_providers_answer() {
    for token in ["ok", "payer"] {
        let world = sealed_for_good(token).await;
        world.bank.pays("a");
        let error = settle(&world, "charge/1", &Ruling::NotApplied).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert_eq!(settle(&world, "charge/1", &paid_as("pay_001", 100)).await.unwrap().status, Status::Paid, "{token}");
        assert_eq!(view(&world).await.operations[0].state, Standing::Settled);
        assert!(world.gateway.open_operations(None, 10).await.unwrap().items.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn adopting_and_replaying_by_hand_are_written_down() {
    let world = World::new();
    world.charge("b", "ok").await.unwrap();
    let id = {
        let mut ledger = world.bank.ledger();
        let mut made = ledger.payments["pay_001"].clone();
        (made["id"], made["number"], made["order"]) = ("pay_x".into(), "elsewhere".into(), "elsewhere".into());
        ledger.payments.insert("pay_x".to_owned(), made);
        "pay_x"
    };
    let operator = world.gateway.operator("maria", "made at the dashboard").unwrap();
    let adopted = operator.adopt(&order_no("a"), id, eur(100), Call::default()).await.unwrap();
    assert_eq!(adopted.value.status, Status::Paid);
    let audit = view(&world).await.audit;
    assert_eq!((audit.len(), &*audit[0].act, &*audit[0].after), (1, "adopt", "payment pay_x, 1.00 EUR"));
}
