//! A process that charges orders until it is killed: `victim URL STORE SEED ORDERS`.

use std::sync::Arc;
use std::time::Duration;

use paysluice::env::Env;
use paysluice::gateway::{Call, Gateway, GatewayConfig, PaymentChannel};
use paysluice::transport::{NetworkConfig, NetworkTransport};
use paysluice_sandbox::{Sandbox, SandboxConfig};
use paysluice_sqlite::{Options, SqliteStore};
use paysluice_tests::{card, impatient, stripe_at};

type Fault = Box<dyn std::error::Error>;

fn main() -> Result<(), Fault> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run())
}

async fn run() -> Result<(), Fault> {
    let mut args = std::env::args().skip(1);
    let mut next = || args.next().ok_or("victim URL STORE SEED ORDERS");
    let (url, path, seed, orders): (String, String, u64, u32) = (next()?, next()?, next()?.parse()?, next()?.parse()?);
    let env = Env::system();
    // Only for the credentials, which come from the seed: the bank itself is the parent's.
    let bank = Sandbox::new(env.clone(), SandboxConfig { seed, ..SandboxConfig::default() });
    let store = SqliteStore::open(path, env.clock().clone(), Options::default())?;
    let wire = NetworkConfig { allow_http_loopback: true, ..NetworkConfig::default() };
    let transport = NetworkTransport::new(&wire, Duration::from_secs(60))?;
    let gateway = Gateway::builder(Arc::new(stripe_at(&bank, &url)), Arc::new(transport), Arc::new(store), env)
        .unsealed()
        .guards(impatient())
        .config(GatewayConfig { background: false, ..GatewayConfig::default() })
        .no_handler()
        .build()?;
    println!("ready");
    let charges = (0..orders).map(|n| {
        let gateway = gateway.clone();
        async move { gateway.charge(card(&format!("o{n}")), Call::within(Duration::from_secs(20))).await }
    });
    futures_util::future::join_all(charges).await;
    println!("done");
    Ok(())
}
