//! The store on SQLite: durable on one machine's disk, shared by its processes, with nothing to install.
//!
//! ```
//! # async fn open() -> Result<(), paysluice::store::StoreError> {
//! use paysluice::env::Env;
//! use paysluice_sqlite::{Options, SqliteStore};
//!
//! let store = SqliteStore::open("payments.db", Env::system().clock().clone(), Options::default())?;
//! # let _ = store; Ok(()) }
//! ```
//!
//! * A commit that was answered is on disk: WAL, `synchronous=FULL`, answered after `COMMIT`.
//! * One thread writes. Commits that wait while it is busy share the next transaction and its one sync (group commit).
//! * Reads have connections and threads of their own and never wait behind writes.
//! * Time is the wall time of the clock it is given, which all processes of one machine share. When that clock is set
//!   back, due rows come later; when it is set forward, leases end early, and the versions fence out whoever held them.
//! * Keep the file on a local disk: WAL does not work over a network.

mod answers;
mod claims;
mod commits;
mod errors;
mod inner;
mod instant;
mod options;
mod reader;
mod rows;
mod schema;
mod store;
#[cfg(test)]
mod tests;
mod views;
mod writer;

pub use options::Options;
pub use store::SqliteStore;
