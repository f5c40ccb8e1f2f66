//! The rows of one space in memory, with indexes by due time and by expiry.

use std::collections::{BTreeMap, BTreeSet, HashMap};
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
type Turn = (Mono, u64);

/// Rows of one space in one shard. Every row with a due time has its turn in `waiting` or `due`, every row with an end is in
/// `leaving`.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// Never walked: its order is chance.
    rows: HashMap<Arc<Key>, (Arc<Key>, Held)>,
    /// The rows' names in order, but for those in `unsorted`: only pages need an order.
    names: BTreeSet<Arc<Key>>,
    /// Names of rows made since the last page or purge; some may be gone again.
    unsorted: Vec<Arc<Key>>,
    waiting: BTreeMap<Turn, Arc<Key>>,
    due: BTreeMap<Turn, Arc<Key>>,
    leaving: BTreeSet<(Mono, Arc<Key>)>,
    /// Names of rows that have expired and that `purge` has not counted yet; what they held is freed already.
    expired: BTreeSet<Arc<Key>>,
}

impl Shelf {
    /// Lets time pass up to `now`: what has expired goes, what is due comes forward. Each row pays once, not each call.
    pub(super) fn let_pass(&mut self, now: Mono) {
        while self.leaving.first().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, key)) = self.leaving.pop_first() {
                if let Some((_, row)) = self.rows.remove(&key) {
                    self.forget_times(&key, &row);
                }
                self.names.remove(&key);
                self.expired.insert(key);
            }
        }
        while self.waiting.first_key_value().is_some_and(|((at, _), _)| *at <= now) {
            self.due.extend(self.waiting.pop_first());
        }
    }

    pub(super) fn row(&self, key: &Key, now: Mono) -> Option<Row> {
        self.rows.get(key).map(|(_, held)| held.shown(key, now))
    }

    pub(super) fn ver(&self, key: &Key) -> Option<u64> {
        self.rows.get(key).map(|(_, held)| held.ver)
    }

    pub(super) fn put(&mut self, key: &Key, held: Held) {
        let (due, expires) = (held.due.map(|at| (at, held.ver)), held.expires);
        let name = if let Some((name, row)) = self.rows.get_mut(key) {
            let before = std::mem::replace(row, held);
            let name = Arc::clone(name);
            self.forget_times(&name, &before);
            name
        } else {
            let name = Arc::new(key.clone());
            self.expired.remove(&name);
            self.unsorted.push(name.clone());
            self.rows.insert(name.clone(), (name.clone(), held));
            name
        };
        self.waiting.extend(due.map(|turn| (turn, name.clone())));
        self.leaving.extend(expires.map(|at| (at, name)));
    }

    /// The turn of the row that has been due for longest.
    pub(super) fn next_due(&self) -> Option<Turn> {
        self.due.first_key_value().map(|(turn, _)| *turn)
    }

    /// Claims the row that has been due for longest.
    pub(super) fn claim(&mut self, lease: Duration, now: Mono, ver: u64) -> Option<Row> {
        let (_, name) = self.due.pop_first()?;
        let (_, held) = self.rows.get_mut(&name)?;
        held.ver = ver;
        held.tries = held.tries.saturating_add(1);
        held.due = Some(now + lease);
        let row = held.shown(&name, now);
        self.waiting.insert((now + lease, ver), name);
        Some(row)
    }

    pub(super) fn page(&mut self, after: Option<&Key>, max: usize, now: Mono) -> Vec<Row> {
        self.sort();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let names = self.names.range::<Key, _>((from, Bound::Unbounded)).take(max);
        names.filter_map(|name| self.row(name, now)).collect()
    }

    /// No order of names is kept for what is due: every put would pay for what operators seldom ask.
    pub(super) fn page_due(&self, after: Option<&Key>, max: usize, now: Mono) -> Vec<Row> {
        let timed = self.due.values().chain(self.waiting.values());
        let mut names: Vec<&Arc<Key>> = timed.filter(|name| after.is_none_or(|after| ***name > *after)).collect();
        names.sort_unstable();
        names.into_iter().take(max).filter_map(|name| self.row(name, now)).collect()
    }

    /// Sorts the new names in; each once, and not before an order is asked for.
    fn sort(&mut self) {
        let unsorted = std::mem::take(&mut self.unsorted);
        self.names.extend(unsorted.into_iter().filter(|name| self.rows.contains_key(name)));
    }

    pub(super) fn depth(&self, now: Mono) -> Depth {
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let oldest_due = self.next_due().map(|(at, _)| now.since(at));
        Depth { rows: count(self.rows.len()), due: count(self.due.len()), oldest_due }
    }

    pub(super) fn purge(&mut self, max: usize) -> usize {
        self.sort();
        (0..max).map_while(|_| self.expired.pop_first()).count()
    }

    pub(super) fn holds_rows(&self) -> bool {
        !self.rows.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.expired.is_empty()
    }

    /// Takes a row out of the indexes of times.
    fn forget_times(&mut self, name: &Arc<Key>, row: &Held) {
        if let Some(at) = row.due {
            let turn = (at, row.ver);
            let _ = self.waiting.remove(&turn).or_else(|| self.due.remove(&turn));
        }
        if let Some(at) = row.expires {
            self.leaving.remove(&(at, name.clone()));
        }
    }
}

impl Held {
    fn shown(&self, key: &Key, now: Mono) -> Row {
        let due_in = self.due.map(|at| at.since(now));
        Row { key: key.clone(), ver: self.ver, tries: self.tries, due_in, body: self.body.clone() }
    }
}
