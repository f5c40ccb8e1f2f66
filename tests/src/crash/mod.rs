//! Crash tests with real processes: workers pay against a bank on a socket while a driver kills them, stops them past their leases,
//! crashes their databases and cuts their network; in the end the ledger, the store and everything told must agree.
//!
//! A seed fixes the orders, who asks for them and when, and every fault and its time. What meets what within a millisecond is the
//! machine's: a replay is the same storm, not the same interleaving.

pub mod channels;
mod fleet;
pub mod ground;
pub mod journal;
mod judge;
pub mod orders;
pub mod plan;
pub mod proxy;
mod report;
mod rest;
mod scene;
pub mod servers;
mod shop;
pub mod worker;

use std::path::PathBuf;
use std::time::Duration;

use paysluice::env::Env;

pub use report::Report;
use scene::Scene;
use servers::Postgres;

/// Whatever keeps a run from being made, or from ending well.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Which store a run is about.
#[derive(Clone, Debug)]
pub enum Ground {
    /// A SQLite file that all workers share.
    Sqlite,
    /// A PostgreSQL that is crashed under load; a Redis without memory limits the rate and gives out the resolver's duty.
    Postgres(Postgres),
    /// A Redis that has every write on the disk before it answers, and is killed under load. Its store promises its best only; what
    /// a failover to a replica may lose is not tried here, for that loss is what the promise says.
    Redis,
}

impl Ground {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres(_) => "postgres",
            Self::Redis => "redis",
        }
    }
}

/// One run.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Which store.
    pub ground: Ground,
    /// Of orders and faults.
    pub seed: u64,
    /// How long orders come in and things go wrong.
    pub storm: Duration,
    /// How many orders.
    pub orders: u32,
    /// How many workers.
    pub workers: usize,
    /// The program that becomes a worker when its first argument is `worker`.
    pub program: PathBuf,
}

impl Setup {
    /// A run of the usual size: three workers, sixteen orders a second.
    pub fn new(ground: Ground, seed: u64, storm: Duration, program: PathBuf) -> Self {
        let orders = u32::try_from(storm.as_millis() / 62).unwrap_or(u32::MAX).max(8);
        Self { ground, seed, storm, orders, workers: 3, program }
    }
}

/// Makes a run. `Err` names the seed, what is wrong, and the history of the orders it is about.
pub async fn run(env: &Env, setup: &Setup) -> Result<Report, Fault> {
    let named = |fault: Fault| format!("seed {} on {}: {fault}", setup.seed, setup.ground.name());
    let scene = Scene::set(env, setup).await.map_err(named)?;
    scene.storm().await.map_err(named)?;
    let open = scene.calm().await.map_err(named)?;
    scene.verdict(open).await.map_err(|fault| named(fault).into())
}
