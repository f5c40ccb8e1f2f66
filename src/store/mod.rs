//! The store: one small trait on which intents, orders, callbacks and events stand.
//!
//! # Laws
//!
//! Every store keeps these, and the conformance suite states each as a test:
//!
//! 1. **Only durations cross the trait.** The store's clock decides what is due and what has expired; a caller's clock
//!    may be wrong by hours without harm.
//! 2. **A version never comes back.** `ver` is drawn from one counter per store, survives deletion and expiry, and so is
//!    the fencing token: whoever holds an old one loses.
//! 3. **All or none.** A commit of 1 to 16 rows of one part happens whole or not at all, and readers never see half.
//! 4. **The same `op` again gives the same answer**, for at least an hour. A lost answer can always be asked again.
//! 5. **Expired is gone.** A row past its keep time is invisible at once to `get`, `page`, `page_due`, `claim_due` and
//!    `Expect`, whether or not `purge` has run.
//! 6. **An IO error is never "absent".**
//! 7. **A claim is exclusive** for its lease, counts the try, and moves the version, so that the holder before it loses.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod memory;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::env::BoxFuture;
use crate::model::AccountRef;

pub use memory::MemoryStore;

/// Most rows that one commit may write.
pub const MAX_PUTS: usize = 16;

/// How long the answer of a commit is remembered at least.
pub const REMEMBERED: Duration = Duration::from_hours(1);

/// What a space holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SpaceKind {
    /// One row an order: attempts, reservations, what is known.
    Order,
    /// One row a decision to perform an operation.
    Intent,
    /// Effects that have been applied, by effect key.
    Effect,
    /// Changes to tell the application.
    Told,
    /// Provider numbers and ids that lead to an order.
    Alias,
    /// Callbacks received.
    Inbox,
    /// Callbacks to forward to another program.
    Relay,
    /// Callbacks whose forwarding was given up, with the reason.
    Undelivered,
    /// What was given up on, with the reason.
    Dead,
    /// What operators changed: who, when, on what evidence.
    Audit,
    /// Whether charges are paused.
    Pause,
}

impl SpaceKind {
    /// Every kind, in the order of their names' declaration.
    pub const ALL: [Self; 11] = [
        Self::Order,
        Self::Intent,
        Self::Effect,
        Self::Told,
        Self::Alias,
        Self::Inbox,
        Self::Relay,
        Self::Undelivered,
        Self::Dead,
        Self::Audit,
        Self::Pause,
    ];

    /// The name stores keep it under.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Intent => "intent",
            Self::Effect => "effect",
            Self::Told => "told",
            Self::Alias => "alias",
            Self::Inbox => "inbox",
            Self::Relay => "relay",
            Self::Undelivered => "undelivered",
            Self::Dead => "dead",
            Self::Audit => "audit",
            Self::Pause => "pause",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Rows of one kind of one account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Space {
    /// What the rows are.
    pub kind: SpaceKind,
    /// Whose they are.
    pub account: AccountRef,
}

impl Space {
    /// The space of `account`'s rows of that kind.
    pub fn new(kind: SpaceKind, account: &AccountRef) -> Self {
        Self { kind, account: account.clone() }
    }
}

/// Names a row. Account and `part` together are the unit of atomicity, across kinds: `order/<no>` holds all of an order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Kind and account.
    pub space: Space,
    /// The unit of atomicity: 1 to 300 bytes.
    pub part: String,
    /// The row's name within the part: 1 to 300 bytes.
    pub id: String,
}

/// A row as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub key: Key,
    /// Its version: the fencing token.
    pub ver: u64,
    /// How often it has been claimed since it was last put.
    pub tries: u32,
    /// Time until it is due (zero if it already is), if it is ever due.
    pub due_in: Option<Duration>,
    /// The content; JSON that people can read.
    pub body: Bytes,
}

/// What must hold for a put to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// No such row, or an expired one.
    Absent,
    /// The row stands at exactly this version.
    Ver(u64),
}

/// One row to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// Which row.
    pub key: Key,
    /// What must hold.
    pub expect: Expect,
    /// When it becomes due for `claim_due`; `None` is never.
    pub due_in: Option<Duration>,
    /// How long it is kept; `None` is forever.
    pub keep_in: Option<Duration>,
    /// The content.
    pub body: Bytes,
}

/// Names a commit: the same name again gives the same answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(pub u128);

/// What became of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commit {
    /// All rows are written; their versions, in the order of the puts.
    Done(Vec<u64>),
    /// Nothing is written: the put at `index` did not find what it expected. `current` is that row, if there is one.
    Lost {
        /// Position of the first put that failed.
        index: usize,
        /// The row as it stands.
        current: Option<Row>,
    },
}

