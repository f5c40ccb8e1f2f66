//! Holds what the shop was told, and what the store says, against the bank's ledger.

use paysluice::model::{Fate, Payment, Status};
use paysluice_sandbox::{Entry, EntryKind};

use super::work::{Asked, Diary, Line};

/// What was told wrongly of an order: a fate that the ledger did not bear out at that moment.
pub(crate) fn lies<'a>(diary: &'a Diary, entries: &'a [&Entry]) -> impl Iterator<Item = &'a Line> {
    diary.lines.iter().filter(|line| {
        let done = entries.iter().any(|entry| entry.at <= line.at && bears_out(diary, entry, line.asked));
        match line.fate {
            Fate::Applied => !done,
            Fate::NotApplied => done,
            Fate::Unknown => false,
        }
    })
}

fn bears_out(diary: &Diary, entry: &Entry, asked: Asked) -> bool {
    match asked {
        Asked::Charge(attempt) => {
            let anothers = diary.ids.iter().any(|(other, id)| *other != attempt && *id == entry.payment);
            matches!(entry.kind, EntryKind::Charge | EntryKind::Authorize) && !anothers
        }
        Asked::Capture(money) => entry.kind == EntryKind::Capture && entry.amount == money.minor(),
        Asked::Cancel => entry.kind == EntryKind::Void,
        Asked::Refund(money) => entry.kind == EntryKind::Refund && entry.amount == money.minor(),
    }
}

/// What the bank holds, has taken and has given back of an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Books {
    pub(crate) taken: i64,
    pub(crate) refunded: i64,
    pub(crate) held: i64,
}

impl Books {
    /// What the ledger's entries of one order come to.
    pub(crate) fn of(entries: &[&Entry]) -> Self {
        let mut books = Self::default();
        for entry in entries {
            match entry.kind {
                EntryKind::Charge => books.taken += entry.amount,
                EntryKind::Authorize => books.held += entry.amount,
                EntryKind::Capture => {
                    books.taken += entry.amount;
                    books.held -= entry.amount;
                }
                EntryKind::Void => books.held -= entry.amount,
                EntryKind::Refund => books.refunded += entry.amount,
                EntryKind::RefundReversed => books.refunded -= entry.amount,
            }
        }
        books
    }

    /// Whether the store says the same, to the cent.
    pub(crate) fn agree_with(self, payment: &Payment) -> bool {
        let holds = payment.status == Status::Authorized;
        payment.captured.minor() == self.taken
            && payment.refunded.minor() == self.refunded
            && (payment.status == Status::Paid) == (self.taken > 0)
            && holds == (self.held > 0)
            && (!holds || self.held == payment.money.minor())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use paysluice::model::{AttemptNo, Currency, Money};
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    fn entry(second: u64, kind: EntryKind, amount: i64) -> Entry {
        let (order, payment, currency) = ("o".to_owned(), "p".to_owned(), "usd".to_owned());
        Entry { seq: 0, at: at(second), order, payment, kind, amount, currency }
    }

    fn diary(asked: Asked, fate: Fate, second: u64) -> Diary {
        Diary { lines: vec![Line { asked, fate, at: at(second) }], ..Diary::default() }
    }

    #[test]
    fn a_fate_that_the_ledger_does_not_bear_out_is_a_lie() {
        let charged = entry(5, EntryKind::Charge, 100);
        let told = |fate, second| lies(&diary(Asked::Charge(AttemptNo::FIRST), fate, second), &[&charged]).count();
        assert_eq!((told(Fate::Applied, 6), told(Fate::Applied, 4)), (0, 1));
        assert_eq!((told(Fate::NotApplied, 4), told(Fate::NotApplied, 6)), (0, 1));
        assert_eq!(told(Fate::Unknown, 6), 0);
    }

    #[test]
    fn money_that_another_attempt_took_is_not_this_ones() {
        let charged = entry(5, EntryKind::Charge, 100);
        let mut second = diary(Asked::Charge(AttemptNo::FIRST.next()), Fate::NotApplied, 6);
        assert_eq!(lies(&second, &[&charged]).count(), 1);
        second.ids.insert(AttemptNo::FIRST, "p".to_owned());
        assert_eq!(lies(&second, &[&charged]).count(), 0);
    }

    #[test]
    fn a_refund_is_borne_out_by_its_own_amount_only() {
        let money = |minor| Money::new(minor, Currency::USD).unwrap();
        let refund = entry(5, EntryKind::Refund, 30);
        let told = |minor| lies(&diary(Asked::Refund(money(minor)), Fate::Applied, 6), &[&refund]).count();
        assert_eq!((told(30), told(40)), (0, 1));
    }

    #[test]
    fn the_books_are_the_sum_of_the_entries() {
        let entries = [
            entry(1, EntryKind::Authorize, 100),
            entry(2, EntryKind::Capture, 60),
            entry(2, EntryKind::Void, 40),
            entry(3, EntryKind::Refund, 20),
        ];
        let books = Books::of(&entries.iter().collect::<Vec<_>>());
        assert_eq!(books, Books { taken: 60, refunded: 20, held: 0 });
    }
}
