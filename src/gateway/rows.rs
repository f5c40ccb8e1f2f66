//! How orders, intents and tells lie in the store: names, JSON, and the seal over what only we may read.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::intent::Intent;
use super::order::Order;
use super::told::Told;
use crate::adapter::{Draft, Operation};
use crate::env::Rng;
use crate::model::{AccountRef, Error, ErrorKind, OrderNo};
use crate::signing::Sealer;
use crate::store::{Expect, Key, Put, Row, Space, SpaceKind, StoreError};

/// How long what was told, settled effects and delivery keys are remembered: Adyen repeats callbacks for 30 days.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(45 * 24 * 3600);

/// Names and reads the rows of one account.
#[derive(Clone)]
pub(crate) struct Rows {
    account: AccountRef,
    sealer: Option<Arc<Sealer>>,
    rng: Arc<dyn Rng>,
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rows({})", self.account)
    }
}

/// Something to tell, and how often it was tried.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ToTell {
    pub(crate) told: Told,
    pub(crate) tries: u32,
}

/// A row with its version.
#[derive(Clone, Debug)]
pub(crate) struct Versioned<T> {
    pub(crate) ver: u64,
    pub(crate) value: T,
}

impl<T> Versioned<T> {
    /// What a put over it must expect.
    pub(crate) fn expected(versioned: Option<&Self>) -> Expect {
        versioned.map_or(Expect::Absent, |row| Expect::Ver(row.ver))
    }
}

impl Rows {
    pub(crate) fn new(account: AccountRef, sealer: Option<Arc<Sealer>>, rng: Arc<dyn Rng>) -> Self {
        Self { account, sealer, rng }
    }

    /// The space of that kind.
    pub(crate) fn space(&self, kind: SpaceKind) -> Space {
        Space::new(kind, &self.account)
    }

    /// The order's row.
    pub(crate) fn order_key(&self, order: &OrderNo) -> Key {
        Key { space: self.space(SpaceKind::Order), part: part(order), id: "order".to_owned() }
    }

    /// The row of one of its operations.
    pub(crate) fn intent_key(&self, order: &OrderNo, identity: &str) -> Key {
        Key { space: self.space(SpaceKind::Intent), part: part(order), id: identity.to_owned() }
    }

    /// A row that leads from a provider's number or id to an order.
    pub(crate) fn alias_key(&self, name: &str, id: &str) -> Key {
        Key { space: self.space(SpaceKind::Alias), part: format!("alias/{name}/{id}"), id: "alias".to_owned() }
    }

    /// Puts the order.
    pub(crate) fn put_order(&self, order: &Order, expect: Expect) -> Result<Put, Error> {
        Ok(Put { key: self.order_key(&order.order_no), expect, due_in: None, keep_in: None, body: json(order)? })
    }

    /// Puts something to tell, due at once.
    pub(crate) fn put_told(&self, told: &Told) -> Result<Put, Error> {
        let payment = &told.payment;
        let id = format!("{:012}/{}", payment.version, crate::signing::sha256_hex(&[told.effect_key.as_bytes()]));
        let key = Key { space: self.space(SpaceKind::Told), part: part(&payment.order_no), id };
        Ok(Put {
            key,
            expect: Expect::Absent,
            due_in: Some(Duration::ZERO),
            keep_in: None,
            body: json(&ToTell { told: told.clone(), tries: 0 })?,
        })
    }

    /// Seals an operation for its intent's row.
    pub(crate) fn seal_op<Op: Operation>(&self, key: &Key, op: &Op) -> Result<Box<RawValue>, Error> {
        self.seal(key, "op", op)
    }

    /// Seals a draft for its intent's row.
    pub(crate) fn seal_draft(&self, key: &Key, draft: &Draft) -> Result<Box<RawValue>, Error> {
        self.seal(key, "draft", draft)
    }

    /// Opens the operation of an intent.
    pub(crate) fn open_op<Op: Operation>(&self, key: &Key, intent: &Intent) -> Result<Op, Error> {
        self.open(key, "op", intent.op.as_deref())
    }

    /// Opens the draft of an intent.
    pub(crate) fn open_draft(&self, key: &Key, intent: &Intent) -> Result<Draft, Error> {
        self.open(key, "draft", intent.draft.as_deref())
    }

    /// JSON as it is, or the text of its seal.
    fn seal<T: Serialize>(&self, key: &Key, what: &str, value: &T) -> Result<Box<RawValue>, Error> {
        let Some(sealer) = &self.sealer else { return to_raw_value(value).map_err(unwritable) };
        let sealed = sealer.seal(&associated(key, what), &json(value)?, &*self.rng);
        let sealed = sealed.map_err(|error| Error::new(ErrorKind::StoreFailed, format!("{what}: {error}")))?;
        to_raw_value(&sealed).map_err(unwritable)
    }

    fn open<T: DeserializeOwned>(&self, key: &Key, what: &str, stored: Option<&RawValue>) -> Result<T, Error> {
        let failed = |why: String| Error::new(ErrorKind::StoreFailed, format!("{what} of {}: {why}", key.id));
        let stored = stored.ok_or_else(|| failed("is gone".to_owned()))?;
        let Some(sealer) = &self.sealer else {
            return serde_json::from_str(stored.get()).map_err(|error| failed(error.to_string()));
        };
        let sealed: String = serde_json::from_str(stored.get()).map_err(|error| failed(error.to_string()))?;
        let plain = sealer.open(&associated(key, what), &sealed).map_err(|error| failed(error.to_string()))?;
        serde_json::from_slice(&plain).map_err(|error| failed(error.to_string()))
    }
}

/// Puts an intent, due after that time.
pub(crate) fn put_intent(key: Key, intent: &Intent, expect: Expect, due_in: Option<Duration>) -> Result<Put, Error> {
    Ok(Put { key, expect, due_in, keep_in: None, body: json(intent)? })
}

/// The unit of atomicity of an order.
pub(super) fn part(order: &OrderNo) -> String {
    format!("order/{order}")
}

/// What a seal is bound to: the row and the field.
fn associated(key: &Key, what: &str) -> String {
    format!("{}\n{}\n{}\n{what}", key.space.account, key.part, key.id)
}

/// The stored form.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<Bytes, Error> {
    // Most rows fit: growing a buffer step by step costs more than writing into it.
    let mut text = Vec::with_capacity(1024);
    serde_json::to_writer(&mut text, value).map_err(unwritable)?;
    Ok(Bytes::copy_from_slice(&text))
}

fn unwritable(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::StoreFailed, "a row could not be written as JSON").caused_by(error)
}

/// Reads a row back.
pub(crate) fn read<T: DeserializeOwned>(row: &Row) -> Result<Versioned<T>, Error> {
    let value = serde_json::from_slice(&row.body).map_err(|error| {
        Error::new(ErrorKind::StoreFailed, format!("row {} of {} cannot be read", row.key.id, row.key.part)).caused_by(error)
    })?;
    Ok(Versioned { ver: row.ver, value })
}

/// A store's failure where something may have been sent: the outcome is unknown.
pub(crate) fn store_failed(error: StoreError) -> Error {
    Error::new(ErrorKind::StoreFailed, error.to_string()).caused_by(error)
}
