//! What is decided once and stored, and what is made fresh for each send.

use std::time::{Duration, SystemTime};

use http::Method;
use serde::{Deserialize, Serialize};

use super::{Refs, Request, Seen, Want};
use crate::model::{AttemptNo, Error, IdempotencyKey, Money, OrderNo, ProviderNo};
use crate::signing::sha256_hex;

/// What an intent's generation is born with. Stored before anything is drafted, never drawn again, and kept after it is settled:
/// a query is drafted with the seed of what it asks about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seed {
    /// The provider's number of this attempt, refund or capture.
    pub number: ProviderNo,
    /// The key of its first step.
    pub key: IdempotencyKey,
    /// The business time: what the provider is told as the time of the order, for good.
    pub born: SystemTime,
}

impl Seed {
    /// The key of a later step: derived, so that a crash between steps cannot mint another.
    pub fn key_of(&self, step: u8) -> Result<IdempotencyKey, Error> {
        if step == 0 {
            return Ok(self.key.clone());
        }
        let digest = sha256_hex(&[self.key.as_str().as_bytes(), &[0, step]]);
        IdempotencyKey::new(digest.chars().take(32).collect::<String>()).map_err(Error::from)
    }
}

/// What is known of the payment that an operation refers to.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// How it was charged; none for a first charge and for payments that were adopted.
    pub original: Option<Original>,
    /// The provider's ids of it.
    pub refs: Refs,
    /// The provider's number of the refund that a query asks about.
    pub part_number: Option<ProviderNo>,
}

/// How a payment was charged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Original {
    /// The order.
    pub order_no: OrderNo,
    /// The attempt.
    pub attempt: AttemptNo,
    /// Number, key and business time.
    pub seed: Seed,
    /// What was asked.
    pub money: Money,
    /// Kind of method it was charged with, as [`Method::kind`](super::Method::kind) names it.
    pub product: String,
    /// When the provider stops taking payment for it, if it says.
    pub closes_at: Option<SystemTime>,
}

/// Whether a step can move money. A step that cannot is never a doubt about money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moves {
    /// It prepares.
    Nothing,
    /// It may charge, capture, cancel or give back.
    Money,
}

/// One step of an operation as it will be sent, again and again if need be: everything but timestamp, nonce and signature.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The adapter's format of drafts. A draft of an unknown format is never guessed at, and never drafted again.
    pub format: u16,
    /// Which step of the operation, from 0.
    pub step: u8,
    /// Whether it can move money.
    pub moves: Moves,
    /// GET or POST; ignored where nothing is sent.
    #[serde(with = "verb")]
    pub method: Method,
    /// Path and query at the provider's host; empty where nothing is sent.
    pub path: String,
    /// The idempotency key of this step.
    pub key: IdempotencyKey,
    /// When the provider stops taking payment, if this step fixes it.
    pub closes_at: Option<SystemTime>,
    /// The body, byte for byte.
    pub body: String,
    /// What later steps need.
    pub carry: Refs,
}

impl std::fmt::Debug for Draft {
    /// Prints no body and nothing carried: they may hold a payer's data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { format, step, moves, method, path, body, .. } = self;
        write!(f, "Draft(format {format}, step {step}, moves {moves:?}, {method} {path}, {} bytes)", body.len())
    }
}

/// Made fresh for each send, after all waiting is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Wall time.
    pub now: SystemTime,
    /// 128 bits of chance.
    pub nonce: u128,
    /// Which send of this step, from 1.
    pub send: u32,
}

/// Ready, or waiting for access.
#[derive(Clone, Debug)]
pub enum Ready<T> {
    /// Here it is.
    Done(T),
    /// Fetch this first, then ask again.
    Need(Want),
}

/// A signed step.
#[derive(Clone, Debug)]
pub enum Signed {
    /// Send this.
    Send(Request),
    /// Nothing is sent: the payer's browser or app carries it. Live from the moment it is shown.
    Present(Box<Seen>),
}

