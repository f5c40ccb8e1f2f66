//! The scene of a run: the bank, the servers, the network between, the workers, and the storm over all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use paysluice::env::{Env, Mono};
use paysluice::gateway::Gateway;
use paysluice::model::Status;
use paysluice::store::Store;
use paysluice_sandbox::{CallbackFault, FaultTable, Sandbox, ServerHandle};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::channels::{Access, WAYS, bank};
use super::fleet::Fleet;
use super::ground::{Place, postgres};
use super::journal::{Note, millis};
use super::orders::{Order, Wish, orders};
use super::plan::{self, Line, plan};
use super::proxy::{Proxy, Weather};
use super::servers::{Postgres, Redis};
use super::worker::{Brief, settings};
use super::{Fault, Ground, Setup};

/// Everything of a run.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) env: Env,
    pub(super) setup: Setup,
    pub(super) orders: Arc<[Order]>,
    pub(super) sandbox: Sandbox,
    pub(super) fleet: Arc<Fleet>,
    /// The store, past the bad network.
    pub(super) store: Arc<dyn Store>,
    /// One a way, past the bad network, to look and not to work.
    pub(super) gateways: Vec<Gateway>,
    /// What went wrong, and when.
    pub(super) history: Arc<Mutex<Vec<String>>>,
    began: Mono,
    lines: Lines,
    servers: Arc<Servers>,
    _served: ServerHandle,
    _folder: TempDir,
}

#[derive(Clone, Debug)]
struct Lines {
    bank: Proxy,
    callbacks: Proxy,
    store: Option<Proxy>,
    limiter: Option<Proxy>,
}

/// The servers that are ours to crash.
#[derive(Debug, Default)]
struct Servers {
    postgres: Option<Postgres>,
    store: Option<Redis>,
    limiter: Option<Redis>,
}

impl Scene {
    pub(super) async fn set(env: &Env, setup: &Setup) -> Result<Self, Fault> {
        let folder = tempfile::tempdir()?;
        let sandbox = Sandbox::new(env.clone(), bank(setup.seed));
        let served = sandbox.serve(TcpListener::bind("127.0.0.1:0").await?)?;
        let (place, servers) = match &setup.ground {
            Ground::Sqlite => (Place::Sqlite(folder.path().join("payments.db").display().to_string()), Servers::default()),
            Ground::Postgres(server) => {
                let schema = format!("crash_{:016x}", env.rng().next_u64());
                paysluice_postgres::migrate(&server.url, &postgres(&schema)).await?;
                let servers = Servers { postgres: Some(server.clone()), limiter: Some(Redis::start(false)?), store: None };
                (Place::Postgres { url: server.url.clone(), schema }, servers)
            }
            Ground::Redis => {
                let server = Redis::start(true)?;
                (Place::Redis(format!("redis://{}", server.here())), Servers { store: Some(server), ..Servers::default() })
            }
        };
        let store_at = match (&servers.postgres, &servers.store) {
            (Some(postgres), _) => Some(postgres.here()?),
            (None, redis) => redis.as_ref().map(Redis::here),
        };
        let proxied = |at| async move { Ok::<_, Fault>(Proxy::to(env, vec![Some(at)]).await?) };
        let lines = Lines {
            bank: proxied(served.address()).await?,
            callbacks: Proxy::to(env, vec![None; setup.workers]).await?,
            store: match store_at {
                Some(at) => Some(proxied(at).await?),
                None => None,
            },
            limiter: match &servers.limiter {
                Some(redis) => Some(proxied(redis.here()).await?),
                None => None,
            },
        };
        let callbacks = format!("http://{}/callbacks", lines.callbacks.here());
        let access = Access::to(&sandbox);
        sandbox.callbacks().to_url(format!("{callbacks}/stripe:test:{}", sandbox.credentials().account));
        let brief = Brief {
            seed: setup.seed,
            orders: setup.orders,
            worker: 0,
            workers: setup.workers,
            life: 0,
            began: millis(env.wall()) + 500,
            storm: u64::try_from(setup.storm.as_millis())?,
            closes: false,
            bank: format!("http://{}", lines.bank.here()),
            callbacks: callbacks.clone(),
            access: access.clone(),
            store: lines.store.as_ref().map_or_else(|| place.clone(), |line| place.by(line.here())),
            limiter: lines.limiter.as_ref().map(|line| format!("redis://{}", line.here())),
        };
        let fleet = Arc::new(Fleet::new(setup.program.clone(), brief, lines.callbacks.clone()));
        let store = place.open(env).await?;
        let gateways = WAYS.iter().map(|way| {
            let adapter = way.adapter(&access, &served.url(), &callbacks)?;
            let builder = Gateway::builder(adapter, plain_wire()?, store.clone(), env.clone());
            Ok(settings(builder, false).no_handler().build()?)
        });
        let gateways = gateways.collect::<Result<_, Fault>>()?;
        let orders: Arc<[Order]> = orders(setup.seed, setup.orders, setup.workers, setup.storm)?.into();
        env.spawn(pay(env.clone(), sandbox.clone(), Arc::downgrade(&fleet), Arc::clone(&orders)));
        Ok(Self {
            env: env.clone(),
            setup: setup.clone(),
            orders,
            sandbox,
            fleet,
            store,
            gateways,
            history: Arc::default(),
            began: env.now() + Duration::from_millis(500),
            lines,
            servers: Arc::new(servers),
            _served: served,
            _folder: folder,
        })
    }

