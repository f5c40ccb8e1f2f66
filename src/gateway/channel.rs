//! The one payment trait: what an application calls, whatever the provider.

use std::time::Duration;

use crate::adapter::{Cancel, Capture, Charge, Confirm, Kind, Query, QueryRefund, Refund, Reverse};
use crate::env::BoxFuture;
use crate::guard::Timing;
use crate::model::{AccountRef, Error, OrderNo, Payment};

/// How long one call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Bounds all waiting and the start of every send. A send of money that has started runs to its own end; the call returns
    /// at the deadline all the same, with `InFlight`.
    pub timeout: Duration,
}

impl Call {
    /// A call of at most that long.
    pub fn within(timeout: Duration) -> Self {
        Self { timeout }
    }
}

impl Default for Call {
    /// 30 s: the longest a payer waits before trying again elsewhere.
    fn default() -> Self {
        Self::within(Duration::from_secs(30))
    }
}

/// An answer, and where its time went.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer<T> {
    /// What was asked for.
    pub value: T,
    /// The time spent in each stage; zero for an answer that was known already.
    pub timing: Timing,
}

impl<T> Answer<T> {
    /// An answer with its timing.
    pub fn new(value: T, timing: Timing) -> Self {
        Self { value, timing }
    }
}

/// What a channel can do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// The operations, in the order of [`Kind::ALL`].
    pub operations: Vec<Kind>,
}

/// What every method answers with.
pub type Outcome<'a> = BoxFuture<'a, Result<Answer<Payment>, Error>>;

/// Payments through one account at one provider.
///
/// * The same order and numbers are the same operation: a second call joins the first or gets its answer, in this process or
///   another. The same numbers with other money are a `Conflict`, and nothing is sent.
/// * An operation that moves money is not tied to the caller's future: dropping it stops nothing.
/// * Every error tells its fate and the next step.
pub trait PaymentChannel: Send + Sync {
    /// Whose money.
    fn account(&self) -> &AccountRef;
    /// Takes or reserves an order's money.
    fn charge(&self, charge: Charge, call: Call) -> Outcome<'_>;
    /// Goes on after the payer has acted.
    fn confirm(&self, confirm: Confirm, call: Call) -> Outcome<'_>;
    /// Takes reserved money.
    fn capture(&self, capture: Capture, call: Call) -> Outcome<'_>;
    /// Ends a payment before money is taken.
    fn cancel(&self, cancel: Cancel, call: Call) -> Outcome<'_>;
    /// Undoes whatever happened.
    fn reverse(&self, reverse: Reverse, call: Call) -> Outcome<'_>;
    /// Gives money back.
    fn refund(&self, refund: Refund, call: Call) -> Outcome<'_>;
    /// Asks the provider how a payment stands, and applies the answer.
    fn query(&self, query: Query, call: Call) -> Outcome<'_>;
    /// Asks the provider how a refund stands, and applies the answer.
    fn query_refund(&self, query: QueryRefund, call: Call) -> Outcome<'_>;
    /// Waits until the latest attempt is authorized, paid, declined, canceled or expired and nothing is in doubt; at the
    /// deadline an `InFlight` error with the payment as far as it is known.
    fn settled(&self, order_no: OrderNo, call: Call) -> Outcome<'_>;
    /// A fresh action for the payer, for the same payment: nothing new is charged.
    fn renew_action(&self, order_no: OrderNo, call: Call) -> Outcome<'_>;
    /// What the channel can do.
    fn capabilities(&self) -> Capabilities;
}
