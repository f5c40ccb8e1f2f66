//! The gateway's commits and reads: repeated under the same name when an answer was lost, and never held across a send.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Inner;
use super::apply::Applied;
use super::intent::{Intent, State};
use super::order::Order;
use super::rows::{self, Versioned, json, read, store_failed};
use super::told::{By, ToldChange};
use crate::adapter::Seen;
use crate::env::Rng;
use crate::model::{AttemptNo, Error, ErrorKind, OrderNo};
use crate::store::{Commit, Expect, Key, MAX_PUTS, OpId, Put, StoreErrorKind};

/// Names for commits: they follow each other from a start that is drawn once, so that no two gateways meet.
#[derive(Debug, Default)]
pub(crate) struct OpIds {
    start: OnceLock<u128>,
    given: AtomicU64,
}

impl OpIds {
    fn next(&self, rng: &dyn Rng) -> OpId {
        let start = self.start.get_or_init(|| rng.next_u128());
        OpId(start.wrapping_add(self.given.fetch_add(1, Ordering::Relaxed).into()))
    }
}

impl Inner {
    /// Commits under a fresh name, asking again under the same name if the answer was lost. More tells than one commit may
    /// hold go first, on their own: told twice is better than not at all.
    pub(crate) async fn commit(&self, puts: &[Put]) -> Result<Commit, Error> {
        let main = puts.len().min(MAX_PUTS);
        let (first, more) = puts.split_at(main);
        for put in more {
            self.commit_once(std::slice::from_ref(put)).await?;
        }
        self.commit_once(first).await
    }

    /// Commits rows of which those after the intent's are tells: one that is there already has been told, and is left out.
    pub(crate) async fn commit_settled(&self, mut puts: Vec<Put>, intent_at: usize) -> Result<Commit, Error> {
        loop {
            match self.commit(&puts).await? {
                Commit::Lost { index, .. } if index > intent_at => drop(puts.remove(index)),
                committed => return Ok(committed),
            }
        }
    }

    async fn commit_once(&self, puts: &[Put]) -> Result<Commit, Error> {
        let op = self.op_ids.next(&**self.env.rng());
        let mut last = None;
        for tries in 0..3_u32 {
            if tries > 0 {
                self.env.sleep(Duration::from_millis(20 << tries)).await;
            }
            match self.store.commit(op, puts).await {
                Ok(commit) => return Ok(commit),
                Err(error) if error.kind() == StoreErrorKind::Unavailable => last = Some(error),
                Err(error) => return Err(store_failed(error)),
            }
        }
        Err(last.map_or_else(|| Error::new(ErrorKind::StoreFailed, "the store gave no answer"), store_failed))
    }

    /// The order's row.
    pub(crate) async fn load_order(&self, order_no: &OrderNo) -> Result<Option<Versioned<Order>>, Error> {
        let row = self.store.get(&self.rows.order_key(order_no)).await.map_err(store_failed)?;
        row.as_ref().map(read).transpose()
    }

    /// An intent's row.
    pub(crate) async fn load_intent(&self, key: &Key) -> Result<Option<Versioned<Intent>>, Error> {
        let row = self.store.get(key).await.map_err(store_failed)?;
        row.as_ref().map(read).transpose()
    }

    /// Writes the rows that lead from the provider's id of a payment to its order. Harmless to repeat.
    pub(crate) async fn alias_refs(&self, order_no: &OrderNo, seen: &Seen) -> Result<(), Error> {
        match seen.refs.get(self.payment_ref) {
            Some(id) => self.alias(self.payment_ref, id, order_no).await,
            None => Ok(()),
        }
    }

    /// Leads from a name to an order; an alias that leads elsewhere is a conflict.
    pub(crate) async fn alias(&self, name: &str, id: &str, order_no: &OrderNo) -> Result<(), Error> {
        let key = self.rows.alias_key(name, id);
        let body = json(order_no)?;
        let put = Put { key, expect: Expect::Absent, due_in: None, keep_in: None, body: body.clone() };
        match self.commit_once(std::slice::from_ref(&put)).await? {
            Commit::Lost { current: Some(row), .. } if row.body != body => {
                Err(Error::new(ErrorKind::Conflict, format!("{name} {id} belongs to another order")))
            }
            _ => Ok(()),
        }
    }

    /// Makes an unfinished operation due at once: something new is known of it.
    pub(crate) async fn due_now(&self, order_no: &OrderNo, identity: &str) -> Result<(), Error> {
        let key = self.rows.intent_key(order_no, identity);
        let Some(intent) = self.load_intent(&key).await? else { return Ok(()) };
        if !matches!(intent.value.state, State::Doubt { .. } | State::Watched { .. }) {
            return Ok(());
        }
        let put = rows::put_intent(key, &intent.value, Expect::Ver(intent.ver), Some(Duration::ZERO))?;
        // Lost: somebody is at it already.
        self.commit_once(&[put]).await.map(|_| ())
    }

    /// Tells something that changes no state we keep. The event stands in the place of a state: a dispute that is updated twice is
    /// two effects, and one event that is applied twice is one.
    pub(crate) async fn tell_only(
        &self,
        order_no: &OrderNo,
        attempt: AttemptNo,
        change: ToldChange,
        event: &str,
    ) -> Result<(), Error> {
        let event: String = crate::signing::sha256_hex(&[event.as_bytes()]).chars().take(16).collect();
        for _ in 0..32 {
            let Some(order) = self.load_order(order_no).await? else { return Ok(()) };
            let mut next = order.value;
            next.version += 1;
            let applied = Applied { changes: vec![(change.clone(), event.clone())], ..Applied::default() };
            let tolds = self.tolds(&next, attempt, applied, By::Callback);
            let mut puts = vec![self.rows.put_order(&next, Expect::Ver(order.ver))?];
            for told in &tolds {
                puts.push(self.rows.put_told(told)?);
            }
            if let Commit::Done(_) = self.commit(&puts).await? {
                self.changed();
                return Ok(());
            }
        }
        Err(Error::new(ErrorKind::StoreFailed, "too many writers on one order"))
    }
}