/// What an answer means.
#[derive(Clone, Debug)]
pub enum Decoded {
    /// The operation was answered.
    Done(Box<Seen>),
    /// The answer cannot be verified without this. The same answer is decoded again; nothing is resent.
    Need(Want),
    /// This step is done, the next follows. Both are stored together, so each step is a recovery point.
    Then {
        /// The next step.
        draft: Box<Draft>,
        /// What this step showed.
        seen: Box<Seen>,
    },
    /// A query found nothing. What that proves, [`Recovery::not_found`] of the operation in doubt says. Only for queries.
    Missing,
}

/// An answer that says no, and what may be done about sending again.
#[derive(Debug)]
pub struct Failure {
    /// The truth for the caller.
    pub error: Error,
    /// What the provider's rules allow.
    pub again: Again,
    /// What was seen all the same: ids in an error answer.
    pub refs: Refs,
}

impl Failure {
    /// An error after which this must not be sent again by itself.
    pub fn last(error: Error) -> Self {
        Self { error, again: Again::No, refs: Refs::new() }
    }

    /// An error after which the same may be sent again.
    pub fn again(error: Error, again: Again) -> Self {
        Self { error, again, refs: Refs::new() }
    }

    /// With ids that the error answer named.
    pub fn with_refs(mut self, refs: Refs) -> Self {
        self.refs = refs;
        self
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::last(error)
    }
}

/// Whether the same step may be sent again after a failure, by the provider's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Again {
    /// No.
    No,
    /// The same bytes under the same key.
    SameKey {
        /// Not before this time has passed, if the provider named one.
        after: Option<Duration>,
        /// Access that was refused and must be fetched anew first.
        invalidate: Option<Want>,
    },
    /// Not under this key: what it stands for is proved not applied and stored so. The next generation has another.
    NewKey,
}

/// How doubt about an operation is resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// In this order, until one gives evidence.
    pub steps: Vec<RecoveryStep>,
    /// What "not found" proves. A capture is not found, too, where the provider shows all of the money still reserved.
    pub not_found: NotFound,
    /// Times between tries; the last repeats.
    pub cadence: Vec<Duration>,
}

/// One way to evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoveryStep {
    /// Send the same bytes under the same key, as long as the provider remembers keys.
    Replay {
        /// Counted from the seed's birth, with a margin that the adapter has taken off.
        within: Duration,
    },
    /// Ask by number or id.
    Query,
    /// Cancel the payment, then ask: it can take no more money after.
    Cancel,
    /// Take back whatever happened: the payer stands there, and must be told something. Only of charges.
    Reverse {
        /// Not before this time has passed since the seed's birth: until then the payer may still be paying.
        after: Duration,
    },
    /// Wait for the provider's callback.
    Callback,
    /// Wait for a person with a reason.
    Human,
}

/// What it proves that a query found nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotFound {
    /// The operation did not reach the provider, and cannot any more.
    Proof,
    /// The same, but only after this time.
    ProofAfter(SystemTime),
    /// Nothing.
    Nothing,
}

/// What to watch after an observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follow {
    /// Times between looks; the last repeats.
    pub cadence: Vec<Duration>,
    /// How long, by the wall clock; `None` is until it settles.
    pub until: Option<SystemTime>,
    /// What is done when the time is up.
    pub then: WhenUp,
}

/// What is done when the watching time is up and the payer has not paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenUp {
    /// Keep looking, slowly: the provider ends it by itself.
    Leave,
    /// Cancel it.
    Cancel,
    /// Take it back, directly after the last look.
    Reverse,
}

/// How a stale action is made fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// Sign the last draft again; nothing is sent.
    Sign,
    /// Send the last draft's bytes again: the provider answers with a fresh action for the same payment.
    Resend,
    /// Ask; the answer carries it.
    Query,
    /// It cannot be.
    Never,
}

mod verb {
    //! An HTTP method as its name.

    use http::Method;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(method: &Method, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(method.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Method, D::Error> {
        let name = String::deserialize(input)?;
        Method::from_bytes(name.as_bytes()).map_err(|_| serde::de::Error::custom("method: must be an HTTP method"))
    }
}
