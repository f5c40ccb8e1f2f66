//! A season of chance: random operations and faults from a seed, then time passes, and the ledger judges.

use std::time::Duration;

use super::toy::Toy;
use super::world::*;
use crate::env::{Rng, SeededRng};
use crate::gateway::*;
use crate::model::*;
use crate::signing::sha256_hex;

const SEEDS: u64 = 200;

/// One caller's errand, and what it was told.
async fn errand(world: &World, chance: u64) -> (String, Result<Payment, Error>) {
    let order = format!("o{}", chance % 3);
    let pick = (chance / 3) % 100;
    let number = format!("n{}", (chance / 300) % 3);
    let minor = 20 + i64::try_from((chance / 1000) % 4).unwrap() * 20;
    let token = ["ok", "ok", "payer", "declined"][usize::try_from((chance / 5000) % 4).unwrap()];
    let mut first = charge(&order, ["ok", "payer", "ok"][usize::try_from(chance % 3).unwrap()]);
    if order == "o2" {
        first = first.capture_later();
    }
    let answer = match pick {
        0..35 => world.send(first).await,
        35..45 => world.send(charge(&order, token).attempt(attempt(2))).await,
        45..55 => world.cancel(&order).await,
        55..65 => world.capture(&order, &number, minor).await,
        65..80 => world.refund(&order, &number, minor).await,
        80..90 => {
            let answer = world.gateway.query(crate::adapter::Query::new(order_no(&order)), Call::default()).await;
            answer.map(|answer| answer.value)
        }
        _ => {
            if !world.bank.of(&order, &["awaiting"]).is_empty() {
                world.bank.pays(&order);
            }
            if !world.bank.of(&order, &[]).is_empty() {
                let times = 1 + pick % 2;
                let callback = world.bank.callback_for(&order);
                for _ in 0..times {
                    world.gateway.receive(&callback).await;
                }
            }
            world.gateway.payment(&order_no(&order)).await
        }
    };
    if let Err(error) = &answer {
        not_applied(world, &order, &number, pick, error);
    }
    (format!("{order} {pick} {number} {minor} {token}"), answer)
}

/// What was told as not applied and may be sent again is not in the ledger.
fn not_applied(world: &World, order: &str, number: &str, pick: u64, error: &Error) {
    if !matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Throttled | ErrorKind::Refused | ErrorKind::NotNow) {
        return;
    }
    let holds = |parts: &str, payment: &serde_json::Value| {
        payment[parts].as_array().unwrap().iter().any(|part| part["number"] == number && part["state"] != "failed")
    };
    let applied = match pick {
        0..35 => world.bank.of(order, &["paid", "authorized", "awaiting"]).iter().any(|payment| payment["attempt"] == 1),
        35..45 => world.bank.of(order, &["paid", "authorized", "awaiting"]).iter().any(|payment| payment["attempt"] == 2),
        55..65 => world.bank.of(order, &[]).iter().any(|payment| holds("captures", payment)),
        65..80 => world.bank.of(order, &[]).iter().any(|payment| holds("refunds", payment)),
        _ => false,
    };
    assert!(!applied, "{order} {number} {pick}: told {error}\n{}", world.bank.ledger().log.join("\n"));
}

