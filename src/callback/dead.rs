//! The dead list: callbacks that nothing could be made of, with the reason, until a person replays or forgets them.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::inbox::{Letter, LetterState, kept, letter_key};
use crate::adapter::{About, Record};
use crate::gateway::{Attempt, Deed, Gateway, Inner, Operator, Order, REMEMBERED, Word, json, read, store_failed};
use crate::model::{Error, ErrorKind, OrderNo, ProviderNo};
use crate::store::{Commit, Expect, Key, Put, SpaceKind};

/// How many are looked at for those about one order: the list is short, or somebody must shorten it.
const LOOKED_AT: usize = 1000;

/// A callback on the dead list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DeadLetter {
    /// What names the delivery.
    pub delivery_key: String,
    /// Why it is here.
    pub reason: String,
    /// The provider's name for the event, if it could be read.
    pub name: Option<String>,
    /// It was read, and can be applied once more; else the provider must send it again.
    pub replayable: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Dead {
    v: u8,
    delivery_key: String,
    reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    record: Option<Record>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    raw: Option<String>,
}

impl From<Dead> for DeadLetter {
    fn from(dead: Dead) -> Self {
        let (replayable, name) = (dead.record.is_some(), dead.record.map(|record| record.name));
        Self { delivery_key: dead.delivery_key, reason: dead.reason, name, replayable }
    }
}

/// Whether a callback names the order: by our number, the provider's number of ours, or the provider's id.
fn is_about(about: &About, order_no: &OrderNo, order: Option<&Order>, payment_ref: &str) -> bool {
    let (number, id) = (about.number.as_ref().map(ProviderNo::as_str), about.refs.get(payment_ref));
    let attempts = order.map(|order| order.attempts.as_slice()).unwrap_or_default();
    let named =
        |attempt: &Attempt| Some(attempt.seed.number.as_str()) == number || (id.is_some() && attempt.refs.get(payment_ref) == id);
    about.order.as_ref().is_some_and(|(known, _)| known == order_no) || attempts.iter().any(named)
}

fn key(inner: &Inner, delivery_key: &str) -> Key {
    Key { space: inner.rows.space(SpaceKind::Dead), part: format!("callback/{delivery_key}"), id: "callback".to_owned() }
}

/// Keeps an item that could not be read.
pub(crate) async fn keep(inner: &Inner, delivery_key: &str, raw: &Bytes, reason: &str) -> Result<(), Error> {
    let dead =
        Dead { v: 1, delivery_key: delivery_key.to_owned(), reason: reason.to_owned(), record: None, raw: Some(kept(raw)) };
    let put = Put {
        key: key(inner, delivery_key),
        expect: Expect::Absent,
        due_in: None,
        keep_in: Some(REMEMBERED),
        body: json(&dead)?,
    };
    inner.commit(&[put]).await.map(|_| ())
}

/// The puts that move a letter from the inbox to the dead list, in one commit.
pub(crate) async fn bury(inner: &Inner, letter_ver: u64, letter: &Letter, reason: &str) -> Result<[Put; 2], Error> {
    let dead = Dead {
        v: 1,
        delivery_key: letter.delivery_key.clone(),
        reason: reason.to_owned(),
        record: letter.record.clone(),
        raw: None,
    };
    let done = super::inbox::done(letter_key(inner, &letter.delivery_key), letter_ver, letter, reason)?;
    // The same delivery may have come before as something unreadable, and lie there already: this says more.
    let key = key(inner, &letter.delivery_key);
    let there = inner.store.get(&key).await.map_err(store_failed)?;
    let expect = there.map_or(Expect::Absent, |row| Expect::Ver(row.ver));
    Ok([done, Put { key, expect, due_in: None, keep_in: None, body: json(&dead)? }])
}

impl Gateway {
    /// Up to `max` callbacks that nothing could be made of.
    pub async fn dead_letters(&self, max: usize) -> Result<Vec<DeadLetter>, Error> {
        let inner = self.inner();
        let rows = inner.store.page(&inner.rows.space(SpaceKind::Dead), None, max).await.map_err(store_failed)?;
        rows.iter().map(|row| Ok(read::<Dead>(row)?.value.into())).collect()
    }

    /// The callbacks about an order among the first thousand that nothing could be made of.
    pub async fn dead_letters_of(&self, order_no: &OrderNo) -> Result<Vec<DeadLetter>, Error> {
        let inner = self.inner();
        let order = inner.load_order(order_no).await?.map(|order| order.value);
        let rows = inner.store.page(&inner.rows.space(SpaceKind::Dead), None, LOOKED_AT).await.map_err(store_failed)?;
        let mut found = Vec::new();
        for row in &rows {
            let dead: Dead = read(row)?.value;
            let about = dead.record.as_ref().map(|record| &record.about);
            if about.is_some_and(|about| is_about(about, order_no, order.as_ref(), inner.payment_ref)) {
                found.push(dead.into());
            }
        }
        Ok(found)
    }

    /// Puts a callback from the dead list back into the inbox, to be applied once more.
    pub async fn replay(&self, delivery_key: &str) -> Result<(), Error> {
        replay(self.inner(), delivery_key, None).await
    }
}

impl Operator {
    /// Puts a callback from the dead list back into the inbox, to be applied once more, and says so in the audit trail.
    pub async fn replay(&self, delivery_key: &str) -> Result<(), Error> {
        replay(&self.inner, delivery_key, Some(&self.word)).await
    }
}

async fn replay(inner: &Inner, delivery_key: &str, word: Option<&Word>) -> Result<(), Error> {
    let missing = || Error::new(ErrorKind::Invalid, "delivery_key: must be one of the dead list");
    let row = inner.store.get(&key(inner, delivery_key)).await.map_err(store_failed)?.ok_or_else(missing)?;
    let dead = read::<Dead>(&row)?;
    let Some(record) = dead.value.record else {
        return Err(Error::new(ErrorKind::Unsupported, "it could not be read when it came; the provider must send it again"));
    };
    let letter =
        Letter { v: 1, delivery_key: delivery_key.to_owned(), looks: 0, record: Some(record), state: LetterState::Received };
    let inbox = letter_key(inner, delivery_key);
    let there = inner.store.get(&inbox).await.map_err(store_failed)?;
    let expect = there.map_or(Expect::Absent, |row| Expect::Ver(row.ver));
    let again = Put { key: inbox, expect, due_in: Some(Duration::ZERO), keep_in: None, body: json(&letter)? };
    let part = row.key.part.clone();
    let gone = Put {
        key: row.key,
        expect: Expect::Ver(row.ver),
        due_in: None,
        keep_in: Some(Duration::ZERO),
        body: Bytes::from_static(b"{}"),
    };
    let mut puts = vec![again, gone];
    if let Some(word) = word {
        let (before, after) = (format!("dead: {}", dead.value.reason), "in the inbox".to_owned());
        puts.push(inner.put_audit(word, Deed { act: "replay", part, operation: None, before, after })?);
    }
    match inner.commit(&puts).await? {
        Commit::Done(_) => {
            inner.inbox_bell.notify_one();
            Ok(())
        }
        Commit::Lost { .. } => Err(Error::new(ErrorKind::Conflict, "somebody else is replaying it")),
    }
}
