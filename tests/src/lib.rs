//! A world for tests: a gateway over Stripe's adapter, in front of the sandbox, on virtual time.
#![allow(clippy::missing_panics_doc, reason = "a harness: what cannot be built ends the test")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use paysluice::adapter::{Charge, Method};
use paysluice::env::Env;
use paysluice::gateway::{Gateway, GatewayConfig, Handler};
use paysluice::guard::GuardsConfig;
use paysluice::model::{AccountRef, Currency, Error, Fate, Mode, Money, OrderNo};
use paysluice::store::{Durability, MemoryStore, Store};
use paysluice_sandbox::{Sandbox, SandboxConfig};
use paysluice_stripe::{Stripe, StripeConfig};

/// A time in the middle of a business day, so that nothing depends on the machine's clock.
pub const START: Duration = Duration::from_secs(1_790_000_000);

/// Everything one test needs.
#[derive(Clone, Debug)]
pub struct World {
    /// Virtual time and seeded chance.
    pub env: Env,
    /// The bank and Stripe's face.
    pub sandbox: Sandbox,
    /// What is tested.
    pub gateway: Gateway,
    /// What the gateway remembers.
    pub store: Arc<dyn Store>,
}

impl World {
    /// A world without background work: the test says when the resolver looks.
    pub fn quiet(seed: u64) -> Self {
        Self::build(seed, false, None)
    }

    /// A world that works by itself, and tells `handler`.
    pub fn living(seed: u64, handler: Arc<dyn Handler>) -> Self {
        Self::build(seed, true, Some(handler))
    }

    fn build(seed: u64, background: bool, handler: Option<Arc<dyn Handler>>) -> Self {
        let env = Env::simulated(seed, SystemTime::UNIX_EPOCH + START);
        let sandbox = Sandbox::new(env.clone(), SandboxConfig { seed, ..SandboxConfig::default() });
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(env.clock().clone()));
        let gateway = gateway(&env, &sandbox, &store, background, handler);
        Self { env, sandbox, gateway, store }
    }

    /// Another process on the same store and bank.
    pub fn second_process(&self) -> Gateway {
        gateway(&self.env, &self.sandbox, &self.store, false, None)
    }

    /// Lets time pass, with the resolver looking in between, until everything that can be settled is.
    pub async fn let_time_pass(&self) {
        for minutes in [1, 1, 3, 10, 30, 60, 180, 720, 1440, 1440] {
            self.env.sleep(Duration::from_secs(60 * minutes)).await;
            for _ in 0..4 {
                let worked = self.gateway.resolve_due().await;
                if matches!(worked, Ok(0)) {
                    break;
                }
            }
        }
    }
}

/// A gateway over the sandbox.
#[allow(clippy::expect_used, reason = "a harness: what cannot be built ends the test")]
pub fn gateway(
    env: &Env,
    sandbox: &Sandbox,
    store: &Arc<dyn Store>,
    background: bool,
    handler: Option<Arc<dyn Handler>>,
) -> Gateway {
    let builder = Gateway::builder(Arc::new(stripe(sandbox)), sandbox.transport(), Arc::clone(store), env.clone())
        .unsealed()
        .accept_durability(Durability::Process)
        .guards(GuardsConfig::default())
        .config(GatewayConfig { background, ..GatewayConfig::default() });
    let builder = match handler {
        Some(handler) => builder.handler(handler),
        None => builder.no_handler(),
    };
    builder.build().expect("a gateway")
}

/// Stripe's adapter with the sandbox's credentials.
#[allow(clippy::expect_used, reason = "a harness: what cannot be built ends the test")]
pub fn stripe(sandbox: &Sandbox) -> Stripe {
    let credentials = sandbox.credentials();
    let account = AccountRef::new("stripe", Mode::Test, &credentials.account).expect("an account");
    let mut config = StripeConfig::new(account, credentials.secret_key.clone());
    config.webhook_secrets = vec![credentials.webhook_secret.clone()];
    Stripe::new(config).expect("an adapter")
}

/// An order's number.
#[allow(clippy::expect_used, reason = "a harness: what cannot be built ends the test")]
pub fn order(no: &str) -> OrderNo {
    OrderNo::new(no).expect("an order number")
}

/// Euros, in cents.
#[allow(clippy::expect_used, reason = "a harness: what cannot be built ends the test")]
pub fn eur(cents: i64) -> Money {
    Money::new(cents, Currency::EUR).expect("money")
}

/// A charge of 10.00 EUR by a card that works.
pub fn card(no: &str) -> Charge {
    with_card(no, "pm_card_visa")
}

/// A charge of 10.00 EUR by that card.
pub fn with_card(no: &str, card: &str) -> Charge {
    Charge::new(order(no), eur(1000), Method::Token(card.to_owned()))
}

/// The fate a result tells: done is applied.
pub fn fate<T>(result: &Result<T, Error>) -> Fate {
    result.as_ref().map_or_else(Error::fate, |_| Fate::Applied)
}
