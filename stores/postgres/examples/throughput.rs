//! How many commits and claims a second a server takes, beside bare inserts by the same driver: `throughput URL [BACKLOG]`.
#![allow(clippy::disallowed_methods, reason = "the driver's connections need tasks of their own")]

use std::sync::Arc;
use std::time::Duration;

use paysluice::env::{Clock, Mono, TokioClock};
use paysluice::model::{AccountRef, Mode};
use paysluice::store::{Commit, Expect, Key, OpId, Put, Space, SpaceKind, Store};
use paysluice_postgres::{Options, PostgresStore, migrate};
use tokio::task::{JoinSet, spawn};
use tokio_postgres::{Client, NoTls};

type Failed = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let url = std::env::args().nth(1).ok_or("throughput URL [BACKLOG]: a database in which a schema may be made")?;
    let backlog: u64 = std::env::args().nth(2).map_or(Ok(0), |rows| rows.parse())?;
    let options = Options { schema: "paysluice_throughput".to_owned(), ..Options::default() };
    let admin = connect(&url).await?;
    admin.batch_execute("DROP SCHEMA IF EXISTS paysluice_throughput CASCADE").await?;
    migrate(&url, &options).await?;
    admin.batch_execute("CREATE TABLE paysluice_throughput.bare (id text PRIMARY KEY, body json NOT NULL)").await?;
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::system());
    let store = PostgresStore::connect(&url, options).await?;
    let space = Space::new(SpaceKind::Intent, &AccountRef::new("bench", Mode::Test, "m").map_err(|error| error.to_string())?);

    for (connections, each) in [(1_u32, 2000_u32), (2, 2000), (8, 1000)] {
        let start = clock.monotonic();
        let mut tasks = JoinSet::new();
        for caller in 0..connections {
            tasks.spawn(bare(connect(&url).await?, format!("{connections}-{caller}"), each));
        }
        finish(tasks).await?;
        told(&*clock, start, &format!("bare inserts, {connections} connections"), connections * each);
    }
    for (callers, each) in [(1_u32, 2000_u32), (64, 400), (512, 60)] {
        let start = clock.monotonic();
        let mut tasks = JoinSet::new();
        for caller in 0..callers {
            tasks.spawn(commits(store.clone(), space.clone(), callers, caller, each));
        }
        finish(tasks).await?;
        told(&*clock, start, &format!("commits, {callers} callers"), callers * each);
    }
    if backlog > 0 {
        claims(&url, &admin, &store, &space, &*clock, backlog).await?;
    }
    admin.batch_execute("DROP SCHEMA paysluice_throughput CASCADE").await?;
    Ok(())
}

async fn connect(url: &str) -> Result<Client, Failed> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    spawn(connection);
    Ok(client)
}

async fn finish(mut tasks: JoinSet<Result<(), Failed>>) -> Result<(), Failed> {
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}

fn told(clock: &dyn Clock, start: Mono, what: &str, count: u32) {
    let micros = clock.monotonic().since(start).as_micros();
    println!("{what:<32} {:>7}/s ({count} in {} ms)", u128::from(count) * 1_000_000 / micros.max(1), micros / 1000);
}

fn body() -> String {
    format!("{{\"state\":\"prepared\",\"pad\":\"{}\"}}", "x".repeat(370))
}

/// A prepared insert if absent, one after another: the least that a durable commit costs here.
async fn bare(client: Client, name: String, each: u32) -> Result<(), Failed> {
    let insert = "INSERT INTO paysluice_throughput.bare (id, body) VALUES ($1, $2::text::json) ON CONFLICT DO NOTHING";
    let insert = client.prepare(insert).await?;
    for n in 0..each {
        client.execute(&insert, &[&format!("{name}-{n}"), &body()]).await?;
    }
    Ok(())
}

/// Inserts of an intent-sized row, one after another.
async fn commits(store: PostgresStore, space: Space, run: u32, caller: u32, each: u32) -> Result<(), Failed> {
    for n in 0..each {
        let name = format!("{run}-{caller}-{n}");
        let key = Key { space: space.clone(), part: format!("order/{name}"), id: "charge/1".into() };
        let put = Put { key, expect: Expect::Absent, due_in: None, keep_in: None, body: body().into() };
        let op = OpId((u128::from(run) << 96) | (u128::from(caller) << 32) | u128::from(n));
        assert!(matches!(store.commit(op, &[put]).await?, Commit::Done(_)));
    }
    Ok(())
}

/// Claims of ten from a long backlog: at its start, and after tens of thousands while another session holds an old snapshot.
async fn claims(
    url: &str,
    admin: &Client,
    store: &PostgresStore,
    space: &Space,
    clock: &dyn Clock,
    backlog: u64,
) -> Result<(), Failed> {
    let fill = format!(
        "INSERT INTO paysluice_throughput.rows (kind, account, part, id, ver, tries, due, body)
         SELECT 'intent', '{}', 'order/' || n, 'due', nextval('paysluice_throughput.versions'), 0,
             now() - interval '1 day' + n * interval '1 millisecond', '{}' FROM generate_series(1, {backlog}) AS n",
        space.account,
        body()
    );
    admin.batch_execute(&fill).await?;
    admin.batch_execute("VACUUM ANALYZE paysluice_throughput.rows").await?;
    let holder = connect(url).await?;
    holder.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM paysluice_throughput.meta").await?;
    for round in 0..6 {
        let start = clock.monotonic();
        for _ in 0..200 {
            store.claim_due(space, 10, Duration::from_hours(1)).await?;
        }
        told(clock, start, &format!("claims of 10, after {}", round * 7000), 200);
        for _ in 0..50 {
            store.claim_due(space, 100, Duration::from_hours(1)).await?;
        }
    }
    let claim = format!("SELECT count(*) FROM paysluice_throughput.claim('intent', '{}', 10, 3600000000, NULL)", space.account);
    let start = clock.monotonic();
    for _ in 0..20 {
        admin.batch_execute(&claim).await?;
    }
    told(clock, start, "the same without the mark", 20);
    Ok(())
}
