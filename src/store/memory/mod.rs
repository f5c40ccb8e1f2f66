//! The store in memory: for tests, simulations, and tools of which nothing need survive the process.

mod shelf;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::shelf::{Held, Shelf};
use super::{Commit, Depth, Durability, Expect, Key, OpId, Put, REMEMBERED, Row, Space, Store, StoreError, check_puts};
use crate::env::{BoxFuture, Clock, Mono};

/// Keeps rows in this process's memory, on the monotonic time of the clock it is given.
///
/// It is deterministic: the same calls at the same times give the same answers, versions and orders. A claim costs
/// O(log n) a row however many wait; expired bodies are freed when time is next looked at, and only their names wait for
/// `purge`.
#[derive(Debug)]
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last_ver: u64,
    shelves: BTreeMap<Space, Shelf>,
    answers: BTreeMap<OpId, Commit>,
    answered: VecDeque<(Mono, OpId)>,
}

impl MemoryStore {
    /// An empty store whose time is the monotonic time of `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// The state, locked, and the time read under the lock, so that nobody works with an older time than the last.
    fn open(&self) -> (MutexGuard<'_, State>, Mono) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.monotonic();
        (state, now)
    }
}

impl Store for MemoryStore {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        Box::pin(async move {
            let (mut state, now) = self.open();
            Ok(state.shelf(&key.space, now).and_then(|shelf| shelf.row(key, now)))
        })
    }

    fn commit<'a>(&'a self, op: OpId, puts: &'a [Put]) -> BoxFuture<'a, Result<Commit, StoreError>> {
        Box::pin(async move {
            check_puts(puts)?;
            let (mut state, now) = self.open();
            Ok(state.commit(op, puts, now))
        })
    }

    fn claim_due<'a>(&'a self, space: &'a Space, max: usize, lease: Duration) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(async move {
            let (mut state, now) = self.open();
            let mut last_ver = state.last_ver;
            let rows = state.shelf(space, now).map(|shelf| shelf.claim(max, lease, now, &mut last_ver)).unwrap_or_default();
            state.last_ver = last_ver;
            Ok(rows)
        })
    }

    fn page<'a>(&'a self, space: &'a Space, after: Option<&'a Key>, max: usize) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(async move {
            let (mut state, now) = self.open();
            Ok(state.shelf(space, now).map(|shelf| shelf.page(after, max, now)).unwrap_or_default())
        })
    }

    fn depth<'a>(&'a self, space: &'a Space) -> BoxFuture<'a, Result<Depth, StoreError>> {
        Box::pin(async move {
            let (mut state, now) = self.open();
            Ok(state.shelf(space, now).map(|shelf| shelf.depth(now)).unwrap_or_default())
        })
    }

    fn spaces(&self) -> BoxFuture<'_, Result<Vec<Space>, StoreError>> {
        Box::pin(async move {
            let (mut state, now) = self.open();
            state.shelves.values_mut().for_each(|shelf| shelf.let_pass(now));
            Ok(state.shelves.iter().filter(|(_, shelf)| shelf.holds_rows()).map(|(space, _)| space.clone()).collect())
        })
    }

    fn purge<'a>(&'a self, space: &'a Space, max: usize) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async move {
            let (mut state, now) = self.open();
            state.forget_answers(now);
            let purged = state.shelf(space, now).map(|shelf| shelf.purge(max)).unwrap_or_default();
            if state.shelves.get(space).is_some_and(Shelf::is_empty) {
                state.shelves.remove(space);
            }
            Ok(purged)
        })
    }

    fn durability(&self) -> Durability {
        Durability::Process
    }
}

impl State {
    /// The shelf of that space as it stands at `now`.
    fn shelf(&mut self, space: &Space, now: Mono) -> Option<&mut Shelf> {
        let shelf = self.shelves.get_mut(space)?;
        shelf.let_pass(now);
        Some(shelf)
    }

    fn commit(&mut self, op: OpId, puts: &[Put], now: Mono) -> Commit {
        self.forget_answers(now);
        if let Some(answer) = self.answers.get(&op) {
            return answer.clone();
        }
        let answer = self.first_unmet(puts, now).unwrap_or_else(|| self.write(puts, now));
        self.answers.insert(op, answer.clone());
        self.answered.push_back((now, op));
        answer
    }

    fn first_unmet(&mut self, puts: &[Put], now: Mono) -> Option<Commit> {
        puts.iter().enumerate().find_map(|(index, put)| {
            let current = self.shelf(&put.key.space, now).and_then(|shelf| shelf.row(&put.key, now));
            let met = match put.expect {
                Expect::Absent => current.is_none(),
                Expect::Ver(ver) => current.as_ref().is_some_and(|row| row.ver == ver),
            };
            (!met).then_some(Commit::Lost { index, current })
        })
    }

    fn write(&mut self, puts: &[Put], now: Mono) -> Commit {
        let written = puts.iter().map(|put| {
            self.last_ver += 1;
            let held = Held {
                ver: self.last_ver,
                tries: 0,
                due: put.due_in.map(|time| now + time),
                expires: put.keep_in.map(|time| now + time),
                // A copy, so that a small body never keeps a whole receive buffer alive.
                body: bytes::Bytes::copy_from_slice(&put.body),
            };
            self.shelves.entry(put.key.space.clone()).or_default().put(&put.key, held);
            self.last_ver
        });
        Commit::Done(written.collect())
    }

    fn forget_answers(&mut self, now: Mono) {
        while let Some((_, op)) = self.answered.pop_front_if(|(at, _)| now.since(*at) > REMEMBERED) {
            self.answers.remove(&op);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AccountRef, Mode};
    use crate::store::SpaceKind;
    use crate::store::conformance::{self, Bench, ManualClock};

    #[derive(Debug)]
    struct InMemory(Arc<ManualClock>, Arc<MemoryStore>);

    impl InMemory {
        fn new() -> Self {
            let clock = Arc::new(ManualClock::new());
            Self(clock.clone(), Arc::new(MemoryStore::new(clock)))
        }
    }

    impl Bench for InMemory {
        fn store(&self) -> Arc<dyn Store> {
            self.1.clone()
        }

        fn advance(&self, time: Duration) -> BoxFuture<'_, ()> {
            self.0.advance(time);
            Box::pin(async {})
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn it_keeps_every_law_of_a_store() {
        conformance::all(&InMemory::new()).await;
    }

    #[tokio::test]
    async fn remembered_answers_and_expired_rows_do_not_pile_up() {
        let bench = InMemory::new();
        let space = Space::new(SpaceKind::Inbox, &AccountRef::new("p", Mode::Test, "m").unwrap());
        for n in 0..100_u8 {
            let key = Key { space: space.clone(), part: format!("{n}"), id: "x".into() };
            let keep_in = Some(Duration::from_secs(1));
            let put = Put { key, expect: Expect::Absent, due_in: keep_in, keep_in, body: bytes::Bytes::from_static(b"{}") };
            bench.1.commit(OpId(n.into()), &[put]).await.unwrap();
        }
        bench.0.advance(REMEMBERED + Duration::from_secs(1));
        assert_eq!(bench.1.purge(&space, 1000).await.unwrap(), 100);
        let state = bench.1.state.lock().unwrap();
        assert_eq!((state.answers.len(), state.answered.len(), state.shelves.len()), (0, 0, 0));
        assert_eq!(state.last_ver, 100);
    }
}
