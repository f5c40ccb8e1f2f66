//! A bare loop over rusqlite on the store's own tables: one writer, as SQLite has it.

use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, params};

use super::letters::{self, ORDERS};
use super::{Inbox, Taken};

const ACCOUNT: &str = "bench:test:m";
const INSERT: &str = "INSERT INTO rows (kind, account, part, id, ver, tries, due_ms, keep_ms, body)
    VALUES (?1, 'bench:test:m', ?2, ?3, 1, 0, ?4, ?5, ?6) ON CONFLICT DO NOTHING";

/// One connection.
#[derive(Debug)]
pub struct BareSqlite(Mutex<Connection>);

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap()
}

impl BareSqlite {
    pub async fn new(file: &Path) -> Self {
        let connection = Connection::open(file).unwrap();
        connection.pragma_update(None, "synchronous", "FULL").unwrap();
        connection.set_prepared_statement_cache_capacity(32);
        for order in 0..ORDERS {
            insert(&connection, "order", &format!("order/{order}"), "order", None, letters::order());
        }
        std::future::ready(Self(Mutex::new(connection))).await
    }
}

fn insert(connection: &Connection, kind: &str, part: &str, id: &str, due: Option<i64>, body: String) {
    let keep = (kind == "inbox").then(|| now() + ms(letters::KEPT));
    connection.prepare_cached(INSERT).unwrap().execute(params![kind, part, id, due, keep, body.into_bytes()]).unwrap();
}

fn letter(connection: &Connection, n: u64) {
    insert(connection, "inbox", &format!("callback/{n}"), &n.to_string(), Some(now()), letters::callback());
}

impl Inbox for BareSqlite {
    const LOOPS: u64 = 1;

    async fn store(&self, n: u64) {
        letter(&self.0.lock().unwrap(), n);
    }

    async fn store_group(&self, from: u64, count: u64) -> u64 {
        let mut connection = self.0.lock().unwrap();
        let tx = connection.transaction().unwrap();
        for n in from..from + count {
            letter(&tx, n);
        }
        tx.commit().unwrap();
        count
    }

    async fn claim(&self, max: usize, lease: Duration) -> Vec<Taken> {
        let mut connection = self.0.lock().unwrap();
        let (tx, now) = (connection.transaction().unwrap(), now());
        let mut taken: Vec<(i64, Taken)> = Vec::new();
        {
            let mut select = tx
                .prepare_cached(
                    "SELECT rowid, id, ver, body FROM rows WHERE kind = 'inbox' AND account = ?1 AND due_ms <= ?2
                     ORDER BY due_ms, ver LIMIT ?3",
                )
                .unwrap();
            let mut rows = select.query(params![ACCOUNT, now, i64::try_from(max).unwrap()]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let (id, ver): (String, i64) = (row.get(1).unwrap(), row.get(2).unwrap());
                std::hint::black_box(row.get::<_, Vec<u8>>(3).unwrap());
                taken.push((row.get(0).unwrap(), Taken { n: id.parse().unwrap(), ver: u64::try_from(ver).unwrap() }));
            }
            let mut update =
                tx.prepare_cached("UPDATE rows SET ver = ver + 1, tries = tries + 1, due_ms = ?2 WHERE rowid = ?1").unwrap();
            for (rowid, _) in &taken {
                update.execute(params![rowid, now + ms(lease)]).unwrap();
            }
        }
        tx.commit().unwrap();
        taken.into_iter().map(|(_, taken)| taken).collect()
    }

    async fn apply(&self, taken: Taken) {
        let mut connection = self.0.lock().unwrap();
        let (order, id) = (format!("order/{}", taken.n % ORDERS), taken.n.to_string());
        let read = "SELECT body FROM rows WHERE kind = 'order' AND account = ?1 AND part = ?2 AND id = 'order'";
        let body: Vec<u8> = connection.prepare_cached(read).unwrap().query_row([ACCOUNT, &order], |row| row.get(0)).unwrap();
        std::hint::black_box(body);
        let tx = connection.transaction().unwrap();
        let change =
            "UPDATE rows SET ver = ver + 1, body = ?3 WHERE kind = 'order' AND account = ?1 AND part = ?2 AND id = 'order'";
        tx.prepare_cached(change).unwrap().execute(params![ACCOUNT, order, letters::order().into_bytes()]).unwrap();
        insert(&tx, "effect", &order, &id, None, letters::effect());
        insert(&tx, "told", &order, &id, Some(now()), letters::told());
        tx.commit().unwrap();
        let done = "UPDATE rows SET ver = ver + 1, tries = 0, due_ms = NULL, body = ?4
            WHERE kind = 'inbox' AND account = ?1 AND part = ?2 AND id = ?3";
        let mut done = connection.prepare_cached(done).unwrap();
        done.execute(params![ACCOUNT, format!("callback/{}", taken.n), id, letters::done().into_bytes()]).unwrap();
    }
}
