//! What a provider hands out (tokens, platform keys), fetched for the commands that work without a gateway.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use paysluice::adapter::{Adapter, Failure, Granted, Stamp, Want};
use paysluice::env::{Env, Mono};
use paysluice::guard::timeout;
use paysluice::model::{Error, ErrorKind};
use paysluice::transport::{Limits, Transport};

/// How long a want that was refused is refused without asking again: a flood of forged callbacks must not become one of fetches.
const REFUSED_FOR: Duration = Duration::from_secs(5);

/// Largest answer to a fetch, in bytes: certificates and tokens are a few kilobytes.
const CAP: usize = 256 * 1024;

/// Fetches what an adapter wants, once for all who want it.
#[derive(Debug)]
pub(crate) struct Fetcher {
    env: Env,
    pub(crate) adapter: Arc<dyn Adapter>,
    pub(crate) transport: Arc<dyn Transport>,
    granted: RwLock<Arc<Granted>>,
    /// The single flight, and what was refused last.
    flight: tokio::sync::Mutex<Option<(Want, Mono, String)>>,
}

impl Fetcher {
    pub(crate) fn new(env: Env, adapter: Arc<dyn Adapter>, transport: Arc<dyn Transport>) -> Self {
        Self { env, adapter, transport, granted: RwLock::default(), flight: tokio::sync::Mutex::default() }
    }

    /// What is granted now.
    pub(crate) fn granted(&self) -> Arc<Granted> {
        Arc::clone(&self.granted.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes sure of `want` by `deadline`.
    pub(crate) async fn ensure(&self, want: &Want, deadline: Mono) -> Result<(), Error> {
        let obtained = timeout::run(&self.env, deadline, self.obtain(want, deadline)).await;
        obtained.unwrap_or_else(|timeout::Elapsed| Err(refused("no answer in time")))
    }

    async fn obtain(&self, want: &Want, deadline: Mono) -> Result<(), Error> {
        let mut flight = self.flight.lock().await;
        if self.has(want) {
            return Ok(());
        }
        let now = self.env.now();
        if let Some((_, _, why)) = flight.as_ref().filter(|(refused, until, _)| refused == want && now < *until) {
            return Err(refused(why));
        }
        let fetched = self.fetch(want, deadline).await;
        if let Err(error) = &fetched {
            *flight = Some((want.clone(), now + REFUSED_FOR, error.message().to_owned()));
        }
        fetched
    }

    async fn fetch(&self, want: &Want, deadline: Mono) -> Result<(), Error> {
        let access = self.adapter.access().ok_or_else(|| refused("this provider hands out nothing"))?;
        let stamp = Stamp { now: self.env.wall(), nonce: self.env.rng().next_u128(), send: 1 };
        let request = access.request(want, &stamp)?;
        let limits = Limits { timeout: deadline.since(self.env.now()), reply_cap: CAP };
        let reply = self.transport.send(request, limits).await.map_err(|error| refused(&error.to_string()))?;
        let received = Stamp { now: self.env.wall(), nonce: self.env.rng().next_u128(), send: 1 };
        let grants = access.read(want, &reply, &received).map_err(|Failure { error, .. }| error)?;
        let mut granted = Granted::clone(&self.granted());
        for grant in grants {
            granted.insert(grant);
        }
        *self.granted.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(granted);
        if self.has(want) { Ok(()) } else { Err(refused("the provider did not grant it")) }
    }

    fn has(&self, want: &Want) -> bool {
        self.granted().get(want, self.env.wall()).is_some()
    }
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::Refused, why)
}

#[cfg(test)]
#[path = "access/tests.rs"]
mod tests;
