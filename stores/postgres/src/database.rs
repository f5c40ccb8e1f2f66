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
use crate::outage::Outage;
use crate::tls;

/// A parameter and its type: given, so that the statement needs no round trip to be prepared.
pub(crate) type Param<'a> = (&'a (dyn ToSql + Sync), Type);

/// How often a call is made at once whose connection broke or which lost to a twin; then it waits before each try.
const TRIES: u32 = 3;

/// How long a cancel may take: it is a courtesy to the server, nobody needs its answer.
const CANCEL: Duration = Duration::from_secs(1);

pub(crate) struct Database {
    pool: Pool,
    tls: MakeRustlsConnect,
    patience: Duration,
    outage: Outage,
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
        Ok(Self { pool, tls, patience: options.patience, outage: Outage::new() })
    }

    /// One statement, in a transaction of its own, in one round trip. A server that is away is waited for.
    ///
    /// Once the answer of a try was lost, no later try's failure says that nothing was written.
    pub(crate) async fn query(&self, statement: &str, params: &[Param<'_>]) -> Outcome<Vec<Row>> {
        let (mut tries, mut in_doubt) = (1, false);
        loop {
            match self.once(statement, params).await {
                Ok(answer) => {
                    self.outage.is_over();
                    return Ok(answer);
                }
                Err(failure) => {
                    in_doubt |= failure.again && failure.in_doubt;
                    let wait = match failure.again {
                        true if tries < TRIES => Some(Duration::ZERO),
                        true => self.outage.wait(tries - TRIES, self.patience),
                        false => None,
                    };
                    match wait {
                        Some(wait) => self.outage.rest(wait).await,
                        None if in_doubt => return Err(failure.after_doubt()),
                        None => return Err(failure),
                    }
                    tries += 1;
                }
            }
        }
    }

    async fn once(&self, statement: &str, params: &[Param<'_>]) -> Outcome<Vec<Row>> {
        let lent = Lent(Some(self.connection().await?));
        let Some(client) = &lent.0 else { return Err(Failure::unavailable("no connection")) };
        if let Ok(answer) = timeout(self.patience, client.query_typed(statement, params)).await {
            lent.give_back();
            return answer.map_err(|error| Failure::from(error).of_statement());
        }
        let cancel: CancelToken = client.cancel_token();
        drop(lent);
        // Asks the server to end what it does for the connection that is closed now.
        let _ = timeout(CANCEL, cancel.cancel_query(self.tls.clone())).await;
        Err(Failure::unavailable(format!("no answer within {:?}", self.patience)))
    }

    pub(crate) async fn connection(&self) -> Outcome<Object> {
        match self.pool.get().await {
            Ok(client) => Ok(client),
            Err(PoolError::Backend(error)) => Err(error.into()),
            Err(error) => Err(Failure::unavailable(format!("no connection: {error}"))),
        }
    }
}

/// A connection that goes back among the others when its answer is read. It is closed when it does not answer, or its caller goes
/// away: the next statement must not wait behind one that nobody waits for.
struct Lent(Option<Object>);

impl Lent {
    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        drop(self.0.take().map(Object::take));
    }
}

impl std::fmt::Debug for Database {
    /// Without the address: it may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("connections", &self.pool.status().size).finish_non_exhaustive()
    }
}
