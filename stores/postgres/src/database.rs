//! The connections: each held for one statement, replaced when broken, and given up on in time.

use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime};
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{CancelToken, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::address::{self, Address};
use crate::errors::{Failure, Outcome};
use crate::options::Options;
use crate::tls;

/// A parameter and its type: given, so that the statement needs no round trip to be prepared.
pub(crate) type Param<'a> = (&'a (dyn ToSql + Sync), Type);

/// How often a call is made whose connection broke or which lost to a twin.
const TRIES: u32 = 3;

/// How long a cancel may take: it is a courtesy to the server, nobody needs its answer.
const CANCEL: Duration = Duration::from_secs(1);

pub(crate) struct Database {
    pool: Pool,
    tls: MakeRustlsConnect,
    patience: Duration,
}

impl Database {
    /// The connections to the server of a URL; none is made yet.
    pub(crate) fn at(url: &str, options: &Options) -> Outcome<Self> {
        let Address { mut config, roots } = address::read(url)?;
        let tls = tls::connector(roots.as_deref())?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(options.patience);
        }
        // A check by a query would be a second round trip to every call; a connection that turns out to be dead is replaced.
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let pool = Pool::builder(Manager::from_config(config, tls.clone(), manager))
            .max_size(options.connections.max(1))
            .wait_timeout(Some(options.patience))
            .create_timeout(Some(options.patience))
            .recycle_timeout(Some(options.patience))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| Failure::unavailable(error.to_string()))?;
        Ok(Self { pool, tls, patience: options.patience })
    }

    /// One statement, in a transaction of its own, in one round trip.
    pub(crate) async fn query(&self, statement: &str, params: &[Param<'_>]) -> Outcome<Vec<Row>> {
        let mut tries = 1;
        loop {
            match self.once(statement, params).await {
                Err(failure) if failure.again && tries < TRIES => tries += 1,
                answer => return answer,
            }
        }
    }

    async fn once(&self, statement: &str, params: &[Param<'_>]) -> Outcome<Vec<Row>> {
        let client = self.connection().await?;
        if let Ok(answer) = timeout(self.patience, client.query_typed(statement, params)).await {
            return Ok(answer?);
        }
        self.give_up(client).await;
        Err(Failure::unavailable(format!("no answer within {:?}", self.patience)))
    }

    pub(crate) async fn connection(&self) -> Outcome<Object> {
        match self.pool.get().await {
            Ok(client) => Ok(client),
            Err(PoolError::Backend(error)) => Err(error.into()),
            Err(error) => Err(Failure::unavailable(format!("no connection: {error}"))),
        }
    }

    /// Closes a connection that does not answer, and asks the server to end what it does for it.
    async fn give_up(&self, client: Object) {
        let cancel: CancelToken = client.cancel_token();
        drop(Object::take(client));
        let _ = timeout(CANCEL, cancel.cancel_query(self.tls.clone())).await;
    }
}

impl std::fmt::Debug for Database {
    /// Without the address: it may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("connections", &self.pool.status().size).finish_non_exhaustive()
    }
}
