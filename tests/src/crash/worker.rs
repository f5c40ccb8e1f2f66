//! A worker: a process that charges, refunds, cancels and takes callbacks, until it is told to rest, to end, or is killed.

use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::Router;
use paysluice::callback::CallbackService;
use paysluice::env::{Env, Rng, SeededRng};
use paysluice::gateway::{Builder, Gateway, GatewayConfig};
use paysluice::guard::{GuardsConfig, Quota};
use paysluice::store::{Durability, Store};
use paysluice::transport::{NetworkConfig, NetworkTransport};
use paysluice_redis::{Lease, LeaseOptions, LeasedDuty, LimiterOptions, RedisLimiter};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use super::Fault;
use super::channels::{Access, WAYS};
use super::ground::Place;
use super::journal::{Journal, Note, millis};
use super::orders::{Order, orders};
use super::shop::Clerk;

/// How long what a dead worker had claimed lies there.
pub(super) const LEASE: Duration = Duration::from_secs(3);

/// How long a worker stays with one order in the storm, and the last one when all is calm.
const STORM: Duration = Duration::from_secs(12);
const CALM: Duration = Duration::from_secs(20);

/// How many orders a worker serves at once.
const AT_ONCE: usize = 12;

/// What a worker is told to be: the first line of its standard input. Then come `rest` and `end`; the end of the input ends it too.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Brief {
    /// Of the orders.
    pub seed: u64,
    /// How many there are.
    pub orders: u32,
    /// Which worker, of how many.
    pub worker: usize,
    /// How many workers there are.
    pub workers: usize,
    /// Counts those who have been this worker.
    pub life: u32,
    /// When the run began, in unix milliseconds, and how long its storm is.
    pub began: u64,
    /// How long the orders come in, in milliseconds.
    pub storm: u64,
    /// Brings all orders to their end instead.
    pub closes: bool,
    /// The bank.
    pub bank: String,
    /// Where its callbacks come to.
    pub callbacks: String,
    /// The bank's credentials.
    pub access: Access,
    /// The store.
    pub store: Place,
    /// The Redis of the limiter and of the resolver's duty, if there is one.
    pub limiter: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Storm,
    Rest,
    End,
}

/// The whole life of a worker.
pub fn work() -> Result<(), Fault> {
    let (says, heard) = watch::channel(Phase::Storm);
    let mut input = std::io::stdin().lock();
    let mut line = String::new();
    input.read_line(&mut line)?;
    drop(input);
    let brief: Brief = serde_json::from_str(&line)?;
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            says.send_replace(if line == "end" { Phase::End } else { Phase::Rest });
        }
        // The driver is gone, however it went: nothing of it may stay behind.
        std::process::exit(3);
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let lived = runtime.block_on(live(brief, heard));
    if let Err(fault) = &lived {
        Journal.note(&Note::Failed(fault.to_string()));
    }
    lived
}

async fn live(brief: Brief, mut phase: watch::Receiver<Phase>) -> Result<(), Fault> {
    let env = Env::system();
    let store = opened(&env, &brief.store).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let gateways = WAYS
        .iter()
        .map(|way| {
            let adapter = way.adapter(&brief.access, &brief.bank, &brief.callbacks)?;
            let wire = NetworkConfig {
                connect_timeout: Duration::from_millis(500),
                allow_http_loopback: true,
                ..NetworkConfig::default()
            };
            let wire = Arc::new(NetworkTransport::new(&wire, adapter.profile().keep_alive)?);
            let account = adapter.account().clone();
            let builder = settings(Gateway::builder(adapter, wire, store.clone(), env.clone()), true).handler(Arc::new(Journal));
            Ok(shared(&brief, builder, &account, &env)?.build()?)
        })
        .collect::<Result<Vec<Gateway>, Fault>>()?;
    let router = Router::new().route_service("/callbacks/{account}", CallbackService::new(gateways.clone()));
    env.spawn(async move {
        let _ = axum::serve(listener, router).await;
    });
    Journal.note(&Note::Ready(port));
    let clerk = Arc::new(Clerk { env: env.clone(), gateways, journal: Journal, askings: AtomicU64::new(0) });
    let orders = orders(brief.seed, brief.orders, brief.workers, Duration::from_millis(brief.storm))?;
    if brief.closes {
        close(&clerk, orders).await;
        Journal.note(&Note::Closed);
    } else {
        trade(&clerk, &brief, orders, &mut phase).await;
    }
    // Dropped by the driver's thread only when the process ends.
    let _ = phase.wait_for(|phase| *phase == Phase::End).await;
    for gateway in &clerk.gateways {
        gateway.drain(Duration::from_secs(2)).await;
    }
    Ok(())
}

