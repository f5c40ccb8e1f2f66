//! After the storm: everything is brought to its end, and comes to rest by itself, within a bounded time.

use std::time::Duration;

use paysluice::gateway::{Call, OperationView, PaymentChannel, Standing};
use paysluice::model::OrderNo;
use paysluice::store::{Space, SpaceKind};

use super::Fault;
use super::journal::Note;
use super::judge::accepted;
use super::scene::Scene;

/// How long the last worker may take to bring all orders to their end.
const CLOSING: Duration = Duration::from_secs(150);

/// How long everything else may take after that: a doubt that was looked at in vain is looked at again within 30 s.
const RESTING: Duration = Duration::from_secs(60);

/// After what time of it the driver looks at once at what only waits for its time (what was closed by another way than its own is
/// seen to be at the next look, half a minute later), and after what time at everything.
const HURRY: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(10);

/// What is not at rest.
#[derive(Debug, Default)]
pub(super) struct Unrest {
    pub(super) operations: Vec<OperationView>,
    pub(super) what: Vec<String>,
}

impl Unrest {
    fn is_rest(&self) -> bool {
        self.operations.is_empty() && self.what.is_empty()
    }
}

impl Scene {
    /// Brings every order to its end, waits until all is at rest, and ends the workers. What is not at rest by then.
    pub(super) async fn calm(&self) -> Result<Unrest, Fault> {
        self.fleet.say("rest");
        let mut fallen: Vec<String> =
            self.fleet.fallen().iter().map(|worker| format!("worker {worker} ended by itself")).collect();
        self.fleet.start(self.setup.workers)?;
        let until = self.env.now() + CLOSING;
        while !self.fleet.has_noted(&Note::Closed) {
            if self.env.now() >= until {
                fallen.push(format!("the orders could not be brought to their end within {CLOSING:?}"));
                break;
            }
            self.env.sleep(Duration::from_millis(100)).await;
        }
        self.wrote("all orders are closed".to_owned());
        let (began, mut helped) = (self.env.now(), Duration::ZERO);
        let mut unrest = loop {
            let unrest = self.unrest().await?;
            let waited = self.env.now().since(began);
            if unrest.is_rest() || waited >= RESTING {
                break unrest;
            }
            for after in [HURRY, PATIENCE] {
                if helped < after && waited >= after {
                    helped = after;
                    self.lend_a_hand(&unrest, after == HURRY).await;
                }
            }
            self.env.sleep(Duration::from_millis(200)).await;
        };
        self.fleet.say("end");
        unrest.what.extend(fallen);
        self.wrote("all is at rest".to_owned());
        Ok(unrest)
    }

    async fn lend_a_hand(&self, unrest: &Unrest, only_watched: bool) {
        for operation in unrest.operations.iter().filter(|one| !only_watched || one.state == Standing::Watched) {
            self.wrote(format!("resolve-now {} {}: {:?}", operation.order, operation.operation, operation.state));
            let Ok(no) = OrderNo::new(operation.order.as_str()) else { continue };
            for gateway in &self.gateways {
                // An order that is another way's is not known here.
                let _ = gateway.resolve_now(&no, Call::within(Duration::from_secs(2))).await;
            }
        }
    }

    async fn unrest(&self) -> Result<Unrest, Fault> {
        let mut unrest = Unrest::default();
        for gateway in &self.gateways {
            let mut after = None;
            loop {
                let page = gateway.open_operations(after.as_deref(), 500).await?;
                let open = page.items.into_iter().filter(|one| !matches!(one.state, Standing::Settled | Standing::Released));
                unrest.operations.extend(open);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let account = gateway.account();
            for (kind, what) in [(SpaceKind::Inbox, "callbacks to be applied"), (SpaceKind::Told, "changes to be told")] {
                let space = Space::new(kind, account);
                let waiting = self.store.page(&space, None, 100_000).await?.iter().filter(|row| row.due_in.is_some()).count();
                if waiting > 0 {
                    unrest.what.push(format!("{account}: {waiting} {what}"));
                }
            }
            let dead = gateway.dead_letters(10).await?;
            if !dead.is_empty() {
                unrest.what.push(format!("{account}: dead callbacks: {dead:?}"));
            }
        }
        let callbacks = self.sandbox.callbacks();
        let (counts, deliveries) = (callbacks.counts(), callbacks.deliveries());
        let taken: std::collections::BTreeSet<&str> =
            deliveries.iter().filter(|one| accepted(one)).map(|one| one.event.as_str()).collect();
        let on_their_way = counts.events.saturating_sub(counts.missing + u64::try_from(taken.len())?);
        if on_their_way > 0 {
            unrest.what.push(format!("{on_their_way} callbacks that the bank has not got rid of"));
        }
        Ok(unrest)
    }
}
