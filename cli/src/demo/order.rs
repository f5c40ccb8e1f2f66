//! The orders of the demo, as a seed makes them.

use paysluice::env::{Rng, SeededRng};
use paysluice::model::{Currency, Error, Invalid, Money, OrderNo};

/// An order of the demo.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) no: OrderNo,
    pub(crate) money: Money,
    /// Which channel it is paid by.
    pub(crate) channel: usize,
    /// From 0 to 99: what is wanted of it, by the channel's shares.
    pub(crate) lot: u64,
    /// How it is wanted, where there are several ways.
    pub(crate) way: u64,
    /// Two clerks ask for its payment at once.
    pub(crate) by_two: bool,
}

/// The orders that a seed makes, in a currency that every channel takes.
pub(crate) fn orders(count: u32, seed: u64, channels: usize) -> Result<Vec<Order>, String> {
    let rng = SeededRng::new(seed);
    let yuan = Currency::parse("CNY").map_err(|invalid| invalid.to_string())?;
    let one_of = |count: u64| rng.next_u64().checked_rem(count).unwrap_or(0);
    let order = |index: u32| {
        let fen = 1_000 + i64::try_from(one_of(99_000)).unwrap_or(0);
        Ok(Order {
            // Of characters that every channel takes as its own number.
            no: OrderNo::new(format!("demo_{seed}_{index:05}"))?,
            money: Money::new(fen, yuan)?,
            channel: usize::try_from(one_of(u64::try_from(channels).unwrap_or(1))).unwrap_or(0),
            lot: one_of(100),
            way: rng.next_u64(),
            by_two: one_of(20) == 0,
        })
    };
    (0..count).map(order).collect::<Result<_, Invalid>>().map_err(|invalid| invalid.to_string())
}

/// One part of `of`, rounded down to the smallest unit.
pub(crate) fn part(money: Money, of: i64) -> Result<Money, Error> {
    Ok(Money::new(money.minor().checked_div(of).unwrap_or(0), money.currency())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_orders_in_the_mix_promised() {
        let (a, b) = (orders(1000, 7, 2).unwrap(), orders(1000, 7, 2).unwrap());
        let shown = |order: &Order| (order.no.clone(), order.money, order.channel, order.lot, order.way, order.by_two);
        assert!(a.iter().zip(&b).all(|(a, b)| shown(a) == shown(b)));
        let share = |fits: fn(&Order) -> bool| a.iter().filter(|order| fits(order)).count();
        assert!((450..550).contains(&share(|order| order.channel == 0)));
        assert_eq!(share(|order| order.channel > 1), 0);
        assert!((30..75).contains(&share(|order| order.by_two)));
        assert!((450..550).contains(&share(|order| order.lot < 50)));
    }
}
