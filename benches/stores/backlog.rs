//! PostgreSQL's claims from a long backlog while another session holds an old snapshot: flat, however much was taken before.

use std::time::{Duration, Instant};

use paysluice::model::{AccountRef, Mode};
use paysluice::store::{Space, SpaceKind, Store};
use paysluice_postgres::{Options, PostgresStore};

use super::bare_postgres::connect;

/// How many rows are due; `PAYSLUICE_BENCH_BACKLOG` says otherwise.
const ROWS: u64 = 2_000_000;

/// How many claims of ten are timed, and how many rows are taken between two timings.
const CLAIMS: u32 = 200;
const BETWEEN: u32 = 100;

pub async fn run(url: &str, options: &Options) {
    let rows = std::env::var("PAYSLUICE_BENCH_BACKLOG").map_or(ROWS, |rows| rows.parse().unwrap());
    let space = Space::new(SpaceKind::Intent, &AccountRef::new("bench", Mode::Test, "m").unwrap());
    let (admin, schema) = (connect(url).await, &options.schema);
    let fill = format!(
        "INSERT INTO {schema}.rows (kind, account, part, id, ver, tries, due, body)
         SELECT 'intent', '{}', 'order/' || n, 'due', nextval('{schema}.versions'), 0,
             now() - interval '1 day' + n * interval '1 millisecond', '{{\"pad\":\"{}\"}}' FROM generate_series(1, {rows}) AS n",
        space.account,
        "x".repeat(200)
    );
    println!("\n{rows} rows due in PostgreSQL, an old snapshot held open; claims of ten, a second");
    admin.batch_execute(&fill).await.unwrap();
    admin.batch_execute(&format!("VACUUM ANALYZE {schema}.rows")).await.unwrap();
    admin.batch_execute("CHECKPOINT").await.unwrap();
    let holder = connect(url).await;
    let hold = format!("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM {schema}.meta");
    holder.batch_execute(&hold).await.unwrap();
    let store = PostgresStore::connect(url, options.clone()).await.unwrap();
    let bare = connect(url).await;
    let mut taken = 0;
    for round in 0..6 {
        let ours = timed(CLAIMS, async || drop(store.claim_due(&space, 10, Duration::from_hours(1)).await.unwrap())).await;
        taken += CLAIMS * 10;
        let unmarked = format!("SELECT count(*) FROM {schema}.claim('intent', '{}', 10, 3600000000, NULL)", space.account);
        let without = timed(20, async || bare.batch_execute(&unmarked).await.unwrap()).await;
        println!("after {:>6} taken: {ours:>6.0}, from the very beginning as without a mark {without:>6.0}", taken - CLAIMS * 10);
        taken += 200;
        if round < 5 {
            for _ in 0..BETWEEN {
                taken += u32::try_from(store.claim_due(&space, 100, Duration::from_hours(1)).await.unwrap().len()).unwrap();
            }
        }
    }
    holder.batch_execute("ROLLBACK").await.unwrap();
}

async fn timed(times: u32, one: impl AsyncFn()) -> f64 {
    let begun = Instant::now();
    for _ in 0..times {
        one().await;
    }
    f64::from(times) / begun.elapsed().as_secs_f64()
}
