//! Marks in the store's own rows: the application's tables and `paysluice-postgres` share a database.

use paysluice::gateway::Told;
use paysluice::store::{Expect, Put, StoreError};

use crate::schema::{checked, in_schema};
use crate::{Arg, Mark, SqlTx, TxError};

/// Writes what the gateway would write once the handler had answered `Ok`, if the row stands at the version that is held.
///
/// Whoever comes second waits for the first's commit at the row's lock and then finds another version. The version is drawn as by a
/// commit of the store, so that the gateway and whoever claimed the row before lose as against any writer. The row stood before, so
/// that no commit can be surprised by it; what locks a row only is a claim to them.
const MARK: &str = "UPDATE {schema}.rows
SET ver = nextval('{schema}.versions'), tries = 0, due = NULL, keep = {schema}.clock() + $7 * interval '1 microsecond',
    body = $6::json, raw = NULL
WHERE kind = $1 AND account = $2 AND part = $3 AND id = $4 AND ver = $5";

/// Marks in the rows of `paysluice-postgres`: the same commit says that the order is paid and that it need not be told again.
///
/// * A mark is made only by who holds the telling: a handler that came too late is told [`Mark::NotHeld`].
/// * A process that is killed after its commit has marked; one that is killed before it has not, and another is told.
/// * The row is locked until the transaction ends. Mark first, keep the transaction short, call no gateway in it.
#[derive(Clone, Debug)]
pub struct StoreMarks {
    mark: String,
}

impl StoreMarks {
    /// Marks in the store that lives in `schema`, the name that `paysluice_postgres::Options` has.
    ///
    /// # Errors
    /// `Refused`: the name is no plain word.
    pub fn of(schema: &str) -> Result<Self, StoreError> {
        Ok(Self { mark: in_schema(MARK, checked(schema)?) })
    }

    /// Marks what is told as handled when `tx` commits.
    ///
    /// # Errors
    /// What the driver says; also, under `REPEATABLE READ` and `SERIALIZABLE`, that another was first (40001).
    pub async fn mark<T: SqlTx + ?Sized>(&self, tx: &mut T, told: &Told) -> Result<Mark, TxError> {
        let Some(hold) = told.hold() else { return Ok(Mark::NotHeld) };
        let Put { key, expect, keep_in, body, .. } = hold.handled();
        let Expect::Ver(ver) = *expect else { return Ok(Mark::NotHeld) };
        let account = key.space.account.to_string();
        let ver = i64::try_from(ver).map_err(TxError::new)?;
        let keep = i64::try_from(keep_in.unwrap_or_default().as_micros()).map_err(TxError::new)?;
        let body = std::str::from_utf8(body).map_err(TxError::new)?;
        let args = [
            Arg::Text(key.space.kind.name()),
            Arg::Text(&account),
            Arg::Text(&key.part),
            Arg::Text(&key.id),
            Arg::Int(ver),
            Arg::Text(body),
            Arg::Int(keep),
        ];
        Ok(if tx.execute(&self.mark, &args).await? == 1 { Mark::First } else { Mark::NotHeld })
    }
}
