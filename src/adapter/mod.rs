//! The contract of an adapter: the pure protocol of one provider, without IO, clock or chance.
//!
//! Everything here is a function of its arguments, so that signing is tested by vectors, parsing is fuzzed without a runtime,
//! there is one retry loop for all providers, and "was it sent?" is decided in one file.

mod access;
mod address;
mod callback;
#[cfg(feature = "conformance")]
pub mod conformance;
mod draft;
mod finding;
mod form;
mod kind;
mod method;
mod operation;
mod profile;
mod seen;
mod wire;

use std::fmt;
use std::time::SystemTime;

pub use access::{Access, Grant, Granted, Probe, Want};
pub use address::check_base_url;
#[cfg(feature = "gateway")]
pub(crate) use callback::Record;
pub use callback::{About, Callbacks, Change, Event, Item, Opened, Trust};
pub use draft::{
    Again, Decoded, Draft, Failure, Follow, Known, Moves, NotFound, Original, Ready, Recovery, RecoveryStep, Renewal, Seed,
    Signed, Stamp, WhenUp,
};
pub use finding::{Finding, Level};
pub use form::Form;
pub use kind::{Kind, unsupported};
pub use method::{CaptureMode, Method, Surface};
pub use operation::{Cancel, Capture, Charge, Confirm, Operation, Query, QueryRefund, Refund, Reverse};
pub use profile::{CurrencyRule, NumberFormat, Profile, UnsignedErrors};
pub use seen::{Refs, Seen, SeenPart};
pub use wire::{Reply, Request, single_header};

use crate::model::{AccountRef, Error, Fate};

/// One provider's protocol for one account, credentials included (parsed once, never printed).
///
/// * Pure: no IO, no clock, no chance, no state that changes. Rotating credentials replaces the adapter.
/// * `Some` is the capability: it cannot drift from the code. There are no default bodies; every line is a decision.
/// * An adapter whose callbacks ever say `AskFirst` has a `query`.
pub trait Adapter: fmt::Debug + Send + Sync + 'static {
    /// The account it speaks for. Rotating credentials cannot change it.
    fn account(&self) -> &AccountRef;
    /// What is fixed about the provider.
    fn profile(&self) -> &Profile;
    /// Takes or reserves money. Every provider can.
    fn charge(&self) -> &dyn Codec<Charge>;
    /// Goes on after the payer has acted.
    fn confirm(&self) -> Option<&dyn Codec<Confirm>>;
    /// Takes reserved money.
    fn capture(&self) -> Option<&dyn Codec<Capture>>;
    /// Ends a payment before money is taken; never returns captured money.
    fn cancel(&self) -> Option<&dyn Codec<Cancel>>;
    /// Undoes whatever happened, under a refund number.
    fn reverse(&self) -> Option<&dyn Codec<Reverse>>;
    /// Gives money back.
    fn refund(&self) -> Option<&dyn Codec<Refund>>;
    /// Asks for a payment.
    fn query(&self) -> Option<&dyn Codec<Query>>;
    /// Asks for a refund.
    fn query_refund(&self) -> Option<&dyn Codec<QueryRefund>>;
    /// Fetches what a [`Want`] asks for.
    fn access(&self) -> Option<&dyn Access>;
    /// A harmless question for a half-open breaker.
    fn probe(&self) -> Option<&dyn Probe>;
    /// The provider's messages to us.
    fn callbacks(&self) -> &dyn Callbacks;
    /// Looks over keys, certificates and callback settings as they are at `now`, with what is granted: for a doctor, not for
    /// the way of a payment. Names no secret.
    fn inspect(&self, granted: &Granted, now: SystemTime) -> Vec<Finding>;
}

/// How one operation is said to a provider, and how its answers are read.
pub trait Codec<Op: Operation>: Send + Sync {
    /// Decides the operation, once per generation of its intent; the result is stored before anything is sent.
    ///
    /// * The only place that encrypts or chooses. The same arguments give the same draft.
    /// * Bad input is refused here, naming the field and the rule: money that the provider cannot take is never rounded.
    /// * Every step's key is `seed.key_of(step)`.
    /// * `moves` is `Nothing` only if this step can never take or return money, whatever the payer does with what is known so far.
    ///   Within an operation it goes from `Nothing` to `Money` and never back: who must ask after a step of money answers
    ///   `Done` with what little was seen, and leaves the asking to `recovery`.
    /// * The seed of a query is the seed of what it asks about: the charge's for `Query`, the refund's for `QueryRefund`. Where
    ///   the business time is part of a number's identity, nothing else can name it after its answer was lost.
    fn draft(&self, op: &Op, known: &Known, seed: &Seed, granted: &Granted) -> Result<Ready<Draft>, Error>;

    /// Makes it ready to go, once per send: fresh timestamp, nonce and signature over the draft's own bytes.
    ///
    /// * The key, the path and the body are the draft's, byte for byte, at every send.
    /// * A draft of a format it does not know is refused.
    fn sign(&self, draft: &Draft, stamp: &Stamp, granted: &Granted) -> Result<Ready<Signed>, Error>;

    /// Verifies and reads an answer.
    ///
    /// * Total: any bytes, no panic, no guess. What it cannot read or believe is `Unintelligible`, never a decline.
    /// * An answer that speaks of another payment, key or account than the draft's is `Unintelligible`.
    /// * A decline is `Done` with status `Declined` and its ids: the gateway makes an error of it where one is due.
    /// * A word it does not know becomes `Unrecognized`, never a known state.
    /// * `received` is a stamp of its own, time and chance made anew: parameters for the payer's app are signed over it.
    fn decode(&self, draft: &Draft, reply: &Reply, received: &Stamp, granted: &Granted) -> Result<Decoded, Failure>;

    /// How doubt is resolved at the step where the draft stands.
    fn recovery(&self, op: &Op, draft: &Draft) -> Recovery;

    /// What an observation proves about this very operation, as far as the draft had got. `None`: nothing.
    ///
    /// * Asked of every observation, the direct answer included: an answer that proves nothing leaves the operation in doubt,
    ///   and recovery begins at once.
    /// * Total money is no proof for a part: another capture or refund may have made it.
    fn judge(&self, op: &Op, draft: &Draft, seen: &Seen) -> Option<Fate>;

    /// What to watch after this observation; `None` when nothing more can happen by itself.
    ///
    /// * Asked again after each look: `until` hangs on the draft (`closes_at`), never on `now`, or it would slide away.
    fn follow(&self, op: &Op, draft: &Draft, seen: &Seen, now: SystemTime) -> Option<Follow>;

    /// How a stale action is made fresh.
    fn renewal(&self, op: &Op, draft: &Draft) -> Renewal;
}
