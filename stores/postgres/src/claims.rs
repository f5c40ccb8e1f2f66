//! Claims of due rows, which remember where the last one began, and the statements that remove what is over.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use paysluice::store::{Key, Row, Space};

use crate::errors::{Failure, Outcome};
use crate::rows;

pub(crate) const CLAIM: &str = "SELECT out_part, out_id, out_ver, out_tries, out_was_due, out_body
FROM {schema}.claim($1, $2, $3, $4, $5)";

/// Removes expired rows that nobody holds; a writer never waits for more than one batch.
pub(crate) const PURGE: &str = "WITH gone AS MATERIALIZED (
    SELECT kind, account, part, id FROM {schema}.rows
    WHERE kind = $1 AND account = $2 AND keep <= (SELECT {schema}.clock()) ORDER BY keep LIMIT $3 FOR UPDATE SKIP LOCKED),
removed AS (
    DELETE FROM {schema}.rows AS r USING gone
    WHERE r.kind = gone.kind AND r.account = gone.account AND r.part = gone.part AND r.id = gone.id RETURNING 1)
SELECT count(*) FROM removed";

/// Removes answers of commits that are past their time: twice what is promised, because a server's clock may be set forward.
pub(crate) const FORGET: &str = "WITH gone AS MATERIALIZED (
    SELECT op FROM {schema}.ops WHERE at < (SELECT {schema}.clock()) - interval '2 hours' ORDER BY at LIMIT $1 FOR UPDATE SKIP LOCKED),
removed AS (DELETE FROM {schema}.ops AS o USING gone WHERE o.op = gone.op RETURNING 1)
SELECT count(*) FROM removed";

/// Most rows, or answers, that one statement removes.
pub(crate) const BATCH: usize = 1000;

/// How far below the last claim's first row the next one begins: longer than a commit can take between its time and its end.
const SLACK: Duration = Duration::from_secs(10);

/// How often a claim looks from the very beginning, for what an application's own long transaction put below.
const SWEEP: Duration = Duration::from_secs(30);

/// Where the next claim of each space begins. All times are the server's.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    by_space: Mutex<HashMap<Space, Mark>>,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    low: SystemTime,
    seen: SystemTime,
    swept: SystemTime,
}

impl Marks {
    /// From where the next claim looks; `None` is from the very beginning.
    pub(crate) fn low(&self, space: &Space) -> Option<SystemTime> {
        let by_space = self.by_space.lock().unwrap_or_else(PoisonError::into_inner);
        let mark = by_space.get(space)?;
        let is_stale = mark.seen.duration_since(mark.swept).is_ok_and(|time| time >= SWEEP);
        // A clock that went back makes all marks worthless.
        (!is_stale && mark.seen >= mark.swept).then(|| mark.low.checked_sub(SLACK)).flatten()
    }

    fn learn(&self, space: &Space, began: Option<SystemTime>, low: SystemTime, now: SystemTime) {
        let mut by_space = self.by_space.lock().unwrap_or_else(PoisonError::into_inner);
        let swept = match (began, by_space.get(space)) {
            (Some(_), Some(mark)) => mark.swept,
            _ => now,
        };
        by_space.insert(space.clone(), Mark { low, seen: now, swept });
    }

    /// The rows of a claim that began at `began`, the longest due first.
    pub(crate) fn claimed(
        &self,
        space: &Space,
        began: Option<SystemTime>,
        lease: Duration,
        found: &[tokio_postgres::Row],
    ) -> Outcome<Vec<Row>> {
        let (mut claimed, mut now) = (Vec::with_capacity(found.len()), None);
        for row in found {
            let was_due: SystemTime = row.try_get(4)?;
            match row.try_get(1)? {
                None => now = Some(was_due),
                Some(id) => claimed.push((was_due, read(space, id, lease, row)?)),
            }
        }
        let now = now.ok_or_else(|| Failure::corrupt("a claim told no time"))?;
        claimed.sort_by_key(|(was_due, row)| (*was_due, row.ver));
        self.learn(space, began, claimed.first().map_or(now, |(was_due, _)| *was_due), now);
        Ok(claimed.into_iter().map(|(_, row)| row).collect())
    }
}

fn read(space: &Space, id: String, lease: Duration, row: &tokio_postgres::Row) -> Outcome<Row> {
    let body: Vec<u8> = row.try_get(5)?;
    Ok(Row {
        key: Key { space: space.clone(), part: row.try_get(0)?, id },
        ver: rows::unsigned("version", row.try_get(2)?)?,
        tries: rows::tries(row.try_get(3)?)?,
        due_in: Some(lease),
        body: Bytes::from(body),
    })
}

#[cfg(test)]
mod tests {
    use paysluice::model::{AccountRef, Mode};
    use paysluice::store::SpaceKind;

    use super::*;

    fn at(secs: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(secs)
    }

    #[test]
    fn a_claim_begins_a_little_below_the_last_and_now_and_then_at_the_beginning() {
        let space = Space::new(SpaceKind::Intent, &AccountRef::new("p", Mode::Test, "m").unwrap());
        let marks = Marks::default();
        assert_eq!(marks.low(&space), None);
        marks.learn(&space, None, at(1000), at(1000));
        assert_eq!(marks.low(&space), Some(at(990)));
        marks.learn(&space, Some(at(990)), at(1020), at(1029));
        assert_eq!(marks.low(&space), Some(at(1010)));
        marks.learn(&space, Some(at(1010)), at(1030), at(1030));
        assert_eq!(marks.low(&space), None);
        marks.learn(&space, None, at(1005), at(1031));
        assert_eq!(marks.low(&space), Some(at(995)));
        marks.learn(&space, Some(at(995)), at(900), at(900));
        assert_eq!(marks.low(&space), None);
    }
}
