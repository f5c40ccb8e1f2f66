//! What operators do: see what is unfinished, decide it with a reason, pause charges, end a process in order.
//!
//! Every change goes through an [`Operator`], who has a name and a reason: both are written to the audit trail in the same commit.

mod audit;
mod now;
mod open;
mod rule;
mod view;
mod word;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Inner;
use super::channel::{Answer, Call};
use super::intent::{Intent, State};
use super::pause::Pause;
use super::rows::{Versioned, read, store_failed};
use super::verdict::Verdict;
use crate::model::{Error, Invalid, Money, OrderNo, Payment};
use crate::store::{Key, Row, Space, SpaceKind};

pub use audit::AuditEntry;
pub(crate) use audit::Deed;
pub use open::{OrderLine, Wanted};
pub use rule::Ruling;
pub use view::{AttemptView, OperationView, OrderView, Standing, TellView};

/// Most characters of a name and of a piece of evidence.
const LONGEST_NAME: usize = 100;
const LONGEST_EVIDENCE: usize = 1000;

/// How many rows of one order are read at once.
const ROWS: usize = 200;

/// An operation whose fate is not known, for an operator's list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Doubt {
    /// Which order's, as its rows are named: `order/<number>`.
    pub part: String,
    /// Which operation: `charge/1`, `refund/<number>`.
    pub operation: String,
    /// How often the resolver has tried.
    pub tries: u32,
    /// What was told of it.
    pub why: String,
}

/// What draining left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// Operations still under way at the deadline. Their intents stand in the store: another process resolves them.
    pub left: usize,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Page<T> {
    /// What was found.
    pub items: Vec<T>,
    /// What to ask for next, if there may be more; also where a page found little because it had read enough.
    pub next: Option<String>,
}

/// A person who changes something, with the reason: both stand in the audit trail for ever.
#[derive(Clone, Debug)]
pub struct Operator {
    pub(crate) inner: Arc<Inner>,
    pub(crate) word: Word,
}

/// Whose word, and on what evidence.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub(crate) by: String,
    pub(crate) evidence: String,
}

impl Word {
    fn new(by: &str, evidence: &str) -> Result<Self, Invalid> {
        let read = |field: &'static str, said: &str, longest: usize, what: &str| {
            let said = said.trim();
            let good = !said.is_empty() && said.chars().count() <= longest && !said.chars().any(char::is_control);
            good.then(|| said.to_owned())
                .ok_or_else(|| Invalid::new(field, format!("{what}, in one line of at most {longest} characters")))
        };
        Ok(Self {
            by: read("by", by, LONGEST_NAME, "the name of whoever decides")?,
            evidence: read("evidence", evidence, LONGEST_EVIDENCE, "what it rests on: it is what the next person reads")?,
        })
    }
}

impl Operator {
    pub(super) fn new(inner: Arc<Inner>, by: &str, evidence: &str) -> Result<Self, Invalid> {
        Ok(Self { inner, word: Word::new(by, evidence)? })
    }

    /// Decides an operation that is in doubt: `charge/1`, `refund/<number>`.
    ///
    /// * The provider is asked first, where it can be. What it says stands; a word that it contradicts changes nothing.
    /// * That something was not applied, and that a charge was, is taken only with the provider's answer, unless it answers no
    ///   questions at all; `abandon` gives a charge up without.
    /// * An intent that is not in doubt, or that is being looked at right now, is a `Conflict`: nothing is changed.
    pub async fn settle(
        &self,
        order_no: &OrderNo,
        operation: &str,
        ruling: &Ruling,
        call: Call,
    ) -> Result<Answer<Payment>, Error> {
        self.inner.settle_by(order_no, operation, ruling, &self.word, call).await
    }

    /// Gives an order's charge up on a person's word, when no evidence can be had: it counts as not applied from then on. If
    /// money shows up all the same, it is told as a late success.
    pub async fn abandon(&self, order_no: &OrderNo) -> Result<Answer<Payment>, Error> {
        self.inner.abandon(order_no, &self.word).await
    }

