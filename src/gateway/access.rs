//! Access: tokens and keys, fetched once for all who want them, and not again at once when they were not granted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::adapter::{Adapter, Failure, Granted, Stamp, Want};
use crate::env::{Env, Mono};
use crate::guard::{Ask, Class, Guards, Signal, Timing, timeout};
use crate::model::{Error, ErrorKind};
use crate::transport::{Limits, Transport, TransportError};

/// How long a want that was not granted is refused here without asking again. One lost answer must not stop everything that
/// hangs on a new certificate; what is not granted time and again is asked for ever more seldom.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Largest answer to a fetch, in bytes: certificates and tokens are a few kilobytes.
const CAP: usize = 256 * 1024;

/// What is granted, and who fetches what.
#[derive(Debug, Default)]
pub(crate) struct AccessCache {
    granted: ArcSwap<Granted>,
    wants: Mutex<BTreeMap<Want, Arc<Fetch>>>,
}

/// One want: its lock is the single flight.
#[derive(Debug, Default)]
struct Fetch {
    flight: tokio::sync::Mutex<Option<Refusal>>,
}

/// The last fetch granted nothing.
#[derive(Debug)]
struct Refusal {
    until: Mono,
    pause: Duration,
    why: String,
}

/// With what a fetch is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Means<'a> {
    pub(crate) adapter: &'a dyn Adapter,
    pub(crate) transport: &'a dyn Transport,
    pub(crate) guards: &'a Guards,
    pub(crate) env: &'a Env,
}

impl AccessCache {
    /// What is granted now.
    pub(crate) fn granted(&self) -> Arc<Granted> {
        self.granted.load_full()
    }

    /// Lets a grant go that the provider refused.
    pub(crate) fn invalidate(&self, want: &Want) {
        self.granted.rcu(|granted| {
            let mut granted = Granted::clone(granted);
            granted.remove(want);
            granted
        });
    }

    /// Makes sure of `want`: from the cache, or by one fetch for everybody. Bounded by the deadline.
    pub(crate) async fn ensure(&self, want: &Want, means: Means<'_>, deadline: Mono) -> Result<(), Error> {
        if self.has(want, means) {
            return Ok(());
        }
        // Boxed: it is rare, and would make every operation's task larger.
        Box::pin(self.obtain(want, means, deadline)).await
    }

    fn has(&self, want: &Want, means: Means<'_>) -> bool {
        self.granted.load().get(want, means.env.wall()).is_some()
    }

    async fn obtain(&self, want: &Want, means: Means<'_>, deadline: Mono) -> Result<(), Error> {
        let fetch = {
            let mut wants = self.wants.lock().unwrap_or_else(PoisonError::into_inner);
            // Wants can name addresses that a callback brought: bounded, so that nobody fills the memory with them.
            if wants.len() > 256 {
                wants.retain(|_, fetch| Arc::strong_count(fetch) > 1);
            }
            Arc::clone(wants.entry(want.clone()).or_default())
        };
        // Another's fetch may run longer than this caller waits.
        let waited = timeout::run(means.env, deadline, fetch.flight.lock()).await;
        let mut flight = waited.map_err(|_| refused("another's fetch did not end in time".to_owned()))?;
        if self.has(want, means) {
            return Ok(());
        }
        if let Some(last) = flight.as_ref().filter(|last| means.env.now() < last.until) {
            return Err(refused(last.why.clone()).with_after(last.until.since(means.env.now())));
        }
        let fetched = self.fetch(want, means, deadline).await;
        let pause = flight.take().map_or(FIRST_PAUSE, |last| (last.pause * 2).min(LONGEST_PAUSE));
        *flight = fetched.as_ref().err().map(|error| Refusal { until: means.env.now() + pause, pause, why: error.to_string() });
        fetched
    }

    async fn fetch(&self, want: &Want, means: Means<'_>, deadline: Mono) -> Result<(), Error> {
        let Some(access) = means.adapter.access() else {
            return Err(refused(format!("{} hands out nothing", means.adapter.profile().provider)));
        };
        let ask = Ask { class: Class::Access, deadline };
        let mut admitted =
            means.guards.admit(&ask, &mut Timing::default()).await.map_err(|refusal| refused(refusal.to_string()))?;
        let now = means.env.now();
        let stamp = Stamp { now: means.env.wall(), nonce: means.env.rng().next_u128(), send: 1 };
        let request = access.request(want, &stamp)?;
        admitted.sending();
        let limits = Limits { timeout: means.guards.until(Class::Access, now, deadline).since(now), reply_cap: CAP };
        let reply = match means.transport.send(request, limits).await {
            Ok(reply) => reply,
            Err(error) => {
                admitted.report(Signal::Fault);
                return Err(lost(&error));
            }
        };
        let received = Stamp { now: means.env.wall(), ..stamp };
        match access.read(want, &reply, &received) {
            Ok(grants) => {
                admitted.report(Signal::Good);
                self.granted.rcu(|granted| {
                    let mut granted = Granted::clone(granted);
                    grants.iter().cloned().for_each(|grant| granted.insert(grant));
                    granted
                });
                if self.granted.load().get(want, means.env.wall()).is_some() {
                    Ok(())
                } else {
                    Err(refused(format!("the provider did not grant {want:?}")))
                }
            }
            Err(Failure { error, .. }) => {
                admitted.report(super::send::signal_of(&error));
                Err(refused(error.to_string()).caused_by(error))
            }
        }
    }
}

/// Nothing was sent of the operation itself.
fn refused(why: String) -> Error {
    Error::new(ErrorKind::Refused, format!("access: {why}"))
}

fn lost(error: &TransportError) -> Error {
    refused(error.to_string())
}
