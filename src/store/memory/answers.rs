//! What commits were answered, remembered by their names.

use std::collections::{HashMap, VecDeque};

use super::super::{Commit, OpId, REMEMBERED};
use crate::env::Mono;

/// Answers, and in which order they go.
#[derive(Debug, Default)]
pub(super) struct Answers {
    by_op: HashMap<OpId, Answer>,
    given: VecDeque<(Mono, OpId)>,
}

/// An answer in little room, since each is kept for an hour.
#[derive(Debug)]
enum Answer {
    /// Done: the versions of one commit follow each other.
    Done { first: u64, count: u64 },
    /// Anything else.
    Other(Box<Commit>),
}

impl Answers {
    /// What was answered to that commit.
    pub(super) fn get(&self, op: OpId) -> Option<Commit> {
        self.by_op.get(&op).map(|answer| match answer {
            Answer::Done { first, count } => Commit::Done((*first..*first + *count).collect()),
            Answer::Other(commit) => Commit::clone(commit),
        })
    }

    pub(super) fn remember(&mut self, op: OpId, commit: &Commit, now: Mono) {
        let answer = match commit {
            Commit::Done(vers) => Answer::Done {
                first: vers.first().copied().unwrap_or_default(),
                count: u64::try_from(vers.len()).unwrap_or_default(),
            },
            lost @ Commit::Lost { .. } => Answer::Other(Box::new(lost.clone())),
        };
        self.by_op.insert(op, answer);
        self.given.push_back((now, op));
    }

    /// Forgets what was answered long enough ago.
    pub(super) fn forget(&mut self, now: Mono) {
        while let Some((_, op)) = self.given.pop_front_if(|(at, _)| now.since(*at) > REMEMBERED) {
            self.by_op.remove(&op);
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.by_op.is_empty() && self.given.is_empty()
    }
}
