//! Where a run's workers keep what they know: the store under test, by address.

use std::sync::Arc;
use std::time::Duration;

use paysluice::env::Env;
use paysluice::store::{Store, StoreError};
use paysluice_postgres::PostgresStore;
use paysluice_redis::{RedisStore, StoreOptions};
use paysluice_sqlite::SqliteStore;
use serde::{Deserialize, Serialize};

/// A store's address.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A file.
    Sqlite(String),
    /// A schema of a server.
    Postgres {
        /// Where the server is.
        url: String,
        /// The schema.
        schema: String,
    },
    /// A server.
    Redis(String),
}

impl Place {
    /// Opens it.
    pub async fn open(&self, env: &Env) -> Result<Arc<dyn Store>, StoreError> {
        Ok(match self {
            Self::Sqlite(path) => Arc::new(SqliteStore::open(path, env.clock().clone(), paysluice_sqlite::Options::default())?),
            Self::Postgres { url, schema } => Arc::new(PostgresStore::connect(url, postgres(schema)).await?),
            Self::Redis(url) => {
                Arc::new(RedisStore::open(url, env, StoreOptions { timeout: Duration::from_secs(2), ..StoreOptions::default() })?)
            }
        })
    }

    /// The same store by another way, as through a proxy.
    #[must_use]
    pub fn by(&self, way: std::net::SocketAddr) -> Self {
        match self {
            Self::Sqlite(path) => Self::Sqlite(path.clone()),
            Self::Postgres { url, schema } => {
                let before = url.rfind('@').map_or(url.as_str(), |at| url.get(..=at).unwrap_or_default());
                let after = url.rsplit_once('/').map_or("postgres", |(_, database)| database);
                Self::Postgres { url: format!("{before}{way}/{after}"), schema: schema.clone() }
            }
            Self::Redis(_) => Self::Redis(format!("redis://{way}")),
        }
    }
}

/// How the store on PostgreSQL is opened, and its tables made: patient enough for some outages, and not for others.
pub fn postgres(schema: &str) -> paysluice_postgres::Options {
    let patience = Duration::from_millis(800);
    paysluice_postgres::Options { schema: schema.to_owned(), patience, ..paysluice_postgres::Options::default() }
}
