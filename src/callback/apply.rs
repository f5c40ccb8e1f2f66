//! Applying what lies in the inbox: found to its order, applied once, told, done.

use std::sync::Arc;
use std::time::Duration;

use super::dead::bury;
use super::inbox::{Letter, done, parked};
use crate::adapter::{About, Change, Record, Trust};
use crate::gateway::{By, Inner, Observed, ToldChange, read, store_failed};
use crate::guard::Class;
use crate::model::{AttemptNo, Error, OrderNo};
use crate::store::{Row, SpaceKind};

/// How many callbacks one round takes.
const BATCH: usize = 64;

/// How long a callback for an order that is not here waits for it: 24 looks, from 2 s to an hour apart, are about half a day.
const PARKED: u32 = 24;

/// How often a callback of somebody else on the same account is looked for: it may only be early.
const STRANGER: u32 = 6;

/// How often applying one may fail before it goes to the dead list.
const TRIES: u32 = 20;

/// How long a question to the provider about a callback may take.
const ASK: Duration = Duration::from_secs(20);

/// What became of a letter.
enum Fate {
    Done(&'static str),
    Later(Duration),
    Dead(String),
}

impl Inner {
    /// Claims and applies what is due in the inbox. Tells how many there were.
    pub(crate) async fn apply_due(self: Arc<Self>) -> Result<usize, Error> {
        let space = self.rows.space(SpaceKind::Inbox);
        let claimed = self.store.claim_due(&space, BATCH, self.config.leases().short).await.map_err(store_failed)?;
        let count = claimed.len();
        futures_util::future::join_all(claimed.into_iter().map(|row| self.apply_row(row))).await;
        Ok(count)
    }

    async fn apply_row(&self, row: Row) {
        let (key, ver) = (row.key.clone(), row.ver);
        let letter: Letter = match read(&row) {
            Ok(letter) => letter.value,
            Err(error) => {
                tracing::error!(part = %key.part, %error, "a callback in the inbox cannot be read; it stays");
                return;
            }
        };
        let Some(record) = &letter.record else { return };
        let tries = letter.looks;
        let fate = match self.apply_record(record, &key.part, tries).await {
            Ok(fate) => fate,
            Err(error) if tries >= TRIES => Fate::Dead(error.to_string()),
            Err(error) => {
                tracing::warn!(account = %self.account, event = %record.name, %error, "a callback is applied again later");
                Fate::Later(backoff(tries))
            }
        };
        let puts = match fate {
            Fate::Done(why) => done(key, ver, &letter, why).map(|put| vec![put]),
            Fate::Dead(reason) => bury(self, ver, &letter, &reason).await.map(Vec::from),
            Fate::Later(due) => parked(key, ver, &letter, due).map(|put| vec![put]),
        };
        let committed = match puts {
            Ok(puts) => self.commit(&puts).await.map(|_| ()),
            Err(error) => Err(error),
        };
        if let Err(error) = committed {
            // The lease brings it back; applying again changes nothing.
            tracing::warn!(%error, "a callback was applied and could not be marked so");
        }
    }

    async fn apply_record(&self, record: &Record, event: &str, tries: u32) -> Result<Fate, Error> {
        let Some((order_no, attempt)) = self.find(&record.about).await? else {
            return Ok(match &record.about.order {
                Some(_) if tries < PARKED => Fate::Later(backoff(tries)),
                Some((order_no, _)) => Fate::Dead(format!("order {order_no} is not known here")),
                None if tries < STRANGER => Fate::Later(backoff(tries)),
                None => Fate::Done("of somebody else on the same account"),
            });
        };
        match record.change {
            Change::Dispute => self.tell_only(&order_no, attempt, ToldChange::Dispute(record.name.clone()), event).await?,
            Change::Other => self.tell_only(&order_no, attempt, ToldChange::Other(record.name.clone()), event).await?,
            Change::Payment | Change::Capture | Change::Refund => {
                let ask = record.trust == Trust::AskFirst
                    || self.observe(&order_no, attempt, &record.seen, By::Callback).await? == Observed::AskFirst;
                if ask && self.refresh(&order_no, attempt, Class::Resolve, self.env.now() + ASK).await?.is_none() {
                    // It calls back about what it cannot find: one of the two is late.
                    return Ok(match tries {
                        ..TRIES => Fate::Later(backoff(tries)),
                        _ => Fate::Dead("the provider does not know the payment that it called back about".to_owned()),
                    });
                }
                self.look_soon(&order_no, attempt, record).await?;
            }
        }
        Ok(Fate::Done("applied"))
    }

    /// The order an event is about: by our own number, by the provider's number of ours, by the provider's id.
    async fn find(&self, about: &About) -> Result<Option<(OrderNo, AttemptNo)>, Error> {
        if let Some((order_no, attempt)) = &about.order {
            let order = self.load_order(order_no).await?;
            return Ok(order.and_then(|order| order.value.attempt(*attempt).map(|_| (order_no.clone(), *attempt))));
        }
        let number = about.number.as_ref().map(|number| ("number", number.as_str()));
        let id = about.refs.get(self.payment_ref).map(|id| (self.payment_ref, id));
        for (name, id) in [number, id].into_iter().flatten() {
            let row = self.store.get(&self.rows.alias_key(name, id)).await.map_err(store_failed)?;
            let Some(row) = row else { continue };
            let order_no = read::<OrderNo>(&row)?.value;
            let Some(order) = self.load_order(&order_no).await? else { continue };
            let named = order
                .value
                .attempts
                .iter()
                .find(|attempt| attempt.seed.number.as_str() == id || attempt.refs.get(name) == Some(id));
            if let Some(attempt) = named.or_else(|| order.value.latest()) {
                return Ok(Some((order_no, attempt.no)));
            }
        }
        // A number of ours that needed no alias is the order's own.
        let own = about.number.as_ref().and_then(|number| OrderNo::new(number.as_str()).ok());
        match own {
            Some(order_no) => Ok(self.load_order(&order_no).await?.map(|_| (order_no, AttemptNo::FIRST))),
            None => Ok(None),
        }
    }

    /// What waits for this change looks at once instead of at its time.
    async fn look_soon(&self, order_no: &OrderNo, attempt: AttemptNo, record: &Record) -> Result<(), Error> {
        let mut names = vec![format!("charge/{attempt}")];
        if let Some(order) = self.load_order(order_no).await?.filter(|_| record.change == Change::Refund) {
            let refunds = order.value.attempt(attempt).map(|attempt| attempt.refunds.as_slice()).unwrap_or_default();
            let spoken = |id: &Option<String>| record.seen.refunds.iter().any(|seen| seen.id == *id);
            let numbers = refunds.iter().filter(|part| spoken(&part.id)).filter_map(|part| part.no.as_deref());
            names = numbers.map(|no| format!("refund/{no}")).collect();
        }
        for name in names {
            self.due_now(order_no, &name).await?;
        }
        self.wake_resolver();
        Ok(())
    }
}

/// From 2 s to an hour, doubling.
fn backoff(tries: u32) -> Duration {
    Duration::from_secs(2).saturating_mul(1 << tries.min(11)).min(Duration::from_secs(3600))
}
