//! How a PostgreSQL store works: its schema, its connections, how much shares a transaction, how long it waits.

use std::time::Duration;

use paysluice::store::{Durability, StoreErrorKind};

use crate::errors::{Failure, Outcome};

/// How a store works. The defaults fit a payment service; change a field with `Options { field, ..Options::default() }`.
#[derive(Clone, Debug)]
pub struct Options {
    /// The schema that holds the tables: a lower-case name of letters, digits and `_`. `paysluice`.
    pub schema: String,
    /// Most connections of this store. 8: two lanes of commits, and six for reads, claims and purges.
    pub connections: usize,
    /// Most transactions of commits at once; commits that come while all are busy share the next one. 2.
    pub lanes: usize,
    /// Most commits that share one transaction. 64.
    pub group: usize,
    /// Most commits that wait before the store answers `Unavailable` at once. 4096.
    pub line: usize,
    /// How long a call waits for a connection, and again for the server's answer, before `Unavailable`. 5 s. A server that is away is
    /// tried again for so long after it went: a restart shorter than this is noticed by nobody. Later callers are told at once.
    pub patience: Duration,
    /// What to claim for durability instead of what the server's settings say. If a failover may promote a replica that lags
    /// (asynchronous replication), say [`Durability::BestEffort`]: no setting tells it.
    pub durability: Option<Durability>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            schema: "paysluice".to_owned(),
            connections: 8,
            lanes: 2,
            group: 64,
            line: 4096,
            patience: Duration::from_secs(5),
            durability: None,
        }
    }
}

impl Options {
    /// The schema's name, which is put into statements as it is.
    pub(crate) fn schema(&self) -> Outcome<&str> {
        let mut letters = self.schema.bytes();
        let opens = letters.next().is_some_and(|letter| letter.is_ascii_lowercase() || letter == b'_');
        let goes_on = letters.all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_');
        if opens && goes_on && self.schema.len() <= 63 && !self.schema.starts_with("pg_") {
            return Ok(&self.schema);
        }
        let why =
            format!("schema {:?}: must be at most 63 of a-z, 0-9 and _, and begin with neither a digit nor pg_", self.schema);
        Err(Failure::new(StoreErrorKind::Refused, why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_s_name_is_a_plain_word() {
        let named = |name: &str| Options { schema: name.to_owned(), ..Options::default() };
        for good in ["paysluice", "_a", "shop_2"] {
            assert_eq!(named(good).schema().unwrap(), good);
        }
        for bad in ["", "2a", "Shop", "a b", "a\"; DROP TABLE x", "pg_catalog", "é", &"x".repeat(64)] {
            assert_eq!(named(bad).schema().unwrap_err().kind, StoreErrorKind::Refused, "{bad}");
        }
    }
}
