//! Files that are not what they should be: refused or called corrupt, never read as something else, never overwritten.

use std::fs;
use std::path::Path;

use paysluice::store::{Store, StoreErrorKind};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{commit, insert, key, open};
use crate::Options;

/// Opens the path, which must fail with that kind and words.
fn fails(path: &Path, kind: StoreErrorKind, words: &str) {
    let error = open(path, Options::default()).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn what_is_no_store_is_refused_and_left_as_it_was() {
    let folder = TempDir::new().unwrap();
    fails(folder.path(), StoreErrorKind::Refused, "is a directory");
    fails(&folder.path().join("missing/store.db"), StoreErrorKind::Unavailable, "unable to open");
    fails(Path::new(":memory:"), StoreErrorKind::Refused, "local disk");

    let text = folder.path().join("text.db");
    let words = "not a database, but longer than the hundred bytes of a database's header, so that it is read ".repeat(4);
    fs::write(&text, &words).unwrap();
    fails(&text, StoreErrorKind::Corrupt, "not a database");
    assert_eq!(fs::read_to_string(&text).unwrap(), words);

    let other = folder.path().join("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE rows (mine)").unwrap();
    fails(&other, StoreErrorKind::Refused, "another application's");
}

#[test]
fn a_later_versions_file_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    drop(open(&path, Options::default()).unwrap());
    Connection::open(&path).unwrap().execute_batch("UPDATE meta SET value = 2 WHERE name = 'schema'").unwrap();
    fails(&path, StoreErrorKind::Refused, "schema is version 2");
    Connection::open(&path).unwrap().execute_batch("DELETE FROM meta WHERE name = 'schema'").unwrap();
    fails(&path, StoreErrorKind::Corrupt, "schema version");
}

#[tokio::test]
async fn a_row_that_cannot_be_is_corrupt_and_its_neighbours_are_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path, Options::default()).unwrap();
    for (op, id) in [(1, "ver"), (2, "tries"), (3, "good")] {
        commit(&store, op, insert(id, 10)).await.unwrap();
    }
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch("UPDATE rows SET ver = -1 WHERE id = 'ver'; UPDATE rows SET tries = 1 << 40 WHERE id = 'tries'").unwrap();
    for id in ["ver", "tries"] {
        assert_eq!(store.get(&key(id)).await.unwrap_err().kind(), StoreErrorKind::Corrupt);
        assert_eq!(commit(&store, 4, insert(id, 10)).await.unwrap_err().kind(), StoreErrorKind::Corrupt);
    }
    assert!(store.get(&key("good")).await.unwrap().is_some());
    raw.execute_batch("UPDATE rows SET account = 'nobody' WHERE id = 'ver'").unwrap();
    assert_eq!(store.spaces().await.unwrap_err().kind(), StoreErrorKind::Corrupt);
    raw.execute_batch("UPDATE ops SET vers = 'x'").unwrap();
    assert_eq!(commit(&store, 3, insert("good", 10)).await.unwrap_err().kind(), StoreErrorKind::Corrupt);
}

#[tokio::test]
async fn a_torn_file_is_corrupt_and_never_absent() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path, Options::default()).unwrap();
    for n in 0..200_u8 {
        commit(&store, n.into(), insert(&n.to_string(), 400)).await.unwrap();
    }
    drop(store);
    let mut bytes = fs::read(&path).unwrap();
    bytes[8192..].fill(0xA5);
    fs::write(&path, bytes).unwrap();
    let failed = match open(&path, Options::default()) {
        Ok(store) => store.get(&key("77")).await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(failed.kind(), StoreErrorKind::Corrupt, "{failed}");
}
