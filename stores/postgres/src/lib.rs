//! The store on PostgreSQL: one table of rows that people can read, shared by a fleet.
//!
//! ```no_run
//! # async fn open() -> Result<(), paysluice::store::StoreError> {
//! use paysluice_postgres::{Options, PostgresStore};
//!
//! let url = "postgres://paysluice@localhost/shop";
//! paysluice_postgres::migrate(url, &Options::default()).await?;
//! let store = PostgresStore::connect(url, Options::default()).await?;
//! # let _ = store; Ok(()) }
//! ```
//!
//! * A commit is one round trip: a function of the schema compares, writes and remembers the answer in one transaction. Commits that
//!   wait while the lanes are busy share the next transaction (group commit).
//! * Time is the server's clock; only durations cross. Clients' clocks may be wrong without harm.
//! * A connection is held for its own statement and nothing else, and no statement leaves anything in the session, so that PgBouncer
//!   in transaction mode may stand between.
//! * A connection that breaks in mid-commit is replaced and the commit asked again under its name: the answer is the same.
//! * A server that is away (it restarts, or fails over) is waited for within the patience of a call, counted from when it went.
//! * Every wait ends: for a connection, for a lock, for an answer.
//!
//! Set-up, grants, sizing and failover: `docs/stores/postgres.md`. Why it is so: `docs/decisions/0007-postgres.md`.

mod address;
mod claims;
mod columns;
mod commits;
mod database;
mod errors;
mod line;
mod micros;
mod options;
mod outage;
#[cfg(test)]
mod plans;
mod rows;
mod schema;
mod store;
mod tls;
mod views;

pub use options::Options;
pub use schema::{migrate, migration};
pub use store::PostgresStore;
