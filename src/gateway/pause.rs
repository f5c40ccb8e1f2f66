//! The pause: a person's word that no more money is taken for now, known to every process within a second.
//!
//! What is known is kept, and read again beside the charge that finds it half a second old; only a charge that finds it a
//! second old waits for the store. So a busy process reads the row twice a second, and an idle one never.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use serde::{Deserialize, Serialize};

use super::Inner;
use super::plan::Planned;
use super::rows::{read, store_failed};
use super::verdict::Told;
use crate::env::Mono;
use crate::model::{Error, ErrorKind};
use crate::store::{Key, SpaceKind};

/// How old what is known may be when a charge relies on it.
const FRESH: Duration = Duration::from_secs(1);

/// From this age on it is read again, and nobody waits for that.
const AHEAD: Duration = Duration::from_millis(500);

/// What a refused caller is told to wait at least: a person ends a pause.
const AFTER: Duration = Duration::from_secs(30);

/// The part of what is paused, and the row within.
pub(super) const PART: &str = "pause";
const CHARGES: &str = "charges";

/// Charges, confirms and captures of an account are refused; everything else goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Pause {
    /// Who has paused it.
    pub by: String,
    /// Why.
    pub why: String,
    /// Since when, by the wall clock of the process it was done in.
    pub since: SystemTime,
}

/// The row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) v: u8,
    pub(super) pause: Option<Pause>,
}

/// What this process knows of it.
#[derive(Debug, Default)]
pub(crate) struct Pauses {
    known: ArcSwapOption<Known>,
    /// One reads, the others who need it wait for that.
    turn: tokio::sync::Mutex<()>,
    reading_ahead: AtomicBool,
}

#[derive(Debug)]
struct Known {
    /// When the store was asked.
    at: Mono,
    pause: Option<Pause>,
}

impl Pauses {
    /// Notes what the row said when it was read at that time. What was read later stands.
    fn note(&self, at: Mono, pause: Option<Pause>) {
        let new = Arc::new(Known { at, pause });
        self.known.rcu(|old| match old {
            Some(old) if old.at > at => Some(Arc::clone(old)),
            _ => Some(Arc::clone(&new)),
        });
    }

    fn fresh(&self, now: Mono) -> Option<Arc<Known>> {
        self.known.load_full().filter(|known| now.since(known.at) < FRESH)
    }
}

impl Inner {
    /// The pause, if there is one; at most a second old.
    pub(crate) async fn paused(self: &Arc<Self>) -> Result<Option<Pause>, Error> {
        if let Some(known) = self.pauses.fresh(self.env.now()) {
            if self.env.now().since(known.at) >= AHEAD {
                self.read_ahead();
            }
            return Ok(known.pause.clone());
        }
        let _turn = self.pauses.turn.lock().await;
        match self.pauses.fresh(self.env.now()) {
            Some(known) => Ok(known.pause.clone()),
            None => self.read_pause().await,
        }
    }

    /// Why an operation that takes money is not sent now; none if it may be, or takes none. Nobody knows whether charges are
    /// paused while the store cannot be read: then nothing is sent either.
    pub(crate) async fn held_back<Op: Planned>(self: &Arc<Self>) -> Option<Told> {
        if !Op::TAKES {
            return None;
        }
        let error = match self.paused().await {
            Ok(None) => return None,
            Ok(Some(Pause { by, why, .. })) => {
                Error::new(ErrorKind::Refused, format!("charges are paused by {by}: {why}")).with_after(AFTER)
            }
            Err(error) => Error::new(ErrorKind::Refused, format!("whether charges are paused is not known: {}", error.message())),
        };
        Some(Told::of(&error))
    }

    fn read_ahead(self: &Arc<Self>) {
        if self.pauses.reading_ahead.swap(true, Ordering::Relaxed) {
            return;
        }
        let inner = Arc::clone(self);
        self.env.spawn(async move {
            if let Err(error) = inner.read_pause().await {
                tracing::debug!(account = %inner.account, %error, "whether charges are paused is read again");
            }
            inner.pauses.reading_ahead.store(false, Ordering::Relaxed);
        });
    }

    async fn read_pause(&self) -> Result<Option<Pause>, Error> {
        let at = self.env.now();
        let row = self.store.get(&self.pause_key()).await.map_err(store_failed)?;
        let stored = row.as_ref().map(read::<Stored>).transpose()?;
        let pause = stored.and_then(|stored| stored.value.pause);
        self.pauses.note(at, pause.clone());
        Ok(pause)
    }

    /// This process has changed it itself.
    pub(super) fn note_pause(&self, pause: Option<Pause>) {
        self.pauses.note(self.env.now(), pause);
    }

    pub(super) fn pause_key(&self) -> Key {
        Key { space: self.rows.space(SpaceKind::Pause), part: PART.to_owned(), id: CHARGES.to_owned() }
    }
}
