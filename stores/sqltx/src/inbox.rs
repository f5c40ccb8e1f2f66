//! Marks in a table of their own, for an application whose tables are in another database than Paysluice's store.

use std::time::Duration;

use paysluice::gateway::Told;
use paysluice::store::StoreError;

use crate::schema::{checked, in_schema};
use crate::{Arg, Mark, SqlTx, TxError};

const TABLE: &str = "CREATE SCHEMA IF NOT EXISTS {schema};
-- What the application has handled of what Paysluice told it, written in the transaction that did the work.
CREATE TABLE IF NOT EXISTS {schema}.handled (
    effect_key text COLLATE \"C\" NOT NULL,
    version bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (effect_key, version)
);
CREATE INDEX IF NOT EXISTS handled_at ON {schema}.handled (at);
";

const MARK: &str = "INSERT INTO {schema}.handled (effect_key, version) VALUES ($1, $2) ON CONFLICT DO NOTHING";

const FORGET: &str = "DELETE FROM {schema}.handled WHERE (effect_key, version) IN (
    SELECT effect_key, version FROM {schema}.handled
    WHERE at < clock_timestamp() - $1 * interval '1 microsecond' ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// Marks in a table in the application's database: whoever inserts first does the work, everybody after is told that it was done.
///
/// A change is known by its effect key and the version of the payment: what the handler has even where it was handed on by a queue.
/// Who is told late and comes first may do the work; it is done once all the same, since the other then finds the mark. Who comes
/// second waits until the first's transaction ends.
#[derive(Clone, Debug)]
pub struct Inbox {
    table: String,
    mark: String,
    forget: String,
}

impl Inbox {
    /// Marks in the table `handled` of `schema`.
    ///
    /// # Errors
    /// `Refused`: the name is no plain word.
    pub fn of(schema: &str) -> Result<Self, StoreError> {
        let schema = checked(schema)?;
        let text = |sql: &str| in_schema(sql, schema);
        Ok(Self { table: text(TABLE), mark: text(MARK), forget: text(FORGET) })
    }

    /// The SQL that makes the table, in several statements; it does nothing where the table is.
    pub fn migration(&self) -> &str {
        &self.table
    }

    /// Marks what is told as handled when `tx` commits.
    ///
    /// # Errors
    /// What the driver says; also, under `REPEATABLE READ` and `SERIALIZABLE`, that another was first (40001).
    pub async fn mark<T: SqlTx + ?Sized>(&self, tx: &mut T, told: &Told) -> Result<Mark, TxError> {
        let version = i64::try_from(told.payment.version).map_err(TxError::new)?;
        let inserted = tx.execute(&self.mark, &[Arg::Text(&told.effect_key), Arg::Int(version)]).await?;
        Ok(if inserted == 1 { Mark::First } else { Mark::AlreadyHandled })
    }

    /// Removes up to `max` marks older than `age`; tells how many went. What is told after its mark was removed is handled again:
    /// keep marks longer than a process may be away, a queue may hold a change, or a backup of the store may be old. 90 days are
    /// enough for most.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn forget<T: SqlTx + ?Sized>(&self, tx: &mut T, age: Duration, max: u32) -> Result<u64, TxError> {
        let age = i64::try_from(age.as_micros()).map_err(TxError::new)?;
        tx.execute(&self.forget, &[Arg::Int(age), Arg::Int(max.into())]).await
    }
}
