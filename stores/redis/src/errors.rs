//! What Redis' failures mean to a caller of the store.

use paysluice::store::{StoreError, StoreErrorKind};
use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::link::Trouble;

/// A URL that cannot be used. It may hold a password, so that it is not repeated.
pub(crate) fn of_url(error: &RedisError) -> StoreError {
    StoreError::new(StoreErrorKind::Refused, format!("not a Redis URL that can be used ({})", error.category()))
}

/// What an unreadable answer is.
pub(crate) fn corrupt(what: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, format!("{what} cannot be read"))
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        let kind = match &trouble {
            Trouble::Late(_) => StoreErrorKind::Unavailable,
            Trouble::Failed(error) => kind(error),
        };
        Self::new(kind, trouble.to_string())
    }
}

fn kind(error: &RedisError) -> StoreErrorKind {
    match error.kind() {
        // A replica, a user without the right: nothing was written.
        ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::NoPerm) => StoreErrorKind::Full,
        ErrorKind::AuthenticationFailed => StoreErrorKind::Refused,
        ErrorKind::UnexpectedReturnType => StoreErrorKind::Corrupt,
        // Everything else may be mended by the next call: no connection, loading, failing over, too few replicas.
        _ => match error.code() {
            // No memory left, or the server refuses writes because it cannot save.
            Some("OOM" | "MISCONF") => StoreErrorKind::Full,
            Some("WRONGTYPE") => StoreErrorKind::Corrupt,
            _ => StoreErrorKind::Unavailable,
        },
    }
}
