//! The application's transaction, whatever its driver: one method.

use std::error::Error;
use std::fmt;

use paysluice::env::BoxFuture;

/// An open transaction of the application's on PostgreSQL.
///
/// Implemented for the transactions of tokio-postgres and sqlx only, not for their connections: what is marked outside of a
/// transaction is marked although the application's own statement may fail afterwards.
pub trait SqlTx: Send {
    /// Runs one statement in this transaction and tells how many rows it wrote.
    ///
    /// * Nobody sees what it wrote before the transaction's commit, and nobody ever does if it is rolled back.
    /// * `args` are bound as `$1`, `$2`, …; they never become part of the text.
    /// * The statement is not kept prepared: behind a pooler the next transaction has another session.
    /// * Any failure is an error. Zero rows mean that the statement ran and found none.
    fn execute<'a>(&'a mut self, sql: &'a str, args: &'a [Arg<'a>]) -> BoxFuture<'a, Result<u64, TxError>>;
}

/// A parameter of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg<'a> {
    /// Of type `text`.
    Text(&'a str),
    /// Of type `bigint`.
    Int(i64),
}

/// A driver's failure, in one line. The transaction is worth nothing any more: roll it back, and ask to be told again.
#[derive(Debug)]
pub struct TxError(Box<dyn Error + Send + Sync>);

impl TxError {
    /// What a driver said.
    pub fn new(said: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(said.into())
    }
}

impl fmt::Display for TxError {
    /// With all causes: drivers keep the reason one floor down. None of them quotes a parameter.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "marking as handled: {}", self.0)?;
        let (mut said, mut cause) = (self.0.to_string(), self.0.source());
        while let Some(deeper) = cause {
            let says = deeper.to_string();
            if !said.contains(&says) {
                write!(f, ": {says}")?;
            }
            (said, cause) = (says, deeper.source());
        }
        Ok(())
    }
}

impl Error for TxError {
    /// The driver's own error, to be asked for its SQLSTATE.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}
