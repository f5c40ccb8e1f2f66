//! What became of a mark, and what the handler answers then.

use std::time::Duration;

use paysluice::gateway::TellAgain;

/// Whether the application may go on with its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "what is not ours to handle must be rolled back"]
pub enum Mark {
    /// It is ours: do the work in this transaction, and commit. Until the commit nothing is marked.
    First,
    /// A transaction that did the work has committed before. Roll back, and answer `Ok`.
    AlreadyHandled,
    /// Another is told meanwhile, or has handled it; or this row is in another database. Roll back, and ask to be told again: what
    /// is handled is not told again whatever is answered.
    NotHeld,
}

impl Mark {
    /// What to answer at once, with the transaction rolled back; `None` if the work is ours to do.
    pub fn refused(self) -> Option<Result<(), TellAgain>> {
        match self {
            Self::First => None,
            Self::AlreadyHandled => Some(Ok(())),
            Self::NotHeld => Some(Err(TellAgain { after: Duration::ZERO })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_to_be_handled_is_answered_as_handled() {
        assert_eq!(Mark::First.refused(), None);
        assert_eq!(Mark::AlreadyHandled.refused(), Some(Ok(())));
        assert!(matches!(Mark::NotHeld.refused(), Some(Err(_))));
    }
}
