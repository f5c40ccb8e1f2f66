//! Holds what the shop was told, and what the store says, against the bank's ledger.

use paysluice::model::{AttemptNo, Fate, Payment, Status};
use paysluice_sandbox::{Entry, EntryKind};

use super::diary::{Asked, Diary, Line};

/// What was told wrongly of an order: a fate that the bank did not bear out. `ended`: the bank takes no money for it any more.
pub(crate) fn lies<'a>(diary: &'a Diary, entries: &'a [&Entry], ended: bool) -> impl Iterator<Item = &'a Line> {
    diary.lines.iter().filter(move |line| match line.fate {
        Fate::Applied => !is_done(diary, entries, line, ended),
        Fate::NotApplied => is_undone_no_more(diary, entries, line, ended),
        Fate::Unknown => false,
    })
}

/// Whether the bank had done by then what was asked.
fn is_done(diary: &Diary, entries: &[&Entry], line: &Line, ended: bool) -> bool {
    let before = || entries.iter().filter(|entry| entry.at <= line.at);
    match line.asked {
        Asked::Charge(attempt) => before().any(|entry| takes(entry) && !is_anothers(diary, entry, attempt)),
        Asked::Capture(money) => before().any(|entry| entry.kind == EntryKind::Capture && entry.amount == money.minor()),
        Asked::Refund(money) | Asked::Return(money) => {
            before().any(|entry| entry.kind == EntryKind::Refund && entry.amount == money.minor())
        }
        Asked::LetGo => before().any(|entry| entry.kind == EntryKind::Void),
        // What is ended stays so: nothing may be kept of what comes afterwards either.
        Asked::End => ended && entries.iter().map(|entry| kept(entry)).sum::<i64>() == 0,
    }
}

/// Whether the bank had done what was told as not done. Money that went back as a whole was not taken.
fn is_undone_no_more(diary: &Diary, entries: &[&Entry], line: &Line, ended: bool) -> bool {
    match line.asked {
        Asked::Charge(attempt) => {
            let ours = entries.iter().filter(|entry| entry.at <= line.at && !is_anothers(diary, entry, attempt));
            ours.map(|entry| kept(entry)).sum::<i64>() > 0
        }
        // It leaves no line in the ledger: only the last word can be held against what the bank says now.
        Asked::End => ended && !diary.lines.iter().any(|later| later.asked == Asked::End && later.at > line.at),
        Asked::Capture(_) | Asked::Refund(_) | Asked::Return(_) | Asked::LetGo => is_done(diary, entries, line, ended),
    }
}

fn is_anothers(diary: &Diary, entry: &Entry, attempt: AttemptNo) -> bool {
    diary.ids.iter().any(|(other, id)| *other != attempt && *id == entry.payment)
}

fn takes(entry: &Entry) -> bool {
    matches!(entry.kind, EntryKind::Charge | EntryKind::Authorize)
}

