//! The one connection to Redis, shared by all callers: made when it is needed, given up when it fails, never waited for beyond a time.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use paysluice::env::Env;
use paysluice::guard::timeout;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, RedisError, ServerErrorKind, Value};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};

use crate::script::{Call, Script};

/// A connection that mends itself: who finds it broken makes a new one, everybody else waits for that one.
pub(crate) struct Link {
    client: Client,
    env: Env,
    timeout: Duration,
    current: Mutex<Current>,
    making: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Current {
    connection: Option<MultiplexedConnection>,
    /// Which connection it is, so that a late failure of the one before does not end its successor.
    number: u64,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// No answer in time; what was asked may or may not have been done.
    Late(Duration),
    /// Redis or the way to it said no.
    Failed(RedisError),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late(time) => write!(f, "no answer within {time:?}"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl Link {
    /// A link to the server at `url` (`redis://` or `rediss://`); connects when it is first used.
    pub(crate) fn new(url: &str, env: &Env, timeout: Duration) -> Result<Self, RedisError> {
        if url.starts_with("rediss:") {
            choose_cryptography();
        }
        Ok(Self {
            client: Client::open(url)?,
            env: env.clone(),
            timeout,
            current: Mutex::default(),
            making: tokio::sync::Mutex::default(),
        })
    }

    /// Runs the script by its digest, and with its text if the server does not know it (any more).
    pub(crate) async fn run(&self, script: &Script, call: &Call) -> Result<Value, Trouble> {
        match self.ask(&script.by_digest(call)).await {
            Err(Trouble::Failed(error)) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.ask(&script.by_text(call)).await
            }
            answer => answer,
        }
    }

    /// Sends one command and waits for its answer, connecting if need be, at most for the link's timeout.
    pub(crate) async fn ask(&self, command: &Cmd) -> Result<Value, Trouble> {
        let until = self.env.now() + self.timeout;
        let mut used = None;
        let answer = timeout::run(&self.env, until, async {
            let (mut connection, number) = self.connection().await?;
            used = Some(number);
            connection.req_packed_command(command).await
        })
        .await;
        let trouble = match answer {
            Ok(Ok(Value::ServerError(error))) => Trouble::Failed(error.into()),
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => Trouble::Failed(error),
            Err(timeout::Elapsed) => Trouble::Late(self.timeout),
        };
        if let Some(number) = used
            && trouble.is_of_the_connection()
        {
            self.give_up(number);
        }
        Err(trouble)
    }

    async fn connection(&self) -> Result<(MultiplexedConnection, u64), RedisError> {
        if let Some(found) = self.current() {
            return Ok(found);
        }
        let _one_at_a_time = self.making.lock().await;
        if let Some(found) = self.current() {
            return Ok(found);
        }
        // Times are bounded by `ask`, with the environment's clock.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut current = self.lock();
        current.number += 1;
        current.connection = Some(connection.clone());
        Ok((connection, current.number))
    }

    fn current(&self) -> Option<(MultiplexedConnection, u64)> {
        let current = self.lock();
        current.connection.clone().map(|connection| (connection, current.number))
    }

    fn give_up(&self, number: u64) {
        let mut current = self.lock();
        if current.number == number {
            current.connection = None;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The redis crate leaves the choice to the process, and rustls panics where nobody has chosen and two could be.
fn choose_cryptography() {
    if CryptoProvider::get_default().is_none() {
        // An error means that somebody chose meanwhile.
        let _ = aws_lc_rs::default_provider().install_default();
    }
}

impl Trouble {
    /// Whether another connection could do better: it hangs, it broke, or its server has become a replica.
    fn is_of_the_connection(&self) -> bool {
        match self {
            Self::Late(_) => true,
            Self::Failed(error) => {
                error.is_io_error()
                    || error.is_unrecoverable_error()
                    || error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
            }
        }
    }
}

impl fmt::Debug for Link {
    /// Without the URL, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
