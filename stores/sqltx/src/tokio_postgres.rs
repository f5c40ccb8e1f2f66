//! `SqlTx` for transactions of tokio-postgres, and of pools over it (`&mut *tx` of deadpool's).

use paysluice::env::BoxFuture;
use tokio_postgres::Transaction;
use tokio_postgres::types::{ToSql, Type};

use crate::{Arg, SqlTx, TxError};

impl SqlTx for Transaction<'_> {
    fn execute<'a>(&'a mut self, sql: &'a str, args: &'a [Arg<'a>]) -> BoxFuture<'a, Result<u64, TxError>> {
        Box::pin(async move {
            let params: Vec<(&(dyn ToSql + Sync), Type)> = args.iter().map(param).collect();
            // With the types given it is an unnamed statement: nothing is prepared, and nothing to be closed later, in another session.
            self.execute_typed(sql, &params).await.map_err(TxError::new)
        })
    }
}

fn param<'a>(arg: &'a Arg<'a>) -> (&'a (dyn ToSql + Sync), Type) {
    match arg {
        Arg::Text(text) => (text, Type::TEXT),
        Arg::Int(number) => (number, Type::INT8),
    }
}