/// What the entry adds to the money that the merchant holds or has.
fn kept(entry: &Entry) -> i64 {
    match entry.kind {
        EntryKind::Charge | EntryKind::Authorize | EntryKind::RefundReversed => entry.amount,
        EntryKind::Void | EntryKind::Refund => -entry.amount,
        EntryKind::Capture => 0,
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
    /// What entries come to.
    pub(crate) fn of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Self {
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

    fn kept(self) -> i64 {
        self.held + self.taken - self.refunded
    }
}

/// Whether the store says the same of an order as its entries, to the smallest unit. The store speaks of the latest attempt;
/// of any other nothing may be kept.
pub(crate) fn agree(payment: &Payment, entries: &[&Entry]) -> bool {
    let latest = |entry: &&Entry| Some(&entry.payment) == payment.provider_id.as_ref();
    let (ours, others): (Vec<&Entry>, Vec<&Entry>) = entries.iter().copied().partition(latest);
    let (books, others) = (Books::of(ours), Books::of(others));
    if others.kept() != 0 {
        return false;
    }
    let holds = payment.status == Status::Authorized;
    // The bank books a refund when it accepts it; the store counts it when it is done.
    let accepted = payment.refunds.iter().filter(|refund| refund.status.holds_money() && !refund.status.is_settled());
    let refunded = payment.refunded.minor() + accepted.map(|refund| refund.money.minor()).sum::<i64>();
    let same = payment.captured.minor() == books.taken && refunded == books.refunded;
    match payment.status {
        // What was undone as a whole: how it went to and fro the provider need not have told.
        Status::Canceled => books.kept() == 0,
        _ => {
            same && (payment.status == Status::Paid) == (books.taken > 0)
                && holds == (books.held > 0)
                && (!holds || books.held == payment.money.minor())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use paysluice::model::{Currency, Money};
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    fn entry(second: u64, kind: EntryKind, amount: i64) -> Entry {
        let (order, payment, currency) = ("o".to_owned(), "p".to_owned(), "cny".to_owned());
        Entry { seq: 0, at: at(second), order, payment, kind, amount, currency }
    }

    fn diary(asked: Asked, fate: Fate, second: u64) -> Diary {
        Diary { lines: vec![Line { asked, fate, at: at(second) }], ..Diary::default() }
    }

    #[test]
    fn a_fate_that_the_ledger_does_not_bear_out_is_a_lie() {
        let charged = entry(5, EntryKind::Charge, 100);
        let told = |fate, second| lies(&diary(Asked::Charge(AttemptNo::FIRST), fate, second), &[&charged], false).count();
        assert_eq!((told(Fate::Applied, 6), told(Fate::Applied, 4)), (0, 1));
        assert_eq!((told(Fate::NotApplied, 4), told(Fate::NotApplied, 6)), (0, 1));
        assert_eq!(told(Fate::Unknown, 6), 0);
    }

    #[test]
    fn money_that_another_attempt_took_is_not_this_ones() {
        let charged = entry(5, EntryKind::Charge, 100);
        let mut second = diary(Asked::Charge(AttemptNo::FIRST.next()), Fate::NotApplied, 6);
        assert_eq!(lies(&second, &[&charged], false).count(), 1);
        second.ids.insert(AttemptNo::FIRST, "p".to_owned());
        assert_eq!(lies(&second, &[&charged], false).count(), 0);
    }

    #[test]
    fn a_charge_that_was_undone_as_a_whole_took_nothing() {
        let (charged, part, rest) =
            (entry(5, EntryKind::Charge, 100), entry(6, EntryKind::Refund, 40), entry(7, EntryKind::Refund, 60));
        let told = |second| {
            lies(&diary(Asked::Charge(AttemptNo::FIRST), Fate::NotApplied, second), &[&charged, &part, &rest], false).count()
        };
        assert_eq!((told(6), told(7)), (1, 0));
    }

    #[test]
    fn a_refund_is_borne_out_by_its_own_amount_only() {
        let money = |minor| Money::new(minor, Currency::USD).unwrap();
        let refund = entry(5, EntryKind::Refund, 30);
        let told = |minor| lies(&diary(Asked::Refund(money(minor)), Fate::Applied, 6), &[&refund], false).count();
        assert_eq!((told(30), told(40)), (0, 1));
    }

    #[test]
    fn what_is_ended_takes_no_money_and_what_is_not_is_not_closed() {
        let charged = entry(9, EntryKind::Charge, 100);
        let told = |fate, entries: &[&Entry], ended| lies(&diary(Asked::End, fate, 5), entries, ended).count();
        assert_eq!((told(Fate::Applied, &[], true), told(Fate::Applied, &[], false)), (0, 1));
        assert_eq!((told(Fate::Applied, &[&charged], true), told(Fate::NotApplied, &[&charged], false)), (1, 0));
        assert_eq!(told(Fate::NotApplied, &[], true), 1);
    }

    #[test]
    fn the_books_are_the_sum_of_the_entries() {
        let entries = [
            entry(1, EntryKind::Authorize, 100),
            entry(2, EntryKind::Capture, 60),
            entry(2, EntryKind::Void, 40),
            entry(3, EntryKind::Refund, 20),
        ];
        assert_eq!(Books::of(&entries), Books { taken: 60, refunded: 20, held: 0 });
    }
}
