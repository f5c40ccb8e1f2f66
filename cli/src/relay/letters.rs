//! Letters in the store: taken in once by delivery key, claimed, delivered, or given up and kept for a person.
//!
//! A letter has one row in the space `relay`, and while it is given up one more in `undelivered`, in the same part, so that both
//! change in one commit. Bodies are sealed under the application's key: a provider's message holds the payer's data.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use paysluice::env::Env;
use paysluice::model::AccountRef;
use paysluice::signing::{Sealer, sha256_hex};
use paysluice::store::{Commit, Expect, Key, OpId, Put, Row, Space, SpaceKind, Store, StoreError, StoreErrorKind};
use serde::{Deserialize, Serialize};

/// How long a delivered letter is remembered, so that the provider's repeats are recognised: Adyen repeats for 30 days.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(45 * 24 * 3600);

/// What stands in a row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Letter {
    v: u8,
    pub(crate) delivery_key: String,
    /// The provider's name for the event; none if it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    pub(crate) state: State,
    /// How many attempts have failed.
    #[serde(default)]
    pub(crate) failed: u32,
    /// Why the last one failed, or why it was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    /// What is forwarded, sealed; gone when it is delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

/// Where a letter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Waiting,
    Delivered,
    /// Given up; until somebody replays it.
    GivenUp,
}

/// A letter that is ours for a while.
#[derive(Debug)]
pub(crate) struct Claimed {
    key: Key,
    ver: u64,
    pub(crate) letter: Letter,
}

/// The letters of one account.
#[derive(Debug)]
pub(crate) struct Letters {
    env: Env,
    store: Arc<dyn Store>,
    account: AccountRef,
    sealer: Option<Sealer>,
}

impl Letters {
    pub(crate) fn new(env: Env, store: Arc<dyn Store>, account: AccountRef, sealer: Option<Sealer>) -> Self {
        Self { env, store, account, sealer }
    }

    /// The id that a receiver deduplicates by: the same for the same delivery, at every attempt and after every crash.
    pub(crate) fn id(&self, delivery_key: &str) -> String {
        let hash = sha256_hex(&[self.account.to_string().as_bytes(), b"\n", delivery_key.as_bytes()]);
        format!("msg_{}", hash.chars().take(32).collect::<String>())
    }

    /// Stores a letter to forward; false if it is there already. It is on disk when this returns.
    pub(crate) async fn take_in(&self, delivery_key: &str, name: &str, body: &[u8]) -> Result<bool, StoreError> {
        let key = self.key(SpaceKind::Relay, delivery_key);
        let letter = Letter {
            v: 1,
            delivery_key: delivery_key.to_owned(),
            name: Some(name.to_owned()),
            state: State::Waiting,
            failed: 0,
            why: None,
            body: Some(self.seal(&key, body)?),
        };
        let put = put(key, Expect::Absent, Some(Duration::ZERO), None, &letter)?;
        Ok(matches!(self.commit(&[put]).await?, Commit::Done(_)))
    }

    /// Keeps a signed item that could not be read, for a person to see; false if it is there already.
    pub(crate) async fn keep_unread(&self, delivery_key: &str, why: &str) -> Result<bool, StoreError> {
        let letter = Letter {
            v: 1,
            delivery_key: delivery_key.to_owned(),
            name: None,
            state: State::GivenUp,
            failed: 0,
            why: Some(why.to_owned()),
            body: None,
        };
        let marked = put(self.key(SpaceKind::Relay, delivery_key), Expect::Absent, None, Some(REMEMBERED), &letter)?;
        let kept = put(self.key(SpaceKind::Undelivered, delivery_key), Expect::Absent, None, None, &letter)?;
        Ok(matches!(self.commit(&[marked, kept]).await?, Commit::Done(_)))
    }

