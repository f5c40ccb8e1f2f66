//! The kinds of operations, and the error for one that a provider does not have.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{Error, ErrorKind};

/// The kinds of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Take or reserve money.
    Charge,
    /// Go on after the payer has acted.
    Confirm,
    /// Take reserved money.
    Capture,
    /// End a payment before money is taken.
    Cancel,
    /// Undo whatever happened: cancel, or give all of it back.
    Reverse,
    /// Give money back.
    Refund,
    /// Ask for a payment.
    Query,
    /// Ask for a refund.
    QueryRefund,
}

impl Kind {
    /// The kinds, in the order of declaration.
    pub const ALL: [Self; 8] =
        [Self::Charge, Self::Confirm, Self::Capture, Self::Cancel, Self::Reverse, Self::Refund, Self::Query, Self::QueryRefund];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Confirm => "confirm",
            Self::Capture => "capture",
            Self::Cancel => "cancel",
            Self::Reverse => "reverse",
            Self::Refund => "refund",
            Self::Query => "query",
            Self::QueryRefund => "query_refund",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An error for what a provider cannot do.
pub fn unsupported(provider: &str, kind: Kind) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{provider} has no {kind}"))
}
