//! The ways to pay in a run: a provider's adapter, its payers, and what may be wanted of an order there. A new channel is one more.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use paysluice::adapter::{Adapter, Charge, Method};
use paysluice::model::{AccountRef, AttemptNo, Invalid, Mode, Secret};
use paysluice_sandbox::{Sandbox, SandboxConfig, Trust, WechatPayConfig};
use paysluice_stripe::{Stripe, StripeConfig};
use paysluice_wechatpay::{WeChatPay, WeChatPayConfig};
use serde::{Deserialize, Serialize};

use super::orders::{Order, Wish};

/// One provider's way to pay.
pub trait Way: Debug + Sync {
    /// Its adapter, for a bank at `bank`; callbacks come to `callbacks/ACCOUNT`.
    fn adapter(&self, access: &Access, bank: &str, callbacks: &str) -> Result<Arc<dyn Adapter>, Invalid>;
    /// What may be wanted of an order, each as often as the others.
    fn wishes(&self) -> &'static [Wish];
    /// The charge of an attempt.
    fn charge(&self, order: &Order, attempt: AttemptNo) -> Charge;
    /// The payer, who was shown how, pays, unless it is closed by now.
    fn payer_acts(&self, sandbox: &Sandbox, order: &Order);
}

/// Every way.
pub const WAYS: [&dyn Way; 2] = [&ByStripe, &ByWechatPay];

/// The credentials that the bank gives to whoever may use its faces. They open nothing else.
#[derive(Clone, Serialize, Deserialize)]
pub struct Access {
    stripe: [String; 3],
    wechatpay: [String; 7],
}

impl Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Access")
    }
}

impl Access {
    /// To that sandbox.
    pub fn to(sandbox: &Sandbox) -> Self {
        let text = |secret: &Secret| String::from_utf8_lossy(secret.expose()).into_owned();
        let (stripe, own) = (sandbox.credentials(), sandbox.wechatpay().credentials());
        Self {
            stripe: [stripe.account.clone(), text(&stripe.secret_key), text(&stripe.webhook_secret)],
            wechatpay: [
                own.mchid,
                own.appid,
                text(&own.merchant_private_key),
                own.merchant_serial,
                text(&own.api_v3_key),
                own.public_key_id,
                own.public_key,
            ],
        }
    }
}

/// The bank of a run: as quick as a run must be, and patient with callbacks.
pub fn bank(seed: u64) -> SandboxConfig {
    let waits: Vec<Duration> = [200, 500].into_iter().chain([1000; 300]).map(Duration::from_millis).collect();
    SandboxConfig {
        seed,
        callback_delay: Duration::from_millis(30),
        callback_waits: waits.clone(),
        search_lag: Duration::from_secs(1),
        wechatpay: WechatPayConfig {
            trust: Trust::PublicKey,
            allow_http_loopback: true,
            refund_after: Duration::from_millis(200),
            refund_gap: Duration::ZERO,
            notice_waits: waits,
            ..WechatPayConfig::default()
        },
        ..SandboxConfig::default()
    }
}

#[derive(Debug)]
struct ByStripe;

impl Way for ByStripe {
    fn adapter(&self, access: &Access, bank: &str, _: &str) -> Result<Arc<dyn Adapter>, Invalid> {
        let [account, key, webhook] = access.stripe.clone();
        let account = AccountRef::new("stripe", Mode::Test, &account)?;
        let mut config = StripeConfig::new(account, Secret::new(key)).webhook_secret(Secret::new(webhook));
        (config.base_url, config.allow_http_loopback) = (bank.to_owned(), true);
        Ok(Arc::new(Stripe::new(config)?))
    }

    fn wishes(&self) -> &'static [Wish] {
        &[Wish::Pay, Wish::Pay, Wish::Decline, Wish::Refunds, Wish::Rivals, Wish::Fork, Wish::Fork]
    }

    fn charge(&self, order: &Order, attempt: AttemptNo) -> Charge {
        let declined = order.wish == Wish::Decline && attempt == AttemptNo::FIRST;
        let card = if declined { "pm_card_chargeDeclined" } else { "pm_card_visa" };
        let charge = Charge::new(order.no.clone(), order.money, Method::Token(card.to_owned())).attempt(attempt);
        if order.wish == Wish::Fork { charge.capture_later() } else { charge }
    }

    fn payer_acts(&self, _: &Sandbox, _: &Order) {}
}

#[derive(Debug)]
struct ByWechatPay;

impl Way for ByWechatPay {
    fn adapter(&self, access: &Access, bank: &str, callbacks: &str) -> Result<Arc<dyn Adapter>, Invalid> {
        let [mchid, appid, key, serial, v3, public_id, public] = access.wechatpay.clone();
        let account = AccountRef::new("wechatpay", Mode::Test, &mchid)?;
        let notices = format!("{callbacks}/{account}");
        let mut config =
            WeChatPayConfig::new(account, appid, Secret::new(key), serial, Secret::new(v3)).public_key(public_id, public);
        (config.notify_url, config.refund_notify_url) = (Some(notices.clone()), Some(notices));
        (config.base_url, config.allow_http_loopback) = (bank.to_owned(), true);
        Ok(Arc::new(WeChatPay::new(config)?))
    }

    fn wishes(&self) -> &'static [Wish] {
        &[Wish::Pay, Wish::Pay, Wish::Refunds, Wish::Rivals, Wish::Leave, Wish::Late, Wish::Late]
    }

    fn charge(&self, order: &Order, attempt: AttemptNo) -> Charge {
        Charge::new(order.no.clone(), order.money, Method::Qr).attempt(attempt)
    }

    fn payer_acts(&self, sandbox: &Sandbox, order: &Order) {
        // Who comes too late is told so.
        let _ = sandbox.wechatpay().payer_pays(order.no.as_str());
    }
}
