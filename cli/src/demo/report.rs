//! The demo's last word: what was asked, what the bank did, and whether all say the same.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::atomic::Ordering;
use std::time::Duration;

use paysluice::guard::{Stage, Timing};
use paysluice::model::OrderNo;
use paysluice::store::{Key, Space, SpaceKind, Store};
use paysluice_sandbox::{Entry, EntryKind, Violation};
use serde::Serialize;
use serde_json::Value;

use super::judge::{Books, lies};
use super::work::Diary;
use super::world::World;
use crate::output::framed;

/// How many of the things that went wrong are named.
const NAMED: usize = 20;

/// Everything that is counted.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    seed: u64,
    orders: usize,
    operations: u64,
    executed: BTreeMap<&'static str, usize>,
    double_charges: usize,
    told_wrongly: usize,
    disagreements: usize,
    stuck: usize,
    still_in_doubt: usize,
    taken: i64,
    refunded: i64,
    sends: u64,
    retries: u64,
    faults: usize,
    doubted: u64,
    resolved: u64,
    callbacks_delivered: u64,
    callbacks_duplicate: u64,
    callbacks_applied: u64,
    callbacks_dead: usize,
    changes_told: usize,
    changes_by_callback: u64,
    took_ms: u128,
    /// Mean of the answered calls, in microseconds, by stage.
    stages_us: Vec<(&'static str, u128)>,
    /// The first few things that went wrong.
    wrong: Vec<String>,
}

impl Report {
    /// Counts. Reads the store as an application would, and the ledger as only the bank can.
    pub(crate) async fn of(world: &World, diaries: &BTreeMap<OrderNo, Diary>, seed: u64, took: Duration) -> Result<Self, String> {
        let failed = |error: paysluice::model::Error| format!("the store cannot be read ({error})");
        let ledger = world.sandbox.ledger();
        let mut by_order: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        let mut report = Self { seed, orders: diaries.len(), took_ms: took.as_millis(), ..Self::default() };
        for entry in ledger.entries() {
            by_order.entry(&entry.order).or_default().push(entry);
            *report.executed.entry(kind(entry.kind)).or_default() += 1;
        }
        let (mut timing, mut calls) = (Timing::default(), 0_u32);
        for (no, diary) in diaries {
            let entries = by_order.get(no.as_str()).map(Vec::as_slice).unwrap_or_default();
            let books = Books::of(entries);
            (report.taken, report.refunded) = (report.taken + books.taken, report.refunded + books.refunded);
            let payment = world.gateway.payment(no).await.map_err(failed)?;
            if !books.agree_with(&payment) {
                report.disagreements += 1;
                report.wrong.push(format!(
                    "{no}: the store says {}, captured {}, refunded {}; the ledger {books:?}",
                    payment.status, payment.captured, payment.refunded
                ));
            }
            for lie in lies(diary, entries) {
                report.told_wrongly += 1;
                report.wrong.push(format!("{no}: {:?} was told {:?}, the ledger has {entries:?}", lie.asked, lie.fate));
            }
            report.stuck += usize::from(diary.stuck.is_some());
            report.wrong.extend(diary.stuck.clone());
            report.operations += diary.operations;
            (report.doubted, report.resolved) = (report.doubted + diary.doubted, report.resolved + diary.resolved);
            timing.merge(&diary.timing);
            calls = calls.saturating_add(diary.calls);
        }
        let twice = ledger.audit().into_iter().filter(|law| matches!(law, Violation::ChargedTwice { .. }));
        report.double_charges = twice.inspect(|law| report.wrong.push(format!("{law:?}"))).count();
        let doubts = world.gateway.doubts(1000).await.map_err(failed)?;
        report.still_in_doubt = doubts.len();
        report.wrong.extend(doubts.iter().map(|doubt| format!("{} {}: {}", doubt.part, doubt.operation, doubt.why)));
        report.wrong.truncate(NAMED);
        (report.sends, report.retries) = (world.wire.sends.load(Ordering::Relaxed), world.wire.retries.load(Ordering::Relaxed));
        report.faults = world.sandbox.faults().drawn().len();
        let counts = world.sandbox.callbacks().counts();
        (report.callbacks_delivered, report.callbacks_duplicate) = (counts.accepted, counts.duplicates);
        report.callbacks_applied = applied(world).await?;
        report.callbacks_dead = world.gateway.dead_letters(1000).await.map_err(failed)?.len();
        (report.changes_told, report.changes_by_callback) = (world.ear.changes(), world.ear.by_callback.load(Ordering::Relaxed));
        let mean = |stage| (timing.get(stage) / calls.max(1)).as_micros();
        report.stages_us = Stage::ALL.into_iter().map(|stage| (stage.name(), mean(stage))).filter(|(_, us)| *us > 0).collect();
        Ok(report)
    }

    /// Whether the store and the ledger agree to the cent, and nobody was told anything else.
    pub(crate) fn is_good(&self) -> bool {
        self.double_charges + self.told_wrongly + self.disagreements + self.stuck + self.still_in_doubt == 0
    }

    pub(crate) fn print(&self, json: bool) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if json {
            serde_json::to_writer(&mut out, self)?;
            return writeln!(out);
        }
        writeln!(out, "{}", self.table())?;
        for wrong in &self.wrong {
            writeln!(out, "wrong: {wrong}")?;
        }
        let verdict = if self.is_good() {
            "The ledger and the store agree to the cent."
        } else {
            "The ledger, the store and what was told do not agree."
        };
        writeln!(out, "{verdict}")
    }

    fn table(&self) -> comfy_table::Table {
        let executed: Vec<String> = self.executed.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let stages: Vec<String> = self.stages_us.iter().map(|(stage, us)| format!("{stage} {}", milliseconds(*us))).collect();
        let mut table = framed();
        for (name, value) in [
            ("asked", format!("{} orders, {} operations", self.orders, self.operations)),
            ("executed by the bank", executed.join(", ")),
            ("double charges", self.double_charges.to_string()),
            ("outcomes told wrongly", self.told_wrongly.to_string()),
            ("orders that differ", self.disagreements.to_string()),
            ("orders without an end", self.stuck.to_string()),
            ("taken, given back", format!("{}, {} USD", dollars(self.taken), dollars(self.refunded))),
            ("requests, retries", format!("{}, {}; {} met a fault", self.sends, self.retries, self.faults)),
            ("resolved after doubt", format!("{} of {}; {} left", self.resolved, self.doubted, self.still_in_doubt)),
            (
                "callbacks",
                format!(
                    "{} delivered, {} duplicates, {} applied, {} dead",
                    self.callbacks_delivered, self.callbacks_duplicate, self.callbacks_applied, self.callbacks_dead
                ),
            ),
            ("changes told", format!("{}, {} of them learned from callbacks", self.changes_told, self.changes_by_callback)),
            ("time per stage, mean", stages.join(", ")),
            ("time", format!("{} ms, seed {}", self.took_ms, self.seed)),
        ] {
            table.add_row([name.to_owned(), value]);
        }
        table
    }
}

/// Callbacks whose effect stands in the store, by what the inbox says of each.
async fn applied(world: &World) -> Result<u64, String> {
    let space = Space::new(SpaceKind::Inbox, &world.account);
    let (mut count, mut after): (u64, Option<Key>) = (0, None);
    loop {
        let page = world.store.page(&space, after.as_ref(), 500).await;
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

fn dollars(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn milliseconds(us: u128) -> String {
    format!("{}.{:02} ms", us / 1000, us % 1000 / 10)
}
