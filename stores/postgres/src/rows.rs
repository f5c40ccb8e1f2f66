//! Rows between the table and the trait: one by its key, or a page of a space or of what is due in it.

use bytes::Bytes;
use paysluice::store::{Key, Row, Space};

use crate::errors::{Failure, Outcome};
use crate::micros;

pub(crate) const GET: &str = "SELECT r.part, r.id, r.ver, r.tries, (extract(epoch FROM r.due - t.now) * 1000000)::bigint,
    coalesce(r.raw, convert_to(r.body::text, 'UTF8'))
FROM (SELECT {schema}.clock() AS now OFFSET 0) AS t, {schema}.rows AS r
WHERE r.kind = $1 AND r.account = $2 AND r.part = $3 AND r.id = $4 AND (r.keep IS NULL OR r.keep > t.now)";

pub(crate) const PAGE: &str = "SELECT r.part, r.id, r.ver, r.tries, (extract(epoch FROM r.due - t.now) * 1000000)::bigint,
    coalesce(r.raw, convert_to(r.body::text, 'UTF8'))
FROM (SELECT {schema}.clock() AS now OFFSET 0) AS t, {schema}.rows AS r
WHERE r.kind = $1 AND r.account = $2 AND (r.part, r.id) > ($3, $4) AND (r.keep IS NULL OR r.keep > t.now)
ORDER BY r.part, r.id LIMIT $5";

/// By the partial index of names, which holds only what is or will be due.
pub(crate) const PAGE_DUE: &str = "SELECT r.part, r.id, r.ver, r.tries, (extract(epoch FROM r.due - t.now) * 1000000)::bigint,
    coalesce(r.raw, convert_to(r.body::text, 'UTF8'))
FROM (SELECT {schema}.clock() AS now OFFSET 0) AS t, {schema}.rows AS r
WHERE r.kind = $1 AND r.account = $2 AND (r.part, r.id) > ($3, $4) AND r.due IS NOT NULL AND (r.keep IS NULL OR r.keep > t.now)
ORDER BY r.part, r.id LIMIT $5";

/// A row of [`GET`] or of a page.
pub(crate) fn row(space: &Space, found: &tokio_postgres::Row) -> Outcome<Row> {
    let key = Key { space: space.clone(), part: found.try_get(0)?, id: found.try_get(1)? };
    let due_in: Option<i64> = found.try_get(4)?;
    let body: Vec<u8> = found.try_get(5)?;
    Ok(Row {
        key,
        ver: unsigned("version", found.try_get(2)?)?,
        tries: tries(found.try_get(3)?)?,
        due_in: due_in.map(micros::time),
        body: Bytes::from(body),
    })
}

pub(crate) fn tries(value: i64) -> Outcome<u32> {
    u32::try_from(value).map_err(|_| Failure::corrupt(format!("a row has {value} tries")))
}

/// PostgreSQL has no unsigned integers; a negative one where none can be is corruption.
pub(crate) fn unsigned(what: &str, value: i64) -> Outcome<u64> {
    u64::try_from(value).map_err(|_| Failure::corrupt(format!("a {what} is {value}")))
}

pub(crate) fn limit(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}
