//! The orders of a run, as a seed makes them: what is wanted of each, when, and by which workers at once.

use std::time::Duration;

use paysluice::env::{Rng, SeededRng};
use paysluice::model::{Currency, Invalid, Money, OrderNo};
use serde::{Deserialize, Serialize};

use super::channels::WAYS;

/// What is wanted of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Its money.
    Pay,
    /// A first card that is declined, and then a good one.
    Decline,
    /// Its money, and then two parts of it given back, by the same numbers from everybody.
    Refunds,
    /// Its money, and then more than half of it given back by everybody under a number of his own: one can have it.
    Rivals,
    /// Its money reserved; then half of the workers take it, and half let it go.
    Fork,
    /// Nobody pays, and it is closed.
    Leave,
    /// The payer pays while it is closed.
    Late,
}

/// An order.
#[derive(Clone, Debug)]
pub struct Order {
    /// Its number.
    pub no: OrderNo,
    /// Which of [`WAYS`] it is paid by.
    pub way: usize,
    /// How much.
    pub money: Money,
    /// What is wanted of it.
    pub wish: Wish,
    /// When it is first asked for, from the run's begin.
    pub at: Duration,
    /// Which workers ask.
    pub askers: Vec<usize>,
    /// How long its payer takes, where one must act.
    pub payer: Duration,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// To pay, by this attempt.
    Charge(u32),
    /// To take reserved money.
    Capture(i64),
    /// To give money back: the number, and how much.
    Refund(String, i64),
    /// To take no money for it, or to let go what is held.
    Cancel,
}

/// The orders of a seed, in the order in which they are asked for, spread over `storm`.
pub fn orders(seed: u64, count: u32, workers: usize, storm: Duration) -> Result<Vec<Order>, Invalid> {
    let rng = SeededRng::new(seed ^ 0x0d0e);
    let yuan = Currency::parse("CNY")?;
    let one_of = |count: usize| usize::try_from(rng.next_u64() % u64::try_from(count.max(1)).unwrap_or(1)).unwrap_or(0);
    (0..count)
        .map(|n| {
            let way = one_of(WAYS.len());
            let wishes = WAYS.get(way).map(|way| way.wishes()).unwrap_or_default();
            let wish = wishes.get(one_of(wishes.len())).copied().unwrap_or(Wish::Pay);
            let fen = 1_000 + i64::try_from(one_of(9_000)).unwrap_or(0) * 10;
            // Two in three orders are asked for by everybody, one in three by two.
            let left_out = if one_of(3) == 0 { one_of(workers) } else { workers };
            Ok(Order {
                no: OrderNo::new(format!("{seed}-{n:04}"))?,
                way,
                money: Money::new(fen, yuan)?,
                wish,
                at: storm * n / count.max(1),
                askers: (0..workers).filter(|worker| *worker != left_out).collect(),
                payer: Duration::from_millis(u64::try_from(one_of(1_500)).unwrap_or(0)),
            })
        })
        .collect()
}

impl Order {
    /// What is given back of it: number and amount.
    pub fn refunds(&self, worker: usize) -> Vec<(String, i64)> {
        let number = |name: &str| format!("{}-{name}", self.no);
        let minor = self.money.minor();
        match self.wish {
            Wish::Refunds => vec![(number("r1"), minor / 3), (number("r2"), minor / 4)],
            // Amounts of their own, so that the ledger tells whose it was.
            Wish::Rivals => vec![(number(&format!("v{worker}")), minor / 10 * 6 + i64::try_from(worker).unwrap_or(0) + 1)],
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_orders_and_most_are_asked_for_by_all() {
        let make = || orders(7, 300, 3, Duration::from_secs(10)).unwrap();
        let (a, b) = (make(), make());
        let shown = |order: &Order| format!("{order:?}");
        assert!(a.iter().zip(&b).all(|(a, b)| shown(a) == shown(b)));
        let all = a.iter().filter(|order| order.askers.len() == 3).count();
        assert!((150..250).contains(&all) && a.iter().all(|order| order.askers.len() >= 2), "{all}");
        for wish in [Wish::Pay, Wish::Decline, Wish::Refunds, Wish::Rivals, Wish::Fork, Wish::Leave, Wish::Late] {
            assert!(a.iter().filter(|order| order.wish == wish).count() > 10, "{wish:?}");
        }
    }
}
