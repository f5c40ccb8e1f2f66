//! Claims of due rows and the purge of expired ones, within a transaction.

use std::time::Duration;

use paysluice::store::{Key, Row, Space};
use rusqlite::{Connection, params};

use crate::answers;
use crate::commits::Versions;
use crate::errors::Outcome;
use crate::instant::Now;
use crate::rows::{self, Stored};

/// Takes up to `max` due rows, the longest due first.
pub(crate) fn claim(
    connection: &Connection,
    space: &Space,
    max: usize,
    lease: Duration,
    versions: &mut Versions,
    now: Now,
) -> Outcome<Vec<Row>> {
    let until = now.plus(lease);
    let mut update = connection.prepare_cached("UPDATE rows SET ver = ?2, tries = ?3, due_ms = ?4 WHERE rowid = ?1")?;
    let mut claimed = Vec::new();
    for (rowid, key, stored) in due(connection, space, max, now)? {
        let ver = versions.next();
        let tries = stored.tries.saturating_add(1).min(u32::MAX.into());
        update.execute(params![rowid, rows::signed(ver)?, tries, until])?;
        let stored = Stored { ver: rows::signed(ver)?, tries, due_ms: Some(until), body: stored.body };
        claimed.push(stored.into_row(key, now)?);
    }
    Ok(claimed)
}

/// By the index of due times, whose order is that of the rows wanted.
pub(crate) const DUE: &str = "SELECT rowid, part, id, ver, tries, due_ms, body FROM rows
    WHERE kind = ?1 AND account = ?2 AND due_ms <= ?3 AND (keep_ms IS NULL OR keep_ms > ?3)
    ORDER BY due_ms, ver LIMIT ?4";

/// The due rows, all read before any is written: an update moves rows within the index that the query walks.
fn due(connection: &Connection, space: &Space, max: usize, now: Now) -> Outcome<Vec<(i64, Key, Stored)>> {
    let mut select = connection.prepare_cached(DUE)?;
    let mut found = select.query(params![space.kind.name(), space.account.to_string(), now.ms(), rows::limit(max)])?;
    let mut due = Vec::new();
    while let Some(row) = found.next()? {
        let key = Key { space: space.clone(), part: row.get(1)?, id: row.get(2)? };
        let stored = Stored { ver: row.get(3)?, tries: row.get(4)?, due_ms: row.get(5)?, body: row.get(6)? };
        due.push((row.get(0)?, key, stored));
    }
    Ok(due)
}

/// Removes up to `max` expired rows, and as many answers past their time.
pub(crate) fn purge(connection: &Connection, space: &Space, max: usize, now: Now) -> Outcome<usize> {
    answers::forget(connection, max, now)?;
    let mut delete = connection.prepare_cached(
        "DELETE FROM rows WHERE rowid IN
         (SELECT rowid FROM rows WHERE kind = ?1 AND account = ?2 AND keep_ms <= ?3 ORDER BY keep_ms LIMIT ?4)",
    )?;
    Ok(delete.execute(params![space.kind.name(), space.account.to_string(), now.ms(), rows::limit(max)])?)
}
