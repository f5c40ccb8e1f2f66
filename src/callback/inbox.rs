//! The inbox: what was verified is stored before it is acknowledged; a delivery that comes again is recognised by its key.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::adapter::{Item, Opened, Record, Reply, Request};
use crate::gateway::{Gateway, Inner, REMEMBERED, json};
use crate::model::{Error, ErrorKind};
use crate::store::{Commit, Expect, Key, Put, SpaceKind};

/// How much of an item that cannot be read is kept for a person to look at, in bytes.
const KEPT_RAW: usize = 16 * 1024;

/// How long fetching what a verification needs may take: providers hang up after 5 to 10 s.
const FETCH: Duration = Duration::from_secs(4);

/// A callback in the inbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Letter {
    pub(crate) v: u8,
    pub(crate) delivery_key: String,
    /// How often it was looked at and put back.
    #[serde(default)]
    pub(crate) looks: u32,
    /// Gone when it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) record: Option<Record>,
    pub(crate) state: LetterState,
}

/// Where a callback stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LetterState {
    /// Stored, not applied.
    Received,
    /// Applied, or of no effect: why.
    Done(String),
}

/// What became of a callback request.
#[derive(Debug)]
#[non_exhaustive]
pub struct Received {
    /// What to answer the provider.
    pub reply: Reply,
    /// What became of each item; empty if the request was refused.
    pub items: Vec<Receipt>,
    /// Why the request was refused, if it was.
    pub refused: Option<Error>,
}

/// What became of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Receipt {
    /// Stored; it will be applied.
    Stored(String),
    /// It was there already.
    Duplicate(String),
    /// It cannot be read; kept on the dead list.
    Dead(String),
}

impl Gateway {
    /// Takes a provider's request in: verifies, stores, and says what to answer. The body must have been capped by the caller
    /// (see [`callback_cap`](Self::callback_cap)); [`CallbackService`](crate::callback::CallbackService) does all of it.
    pub async fn receive(&self, raw: &Request) -> Received {
        receive(self.inner(), raw).await
    }

    /// The largest callback body this provider sends, in bytes.
    pub fn callback_cap(&self) -> usize {
        self.inner().adapter().profile().callback_cap
    }
}

async fn receive(inner: &Arc<Inner>, raw: &Request) -> Received {
    let adapter = inner.adapter();
    let callbacks = adapter.callbacks();
    let refused = |error: Error| Received { reply: callbacks.refused(&error), items: Vec::new(), refused: Some(error) };
    if raw.body.len() > adapter.profile().callback_cap {
        return refused(Error::new(ErrorKind::Invalid, "the body is larger than this provider's callbacks are"));
    }
    let items = match open(inner, raw).await {
        Ok(items) => items,
        Err(error) => {
            metrics::counter!("paysluice_callbacks_refused_total", "account" => inner.account.to_string()).increment(1);
            tracing::warn!(account = %inner.account, %error, "a callback was refused");
            return refused(error);
        }
    };
    let mut receipts = Vec::with_capacity(items.len());
    for item in items {
        match store(inner, item).await {
            Ok(receipt) => receipts.push(receipt),
            Err(error) => {
                tracing::error!(account = %inner.account, %error, "a callback could not be stored; the provider will send it again");
                return Received { reply: unavailable(), items: receipts, refused: Some(error) };
            }
        }
    }
    inner.inbox_bell.notify_one();
    Received { reply: callbacks.accepted(), items: receipts, refused: None }
}

/// Verifies and reads, fetching once what the verification needs.
async fn open(inner: &Inner, raw: &Request) -> Result<Vec<Item>, Error> {
    let adapter = inner.adapter();
    let opened = || adapter.callbacks().open(raw, inner.env.wall(), &inner.access.granted());
    let opened = match opened()? {
        Opened::Need(want) => {
            inner.access.ensure(&want, inner.means(&**adapter), inner.env.now() + FETCH).await?;
            opened()?
        }
        items @ Opened::Items(_) => items,
    };
    match opened {
        Opened::Items(items) => Ok(items),
        Opened::Need(want) => Err(Error::new(ErrorKind::Invalid, format!("cannot be verified without {want:?}"))),
    }
}

async fn store(inner: &Inner, item: Item) -> Result<Receipt, Error> {
    let event = match item.verdict {
        Ok(event) => event,
        Err(error) => {
            super::dead::keep(inner, &item.delivery_key, &item.raw, &error.to_string()).await?;
            return Ok(Receipt::Dead(item.delivery_key));
        }
    };
    let letter = Letter {
        v: 1,
        delivery_key: item.delivery_key.clone(),
        looks: 0,
        record: Some(event.record().clone()),
        state: LetterState::Received,
    };
    let put = Put {
        key: letter_key(inner, &item.delivery_key),
        expect: Expect::Absent,
        due_in: Some(Duration::ZERO),
        keep_in: None,
        body: json(&letter)?,
    };
    match inner.commit(&[put]).await? {
        Commit::Done(_) => Ok(Receipt::Stored(item.delivery_key)),
        Commit::Lost { .. } => {
            metrics::counter!("paysluice_callbacks_duplicate_total", "account" => inner.account.to_string()).increment(1);
            Ok(Receipt::Duplicate(item.delivery_key))
        }
    }
}

pub(crate) fn letter_key(inner: &Inner, delivery_key: &str) -> Key {
    Key { space: inner.rows.space(SpaceKind::Inbox), part: format!("callback/{delivery_key}"), id: "callback".to_owned() }
}

/// The row of a callback that is done: remembered, so that the same delivery is recognised.
pub(crate) fn done(key: Key, ver: u64, letter: &Letter, why: &str) -> Result<Put, Error> {
    let letter = Letter { record: None, state: LetterState::Done(why.to_owned()), ..letter.clone() };
    Ok(Put { key, expect: Expect::Ver(ver), due_in: None, keep_in: Some(REMEMBERED), body: json(&letter)? })
}

/// The row of a callback that waits for its order or for better times.
pub(crate) fn parked(key: Key, ver: u64, letter: &Letter, due: Duration) -> Result<Put, Error> {
    let letter = Letter { looks: letter.looks + 1, ..letter.clone() };
    Ok(Put { key, expect: Expect::Ver(ver), due_in: Some(due), keep_in: None, body: json(&letter)? })
}

/// As much of a message as is kept for a person.
pub(crate) fn kept(raw: &Bytes) -> String {
    String::from_utf8_lossy(raw.get(..raw.len().min(KEPT_RAW)).unwrap_or_default()).into_owned()
}

/// Not stored: come again.
pub(crate) fn unavailable() -> Reply {
    Reply::new(http::StatusCode::SERVICE_UNAVAILABLE, "try again")
}
