//! A lease that one process of a fleet has at a time, with a token that only grows: for work that should be done by one.
//!
//! A lease is an optimisation: a failover may give it to two, and a process may stop while it holds it. What protects a row is its
//! version, or the token where the resource checks it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use paysluice::env::{BoxFuture, Env, Mono};
use paysluice::gateway::Duty;
use paysluice::model::AccountRef;
use paysluice::store::StoreError;
use redis::FromRedisValue;

use crate::errors;
use crate::link::Link;
use crate::names::tagged;
use crate::rows::millis;
use crate::script::{Call, Script};

static LEASE: LazyLock<Script> =
    LazyLock::new(|| Script::new(concat!(include_str!("lua/now.lua"), include_str!("lua/lease.lua"))));

/// How a lease works.
#[derive(Clone, Debug)]
pub struct LeaseOptions {
    /// What all keys begin with. Default `paysluice`.
    pub prefix: String,
    /// For how long it is claimed and renewed. Default 15 s: after a crash nobody works for so long.
    pub term: Duration,
    /// How long a call waits for the server. Default 500 ms.
    pub timeout: Duration,
}

impl Default for LeaseOptions {
    fn default() -> Self {
        Self { prefix: crate::PREFIX.to_owned(), term: Duration::from_secs(15), timeout: Duration::from_millis(500) }
    }
}

/// One process's hand on a named lease. Two handles are two holders, also within one process.
#[derive(Debug)]
pub struct Lease {
    link: Link,
    env: Env,
    keys: [String; 2],
    holder: String,
    options: LeaseOptions,
    /// The greatest token seen: none below is given here again, even if the server has lost it.
    seen: AtomicU64,
}

/// What a claim came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is ours.
    Held(Held),
    /// Somebody else has it. Not worth asking again before so long; `None` if nobody has it (a renewal that came too late).
    Busy {
        /// When it ends, if its holder does not renew it.
        retry_after: Option<Duration>,
    },
}

/// A lease that is held: its token, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    token: u64,
    until: Mono,
}

impl Held {
    /// Greater than that of every holder before: a resource that remembers the greatest can refuse who is late.
    pub fn token(&self) -> u64 {
        self.token
    }

    /// Until when nobody else can have it, by this process's monotonic clock: begin nothing after it.
    pub fn until(&self) -> Mono {
        self.until
    }
}

impl Lease {
    /// A hand on the account's lease of that name, on the server at `url`. It connects when it is first used.
    ///
    /// # Errors
    /// `Refused`: not a URL that can be used.
    pub fn new(url: &str, account: &AccountRef, name: &str, env: &Env, options: LeaseOptions) -> Result<Self, StoreError> {
        let link = Link::new(url, env, options.timeout).map_err(|error| errors::of_url(&error))?;
        let keys = ["lease", "token"].map(|what| tagged(&options.prefix, &account.to_string(), &format!("{what}:{name}")));
        let holder = format!("{:032x}", env.rng().next_u128());
        Ok(Self { link, env: env.clone(), keys, holder, options, seen: AtomicU64::new(0) })
    }

    /// Takes it if nobody has it; keeps it, with its token, if it is ours already. Repeating it after a lost answer is safe.
    pub async fn claim(&self) -> Result<Claim, StoreError> {
        self.ask("claim").await
    }

    /// Keeps it, if it is still ours.
    pub async fn renew(&self) -> Result<Claim, StoreError> {
        self.ask("renew").await
    }

    /// Gives it up, if it is ours: the next can have it at once.
    pub async fn release(&self) -> Result<(), StoreError> {
        self.ask("release").await.map(|_| ())
    }

    async fn ask(&self, what: &str) -> Result<Claim, StoreError> {
        let asked = self.env.now();
        let term = self.options.term;
        let call = self.keys.iter().fold(Call::default(), |call, key| call.key(key.as_bytes())).arg(0);
        let call = call.arg(what).arg(self.holder.as_str()).arg(millis(term).max(1)).arg(self.seen.load(Ordering::Relaxed));
        let answer = <[u64; 2]>::from_redis_value(self.link.run(&LEASE, &call).await?);
        let [token, left] = answer.map_err(|_| errors::corrupt("the answer of a lease"))?;
        if token == 0 || left == 0 {
            return Ok(Claim::Busy { retry_after: Some(Duration::from_millis(left)).filter(|left| !left.is_zero()) });
        }
        self.seen.fetch_max(token, Ordering::Relaxed);
        // From before it was asked, less a hundredth: the two clocks do not run alike.
        Ok(Claim::Held(Held { token, until: asked + term.saturating_sub(term / 100) }))
    }
}

/// One resolver for a fleet: the process that has the lease works, the others look again when it ends.
///
/// Give it to [`Builder::duty`](paysluice::gateway::Builder::duty). While Redis cannot be asked, everybody works.
#[derive(Debug)]
pub struct LeasedDuty {
    lease: Lease,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Ask before this.
    Ours { until: Mono },
    /// Nobody needs to ask before this.
    Theirs { until: Mono },
}

impl LeasedDuty {
    /// The duty of whoever has that lease.
    pub fn new(lease: Lease) -> Self {
        Self { lease, state: Mutex::new(State::Theirs { until: Mono::ORIGIN }) }
    }

    /// Gives the duty to another process at once, at the end of this one.
    pub async fn release(&self) -> Result<(), StoreError> {
        self.set(State::Theirs { until: self.lease.env.now() + self.lease.options.term });
        self.lease.release().await
    }

    async fn ask(&self) -> bool {
        let (now, term) = (self.lease.env.now(), self.lease.options.term);
        match *self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            // More than half of it is left.
            State::Ours { until } if until.since(now) > term / 2 => return true,
            State::Theirs { until } if until > now => return false,
            State::Ours { .. } | State::Theirs { .. } => {}
        }
        match self.lease.claim().await {
            Ok(Claim::Held(held)) => {
                self.set(State::Ours { until: held.until() });
                true
            }
            Ok(Claim::Busy { retry_after }) => {
                self.set(State::Theirs { until: now + retry_after.unwrap_or_default() });
                false
            }
            Err(error) => {
                tracing::warn!(%error, "who resolves cannot be found out: this process does, too");
                true
            }
        }
    }

    fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

impl Duty for LeasedDuty {
    fn is_ours(&self) -> BoxFuture<'_, bool> {
        Box::pin(self.ask())
    }
}
