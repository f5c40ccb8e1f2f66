//! What operators ask: how much a space holds, and which spaces there are.

use paysluice::model::AccountRef;
use paysluice::store::{Depth, Space, SpaceKind};
use rusqlite::{Connection, OptionalExtension, params};

use crate::errors::{Failure, Outcome};
use crate::instant::Now;
use crate::rows;

/// Counts on the indexes, without reading a body.
pub(crate) fn depth(connection: &Connection, space: &Space, now: Now) -> Outcome<Depth> {
    let mut select = connection.prepare_cached(
        "WITH due AS (
             SELECT due_ms FROM rows
             WHERE kind = ?1 AND account = ?2 AND due_ms <= ?3 AND (keep_ms IS NULL OR keep_ms > ?3))
         SELECT (SELECT count(*) FROM rows WHERE kind = ?1 AND account = ?2)
              - (SELECT count(*) FROM rows WHERE kind = ?1 AND account = ?2 AND keep_ms <= ?3),
                (SELECT count(*) FROM due), (SELECT min(due_ms) FROM due)",
    )?;
    let counted = select.query_row(params![space.kind.name(), space.account.to_string(), now.ms()], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<i64>>(2)?))
    });
    let (all, due, oldest) = counted?;
    let oldest_due = oldest.map(|ms| now.since(ms));
    Ok(Depth { rows: rows::unsigned("count", all)?, due: rows::unsigned("count", due)?, oldest_due })
}

/// The spaces with a visible row, found by leaping from space to space on the primary key.
pub(crate) fn spaces(connection: &Connection, now: Now) -> Outcome<Vec<Space>> {
    // One transaction, so that the leaps see one state.
    let snapshot = connection.unchecked_transaction()?;
    let mut next = snapshot
        .prepare_cached("SELECT kind, account FROM rows WHERE (kind, account) > (?1, ?2) ORDER BY kind, account LIMIT 1")?;
    let mut visible = snapshot
        .prepare_cached("SELECT 1 FROM rows WHERE kind = ?1 AND account = ?2 AND (keep_ms IS NULL OR keep_ms > ?3) LIMIT 1")?;
    let mut spaces = Vec::new();
    let mut at = (String::new(), String::new());
    while let Some(found) = next.query_row(params![at.0, at.1], |row| Ok((row.get(0)?, row.get(1)?))).optional()? {
        at = found;
        if visible.exists(params![at.0, at.1, now.ms()])? {
            spaces.push(named(&at.0, &at.1)?);
        }
    }
    Ok(spaces)
}

fn named(kind: &str, account: &str) -> Outcome<Space> {
    let unreadable = || Failure::corrupt(format!("no space is named {kind:?} of {account:?}"));
    let account: AccountRef = account.parse().map_err(|_| unreadable())?;
    Ok(Space { kind: SpaceKind::named(kind).ok_or_else(unreadable)?, account })
}
