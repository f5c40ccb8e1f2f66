//! Law 5 by kill -9: a process that dies at any instant leaves what the next one settles; real processes, sockets and files.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use paysluice::env::Env;
use paysluice::gateway::{Gateway, GatewayConfig, PaymentChannel};
use paysluice::model::Status;
use paysluice::store::{Space, SpaceKind};
use paysluice::transport::{NetworkConfig, NetworkTransport};
use paysluice_sandbox::{Sandbox, SandboxConfig};
use paysluice_sqlite::{Options, SqliteStore};
use paysluice_tests::{call, card, impatient, order, stripe_at};

const ORDERS: u32 = 60;
const LIVES: u32 = 6;
const SEED: u64 = 21;

/// One victim at work on the first `orders`, killed as soon as it is `now`. Whether it was killed in the midst of it.
async fn kill_when(env: &Env, url: &str, path: &std::path::Path, orders: u32, now: impl Fn() -> bool) -> bool {
    let mut child = Command::new(env!("CARGO_BIN_EXE_victim"))
        .args([url, path.to_str().unwrap(), &SEED.to_string(), &orders.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let (mut out, said) = tokio::task::spawn_blocking(move || {
        let mut said = [0; 6];
        out.read_exact(&mut said).unwrap();
        (out, said)
    })
    .await
    .unwrap();
    assert_eq!(&said, b"ready\n");
    for _ in 0..1000 {
        if now() {
            break;
        }
        env.sleep(Duration::from_millis(3)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    !rest.contains("done")
}

#[test]
fn a_process_killed_in_mid_flight_leaves_nothing_that_the_next_cannot_settle() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let env = Env::system();
        let config = SandboxConfig { seed: SEED, latency: Duration::from_millis(60), ..SandboxConfig::default() };
        let sandbox = Sandbox::new(env.clone(), config);
        let server = sandbox.serve(tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("payments.db");
        // Several deaths on one file: what one left open, the next meets.
        let mut killed = 0;
        for life in 1..=LIVES {
            // In turn: when a payment has been made at the bank and not confirmed, and when the bank has taken money. Told by
            // the bank and not by a clock, so that it is mid-flight on any machine.
            let (made, taken) = (sandbox.intents().len(), sandbox.ledger().entries().len());
            let now = || if life % 2 == 0 { sandbox.intents().len() > made } else { sandbox.ledger().entries().len() > taken };
            killed += u32::from(kill_when(&env, &server.url(), &path, ORDERS / LIVES * life, now).await);
        }
        assert!(killed >= 3, "only {killed} died in mid-flight");
        let store = Arc::new(SqliteStore::open(&path, env.clock().clone(), Options::default()).unwrap());
        let wire = NetworkConfig { allow_http_loopback: true, ..NetworkConfig::default() };
        let transport = Arc::new(NetworkTransport::new(&wire, Duration::from_secs(60)).unwrap());
        let gateway = Gateway::builder(Arc::new(stripe_at(&sandbox, &server.url())), transport, store.clone(), env.clone())
            .unsealed()
            .guards(impatient())
            .config(GatewayConfig { resolver_every: Duration::from_millis(100), ..GatewayConfig::default() })
            .no_handler()
            .build()
            .unwrap();
        let space = Space::new(SpaceKind::Intent, gateway.account());
        let mut open = usize::MAX;
        for _ in 0..90 {
            env.sleep(Duration::from_millis(150)).await;
            let rows = paysluice::store::Store::page(&*store, &space, None, 1000).await.unwrap();
            let is_open = |body: &[u8]| {
                let row: serde_json::Value = serde_json::from_slice(body).unwrap();
                row["state"] == "sending" || !row["state"]["doubt"].is_null()
            };
            open = rows.iter().filter(|row| is_open(&row.body)).count();
            if open == 0 {
                break;
            }
        }
        assert_eq!(open, 0, "operations that nobody has settled");
        let (ledger, mut paid) = (sandbox.ledger(), 0);
        assert_eq!(ledger.audit(), []);
        for n in 0..ORDERS {
            let no = format!("o{n}");
            assert!(ledger.charges(&no) <= 1, "{no}");
            let known = gateway.payment(&order(&no)).await.is_ok_and(|payment| payment.status == Status::Paid);
            assert_eq!(known, ledger.taken(&no) == 1000, "{no}: {:?}", gateway.payment(&order(&no)).await);
            paid += u32::from(known);
        }
        assert!(paid > 0 && paid < ORDERS, "{paid} of {ORDERS}: the kills said nothing");
        // Asked again, every order is paid once.
        let charges = (0..ORDERS).map(|n| {
            let gateway = gateway.clone();
            async move { gateway.charge(card(&format!("o{n}")), call()).await }
        });
        for told in futures_util::future::join_all(charges).await {
            assert_eq!(told.unwrap().value.status, Status::Paid);
        }
        let ledger = sandbox.ledger();
        assert!((0..ORDERS).all(|n| ledger.charges(&format!("o{n}")) == 1) && ledger.audit().is_empty());
    });
}
