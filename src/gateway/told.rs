//! What the application is told: every change that settles something, at least once, whoever found it out.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::order::Order;
use super::rows::Rows;
use crate::env::BoxFuture;
use crate::model::{AccountRef, AttemptNo, Money, Payment, Reversal};
use crate::store::{Put, SpaceKind};

/// A change, told to the application's handler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Told {
    /// The same for the same effect, however often it is told: the key to deduplicate by.
    pub effect_key: String,
    /// Whose money.
    pub account: AccountRef,
    /// The payment after the change. `payment.version` tells newer from older; tells come in no order.
    pub payment: Payment,
    /// What changed.
    pub change: ToldChange,
    /// What brought it to light.
    pub by: By,
    /// When, by this process's wall clock.
    pub at: SystemTime,
    #[serde(skip)]
    pub(super) hold: Option<Hold>,
}

impl Told {
    /// How the handler holds what it is being told. `None` where it is only read, not told.
    pub fn hold(&self) -> Option<&Hold> {
        self.hold.as_ref()
    }
}

/// The hold of one telling: until its version moves, nobody else is told the same.
///
/// It moves when the telling has been answered, when the lease is over and another process is told, or when the application itself
/// has marked it as handled. Whoever holds an old one loses, as with every row of the store.
#[derive(Clone, PartialEq, Eq)]
pub struct Hold {
    handled: Put,
    tries: u32,
}

impl Hold {
    pub(super) fn new(handled: Put, tries: u32) -> Self {
        Self { handled, tries }
    }

    /// What marks it as handled: the put that the gateway makes once the handler has answered `Ok`. An application that makes it
    /// itself, in the transaction of its own tables (`paysluice-sqltx`), has both or neither.
    pub fn handled(&self) -> &Put {
        &self.handled
    }

    /// Which telling of it this is, counted from 1, over all processes.
    pub fn tries(&self) -> u32 {
        self.tries
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hold({} of {}, telling {})", self.handled.key.id, self.handled.key.part, self.tries)
    }
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToldChange {
    /// The payment's status.
    Payment,
    /// It turned back.
    Reversed(Reversal),
    /// A capture: its number, or the provider's id for one made elsewhere.
    Capture(String),
    /// A refund: its number, or the provider's id for one made elsewhere.
    Refund(String),
    /// A dispute, by the provider's name of the event.
    Dispute(String),
    /// Two attempts of the order have taken the money. Fulfil once; give one back.
    DuplicatePaid,
    /// The provider speaks of other money than was asked. Do not fulfil.
    Mismatch {
        /// What was asked.
        expected: Money,
        /// What the provider says.
        got: Money,
    },
    /// Something this version keeps no state of, by the provider's name of the event.
    Other(String),
}

/// What brought a change to light.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The answer to the operation itself.
    Answer,
    /// A callback.
    Callback,
    /// A query.
    Query,
    /// The same operation sent again under its key.
    Replay,
    /// A person.
    Operator,
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answer => "answer",
            Self::Callback => "callback",
            Self::Query => "query",
            Self::Replay => "replay",
            Self::Operator => "operator",
        })
    }
}

/// The application's ear. Called at least once for every change, in no order, from several tasks at once.
pub trait Handler: Send + Sync + fmt::Debug + 'static {
    /// Takes note. `Err` asks to be told again later; what it did before must be harmless to do twice. What it does in a database
    /// transaction is done once if it marks [`Told::hold`] in that transaction: the crate `paysluice-sqltx` does.
    fn handle<'a>(&'a self, told: &'a Told) -> BoxFuture<'a, Result<(), TellAgain>>;
}

/// Tell me again, not before `after` has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TellAgain {
    /// The least time to wait.
    pub after: Duration,
}

/// The same for the same effect: account, order, attempt, object and state; of what has no state here, the event.
pub(super) fn effect_key(rows: &Rows, order: &Order, attempt: AttemptNo, change: &ToldChange, state: &str) -> String {
    let object = match change {
        ToldChange::Payment | ToldChange::Reversed(_) => "payment".to_owned(),
        ToldChange::Capture(number) => format!("capture/{number}"),
        ToldChange::Refund(number) => format!("refund/{number}"),
        ToldChange::Dispute(name) => format!("dispute/{name}"),
        ToldChange::DuplicatePaid => "duplicate_paid".to_owned(),
        ToldChange::Mismatch { .. } => "mismatch".to_owned(),
        ToldChange::Other(name) => format!("other/{name}"),
    };
    format!("{}/{}/{attempt}/{object}/{state}", rows.space(SpaceKind::Told).account, order.order_no)
}
