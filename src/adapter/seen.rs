//! What an adapter observed: the one currency of answers, queries and events.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::model::{Action, Money, PartStatus, Reason, Status};

/// Ids by name, as a provider gave them: `intent` → `pi_…`. Append-only: a name keeps its first value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Refs(BTreeMap<String, String>);

impl Refs {
    /// No ids yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more id.
    pub fn with(mut self, name: &str, id: impl Into<String>) -> Self {
        self.add(name, id);
        self
    }

    /// Adds an id, unless the name has one already.
    pub fn add(&mut self, name: &str, id: impl Into<String>) {
        self.0.entry(name.to_owned()).or_insert_with(|| id.into());
    }

    /// The id of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Adds all of `other` that is new; tells whether anything was.
    pub fn merge(&mut self, other: &Self) -> bool {
        let before = self.0.len();
        for (name, id) in other.iter() {
            self.add(name, id);
        }
        self.0.len() > before
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, id)| (name.as_str(), id.as_str()))
    }
}

/// What was observed of a payment at one moment. Absent means "nothing said", never "no".
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Where the payment stands.
    pub status: Option<Status>,
    /// The provider's own word for it.
    pub word: Option<String>,
    /// What the payment is for.
    pub money: Option<Money>,
    /// Taken so far, in all.
    pub captured: Option<Money>,
    /// Given back so far, in all. Counts succeeded and pending refunds as the provider does.
    pub refunded: Option<Money>,
    /// Ids learned.
    pub refs: Refs,
    /// Captures spoken of.
    pub captures: Vec<SeenPart>,
    /// Refunds spoken of.
    pub refunds: Vec<SeenPart>,
    /// What the payer must do.
    pub action: Option<Action>,
    /// Why it is so, in the provider's words.
    pub reason: Option<Reason>,
    /// The provider's message it was read from.
    #[serde(skip)]
    pub raw: Bytes,
}

impl Seen {
    /// A payment seen in that status.
    pub fn status(status: Status) -> Self {
        Self { status: Some(status), ..Self::default() }
    }
}

impl fmt::Debug for Seen {
    /// Prints no raw message and no values of ids: they may hold a payer's data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, word, money, captured, refunded, captures, refunds, action, reason, refs, raw } = self;
        let refs: Vec<&str> = refs.iter().map(|(name, _)| name).collect();
        write!(
            f,
            "Seen({status:?} {word:?} of {money:?}, captured {captured:?} {captures:?}, refunded {refunded:?} {refunds:?}, "
        )?;
        write!(f, "action {action:?}, reason {reason:?}, refs {refs:?}, {} bytes)", raw.len())
    }
}

/// A capture or refund that was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenPart {
    /// Our number, as the provider echoes it.
    pub number: Option<String>,
    /// The provider's id.
    pub id: Option<String>,
    /// How much.
    pub money: Option<Money>,
    /// Where it stands.
    pub status: PartStatus,
    /// Why, in the provider's words.
    pub reason: Option<Reason>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NextAction;

    #[test]
    fn debug_prints_nothing_of_the_payers() {
        let action = Some(Action::new(NextAction::Client("secret1".to_owned())));
        let refs = Refs::new().with("payment_data", "secret2");
        let seen = Seen { action, refs, raw: Bytes::from_static(b"secret3"), ..Seen::status(Status::AwaitingPayer) };
        let printed = format!("{seen:?}");
        assert!(printed.contains("Client") && !printed.contains("secret"), "{printed}");
    }
}
