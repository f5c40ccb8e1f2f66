//! A till: one channel's gateway, with a count of what goes over its wire and what it tells.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use paysluice::adapter::{Adapter, Reply, Request};
use paysluice::env::{BoxFuture, Env};
use paysluice::gateway::{By, Gateway, GatewayConfig, Handler, TellAgain, Told};
use paysluice::guard::GuardsConfig;
use paysluice::model::Invalid;
use paysluice::signing::Sealer;
use paysluice::transport::{Limits, NetworkConfig, NetworkTransport, Transport, TransportError};
use paysluice_sqlite::SqliteStore;

use super::channel::Channel;

/// One channel's way to the bank.
#[derive(Debug)]
pub(crate) struct Till {
    pub(crate) channel: Arc<dyn Channel>,
    pub(crate) adapter: Arc<dyn Adapter>,
    pub(crate) gateway: Gateway,
    pub(crate) wire: Arc<Wire>,
    pub(crate) ear: Arc<Ear>,
}

impl Till {
    /// A gateway of its own on the store of all.
    pub(crate) fn open(
        env: &Env,
        channel: Arc<dyn Channel>,
        adapter: Arc<dyn Adapter>,
        store: &SqliteStore,
        sealer: Sealer,
        at_once: u32,
    ) -> Result<Self, Invalid> {
        let network =
            NetworkConfig { connect_timeout: Duration::from_millis(500), allow_http_loopback: true, ..NetworkConfig::default() };
        let network = NetworkTransport::new(&network, adapter.profile().keep_alive)?;
        let (wire, ear) = (Arc::new(Wire::over(network, Arc::clone(&channel))), Arc::new(Ear::default()));
        let gateway = Gateway::builder(Arc::clone(&adapter), wire.clone(), Arc::new(store.clone()), env.clone())
            .guards(guards(at_once))
            .config(GatewayConfig {
                resolver_every: Duration::from_millis(100),
                tell_every: Duration::from_millis(100),
                ..GatewayConfig::default()
            })
            .sealer(sealer)
            .handler(ear.clone())
            .build()?;
        Ok(Self { channel, adapter, gateway, wire, ear })
    }
}

/// As strict as ever, and as quick as a bank on the same machine allows: a thousand payments are to fit 20 seconds.
fn guards(at_once: u32) -> GuardsConfig {
    let mut guards = GuardsConfig::default();
    (guards.rate.account, guards.rate.resolve) = (None, None);
    (guards.rate.line, guards.rate.pushback) = (10_000, Duration::from_millis(20));
    guards.bulkhead.charge = at_once.max(32);
    (guards.bulkhead.give_back, guards.bulkhead.query, guards.bulkhead.resolve) = (32, 32, 32);
    guards.bulkhead.line = 2048;
    guards.budget.cap = 20_000;
    (guards.backoff.base, guards.backoff.throttled_base) = (Duration::from_millis(10), Duration::from_millis(40));
    guards.backoff.cap = Duration::from_millis(500);
    (guards.timeout.send, guards.timeout.query) = (Duration::from_secs(1), Duration::from_secs(1));
    (guards.breaker.consecutive_faults, guards.breaker.success_per_mille) = (12, 300);
    (guards.breaker.open_min, guards.breaker.open_max) = (Duration::from_millis(100), Duration::from_secs(1));
    guards.breaker.grace = Duration::from_millis(100);
    guards
}

/// The network, with a count of what goes over it.
pub(crate) struct Wire {
    network: NetworkTransport,
    channel: Arc<dyn Channel>,
    pub(crate) sends: AtomicU64,
    pub(crate) retries: AtomicU64,
    pub(crate) keys: AtomicU64,
    sent: Mutex<BTreeSet<u64>>,
}

impl Wire {
    fn over(network: NetworkTransport, channel: Arc<dyn Channel>) -> Self {
        let (sends, retries, keys) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        Self { network, channel, sends, retries, keys, sent: Mutex::default() }
    }
}

impl Transport for Wire {
    fn send(&self, request: Request, limits: Limits) -> BoxFuture<'_, Result<Reply, TransportError>> {
        self.sends.fetch_add(1, Ordering::Relaxed);
        self.keys.fetch_add(u64::from(self.channel.asks_for_keys(&request)), Ordering::Relaxed);
        // What changes something is drafted once: the same again is the same request again.
        if let Some(change) = self.channel.changes(&request) {
            let mut hasher = DefaultHasher::new();
            change.hash(&mut hasher);
            let fresh = self.sent.lock().unwrap_or_else(PoisonError::into_inner).insert(hasher.finish());
            self.retries.fetch_add(u64::from(!fresh), Ordering::Relaxed);
        }
        self.network.send(request, limits)
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

/// Hears every change, and counts each once.
#[derive(Debug, Default)]
pub(crate) struct Ear {
    heard: Mutex<BTreeSet<String>>,
    pub(crate) by_callback: AtomicU64,
}

impl Ear {
    /// Different changes so far.
    pub(crate) fn changes(&self) -> usize {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Handler for Ear {
    fn handle<'a>(&'a self, told: &'a Told) -> BoxFuture<'a, Result<(), TellAgain>> {
        let first = self.heard.lock().unwrap_or_else(PoisonError::into_inner).insert(told.effect_key.clone());
        self.by_callback.fetch_add(u64::from(first && told.by == By::Callback), Ordering::Relaxed);
        Box::pin(std::future::ready(Ok(())))
    }
}
