//! `SqlTx` for transactions of sqlx 0.9 on PostgreSQL.

use paysluice::env::BoxFuture;
use sqlx_0_9::{AssertSqlSafe, Postgres, Transaction};

use crate::{Arg, SqlTx, TxError};

impl SqlTx for Transaction<'_, Postgres> {
    fn execute<'a>(&'a mut self, sql: &'a str, args: &'a [Arg<'a>]) -> BoxFuture<'a, Result<u64, TxError>> {
        Box::pin(async move {
            // Unnamed: sqlx keeps other statements prepared in the session, which is another one behind a pooler.
            let mut query = sqlx_0_9::query(AssertSqlSafe(sql)).persistent(false);
            for arg in args {
                query = match *arg {
                    Arg::Text(text) => query.bind(text),
                    Arg::Int(number) => query.bind(number),
                };
            }
            let done = query.execute(&mut **self).await.map_err(TxError::new)?;
            Ok(done.rows_affected())
        })
    }
}
