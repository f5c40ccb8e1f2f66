//! What the shop was told about one order, and when: the diary that the judge reads.

use std::collections::BTreeMap;
use std::time::SystemTime;

use paysluice::guard::Timing;
use paysluice::model::{AttemptNo, Fate, Money, Payment};

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Charge(AttemptNo),
    Capture(Money),
    /// That held money is let go.
    LetGo,
    /// That an order which nobody has paid is ended: closed, or undone whatever happened.
    End,
    Refund(Money),
    /// As `Refund`, of a provider that accepts it first and moves the money later.
    Return(Money),
}

/// What the shop was told, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) asked: Asked,
    pub(crate) fate: Fate,
    pub(crate) at: SystemTime,
}

/// Everything about one order.
#[derive(Debug, Default)]
pub(crate) struct Diary {
    pub(crate) lines: Vec<Line>,
    /// Operations with different numbers.
    pub(crate) operations: u64,
    /// Operations of which the shop was told that nobody knows.
    pub(crate) doubted: u64,
    /// Those of them whose fate came to be known.
    pub(crate) resolved: u64,
    /// Calls that were answered, and their times.
    pub(crate) calls: u32,
    pub(crate) timing: Timing,
    /// The bank's names of the attempts' payments, as far as they were told.
    pub(crate) ids: BTreeMap<AttemptNo, String>,
    /// Why the order did not come to the end it should have.
    pub(crate) stuck: Option<String>,
}

impl Diary {
    pub(crate) fn note(&mut self, asked: Asked, fate: Fate, at: SystemTime, payment: Option<&Payment>) {
        self.lines.push(Line { asked, fate, at });
        if let Some((payment, id)) = payment.and_then(|payment| Some((payment, payment.provider_id.as_ref()?))) {
            self.ids.insert(payment.attempt, id.clone());
        }
    }
}
