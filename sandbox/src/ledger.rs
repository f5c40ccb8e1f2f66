//! The ledger: what really happened to money, append-only; the oracle that a client's word is judged by.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

/// What an entry books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// Money was taken at once.
    Charge,
    /// Money was held.
    Authorize,
    /// Held money was taken.
    Capture,
    /// Held money was let go.
    Void,
    /// Taken money was given back.
    Refund,
    /// A refund bounced: the money came back to the merchant.
    RefundReversed,
}

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its place, from 0.
    pub seq: u64,
    /// When, by the bank's own clock; milliseconds since 1970 in JSON.
    #[serde(serialize_with = "millis")]
    pub at: SystemTime,
    /// The merchant's order: at Stripe from the metadata, empty if it named none; at WeChat Pay and Alipay the `out_trade_no`.
    pub order: String,
    /// The bank's payment: at Stripe the PaymentIntent, at WeChat Pay the transaction, at Alipay the `trade_no`.
    pub payment: String,
    /// What was booked.
    pub kind: EntryKind,
    /// In the provider's units of the currency; never negative.
    pub amount: i64,
    /// The currency in lower case.
    pub currency: String,
}

fn millis<S: serde::Serializer>(at: &SystemTime, out: S) -> Result<S::Ok, S::Error> {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    out.serialize_u64(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A law the ledger shows to be broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "violation")]
pub enum Violation {
    /// A second payment took or held money of an order while another still did.
    ChargedTwice {
        /// The order.
        order: String,
        /// The payment that had the money.
        first: String,
        /// The one that took more.
        second: String,
    },
    /// More was captured than held, or more given back than taken: the bank itself is broken.
    Overdrawn {
        /// The payment.
        payment: String,
    },
}

/// What one payment holds and has taken.
#[derive(Clone, Copy, Debug, Default)]
struct Standing {
    held: i64,
    taken: i64,
}

/// The entries, and questions about them. A copy: the bank's own goes on.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Ledger {
    entries: Vec<Entry>,
}

impl Ledger {
    pub(crate) fn book(&mut self, at: SystemTime, order: &str, payment: &str, kind: EntryKind, amount: i64, currency: &str) {
        let seq = u64::try_from(self.entries.len()).unwrap_or(u64::MAX);
        let (order, payment, currency) = (order.to_owned(), payment.to_owned(), currency.to_owned());
        self.entries.push(Entry { seq, at, order, payment, kind, amount, currency });
    }

    /// A copy in which every order is called what `name` makes of it: for a face that knows an order only by the number of one
    /// attempt, as WeChat Pay does, so that the attempts of one order are judged together.
    #[must_use]
    pub fn renamed(&self, name: impl Fn(&str) -> String) -> Self {
        let entries = self.entries.iter().map(|entry| Entry { order: name(&entry.order), ..entry.clone() });
        Self { entries: entries.collect() }
    }

