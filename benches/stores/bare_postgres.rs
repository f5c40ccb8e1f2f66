//! A bare loop over tokio-postgres on the store's own table: prepared statements on as many connections as the store has.

use std::time::Duration;

use tokio_postgres::{Client, NoTls, Statement};

use super::letters::{self, ORDERS};
use super::{Inbox, Taken};

/// As many as the store's default.
const CONNECTIONS: usize = 8;

/// Connections, each with its statements; the next one takes the next.
pub struct BarePostgres {
    sessions: Vec<Session>,
    turn: std::sync::atomic::AtomicUsize,
}

struct Session {
    client: Client,
    store: Statement,
    store_group: Statement,
    claim: Statement,
    read: Statement,
    apply: Statement,
    done: Statement,
}

pub async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

impl Session {
    async fn new(url: &str, schema: &str) -> Self {
        let client = connect(url).await;
        let prepare = async |sql: &str| client.prepare(&sql.replace("{s}", schema)).await.unwrap();
        Self {
            store: prepare(
                "INSERT INTO {s}.rows (kind, account, part, id, ver, tries, due, keep, body)
                 VALUES ('inbox', 'bench:test:m', 'callback/' || $1::text, $1, 1, 0, now(), now() + interval '45 days', $2::text::json)
                 ON CONFLICT DO NOTHING",
            )
            .await,
            store_group: prepare(
                "INSERT INTO {s}.rows (kind, account, part, id, ver, tries, due, keep, body)
                 SELECT 'inbox', 'bench:test:m', 'callback/' || n, n, 1, 0, now(), now() + interval '45 days', b::json
                 FROM unnest($1::text[], $2::text[]) AS t (n, b) ON CONFLICT DO NOTHING",
            )
            .await,
            claim: prepare(
                "WITH picked AS MATERIALIZED (
                    SELECT part, id FROM {s}.rows WHERE kind = 'inbox' AND account = 'bench:test:m' AND due <= now()
                    ORDER BY due, ver LIMIT $1 FOR UPDATE SKIP LOCKED)
                 UPDATE {s}.rows AS r SET ver = r.ver + 1, tries = r.tries + 1, due = now() + $2::bigint * interval '1 microsecond'
                 FROM picked WHERE r.kind = 'inbox' AND r.account = 'bench:test:m' AND r.part = picked.part AND r.id = picked.id
                 RETURNING r.id, r.ver, r.body::text",
            )
            .await,
            read: prepare(
                "SELECT body::text FROM {s}.rows WHERE kind = 'order' AND account = 'bench:test:m' AND part = $1 AND id = 'order'",
            )
            .await,
            apply: prepare(
                "WITH changed AS (
                    UPDATE {s}.rows SET ver = ver + 1, body = $3::text::json
                    WHERE kind = 'order' AND account = 'bench:test:m' AND part = $1 AND id = 'order'),
                 effect AS (
                    INSERT INTO {s}.rows (kind, account, part, id, ver, tries, body)
                    VALUES ('effect', 'bench:test:m', $1, $2, 1, 0, $4::text::json) ON CONFLICT DO NOTHING)
                 INSERT INTO {s}.rows (kind, account, part, id, ver, tries, due, body)
                 VALUES ('told', 'bench:test:m', $1, $2, 1, 0, now(), $5::text::json) ON CONFLICT DO NOTHING",
            )
            .await,
            done: prepare(
                "UPDATE {s}.rows SET ver = ver + 1, tries = 0, due = NULL, body = $2::text::json
                 WHERE kind = 'inbox' AND account = 'bench:test:m' AND part = 'callback/' || $1::text AND id = $1",
            )
            .await,
            client,
        }
    }
}

impl BarePostgres {
    pub async fn new(url: &str, schema: &str) -> Self {
        let mut sessions = Vec::new();
        for _ in 0..CONNECTIONS {
            sessions.push(Session::new(url, schema).await);
        }
        let fill = format!(
            "INSERT INTO {schema}.rows (kind, account, part, id, ver, tries, body)
             SELECT 'order', 'bench:test:m', 'order/' || n, 'order', 1, 0, '{}' FROM generate_series(0, {}) AS n",
            letters::order(),
            ORDERS - 1
        );
        sessions[0].client.batch_execute(&fill).await.unwrap();
        Self { sessions, turn: std::sync::atomic::AtomicUsize::new(0) }
    }

    fn session(&self) -> &Session {
        &self.sessions[self.turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % CONNECTIONS]
    }
}

impl Inbox for BarePostgres {
    /// As many loops as the store has lanes.
    const LOOPS: u64 = 2;

    async fn store(&self, n: u64) {
        let session = self.session();
        session.client.execute(&session.store, &[&n.to_string(), &letters::callback()]).await.unwrap();
    }

    async fn store_group(&self, from: u64, count: u64) -> u64 {
        let session = self.session();
        let names: Vec<String> = (from..from + count).map(|n| n.to_string()).collect();
        let bodies = vec![letters::callback(); names.len()];
        session.client.execute(&session.store_group, &[&names, &bodies]).await.unwrap()
    }

    async fn claim(&self, max: usize, lease: Duration) -> Vec<Taken> {
        let session = self.session();
        let (max, lease) = (i64::try_from(max).unwrap(), i64::try_from(lease.as_micros()).unwrap());
        let rows = session.client.query(&session.claim, &[&max, &lease]).await.unwrap();
        let taken = rows.iter().map(|row| {
            std::hint::black_box(row.get::<_, String>(2));
            Taken { n: row.get::<_, &str>(0).parse().unwrap(), ver: u64::try_from(row.get::<_, i64>(1)).unwrap() }
        });
        taken.collect()
    }

    async fn apply(&self, taken: Taken) {
        let session = self.session();
        let (order, id) = (format!("order/{}", taken.n % ORDERS), taken.n.to_string());
        session.client.query_one(&session.read, &[&order]).await.unwrap();
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
            [&order, &id, &letters::order(), &letters::effect(), &letters::told()];
        session.client.execute(&session.apply, &params).await.unwrap();
        session.client.execute(&session.done, &[&id, &letters::done()]).await.unwrap();
    }
}