/// How much a space holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Visible rows.
    pub rows: u64,
    /// Rows that are due now.
    pub due: u64,
    /// How long the oldest due row has waited.
    pub oldest_due: Option<Duration>,
}

/// What survives what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Durability {
    /// Gone with the process.
    Process,
    /// May lose acknowledged commits when a machine fails.
    BestEffort,
    /// On this machine's disk before a commit returns.
    Disk,
    /// On more than one machine before a commit returns.
    Replicated,
}

/// A small durable map with compare-and-set, due times and leases. Laws: see the [module](self).
pub trait Store: Send + Sync + fmt::Debug + 'static {
    /// The row of that name, if it is visible.
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Row>, StoreError>>;

    /// Writes 1 to [`MAX_PUTS`] rows of one account and part, all or none.
    ///
    /// * Puts are compared in order; the first that does not hold is reported, and nothing is written.
    /// * A written row's `tries` is zero.
    /// * The same `op` again gives the first answer, even if the rows have changed since.
    /// * More rows, no rows, rows of several parts, or one row twice: `StoreError` of kind `Refused`.
    fn commit<'a>(&'a self, op: OpId, puts: &'a [Put]) -> BoxFuture<'a, Result<Commit, StoreError>>;

    /// Takes up to `max` due rows, the longest due first: version moved, `tries` + 1, due again after `lease`.
    /// Never gives one row to two claimers within its lease.
    fn claim_due<'a>(&'a self, space: &'a Space, max: usize, lease: Duration) -> BoxFuture<'a, Result<Vec<Row>, StoreError>>;

    /// Up to `max` visible rows of the space after `after`, by (part, id).
    fn page<'a>(&'a self, space: &'a Space, after: Option<&'a Key>, max: usize) -> BoxFuture<'a, Result<Vec<Row>, StoreError>>;

    /// Up to `max` visible rows of the space after `after` that are due or will be, by (part, id), at the cost of those alone: what
    /// is never due is not read. A row that is due at some time during the whole of a walk over the pages comes once in it, however
    /// often it is claimed or put meanwhile; its name is its place, its time is not.
    fn page_due<'a>(
        &'a self,
        space: &'a Space,
        after: Option<&'a Key>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>>;

    /// Counts the visible and the due rows of a space.
    fn depth<'a>(&'a self, space: &'a Space) -> BoxFuture<'a, Result<Depth, StoreError>>;

    /// Every space that holds a visible row, also of accounts that are configured nowhere any more.
    fn spaces(&self) -> BoxFuture<'_, Result<Vec<Space>, StoreError>>;

    /// Removes up to `max` expired rows of the space, and remembered answers past their time; tells how many rows went.
    fn purge<'a>(&'a self, space: &'a Space, max: usize) -> BoxFuture<'a, Result<usize, StoreError>>;

    /// What survives what.
    fn durability(&self) -> Durability;
}

/// Why a store could not do as asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The call breaks the trait's rules; it will never succeed.
    Refused,
    /// The store cannot be reached or is busy beyond its patience; a commit may or may not have happened.
    Unavailable,
    /// No room, or no right to write. Nothing was written.
    Full,
    /// What is stored cannot be read as what it should be.
    Corrupt,
}

/// A store's failure, in one line.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StoreError {
    /// An error of that kind.
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// The same, with what caused it.
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of failure.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "store {}: {}",
            match self.kind {
                StoreErrorKind::Refused => "refused",
                StoreErrorKind::Unavailable => "unavailable",
                StoreErrorKind::Full => "full or read-only",
                StoreErrorKind::Corrupt => "corrupt",
            },
            self.message
        )
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// Checks what every `commit` must check before it begins: the number of rows, one part, no row twice.
pub fn check_puts(puts: &[Put]) -> Result<(), StoreError> {
    let refused = |why: &str| Err(StoreError::new(StoreErrorKind::Refused, why));
    let Some(first) = puts.first() else { return refused("commit: at least one row") };
    if puts.len() > MAX_PUTS {
        return refused("commit: at most 16 rows");
    }
    for (index, put) in puts.iter().enumerate() {
        if put.key.space.account != first.key.space.account || put.key.part != first.key.part {
            return refused("commit: rows of one account and one part");
        }
        if !(1..=300).contains(&put.key.part.len()) || !(1..=300).contains(&put.key.id.len()) {
            return refused("commit: part and id of 1 to 300 bytes");
        }
        if puts.iter().take(index).any(|earlier| earlier.key == put.key) {
            return refused("commit: each row once");
        }
    }
    Ok(())
}
