//! Holds the bank's ledger against the store, against everything that anybody was told, and against the callbacks taken.

use std::collections::{BTreeMap, BTreeSet};

use paysluice::model::{Fate, Payment, Status};
use paysluice_sandbox::{Delivery, Entry, EntryKind, Ledger, Violation};

use super::fleet::Fact;
use super::journal::{Line, Note, Word, millis};
use super::orders::{Asked, Order};

/// How far two processes' readings of one clock, rounded to milliseconds, may lie apart.
const SLACK: u64 = 5;

/// Something that is not as it must be.
#[derive(Clone, Debug)]
pub(super) struct Wrong {
    /// The order it is about, if it is about one.
    pub(super) order: Option<String>,
    pub(super) what: String,
}

/// Everything there is to judge by.
#[derive(Debug)]
pub(super) struct Case<'a> {
    pub(super) orders: &'a [Order],
    pub(super) ledger: &'a Ledger,
    pub(super) facts: &'a [Fact],
    /// What the store says of each order.
    pub(super) payments: &'a BTreeMap<String, Payment>,
    /// Every try to deliver a callback.
    pub(super) deliveries: &'a [Delivery],
    /// The callbacks that the store knows, and whether it is done with them.
    pub(super) inbox: &'a BTreeMap<String, bool>,
}

impl Case<'_> {
    /// All that is wrong.
    pub(super) fn judge(&self) -> Vec<Wrong> {
        let mut wrong: Vec<Wrong> = self.ledger.audit().iter().map(broken).collect();
        for order in self.orders {
            let no = order.no.as_str();
            let entries: Vec<&Entry> = self.ledger.of_order(no).collect();
            let mut complain = |what: String| wrong.push(Wrong { order: Some(no.to_owned()), what });
            match self.payments.get(no) {
                Some(payment) if agree(payment, &entries) => {}
                Some(payment) => complain(differs(payment, &entries)),
                None if entries.is_empty() => {}
                None => complain(format!("money moved for an order that the store does not know: {entries:?}")),
            }
            self.told(order, &entries).into_iter().for_each(&mut complain);
            self.heard(order, &entries).into_iter().for_each(&mut complain);
        }
        let known: BTreeSet<&str> = self.orders.iter().map(|order| order.no.as_str()).collect();
        let strange = self.ledger.entries().iter().filter(|entry| !known.contains(entry.order.as_str()));
        wrong.extend(strange.map(|entry| Wrong { order: None, what: format!("nobody asked for {entry:?}") }));
        wrong.extend(self.lost().into_iter().map(|what| Wrong { order: None, what }));
        wrong
    }

    /// Callbacks that were acknowledged and are not in the store, or not worked off.
    fn lost(&self) -> Vec<String> {
        let taken: BTreeSet<&str> = self.deliveries.iter().filter(|one| accepted(one)).map(|one| one.event.as_str()).collect();
        let state = |event: &&str| match self.inbox.get(*event) {
            Some(true) => None,
            Some(false) => Some(format!("callback {event} was acknowledged and never applied")),
            None => Some(format!("callback {event} was acknowledged and is lost: the store does not know it")),
        };
        taken.iter().filter_map(state).collect()
    }

    /// What somebody was told of an order that the ledger does not bear out.
    fn told(&self, order: &Order, entries: &[&Entry]) -> Vec<String> {
        let no = order.no.as_str();
        let askings = self.askings(no);
        let ids = ids(&askings, self.payments.get(no));
        let mut lies = Vec::new();
        for asking in &askings {
            let Some(word) = asking.word else { continue };
            let ours: Vec<&&Entry> = entries.iter().filter(|entry| bears_out(&asking.line.asked, entry, &ids)).collect();
            let lie = match word.fate {
                Fate::Unknown => false,
                Fate::Applied if asking.line.asked == Asked::Cancel => kept(entries.iter().copied()) != 0,
                Fate::Applied => !ours.iter().any(|entry| at(entry) <= word.at + SLACK),
                Fate::NotApplied => not_so(asking, word, &ours, &askings),
            };
            if lie {
                let (asked, from) = (&asking.line.asked, asking.line.from);
                lies.push(format!("{asked:?} asked at {from} was told {word:?}, and the ledger has {ours:?}"));
            }
        }
        let mut amounts = BTreeMap::new();
        for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Refund) {
            *amounts.entry(entry.amount).or_insert(0_u32) += 1;
        }
        let twice = amounts.into_iter().filter(|(_, count)| *count > 1);
        lies.extend(twice.map(|(amount, count)| format!("a refund of {amount} was made {count} times")));
        lies
    }

    /// Changes that no handler heard of.
    fn heard(&self, order: &Order, entries: &[&Entry]) -> Vec<String> {
        let no = order.no.as_str();
        let heard: BTreeSet<&str> = self
            .facts
            .iter()
            .filter_map(|fact| match &fact.note {
                Note::Heard { order, what } if order == no => Some(what.as_str()),
                _ => None,
            })
            .collect();
        let numbers: BTreeMap<i64, String> =
            order.askers.iter().flat_map(|worker| order.refunds(*worker)).map(|(number, minor)| (minor, number)).collect();
        let expected = entries.iter().filter_map(|entry| match entry.kind {
            EntryKind::Charge => Some("payment/paid".to_owned()),
            EntryKind::Authorize => Some("payment/authorized".to_owned()),
            EntryKind::Refund => Some(format!("refund/{}", numbers.get(&entry.amount).cloned().unwrap_or_default())),
            _ => None,
        });
        // Where it was canceled before anybody had looked, that it had been held is no news.
        let over = |what: &String| what == "payment/authorized" && heard.contains("payment/canceled");
        let silent = expected.filter(|what| !heard.contains(what.as_str()) && !over(what));
        silent.map(|what| format!("no handler was told {what}; heard: {heard:?}")).collect()
    }

    fn askings(&self, no: &str) -> Vec<Asking<'_>> {
        let mut askings: BTreeMap<(usize, u32, u64), Asking<'_>> = BTreeMap::new();
        for fact in self.facts {
            let (line, word) = match &fact.note {
                Note::Asks(line) => (line, None),
                Note::Told(line, word) => (line, Some(word)),
                _ => continue,
            };
            if line.order == no {
                let asking = askings.entry((fact.worker, fact.life, line.asking)).or_insert(Asking { line, word: None });
                asking.word = asking.word.or(word);
            }
        }
        askings.into_values().collect()
    }
}

