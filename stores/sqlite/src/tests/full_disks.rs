//! No room and no right to write: `Full`, nothing lost, and well again when there is room.

use paysluice::store::{Commit, OpId, Store, StoreErrorKind};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{clock, commit, inline, insert, key, open};
use crate::SqliteStore;
use crate::inner::Inner;
use crate::writer::{Write, write_together};
use crate::{Options, schema};

fn with_connection(store: &SqliteStore, act: impl FnOnce(&Connection)) {
    let Inner::Inline { connection, .. } = &*store.inner else { panic!("inline") };
    act(&connection.lock().unwrap());
}

fn set(store: &SqliteStore, pragma: &str, value: i64) {
    with_connection(store, |connection| {
        connection.pragma_update_and_check(None, pragma, value, |_| Ok(())).ok();
    });
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_the_same_op_succeeds_once_there_is_room() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder.path().join("store.db"), inline()).unwrap();
    commit(&store, 1, insert("before", 100)).await.unwrap();
    set(&store, "max_page_count", 1);
    let error = commit(&store, 2, insert("big", 200_000)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Full, "{error}");
    assert!(store.get(&key("before")).await.unwrap().is_some());
    assert_eq!(store.get(&key("big")).await.unwrap(), None);
    set(&store, "max_page_count", 1_000_000);
    assert!(matches!(commit(&store, 2, insert("big", 200_000)).await.unwrap(), Commit::Done(_)));
    assert_eq!(store.get(&key("big")).await.unwrap().unwrap().body.len(), 200_000);
}

#[tokio::test]
async fn no_right_to_write_is_full_and_reading_goes_on() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder.path().join("store.db"), inline()).unwrap();
    commit(&store, 1, insert("before", 100)).await.unwrap();
    set(&store, "query_only", 1);
    let error = commit(&store, 2, insert("after", 100)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Full, "{error}");
    assert!(store.get(&key("before")).await.unwrap().is_some());
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_told_at_once() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    drop(open(&path, Options::default()).unwrap());
    let mut rights = std::fs::metadata(&path).unwrap().permissions();
    rights.set_readonly(true);
    std::fs::set_permissions(&path, rights).unwrap();
    if std::fs::File::options().write(true).open(&path).is_ok() {
        return; // The superuser may write everything.
    }
    let error = open(&path, Options::default()).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Full, "{error}");
}

#[test]
fn in_a_group_only_the_write_without_room_fails() {
    let folder = TempDir::new().unwrap();
    let mut connection = schema::open(&folder.path().join("store.db"), Options::default().busy).unwrap();
    let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    connection.pragma_update_and_check(None, "max_page_count", pages + 10, |_| Ok(())).unwrap();
    let writes = [("1", 100), ("big", 200_000), ("2", 100)].map(|(id, size)| Write::Commit {
        op: OpId(size as u128 + id.len() as u128 + u128::from(id.as_bytes()[0])),
        puts: vec![insert(id, size)],
    });
    let answers = write_together(&mut connection, &writes, &clock());
    let kinds: Vec<_> = answers.iter().map(|answer| answer.as_ref().err().map(|failure| failure.kind)).collect();
    assert_eq!(kinds, [None, Some(StoreErrorKind::Full), None]);
    let kept: i64 = connection.query_row("SELECT count(*) FROM rows", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 2);
}
