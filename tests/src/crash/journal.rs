//! What a worker tells its driver, a line a fact, through a pipe: what was written before a kill is read after it.

use std::io::Write;

use paysluice::env::Env;
use paysluice::gateway::{Answer, Handler, TellAgain, Told, ToldChange};
use paysluice::model::{Error, Fate, Payment};
use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};

use super::orders::Asked;

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// It takes callbacks at this port.
    Ready(u16),
    /// It is about to ask for something.
    Asks(Line),
    /// It was told something.
    Told(Line, Word),
    /// The handler heard a change, and will say that it did.
    Heard {
        /// Of which order.
        order: String,
        /// What changed: `payment/paid`, `refund/<number>`.
        what: String,
    },
    /// All that was to be brought to its end has been.
    Closed,
    /// It could not begin.
    Failed(String),
}

impl Note {
    /// Whether it is about that order.
    pub fn is_about(&self, no: &str) -> bool {
        match self {
            Self::Asks(line) | Self::Told(line, _) => line.order == no,
            Self::Heard { order, .. } => order == no,
            Self::Ready(_) | Self::Closed | Self::Failed(_) => false,
        }
    }
}

/// What was asked, by whom, when. Times are unix milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The order.
    pub order: String,
    /// What.
    pub asked: Asked,
    /// Counts the askings of one life.
    pub asking: u64,
    /// When it was asked.
    pub from: u64,
}

/// The answer to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// When it came.
    pub at: u64,
    /// What became of it. Of a charge that waits for its payer: unknown.
    pub fate: Fate,
    /// The payment's status, or what error it is.
    pub what: String,
    /// The provider's id of the payment, and of which attempt.
    pub payment: Option<(u32, String)>,
}

impl Word {
    /// The word for what a call came to.
    pub fn of(asked: &Asked, answer: &Result<Answer<Payment>, Error>, env: &Env) -> Self {
        let (fate, what, payment) = match answer {
            Ok(answer) => {
                let moved = !matches!(asked, Asked::Charge(_)) || answer.value.status.is_success();
                let fate = if moved { Fate::Applied } else { Fate::Unknown };
                (fate, answer.value.status.to_string(), Some(&answer.value))
            }
            Err(error) => (error.fate(), format!("{}: {}", error.kind().name(), error.message()), error.payment()),
        };
        let named = |payment: &Payment| Some((payment.attempt.get(), payment.provider_id.clone()?));
        Self { at: millis(env.wall()), fate, what, payment: payment.and_then(named) }
    }
}

/// Writes the facts of one life to standard output.
#[derive(Clone, Copy, Debug)]
pub struct Journal;

impl Journal {
    /// Writes one down: in one piece, and handed to the kernel before this returns.
    pub fn note(self, note: &Note) {
        let Ok(mut line) = serde_json::to_vec(note) else { return };
        line.push(b'\n');
        let mut out = std::io::stdout().lock();
        // Nobody reads any more: the driver has ended, and this process is about to.
        let _ = out.write_all(&line).and_then(|()| out.flush());
    }
}

impl Handler for Journal {
    fn handle<'a>(&'a self, told: &'a Told) -> paysluice::env::BoxFuture<'a, Result<(), TellAgain>> {
        let what = match &told.change {
            ToldChange::Payment => format!("payment/{}", told.payment.status),
            ToldChange::Refund(number) => format!("refund/{number}"),
            other => format!("{other:?}"),
        };
        self.note(&Note::Heard { order: told.payment.order_no.to_string(), what });
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A time as unix milliseconds.
pub fn millis(at: SystemTime) -> u64 {
    u64::try_from(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}
