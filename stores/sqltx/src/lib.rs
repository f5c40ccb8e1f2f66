//! Marks what Paysluice tells as handled in the application's own PostgreSQL transaction: the order and the mark, or neither.
//!
//! A [`Handler`](paysluice::gateway::Handler) is told every change at least once. What it does in a transaction happens exactly once
//! if it marks the change in that transaction:
//!
#![cfg_attr(feature = "sqlx-0_8", doc = "```")]
#![cfg_attr(not(feature = "sqlx-0_8"), doc = "```ignore")]
//! # use sqlx_0_8 as sqlx;
//! use paysluice::env::BoxFuture;
//! use paysluice::gateway::{Handler, TellAgain, Told};
//! use paysluice_sqltx::StoreMarks;
//!
//! #[derive(Debug)]
//! struct Shop {
//!     pool: sqlx::PgPool,
//!     marks: StoreMarks,
//! }
//!
//! impl Shop {
//!     async fn book(&self, told: &Told) -> Result<Result<(), TellAgain>, Box<dyn std::error::Error + Send + Sync>> {
//!         let mut tx = self.pool.begin().await?;
//!         // First of all, so that whoever comes too late has nothing to undo. Dropped, the transaction is rolled back.
//!         if let Some(answer) = self.marks.mark(&mut tx, told).await?.refused() {
//!             return Ok(answer);
//!         }
//!         sqlx::query("UPDATE orders SET state = $1 WHERE no = $2")
//!             .bind(told.payment.status.to_string())
//!             .bind(told.payment.order_no.as_str())
//!             .execute(&mut *tx)
//!             .await?;
//!         tx.commit().await?;
//!         Ok(Ok(()))
//!     }
//! }
//!
//! impl Handler for Shop {
//!     fn handle<'a>(&'a self, told: &'a Told) -> BoxFuture<'a, Result<(), TellAgain>> {
//!         // Also after a COMMIT whose answer was lost: if it was done, nothing is told again.
//!         Box::pin(async move { self.book(told).await.unwrap_or(Err(TellAgain { after: std::time::Duration::from_secs(1) })) })
//!     }
//! }
//! ```
//!
//! Two ways to mark, by where the application's tables are:
//!
//! | | [`StoreMarks`] | [`Inbox`] |
//! |---|---|---|
//! | the application's tables are | in the database of `paysluice-postgres` | in any PostgreSQL database, whatever Paysluice's store is |
//! | what is written | the row that is told, by compare-and-set | a row of a table that [`Inbox::migration`] makes |
//! | who comes second | holds it no longer: [`Mark::NotHeld`] | [`Mark::AlreadyHandled`] |
//! | to be cleaned up | nothing | by [`Inbox::forget`] |
//!
//! [`SqlTx`] is implemented for the transactions of tokio-postgres, sqlx 0.8 and sqlx 0.9 behind the features `tokio-postgres`,
//! `sqlx-0_8` and `sqlx-0_9`; for another driver implement it on a type of your own. No statement leaves anything in the session:
//! PgBouncer in transaction mode may stand between.

mod inbox;
mod mark;
mod schema;
#[cfg(feature = "sqlx-0_8")]
mod sqlx_0_8;
#[cfg(feature = "sqlx-0_9")]
mod sqlx_0_9;
mod store_marks;
#[cfg(feature = "tokio-postgres")]
mod tokio_postgres;
mod tx;

pub use inbox::Inbox;
pub use mark::Mark;
pub use store_marks::StoreMarks;
pub use tx::{Arg, SqlTx, TxError};