    /// Takes over a payment that was made elsewhere, by the provider's id of it.
    pub async fn adopt(&self, order_no: &OrderNo, provider_id: &str, money: Money, call: Call) -> Result<Answer<Payment>, Error> {
        self.inner.adopt(order_no, provider_id, money, call, Some(&self.word)).await
    }

    /// Refuses charges, confirms and captures of the account from now on, in this process at once and in every other within a
    /// second. What is being sent is finished; queries, refunds, cancels, callbacks and the resolver's questions go on.
    pub async fn pause(&self) -> Result<Pause, Error> {
        self.inner.pause(&self.word).await
    }

    /// Ends the pause.
    pub async fn resume(&self) -> Result<(), Error> {
        self.inner.resume(&self.word).await
    }
}

impl Inner {
    /// Up to `max` operations whose fate is not known.
    pub(crate) async fn doubts(&self, max: usize) -> Result<Vec<Doubt>, Error> {
        let space = self.rows.space(SpaceKind::Intent);
        let (mut found, mut after): (Vec<Doubt>, Option<Key>) = (Vec::new(), None);
        while found.len() < max {
            let page = self.store.page_due(&space, after.as_ref(), ROWS).await.map_err(store_failed)?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            for row in &page {
                let intent: Versioned<Intent> = read(row)?;
                if let State::Doubt { tries, told: Verdict::Failed(told) } = &intent.value.state {
                    let (part, operation) = (row.key.part.clone(), row.key.id.clone());
                    found.push(Doubt { part, operation, tries: *tries, why: told.error().to_string() });
                }
            }
        }
        found.truncate(max);
        Ok(found)
    }

    /// Takes no new operations, and waits for those under way.
    pub(crate) async fn drain(&self, within: Duration) -> Drained {
        self.closing.store(true, Ordering::Relaxed);
        let deadline = self.env.now() + within;
        while self.flights.count() > 0 && self.env.now() < deadline {
            self.env.sleep(Duration::from_millis(20)).await;
        }
        Drained { left: self.flights.count() }
    }
}

/// All rows of one part, and none of any other.
async fn page_part(inner: &Inner, kind: SpaceKind, part: &str) -> Result<Vec<Row>, Error> {
    let space = inner.rows.space(kind);
    let mut found: Vec<Row> = Vec::new();
    // No id is empty, so this comes before all rows of the part.
    let mut after = Key { space: space.clone(), part: part.to_owned(), id: String::new() };
    loop {
        let page = inner.store.page(&space, Some(&after), ROWS).await.map_err(store_failed)?;
        let full = page.len() == ROWS;
        found.extend(page.into_iter().filter(|row| row.key.part == part));
        match found.last() {
            Some(last) if full && last.key != after => after = last.key.clone(),
            _ => return Ok(found),
        }
    }
}

/// Where a page ended, as one word.
fn named(key: &Key) -> String {
    hex::encode(format!("{}\n{}", key.part, key.id))
}

/// The key that such a word names.
fn cursor(space: &Space, word: &str) -> Result<Key, Error> {
    let text = hex::decode(word).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let (part, id) =
        text.as_deref().and_then(|text| text.split_once('\n')).ok_or_else(|| Invalid::new("after", "the `next` of a page"))?;
    Ok(Key { space: space.clone(), part: part.to_owned(), id: id.to_owned() })
}

/// A time as unix seconds.
mod seconds {
    use super::{Deserialize, Deserializer, Duration, Serialize, Serializer, SystemTime};

    pub(super) fn serialize<S: Serializer>(at: &SystemTime, out: S) -> Result<S::Ok, S::Error> {
        at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs().serialize(out)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<SystemTime, D::Error> {
        let seconds = u64::deserialize(input)?;
        Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.min(1 << 40)))
    }
}

#[allow(clippy::ref_option, reason = "serde hands it over so")]
fn when_if<S: Serializer>(at: &Option<SystemTime>, out: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => seconds::serialize(at, out),
        None => out.serialize_none(),
    }
}

fn span<S: Serializer>(time: &Duration, out: S) -> Result<S::Ok, S::Error> {
    time.as_secs().serialize(out)
}

#[allow(clippy::ref_option, reason = "serde hands it over so")]
fn span_if<S: Serializer>(time: &Option<Duration>, out: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs()).serialize(out)
}
