//! The demo's last word: what was asked, what the bank did, and whether all say the same, by channel.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use paysluice::model::{AttemptNo, Error, OrderNo};
use paysluice_sandbox::{Entry, Ledger, Violation};
use serde::Serialize;

use super::clerk::ATTEMPTS;
use super::diary::Diary;
use super::figures::{Figures, differs};
use super::judge::{agree, lies};
use super::order::Order;
use super::world::World;
use crate::output::framed;

/// How many of the things that went wrong are named.
const NAMED: usize = 20;

/// The figures of all channels, and of each.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    seed: u64,
    #[serde(flatten)]
    all: Figures,
    took_ms: u128,
    /// The first few things that went wrong.
    wrong: Vec<String>,
    channels: BTreeMap<&'static str, Figures>,
}

impl Report {
    /// Counts. Reads the store as an application would, and the ledger as only the bank can.
    pub(crate) async fn of(
        world: &World,
        orders: &[Order],
        diaries: &BTreeMap<OrderNo, Diary>,
        seed: u64,
        took: Duration,
    ) -> Result<Self, String> {
        let mut report = Self { seed, took_ms: took.as_millis(), ..Self::default() };
        let names = names(world, orders);
        let ledger = world.sandbox.ledger().renamed(|number| names.get(number).unwrap_or(&number.to_owned()).clone());
        let mut by_order = by_order(&ledger);
        for (place, till) in world.tills.iter().enumerate() {
            let mut figures = Figures::default();
            for order in orders.iter().filter(|order| order.channel == place) {
                let entries = by_order.remove(order.no.as_str()).unwrap_or_default();
                let Some(diary) = diaries.get(&order.no) else { continue };
                figures.count(diary, &entries);
                report.wrong.extend(diary.stuck.clone());
                match till.gateway.payment(&order.no).await {
                    Ok(payment) if agree(&payment, &entries) => {}
                    Ok(payment) => {
                        figures.disagreements += 1;
                        report.wrong.push(differs(&payment, &entries));
                    }
                    Err(error) => return Err(failed(&error)),
                }
                for lie in lies(diary, &entries, till.channel.is_ended(&order.no)) {
                    figures.told_wrongly += 1;
                    report
                        .wrong
                        .push(format!("{}: {:?} was told {:?}, the ledger has {entries:?}", order.no, lie.asked, lie.fate));
                }
            }
            for law in ledger.audit() {
                let ours = |named: &String| orders.iter().any(|order| order.no.as_str() == named && order.channel == place);
                if matches!(&law, Violation::ChargedTwice { order, .. } if ours(order)) {
                    figures.double_charges += 1;
                    report.wrong.push(format!("{law:?}"));
                }
            }
            let doubts = till.gateway.doubts(1000).await.map_err(|error| failed(&error))?;
            figures.still_in_doubt = doubts.len();
            report.wrong.extend(doubts.iter().map(|doubt| format!("{} {}: {}", doubt.part, doubt.operation, doubt.why)));
            figures.count_till(till, &world.sandbox, &world.store).await?;
            report.all.add(&figures);
            report.channels.insert(till.channel.name(), figures);
        }
        // Money under a number that no order has.
        report.all.disagreements += by_order.len();
        report.wrong.extend(by_order.keys().map(|number| format!("{number}: the ledger has it, the shop never asked for it")));
        report.wrong.truncate(NAMED);
        Ok(report)
    }

    /// Whether the store and the ledger agree to the smallest unit, and nobody was told anything else.
    pub(crate) fn is_good(&self) -> bool {
        self.all.is_good()
    }

    pub(crate) fn print(&self, json: bool) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if json {
            serde_json::to_writer(&mut out, self)?;
            return writeln!(out);
        }
        writeln!(out, "{}", self.table())?;
        writeln!(out, "{} orders in {} ms, seed {}.", self.all.orders, self.took_ms, self.seed)?;
        for wrong in &self.wrong {
            writeln!(out, "wrong: {wrong}")?;
        }
        let verdict = if self.is_good() {
            "The ledger and the store agree to the fen."
        } else {
            "The ledger, the store and what was told do not agree."
        };
        writeln!(out, "{verdict}")
    }

    /// A column per channel.
    fn table(&self) -> comfy_table::Table {
        let mut table = framed();
        let mut head = vec![String::new()];
        head.extend(self.channels.keys().map(|name| (*name).to_owned()));
        table.add_row(head);
        let mut rows: Vec<Vec<String>> = self.all.rows().iter().map(|(name, _)| vec![(*name).to_owned()]).collect();
        for figures in self.channels.values() {
            for (row, (_, value)) in rows.iter_mut().zip(figures.rows()) {
                row.push(value);
            }
        }
        table.add_rows(rows);
        table
    }
}

/// Which order each of the ledger's numbers stands for: a number per attempt where the channel has it so.
fn names(world: &World, orders: &[Order]) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for order in orders {
        let Some(till) = world.tills.get(order.channel) else { continue };
        let attempts = std::iter::successors(Some(AttemptNo::FIRST), |attempt| Some(attempt.next()));
        for attempt in attempts.take_while(|attempt| attempt.get() <= ATTEMPTS) {
            names.insert(till.channel.number(&*till.adapter, &order.no, attempt), order.no.to_string());
        }
    }
    names
}

fn by_order(ledger: &Ledger) -> BTreeMap<&str, Vec<&Entry>> {
    let mut by_order: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in ledger.entries() {
        by_order.entry(&entry.order).or_default().push(entry);
    }
    by_order
}

fn failed(error: &Error) -> String {
    format!("the store cannot be read ({error})")
}
