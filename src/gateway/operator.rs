//! What operators do: see what is in doubt, decide it with a reason, end a process in order.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Inner;
use super::again::End;
use super::channel::Answer;
use super::intent::{Intent, State};
use super::order::unknown;
use super::rows::{Versioned, read, store_failed};
use super::settle::{Held, Outcome};
use super::told::By;
use super::verdict::{Told, Verdict};
use crate::adapter::Charge;
use crate::guard::Timing;
use crate::model::{Error, ErrorKind, Invalid, OrderNo, Payment};
use crate::store::{Key, SpaceKind};

/// An operation whose fate is not known, for an operator's list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Doubt {
    /// Which order's, as its rows are named: `order/<number>`.
    pub part: String,
    /// Which operation: `charge/1`, `refund/<number>`.
    pub operation: String,
    /// How often the resolver has tried.
    pub tries: u32,
    /// What was told of it.
    pub why: String,
}

/// What draining left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// Operations still under way at the deadline. Their intents stand in the store: another process resolves them.
    pub left: usize,
}

impl Inner {
    /// Up to `max` operations whose fate is not known.
    pub(crate) async fn doubts(&self, max: usize) -> Result<Vec<Doubt>, Error> {
        let space = self.rows.space(SpaceKind::Intent);
        let (mut found, mut after): (Vec<Doubt>, Option<Key>) = (Vec::new(), None);
        while found.len() < max {
            let page = self.store.page(&space, after.as_ref(), 200).await.map_err(store_failed)?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            for row in &page {
                let intent: Versioned<Intent> = read(row)?;
                if let State::Doubt { tries, told: Verdict::Failed(told) } = &intent.value.state {
                    let (part, operation) = (row.key.part.clone(), row.key.id.clone());
                    found.push(Doubt { part, operation, tries: *tries, why: told.error().to_string() });
                }
            }
        }
        found.truncate(max);
        Ok(found)
    }

    /// Gives an order's charge up: on a person's word, with a reason, when no evidence can be had.
    pub(crate) async fn abandon(self: &Arc<Self>, order_no: &OrderNo, reason: &str) -> Result<Answer<Payment>, Error> {
        if reason.trim().is_empty() {
            return Err(Invalid::new("reason", "a sentence: it is what the next person reads").into());
        }
        let order = self.load_order(order_no).await?.ok_or_else(|| unknown(order_no))?.value;
        let attempt = order.latest().ok_or_else(|| unknown(order_no))?.no;
        let key = self.rows.intent_key(order_no, &format!("charge/{attempt}"));
        let intent = self.load_intent(&key).await?.ok_or_else(|| unknown(order_no))?;
        if !matches!(intent.value.state, State::Doubt { .. }) {
            return Err(Error::new(ErrorKind::Conflict, "its charge is not in doubt"));
        }
        let (op, draft) = (self.rows.open_op::<Charge>(&key, &intent.value)?, self.rows.open_draft(&key, &intent.value)?);
        let told = Told::of(&Error::new(ErrorKind::Unreachable, format!("given up by an operator: {reason}")));
        let held = Held {
            op: op.clone(),
            order_no: order_no.clone(),
            attempt,
            key: key.clone(),
            intent,
            order: None,
            draft,
            learned: Vec::new(),
            by: By::Operator,
        };
        self.settle(held, Outcome::End(End::Released { resume: false, told })).await;
        if self.load_intent(&key).await?.is_some_and(|intent| matches!(intent.value.state, State::Doubt { .. })) {
            return Err(Error::new(ErrorKind::StoreFailed, "it could not be stored yet; that is tried again"));
        }
        let order = self.load_order(order_no).await?.ok_or_else(|| unknown(order_no))?.value;
        let payment = order.payment(&self.account, self.payment_ref, attempt).ok_or_else(|| unknown(order_no))?;
        Ok(Answer::new(payment, Timing::default()))
    }

    /// Takes no new operations, and waits for those under way.
    pub(crate) async fn drain(&self, within: Duration) -> Drained {
        self.closing.store(true, Ordering::Relaxed);
        let deadline = self.env.now() + within;
        while self.flights.count() > 0 && self.env.now() < deadline {
            self.env.sleep(Duration::from_millis(20)).await;
        }
        Drained { left: self.flights.count() }
    }
}
