//! What SQLite's failures mean to a caller of the store.

use paysluice::store::{StoreError, StoreErrorKind};
use rusqlite::{Error, ErrorCode};

/// A failure that can be told to several callers: everybody whose write shared the transaction.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) kind: StoreErrorKind,
    /// Whether a file could not be opened or written, of which SQLite says no more.
    pub(crate) is_unexplained: bool,
    message: String,
}

pub(crate) type Outcome<T> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self { kind, is_unexplained: false, message: message.into() }
    }

    pub(crate) fn corrupt(message: impl Into<String>) -> Self {
        Self::new(StoreErrorKind::Corrupt, message)
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StoreErrorKind::Unavailable, message)
    }

    /// The same failure, with what the machine says of it.
    pub(crate) fn because(mut self, error: &std::io::Error) -> Self {
        self.message = format!("{}: {error}", self.message);
        self
    }

    /// The same failure, saying during what.
    pub(crate) fn during(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let is_unexplained = matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly));
        Self { is_unexplained, ..Self::new(kind(&error), error.to_string()) }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        Self::new(failure.kind, failure.message)
    }
}

fn kind(error: &Error) -> StoreErrorKind {
    match error {
        Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DiskFull | ErrorCode::ReadOnly | ErrorCode::PermissionDenied => StoreErrorKind::Full,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::TypeMismatch => StoreErrorKind::Corrupt,
            ErrorCode::TooBig => StoreErrorKind::Refused,
            // Busy, locked, IO errors, no memory, cannot open: the next call may find it mended.
            _ => StoreErrorKind::Unavailable,
        },
        Error::FromSqlConversionFailure(..) | Error::IntegralValueOutOfRange(..) | Error::InvalidColumnType(..) => {
            StoreErrorKind::Corrupt
        }
        _ => StoreErrorKind::Unavailable,
    }
}