    /// Lets the workers trade while everything goes wrong that the seed has planned, and then be mended.
    pub(super) async fn storm(&self) -> Result<(), Fault> {
        let letters = vec![(CallbackFault::Duplicate, 120), (CallbackFault::Late { by_ms: 900 }, 120)];
        self.sandbox.faults().random(self.setup.seed, FaultTable { callbacks: letters, ..FaultTable::default() });
        for worker in 0..self.setup.workers {
            self.fleet.start(worker)?;
        }
        let ground = plan::Ground { store: self.lines.store.is_some(), limiter: self.lines.limiter.is_some() };
        let mut striking: JoinSet<Result<(), Fault>> = JoinSet::new();
        for (at, fault) in plan(self.setup.seed, ground, self.setup.workers, self.setup.storm) {
            self.env.sleep((self.began + at).since(self.env.now())).await;
            self.wrote(format!("{fault:?}"));
            self.strike(fault, &mut striking);
        }
        self.env.sleep((self.began + self.setup.storm).since(self.env.now())).await;
        while let Some(struck) = striking.join_next().await {
            struck??;
        }
        self.wrote("the storm is over".to_owned());
        let lines = [&self.lines.bank, &self.lines.callbacks].into_iter().chain(&self.lines.store).chain(&self.lines.limiter);
        lines.for_each(|line| line.set(Weather::Fair));
        Ok(())
    }

    fn strike(&self, fault: plan::Fault, striking: &mut JoinSet<Result<(), Fault>>) {
        let (env, fleet, servers) = (self.env.clone(), Arc::clone(&self.fleet), Arc::clone(&self.servers));
        match fault {
            plan::Fault::Kill(worker, after) => drop(striking.spawn_blocking(move || {
                fleet.kill(worker);
                std::thread::sleep(after);
                fleet.start(worker)
            })),
            plan::Fault::Pause(worker, time) => drop(striking.spawn_blocking(move || {
                fleet.pause(worker, time);
                Ok(())
            })),
            plan::Fault::CrashStore => drop(striking.spawn_blocking(move || {
                servers.postgres.as_ref().map_or(Ok(()), Postgres::crash)?;
                servers.store.as_ref().map_or(Ok(()), Redis::crash)
            })),
            plan::Fault::CrashLimiter => {
                drop(striking.spawn_blocking(move || servers.limiter.as_ref().map_or(Ok(()), Redis::crash)));
            }
            plan::Fault::Cut(line) => self.line(line).into_iter().for_each(Proxy::cut),
            plan::Fault::Weather(line, weather, time) => {
                let Some(line) = self.line(line).cloned() else { return };
                line.set(weather);
                drop(striking.spawn(async move {
                    env.sleep(time).await;
                    line.set(Weather::Fair);
                    Ok(())
                }));
            }
        }
    }

    fn line(&self, line: Line) -> Option<&Proxy> {
        match line {
            Line::Store => self.lines.store.as_ref(),
            Line::Bank => Some(&self.lines.bank),
            Line::Callbacks => Some(&self.lines.callbacks),
            Line::Limiter => self.lines.limiter.as_ref(),
        }
    }

    pub(super) fn began(&self) -> Mono {
        self.began
    }

    /// Notes something with its time from the begin.
    pub(super) fn wrote(&self, what: String) {
        let at = millis(self.env.wall());
        self.history.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{at} driver: {what}"));
    }
}

fn plain_wire() -> Result<Arc<paysluice::transport::NetworkTransport>, Fault> {
    let wire = paysluice::transport::NetworkConfig { allow_http_loopback: true, ..Default::default() };
    Ok(Arc::new(paysluice::transport::NetworkTransport::new(&wire, Duration::from_secs(30))?))
}

/// The payers: each pays some time after a worker could show him how, unless nobody is to. What no worker was told, no payer sees.
async fn pay(env: Env, sandbox: Sandbox, fleet: Weak<Fleet>, orders: Arc<[Order]>) {
    let (mut shown, mut paid, mut read) = (BTreeMap::new(), BTreeSet::new(), 0);
    while let Some(fleet) = fleet.upgrade() {
        let now = env.now();
        let facts = fleet.facts_from(read);
        read += facts.len();
        for fact in facts {
            if let Note::Told(line, word) = fact.note
                && word.what == Status::AwaitingPayer.to_string()
            {
                shown.entry(line.order).or_insert(now);
            }
        }
        for order in orders.iter().filter(|order| order.wish != Wish::Leave) {
            let comes = shown.get(order.no.as_str()).is_some_and(|shown: &Mono| now.since(*shown) >= order.payer);
            if comes && paid.insert(order.no.clone()) {
                WAYS.get(order.way).into_iter().for_each(|way| way.payer_acts(&sandbox, order));
            }
        }
        drop(fleet);
        env.sleep(Duration::from_millis(50)).await;
    }
}