    /// Up to `max` letters that are due; nobody else gets them within `lease`. Rows that cannot be read are told, and stay.
    pub(crate) async fn claim(&self, max: usize, lease: Duration) -> Result<Vec<Claimed>, StoreError> {
        let rows = self.store.claim_due(&self.space(SpaceKind::Relay), max, lease).await?;
        let read = rows.into_iter().filter_map(|row| match letter(&row) {
            Ok(letter) => Some(Claimed { key: row.key, ver: row.ver, letter }),
            Err(error) => {
                eprintln!("paysluice: {error}; it stays");
                None
            }
        });
        Ok(read.collect())
    }

    /// What of a letter is forwarded.
    pub(crate) fn open(&self, claimed: &Claimed) -> Result<Bytes, StoreError> {
        let stored = claimed.letter.body.as_deref().ok_or_else(|| corrupt("a letter without a body"))?;
        let Some(sealer) = &self.sealer else { return Ok(Bytes::copy_from_slice(stored.as_bytes())) };
        let plain = sealer.open(&bound_to(&claimed.key), stored).map_err(|error| corrupt(&error.to_string()))?;
        Ok(Bytes::copy_from_slice(&plain))
    }

    /// Ours for `lease` more. What lost its claim goes on and is written down by nobody: the other does it once more.
    pub(crate) async fn hold(&self, claimed: &mut Claimed, lease: Duration) -> Result<(), StoreError> {
        let put = put(claimed.key.clone(), Expect::Ver(claimed.ver), Some(lease), None, &claimed.letter)?;
        if let Commit::Done(versions) = self.commit(&[put]).await? {
            claimed.ver = versions.first().copied().unwrap_or(claimed.ver);
        }
        Ok(())
    }

    /// It was taken: only the delivery key stays.
    pub(crate) async fn delivered(&self, claimed: &Claimed) -> Result<(), StoreError> {
        let letter = Letter { state: State::Delivered, body: None, why: None, ..claimed.letter.clone() };
        let put = put(claimed.key.clone(), Expect::Ver(claimed.ver), None, Some(REMEMBERED), &letter)?;
        self.commit(&[put]).await.map(drop)
    }

    /// It was not taken: again after `due_in`.
    pub(crate) async fn failed(&self, claimed: &Claimed, why: &str, due_in: Duration) -> Result<(), StoreError> {
        let letter = failed(claimed, why);
        let put = put(claimed.key.clone(), Expect::Ver(claimed.ver), Some(due_in), None, &letter)?;
        self.commit(&[put]).await.map(drop)
    }

    /// It was not even tried: again after `due_in`, without counting.
    pub(crate) async fn park(&self, claimed: &Claimed, due_in: Duration) -> Result<(), StoreError> {
        let put = put(claimed.key.clone(), Expect::Ver(claimed.ver), Some(due_in), None, &claimed.letter)?;
        self.commit(&[put]).await.map(drop)
    }

    /// It will not be tried again by itself.
    pub(crate) async fn give_up(&self, claimed: &Claimed, why: &str) -> Result<(), StoreError> {
        let letter = Letter { state: State::GivenUp, ..failed(claimed, why) };
        let marked = Letter { body: None, ..letter.clone() };
        let marked = put(claimed.key.clone(), Expect::Ver(claimed.ver), None, Some(REMEMBERED), &marked)?;
        let kept = Key { space: self.space(SpaceKind::Undelivered), ..claimed.key.clone() };
        // One may be there from long ago: the marks that recognise repeats go after their time, what a person must see does not.
        let there = self.store.get(&kept).await?;
        let kept = put(kept, there.map_or(Expect::Absent, |row| Expect::Ver(row.ver)), None, None, &letter)?;
        self.commit(&[marked, kept]).await.map(drop)
    }

    /// Up to `max` letters that were given up, after the delivery key `after`.
    pub(crate) async fn given_up(&self, after: Option<&str>, max: usize) -> Result<Vec<Letter>, StoreError> {
        let after = after.map(|delivery_key| self.key(SpaceKind::Undelivered, delivery_key));
        let rows = self.store.page(&self.space(SpaceKind::Undelivered), after.as_ref(), max).await?;
        rows.iter().map(letter).collect()
    }

