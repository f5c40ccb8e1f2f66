//! A commit within a transaction: compare all, then write all; and the counter that versions are drawn from.

use paysluice::store::{Commit, Expect, OpId, Put};
use rusqlite::Connection;

use crate::errors::Outcome;
use crate::instant::Now;
use crate::{answers, rows};

/// Where versions come from: one counter a file, read and written back in the same transaction as the rows.
#[derive(Debug)]
pub(crate) struct Versions {
    stored: u64,
    last: u64,
}

impl Versions {
    pub(crate) fn load(connection: &Connection) -> Outcome<Self> {
        let mut select = connection.prepare_cached("SELECT value FROM meta WHERE name = 'last_ver'")?;
        let stored = rows::unsigned("version counter", select.query_row([], |row| row.get(0))?)?;
        Ok(Self { stored, last: stored })
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.last = self.last.saturating_add(1);
        self.last
    }

    pub(crate) fn save(&self, connection: &Connection) -> Outcome<()> {
        if self.last != self.stored {
            let mut update = connection.prepare_cached("UPDATE meta SET value = ?1 WHERE name = 'last_ver'")?;
            update.execute([rows::signed(self.last)?])?;
        }
        Ok(())
    }
}

/// The answer to a commit: the remembered one, or a new one, which is remembered. The puts have been checked.
pub(crate) fn commit(connection: &Connection, op: OpId, puts: &[Put], versions: &mut Versions, now: Now) -> Outcome<Commit> {
    if let Some(answer) = answers::remembered(connection, op)? {
        return Ok(answer);
    }
    let answer = match first_unmet(connection, puts, now)? {
        Some(lost) => lost,
        None => write(connection, puts, versions, now)?,
    };
    answers::remember(connection, op, &answer, now)?;
    Ok(answer)
}

fn first_unmet(connection: &Connection, puts: &[Put], now: Now) -> Outcome<Option<Commit>> {
    for (index, put) in puts.iter().enumerate() {
        let stands_at = rows::version(connection, &put.key, now)?;
        let expected = match put.expect {
            Expect::Absent => None,
            Expect::Ver(ver) => Some(ver),
        };
        if stands_at != expected {
            return Ok(Some(Commit::Lost { index, current: rows::get(connection, &put.key, now)? }));
        }
    }
    Ok(None)
}

fn write(connection: &Connection, puts: &[Put], versions: &mut Versions, now: Now) -> Outcome<Commit> {
    let mut vers = Vec::with_capacity(puts.len());
    for put in puts {
        let ver = versions.next();
        rows::write(connection, put, ver, now)?;
        vers.push(ver);
    }
    Ok(Commit::Done(vers))
}