    /// All entries, oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries of an order.
    pub fn of_order<'a>(&'a self, order: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| entry.order == order)
    }

    /// How many times money of this order was taken or held (captures and refunds not counted): at most 1 for an honest client.
    pub fn charges(&self, order: &str) -> usize {
        self.of_order(order).filter(|entry| matches!(entry.kind, EntryKind::Charge | EntryKind::Authorize)).count()
    }

    /// What was taken for an order (charges and captures), refunds not subtracted.
    pub fn taken(&self, order: &str) -> i64 {
        self.sum(order, |kind| match kind {
            EntryKind::Charge | EntryKind::Capture => 1,
            _ => 0,
        })
    }

    /// What was given back, bounced refunds subtracted.
    pub fn refunded(&self, order: &str) -> i64 {
        self.sum(order, |kind| match kind {
            EntryKind::Refund => 1,
            EntryKind::RefundReversed => -1,
            _ => 0,
        })
    }

    /// What is held now and neither taken nor let go.
    pub fn held(&self, order: &str) -> i64 {
        self.sum(order, |kind| match kind {
            EntryKind::Authorize => 1,
            EntryKind::Capture | EntryKind::Void => -1,
            _ => 0,
        })
    }

    /// Every order that has an entry, in the order of their names.
    pub fn orders(&self) -> Vec<String> {
        let named = self.entries.iter().filter(|entry| !entry.order.is_empty());
        named.map(|entry| entry.order.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The laws that are broken; empty is good. Entries without an order are not judged by `ChargedTwice`.
    pub fn audit(&self) -> Vec<Violation> {
        let mut standing: BTreeMap<(&str, &str), Standing> = BTreeMap::new();
        let mut broken = Vec::new();
        for entry in &self.entries {
            let (order, payment) = (entry.order.as_str(), entry.payment.as_str());
            if matches!(entry.kind, EntryKind::Charge | EntryKind::Authorize) && !order.is_empty() {
                let other = standing.iter().find(|((of, _), now)| *of == order && now.held + now.taken > 0);
                if let Some(((_, first), _)) = other {
                    broken.push(Violation::ChargedTwice { order: order.into(), first: (*first).into(), second: payment.into() });
                }
            }
            let now = standing.entry((order, payment)).or_default();
            now.apply(entry);
            if now.held < 0 || now.taken < 0 {
                broken.push(Violation::Overdrawn { payment: payment.into() });
            }
        }
        broken
    }

    fn sum(&self, order: &str, sign: impl Fn(EntryKind) -> i64) -> i64 {
        self.of_order(order).map(|entry| entry.amount.saturating_mul(sign(entry.kind))).fold(0, i64::saturating_add)
    }
}

impl Standing {
    fn apply(&mut self, entry: &Entry) {
        match entry.kind {
            EntryKind::Charge | EntryKind::RefundReversed => self.taken += entry.amount,
            EntryKind::Authorize => self.held += entry.amount,
            EntryKind::Capture => {
                self.held -= entry.amount;
                self.taken += entry.amount;
            }
            EntryKind::Void => self.held -= entry.amount,
            EntryKind::Refund => self.taken -= entry.amount,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn booked(lines: &[(&str, &str, EntryKind, i64)]) -> Ledger {
        let mut ledger = Ledger::default();
        for (order, payment, kind, amount) in lines {
            ledger.book(UNIX_EPOCH, order, payment, *kind, *amount, "usd");
        }
        ledger
    }

    #[test]
    fn a_second_charge_of_an_order_is_found_even_if_it_is_refunded_later() {
        let ledger =
            booked(&[("o", "a", EntryKind::Charge, 5), ("o", "b", EntryKind::Charge, 5), ("o", "b", EntryKind::Refund, 5)]);
        assert_eq!(ledger.audit(), [Violation::ChargedTwice { order: "o".into(), first: "a".into(), second: "b".into() }]);
        assert_eq!((ledger.charges("o"), ledger.taken("o"), ledger.refunded("o")), (2, 10, 5));
    }

    #[test]
    fn attempts_under_numbers_of_their_own_are_judged_as_one_order() {
        let ledger = booked(&[("o", "a", EntryKind::Charge, 5), ("o-2", "b", EntryKind::Charge, 5)]);
        assert_eq!(ledger.audit(), []);
        let renamed = ledger.renamed(|no| no.trim_end_matches("-2").to_owned());
        assert_eq!((renamed.audit().len(), renamed.charges("o")), (1, 2));
    }

    #[test]
    fn a_charge_after_a_void_is_lawful() {
        let ledger = booked(&[
            ("o", "a", EntryKind::Authorize, 5),
            ("o", "a", EntryKind::Void, 5),
            ("o", "b", EntryKind::Authorize, 5),
            ("o", "b", EntryKind::Capture, 3),
        ]);
        assert_eq!(ledger.audit(), []);
        assert_eq!((ledger.held("o"), ledger.taken("o")), (2, 3));
    }

    #[test]
    fn giving_back_more_than_was_taken_is_found() {
        let ledger = booked(&[("o", "a", EntryKind::Charge, 5), ("o", "a", EntryKind::Refund, 6)]);
        assert_eq!(ledger.audit(), [Violation::Overdrawn { payment: "a".into() }]);
    }
}
