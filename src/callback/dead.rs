//! The dead list: callbacks that nothing could be made of, with the reason, until a person replays or forgets them.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::inbox::{Letter, LetterState, kept, letter_key};
use crate::adapter::Record;
use crate::gateway::{Gateway, Inner, REMEMBERED, json, read, store_failed};
use crate::model::{Error, ErrorKind};
use crate::store::{Commit, Expect, Key, Put, SpaceKind};

/// A callback on the dead list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// What names the delivery.
    pub delivery_key: String,
    /// Why it is here.
    pub reason: String,
    /// The provider's name for the event, if it could be read.
    pub name: Option<String>,
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
        rows.iter()
            .map(|row| {
                let dead: Dead = read(row)?.value;
                let name = dead.record.map(|record| record.name);
                Ok(DeadLetter { delivery_key: dead.delivery_key, reason: dead.reason, name })
            })
            .collect()
    }

    /// Puts a callback from the dead list back into the inbox, to be applied once more.
    pub async fn replay(&self, delivery_key: &str) -> Result<(), Error> {
        let inner = self.inner();
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
        let gone = Put {
            key: row.key,
            expect: Expect::Ver(row.ver),
            due_in: None,
            keep_in: Some(Duration::ZERO),
            body: Bytes::from_static(b"{}"),
        };
        match inner.commit(&[again, gone]).await? {
            Commit::Done(_) => {
                inner.inbox_bell.notify_one();
                Ok(())
            }
            Commit::Lost { .. } => Err(Error::new(ErrorKind::Conflict, "somebody else is replaying it")),
        }
    }
}
