//! Writes: many that wait become one transaction, and each is answered after its `COMMIT`.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use paysluice::env::Clock;
use paysluice::store::{Commit, OpId, Put, Row, Space};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use crate::commits::{self, Versions};
use crate::errors::{Failure, Outcome};
use crate::instant::Now;
use crate::{answers, claims};

/// What is to be written.
#[derive(Debug)]
pub(crate) enum Write {
    Commit { op: OpId, puts: Vec<Put> },
    Claim { space: Space, max: usize, lease: Duration },
    Purge { space: Space, max: usize },
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Written {
    Commit(Commit),
    Claimed(Vec<Row>),
    Purged(usize),
}

/// A write in line, and who waits for its answer.
pub(crate) type Waiting = (Write, oneshot::Sender<Outcome<Written>>);

/// Serves the line until its last sender is gone and it is empty.
pub(crate) fn serve(mut connection: Connection, line: Receiver<Waiting>, clock: Arc<dyn Clock>, group: usize) {
    while let Ok(first) = line.recv() {
        let mut waiting = vec![first];
        waiting.extend(line.try_iter().take(group.saturating_sub(1)));
        let (writes, callers): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
        for (caller, answer) in callers.into_iter().zip(write_together(&mut connection, &writes, &clock)) {
            // A caller that has gone away does not undo what it asked for.
            let _ = caller.send(answer);
        }
    }
}

/// Makes the writes in one transaction; if one spoils it, each alone, so that only the guilty one fails.
pub(crate) fn write_together(connection: &mut Connection, writes: &[Write], clock: &Arc<dyn Clock>) -> Vec<Outcome<Written>> {
    match transact(connection, writes, clock) {
        Ok(written) => written.into_iter().map(Ok).collect(),
        Err((Stage::Write, _)) if writes.len() > 1 => {
            writes.chunks(1).flat_map(|one| write_together(connection, one, clock)).collect()
        }
        Err((_, failure)) => writes.iter().map(|_| Err(failure.clone())).collect(),
    }
}

/// Where a transaction failed.
#[derive(Debug)]
enum Stage {
    Begin,
    Write,
    Commit,
}

fn transact(connection: &mut Connection, writes: &[Write], clock: &Arc<dyn Clock>) -> Result<Vec<Written>, (Stage, Failure)> {
    let at = |stage| move |error: rusqlite::Error| (stage, Failure::from(error));
    // IMMEDIATE, because a transaction that reads first and then writes is refused at once when another process wrote between.
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(at(Stage::Begin))?;
    let now = Now::at(clock.wall());
    let written = write_all(&tx, writes, now).map_err(|failure| (Stage::Write, failure))?;
    tx.commit().map_err(at(Stage::Commit))?;
    Ok(written)
}

fn write_all(tx: &Connection, writes: &[Write], now: Now) -> Outcome<Vec<Written>> {
    let mut versions = Versions::load(tx)?;
    let written = writes.iter().map(|write| apply(tx, write, &mut versions, now)).collect::<Outcome<_>>()?;
    versions.save(tx)?;
    // As many old answers go as new ones can come, and as many again: without any purge the table shrinks to what it must hold.
    answers::forget(tx, 2 * writes.len(), now)?;
    Ok(written)
}

fn apply(tx: &Connection, write: &Write, versions: &mut Versions, now: Now) -> Outcome<Written> {
    match write {
        Write::Commit { op, puts } => commits::commit(tx, *op, puts, versions, now).map(Written::Commit),
        Write::Claim { space, max, lease } => claims::claim(tx, space, *max, *lease, versions, now).map(Written::Claimed),
        Write::Purge { space, max } => claims::purge(tx, space, *max, now).map(Written::Purged),
    }
}
