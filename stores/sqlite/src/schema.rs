//! Opens a file: its settings, its tables, and refusal of what is not this store's or is from a later version of it.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::thread;
use std::time::Duration;

use paysluice::store::StoreErrorKind;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior};

use crate::errors::{Failure, Outcome};

/// The version of the tables below. A file of a later version is refused: only its own program knows its rules.
const SCHEMA: i64 = 1;

const TABLES: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta (name, value) VALUES ('schema', 1), ('last_ver', 0);

CREATE TABLE rows (
    kind TEXT NOT NULL, account TEXT NOT NULL, part TEXT NOT NULL, id TEXT NOT NULL,
    ver INTEGER NOT NULL, tries INTEGER NOT NULL, due_ms INTEGER, keep_ms INTEGER, body BLOB NOT NULL,
    PRIMARY KEY (kind, account, part, id)
) STRICT;
CREATE INDEX rows_due ON rows (kind, account, due_ms, ver) WHERE due_ms IS NOT NULL;
-- What is or will be due, by name: operators walk it, in an order that claims do not change.
CREATE INDEX rows_open ON rows (kind, account, part, id) WHERE due_ms IS NOT NULL;
CREATE INDEX rows_keep ON rows (kind, account, keep_ms) WHERE keep_ms IS NOT NULL;

-- Answers of commits: vers if done; else the index of the put that lost, and the row it lost to, if there was one.
CREATE TABLE ops (
    op BLOB PRIMARY KEY, at_ms INTEGER NOT NULL, vers TEXT, lost INTEGER,
    kind TEXT, account TEXT, part TEXT, id TEXT, ver INTEGER, tries INTEGER, due_in_ms INTEGER, body BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX ops_at ON ops (at_ms);
";

/// Opens the file for writing, and makes the tables if it is new.
pub(crate) fn open(path: &Path, busy: Duration) -> Outcome<Connection> {
    let named = |failure: Failure| failure.during(&format!("open {}", path.display()));
    if path.is_dir() {
        return Err(named(Failure::new(StoreErrorKind::Refused, "it is a directory")));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).map_err(Failure::from).and_then(|mut connection| {
        set_up(&mut connection, busy)?;
        Ok(connection)
    });
    opened.map_err(|failure| named(if failure.is_unexplained { explained(failure, path) } else { failure }))
}

/// Why a file cannot be opened, of which SQLite says no more than that.
fn explained(failure: Failure, path: &Path) -> Failure {
    let full = |why: String| Failure::new(StoreErrorKind::Full, why);
    let no_room = || full("no file can be made in its folder, and it keeps its log there".to_owned());
    let has_folder = path.parent().is_some_and(|folder| folder.as_os_str().is_empty() || folder.is_dir());
    match File::options().read(true).write(true).open(path) {
        Ok(_) => no_room(),
        Err(error) if error.kind() == ErrorKind::NotFound && has_folder => no_room(),
        Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
            full(error.to_string())
        }
        Err(error) => failure.because(&error),
    }
}

/// Opens the file, which [`open`] has found good, for reading only.
pub(crate) fn open_to_read(path: &Path, busy: Duration) -> Outcome<Connection> {
    // Not opened read-only: the last reader to leave may have to clean up the write-ahead log.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(busy)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn set_up(connection: &mut Connection, busy: Duration) -> Outcome<()> {
    connection.busy_timeout(busy)?;
    // SQLite opens a file that it may not write without a word; then every commit would fail instead of this.
    if connection.is_readonly("main")? {
        return Err(Failure::new(StoreErrorKind::Full, "it cannot be written"));
    }
    check_owner(connection)?;
    let mode = write_ahead(connection, busy)?;
    if mode != "wal" {
        return Err(Failure::new(StoreErrorKind::Refused, format!("needs a file on a local disk (journal mode is {mode})")));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    connection.set_prepared_statement_cache_capacity(32);
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if check_owner(&tx)? {
        tx.execute_batch(TABLES)?;
    }
    tx.commit()?;
    Ok(())
}

/// True if the file is empty; an error if it is another application's or a later version's.
fn check_owner(connection: &Connection) -> Outcome<bool> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        return Ok(true);
    }
    let is_ours = "SELECT count(*) FROM sqlite_schema WHERE name IN ('meta', 'rows', 'ops') AND type = 'table'";
    if connection.query_row(is_ours, [], |row| row.get::<_, i64>(0))? != 3 {
        return Err(Failure::new(StoreErrorKind::Refused, "it is another application's database"));
    }
    let schema: Option<i64> =
        connection.query_row("SELECT value FROM meta WHERE name = 'schema'", [], |row| row.get(0)).optional()?;
    match schema {
        Some(SCHEMA) => Ok(false),
        Some(later) if later > SCHEMA => {
            let why = format!("its schema is version {later}, this program knows version {SCHEMA}: use a newer program");
            Err(Failure::new(StoreErrorKind::Refused, why))
        }
        other => Err(Failure::corrupt(format!("its schema version is {other:?}"))),
    }
}

/// Turns on the write-ahead log. SQLite does not wait for other processes that do so at the same moment, so this does.
fn write_ahead(connection: &Connection, busy: Duration) -> Outcome<String> {
    const PAUSE: Duration = Duration::from_millis(10);
    let mut waited = Duration::ZERO;
    loop {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && waited < busy => {
                // On the thread that opens the store, which has nothing else to do; to be woken early does no harm.
                thread::park_timeout(PAUSE);
                waited += PAUSE;
            }
            answer => return Ok(answer?),
        }
    }
}
