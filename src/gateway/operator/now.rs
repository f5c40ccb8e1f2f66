//! What operators do at once: look at an order's open operations now, pause charges, and end the pause.

use std::sync::Arc;
use std::time::Duration;

use super::view::{OrderView, Standing};
use super::{Deed, Word};
use crate::gateway::Inner;
use crate::gateway::channel::Call;
use crate::gateway::pause::{PART, Pause, Stored};
use crate::gateway::rows::{Versioned, json, read, store_failed};
use crate::model::{Error, ErrorKind, OrderNo};
use crate::store::{Commit, Put, SpaceKind};

/// How many due operations are taken up at a time: others may be due before those that are meant.
const BATCH: usize = 8;

/// Time between looks at what somebody else has taken up.
const LOOK: Duration = Duration::from_millis(100);

/// How often a row that others change at the same time is tried.
const RACES: u32 = 8;

impl Inner {
    /// Looks at all that is unfinished of an order now, and says how it stands then. What is being sent is left to end by itself.
    pub(crate) async fn resolve_now(self: &Arc<Self>, order_no: &OrderNo, call: Call) -> Result<OrderView, Error> {
        let deadline = self.env.now() + call.timeout;
        let mut view = self.inspect(order_no).await?;
        let waits = |standing| matches!(standing, Standing::Doubt | Standing::Watched | Standing::Wished);
        let meant = view.operations.iter().filter(|operation| waits(operation.state) && !operation.held);
        let meant: Vec<String> = meant.map(|operation| operation.operation.clone()).collect();
        for operation in &meant {
            self.due_now(order_no, operation).await?;
        }
        let space = self.rows.space(SpaceKind::Intent);
        loop {
            let until = self.env.now() + self.config.leases().patience;
            let claimed = self.store.claim_due(&space, BATCH, self.config.lease).await.map_err(store_failed)?;
            for row in claimed {
                // Not tied to whoever asks for it: a send that began ends, and what it shows is settled.
                let inner = Arc::clone(self);
                self.env.spawn(async move { inner.resolve_row(row, until).await });
            }
            self.env.sleep(LOOK).await;
            view = self.inspect(order_no).await?;
            let busy = view.operations.iter().any(|operation| {
                let due = operation.next_look.is_some_and(|due| due.is_zero());
                operation.held || (waits(operation.state) && due)
            });
            if !busy || self.env.now() >= deadline {
                return Ok(view);
            }
        }
    }

    /// Charges are refused from now on.
    pub(super) async fn pause(&self, word: &Word) -> Result<Pause, Error> {
        let pause = Pause { by: word.by.clone(), why: word.evidence.clone(), since: self.env.wall() };
        self.put_pause(word, "pause", Some(pause.clone())).await?;
        Ok(pause)
    }

    /// Charges go on.
    pub(super) async fn resume(&self, word: &Word) -> Result<(), Error> {
        self.put_pause(word, "resume", None).await
    }

    async fn put_pause(&self, word: &Word, act: &'static str, pause: Option<Pause>) -> Result<(), Error> {
        let key = self.pause_key();
        for _ in 0..RACES {
            let row = self.store.get(&key).await.map_err(store_failed)?;
            let stored = row.as_ref().map(read::<Stored>).transpose()?;
            let was = stored.as_ref().and_then(|stored| stored.value.pause.as_ref());
            if pause.is_none() && was.is_none() {
                return Err(Error::new(ErrorKind::Conflict, "charges are not paused"));
            }
            let (before, after) = (told(was), told(pause.as_ref()));
            let body = json(&Stored { v: 1, pause: pause.clone() })?;
            let expect = Versioned::expected(stored.as_ref());
            let put = Put { key: key.clone(), expect, due_in: None, keep_in: None, body };
            let audit = self.put_audit(word, Deed { act, part: PART.to_owned(), operation: None, before, after })?;
            if let Commit::Done(_) = self.commit(&[put, audit]).await? {
                self.note_pause(pause);
                return Ok(());
            }
        }
        Err(Error::new(ErrorKind::StoreFailed, "too many writers on one row"))
    }
}

fn told(pause: Option<&Pause>) -> String {
    pause.map_or_else(|| "charges go on".to_owned(), |pause| format!("paused by {}: {}", pause.by, pause.why))
}
