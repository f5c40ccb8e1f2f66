//! Rows between the scripts and the trait.

use std::time::Duration;

use bytes::Bytes;
use paysluice::model::AccountRef;
use paysluice::store::{Commit, Depth, Expect, Key, Put, Row, Space, SpaceKind, StoreError};
use redis::{FromRedisValue, Value};

use crate::errors::corrupt;
use crate::names;
use crate::script::Call;

/// A century or so: what is longer is for ever. Sums with the clock stay whole numbers of a double, in which Lua counts.
const LONGEST: u64 = 4_000_000_000_000_000;

/// Whole microseconds, rounded up, so that no lease is shorter than asked.
pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1000)).unwrap_or(LONGEST).min(LONGEST)
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Adds a row to the call of a commit.
pub(crate) fn put(call: Call, prefix: &str, put: &Put) -> Call {
    let or_none = |time: Option<Duration>| time.map(|time| micros(time).to_string()).unwrap_or_default();
    let expect = match put.expect {
        Expect::Absent => String::new(),
        Expect::Ver(ver) => ver.to_string(),
    };
    let call = call.key(names::row(prefix, &put.key));
    let call = names::indexes(prefix, &put.key.space).into_iter().fold(call, Call::key);
    call.arg(expect).arg(or_none(put.due_in)).arg(or_none(put.keep_in)).arg(names::member(&put.key)).arg(&put.body[..])
}

/// Reads the answer of a commit.
pub(crate) fn answer(puts: &[Put], reply: Value) -> Result<Commit, StoreError> {
    let unreadable = || corrupt("the answer of a commit");
    let words = words(reply).ok_or_else(unreadable)?;
    let (verdict, words) = words.split_first().ok_or_else(unreadable)?;
    match (&verdict[..], words) {
        (b"done", vers) if vers.len() == puts.len() => {
            let vers: Option<Vec<u64>> = vers.iter().map(|ver| number(ver)).collect();
            Ok(Commit::Done(vers.ok_or_else(unreadable)?))
        }
        (b"lost", [index, row @ ..]) => {
            let index = number(index).and_then(|index| usize::try_from(index).ok()).ok_or_else(unreadable)?;
            let key = &puts.get(index).ok_or_else(unreadable)?.key;
            Ok(Commit::Lost { index, current: visible(key, row)? })
        }
        _ => Err(unreadable()),
    }
}

/// Reads a row, or that there is none.
pub(crate) fn one(key: &Key, reply: Value) -> Result<Option<Row>, StoreError> {
    visible(key, &words(reply).ok_or_else(|| corrupt("a row"))?)
}

/// Reads rows that come with their member first.
pub(crate) fn several(space: &Space, reply: Value) -> Result<Vec<Row>, StoreError> {
    let unreadable = || corrupt("a list of rows");
    let Value::Array(rows) = reply else { return Err(unreadable()) };
    rows.into_iter()
        .map(|row| {
            let words = words(row).ok_or_else(unreadable)?;
            let (member, row) = words.split_first().ok_or_else(unreadable)?;
            let key = names::key(space, member).ok_or_else(unreadable)?;
            visible(&key, row)?.ok_or_else(unreadable)
        })
        .collect()
}

/// Reads a space's counts.
pub(crate) fn depth(reply: Value) -> Result<Depth, StoreError> {
    let unreadable = || corrupt("the depth of a space");
    match words(reply).as_deref() {
        Some([rows, due, oldest]) => Ok(Depth {
            rows: number(rows).ok_or_else(unreadable)?,
            due: number(due).ok_or_else(unreadable)?,
            oldest_due: time(oldest)?,
        }),
        _ => Err(unreadable()),
    }
}

/// Reads a member of the set of spaces: `kind account`.
pub(crate) fn space(name: &str) -> Result<Space, StoreError> {
    let named = name.split_once(' ').and_then(|(kind, account)| {
        let account: AccountRef = account.parse().ok()?;
        Some(Space { kind: SpaceKind::named(kind)?, account })
    });
    named.ok_or_else(|| corrupt("the name of a space"))
}

/// Version, tries, time until due, body; nothing at all if it is not visible.
fn visible(key: &Key, words: &[Bytes]) -> Result<Option<Row>, StoreError> {
    let unreadable = || corrupt("a row");
    match words {
        [] => Ok(None),
        [ver, tries, due_in, body] => Ok(Some(Row {
            key: key.clone(),
            ver: number(ver).ok_or_else(unreadable)?,
            tries: number(tries).and_then(|tries| u32::try_from(tries).ok()).ok_or_else(unreadable)?,
            due_in: time(due_in)?,
            body: body.clone(),
        })),
        _ => Err(unreadable()),
    }
}

fn words(reply: Value) -> Option<Vec<Bytes>> {
    let words = Vec::<Vec<u8>>::from_redis_value(reply).ok()?;
    Some(words.into_iter().map(Bytes::from).collect())
}

fn number(word: &[u8]) -> Option<u64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// Microseconds; an empty word is never.
fn time(word: &[u8]) -> Result<Option<Duration>, StoreError> {
    if word.is_empty() {
        return Ok(None);
    }
    number(word).map(|micros| Some(Duration::from_micros(micros))).ok_or_else(|| corrupt("a time"))
}
