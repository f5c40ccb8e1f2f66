//! Money at stake: refunds that together exceed the charge, and a cancel that overtakes its charge.

use super::Bench;
use super::ground::{Ground, insert, over, together};
use crate::env::BoxFuture;
use crate::store::{Commit, Key, Put, Row, SpaceKind};

/// Thirty-two refunds of 60 from 100, by compare-and-set on the one order row: exactly one is reserved.
pub async fn of_32_refunds_that_exceed_only_one_wins(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let order = ground.key(SpaceKind::Order, "order/1", "1");
    ground.put(Put { body: "100".into(), ..insert(&order) }).await;
    let refunds = (0..32).map(|n| {
        let (ground, order) = (if n % 8 == 0 { ground.seen_by(bench) } else { ground.clone() }, order.clone());
        async move { add(&ground, &order, -60, &[]).await }
    });
    let won = together(refunds).await.into_iter().filter(|answer| *answer == Added::Done).count();
    assert_eq!((won, amount(&ground.get(&order).await.unwrap())), (1, 40));
}

/// Two charges and two cancels of one order at once, two hundred orders: whoever comes first, in the end nothing is
/// charged, and no cancel pays back what was never taken.
pub async fn a_cancel_before_its_charge_blocks_it(bench: &dyn Bench) {
    let (ground, other) = (Ground::new(bench), Ground::new(bench));
    let other = Ground { store: other.store, account: ground.account.clone() };
    for round in 0..200 {
        let part = format!("order/{round}");
        let balance = ground.key(SpaceKind::Order, &part, "balance");
        ground.put(Put { body: "0".into(), ..insert(&balance) }).await;
        let tasks = [(&ground, true), (&other, false), (&other, true), (&ground, false)].map(|(ground, charges)| {
            let (ground, balance) = (ground.clone(), balance.clone());
            if charges { Box::pin(charge(ground, balance)) as BoxFuture<'static, ()> } else { Box::pin(cancel(ground, balance)) }
        });
        together(tasks).await;
        assert_eq!(amount(&ground.get(&balance).await.unwrap()), 0, "round {round}");
    }
}

/// Takes 30 unless it is taken already or the cancel has set its block.
async fn charge(ground: Ground, balance: Key) {
    let charged = ground.key(SpaceKind::Effect, &balance.part, "charge");
    add(&ground, &balance, 30, &[insert(&charged)]).await;
}

/// Blocks the charge if it has not run; else gives the 30 back, once.
async fn cancel(ground: Ground, balance: Key) {
    let [charged, canceled] = ["charge", "cancel"].map(|id| ground.key(SpaceKind::Effect, &balance.part, id));
    if let Commit::Lost { index: 0, .. } = ground.commit(&[insert(&charged), insert(&canceled)]).await {
        add(&ground, &balance, -30, &[insert(&canceled)]).await;
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Added {
    Done,
    TooLittle,
    Before,
}

/// Adds to the amount in a row together with other puts, by compare-and-set until it wins or may not.
async fn add(ground: &Ground, key: &Key, change: i64, with: &[Put]) -> Added {
    let mut row = ground.get(key).await.expect("the row stands");
    loop {
        let sum = amount(&row) + change;
        if sum < 0 {
            return Added::TooLittle;
        }
        let puts: Vec<Put> = with.iter().cloned().chain([over(key, row.ver, sum.to_string())]).collect();
        match ground.commit(&puts).await {
            Commit::Done(_) => return Added::Done,
            Commit::Lost { index, .. } if index < with.len() => return Added::Before,
            Commit::Lost { current, .. } => row = current.expect("the row stands"),
        }
        tokio::task::yield_now().await;
    }
}

fn amount(row: &Row) -> i64 {
    std::str::from_utf8(&row.body).unwrap().parse().unwrap()
}
