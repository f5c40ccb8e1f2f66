//! A shop of its own on the server under test, for each test: a store, a bank, orders, and a handler that the test plays.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "test programs: each uses a part, and a panic is a verdict"
)]

pub(crate) mod booking;

use std::sync::Arc;
use std::time::Duration;

use paysluice::adapter::{Charge, Method};
use paysluice::env::{BoxFuture, Env};
use paysluice::gateway::{Call, Gateway, GatewayConfig, Handler, PaymentChannel, TellAgain, Told};
use paysluice::model::{AccountRef, Currency, Mode, Money, OrderNo, Status};
use paysluice_postgres::{Options, PostgresStore, migrate};
use paysluice_sandbox::{Sandbox, SandboxConfig};
use paysluice_sqltx::{Inbox, StoreMarks};
use paysluice_stripe::{Stripe, StripeConfig};
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::{Client, NoTls};

use booking::Way;

const URL: &str = "PAYSLUICE_TEST_POSTGRES";

/// How long anything may take that is to happen, and how often is looked whether it has.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const ROUNDS: usize = 1500;

/// What the application has in its tables: no key keeps it from doing its work twice.
const TABLES: &str = "CREATE SCHEMA shop_{schema};
CREATE TABLE shop_{schema}.effects (effect_key text NOT NULL);
CREATE TABLE shop_{schema}.refusals (effect_key text NOT NULL, mark text NOT NULL);
CREATE TABLE shop_{schema}.ahead (seconds bigint NOT NULL);
INSERT INTO shop_{schema}.ahead VALUES (0);
CREATE OR REPLACE FUNCTION {schema}.clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    'SELECT clock_timestamp() + seconds * interval ''1 second'' FROM shop_{schema}.ahead'";

/// The URL of the server under test.
pub(crate) fn url() -> String {
    std::env::var(URL).unwrap_or_else(|_| {
        panic!(
            "these tests need a PostgreSQL server: run `cargo xtask test -p paysluice-sqltx`, or set {URL} to a database's URL"
        )
    })
}

#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) schema: String,
}

impl Place {
    pub(crate) async fn new() -> Self {
        let place = Self { url: url(), schema: format!("test_{:016x}", Env::system().rng().next_u64()) };
        migrate(&place.url, &place.options()).await.unwrap();
        place.run(TABLES).await;
        place.run(Inbox::of(&place.shop()).unwrap().migration()).await;
        place
    }

    fn options(&self) -> Options {
        Options { schema: self.schema.clone(), ..Options::default() }
    }

    pub(crate) fn shop(&self) -> String {
        format!("shop_{}", self.schema)
    }

    pub(crate) fn ways(&self) -> [Way; 2] {
        [Way::Store(StoreMarks::of(&self.schema).unwrap()), Way::Inbox(Inbox::of(&self.shop()).unwrap())]
    }

    /// A process's gateway. Its bank is its own, of the same account.
    pub(crate) async fn gateway(&self, handler: Arc<dyn Handler>, tells: bool) -> Gateway {
        let env = Env::system();
        let sandbox = Sandbox::new(env.clone(), SandboxConfig { latency: Duration::ZERO, ..SandboxConfig::default() });
        let credentials = sandbox.credentials();
        let account = AccountRef::new("stripe", Mode::Test, &credentials.account).unwrap();
        let stripe = Stripe::new(StripeConfig::new(account, credentials.secret_key.clone())).unwrap();
        let store = PostgresStore::connect(&self.url, self.options()).await.unwrap();
        let config = GatewayConfig { background: tells, tell_every: Duration::from_millis(10), ..GatewayConfig::default() };
        let builder = Gateway::builder(Arc::new(stripe), sandbox.transport(), Arc::new(store), env).unsealed();
        builder.config(config).handler(handler).build().unwrap()
    }

