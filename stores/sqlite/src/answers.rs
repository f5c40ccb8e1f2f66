//! Answers of commits, remembered so that a lost one can be asked again.

use std::time::Duration;

use paysluice::model::AccountRef;
use paysluice::store::{Commit, Key, OpId, REMEMBERED, Row, Space, SpaceKind};
use rusqlite::{Connection, OptionalExtension, params};

use crate::errors::{Failure, Outcome};
use crate::instant::Now;
use crate::rows::{self, Stored};

/// How long answers are kept: twice what is promised, because the wall clock may be set forward.
const KEPT: Duration = Duration::from_secs(2 * REMEMBERED.as_secs());

pub(crate) fn remembered(connection: &Connection, op: OpId) -> Outcome<Option<Commit>> {
    let mut select = connection
        .prepare_cached("SELECT vers, lost, kind, account, part, id, ver, tries, due_in_ms, body FROM ops WHERE op = ?1")?;
    let found = select.query_row([&op.0.to_be_bytes()[..]], |row| {
        let vers: Option<String> = row.get(0)?;
        let lost: Option<i64> = row.get(1)?;
        let current = match row.get(2)? {
            None => None,
            Some(kind) => Some(LostTo {
                kind,
                account: row.get(3)?,
                part: row.get(4)?,
                id: row.get(5)?,
                row: Stored { ver: row.get(6)?, tries: row.get(7)?, due_ms: row.get(8)?, body: row.get(9)? },
            }),
        };
        Ok((vers, lost, current))
    });
    match found.optional()? {
        None => Ok(None),
        Some((Some(vers), None, None)) => Ok(Some(Commit::Done(read_vers(&vers)?))),
        Some((None, Some(index), current)) => {
            let index = usize::try_from(index).map_err(|_| unreadable())?;
            Ok(Some(Commit::Lost { index, current: current.map(LostTo::into_row).transpose()? }))
        }
        Some(_) => Err(unreadable()),
    }
}

pub(crate) fn remember(connection: &Connection, op: OpId, answer: &Commit, now: Now) -> Outcome<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO ops (op, at_ms, vers, lost, kind, account, part, id, ver, tries, due_in_ms, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    let op = op.0.to_be_bytes();
    let none = None::<i64>;
    match answer {
        Commit::Done(vers) => {
            let vers: Vec<String> = vers.iter().map(u64::to_string).collect();
            let vers = vers.join(",");
            insert.execute(params![&op[..], now.ms(), vers, none, none, none, none, none, none, none, none, none])?;
        }
        Commit::Lost { index, current: None } => {
            let index = rows::limit(*index);
            insert.execute(params![&op[..], now.ms(), none, index, none, none, none, none, none, none, none, none])?;
        }
        Commit::Lost { index, current: Some(row) } => {
            let (index, Key { space, part, id }) = (rows::limit(*index), &row.key);
            let due_in = row.due_in.map(|time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
            let (kind, account, ver) = (space.kind.name(), space.account.to_string(), rows::signed(row.ver)?);
            let (op, body) = (&op[..], &row.body[..]);
            insert.execute(params![op, now.ms(), none, index, kind, account, part, id, ver, row.tries, due_in, body])?;
        }
    }
    Ok(())
}

/// Forgets up to `max` answers that are past their time.
pub(crate) fn forget(connection: &Connection, max: usize, now: Now) -> Outcome<()> {
    let mut delete =
        connection.prepare_cached("DELETE FROM ops WHERE op IN (SELECT op FROM ops WHERE at_ms < ?1 ORDER BY at_ms LIMIT ?2)")?;
    delete.execute([now.minus(KEPT), rows::limit(max)])?;
    Ok(())
}

/// The row that a commit lost to; its `due_ms` is the time that was left then.
struct LostTo {
    kind: String,
    account: String,
    part: String,
    id: String,
    row: Stored,
}

impl LostTo {
    fn into_row(self) -> Outcome<Row> {
        let kind = SpaceKind::named(&self.kind).ok_or_else(unreadable)?;
        let account: AccountRef = self.account.parse().map_err(|_| unreadable())?;
        let key = Key { space: Space { kind, account }, part: self.part, id: self.id };
        self.row.into_row(key, Now::at(std::time::SystemTime::UNIX_EPOCH))
    }
}

fn read_vers(text: &str) -> Outcome<Vec<u64>> {
    text.split(',').map(|ver| ver.parse().map_err(|_| unreadable())).collect()
}

fn unreadable() -> Failure {
    Failure::corrupt("a remembered answer cannot be read")
}
