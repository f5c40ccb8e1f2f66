//! The provider's messages to us: opened by proof or refused.

use std::time::SystemTime;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Granted, Refs, Reply, Request, Seen, Want};
use crate::model::{AttemptNo, Error, OrderNo, ProviderNo};
use crate::signing::Proof;

/// Reads a provider's callbacks.
pub trait Callbacks: Send + Sync {
    /// Verifies and reads one request.
    ///
    /// * Total: any bytes, no panic, no guess. The size was capped before.
    /// * `Err` is for the whole message: not proved, stale, of another environment or account.
    /// * A bad item among good ones is an item whose verdict is an error; it does not spoil the rest.
    /// * An event speaks only of what its proof covers.
    fn open(&self, raw: &Request, now: SystemTime, granted: &Granted) -> Result<Opened, Error>;

    /// The exact words this provider takes for "stored".
    fn accepted(&self) -> Reply;

    /// The answer that makes this provider try again, or give up on what is not for us.
    fn refused(&self, why: &Error) -> Reply;
}

/// An opened message.
#[derive(Debug)]
pub enum Opened {
    /// Its items, in order.
    Items(Vec<Item>),
    /// It cannot be verified without this.
    Need(Want),
}

/// One item of a message.
#[derive(Debug)]
pub struct Item {
    /// What makes it the same delivery when it comes again. 1 to 200 visible characters.
    pub delivery_key: String,
    /// The item as it came.
    pub raw: Bytes,
    /// The event, or why there is none.
    pub verdict: Result<Event, Error>,
}

/// Whether an event may be applied as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// Its proof covers all it says.
    Enough,
    /// The provider is queried before anything is applied.
    AskFirst,
}

/// What an event changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// The payment's status.
    Payment,
    /// A capture.
    Capture,
    /// A refund.
    Refund,
    /// A dispute or chargeback.
    Dispute,
    /// Nothing we keep; told to the application as it is.
    Other,
}

/// Which payment an event is about, in whatever names the provider echoes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Our order and attempt, where the provider carries them for us.
    pub order: Option<(OrderNo, AttemptNo)>,
    /// Our number at the provider: of the attempt, or of the refund or capture where the provider names only that.
    pub number: Option<ProviderNo>,
    /// The provider's ids.
    pub refs: Refs,
}

/// Something a provider has proved to have told us. Built only from what the proof covers.
#[derive(Clone, Debug)]
pub struct Event {
    proof: Proof,
    record: Record,
}

/// What an event says, as the inbox keeps it after its proof was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "gateway"), allow(dead_code, reason = "read by the inbox"))]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) about: About,
    pub(crate) change: Change,
    pub(crate) seen: Seen,
    pub(crate) trust: Trust,
    pub(crate) at: Option<SystemTime>,
}

impl Event {
    /// An event from a proof: the provider's name for it, what it is about, and what it shows.
    pub fn new(proof: Proof, name: impl Into<String>, about: About, change: Change, seen: Seen, trust: Trust) -> Self {
        Self { proof, record: Record { name: name.into(), about, change, seen, trust, at: None } }
    }

    /// With the time the provider says it happened. For display: no order is derived from it.
    pub fn at(mut self, at: Option<SystemTime>) -> Self {
        self.record.at = at;
        self
    }

    /// The bytes that were proved.
    pub fn covered(&self) -> &Bytes {
        self.proof.covered()
    }

    /// The provider's name for it: `payment_intent.succeeded`.
    pub fn name(&self) -> &str {
        &self.record.name
    }

    /// Which payment.
    pub fn about(&self) -> &About {
        &self.record.about
    }

    /// What it changes.
    pub fn change(&self) -> &Change {
        &self.record.change
    }

    /// What it shows.
    pub fn seen(&self) -> &Seen {
        &self.record.seen
    }

    /// Whether it may be applied as it stands.
    pub fn trust(&self) -> Trust {
        self.record.trust
    }

    /// When it happened, as the provider says.
    pub fn happened_at(&self) -> Option<SystemTime> {
        self.record.at
    }

    /// What the inbox keeps of it.
    #[cfg(feature = "gateway")]
    pub(crate) fn record(&self) -> &Record {
        &self.record
    }
}
