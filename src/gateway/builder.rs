//! Builds a gateway: what it must have, what it may have, and what it refuses to do without being told.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use arc_swap::ArcSwap;
use serde::{Deserialize, Deserializer, Serialize};
use tokio::sync::watch;

use super::access::AccessCache;
use super::duty::Duty;
use super::flight::Flights;
use super::handle::Gateway;
use super::pause::Pauses;
use super::persist::OpIds;
use super::rows::Rows;
use super::told::Handler;
use super::{Inner, background};
use crate::adapter::Adapter;
use crate::env::Env;
use crate::guard::rate::Limiter;
use crate::guard::timing::Totals;
use crate::guard::{Guards, GuardsConfig};
use crate::model::Invalid;
use crate::model::text;
use crate::signing::Sealer;
use crate::store::{Durability, Store};
use crate::transport::Transport;

/// Settings of a gateway beside its guards'.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayConfig {
    /// How often the resolver looks for what is due. Default 1 s: the first look at a doubt is 5 s after it, at the earliest.
    #[serde(serialize_with = "text::write_duration", deserialize_with = "resolver_every")]
    pub resolver_every: Duration,
    /// How often tells are looked for when nothing rings. Default 1 s: other processes' changes are told by theirs.
    #[serde(serialize_with = "text::write_duration", deserialize_with = "tell_every")]
    pub tell_every: Duration,
    /// How often expired rows are removed. Default 10 min: they are invisible already.
    #[serde(serialize_with = "text::write_duration", deserialize_with = "purge_every")]
    pub purge_every: Duration,
    /// How long work that was claimed (a doubt, and for two thirds of it a tell or a callback) is this process's. What a process that
    /// dies had claimed lies for so long; 1 s to 1 h. Default 90 s: a look at a doubt may take 40 s, and its last send another 40 s.
    #[serde(serialize_with = "text::write_duration", deserialize_with = "lease")]
    pub lease: Duration,
    /// Whether this gateway works off what is due: doubts, tells, probes. Default true. A process that only asks can leave it to
    /// others; somebody must do it.
    pub background: bool,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            resolver_every: Duration::from_secs(1),
            tell_every: Duration::from_secs(1),
            purge_every: Duration::from_secs(600),
            lease: Duration::from_secs(90),
            background: true,
        }
    }
}

/// What follows from the lease: whatever is begun under it must have ended when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leases {
    /// How long after a claim the resolver begins anything.
    pub(crate) patience: Duration,
    /// How long what it began last may still run, however long sends may take by configuration.
    pub(crate) last_send: Duration,
    /// How long a claimed tell or callback is ours: no send hangs on it.
    pub(crate) short: Duration,
    /// How long a handler may take: less than that, or another would tell it meanwhile.
    pub(crate) hearing: Duration,
}

impl GatewayConfig {
    pub(crate) fn leases(&self) -> Leases {
        let (patience, hearing) = (self.lease * 4 / 9, self.lease / 2);
        Leases { patience, last_send: patience, short: self.lease * 2 / 3, hearing }
    }
}

fn lease<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    text::read_duration(input, "gateway.lease")
}

fn resolver_every<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    text::read_duration(input, "gateway.resolver_every")
}

fn tell_every<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    text::read_duration(input, "gateway.tell_every")
}

fn purge_every<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    text::read_duration(input, "gateway.purge_every")
}

/// Who is told: there is no default, because a change that nobody hears is a lost callback.
#[derive(Debug)]
enum Ear {
    Handler(Arc<dyn Handler>),
    Nobody,
}

/// Builds a [`Gateway`].
#[derive(Debug)]
pub struct Builder {
    adapter: Arc<dyn Adapter>,
    transport: Arc<dyn Transport>,
    store: Arc<dyn Store>,
    env: Env,
    guards: GuardsConfig,
    limiter: Option<Arc<dyn Limiter>>,
    duty: Option<Arc<dyn Duty>>,
    config: GatewayConfig,
    sealer: Option<Arc<Sealer>>,
    unsealed: bool,
    least: Durability,
    ear: Option<Ear>,
}

