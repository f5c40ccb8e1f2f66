//! Rows between the table and the trait.

use bytes::Bytes;
use paysluice::store::{Key, Put, Row, Space};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use crate::errors::{Failure, Outcome};
use crate::instant::Now;

/// The visible row of that name.
pub(crate) fn get(connection: &Connection, key: &Key, now: Now) -> Outcome<Option<Row>> {
    let mut select = connection.prepare_cached(
        "SELECT ver, tries, due_ms, body FROM rows
         WHERE kind = ?1 AND account = ?2 AND part = ?3 AND id = ?4 AND (keep_ms IS NULL OR keep_ms > ?5)",
    )?;
    let account = key.space.account.to_string();
    let found = select
        .query_row(params![key.space.kind.name(), account, key.part, key.id, now.ms()], |row| {
            Ok(Stored { ver: row.get(0)?, tries: row.get(1)?, due_ms: row.get(2)?, body: row.get(3)? })
        })
        .optional()?;
    found.map(|stored| stored.into_row(key.clone(), now)).transpose()
}

/// The version of the visible row of that name, without its body.
pub(crate) fn version(connection: &Connection, key: &Key, now: Now) -> Outcome<Option<u64>> {
    let mut select = connection.prepare_cached(
        "SELECT ver FROM rows
         WHERE kind = ?1 AND account = ?2 AND part = ?3 AND id = ?4 AND (keep_ms IS NULL OR keep_ms > ?5)",
    )?;
    let account = key.space.account.to_string();
    let ver: Option<i64> =
        select.query_row(params![key.space.kind.name(), account, key.part, key.id, now.ms()], |row| row.get(0)).optional()?;
    ver.map(|ver| unsigned("version", ver)).transpose()
}

/// Writes a row over whatever stands there.
pub(crate) fn write(connection: &Connection, put: &Put, ver: u64, now: Now) -> Outcome<()> {
    let mut upsert = connection.prepare_cached(
        "INSERT INTO rows (kind, account, part, id, ver, tries, due_ms, keep_ms, body)
         VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?8)
         ON CONFLICT (kind, account, part, id) DO UPDATE
         SET ver = excluded.ver, tries = 0, due_ms = excluded.due_ms, keep_ms = excluded.keep_ms, body = excluded.body",
    )?;
    let Key { space, part, id } = &put.key;
    let (due, keep) = (put.due_in.map(|time| now.plus(time)), put.keep_in.map(|time| now.plus(time)));
    upsert.execute(params![space.kind.name(), space.account.to_string(), part, id, signed(ver)?, due, keep, &put.body[..]])?;
    Ok(())
}

/// Up to `max` visible rows after that part and id.
pub(crate) fn page(connection: &Connection, space: &Space, after: Option<&Key>, max: usize, now: Now) -> Outcome<Vec<Row>> {
    let select = connection.prepare_cached(
        "SELECT part, id, ver, tries, due_ms, body FROM rows
         WHERE kind = ?1 AND account = ?2 AND (part, id) > (?3, ?4) AND (keep_ms IS NULL OR keep_ms > ?5)
         ORDER BY part, id LIMIT ?6",
    )?;
    read(select, space, place(after), max, now)
}

/// By the partial index of names: its predicate must stand here as it stands there.
pub(crate) const PAGE_DUE: &str = "SELECT part, id, ver, tries, due_ms, body FROM rows
    WHERE kind = ?1 AND account = ?2 AND (part, id) > (?3, ?4) AND due_ms IS NOT NULL AND (keep_ms IS NULL OR keep_ms > ?5)
    ORDER BY part, id LIMIT ?6";

/// Up to `max` visible rows after that part and id that are or will be due.
pub(crate) fn page_due(connection: &Connection, space: &Space, after: Option<&Key>, max: usize, now: Now) -> Outcome<Vec<Row>> {
    read(connection.prepare_cached(PAGE_DUE)?, space, place(after), max, now)
}

/// Parts and ids are never empty, so that the empty pair comes before all.
fn place(after: Option<&Key>) -> (&str, &str) {
    after.map_or(("", ""), |key| (&key.part, &key.id))
}

fn read(mut select: CachedStatement<'_>, space: &Space, after: (&str, &str), max: usize, now: Now) -> Outcome<Vec<Row>> {
    let account = space.account.to_string();
    let mut rows = select.query(params![space.kind.name(), account, after.0, after.1, now.ms(), limit(max)])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        let key = Key { space: space.clone(), part: row.get(0)?, id: row.get(1)? };
        let stored = Stored { ver: row.get(2)?, tries: row.get(3)?, due_ms: row.get(4)?, body: row.get(5)? };
        page.push(stored.into_row(key, now)?);
    }
    Ok(page)
}

/// The columns of a row as SQLite has them.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) ver: i64,
    pub(crate) tries: i64,
    pub(crate) due_ms: Option<i64>,
    pub(crate) body: Vec<u8>,
}

impl Stored {
    pub(crate) fn into_row(self, key: Key, now: Now) -> Outcome<Row> {
        let tries = u32::try_from(self.tries).map_err(|_| Failure::corrupt(format!("a row has {} tries", self.tries)))?;
        let due_in = self.due_ms.map(|ms| now.until(ms));
        Ok(Row { key, ver: unsigned("version", self.ver)?, tries, due_in, body: Bytes::from(self.body) })
    }
}

/// SQLite has no unsigned 64-bit integers; a negative one where none can be is corruption.
pub(crate) fn unsigned(what: &str, value: i64) -> Outcome<u64> {
    u64::try_from(value).map_err(|_| Failure::corrupt(format!("a {what} is {value}")))
}

pub(crate) fn signed(value: u64) -> Outcome<i64> {
    i64::try_from(value).map_err(|_| Failure::corrupt("versions are used up"))
}

pub(crate) fn limit(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}
