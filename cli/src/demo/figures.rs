//! What is counted of one channel's orders, and of all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use paysluice::gateway::PaymentChannel;
use paysluice::guard::{Stage, Timing};
use paysluice::model::Payment;
use paysluice::store::{Key, Space, SpaceKind, Store};
use paysluice_sandbox::{Entry, EntryKind, Sandbox};
use paysluice_sqlite::SqliteStore;
use serde::Serialize;
use serde_json::Value;

use super::diary::Diary;
use super::judge::Books;
use super::till::Till;

/// Everything that is counted. Money is in fen.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) orders: usize,
    pub(crate) operations: u64,
    pub(crate) executed: BTreeMap<&'static str, usize>,
    pub(crate) double_charges: usize,
    pub(crate) told_wrongly: usize,
    pub(crate) disagreements: usize,
    pub(crate) stuck: usize,
    pub(crate) still_in_doubt: usize,
    pub(crate) taken: i64,
    pub(crate) refunded: i64,
    pub(crate) sends: u64,
    pub(crate) retries: u64,
    pub(crate) faults: usize,
    pub(crate) doubted: u64,
    pub(crate) resolved: u64,
    pub(crate) callbacks_delivered: u64,
    pub(crate) callbacks_duplicate: u64,
    pub(crate) callbacks_applied: u64,
    pub(crate) callbacks_dead: usize,
    pub(crate) changes_told: usize,
    pub(crate) changes_by_callback: u64,
    /// How often keys or certificates were fetched.
    pub(crate) key_fetches: u64,
    /// Mean of the answered calls, in microseconds, by stage.
    pub(crate) stages_us: Vec<(&'static str, u128)>,
    #[serde(skip)]
    timing: Timing,
    #[serde(skip)]
    calls: u32,
}

impl Figures {
    /// Adds one order.
    pub(crate) fn count(&mut self, diary: &Diary, entries: &[&Entry]) {
        let books = Books::of(entries.iter().copied());
        self.orders += 1;
        (self.taken, self.refunded) = (self.taken + books.taken, self.refunded + books.refunded);
        for entry in entries {
            *self.executed.entry(kind(entry.kind)).or_default() += 1;
        }
        self.stuck += usize::from(diary.stuck.is_some());
        self.operations += diary.operations;
        (self.doubted, self.resolved) = (self.doubted + diary.doubted, self.resolved + diary.resolved);
        self.timing.merge(&diary.timing);
        self.calls = self.calls.saturating_add(diary.calls);
        self.set_stages();
    }

    /// Adds what a till, the bank and the store count by themselves.
    pub(crate) async fn count_till(&mut self, till: &Till, sandbox: &Sandbox, store: &SqliteStore) -> Result<(), String> {
        let wire = &till.wire;
        let read = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        (self.sends, self.retries, self.key_fetches) = (read(&wire.sends), read(&wire.retries), read(&wire.keys));
        let path = till.channel.path();
        self.faults = sandbox.faults().drawn().iter().filter(|(request, _)| request.contains(path)).count();
        let mut taken = BTreeSet::new();
        for delivery in sandbox.callbacks().deliveries().iter().filter(|delivery| till.channel.tells(&delivery.event)) {
            let accepted = delivery.status.is_some_and(|status| (200..300).contains(&status));
            self.callbacks_duplicate += u64::from(taken.contains(&delivery.event));
            self.callbacks_delivered += u64::from(accepted);
            if accepted {
                taken.insert(delivery.event.clone());
            }
        }
        self.callbacks_applied = applied(till, store).await?;
        let dead = till.gateway.dead_letters(1000).await.map_err(|error| format!("the store cannot be read ({error})"))?;
        self.callbacks_dead = dead.len();
        (self.changes_told, self.changes_by_callback) = (till.ear.changes(), read(&till.ear.by_callback));
        Ok(())
    }

