//! Tests of plans on a real server: pages of what is due and claims go each by its own index, however much there is of anything else.
#![allow(clippy::disallowed_methods, reason = "the driver's connection needs a task of its own")]

use paysluice::env::{Rng, SystemRng};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls};

use crate::database::Param;
use crate::options::Options;
use crate::{migrate, rows, schema};

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::task::spawn(connection);
    client
}

/// The plan of a page of five, with what it read.
async fn plan(client: &Client, schema: &str) -> String {
    let explain = format!("EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) {}", schema::in_schema(rows::PAGE_DUE, schema));
    let text = |word: &'static &'static str| -> Param<'static> { (word, Type::TEXT) };
    let params = [text(&"intent"), text(&"p:test:m"), text(&""), text(&""), (&5_i64, Type::INT8)];
    let lines = client.query_typed(&explain, &params).await.unwrap();
    lines.iter().map(|line| line.get::<_, String>(0)).collect::<Vec<_>>().join("\n")
}

/// How many entries of an index were read by sessions that have ended.
async fn read_of(client: &Client, schema: &str, index: &str) -> i64 {
    let read =
        format!("SELECT idx_tup_read FROM pg_stat_user_indexes WHERE schemaname = '{schema}' AND indexrelname = '{index}'");
    client.query_one(&read, &[]).await.unwrap().get(0)
}

/// A function's plan is seen in what its session has read.
#[tokio::test]
async fn a_claim_reads_what_it_takes_also_where_statistics_say_that_nothing_is_due() {
    let url =
        std::env::var("PAYSLUICE_TEST_POSTGRES").expect("PAYSLUICE_TEST_POSTGRES: run `cargo xtask test`, which starts a server");
    let options = Options { schema: format!("test_{:016x}", SystemRng::new().next_u64()), ..Options::default() };
    migrate(&url, &options).await.unwrap();
    let (client, schema) = (connect(&url).await, &options.schema);
    let fill = format!(
        "ALTER TABLE {schema}.rows SET (autovacuum_enabled = off);
         INSERT INTO {schema}.rows (kind, account, part, id, ver, tries, body)
         SELECT 'inbox', 'p:test:m', 'done/' || n, n, n, 0, '{{}}' FROM generate_series(1, 5000) AS n;
         ANALYZE {schema}.rows;
         INSERT INTO {schema}.rows (kind, account, part, id, ver, tries, due, body)
         SELECT 'inbox', 'p:test:m', 'callback/' || n, n, n, 0, now(), '{{}}' FROM generate_series(1, 20000) AS n"
    );
    client.batch_execute(&fill).await.unwrap();
    let claimer = connect(&url).await;
    let claim = format!("SELECT count(*) FROM {schema}.claim('inbox', 'p:test:m', 64, 1000000, NULL)");
    claimer.batch_execute(&claim).await.unwrap();
    drop(claimer);
    // Each row is written by its name, whatever found it.
    while read_of(&client, schema, "rows_pkey").await == 0 {
        tokio::task::yield_now().await;
    }
    let read = [read_of(&client, schema, "rows_due").await, read_of(&client, schema, "rows_open").await];
    assert!(read[0] <= 70 && read[1] == 0, "a claim of 64 read {read:?} entries of the indexes of due times and of names");
    client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
}

#[tokio::test]
async fn a_page_of_what_is_due_goes_by_the_partial_index_before_and_after_analyze() {
    let url =
        std::env::var("PAYSLUICE_TEST_POSTGRES").expect("PAYSLUICE_TEST_POSTGRES: run `cargo xtask test`, which starts a server");
    let options = Options { schema: format!("test_{:016x}", SystemRng::new().next_u64()), ..Options::default() };
    migrate(&url, &options).await.unwrap();
    let (client, schema) = (connect(&url).await, &options.schema);
    let fill = format!(
        "INSERT INTO {schema}.rows (kind, account, part, id, ver, tries, due, body)
         SELECT 'intent', 'p:test:m', 'order/' || n, 'charge/1', n, 0, CASE WHEN n % 500 = 0 THEN now() END, '{{}}'
         FROM generate_series(1, 20000) AS n"
    );
    client.batch_execute(&fill).await.unwrap();
    for prepare in [String::new(), format!("ANALYZE {schema}.rows")] {
        client.batch_execute(&prepare).await.unwrap();
        let plan = plan(&client, schema).await;
        assert!(plan.contains("Index Scan using rows_open on rows"), "{plan}");
        assert!(!plan.contains("Seq Scan") && !plan.contains("Sort") && !plan.contains("Rows Removed"), "{plan}");
    }
    client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
}
