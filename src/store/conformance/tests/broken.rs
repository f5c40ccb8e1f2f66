//! A memory store with one fault, of the kinds that stores in the field have had.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::ground::new_op;
use crate::env::BoxFuture;
use crate::store::{Commit, Depth, Durability, Expect, Key, MemoryStore, OpId, Put, Row, Space, Store, StoreError, check_puts};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    ChecksThenWrites,
    IgnoresVersions,
    WritesOneByOne,
    KeepsBodiesAsText,
    RefusesNothing,
    ForgetsOps,
    ForgetsLostOps,
    LosesWhatIsLeft,
    LeasesNothing,
    KeepsOldDue,
    ClaimKeepsVersion,
    NewestFirst,
    CountsNoTries,
    ClaimsOneMore,
    ExpiredStillCounts,
    VersionsBeginAgain,
    PurgesAll,
    PagesSkip,
    DuePagesAreAll,
    DuePagesAreNow,
    DuePagesByTime,
    TimesByTheClient,
    DepthIsAllDue,
    SubsAreOne,
}

#[derive(Debug)]
pub(super) struct Broken {
    inner: Arc<MemoryStore>,
    fault: Option<Fault>,
    seen: Arc<Mutex<Seen>>,
    /// By how many seconds this client's clock is wrong.
    wrong_by: i64,
}

#[derive(Debug, Default)]
struct Seen {
    keys: BTreeSet<Key>,
    lost: BTreeSet<OpId>,
    /// How far below its true version each row is shown.
    below: BTreeMap<Key, u64>,
}

impl Broken {
    pub(super) fn new(inner: MemoryStore, fault: Option<Fault>) -> Self {
        Self { inner: Arc::new(inner), fault, seen: Arc::default(), wrong_by: 0 }
    }

    /// The same store through a client whose clock is wrong.
    pub(super) fn of_client(&self, wrong_by: i64) -> Self {
        Self { inner: self.inner.clone(), fault: self.fault, seen: self.seen.clone(), wrong_by }
    }

