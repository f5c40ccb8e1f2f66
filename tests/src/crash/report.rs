//! The last word on a run: what happened, or what is wrong, with the history of the orders it is about.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::PoisonError;
use std::time::Duration;

use paysluice::gateway::PaymentChannel;
use paysluice::store::{Space, SpaceKind};

use super::Fault;
use super::journal::{Note, millis};
use super::judge::{Case, Wrong};
use super::rest::Unrest;
use super::scene::Scene;

/// How many wrongs are told with their history.
const SHOWN: usize = 5;

/// What happened in a run that ended well.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The store.
    pub ground: &'static str,
    /// Orders asked for, and those that were paid.
    pub orders: (usize, usize),
    /// Faults that struck.
    pub faults: usize,
    /// Lives of workers.
    pub lives: usize,
    /// Answers that workers were told, and those of them that said "unknown".
    pub told: (usize, usize),
    /// Callbacks acknowledged.
    pub callbacks: u64,
    /// From begin to rest.
    pub took: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, ground, orders: (asked, paid), faults, lives, told: (told, unknown), callbacks, took } = self;
        write!(
            f,
            "seed {seed} on {ground}: {asked} orders, {paid} paid, {faults} faults, {lives} lives of workers, {told} answers "
        )?;
        write!(f, "({unknown} unknown), {callbacks} callbacks taken; all agree after {:.1} s", took.as_secs_f32())
    }
}

impl Scene {
    /// Judges. `Err` is what is wrong.
    pub(super) async fn verdict(&self, unrest: Unrest) -> Result<Report, Fault> {
        let mut payments = BTreeMap::new();
        for order in &*self.orders {
            let Some(gateway) = self.gateways.get(order.way) else { continue };
            if let Ok(payment) = gateway.payment(&order.no).await {
                payments.insert(order.no.to_string(), payment);
            }
        }
        let mut inbox = BTreeMap::new();
        for gateway in &self.gateways {
            for row in self.store.page(&Space::new(SpaceKind::Inbox, gateway.account()), None, 100_000).await? {
                let letter: serde_json::Value = serde_json::from_slice(&row.body)?;
                let event = row.key.part.trim_start_matches("callback/").to_owned();
                inbox.insert(event, letter["state"].get("done").is_some());
            }
        }
        let (ledger, facts, deliveries) = (self.sandbox.ledger(), self.fleet.facts(), self.sandbox.callbacks().deliveries());
        let case = Case {
            orders: &self.orders,
            ledger: &ledger,
            facts: &facts,
            payments: &payments,
            deliveries: &deliveries,
            inbox: &inbox,
        };
        let mut wrong = case.judge();
        let open = unrest.operations.iter().map(|one| Wrong {
            order: Some(one.order.clone()),
            what: format!("{} is {:?} after all came to rest: {:?}", one.operation, one.state, one.says),
        });
        wrong.extend(open.chain(unrest.what.into_iter().map(|what| Wrong { order: None, what })));
        if !wrong.is_empty() {
            return Err(self.tale(&wrong).await.into());
        }
        let words = |wanted: fn(&Note) -> bool| facts.iter().filter(|fact| wanted(&fact.note)).count();
        Ok(Report {
            seed: self.setup.seed,
            ground: self.setup.ground.name(),
            orders: (self.orders.len(), ledger.orders().iter().filter(|order| ledger.taken(order) > 0).count()),
            faults: self.history.lock().unwrap_or_else(PoisonError::into_inner).len(),
            lives: words(|note| matches!(note, Note::Ready(_))),
            told: (
                words(|note| matches!(note, Note::Told(..))),
                words(|note| matches!(note, Note::Told(_, word) if word.fate == paysluice::model::Fate::Unknown)),
            ),
            callbacks: self.sandbox.callbacks().counts().accepted,
            took: self.env.now().since(self.began()),
        })
    }

    /// What is wrong, and all that is known of the first few orders it is about.
    async fn tale(&self, wrong: &[Wrong]) -> String {
        let mut tale = vec![format!("{} things are wrong", wrong.len())];
        tale.extend(wrong.iter().map(|one| format!("* {}: {}", one.order.as_deref().unwrap_or("no order"), one.what)));
        tale.push("\nthe faults, and when they struck:".to_owned());
        tale.extend(self.history.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|line| format!("  {line}")));
        let mut about: Vec<&str> = wrong.iter().filter_map(|one| one.order.as_deref()).collect();
        about.dedup();
        about.truncate(SHOWN);
        for order in self.orders.iter().filter(|order| about.contains(&order.no.as_str())) {
            tale.push(format!("\nthe history of {order:?}:"));
            let facts = self.fleet.facts();
            let its_own = facts.iter().filter(|fact| fact.note.is_about(order.no.as_str()));
            tale.extend(its_own.map(|fact| format!("  worker {} life {}: {:?}", fact.worker, fact.life, fact.note)));
            let ledger = self.sandbox.ledger();
            tale.extend(ledger.of_order(order.no.as_str()).map(|entry| format!("  ledger: {} {entry:?}", millis(entry.at))));
            let Some(gateway) = self.gateways.get(order.way) else { continue };
            let view = gateway.inspect(&order.no).await.map(|view| serde_json::to_string(&view).unwrap_or_default());
            tale.push(format!("  store: {}", view.unwrap_or_else(|error| error.to_string())));
        }
        let (seed, ground) = (self.setup.seed, self.setup.ground.name());
        tale.push(format!(
            "\nthe same storm again: PAYSLUICE_CRASH_SEED={seed} cargo xtask test -p paysluice-tests --test storms {ground}\n\
             or, if `soak` found it: cargo xtask soak --minutes 0 --seed {seed}"
        ));
        tale.join("\n")
    }
}
