//! The status of a payment, and the one table of the transitions it may make.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a payment stands. Refunds and chargebacks live beside it: a refunded payment is still `Paid`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The payer has something to do; see the payment's action.
    AwaitingPayer,
    /// The provider or the bank is at work; nobody can hurry it.
    Processing,
    /// The money is reserved, not taken.
    Authorized,
    /// The money is taken. Final.
    Paid,
    /// This attempt was refused. No money was taken by it.
    Declined,
    /// Ended by us, the payer or the provider before money was taken.
    Canceled,
    /// Ended by time before money was taken.
    Expired,
    /// A word this version does not know, as the provider said it. Never taken for any known state.
    Unrecognized(String),
}

impl Status {
    /// Money is, or is promised to be, ours.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Authorized | Self::Paid)
    }

    /// Ended without money taken.
    pub fn is_unpaid_end(&self) -> bool {
        matches!(self, Self::Declined | Self::Canceled | Self::Expired)
    }

    /// Nothing more is expected to happen by itself.
    pub fn is_settled(&self) -> bool {
        self.is_success() || self.is_unpaid_end()
    }

    /// The attempt may still take money, or has.
    pub fn is_live(&self) -> bool {
        !self.is_unpaid_end()
    }

    /// What a report of `to` means for a payment that stands here.
    pub fn transition(&self, to: &Self) -> Transition {
        use Status::{Authorized, AwaitingPayer, Canceled, Declined, Expired, Paid, Processing, Unrecognized};
        match (self, to) {
            (from, to) if from == to => Transition::Same,
            (_, Unrecognized(_)) => Transition::Refused,
            (Unrecognized(_), _)
            | (AwaitingPayer, Processing | Authorized | Paid | Declined | Canceled | Expired)
            | (Processing, AwaitingPayer | Authorized | Paid | Declined | Canceled | Expired)
            | (Authorized, Paid | Canceled | Expired) => Transition::Forward,
            (Declined | Canceled | Expired, Paid | Authorized) => Transition::Reversal(Reversal::LateSuccess),
            (Paid, Authorized | Declined) => Transition::Reversal(Reversal::CaptureFailed),
            _ => Transition::Refused,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AwaitingPayer => "awaiting_payer",
            Self::Processing => "processing",
            Self::Authorized => "authorized",
            Self::Paid => "paid",
            Self::Declined => "declined",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
            Self::Unrecognized(word) => return write!(f, "unrecognized ({word:?})"),
        })
    }
}

/// What a report means for a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// Nothing new.
    Same,
    /// The ordinary way.
    Forward,
    /// The way back that really happens, and is its own event. Taken only on evidence newer than what it reverses.
    Reversal(Reversal),
    /// Not possible: stale, out of order, or wrong. Reported, never applied.
    Refused,
}

/// A payment that turned back. Each is an event of its own, never a silent step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reversal {
    /// Money came after the end: a late payment on a closed order.
    LateSuccess,
    /// A capture that was reported done has failed.
    CaptureFailed,
}

#[cfg(test)]
mod tests {
    use super::*;
    use Status::{Authorized, AwaitingPayer, Canceled, Declined, Expired, Paid, Processing};

    const ALL: [Status; 7] = [AwaitingPayer, Processing, Authorized, Paid, Declined, Canceled, Expired];

    #[test]
    fn the_table_is_exactly_this() {
        // Rows: from; columns: to, in the order of ALL. S same, F forward, L late success, C capture failed, x refused.
        let table = ["SFFFFFF", "FSFFFFF", "xxSFxFF", "xxCSCxx", "xxLLSxx", "xxLLxSx", "xxLLxxS"];
        for (from, row) in ALL.iter().zip(table) {
            for (to, cell) in ALL.iter().zip(row.chars()) {
                let expected = match cell {
                    'S' => Transition::Same,
                    'F' => Transition::Forward,
                    'L' => Transition::Reversal(Reversal::LateSuccess),
                    'C' => Transition::Reversal(Reversal::CaptureFailed),
                    _ => Transition::Refused,
                };
                assert_eq!(from.transition(to), expected, "{from} → {to}");
            }
        }
    }

    #[test]
    fn an_unknown_word_changes_nothing_and_may_become_anything() {
        let unknown = Status::Unrecognized("odd".into());
        for status in ALL {
            assert_eq!(status.transition(&unknown), Transition::Refused);
            assert_eq!(unknown.transition(&status), Transition::Forward);
        }
    }
}