    /// A gateway whose handler the test plays.
    pub(crate) async fn heard(&self) -> (Gateway, Tellings) {
        let (ear, tellings) = mpsc::unbounded_channel();
        (self.gateway(Arc::new(Ear(ear)), true).await, Tellings(tellings))
    }

    /// Sets the store's clock forward: leases end, waits are over.
    pub(crate) async fn later(&self, seconds: i64) {
        self.run(&format!("UPDATE shop_{{schema}}.ahead SET seconds = seconds + {seconds}")).await;
    }

    pub(crate) async fn effects(&self) -> i64 {
        self.count("SELECT count(*) FROM shop_{schema}.effects").await
    }

    /// How many changes the store has still to tell.
    pub(crate) async fn untold(&self) -> i64 {
        self.count("SELECT count(*) FROM {schema}.rows WHERE kind = 'told' AND due IS NOT NULL").await
    }

    pub(crate) async fn count(&self, sql: &str) -> i64 {
        self.client().await.query_one(&sql.replace("{schema}", &self.schema), &[]).await.unwrap().get(0)
    }

    pub(crate) async fn client(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.unwrap();
        tokio::task::spawn(connection);
        client
    }

    pub(crate) async fn run(&self, sql: &str) {
        self.client().await.batch_execute(&sql.replace("{schema}", &self.schema)).await.unwrap();
    }

    /// Leaves nothing behind; a test that failed leaves its schemas to be looked at.
    pub(crate) async fn leave(self) {
        let drop = "DROP SCHEMA {schema} CASCADE; DROP SCHEMA shop_{schema} CASCADE".replace("{schema}", &self.schema);
        let client = self.client().await;
        // Gateways are still at work in it: a circle of locks with one of them ends in an error, and is tried again.
        for _ in 0..ROUNDS {
            if client.batch_execute(&drop).await.is_ok() {
                return;
            }
        }
        panic!("{} cannot be removed", self.schema);
    }
}

pub(crate) async fn pay(gateway: &Gateway, order: &str) {
    let charge = Charge::new(
        OrderNo::new(order).unwrap(),
        Money::new(1000, Currency::EUR).unwrap(),
        Method::Token("pm_card_visa".to_owned()),
    );
    assert_eq!(gateway.charge(charge, Call::default()).await.unwrap().value.status, Status::Paid);
}

/// What a process is told.
#[derive(Debug)]
pub(crate) struct Tellings(mpsc::UnboundedReceiver<Telling>);

impl Tellings {
    pub(crate) async fn next(&mut self) -> Telling {
        tokio::time::timeout(PATIENCE, self.0.recv()).await.expect("something is told").unwrap()
    }

    /// The next, which was asked to be told again: the store's time runs until it is due.
    pub(crate) async fn next_after_the_wait(&mut self, place: &Place) -> Telling {
        for _ in 0..ROUNDS {
            place.later(2).await;
            if let Ok(telling) = self.0.try_recv() {
                return telling;
            }
        }
        panic!("it is not told again")
    }
}

/// One telling, to be answered by the test.
#[derive(Debug)]
pub(crate) struct Telling {
    pub(crate) told: Told,
    answer: oneshot::Sender<Result<(), TellAgain>>,
}

impl Telling {
    pub(crate) fn answer(self, answer: Result<(), TellAgain>) {
        self.answer.send(answer).unwrap();
    }

    pub(crate) fn again(self) {
        self.answer(Err(TellAgain { after: Duration::ZERO }));
    }
}

#[derive(Debug)]
pub(crate) struct Ear(mpsc::UnboundedSender<Telling>);

impl Ear {
    /// Of a process that does not tell.
    pub(crate) fn deaf() -> Self {
        Self(mpsc::unbounded_channel().0)
    }
}

impl Handler for Ear {
    fn handle<'a>(&'a self, told: &'a Told) -> BoxFuture<'a, Result<(), TellAgain>> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            let _ = self.0.send(Telling { told: told.clone(), answer });
            answered.await.unwrap_or(Err(TellAgain { after: Duration::ZERO }))
        })
    }
}
