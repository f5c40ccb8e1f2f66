//! A world for tests: a gateway over an adapter, in front of the sandbox, on virtual time.
#![allow(clippy::missing_panics_doc, reason = "a harness: what cannot be built ends the test")]

pub mod crash;
pub mod direct;
pub mod ear;
pub mod payer;
pub mod scanning;
pub mod scripts;
pub mod shaky;
pub mod wire;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use paysluice::adapter::{Adapter, Charge, Method};
use paysluice::env::{BoxFuture, Env};
use paysluice::gateway::{Call, Gateway, GatewayConfig, Handler};
use paysluice::guard::GuardsConfig;
use paysluice::model::{AccountRef, Currency, Error, Fate, Mode, Money, OrderNo};
use paysluice::signing::Sealer;
use paysluice::store::{Durability, MemoryStore, Store};
use paysluice::transport::Transport;
use paysluice_alipay::{Alipay, AlipayConfig};
use paysluice_sandbox::{Sandbox, SandboxConfig};
use paysluice_stripe::{Stripe, StripeConfig};
use paysluice_unionpay::{UnionPay, UnionPayConfig};
use paysluice_wechatpay::{WeChatPay, WeChatPayConfig};

/// A time in the middle of a business day, so that nothing depends on the machine's clock.
pub const START: Duration = Duration::from_secs(1_790_000_000);

/// Everything one test needs.
#[derive(Clone, Debug)]
pub struct World {
    /// Virtual time and seeded chance.
    pub env: Env,
    /// The bank and its faces.
    pub sandbox: Sandbox,
    /// What is tested.
    pub gateway: Gateway,
    /// What the gateway remembers.
    pub store: Arc<dyn Store>,
    channel: Channel,
}

/// Whose face of the bank the gateway talks to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Channel {
    /// Stripe.
    #[default]
    Stripe,
    /// WeChat Pay, with its public key held: nothing is fetched.
    WechatPay,
    /// WeChat Pay, with platform certificates that are fetched.
    WechatPayByCertificates,
    /// Alipay, with keys.
    Alipay,
    /// Alipay, with certificates: one that took the configured one's place is fetched.
    AlipayByCertificates,
    /// UnionPay.
    UnionPay,
}

/// What a world may have beside its defaults.
#[derive(Default)]
pub struct Setup {
    /// Which adapter.
    pub channel: Channel,
    /// Seeds world and sandbox.
    pub seed: u64,
    /// The bank's settings; its seed is the world's.
    pub sandbox: SandboxConfig,
    /// Wraps the way to the bank.
    pub wire: Option<Wrap<dyn Transport>>,
    /// Wraps the store in memory.
    pub store: Option<Wrap<dyn Store>>,
    /// Whether the gateway works by itself.
    pub background: bool,
    /// Who is told.
    pub handler: Option<Arc<dyn Handler>>,
    /// Seals drafts.
    pub sealer: Option<Sealer>,
    /// How often background work looks round; a second if it is absent.
    pub every: Option<Duration>,
}

/// Puts something round something.
pub type Wrap<T> = Box<dyn FnOnce(&Env, Arc<T>) -> Arc<T>>;

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Setup(seed {})", self.seed)
    }
}

impl World {
    /// A world without background work: the test says when the resolver looks.
    pub fn quiet(seed: u64) -> Self {
        Self::with(Setup { seed, ..Setup::default() })
    }

    /// A world that works by itself, and tells `handler`.
    pub fn living(seed: u64, handler: Arc<dyn Handler>) -> Self {
        Self::with(Setup { seed, background: true, handler: Some(handler), ..Setup::default() })
    }

    /// A world as it is asked for.
    pub fn with(setup: Setup) -> Self {
        let env = Env::simulated(setup.seed, SystemTime::UNIX_EPOCH + START);
        let sandbox = Sandbox::new(env.clone(), SandboxConfig { seed: setup.seed, ..setup.sandbox });
        let mut store: Arc<dyn Store> = Arc::new(MemoryStore::new(env.clock().clone()));
        if let Some(wrap) = setup.store {
            store = wrap(&env, store);
        }
        let mut wire = sandbox.transport();
        if let Some(wrap) = setup.wire {
            wire = wrap(&env, wire);
        }
        let Setup { channel, background, handler, sealer, every, .. } = setup;
        let gateway = gateway_over(&env, &sandbox, wire, &store, Parts { channel, background, handler, sealer, every });
        Self { env, sandbox, gateway, store, channel }
    }

    /// Another process on the same store and bank.
    pub fn second_process(&self) -> Gateway {
        gateway_over(
            &self.env,
            &self.sandbox,
            self.sandbox.transport(),
            &self.store,
            Parts { channel: self.channel, ..Parts::default() },
        )
    }

