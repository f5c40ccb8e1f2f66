//! A schema of its own on the server under test, for each test.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "test programs: each uses a part, and a panic is a verdict"
)]

use std::io::Write;

use paysluice::env::{Rng, SystemRng};
use paysluice::model::{AccountRef, Mode};
use paysluice::store::{Expect, Key, OpId, Put, Space, SpaceKind};
use paysluice_postgres::{Options, PostgresStore, migrate};
use tokio_postgres::{Client, NoTls};

const URL: &str = "PAYSLUICE_TEST_POSTGRES";

/// The URL of the server under test.
pub(crate) fn url() -> String {
    std::env::var(URL).unwrap_or_else(|_| {
        panic!(
            "these tests need a PostgreSQL server: run `cargo xtask test`, which starts one and stops it, or set {URL} to the URL of \
             a database in which schemas may be made, such as postgres://me@localhost/test"
        )
    })
}

/// What `cargo xtask test` starts for one test and names so; without it, `None` where a person gave a server of his own, which cannot
/// be used for it because `why`. That is said past the test harness, which hides what passing tests print.
#[allow(clippy::explicit_write, reason = "`eprintln` is hidden")]
pub(crate) fn started_for(name: &str, why: &str) -> Option<String> {
    let given = std::env::var(name).ok();
    if given.is_none() {
        // Ends the test where there is no server at all.
        url();
        writeln!(std::io::stderr(), "skipped, because {URL} is set and {name} is not: {why}").unwrap();
    }
    given
}

/// A schema that nobody else uses.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) options: Options,
}

impl Place {
    pub(crate) async fn new() -> Self {
        Self::at(url()).await
    }

    pub(crate) async fn at(url: String) -> Self {
        let schema = format!("test_{:016x}", SystemRng::new().next_u64());
        let options = Options { schema, ..Options::default() };
        migrate(&url, &options).await.unwrap();
        Self { url, options }
    }

    pub(crate) async fn store(&self) -> PostgresStore {
        PostgresStore::connect(&self.url, self.options.clone()).await.unwrap()
    }

    /// A connection past the store.
    pub(crate) async fn client(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.unwrap();
        tokio::task::spawn(connection);
        client
    }

    /// Runs SQL in which `{schema}` names this place.
    pub(crate) async fn run(&self, sql: &str) {
        self.client().await.batch_execute(&sql.replace("{schema}", &self.options.schema)).await.unwrap();
    }

    /// Leaves nothing behind; a test that failed leaves its schema to be looked at.
    pub(crate) async fn leave(self) {
        self.run("DROP SCHEMA {schema} CASCADE").await;
    }
}

pub(crate) fn key(id: &str) -> Key {
    let space = Space::new(SpaceKind::Order, &AccountRef::new("p", Mode::Test, "m").unwrap());
    Key { space, part: format!("order/{id}"), id: id.into() }
}

pub(crate) fn put(id: &str, expect: Expect, body: impl Into<bytes::Bytes>) -> Put {
    Put { key: key(id), expect, due_in: None, keep_in: None, body: body.into() }
}

pub(crate) fn new_op() -> OpId {
    OpId(SystemRng::new().next_u128())
}