/// A store that is not there yet may be in a moment.
async fn opened(env: &Env, place: &Place) -> Result<Arc<dyn Store>, Fault> {
    let mut tries = 0;
    loop {
        match place.open(env).await {
            Ok(store) => return Ok(store),
            Err(error) if tries == 60 => return Err(error.into()),
            Err(_) => env.sleep(Duration::from_millis(250)).await,
        }
        tries += 1;
    }
}

/// As strict as ever, and in a hurry: what a run waits for must end within seconds.
pub(super) fn settings(builder: Builder, background: bool) -> Builder {
    let mut guards = GuardsConfig::default();
    (guards.rate.account, guards.rate.resolve) = (std::num::NonZeroU32::new(300).map(Quota::per_second), None);
    (guards.rate.line, guards.rate.pushback) = (10_000, Duration::from_millis(20));
    (guards.bulkhead.give_back, guards.bulkhead.resolve, guards.bulkhead.line) = (32, 32, 2048);
    guards.budget.cap = 20_000;
    (guards.backoff.base, guards.backoff.throttled_base) = (Duration::from_millis(10), Duration::from_millis(40));
    guards.backoff.cap = Duration::from_millis(500);
    (guards.timeout.send, guards.timeout.query) = (Duration::from_secs(1), Duration::from_secs(1));
    (guards.breaker.open_min, guards.breaker.open_max) = (Duration::from_millis(100), Duration::from_secs(1));
    guards.breaker.grace = Duration::from_millis(100);
    let every = Duration::from_millis(200);
    let config = GatewayConfig { resolver_every: every, tell_every: every, lease: LEASE, background, ..GatewayConfig::default() };
    builder.guards(guards).config(config).accept_durability(Durability::BestEffort).unsealed()
}

/// With a Redis: one rate and one resolver for all workers.
fn shared(brief: &Brief, builder: Builder, account: &paysluice::model::AccountRef, env: &Env) -> Result<Builder, Fault> {
    let Some(url) = &brief.limiter else { return Ok(builder) };
    let rate = paysluice::guard::config::RateConfig {
        account: std::num::NonZeroU32::new(300).map(Quota::per_second),
        resolve: None,
        line: 10_000,
        pushback: Duration::from_millis(20),
        ..paysluice::guard::config::RateConfig::default()
    };
    let limiter = RedisLimiter::new(url, account, env, &rate, LimiterOptions::new(format!("1/{}", brief.workers).parse()?))?;
    let lease = LeaseOptions { term: LEASE, ..LeaseOptions::default() };
    let duty = LeasedDuty::new(Lease::new(url, account, "resolver", env, lease)?);
    Ok(builder.limiter(Arc::new(limiter)).duty(Arc::new(duty)))
}

/// Serves what this worker is to serve, as it comes in; what came in before its life, in an order of chance.
async fn trade(clerk: &Arc<Clerk>, brief: &Brief, orders: Vec<Order>, phase: &mut watch::Receiver<Phase>) {
    let env = &clerk.env;
    let age = Duration::from_millis(millis(env.wall()).saturating_sub(brief.began));
    let ours = orders.into_iter().filter(|order| order.askers.contains(&brief.worker));
    let (mut past, coming): (Vec<Order>, Vec<Order>) = ours.partition(|order| order.at < age);
    let rng = SeededRng::new(brief.seed ^ (u64::from(brief.life) << 32) ^ 0x11fe);
    past.sort_by_cached_key(|_| rng.next_u64());
    let line = |orders: Vec<Order>| {
        let (clerk, permits, worker) = (Arc::clone(clerk), Arc::new(Semaphore::new(AT_ONCE)), brief.worker);
        let began = env.now();
        async move {
            for order in orders {
                clerk.env.sleep(order.at.saturating_sub(age + clerk.env.now().since(began))).await;
                let Ok(permit) = permits.clone().acquire_owned().await else { return };
                let one = Arc::clone(&clerk);
                clerk.env.spawn(async move {
                    one.serve(&order, worker, STORM).await;
                    drop(permit);
                });
            }
        }
    };
    tokio::select! {
        _ = phase.wait_for(|phase| *phase >= Phase::Rest) => {}
        _ = futures_util::future::join(line(past), line(coming)) => {}
    }
}

/// Brings every order to its end.
async fn close(clerk: &Arc<Clerk>, orders: Vec<Order>) {
    let (permits, ended) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(Semaphore::new(0)));
    let count = u32::try_from(orders.len()).unwrap_or(u32::MAX);
    for order in orders {
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        let (clerk, ended) = (Arc::clone(clerk), Arc::clone(&ended));
        clerk.env.clone().spawn(async move {
            clerk.close(&order, CALM).await;
            drop(permit);
            ended.add_permits(1);
        });
    }
    let _ = ended.acquire_many(count).await;
}
