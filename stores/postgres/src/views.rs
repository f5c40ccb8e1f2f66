//! What operators ask: how much a space holds, and which spaces there are.

use paysluice::model::AccountRef;
use paysluice::store::{Depth, Space, SpaceKind};
use tokio_postgres::Row;

use crate::errors::{Failure, Outcome};
use crate::micros;
use crate::rows::unsigned;

/// Counts on the indexes, without reading a body.
pub(crate) const DEPTH: &str = "WITH t AS MATERIALIZED (SELECT {schema}.clock() AS now),
due AS MATERIALIZED (
    SELECT count(*) AS n, min(due) AS oldest FROM {schema}.rows
    WHERE kind = $1 AND account = $2 AND due <= (SELECT now FROM t) AND (keep IS NULL OR keep > (SELECT now FROM t)))
SELECT (SELECT count(*) FROM {schema}.rows WHERE kind = $1 AND account = $2)
     - (SELECT count(*) FROM {schema}.rows WHERE kind = $1 AND account = $2 AND keep <= (SELECT now FROM t)),
    due.n, (extract(epoch FROM (SELECT now FROM t) - due.oldest) * 1000000)::bigint
FROM due";

/// The spaces with a visible row, found by leaping from space to space on the primary key.
pub(crate) const SPACES: &str = "WITH RECURSIVE t AS MATERIALIZED (SELECT {schema}.clock() AS now),
space AS (
    (SELECT kind, account FROM {schema}.rows ORDER BY kind, account LIMIT 1)
    UNION ALL
    SELECT next.kind, next.account FROM space, LATERAL (
        SELECT r.kind, r.account FROM {schema}.rows AS r WHERE (r.kind, r.account) > (space.kind, space.account)
        ORDER BY r.kind, r.account LIMIT 1) AS next)
SELECT kind, account FROM space WHERE EXISTS (
    SELECT 1 FROM {schema}.rows AS r
    WHERE r.kind = space.kind AND r.account = space.account AND (r.keep IS NULL OR r.keep > (SELECT now FROM t)))";

pub(crate) fn depth(found: &[Row]) -> Outcome<Depth> {
    let Some(row) = found.first() else { return Err(Failure::corrupt("a count gave no answer")) };
    let oldest: Option<i64> = row.try_get(2)?;
    Ok(Depth {
        rows: unsigned("count", row.try_get(0)?)?,
        due: unsigned("count", row.try_get(1)?)?,
        oldest_due: oldest.map(micros::time),
    })
}

pub(crate) fn space(row: &Row) -> Outcome<Space> {
    named(row.try_get(0)?, row.try_get(1)?)
}

pub(crate) fn named(kind: &str, account: &str) -> Outcome<Space> {
    let unreadable = || Failure::corrupt(format!("no space is named {kind:?} of {account:?}"));
    let account: AccountRef = account.parse().map_err(|_| unreadable())?;
    Ok(Space { kind: SpaceKind::named(kind).ok_or_else(unreadable)?, account })
}
