//! A toy bank with a ledger that speaks the protocols of the providers and fails on command.
//!
//! One bank, one ledger, one plan of faults; a face per provider, found by the path of a request: Stripe's answers `/v1/…`
//! ([`Credentials`]), WeChat Pay's `/v3/…` ([`WechatPayFace`]), Alipay's `/gateway.do` ([`AlipayFace`]), UnionPay's
//! `/gateway/api/…` ([`UnionPayFace`]).
//!
//! ```
//! use std::time::{Duration, SystemTime};
//!
//! use paysluice::env::Env;
//! use paysluice_sandbox::{Fault, Sandbox, SandboxConfig, Scope};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # runtime.block_on(async {
//! let env = Env::simulated(7, SystemTime::UNIX_EPOCH + Duration::from_secs(1_750_000_000));
//! let sandbox = Sandbox::new(env, SandboxConfig::default());
//! sandbox.faults().script_in(Scope::matching("POST", "/v1/payment_intents/*/confirm"), [Fault::CloseAfter]);
//! let transport = sandbox.transport(); // give it to a gateway, let it charge, then ask the bank:
//! assert_eq!(sandbox.ledger().audit(), []);
//! # });
//! ```

mod alipay;
mod bank;
mod callbacks;
mod config;
mod control;
mod fault;
mod http1;
mod ledger;
mod letter;
mod meddle;
mod server;
mod stripe;
mod target;
#[cfg(test)]
mod tests;
mod transport;
mod unionpay;
mod wechatpay;
mod world;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use paysluice::adapter::{Reply, Request};
use paysluice::env::Env;
use paysluice::transport::Transport;
use serde_json::Value;

pub use alipay::{AlipayConfig, AlipayCredentials, AlipayFace, AlipayKeys, AlipayMode, AlipaySlashes};
pub use callbacks::{CallbackCounts, Callbacks, Delivery, Sink};
pub use config::{Credentials, SandboxConfig};
pub use fault::{CallbackFault, Fault, FaultTable, Faults, Scope};
pub use ledger::{Entry, EntryKind, Ledger, Violation};
pub use server::ServerHandle;
pub use unionpay::{UnionPayConfig, UnionPayCredentials, UnionPayFace, UnionPayMerchant};
pub use wechatpay::{Trust, WechatPayConfig, WechatPayCredentials, WechatPayFace, WechatPayKeys};

use alipay::Alipay;
use letter::News;
use meddle::Meddle;
use stripe::Stripe;
use unionpay::UnionPay;
use wechatpay::WechatPay;
use world::{Alarm, World};

/// The bank with its faces. Clones share it.
#[derive(Clone, Debug)]
pub struct Sandbox(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    env: Env,
    credentials: Credentials,
    faults: Faults,
    callbacks: Callbacks,
    latency: Duration,
    core: Mutex<Core>,
}

#[derive(Debug)]
struct Core {
    world: World,
    alipay: Alipay,
    stripe: Stripe,
    wechatpay: WechatPay,
    unionpay: UnionPay,
}

/// What a request meets on the wire.
#[derive(Debug)]
pub(crate) enum Exchange {
    /// The answer, whole after this time.
    Whole(Reply, Duration),
    /// The answer breaks off halfway.
    Cut(Reply, Duration),
    /// The connection is closed.
    Closed(Duration),
}

impl Sandbox {
    /// A bank without payments.
    pub fn new(env: Env, config: SandboxConfig) -> Self {
        let credentials = Credentials::of(&config);
        let callbacks = Callbacks::new(&config);
        let latency = config.latency;
        let alipay = Alipay::new(&config);
        let wechatpay = WechatPay::new(&config);
        let unionpay = UnionPay::new(&config);
        let stripe = Stripe::new(credentials.clone());
        let core = Core { alipay, stripe, wechatpay, unionpay, world: World::new(config) };
        Self(Arc::new(Inner { env, credentials, faults: Faults::default(), callbacks, latency, core: Mutex::new(core) }))
    }

