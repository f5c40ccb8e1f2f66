//! The intent: the stored decision to perform an operation, durable before its first byte is sent.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::verdict::Verdict;
use crate::adapter::{Kind, Seed, WhenUp};
use crate::model::AttemptNo;

/// One operation of an order, in its present generation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Intent {
    /// Format of this row.
    pub(crate) v: u8,
    pub(crate) kind: Kind,
    pub(crate) attempt: AttemptNo,
    /// What must be equal for it to be the same asking.
    pub(crate) fingerprint: String,
    /// Grows when it is opened again after it was proved not applied, under a new key.
    pub(crate) generation: u32,
    pub(crate) seed: Seed,
    pub(crate) state: State,
    /// Sends so far, over all steps of this generation.
    pub(crate) sends: u32,
    /// Something that moves money was sent and its fate is not proved.
    #[serde(default)]
    pub(crate) doubt: bool,
    /// The operation; sealed. Gone when it is settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) op: Option<Box<RawValue>>,
    /// The draft of the step it stands at; sealed. Gone when it is settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) draft: Option<Box<RawValue>>,
}

/// Where an intent stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Wanted, and not to be sent yet: a cancel whose charge is still under way. Due for the resolver.
    Wished,
    /// The holder of this version may be sending, until its own time is up.
    Sending,
    /// Sent, and nobody knows what became of it. Due for the resolver.
    Doubt {
        /// How often the resolver has tried.
        tries: u32,
        /// What was told of it.
        told: Verdict,
    },
    /// Answered or presented, and not at its end: looked at until it is.
    Watched { looks: u32, until: Option<SystemTime>, then: StoredWhenUp, verdict: Verdict },
    /// At its end.
    Settled(Verdict),
    /// Proved not applied. The same asking opens it again: the same draft if `resume`, else a new generation.
    Released { resume: bool, verdict: Verdict },
}

/// [`WhenUp`], as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StoredWhenUp {
    Leave,
    Cancel,
    Reverse,
}

impl From<WhenUp> for StoredWhenUp {
    fn from(when: WhenUp) -> Self {
        match when {
            WhenUp::Leave => Self::Leave,
            WhenUp::Cancel => Self::Cancel,
            WhenUp::Reverse => Self::Reverse,
        }
    }
}

impl State {
    /// Looked at from now on until it is at its end.
    pub(crate) fn looked_at(verdict: Verdict) -> Self {
        Self::Watched { looks: 0, until: None, then: StoredWhenUp::Leave, verdict }
    }

    /// What evidence has shown; none while it is open.
    pub(crate) fn found(&self) -> Option<&Verdict> {
        match self {
            Self::Wished | Self::Sending | Self::Doubt { .. } => None,
            Self::Watched { verdict, .. } | Self::Settled(verdict) | Self::Released { verdict, .. } => Some(verdict),
        }
    }

    /// Whether its outcome is still open: what `settled` waits for.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Wished | Self::Sending | Self::Doubt { .. })
    }
}
