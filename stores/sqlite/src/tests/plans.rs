//! Pages of what is due and claims go each by its own index: what is settled is not read, however much of it there is.

use rusqlite::{Connection, ToSql, params};
use tempfile::TempDir;

use super::key;
use crate::{Options, claims, rows, schema};

#[test]
fn pages_of_what_is_due_and_claims_go_by_partial_indexes_before_and_after_analyze() {
    let folder = TempDir::new().unwrap();
    let connection = schema::open(&folder.path().join("store.db"), Options::default().busy).unwrap();
    let fill = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 5000)
        INSERT INTO rows (kind, account, part, id, ver, tries, due_ms, body)
        SELECT 'intent', ?1, 'order/' || n, 'charge/1', n, 0, iif(n % 500 = 0, n, NULL), x'7b7d' FROM n";
    let account = key("1").space.account.to_string();
    connection.execute(fill, [&account]).unwrap();
    for prepare in ["", "ANALYZE"] {
        connection.execute_batch(prepare).unwrap();
        let (page, claim) = (params!["intent", account, "", "", 0, 9], params!["intent", account, 0, 9]);
        for (select, params, index) in [(rows::PAGE_DUE, page, "rows_open"), (claims::DUE, claim, "rows_due")] {
            let step = plan(&connection, select, params);
            assert!(step.starts_with(&format!("SEARCH rows USING INDEX {index} (kind=? AND account=? AND ")), "{step}");
        }
    }
}

/// The one step of a plan without a sort and without a second table.
fn plan(connection: &Connection, select: &str, params: &[&dyn ToSql]) -> String {
    let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {select}")).unwrap();
    let steps: Vec<String> = plan.query_map(params, |row| row.get(3)).unwrap().map(Result::unwrap).collect();
    let [step] = &steps[..] else { panic!("{steps:?}") };
    step.clone()
}
