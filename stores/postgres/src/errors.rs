//! What PostgreSQL's failures mean to a caller of the store, and which of them are worth another try at once.

use paysluice::store::{StoreError, StoreErrorKind};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// A failure that can be told to several callers: everybody whose commit shared the transaction.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) kind: StoreErrorKind,
    /// Whether the same call on another connection, at once, may go well; every call of a store may be made twice.
    pub(crate) again: bool,
    message: String,
}

pub(crate) type Outcome<T> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self { kind, again: false, message: message.into() }
    }

    pub(crate) fn corrupt(message: impl Into<String>) -> Self {
        Self::new(StoreErrorKind::Corrupt, message)
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StoreErrorKind::Unavailable, message)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let Some(said) = error.as_db_error() else {
            // No word of the server: the connection is gone, or an answer could not be read as what it should be.
            let broken = error.is_closed() || is_io(&error);
            return Self { again: broken, ..Self::new(StoreErrorKind::Unavailable, told(&error)) };
        };
        let (kind, again) = meaning(said.code());
        Self { again, ..Self::new(kind, format!("{} (SQLSTATE {})", said.message(), said.code().code())) }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        Self::new(failure.kind, failure.message)
    }
}

/// tokio-postgres keeps the reason one floor down.
fn told(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn is_io(error: &Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<std::io::Error>() {
            return true;
        }
        source = cause.source();
    }
    false
}

/// Appendix A of PostgreSQL's manual, by class where one class is one meaning.
fn meaning(code: &SqlState) -> (StoreErrorKind, bool) {
    let (kind, again) = (|kind| (kind, false), (StoreErrorKind::Unavailable, true));
    match code.code() {
        // A twin, or a circle of locks with the application's own transactions: it was rolled back whole. Or the server goes down
        // or comes up, or somebody ended this connection.
        "40001" | "40P01" | "57P01" | "57P02" | "57P03" => again,
        // disk_full, insufficient_privilege, read_only_sql_transaction (a standby).
        "53100" | "42501" | "25006" => kind(StoreErrorKind::Full),
        // No such schema, table or function; no such database; not let in.
        "3F000" | "42P01" | "42883" | "3D000" | "28000" | "28P01" => kind(StoreErrorKind::Refused),
        state if state.starts_with("08") => again,
        // Data that no column takes (a NUL in a name), or too much of it.
        state if state.starts_with("22") || state.starts_with("54") => kind(StoreErrorKind::Refused),
        // data_corrupted, index_corrupted.
        "XX001" | "XX002" => kind(StoreErrorKind::Corrupt),
        _ => kind(StoreErrorKind::Unavailable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_mean_what_a_caller_can_act_on() {
        let kind = |code: &str| meaning(&SqlState::from_code(code));
        for code in ["40001", "40P01", "57P01", "08006"] {
            assert_eq!(kind(code), (StoreErrorKind::Unavailable, true), "{code}");
        }
        assert_eq!(kind("53100"), (StoreErrorKind::Full, false));
        assert_eq!(kind("25006"), (StoreErrorKind::Full, false));
        assert_eq!(kind("22021"), (StoreErrorKind::Refused, false));
        assert_eq!(kind("42P01"), (StoreErrorKind::Refused, false));
        assert_eq!(kind("XX001"), (StoreErrorKind::Corrupt, false));
        // Lock timeouts, too many connections, a statement cancelled: later, not at once.
        for code in ["55P03", "53300", "57014", "99999"] {
            assert_eq!(kind(code), (StoreErrorKind::Unavailable, false), "{code}");
        }
    }
}