    /// The in-process network to it. It answers every host.
    pub fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(transport::InProcess::new(self.clone()))
    }

    /// A copy of the ledger as it stands.
    pub fn ledger(&self) -> Ledger {
        self.core(|core| core.world.bank.ledger().clone())
    }

    /// The handle on faults.
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// The callbacks: where they go, and what became of them.
    pub fn callbacks(&self) -> &Callbacks {
        &self.0.callbacks
    }

    /// The credentials a client of Stripe's face needs.
    pub fn credentials(&self) -> &Credentials {
        &self.0.credentials
    }

    /// Limits what can be given back in a currency (lower case, the provider's units); None lifts the limit.
    pub fn set_refund_funds(&self, currency: &str, amount: Option<i64>) {
        self.core(|core| core.world.bank.set_funds(currency, amount));
    }

    /// The payer passes the authentication of an intent in `requires_action`. Answers the intent's new status, or why not.
    pub fn payer_approves(&self, intent: &str) -> Result<&'static str, String> {
        self.act(0, |core| core.stripe.payer_answers(&mut core.world, intent, true))
    }

    /// The payer fails the authentication: the intent is back in `requires_payment_method`.
    pub fn payer_declines(&self, intent: &str) -> Result<&'static str, String> {
        self.act(0, |core| core.stripe.payer_answers(&mut core.world, intent, false))
    }

    /// The payer confirms in the front end with `pm_card_visa`, by client secret or intent id: late payment included.
    pub fn payer_pays_client_secret(&self, secret: &str) -> Result<&'static str, String> {
        self.payer_pays_with(secret, "pm_card_visa")
    }

    /// As [`payer_pays_client_secret`](Self::payer_pays_client_secret), with any magic payment method.
    pub fn payer_pays_with(&self, secret: &str, method: &str) -> Result<&'static str, String> {
        self.act(0, |core| core.stripe.payer_pays(&mut core.world, secret, method))
    }

    /// An intent, charge or refund as its endpoint shows it, without a request, a fault or a trace.
    pub fn object(&self, id: &str) -> Option<Value> {
        self.core(|core| core.stripe.object(&core.world, id))
    }

    /// The ids of all intents, oldest first.
    pub fn intents(&self) -> Vec<String> {
        self.core(|core| core.stripe.intent_ids())
    }

    /// Alipay's face: its credentials, its payers, its certificates.
    pub fn alipay(&self) -> AlipayFace<'_> {
        AlipayFace::of(self)
    }

    /// WeChat Pay's face: its credentials, its payers, its certificates.
    pub fn wechatpay(&self) -> WechatPayFace<'_> {
        WechatPayFace::of(self)
    }

    /// UnionPay's face: its credentials, its payers, its trades.
    pub fn unionpay(&self) -> UnionPayFace<'_> {
        UnionPayFace::of(self)
    }

    /// Every event of Stripe's so far, oldest first, delivered or not.
    pub fn events(&self) -> Vec<Value> {
        self.core(|core| core.stripe.events())
    }

    /// Delivers an event again, as the provider's dashboard can: false if there is no such event.
    pub fn resend_event(&self, id: &str) -> bool {
        let resent = |core: &mut Core| {
            core.stripe.resend(&mut core.world, id)
                || core.wechatpay.resend(&mut core.world, id)
                || core.alipay.resend(&mut core.world, id)
                || core.unionpay.resend(&mut core.world, id)
        };
        let (found, news) = self.core(|core| (resent(core), std::mem::take(&mut core.world.news)));
        for event in news {
            self.0.callbacks.dispatch(&self.0.env, event, CallbackFault::Pass);
        }
        found
    }

    pub(crate) fn env(&self) -> &Env {
        &self.0.env
    }

    /// Half of the way there and back.
    pub(crate) fn half_way(&self) -> Duration {
        self.0.latency / 2
    }

    pub(crate) fn set_public_url(&self, url: String) {
        self.core(|core| core.world.public_url = url);
    }

    /// The fault that a request meets; taken once per request.
    pub(crate) fn fault_for(&self, request: &Request) -> Fault {
        let path = alipay::fault_path(request).unwrap_or_else(|| target::split(&request.url).0.to_owned());
        self.0.faults.of_request(request.method.as_str(), &path)
    }

    /// The request has arrived: it is executed now, and this is what the wire shows of it.
    pub(crate) fn arrive(&self, request: &Request, fault: Fault) -> Exchange {
        let half = self.half_way();
        let (skew, busy) = match fault {
            Fault::Refuse | Fault::CloseBefore => return Exchange::Closed(half),
            Fault::ClockSkew { seconds } => (seconds, half),
            Fault::Slow { by_ms } => (0, fault::ms(by_ms)),
            _ => (0, half),
        };
        let mut reply = self.act(skew, |core| {
            let mut reply = core.answer(request, Meddle::of(fault), busy);
            if let Ok(date) = http::HeaderValue::from_str(&http1::date(core.world.unix())) {
                reply.headers.insert(http::header::DATE, date);
            }
            reply
        });
        match fault {
            Fault::CloseAfter => Exchange::Closed(busy),
            Fault::Truncated => Exchange::Cut(reply, busy),
            Fault::Garbage => {
                reply.status = http::StatusCode::OK;
                reply.body = bytes::Bytes::from_static(b"<html><body>It works!</body>");
                Exchange::Whole(reply, busy)
            }
            _ => Exchange::Whole(reply, busy),
        }
    }

    /// Changes something now; what follows from it (callbacks, alarms) is started after the lock is given back.
    fn act<T>(&self, skew: i64, change: impl FnOnce(&mut Core) -> T) -> T {
        let (result, alarms, news) = self.core(|core| {
            core.world.wall = self.0.env.wall();
            core.world.now = self.0.env.now();
            core.world.skew = skew;
            let result = change(core);
            (result, std::mem::take(&mut core.world.alarms), std::mem::take(&mut core.world.news))
        });
        self.follow(alarms, news);
        result
    }

    fn follow(&self, alarms: Vec<(Duration, Alarm)>, news: Vec<News>) {
        for (after, alarm) in alarms {
            let (sandbox, sleep) = (self.clone(), self.0.env.sleep(after));
            self.0.env.spawn(async move {
                sleep.await;
                sandbox.ring(alarm);
            });
        }
        for event in news {
            let fault = self.0.faults.of_callback();
            self.0.callbacks.dispatch(&self.0.env, event, fault);
        }
    }

    fn ring(&self, alarm: Alarm) {
        self.act(0, |core| match alarm {
            Alarm::Alipay(alarm) => core.alipay.ring(&mut core.world, alarm),
            Alarm::Stripe(alarm) => core.stripe.ring(&mut core.world, alarm),
            Alarm::WechatPay(alarm) => core.wechatpay.ring(&mut core.world, alarm),
            Alarm::UnionPay(alarm) => core.unionpay.ring(&mut core.world, alarm),
        });
    }

    fn core<T>(&self, f: impl FnOnce(&mut Core) -> T) -> T {
        f(&mut self.0.core.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What every order has come to, by order: charges, taken, refunded, held.
    pub fn totals(&self) -> BTreeMap<String, [i64; 4]> {
        let ledger = self.ledger();
        let of = |order: &String| {
            let charges = i64::try_from(ledger.charges(order)).unwrap_or(i64::MAX);
            [charges, ledger.taken(order), ledger.refunded(order), ledger.held(order)]
        };
        ledger.orders().into_iter().map(|order| (order.clone(), of(&order))).collect()
    }
}

impl Core {
    /// The face is found by the path: WeChat Pay's all begin with `/v3/`, UnionPay's with `/gateway/api/`, Alipay has but one.
    fn answer(&mut self, request: &Request, meddle: Meddle, busy: Duration) -> Reply {
        if target::split(&request.url).0 == alipay::PATH {
            return self.alipay.answer(&mut self.world, request, meddle);
        }
        if target::split(&request.url).0.starts_with("/gateway/api/") {
            return self.unionpay.answer(&mut self.world, request, meddle);
        }
        if target::split(&request.url).0.starts_with("/v3/") {
            return self.wechatpay.answer(&mut self.world, request, meddle);
        }
        self.stripe.answer(&mut self.world, request, meddle, busy)
    }
}
