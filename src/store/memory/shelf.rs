//! The rows of one space in memory, with indexes by due time and by expiry.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::super::{Depth, Key, Row};
use crate::env::Mono;

/// A row as it is kept: instants where callers see durations.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) ver: u64,
    pub(super) tries: u32,
    pub(super) due: Option<Mono>,
    pub(super) expires: Option<Mono>,
    pub(super) body: Bytes,
}

/// When a row is due; among equals, the one written first.
type Turn = (Mono, u64, Arc<Key>);

/// Rows of one space. Every row with a due time has its turn in `waiting` or `due`, every row with an end is in `leaving`.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    rows: BTreeMap<Arc<Key>, Held>,
    waiting: BTreeSet<Turn>,
    due: BTreeSet<Turn>,
    leaving: BTreeSet<(Mono, Arc<Key>)>,
    /// Names of rows that have expired and that `purge` has not counted yet; what they held is freed already.
    expired: BTreeSet<Arc<Key>>,
}

impl Shelf {
    /// Lets time pass up to `now`: what has expired goes, what is due comes forward. Each row pays once, not each call.
    pub(super) fn let_pass(&mut self, now: Mono) {
        while self.leaving.first().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, key)) = self.leaving.pop_first() {
                self.take(&key);
                self.expired.insert(key);
            }
        }
        while self.waiting.first().is_some_and(|(at, ..)| *at <= now) {
            self.due.extend(self.waiting.pop_first());
        }
    }

    pub(super) fn row(&self, key: &Key, now: Mono) -> Option<Row> {
        self.rows.get_key_value(key).map(|(key, held)| held.shown(key, now))
    }

    pub(super) fn put(&mut self, key: &Key, held: Held) {
        let key = self.take(key).unwrap_or_else(|| Arc::new(key.clone()));
        self.expired.remove(&key);
        self.waiting.extend(held.due.map(|at| (at, held.ver, key.clone())));
        self.leaving.extend(held.expires.map(|at| (at, key.clone())));
        self.rows.insert(key, held);
    }

    pub(super) fn claim(&mut self, max: usize, lease: Duration, now: Mono, last_ver: &mut u64) -> Vec<Row> {
        let mut claimed = Vec::new();
        while claimed.len() < max {
            let Some((_, _, key)) = self.due.pop_first() else { break };
            let Some(held) = self.rows.get_mut(&key) else { continue };
            *last_ver += 1;
            held.ver = *last_ver;
            held.tries = held.tries.saturating_add(1);
            held.due = Some(now + lease);
            claimed.push(held.shown(&key, now));
            self.waiting.insert((now + lease, *last_ver, key));
        }
        claimed
    }

    pub(super) fn page(&self, after: Option<&Key>, max: usize, now: Mono) -> Vec<Row> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.rows.range::<Key, _>((from, Bound::Unbounded)).take(max).map(|(key, held)| held.shown(key, now)).collect()
    }

    pub(super) fn depth(&self, now: Mono) -> Depth {
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let oldest_due = self.due.first().map(|(at, ..)| now.since(*at));
        Depth { rows: count(self.rows.len()), due: count(self.due.len()), oldest_due }
    }

    pub(super) fn purge(&mut self, max: usize) -> usize {
        (0..max).map_while(|_| self.expired.pop_first()).count()
    }

    pub(super) fn holds_rows(&self) -> bool {
        !self.rows.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.expired.is_empty()
    }

    /// Takes a row off the shelf and out of the indexes; returns its name for use again.
    fn take(&mut self, key: &Key) -> Option<Arc<Key>> {
        let (key, held) = self.rows.remove_entry(key)?;
        if let Some(at) = held.due {
            let turn = (at, held.ver, key.clone());
            let _ = self.due.remove(&turn) || self.waiting.remove(&turn);
        }
        if let Some(at) = held.expires {
            self.leaving.remove(&(at, key.clone()));
        }
        Some(key)
    }
}

impl Held {
    fn shown(&self, key: &Key, now: Mono) -> Row {
        let due_in = self.due.map(|at| at.since(now));
        Row { key: key.clone(), ver: self.ver, tries: self.tries, due_in, body: self.body.clone() }
    }
}