/// One asking, and what it was told, unless the worker died first.
#[derive(Clone, Copy, Debug)]
struct Asking<'a> {
    line: &'a Line,
    word: Option<&'a Word>,
}

/// Whether "not applied" was untrue: it was done before it was asked, or meanwhile with nobody else who could have had it done.
fn not_so(asking: &Asking<'_>, word: &Word, ours: &[&&Entry], askings: &[Asking<'_>]) -> bool {
    let is_charge = matches!(asking.line.asked, Asked::Charge(_));
    if is_charge && word.what.starts_with("declined") {
        return kept(ours.iter().map(|entry| **entry)) > 0;
    }
    let before = ours.iter().filter(|entry| at(entry) + SLACK < asking.line.from);
    let was_done = if is_charge { kept(before.map(|entry| **entry)) > 0 } else { before.count() > 0 };
    let by_another = |entry: &Entry| {
        askings.iter().any(|other| {
            let open = other.word.is_none_or(|word| word.fate == Fate::Unknown || word.at + SLACK >= at(entry));
            let same = other.line.asked == asking.line.asked && other.line != asking.line;
            same && open && other.line.from <= at(entry) + SLACK
        })
    };
    // That money is let go again is another asking's doing.
    let done = ours.iter().filter(|entry| entry.kind != EntryKind::Void);
    let meanwhile = done.filter(|entry| (asking.line.from..=word.at).contains(&at(entry)));
    was_done || meanwhile.filter(|entry| !by_another(entry)).count() > 0
}

/// Whether an entry is what was asked for.
fn bears_out(asked: &Asked, entry: &Entry, ids: &BTreeMap<u32, String>) -> bool {
    match asked {
        Asked::Charge(attempt) => {
            ids.iter().all(|(other, id)| other == attempt || *id != entry.payment) && is_charge_or_end(entry)
        }
        Asked::Capture(minor) => entry.kind == EntryKind::Capture && entry.amount == *minor,
        Asked::Refund(_, minor) => entry.kind == EntryKind::Refund && entry.amount == *minor,
        Asked::Cancel => false,
    }
}

fn is_charge_or_end(entry: &Entry) -> bool {
    matches!(entry.kind, EntryKind::Charge | EntryKind::Authorize | EntryKind::Void)
}

/// The bank's names of the attempts' payments, as far as anybody knows them.
fn ids(askings: &[Asking<'_>], payment: Option<&Payment>) -> BTreeMap<u32, String> {
    let told = askings.iter().filter_map(|asking| asking.word.and_then(|word| word.payment.clone()));
    let known = payment.and_then(|payment| Some((payment.attempt.get(), payment.provider_id.clone()?)));
    told.chain(known).collect()
}

fn at(entry: &Entry) -> u64 {
    millis(entry.at)
}

/// What the merchant holds or has by these entries.
fn kept<'a>(entries: impl Iterator<Item = &'a Entry>) -> i64 {
    let kept = |entry: &Entry| match entry.kind {
        EntryKind::Charge | EntryKind::Authorize | EntryKind::RefundReversed => entry.amount,
        EntryKind::Void | EntryKind::Refund => -entry.amount,
        EntryKind::Capture => 0,
    };
    entries.map(kept).sum()
}

pub(super) fn accepted(delivery: &Delivery) -> bool {
    delivery.status.is_some_and(|status| (200..300).contains(&status))
}

/// Whether the store says the same of an order as its entries, to the smallest unit.
fn agree(payment: &Payment, entries: &[&Entry]) -> bool {
    let sum = |kinds: &[EntryKind]| -> i64 {
        entries.iter().filter(|entry| kinds.contains(&entry.kind)).map(|entry| entry.amount).sum()
    };
    let taken = sum(&[EntryKind::Charge, EntryKind::Capture]);
    let same = payment.captured.minor() == taken && payment.refunded.minor() == sum(&[EntryKind::Refund]);
    let parts = payment.refunds.iter().all(|refund| refund.status.is_settled());
    let held = sum(&[EntryKind::Authorize]) - sum(&[EntryKind::Capture, EntryKind::Void]);
    let status = match payment.status {
        Status::Paid => taken > 0 && held == 0,
        Status::Canceled | Status::Declined | Status::Expired => taken == 0 && held == 0,
        _ => false,
    };
    same && parts && status
}

fn differs(payment: &Payment, entries: &[&Entry]) -> String {
    let booked: Vec<String> = entries.iter().map(|entry| format!("{:?} {}", entry.kind, entry.amount)).collect();
    let (status, captured, refunded) = (&payment.status, payment.captured.minor(), payment.refunded.minor());
    format!(
        "the store says {status}, captured {captured}, refunded {refunded} ({:?}); the ledger has {booked:?}",
        payment.refunds
    )
}

fn broken(violation: &Violation) -> Wrong {
    let order = match violation {
        Violation::ChargedTwice { order, .. } => Some(order.clone()),
        Violation::Overdrawn { .. } => None,
    };
    Wrong { order, what: format!("{violation:?}") }
}

#[cfg(test)]
mod tests;
