//! The store in memory: for tests, simulations, and tools of which nothing need survive the process.

mod answers;
mod shelf;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use self::answers::Answers;
use self::shelf::{Held, Shelf};
use super::{Commit, Depth, Durability, Expect, Key, OpId, Put, Row, Space, Store, StoreError, check_puts};
use crate::env::{BoxFuture, Clock, Mono};

/// Locks that share the rows, and as many that share the answers: enough that writers of different orders rarely meet.
const SHARDS: usize = 16;

/// Keeps rows in this process's memory, on the monotonic time of the clock it is given.
///
/// It is deterministic: the same calls at the same times give the same answers, versions and orders. A get, a commit and a
/// claim cost O(log n) a row however many wait; expired bodies are freed when time is next looked at, and only their names wait
/// for `purge`. A page of what is due looks at all that is or will be due.
///
/// Rows of one account and part lie behind one lock, so that a commit takes one of them; what looks at a whole space takes all.
#[derive(Debug)]
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    last_ver: AtomicU64,
    shards: Vec<Mutex<Shard>>,
    /// What was answered to each commit, by its name; locked before any shard.
    answers: Vec<Mutex<Answers>>,
}

/// The rows of some of the parts.
#[derive(Debug, Default)]
struct Shard {
    shelves: BTreeMap<Space, Shelf>,
}

impl MemoryStore {
    /// An empty store whose time is the monotonic time of `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let (shards, answers) = ((0..SHARDS).map(|_| Mutex::default()), (0..SHARDS).map(|_| Mutex::default()));
        Self { clock, last_ver: AtomicU64::new(0), shards: shards.collect(), answers: answers.collect() }
    }

    /// The shard of a part, locked, and the time read under the lock, so that nobody works with an older time than the last.
    fn open(&self, part: &str) -> Option<(MutexGuard<'_, Shard>, Mono)> {
        let shard = lock(pick(&self.shards, BuildHasherDefault::<DefaultHasher>::new().hash_one(part))?);
        let now = self.clock.monotonic();
        Some((shard, now))
    }

    /// Every shard, locked in order, as it stands at one time.
    fn open_all(&self) -> (Vec<MutexGuard<'_, Shard>>, Mono) {
        let shards = self.shards.iter().map(lock).collect();
        let now = self.clock.monotonic();
        (shards, now)
    }
}

impl Store for MemoryStore {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        Box::pin(async move { Ok(self.row(key)) })
    }

    fn commit<'a>(&'a self, op: OpId, puts: &'a [Put]) -> BoxFuture<'a, Result<Commit, StoreError>> {
        Box::pin(async move { check_puts(puts).map(|()| self.write(op, puts)) })
    }

    fn claim_due<'a>(&'a self, space: &'a Space, max: usize, lease: Duration) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(async move { Ok(self.claim(space, max, lease)) })
    }

    fn page<'a>(&'a self, space: &'a Space, after: Option<&'a Key>, max: usize) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(async move { Ok(self.gather(space, max, |shelf, now| shelf.page(after, max, now))) })
    }

    fn page_due<'a>(
        &'a self,
        space: &'a Space,
        after: Option<&'a Key>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(async move { Ok(self.gather(space, max, |shelf, now| shelf.page_due(after, max, now))) })
    }

    fn depth<'a>(&'a self, space: &'a Space) -> BoxFuture<'a, Result<Depth, StoreError>> {
        Box::pin(async move {
            let (mut shards, now) = self.open_all();
            let depths = shards.iter_mut().filter_map(|shard| shard.shelf(space, now)).map(|shelf| shelf.depth(now));
            Ok(depths.fold(Depth::default(), |all, one| Depth {
                rows: all.rows + one.rows,
                due: all.due + one.due,
                oldest_due: all.oldest_due.max(one.oldest_due),
            }))
        })
    }

    fn spaces(&self) -> BoxFuture<'_, Result<Vec<Space>, StoreError>> {
        Box::pin(async move {
            let (mut shards, now) = self.open_all();
            let shelves = shards.iter_mut().flat_map(|shard| &mut shard.shelves);
            let spaces: BTreeSet<&Space> = shelves
                .filter_map(|(space, shelf)| {
                    shelf.let_pass(now);
                    shelf.holds_rows().then_some(space)
                })
                .collect();
            Ok(spaces.into_iter().cloned().collect())
        })
    }

    fn purge<'a>(&'a self, space: &'a Space, max: usize) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async move {
            for answers in &self.answers {
                let mut answers = lock(answers);
                answers.forget(self.clock.monotonic());
            }
            let (mut shards, now) = self.open_all();
            let mut purged = 0;
            for shard in &mut shards {
                purged += shard.shelf(space, now).map(|shelf| shelf.purge(max - purged)).unwrap_or_default();
                if shard.shelves.get(space).is_some_and(Shelf::is_empty) {
                    shard.shelves.remove(space);
                }
            }
            Ok(purged)
        })
    }

    fn durability(&self) -> Durability {
        Durability::Process
    }
}

