//! What the demo's payments live in: the sandbox on a socket, the gateway on SQLite, and a listener for callbacks.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use paysluice::adapter::{Adapter, Reply, Request};
use paysluice::callback::CallbackService;
use paysluice::env::{BoxFuture, Env};
use paysluice::gateway::{By, Gateway, GatewayConfig, Handler, TellAgain, Told};
use paysluice::guard::GuardsConfig;
use paysluice::model::{AccountRef, Invalid, Secret};
use paysluice::signing::Sealer;
use paysluice::store::{Space, SpaceKind, Store};
use paysluice::transport::{Limits, NetworkConfig, NetworkTransport, Transport, TransportError};
use paysluice_sandbox::{Sandbox, SandboxConfig, ServerHandle};
use paysluice_sqlite::{Options, SqliteStore};
use paysluice_stripe::{Stripe, StripeConfig};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::faults;
use crate::args::DemoAsk;

/// How long callbacks that are on their way may take to arrive after the last payment.
const CALM: Duration = Duration::from_secs(3);

/// How long the resolver may take for what no customer waits for: its second look at a doubt is 12 s after it began.
const RESOLVED: Duration = Duration::from_secs(13);

/// Everything that lives as long as the demo.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) gateway: Gateway,
    pub(crate) store: SqliteStore,
    pub(crate) account: AccountRef,
    pub(crate) wire: Arc<Wire>,
    pub(crate) ear: Arc<Ear>,
    _server: ServerHandle,
    /// Dropped when the listener for callbacks is to close.
    _open: watch::Sender<()>,
    _folder: TempDir,
}

impl World {
    pub(crate) async fn begin(env: &Env, seed: u64, ask: &DemoAsk) -> Result<Self, String> {
        let sandbox = Sandbox::new(env.clone(), bank(seed));
        let server = sandbox.serve(listener().await?).map_err(|error| format!("the sandbox cannot be served ({error})"))?;
        let credentials = sandbox.credentials();
        let account: AccountRef = format!("stripe:test:{}", credentials.account).parse().map_err(told)?;
        let mut config = StripeConfig::new(account.clone(), credentials.secret_key.clone());
        config = config.webhook_secret(credentials.webhook_secret.clone());
        (config.base_url, config.allow_http_loopback) = (server.url(), true);
        let adapter = Stripe::new(config).map_err(told)?;
        let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder ({error})"))?;
        let store = SqliteStore::open(folder.path().join("demo.db"), env.clock().clone(), Options::default());
        let store = store.map_err(|error| format!("no store ({error})"))?;
        let network =
            NetworkConfig { connect_timeout: Duration::from_millis(500), allow_http_loopback: true, ..NetworkConfig::default() };
        let network = NetworkTransport::new(&network, adapter.profile().keep_alive).map_err(told)?;
        let wire = Arc::new(Wire::over(network));
        let ear = Arc::new(Ear::default());
        let at_rest = Secret::new([env.rng().next_u128().to_be_bytes(), env.rng().next_u128().to_be_bytes()].concat());
        let sealer = Sealer::new([("demo".to_owned(), at_rest)]).map_err(told)?;
        let gateway = Gateway::builder(Arc::new(adapter), wire.clone(), Arc::new(store.clone()), env.clone())
            .guards(guards(ask.concurrency))
            .config(GatewayConfig {
                resolver_every: Duration::from_millis(100),
                tell_every: Duration::from_millis(100),
                ..GatewayConfig::default()
            })
            .sealer(sealer)
            .handler(ear.clone())
            .build()
            .map_err(told)?;
        let open = watch::channel(());
        let url = listen(env, &gateway, &account, open.1).await?;
        sandbox.callbacks().to_url(url);
        faults::strike(&sandbox, seed, ask.faults);
        Ok(Self { sandbox, gateway, store, account, wire, ear, _server: server, _open: open.0, _folder: folder })
    }

    /// Lets the last doubts be resolved, and the callbacks that are on their way arrive and be applied.
    pub(crate) async fn calm(&self, env: &Env) {
        let until = env.now() + RESOLVED;
        while env.now() < until && self.gateway.doubts(1).await.map_or(true, |doubts| !doubts.is_empty()) {
            env.sleep(Duration::from_millis(100)).await;
        }
        let until = env.now() + CALM;
        while env.now() < until {
            let counts = self.sandbox.callbacks().counts();
            let first = counts.accepted.saturating_sub(counts.duplicates);
            let on_their_way = counts.events.saturating_sub(counts.missing + counts.given_up + first);
            let waiting = self.store.depth(&Space::new(SpaceKind::Inbox, &self.account)).await.map_or(1, |depth| depth.due);
            if on_their_way == 0 && waiting == 0 {
                return;
            }
            env.sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends in order: no callback is taken that could not be applied.
    pub(crate) async fn end(self) {
        self.sandbox.callbacks().stop();
        self.gateway.drain(Duration::from_secs(5)).await;
    }
}

fn bank(seed: u64) -> SandboxConfig {
    SandboxConfig {
        seed,
        callback_delay: Duration::from_millis(30),
        callback_waits: [200, 500, 1000, 2000, 4000].map(Duration::from_millis).to_vec(),
        search_lag: Duration::from_secs(1),
        ..SandboxConfig::default()
    }
}

/// As strict as ever, and as quick as a bank on the same machine allows: a thousand payments are to fit 20 seconds.
fn guards(concurrency: u32) -> GuardsConfig {
    let mut guards = GuardsConfig::default();
    (guards.rate.account, guards.rate.resolve) = (None, None);
    (guards.rate.line, guards.rate.pushback) = (10_000, Duration::from_millis(20));
    guards.bulkhead.charge = concurrency.max(32);
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

async fn listener() -> Result<TcpListener, String> {
    TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| format!("no port of the loopback is free ({error})"))
}

/// Mounts the callbacks where the sandbox can call; gives the address.
async fn listen(env: &Env, gateway: &Gateway, account: &AccountRef, mut open: watch::Receiver<()>) -> Result<String, String> {
    let listener = listener().await?;
    let address = listener.local_addr().map_err(|error| format!("a port without an address ({error})"))?;
    let router = Router::new().route_service("/callbacks/{account}", CallbackService::new([gateway.clone()]));
    let closed = async move {
        // Errs when the sender is gone: that is the sign.
        let _ = open.changed().await;
    };
    env.spawn(async move {
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(closed).await {
            eprintln!("paysluice: callbacks are not taken any more ({error})");
        }
    });
    Ok(format!("http://{address}/callbacks/{account}"))
}

fn told(invalid: Invalid) -> String {
    invalid.to_string()
}

/// The network, with a count of what goes over it.
pub(crate) struct Wire {
    network: NetworkTransport,
    pub(crate) sends: AtomicU64,
    pub(crate) retries: AtomicU64,
    keys: Mutex<BTreeSet<Vec<u8>>>,
}

impl Wire {
    fn over(network: NetworkTransport) -> Self {
        Self { network, sends: AtomicU64::new(0), retries: AtomicU64::new(0), keys: Mutex::default() }
    }
}

impl Transport for Wire {
    fn send(&self, request: Request, limits: Limits) -> BoxFuture<'_, Result<Reply, TransportError>> {
        self.sends.fetch_add(1, Ordering::Relaxed);
        if let Some(key) = request.headers.get("idempotency-key") {
            let fresh = self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(key.as_bytes().to_vec());
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