/// Plays a seed; tells the hash of all that happened.
async fn play(seed: u64) -> String {
    let mut world = World::of(Toy::new(), seed);
    let chance = SeededRng::new(seed.wrapping_mul(7919));
    world.bank.ledger().chaos = 50 + chance.next_u64() % 350;
    let mut trace = Vec::new();
    for _ in 0..6 {
        let errands: Vec<u64> = (0..6).map(|_| chance.next_u64() >> 1).collect();
        let patience = Duration::from_millis(50 + chance.next_u64() % 60_000);
        if chance.next_u64().is_multiple_of(4) {
            let trouble = if chance.next_u64().is_multiple_of(2) { Trouble::Before } else { Trouble::After };
            world.store.fail(None, trouble, usize::try_from(chance.next_u64() % 8).unwrap());
        }
        let all = futures_util::future::join_all(errands.iter().map(|errand| self::errand(&world, *errand)));
        if let Ok(answers) = tokio::time::timeout(patience, all).await {
            for (asked, answer) in answers {
                truth(&world, seed, &asked, answer.as_ref());
                trace.push(format!("{asked} {answer:?}"));
            }
        }
        if chance.next_u64().is_multiple_of(3) {
            world.crash();
        }
        world.env.sleep(Duration::from_millis(chance.next_u64() % 20_000)).await;
    }
    world.bank.ledger().clear_faults();
    world.store.troubles.lock().unwrap().clear();
    world.pass(5400).await;
    the_ledger_agrees(&world, seed).await;
    let ledger = world.bank.ledger();
    trace.extend(ledger.log.iter().cloned());
    trace.extend(ledger.payments.values().map(ToString::to_string));
    trace.push(format!("{:?}", world.ear.heard()));
    sha256_hex(&[trace.join("\n").as_bytes()])
}

/// What a caller was told is so, as far as it can be seen at once.
fn truth(world: &World, seed: u64, asked: &str, answer: Result<&Payment, &Error>) {
    let order = asked.split(' ').next().unwrap();
    if let Ok(payment) = answer
        && payment.status == Status::Paid
    {
        let paid = world.bank.of(order, &["paid"]);
        assert!(!paid.is_empty(), "seed {seed}: {asked} was told paid, the ledger knows of nothing");
    }
}

async fn the_ledger_agrees(world: &World, seed: u64) {
    let log = || world.bank.ledger().log.join("\n");
    for order in ["o0", "o1", "o2"] {
        let charged = world.bank.of(order, &["paid", "authorized"]);
        assert!(charged.len() <= 1, "seed {seed}: {order} was charged {} times\n{}", charged.len(), log());
        let live = world.bank.of(order, &["paid", "authorized", "awaiting"]);
        assert!(live.len() <= 1, "seed {seed}: {order} is live {} times\n{}", live.len(), log());
        let Ok(payment) = world.gateway.payment(&order_no(order)).await else {
            assert!(live.is_empty(), "seed {seed}: {order} is live and has no row");
            continue;
        };
        let Some(truth) = live.first().or(world.bank.of(order, &[]).last()).cloned() else { continue };
        let row = world.gateway.inner().load_order(&order_no(order)).await.unwrap().unwrap().value;
        let mine = row.attempts.iter().find(|one| one.refs.get("payment") == truth["id"].as_str());
        let shown = mine.and_then(|one| one.status.clone());
        let expected = match truth["state"].as_str().unwrap() {
            "created" => continue,
            "awaiting" => Status::AwaitingPayer,
            "authorized" => Status::Authorized,
            "paid" => Status::Paid,
            "declined" => Status::Declined,
            _ => Status::Canceled,
        };
        let canceled_after_decline = expected == Status::Canceled && shown == Some(Status::Declined);
        assert!(
            shown == Some(expected) || canceled_after_decline,
            "seed {seed}: {order}: {truth} {row:?} {payment:?}\n{}",
            log()
        );
        if let Some(attempt) = mine {
            assert_eq!(Some(attempt.captured.minor()), truth["captured"].as_i64(), "seed {seed}: {order} {row:?}\n{}", log());
            assert_eq!(Some(attempt.refunded.minor()), truth["refunded"].as_i64(), "seed {seed}: {order} {row:?}\n{}", log());
            let held: i64 = attempt.refunds.iter().filter(|part| part.status.holds_money()).map(|part| part.money.minor()).sum();
            assert_eq!(Some(held), truth["refunded"].as_i64(), "seed {seed}: {order}: {row:?}\n{}", log());
        }
    }
    let doubts = world.doubts().await;
    assert!(doubts.is_empty(), "seed {seed}: {doubts:?}\n{}", log());
}

fn run(seed: u64) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(play(seed))
}

#[test]
fn whatever_fails_the_ledger_and_the_rows_agree() {
    for seed in 0..SEEDS {
        run(seed);
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..20 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}
