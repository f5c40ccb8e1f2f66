//! Disks and folders that take no more, in real processes: a clear error, and all that was told done is there.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test program: a panic is its verdict")]

use std::env;
use std::fs::{self, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use paysluice::env::TokioClock;
use paysluice::model::{AccountRef, Mode};
use paysluice::store::{Commit, Expect, Key, OpId, Put, Space, SpaceKind, Store, StoreError, StoreErrorKind};
use paysluice_sqlite::{Options, SqliteStore};
use tempfile::TempDir;

const FOLDER: &str = "PAYSLUICE_TEST_FOLDER";
const WORK: &str = "PAYSLUICE_TEST_WORK";

/// Who may write nothing that is not everybody's.
const NOBODY: u32 = 65_534;

fn open(folder: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(folder.join("store.db"), Arc::new(TokioClock::system()), Options::default())
}

fn key(n: u128) -> Key {
    let space = Space::new(SpaceKind::Order, &AccountRef::new("p", Mode::Test, "m").unwrap());
    Key { space, part: format!("order/{n}"), id: "x".into() }
}

/// Inserts row `n`, under the name that is its number.
async fn insert(store: &SqliteStore, n: u128) -> Result<Commit, StoreError> {
    let put = Put { key: key(n), expect: Expect::Absent, due_in: None, keep_in: None, body: vec![b'x'; 8192].into() };
    store.commit(OpId(n), &[put]).await
}

/// Inserts until it is told no; how many were told done, and the words of the refusal.
async fn fill(store: &SqliteStore) -> (u128, StoreError) {
    for n in 0..10_000 {
        match insert(store, n).await {
            Ok(Commit::Done(_)) => {}
            Ok(lost) => panic!("{lost:?}"),
            Err(error) => return (n, error),
        }
    }
    panic!("the disk takes everything")
}

async fn has(store: &SqliteStore, n: u128) -> bool {
    store.get(&key(n)).await.unwrap().is_some()
}

/// This test program again, as a child that does only that work in that folder.
fn child(words: &[&str], folder: &Path, work: &str) -> Command {
    let own = env::current_exe().unwrap();
    let mut words: Vec<&str> = words.to_vec();
    words.extend([own.to_str().unwrap(), "--exact", "the_work_of_a_child", "--nocapture"]);
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env(FOLDER, folder).env(WORK, work).stdin(Stdio::null());
    command
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Does nothing as a test; as a child it does the work it was started for.
#[tokio::test]
async fn the_work_of_a_child() {
    let (Some(folder), Ok(work)) = (env::var_os(FOLDER).map(PathBuf::from), env::var(WORK)) else { return };
    match work.as_str() {
        "open" => match open(&folder) {
            Ok(_) => println!("told: open"),
            Err(error) => println!("told: {:?}: {error}", error.kind()),
        },
        "fill" => {
            let (done, error) = fill(&open(&folder).unwrap()).await;
            println!("told: {done} {:?}: {error}", error.kind());
        }
        "fill, and make room" => a_full_disk_of_its_own(&folder).await,
        _ => panic!("{work}"),
    }
}

/// What a child finds on a small file system: its ballast is the room that is made.
async fn a_full_disk_of_its_own(folder: &Path) {
    fs::write(folder.join("ballast"), vec![0; 512 * 1024]).unwrap();
    let store = open(folder).unwrap();
    let (done, error) = fill(&store).await;
    assert_eq!(error.kind(), StoreErrorKind::Full, "{error}");
    assert!(error.to_string().contains("full"), "{error}");
    assert!(!has(&store, done).await, "Full is nothing written");
    assert_eq!(insert(&store, done).await.unwrap_err().kind(), StoreErrorKind::Full, "it stays full");
    fs::remove_file(folder.join("ballast")).unwrap();
    assert!(matches!(insert(&store, done).await, Ok(Commit::Done(_))), "the same op, once there is room");
    drop(store);
    let store = open(folder).unwrap();
    for n in 0..=done {
        assert!(has(&store, n).await, "{n} of {done} was told done");
    }
    println!("told: all {done} and one");
}

#[test]
fn a_full_disk_is_told_as_full_loses_nothing_and_goes_on_once_there_is_room() {
    // A small file system of the child's own, in a namespace of its own: it is gone with the child.
    let small = "mount -t tmpfs -o size=3m tmpfs \"$PAYSLUICE_TEST_FOLDER\" || exit 77; exec \"$0\" \"$@\"";
    let folder = TempDir::new().unwrap();
    let words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", small];
    let output = match child(&words, folder.path(), "fill, and make room").output() {
        Err(error) if error.kind() == ErrorKind::NotFound => return skipped("there is no unshare here"),
        output => output.unwrap(),
    };
    if output.status.code() == Some(77) || text(&output).contains("unshare failed") {
        return skipped("this machine gives no namespace in which to mount a small file system");
    }
    assert!(output.status.success() && text(&output).contains("told: all "), "{}", text(&output));
}

#[tokio::test]
async fn a_file_that_may_not_grow_loses_nothing() {
    let folder = TempDir::new().unwrap();
    let words = ["sh", "-c", "trap '' XFSZ; ulimit -f 2000; exec \"$0\" \"$@\""];
    let output = child(&words, folder.path(), "fill").output().unwrap();
    let said = text(&output);
    let told = said.split_once("told: ").expect(&said).1;
    let (done, error) = told.split_once(' ').unwrap();
    assert!(output.status.success() && error.starts_with("Unavailable: store unavailable: disk I/O error"), "{said}");
    let (store, done) = (open(folder.path()).unwrap(), done.parse().unwrap());
    assert!(done > 10);
    for n in 0..done {
        assert!(has(&store, n).await, "{n} of {done} was told done");
    }
    // Its fate was not known; the same op tells it.
    let ver = match insert(&store, done).await.unwrap() {
        Commit::Done(vers) => vers[0],
        lost @ Commit::Lost { .. } => panic!("{lost:?}"),
    };
    assert_eq!(store.get(&key(done)).await.unwrap().unwrap().ver, ver);
}

/// What a process is told that may write only what everybody may.
fn told_in(folder: &Path) -> String {
    let mut command = child(&[], folder, "open");
    if fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().unwrap();
    let said = text(&output);
    said.split_once("told: ").expect(&said).1.lines().next().unwrap().to_owned()
}

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn no_right_to_write_is_told_with_its_reason_before_anything_is_kept() {
    let folder = TempDir::new().unwrap();
    let (place, file) = (folder.path(), folder.path().join("store.db"));
    allow(place, 0o555);
    let said = told_in(place);
    assert!(
        said.starts_with("Full") && said.contains("no file can be made in its folder"),
        "a folder that takes no file: {said}"
    );
    allow(place, 0o755);
    drop(open(place).unwrap());
    allow(&file, 0o444);
    let said = told_in(place);
    assert!(said.starts_with("Full") && said.contains("cannot be written"), "a file that is read-only: {said}");
    allow(&file, 0o666);
    allow(place, 0o555);
    let said = told_in(place);
    assert!(said.starts_with("Full") && said.contains("keeps its log there"), "a folder that takes no log: {said}");
    allow(&file, 0o000);
    let said = told_in(place);
    assert!(said.starts_with("Full") && said.contains("ermission denied"), "a file of somebody else's: {said}");
    allow(&file, 0o666);
    allow(place, 0o777);
    assert_eq!(told_in(place), "open");
}

/// Past the test harness, which hides what passing tests print.
#[allow(clippy::explicit_write, reason = "`eprintln` is hidden")]
fn skipped(why: &str) {
    writeln!(std::io::stderr(), "skipped a_full_disk_is_told_as_full_loses_nothing_and_goes_on_once_there_is_room: {why}")
        .unwrap();
}