impl Builder {
    pub(super) fn new(adapter: Arc<dyn Adapter>, transport: Arc<dyn Transport>, store: Arc<dyn Store>, env: Env) -> Self {
        Self {
            adapter,
            transport,
            store,
            env,
            guards: GuardsConfig::default(),
            limiter: None,
            duty: None,
            config: GatewayConfig::default(),
            sealer: None,
            unsealed: false,
            least: Durability::Disk,
            ear: None,
        }
    }

    /// The guards' settings.
    pub fn guards(mut self, guards: GuardsConfig) -> Self {
        self.guards = guards;
        self
    }

    /// Limits the rate by this instead of by a limiter of this process alone: one that is shared by several processes. It should
    /// have been made for the account, with the rates of [`guards`](Self::guards).
    pub fn limiter(mut self, limiter: Arc<dyn Limiter>) -> Self {
        self.limiter = Some(limiter);
        self
    }

    /// Resolves what is due only while the duty says so: one resolver for a fleet. Without it every process resolves.
    pub fn duty(mut self, duty: Arc<dyn Duty>) -> Self {
        self.duty = Some(duty);
        self
    }

    /// The gateway's own settings.
    pub fn config(mut self, config: GatewayConfig) -> Self {
        self.config = config;
        self
    }

    /// Seals operations and drafts at rest with this key.
    pub fn sealer(mut self, sealer: Sealer) -> Self {
        self.sealer = Some(Arc::new(sealer));
        self
    }

    /// Leaves operations and drafts readable in the store. For a store that is as well guarded as a key would be, and for tests.
    pub fn unsealed(mut self) -> Self {
        self.unsealed = true;
        self
    }

    /// Accepts a store that keeps less than the disk does: what it loses, nobody can resolve.
    pub fn accept_durability(mut self, least: Durability) -> Self {
        self.least = least;
        self
    }

    /// Tells every change to this handler.
    pub fn handler(mut self, handler: Arc<dyn Handler>) -> Self {
        self.ear = Some(Ear::Handler(handler));
        self
    }

    /// Tells nobody: the application asks.
    pub fn no_handler(mut self) -> Self {
        self.ear = Some(Ear::Nobody);
        self
    }

    /// Builds it, and starts its background work.
    pub fn build(self) -> Result<Gateway, Invalid> {
        let Some(ear) = self.ear else {
            return Err(Invalid::new("gateway.handler", "set: handler(..), or no_handler() if the application asks by itself"));
        };
        let handler = match ear {
            Ear::Handler(handler) => Some(handler),
            Ear::Nobody => None,
        };
        if self.store.durability() < self.least {
            let rule = format!("at least {:?}; accept_durability(..) says that less will do", self.least);
            return Err(Invalid::new("gateway.store", rule));
        }
        if self.sealer.is_none() && !self.unsealed {
            return Err(Invalid::new("gateway.sealer", "set: sealer(..) with a key of the application, or unsealed()"));
        }
        if !(Duration::from_secs(1)..=Duration::from_hours(1)).contains(&self.config.lease) {
            return Err(Invalid::new("gateway.lease", "1s to 1h"));
        }
        let account = self.adapter.account().clone();
        let profile = self.adapter.profile();
        if account.provider() != profile.provider {
            return Err(Invalid::new("gateway.account", format!("an account of {}", profile.provider)));
        }
        let mut guards = self.guards;
        guards.breaker.probes = self.config.background && self.adapter.probe().is_some();
        let guards = match self.limiter {
            Some(limiter) => Guards::with_limiter(&account, &self.env, guards, limiter)?,
            None => Guards::new(&account, &self.env, guards)?,
        };
        let inner = Arc::new(Inner {
            rows: Rows::new(account.clone(), self.sealer, Arc::clone(self.env.rng())),
            payment_ref: profile.payment_ref,
            op_ids: OpIds::default(),
            adapter: ArcSwap::from_pointee(self.adapter),
            account,
            env: self.env,
            transport: self.transport,
            store: self.store,
            guards,
            access: AccessCache::default(),
            handler,
            duty: self.duty,
            config: self.config,
            flights: Flights::default(),
            totals: Totals::default(),
            closing: AtomicBool::new(false),
            pauses: Pauses::default(),
            changes: watch::channel(0).0,
            resolver_bell: Arc::default(),
            told_bell: Arc::default(),
            inbox_bell: Arc::default(),
        });
        if inner.config.background {
            background::start(&inner);
        }
        Ok(Gateway::of(inner))
    }
}