    /// Brings the bank's callbacks to the gateway.
    pub fn hears(&self) {
        let gateway = self.gateway.clone();
        let take = move |request| -> BoxFuture<'static, paysluice::adapter::Reply> {
            let gateway = gateway.clone();
            Box::pin(async move { gateway.receive(&request).await.reply })
        };
        self.sandbox.callbacks().to_handler("/callbacks/stripe", Arc::new(take));
    }

    /// Lets time pass.
    pub async fn sleep(&self, seconds: u64) {
        self.env.sleep(Duration::from_secs(seconds)).await;
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

/// What a gateway may have beside a store and a way to the bank.
#[derive(Debug, Default)]
pub struct Parts {
    /// Which adapter.
    pub channel: Channel,
    /// Whether it works by itself.
    pub background: bool,
    /// Who is told.
    pub handler: Option<Arc<dyn Handler>>,
    /// Seals drafts.
    pub sealer: Option<Sealer>,
    /// How often background work looks round; a second if it is absent.
    pub every: Option<Duration>,
}

/// A gateway over the sandbox.
#[allow(clippy::expect_used, reason = "a harness: what cannot be built ends the test")]
pub fn gateway_over(
    env: &Env,
    sandbox: &Sandbox,
    transport: Arc<dyn Transport>,
    store: &Arc<dyn Store>,
    parts: Parts,
) -> Gateway {
    let builder = Gateway::builder(adapter(sandbox, parts.channel), transport, Arc::clone(store), env.clone())
        .accept_durability(Durability::Process)
        .guards(GuardsConfig::default())
        .config(GatewayConfig {
            background: parts.background,
            resolver_every: parts.every.unwrap_or(Duration::from_secs(1)),
            tell_every: parts.every.unwrap_or(Duration::from_secs(1)),
            ..GatewayConfig::default()
        });
    let builder = match parts.sealer {
        Some(sealer) => builder.sealer(sealer),
        None => builder.unsealed(),
    };
    let builder = match parts.handler {
        Some(handler) => builder.handler(handler),
        None => builder.no_handler(),
    };
    builder.build().expect("a gateway")
}

/// That channel's adapter with the sandbox's credentials.
pub fn adapter(sandbox: &Sandbox, channel: Channel) -> Arc<dyn Adapter> {
    match channel {
        Channel::Stripe => Arc::new(stripe(sandbox)),
        Channel::WechatPay => Arc::new(wechatpay(sandbox, true)),
        Channel::WechatPayByCertificates => Arc::new(wechatpay(sandbox, false)),
        Channel::Alipay => Arc::new(alipay(sandbox, false)),
        Channel::AlipayByCertificates => Arc::new(alipay(sandbox, true)),
        Channel::UnionPay => Arc::new(unionpay(sandbox)),
    }
}

/// WeChat Pay's adapter with the sandbox's credentials.
#[allow(clippy::expect_used, reason = "a harness: what cannot be built ends the test")]
pub fn wechatpay(sandbox: &Sandbox, public_key: bool) -> WeChatPay {
    let credentials = sandbox.wechatpay().credentials();
    let account = AccountRef::new("wechatpay", Mode::Test, &credentials.mchid).expect("an account");
    let (key, serial) = (credentials.merchant_private_key, credentials.merchant_serial);
    let mut config = WeChatPayConfig::new(account, credentials.appid, key, serial, credentials.api_v3_key)
        .notify_url("https://shop.example/callbacks/wechatpay");
    config.store_out_id = Some("shop-1".to_owned());
    if public_key {
        config = config.public_key(credentials.public_key_id, credentials.public_key);
    }
    WeChatPay::new(config).expect("an adapter")
}

/// Alipay's adapter with the sandbox's credentials.
#[allow(clippy::expect_used, reason = "a harness: what cannot be built ends the test")]
pub fn alipay(sandbox: &Sandbox, certificates: bool) -> Alipay {
    let own = sandbox.alipay().credentials();
    let account = AccountRef::new("alipay", Mode::Test, &own.app_id).expect("an account");
    let (key, app, alipay) = (own.app_private_key, own.app_certificate, own.alipay_certificate);
    let config = if certificates {
        AlipayConfig::with_certificates(account, key, app, alipay, own.alipay_root_certificates)
    } else {
        AlipayConfig::with_key(account, key, own.alipay_public_key)
    };
    let config = config.seller_id(own.seller_id).notify_url("https://shop.example/callbacks/alipay");
    Alipay::new(config).expect("an adapter")
}

/// UnionPay's adapter with the sandbox's credentials.
#[allow(clippy::expect_used, reason = "a harness: what cannot be built ends the test")]
pub fn unionpay(sandbox: &Sandbox) -> UnionPay {
    let own = sandbox.unionpay().credentials();
    let account = AccountRef::new("unionpay", Mode::Test, &own.mer_id).expect("an account");
    let config = UnionPayConfig::new(account, own.root_certificate, own.middle_certificate)
        .signing(own.merchant_private_key, own.merchant_certificate)
        .notify_url("https://shop.example/callbacks/unionpay")
        .return_url("https://shop.example/paid");
    UnionPay::new(config).expect("an adapter")
}

/// A call as patient as a payer.
pub fn call() -> Call {
    Call::within(Duration::from_secs(20))
}

/// Runs a test on virtual time of its own.
#[allow(clippy::expect_used, reason = "a harness: what cannot be built ends the test")]
pub fn on_virtual_time<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(test)
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

/// Yuan, in fen.
#[allow(clippy::expect_used, reason = "a harness: what cannot be built ends the test")]
pub fn yuan(fen: i64) -> Money {
    Money::new(fen, Currency::CNY).expect("money")
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

/// Stripe's adapter with the sandbox's credentials, at a sandbox that serves over HTTP.
#[allow(clippy::expect_used, reason = "a harness: what cannot be built ends the test")]
pub fn stripe_at(sandbox: &Sandbox, url: &str) -> Stripe {
    let credentials = sandbox.credentials();
    let account = AccountRef::new("stripe", Mode::Test, &credentials.account).expect("an account");
    let mut config = StripeConfig::new(account, credentials.secret_key.clone());
    (config.base_url, config.allow_http_loopback) = (url.to_owned(), true);
    Stripe::new(config).expect("an adapter")
}

/// Guards with short sends, so that what a dead process left is soon due.
pub fn impatient() -> GuardsConfig {
    let mut guards = GuardsConfig::default();
    guards.timeout.send = Duration::from_secs(1);
    guards.timeout.query = Duration::from_secs(1);
    guards
}
