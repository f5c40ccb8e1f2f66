//! The line of commits: who waits while all lanes are busy shares the next transaction, led by one of those who wait.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use paysluice::store::{Commit, OpId, Put};
use tokio::sync::{Semaphore, oneshot};

use crate::errors::{Failure, Outcome};

/// A commit in line, and who waits for its answer.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) op: OpId,
    pub(crate) puts: Vec<Put>,
    caller: oneshot::Sender<Outcome<Commit>>,
}

impl Waiting {
    /// Tells the answer; a caller that has gone away does not undo what it asked for.
    pub(crate) fn tell(self, answer: Outcome<Commit>) {
        let _ = self.caller.send(answer);
    }
}

/// Commits that wait, and the lanes that take them away.
#[derive(Debug)]
pub(crate) struct Line {
    waiting: Mutex<VecDeque<Waiting>>,
    lanes: Semaphore,
    most: usize,
    group: usize,
}

impl Line {
    pub(crate) fn new(lanes: usize, most: usize, group: usize) -> Self {
        let (waiting, lanes) = (Mutex::default(), Semaphore::new(lanes.max(1)));
        Self { waiting, lanes, most: most.max(1), group: group.max(1) }
    }

    /// The answer to a commit: made by whoever leads the group it lands in, which may be this caller.
    ///
    /// `lead` takes a group to the server and tells each its answer. When a leader's caller goes away in the midst, those of its
    /// group line up again: a commit may be asked twice, its name makes it one.
    pub(crate) async fn commit<F: Future<Output = ()>>(
        &self,
        op: OpId,
        puts: &[Put],
        lead: impl Fn(Vec<Waiting>) -> F,
    ) -> Outcome<Commit> {
        loop {
            let mut answer = self.join(op, puts)?;
            loop {
                tokio::select! {
                    biased;
                    told = &mut answer => match told {
                        Ok(answer) => return answer,
                        Err(_) => break,
                    },
                    lane = self.lanes.acquire() => {
                        let group = self.next();
                        if group.is_empty() {
                            // Ours is on its way in another lane.
                            drop(lane);
                            match answer.await {
                                Ok(answer) => return answer,
                                Err(_) => break,
                            }
                        }
                        lead(group).await;
                    }
                }
            }
        }
    }

    fn join(&self, op: OpId, puts: &[Put]) -> Outcome<oneshot::Receiver<Outcome<Commit>>> {
        let (caller, answer) = oneshot::channel();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= self.most {
            return Err(Failure::unavailable("the line of commits is full; nothing was done"));
        }
        waiting.push_back(Waiting { op, puts: puts.to_vec(), caller });
        Ok(answer)
    }

    /// The first of each part and name, in order; the others keep their places. Who has gone away is not served.
    fn next(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut group, mut left) = (Vec::new(), VecDeque::new());
        let (mut parts, mut ops) = (HashSet::new(), HashSet::new());
        while let Some(commit) = waiting.pop_front() {
            if commit.caller.is_closed() {
                continue;
            }
            let part = commit.puts.first().map(|put| (put.key.space.account.clone(), put.key.part.clone()));
            if !ops.contains(&commit.op) && !parts.contains(&part) {
                ops.insert(commit.op);
                parts.insert(part);
                group.push(commit);
            } else {
                // Whatever comes later of this part must stay behind it.
                left.push_back(commit);
            }
            if group.len() >= self.group {
                break;
            }
        }
        left.append(&mut waiting);
        *waiting = left;
        group
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use paysluice::model::{AccountRef, Mode};
    use paysluice::store::{Expect, Key, Space, SpaceKind};

    use super::*;

    fn put(part: &str) -> Put {
        let space = Space::new(SpaceKind::Order, &AccountRef::new("p", Mode::Test, "m").unwrap());
        let key = Key { space, part: part.into(), id: "x".into() };
        Put { key, expect: Expect::Absent, due_in: None, keep_in: None, body: bytes::Bytes::new() }
    }

    fn ops(group: &[Waiting]) -> Vec<u128> {
        group.iter().map(|commit| commit.op.0).collect()
    }

    #[test]
    fn a_group_holds_each_part_once_and_keeps_the_others_in_order() {
        let line = Line::new(1, 9, 3);
        let _callers: Vec<_> =
            ["a", "b", "a", "c", "a", "d"].iter().zip(0..).map(|(part, op)| line.join(OpId(op), &[put(part)]).unwrap()).collect();
        assert_eq!(ops(&line.next()), [0, 1, 3]);
        assert_eq!(ops(&line.next()), [2, 5]);
        assert_eq!(ops(&line.next()), [4]);
        assert_eq!(ops(&line.next()), [0; 0]);
    }

    #[test]
    fn a_full_line_refuses_at_once_and_who_went_away_is_not_served() {
        let line = Line::new(1, 2, 9);
        let (gone, stays) = (line.join(OpId(1), &[put("a")]).unwrap(), line.join(OpId(2), &[put("b")]).unwrap());
        assert!(line.join(OpId(3), &[put("c")]).is_err());
        drop(gone);
        assert_eq!(ops(&line.next()), [2]);
        drop(stays);
    }

    #[tokio::test]
    async fn when_a_leader_goes_away_its_group_is_asked_again() {
        let line = Arc::new(Line::new(1, 9, 9));
        let puts = [put("a")];
        let mut abandoned = Box::pin(line.commit(OpId(1), &puts, |_| std::future::pending()));
        let follower = line.clone();
        let follows = tokio::task::JoinSet::from_iter([async move {
            let lead = |group: Vec<Waiting>| async {
                for one in group {
                    one.tell(Ok(Commit::Done(vec![7])));
                }
            };
            follower.commit(OpId(2), &[put("b")], lead).await
        }]);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(abandoned.as_mut().poll(&mut context).is_pending());
        drop(abandoned);
        assert_eq!(follows.join_all().await.pop().unwrap().unwrap(), Commit::Done(vec![7]));
    }
}
