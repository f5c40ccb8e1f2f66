//! Money at stake over every store: refunds that exceed together, and cancels that race their charge, through two processes on real time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "tests, helpers included")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use paysluice::adapter::{Cancel, Charge, Method, Refund};
use paysluice::env::{Env, Rng, SystemRng};
use paysluice::gateway::{Answer, Call, Gateway, PaymentChannel};
use paysluice::guard::GuardsConfig;
use paysluice::model::{Error, Fate, Next, Payment, RefundNo, Status};
use paysluice::store::{Durability, MemoryStore, Store};
use paysluice_postgres::PostgresStore;
use paysluice_redis::{RedisStore, StoreOptions};
use paysluice_sandbox::{Sandbox, SandboxConfig};
use paysluice_sqlite::SqliteStore;
use paysluice_tests::{Channel, adapter, card, eur, fate, order};

/// How many cancels race their charge.
const ROUNDS: u64 = 200;

/// How many of them at once.
const ABREAST: u64 = 8;

/// Two processes, each with its handle of one store, before one bank.
#[derive(Debug)]
struct Shop {
    env: Env,
    sandbox: Sandbox,
    processes: [Gateway; 2],
}

impl Shop {
    fn new(env: &Env, handles: [Arc<dyn Store>; 2]) -> Self {
        let config = SandboxConfig { latency: Duration::from_millis(2), ..SandboxConfig::default() };
        let sandbox = Sandbox::new(env.clone(), config);
        let mut guards = GuardsConfig::default();
        guards.rate.account = None;
        let processes = handles.map(|store| {
            Gateway::builder(adapter(&sandbox, Channel::Stripe), sandbox.transport(), store, env.clone())
                .accept_durability(Durability::Process)
                .guards(guards.clone())
                .unsealed()
                .no_handler()
                .build()
                .unwrap()
        });
        Self { env: env.clone(), sandbox, processes }
    }

    /// Every law, over the store of those handles.
    async fn keeps_every_promise(env: &Env, handles: [Arc<dyn Store>; 2]) {
        let shop = Self::new(env, handles);
        shop.of_32_refunds_of_60_from_100_exactly_one_wins().await;
        shop.a_cancel_and_its_charge_never_both_win().await;
        assert!(shop.sandbox.ledger().audit().is_empty(), "{:?}", shop.sandbox.ledger().audit());
        for process in &shop.processes {
            assert_eq!(process.doubts(9).await.unwrap(), []);
        }
    }

    async fn of_32_refunds_of_60_from_100_exactly_one_wins(&self) {
        for round in 0..5 {
            let no = format!("refunds-{round}");
            let charge = Charge::new(order(&no), eur(100), Method::Token("pm_card_visa".to_owned()));
            self.processes[0].charge(charge, patient()).await.unwrap();
            let refunds = (0..32).map(|n| {
                let refund = Refund::new(order(&no), RefundNo::new(format!("{no}-{n}")).unwrap(), eur(60));
                self.processes[n % 2].refund(refund, patient())
            });
            let told = join_all(refunds).await;
            assert_eq!(told.iter().filter(|told| told.is_ok()).count(), 1, "{told:?}");
            assert!(told.iter().all(|told| fate(told) != Fate::Unknown), "{told:?}");
            let ledger = self.sandbox.ledger();
            assert_eq!((ledger.taken(&no), ledger.refunded(&no)), (100, 60));
            assert_eq!(self.processes[1].payment(&order(&no)).await.unwrap().refunded, eur(60));
        }
    }

    async fn a_cancel_and_its_charge_never_both_win(&self) {
        let mut canceled = 0;
        for first in (0..ROUNDS).step_by(usize::try_from(ABREAST).unwrap()) {
            canceled +=
                join_all((first..first + ABREAST).map(|round| self.race(round))).await.into_iter().filter(|won| *won).count();
        }
        let rounds = usize::try_from(ROUNDS).unwrap();
        assert!(canceled > 0 && canceled < rounds, "no race: {canceled} of {rounds} cancels won");
    }