    /// Puts a letter that was given up back, due at once, with all attempts before it.
    pub(crate) async fn replay(&self, delivery_key: &str) -> Result<(), String> {
        let told = |error: StoreError| error.to_string();
        let kept = self.store.get(&self.key(SpaceKind::Undelivered, delivery_key)).await.map_err(told)?;
        let kept = kept.ok_or("--id: must be one that `paysluice callback dead` lists")?;
        let found = letter(&kept).map_err(told)?;
        if found.body.is_none() {
            return Err("it could not be read when it came: the provider must send it again".to_owned());
        }
        let key = self.key(SpaceKind::Relay, delivery_key);
        let there = self.store.get(&key).await.map_err(told)?;
        let expect = there.map_or(Expect::Absent, |row| Expect::Ver(row.ver));
        let again = Letter { state: State::Waiting, failed: 0, why: None, ..found.clone() };
        let again = put(key, expect, Some(Duration::ZERO), None, &again).map_err(told)?;
        let gone = Letter { body: None, ..found };
        let gone = put(kept.key, Expect::Ver(kept.ver), None, Some(Duration::ZERO), &gone).map_err(told)?;
        match self.commit(&[again, gone]).await.map_err(told)? {
            Commit::Done(_) => Ok(()),
            Commit::Lost { .. } => Err("somebody else is replaying it".to_owned()),
        }
    }

    /// Forgets up to `max` letters that are past their time.
    pub(crate) async fn purge(&self, max: usize) -> Result<usize, StoreError> {
        let purged = self.store.purge(&self.space(SpaceKind::Undelivered), max).await?;
        Ok(purged + self.store.purge(&self.space(SpaceKind::Relay), max).await?)
    }

    /// Commits; asks again under the same name if the answer was lost. Who loses to a newer version has nothing left to do.
    async fn commit(&self, puts: &[Put]) -> Result<Commit, StoreError> {
        let op = OpId(self.env.rng().next_u128());
        let mut tries = 0_u32;
        loop {
            match self.store.commit(op, puts).await {
                Err(error) if error.kind() == StoreErrorKind::Unavailable && tries < 2 => {
                    tries += 1;
                    self.env.sleep(Duration::from_millis(20 << tries)).await;
                }
                answer => return answer,
            }
        }
    }

    fn space(&self, kind: SpaceKind) -> Space {
        Space::new(kind, &self.account)
    }

    fn key(&self, kind: SpaceKind, delivery_key: &str) -> Key {
        Key { space: self.space(kind), part: format!("relay/{delivery_key}"), id: "letter".to_owned() }
    }

    fn seal(&self, key: &Key, body: &[u8]) -> Result<String, StoreError> {
        match &self.sealer {
            Some(sealer) => sealer.seal(&bound_to(key), body, &**self.env.rng()).map_err(|error| corrupt(&error.to_string())),
            None => String::from_utf8(body.to_vec()).map_err(|_| corrupt("a body that is no text")),
        }
    }
}

fn failed(claimed: &Claimed, why: &str) -> Letter {
    let letter = claimed.letter.clone();
    Letter { failed: letter.failed.saturating_add(1), why: Some(why.to_owned()), ..letter }
}

/// What the seal is bound to: the letter, whichever of its rows holds it.
fn bound_to(key: &Key) -> String {
    format!("{}\n{}\nbody", key.space.account, key.part)
}

fn put(
    key: Key,
    expect: Expect,
    due_in: Option<Duration>,
    keep_in: Option<Duration>,
    letter: &Letter,
) -> Result<Put, StoreError> {
    let body = serde_json::to_vec(letter).map_err(|error| corrupt(&error.to_string()))?;
    Ok(Put { key, expect, due_in, keep_in, body: body.into() })
}

fn letter(row: &Row) -> Result<Letter, StoreError> {
    let read: Letter =
        serde_json::from_slice(&row.body).map_err(|error| corrupt(&format!("row {} cannot be read: {error}", row.key.part)))?;
    if read.v == 1 { Ok(read) } else { Err(corrupt(&format!("row {} is of a later version", row.key.part))) }
}

fn corrupt(why: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, why)
}

#[cfg(test)]
#[path = "letters/tests.rs"]
mod tests;
