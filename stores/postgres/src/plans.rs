//! Tests of plans on a real server: pages of what is due go by their own index, and what is settled is not read, however much it is.
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