    /// A time that was put, as this client counts it.
    fn counted(&self, time: Option<Duration>) -> Option<Duration> {
        let wrong_by = Duration::from_secs(self.wrong_by.unsigned_abs());
        match time {
            Some(time) if self.has(Fault::TimesByTheClient) && self.wrong_by > 0 => Some(time + wrong_by),
            Some(time) if self.has(Fault::TimesByTheClient) => Some(time.saturating_sub(wrong_by)),
            time => time,
        }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn shown(&self, mut row: Row) -> Row {
        row.ver -= self.seen.lock().unwrap().below.get(&row.key).copied().unwrap_or(0);
        if self.has(Fault::CountsNoTries) {
            row.tries = 0;
        }
        row
    }

    async fn bent(&self, put: &Put) -> Result<Put, StoreError> {
        let mut put = put.clone();
        put.key = self.bent_key(&put.key);
        (put.due_in, put.keep_in) = (self.counted(put.due_in), self.counted(put.keep_in));
        if self.has(Fault::KeepsBodiesAsText) {
            put.body = String::from_utf8_lossy(&put.body).into_owned().into();
        }
        if let Expect::Ver(ver) = &mut put.expect {
            *ver += self.seen.lock().unwrap().below.get(&put.key).copied().unwrap_or(0);
        }
        let current = self.inner.get(&put.key).await?;
        if self.has(Fault::KeepsOldDue) && put.due_in.is_none() {
            put.due_in = current.as_ref().and_then(|row| row.due_in);
        }
        if self.has(Fault::IgnoresVersions)
            && let (Expect::Ver(ver), Some(row)) = (&mut put.expect, &current)
        {
            *ver = row.ver;
        }
        if self.has(Fault::ChecksThenWrites) {
            put.expect = self.checked_then_overwritten(&put, current).await?;
        }
        Ok(put)
    }

    /// Compares, lets others go first, and then writes over whatever is there.
    async fn checked_then_overwritten(&self, put: &Put, current: Option<Row>) -> Result<Expect, StoreError> {
        let met = match put.expect {
            Expect::Absent => current.is_none(),
            Expect::Ver(ver) => current.is_some_and(|row| row.ver == ver),
        };
        tokio::task::yield_now().await;
        let now = self.inner.get(&put.key).await?;
        Ok(if met { now.map_or(Expect::Absent, |row| Expect::Ver(row.ver)) } else { put.expect })
    }

    fn bent_key(&self, key: &Key) -> Key {
        Key { space: self.bent_space(&key.space), ..key.clone() }
    }

    fn bent_space(&self, space: &Space) -> Space {
        let text = space.account.to_string();
        match text.strip_suffix(":sub") {
            Some(parent) if self.has(Fault::SubsAreOne) => Space::new(space.kind, &parent.parse().unwrap()),
            _ => space.clone(),
        }
    }

    async fn bent_commit(&self, op: OpId, puts: &[Put]) -> Result<Commit, StoreError> {
        if self.has(Fault::RefusesNothing) && check_puts(puts).is_err() {
            return Ok(Commit::Done(vec![]));
        }
        let forgets = self.has(Fault::ForgetsOps) || self.seen.lock().unwrap().lost.contains(&op);
        let op = if forgets { new_op() } else { op };
        let mut bent = Vec::new();
        for put in puts {
            let kept = self.seen.lock().unwrap().keys.contains(&put.key);
            if self.has(Fault::ExpiredStillCounts) && put.expect == Expect::Absent && kept {
                return Ok(Commit::Lost { index: bent.len(), current: None });
            }
            bent.push(self.bent(put).await?);
        }
        if self.has(Fault::WritesOneByOne) { self.one_by_one(&bent).await } else { self.inner.commit(op, &bent).await }
    }

    async fn one_by_one(&self, puts: &[Put]) -> Result<Commit, StoreError> {
        let mut vers = Vec::new();
        for (index, put) in puts.iter().enumerate() {
            match self.inner.commit(new_op(), std::slice::from_ref(put)).await? {
                Commit::Done(ver) => vers.extend(ver),
                Commit::Lost { current, .. } => return Ok(Commit::Lost { index, current }),
            }
            tokio::task::yield_now().await;
        }
        Ok(Commit::Done(vers))
    }

    /// Takes the rows out of the queue, and puts them back with their lease only if the claimer is still there.
    async fn held_until_told(&self, rows: &[Row]) -> Result<(), StoreError> {
        for row in rows {
            let out =
                Put { key: row.key.clone(), expect: Expect::Ver(row.ver), due_in: None, keep_in: None, body: row.body.clone() };
            let Commit::Done(vers) = self.inner.commit(new_op(), std::slice::from_ref(&out)).await? else { continue };
            tokio::task::yield_now().await;
            let back = Put { expect: Expect::Ver(vers[0]), due_in: row.due_in, ..out };
            self.inner.commit(new_op(), &[back]).await?;
        }
        Ok(())
    }

    /// A page in the order of times, which claims and puts change.
    async fn by_time(&self, space: &Space, after: Option<&Key>, max: usize) -> Result<Vec<Row>, StoreError> {
        let mut rows = self.inner.page_due(space, None, usize::MAX).await?;
        rows.sort_by_key(|row| row.due_in);
        let begin = after.and_then(|after| rows.iter().position(|row| row.key == *after)).map_or(0, |at| at + 1);
        Ok(rows.into_iter().skip(begin).take(max).collect())
    }

    fn learn(&self, op: OpId, puts: &[Put], answer: &mut Commit) {
        let mut seen = self.seen.lock().unwrap();
        match answer {
            Commit::Lost { .. } if self.has(Fault::ForgetsLostOps) => drop(seen.lost.insert(op)),
            Commit::Lost { .. } => {}
            Commit::Done(vers) => {
                for (put, ver) in puts.iter().zip(vers) {
                    seen.keys.insert(put.key.clone());
                    if self.has(Fault::ClaimKeepsVersion) {
                        seen.below.remove(&put.key);
                    }
                    if self.has(Fault::VersionsBeginAgain) && put.expect == Expect::Absent {
                        seen.below.insert(put.key.clone(), *ver - 1);
                    }
                    *ver -= seen.below.get(&put.key).copied().unwrap_or(0);
                }
            }
        }
    }
}

impl Store for Broken {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        Box::pin(async move { Ok(self.inner.get(&self.bent_key(key)).await?.map(|row| self.shown(row))) })
    }