    /// One order charged by one process and canceled by the other, a little before, at the same moment, or a little later. True if
    /// the cancel won.
    async fn race(&self, round: u64) -> bool {
        let no = format!("race-{round}");
        let held = round % 4 == 3;
        let charge = if held { card(&no).capture_later() } else { card(&no) };
        let [charger, canceler] = [round % 2, (round + 1) % 2].map(|at| &self.processes[usize::try_from(at).unwrap()]);
        let pause = Duration::from_micros(SystemRng::new().next_u64() % 12_000);
        let (charged, told) = tokio::join!(charger.charge(charge, patient()), async {
            self.env.sleep(pause).await;
            self.canceled(canceler, &no).await
        });
        let context = format!("round {round}, canceled after {pause:?}: {charged:?} and {told:?}");
        let ledger = self.sandbox.ledger();
        assert!(ledger.charges(&no) <= 1, "{context}");
        assert_eq!(ledger.refunded(&no), 0, "{context}");
        let has = ledger.taken(&no) + ledger.held(&no);
        match fate(&told) {
            Fate::Applied => assert_eq!(has, 0, "told canceled: {context}"),
            Fate::NotApplied => assert_eq!(has, 1000, "told not canceled: {context}"),
            Fate::Unknown => panic!("nobody failed: {context}"),
        }
        match &charged {
            Ok(answer) if !held => assert_eq!((answer.value.status.clone(), has), (Status::Paid, 1000), "{context}"),
            // What was held may have been let go since.
            Ok(_) => {}
            Err(error) => assert_eq!((error.fate(), has), (Fate::NotApplied, 0), "{context}"),
        }
        has == 0
    }

    /// A cancel, made again as long as it is told to come later: the charge was being sent, and its id was not known yet.
    async fn canceled(&self, canceler: &Gateway, no: &str) -> Result<Answer<Payment>, Error> {
        loop {
            match canceler.cancel(Cancel::new(order(no)), patient()).await {
                Err(error) if matches!(error.next(), Next::Later) => self.env.sleep(Duration::from_millis(20)).await,
                told => return told,
            }
        }
    }
}

fn patient() -> Call {
    Call::within(Duration::from_secs(60))
}

fn url(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} must be the URL of a server for tests: run `cargo xtask test`, which starts one and stops it")
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_over_the_store_in_memory_keeps_every_promise() {
    let env = Env::system();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(env.clock().clone()));
    Shop::keeps_every_promise(&env, [store.clone(), store]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_over_sqlite_keeps_every_promise() {
    let env = Env::system();
    let folder = tempfile::tempdir().unwrap();
    let open = || -> Arc<dyn Store> {
        let options = paysluice_sqlite::Options::default();
        Arc::new(SqliteStore::open(folder.path().join("payments.db"), env.clock().clone(), options).unwrap())
    };
    Shop::keeps_every_promise(&env, [open(), open()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_over_postgresql_keeps_every_promise() {
    let url = url("PAYSLUICE_TEST_POSTGRES");
    let schema = format!("test_{:016x}", SystemRng::new().next_u64());
    let options = paysluice_postgres::Options { schema: schema.clone(), ..Default::default() };
    paysluice_postgres::migrate(&url, &options).await.unwrap();
    let [one, two] = [(); 2].map(|()| PostgresStore::connect(&url, options.clone()));
    Shop::keeps_every_promise(&Env::system(), [Arc::new(one.await.unwrap()), Arc::new(two.await.unwrap())]).await;
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_over_redis_keeps_every_promise() {
    let (env, url) = (Env::system(), url("PAYSLUICE_TEST_REDIS"));
    let prefix = format!("test-{:016x}", SystemRng::new().next_u64());
    let open = || -> Arc<dyn Store> {
        let options = StoreOptions { prefix: prefix.clone(), timeout: Duration::from_secs(10) };
        Arc::new(RedisStore::open(&url, &env, options).unwrap())
    };
    Shop::keeps_every_promise(&env, [open(), open()]).await;
}