impl MemoryStore {
    fn row(&self, key: &Key) -> Option<Row> {
        let (mut shard, now) = self.open(&key.part)?;
        shard.shelf(&key.space, now)?.row(key, now)
    }

    fn write(&self, op: OpId, puts: &[Put]) -> Commit {
        // Copies, so that a small body never keeps a whole receive buffer alive; made before anybody has to wait for them.
        let bodies: Vec<Bytes> = puts.iter().map(|put| Bytes::copy_from_slice(&put.body)).collect();
        let nothing = Commit::Done(Vec::new());
        let Some(mut answers) = pick(&self.answers, u64::try_from(op.0 & 0xff).unwrap_or_default()).map(lock) else {
            return nothing;
        };
        let Some((mut shard, now)) = puts.first().and_then(|put| self.open(&put.key.part)) else { return nothing };
        answers.forget(now);
        if let Some(answer) = answers.get(op) {
            return answer;
        }
        let answer = shard.first_unmet(puts, now).unwrap_or_else(|| self.put(&mut shard, puts, bodies, now));
        drop(shard);
        answers.remember(op, &answer, now);
        answer
    }

    /// The shards' pages, merged by key.
    fn gather(&self, space: &Space, max: usize, page: impl Fn(&mut Shelf, Mono) -> Vec<Row>) -> Vec<Row> {
        let (mut shards, now) = self.open_all();
        let shelves = shards.iter_mut().filter_map(|shard| shard.shelf(space, now));
        let mut rows: Vec<Row> = shelves.flat_map(|shelf| page(shelf, now)).collect();
        rows.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        rows.truncate(max);
        rows
    }

    fn put(&self, shard: &mut Shard, puts: &[Put], bodies: Vec<Bytes>, now: Mono) -> Commit {
        let count = u64::try_from(puts.len()).unwrap_or(u64::MAX);
        let before = self.last_ver.fetch_add(count, Ordering::Relaxed);
        let vers: Vec<u64> = (before + 1..=before + count).collect();
        for ((put, body), ver) in puts.iter().zip(bodies).zip(&vers) {
            let (due, expires) = (put.due_in.map(|time| now + time), put.keep_in.map(|time| now + time));
            shard.shelf_for(&put.key.space).put(&put.key, Held { ver: *ver, tries: 0, due, expires, body });
        }
        Commit::Done(vers)
    }

    /// The shards' due rows, merged by time.
    fn claim(&self, space: &Space, max: usize, lease: Duration) -> Vec<Row> {
        let (mut shards, now) = self.open_all();
        let mut shelves: Vec<&mut Shelf> = shards.iter_mut().filter_map(|shard| shard.shelf(space, now)).collect();
        let mut claimed = Vec::new();
        while claimed.len() < max {
            let oldest = shelves.iter_mut().filter(|shelf| shelf.next_due().is_some()).min_by_key(|shelf| shelf.next_due());
            let Some(shelf) = oldest else { break };
            let ver = self.last_ver.fetch_add(1, Ordering::Relaxed) + 1;
            claimed.extend(shelf.claim(lease, now, ver));
        }
        claimed
    }
}

impl Shard {
    /// The shelf of that space as it stands at `now`.
    fn shelf(&mut self, space: &Space, now: Mono) -> Option<&mut Shelf> {
        let shelf = self.shelves.get_mut(space)?;
        shelf.let_pass(now);
        Some(shelf)
    }

    fn shelf_for(&mut self, space: &Space) -> &mut Shelf {
        self.shelves.entry(space.clone()).or_default()
    }

    fn first_unmet(&mut self, puts: &[Put], now: Mono) -> Option<Commit> {
        puts.iter().enumerate().find_map(|(index, put)| {
            let shelf = self.shelf(&put.key.space, now);
            let current = shelf.as_ref().and_then(|shelf| shelf.ver(&put.key));
            let met = match put.expect {
                Expect::Absent => current.is_none(),
                Expect::Ver(ver) => current == Some(ver),
            };
            (!met).then(|| Commit::Lost { index, current: shelf.and_then(|shelf| shelf.row(&put.key, now)) })
        })
    }
}

fn pick<T>(shards: &[T], hash: u64) -> Option<&T> {
    let count = u64::try_from(shards.len()).ok()?;
    shards.get(usize::try_from(hash % count).ok()?)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AccountRef, Mode};
    use crate::store::conformance::{self, Bench, ManualClock};
    use crate::store::{REMEMBERED, SpaceKind};

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
        assert!(bench.1.answers.iter().all(|answers| lock(answers).is_empty()));
        assert!(bench.1.shards.iter().all(|shard| lock(shard).shelves.is_empty()));
        assert_eq!(bench.1.last_ver.load(Ordering::Relaxed), 100);
    }
}