    fn commit<'a>(&'a self, op: OpId, puts: &'a [Put]) -> BoxFuture<'a, Result<Commit, StoreError>> {
        Box::pin(async move {
            let mut answer = self.bent_commit(op, puts).await?;
            self.learn(op, puts, &mut answer);
            Ok(match answer {
                Commit::Lost { index, current } => Commit::Lost { index, current: current.map(|row| self.shown(row)) },
                done @ Commit::Done(_) => done,
            })
        })
    }

    fn claim_due<'a>(&'a self, space: &'a Space, max: usize, lease: Duration) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(async move {
            let max = if self.has(Fault::ClaimsOneMore) { max + 1 } else { max };
            let lease = if self.has(Fault::LeasesNothing) { Duration::ZERO } else { lease };
            let before = self.inner.page(space, None, usize::MAX).await?;
            let mut rows = self.inner.claim_due(&self.bent_space(space), max, lease).await?;
            if self.has(Fault::LosesWhatIsLeft) {
                self.held_until_told(&rows).await?;
            }
            if self.has(Fault::ClaimKeepsVersion) {
                let mut seen = self.seen.lock().unwrap();
                for row in &rows {
                    let was = before.iter().find(|before| before.key == row.key).map_or(0, |before| before.ver);
                    *seen.below.entry(row.key.clone()).or_default() += row.ver - was;
                }
            }
            if self.has(Fault::NewestFirst) {
                rows.reverse();
            }
            Ok(rows.into_iter().map(|row| self.shown(row)).collect())
        })
    }

    fn page<'a>(&'a self, space: &'a Space, after: Option<&'a Key>, max: usize) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(async move {
            let mut rows = self.inner.page(&self.bent_space(space), after, max).await?;
            if self.has(Fault::PagesSkip) && after.is_some() {
                rows.pop();
            }
            Ok(rows.into_iter().map(|row| self.shown(row)).collect())
        })
    }

    fn page_due<'a>(
        &'a self,
        space: &'a Space,
        after: Option<&'a Key>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(async move {
            let space = self.bent_space(space);
            let mut rows = match self.fault {
                Some(Fault::DuePagesAreAll) => self.inner.page(&space, after, max).await?,
                Some(Fault::DuePagesByTime) => self.by_time(&space, after, max).await?,
                _ => self.inner.page_due(&space, after, max).await?,
            };
            rows.retain(|row| !self.has(Fault::DuePagesAreNow) || row.due_in == Some(Duration::ZERO));
            Ok(rows.into_iter().map(|row| self.shown(row)).collect())
        })
    }

    fn depth<'a>(&'a self, space: &'a Space) -> BoxFuture<'a, Result<Depth, StoreError>> {
        Box::pin(async move {
            let depth = self.inner.depth(&self.bent_space(space)).await?;
            Ok(if self.has(Fault::DepthIsAllDue) { Depth { due: depth.rows, ..depth } } else { depth })
        })
    }

    fn spaces(&self) -> BoxFuture<'_, Result<Vec<Space>, StoreError>> {
        self.inner.spaces()
    }

    fn purge<'a>(&'a self, space: &'a Space, max: usize) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async move {
            let max = if self.has(Fault::PurgesAll) { usize::MAX } else { max };
            self.inner.purge(&self.bent_space(space), max).await
        })
    }

    fn durability(&self) -> Durability {
        self.inner.durability()
    }
}