    /// Adds another channel's.
    pub(crate) fn add(&mut self, other: &Self) {
        self.orders += other.orders;
        self.operations += other.operations;
        for (kind, count) in &other.executed {
            *self.executed.entry(kind).or_default() += count;
        }
        self.double_charges += other.double_charges;
        self.told_wrongly += other.told_wrongly;
        self.disagreements += other.disagreements;
        self.stuck += other.stuck;
        self.still_in_doubt += other.still_in_doubt;
        self.taken += other.taken;
        self.refunded += other.refunded;
        self.sends += other.sends;
        self.retries += other.retries;
        self.faults += other.faults;
        self.doubted += other.doubted;
        self.resolved += other.resolved;
        self.callbacks_delivered += other.callbacks_delivered;
        self.callbacks_duplicate += other.callbacks_duplicate;
        self.callbacks_applied += other.callbacks_applied;
        self.callbacks_dead += other.callbacks_dead;
        self.changes_told += other.changes_told;
        self.changes_by_callback += other.changes_by_callback;
        self.key_fetches += other.key_fetches;
        self.timing.merge(&other.timing);
        self.calls = self.calls.saturating_add(other.calls);
        self.set_stages();
    }

    /// Whether the store and the ledger agree to the smallest unit, and nobody was told anything else.
    pub(crate) fn is_good(&self) -> bool {
        self.double_charges + self.told_wrongly + self.disagreements + self.stuck + self.still_in_doubt == 0
    }

    fn set_stages(&mut self) {
        let mean = |stage| (self.timing.get(stage) / self.calls.max(1)).as_micros();
        self.stages_us = Stage::ALL.into_iter().map(|stage| (stage.name(), mean(stage))).filter(|(_, us)| *us > 0).collect();
    }

    /// Name and value of everything, for people.
    pub(crate) fn rows(&self) -> [(&'static str, String); 13] {
        let executed: Vec<String> = self.executed.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let stages: Vec<String> = self.stages_us.iter().map(|(stage, us)| format!("{stage} {}", milliseconds(*us))).collect();
        [
            ("asked", format!("{} orders, {} operations", self.orders, self.operations)),
            ("executed by the bank", executed.join("\n")),
            ("double charges", self.double_charges.to_string()),
            ("outcomes told wrongly", self.told_wrongly.to_string()),
            ("orders that differ", self.disagreements.to_string()),
            ("orders without an end", self.stuck.to_string()),
            ("taken, given back", format!("{}, {} CNY", yuan(self.taken), yuan(self.refunded))),
            ("requests, retries", format!("{}, {}; {} met a fault", self.sends, self.retries, self.faults)),
            ("resolved after doubt", format!("{} of {}; {} left", self.resolved, self.doubted, self.still_in_doubt)),
            (
                "callbacks",
                format!(
                    "{} delivered, {} duplicates,\n{} applied, {} dead",
                    self.callbacks_delivered, self.callbacks_duplicate, self.callbacks_applied, self.callbacks_dead
                ),
            ),
            ("changes told", format!("{}, {} of them by callbacks", self.changes_told, self.changes_by_callback)),
            ("keys fetched", self.key_fetches.to_string()),
            ("time per stage, mean", stages.join("\n")),
        ]
    }
}

/// What went wrong with a payment, for people.
pub(crate) fn differs(payment: &Payment, entries: &[&Entry]) -> String {
    format!(
        "{}: the store says {}, captured {}, refunded {}; the ledger {:?}",
        payment.order_no,
        payment.status,
        payment.captured,
        payment.refunded,
        Books::of(entries.iter().copied())
    )
}

/// Callbacks whose effect stands in the store, by what the inbox says of each.
async fn applied(till: &Till, store: &SqliteStore) -> Result<u64, String> {
    let space = Space::new(SpaceKind::Inbox, till.gateway.account());
    let (mut count, mut after): (u64, Option<Key>) = (0, None);
    loop {
        let page = store.page(&space, after.as_ref(), 500).await;
        let page = page.map_err(|error| format!("the inbox cannot be read ({error})"))?;
        let Some(last) = page.last() else { return Ok(count) };
        after = Some(last.key.clone());
        for row in &page {
            let letter: Value = serde_json::from_slice(&row.body).unwrap_or_default();
            let done = letter.pointer("/state/done").and_then(Value::as_str);
            count += u64::from(done == Some("applied"));
        }
    }
}

fn kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Charge => "charges",
        EntryKind::Authorize => "authorizations",
        EntryKind::Capture => "captures",
        EntryKind::Void => "voids",
        EntryKind::Refund => "refunds",
        EntryKind::RefundReversed => "refunds bounced",
    }
}

fn yuan(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

fn milliseconds(us: u128) -> String {
    format!("{}.{:02} ms", us / 1000, us % 1000 / 10)
}
