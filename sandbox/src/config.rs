//! How the sandbox is set up, and the test credentials it takes.

use std::fmt;
use std::time::Duration;

use paysluice::env::SeededRng;
use paysluice::model::Secret;

use crate::alipay::AlipayConfig;
use crate::unionpay::UnionPayConfig;
use crate::wechatpay::WechatPayConfig;
use crate::world::letters;

/// The sandbox's settings.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// Where ids and credentials come from: the same seed, the same run. Default 1.
    pub seed: u64,
    /// Time a request takes there and back, in process. Half of it lies before the execution; the key is in use during the other half. Default 20 ms.
    pub latency: Duration,
    /// From an event to its callback, if no fault changes it. Default 100 ms: after the answer.
    pub callback_delay: Duration,
    /// Waits between the deliveries of a callback that is not answered by 2xx; when they are used up it is given up. Default: 5 s growing to 12 h, about 3 days in all, as Stripe does live.
    pub callback_waits: Vec<Duration>,
    /// How long an asynchronous payment method is processing. Default 5 s.
    pub settle_after: Duration,
    /// How long a pending refund is pending, and after what time a failing one fails. Default 5 s.
    pub refund_after: Duration,
    /// Every refund begins pending. Default false.
    pub refunds_pending: bool,
    /// After what time a payment is found by search. Default 30 s.
    pub search_lag: Duration,
    /// How long an idempotency key is remembered. Default 24 h.
    pub key_window: Duration,
    /// After what time an uncaptured authorisation is let go. Default 7 days.
    pub hold_window: Duration,
    /// A request without `Stripe-Version` is refused. Default false, as at Stripe; a present one must have the right form in any case.
    pub require_version: bool,
    /// The metadata keys, in order of preference, that name the merchant's order in the ledger.
    pub order_keys: Vec<String>,
    /// Where hosted pages are found; `serve` sets it to its own address. Default `https://sandbox.invalid`.
    pub public_url: String,
    /// The secret key, `sk_test_…`. None: generated from the seed.
    pub secret_key: Option<String>,
    /// The webhook secret, `whsec_…`. None: generated from the seed.
    pub webhook_secret: Option<String>,
    /// Alipay's face.
    pub alipay: AlipayConfig,
    /// WeChat Pay's face.
    pub wechatpay: WechatPayConfig,
    /// UnionPay's face.
    pub unionpay: UnionPayConfig,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            latency: Duration::from_millis(20),
            callback_delay: Duration::from_millis(100),
            callback_waits: [5, 30, 120, 900, 3600, 10_800, 21_600, 43_200, 43_200, 43_200, 43_200, 43_200]
                .map(Duration::from_secs)
                .to_vec(),
            settle_after: Duration::from_secs(5),
            refund_after: Duration::from_secs(5),
            refunds_pending: false,
            search_lag: Duration::from_secs(30),
            key_window: Duration::from_secs(24 * 3600),
            hold_window: Duration::from_secs(7 * 24 * 3600),
            require_version: false,
            order_keys: ["paysluice_order", "order", "order_no", "order_id"].map(str::to_owned).to_vec(),
            public_url: "https://sandbox.invalid".to_owned(),
            secret_key: None,
            webhook_secret: None,
            alipay: AlipayConfig::default(),
            wechatpay: WechatPayConfig::default(),
            unionpay: UnionPayConfig::default(),
        }
    }
}

/// The test credentials a client needs. They open nothing but this sandbox.
#[derive(Clone)]
pub struct Credentials {
    /// The secret key: `sk_test_…`.
    pub secret_key: Secret,
    /// The webhook endpoint's secret: `whsec_…`, used whole.
    pub webhook_secret: Secret,
    /// The account: `acct_…`.
    pub account: String,
}

impl Credentials {
    pub(crate) fn of(config: &SandboxConfig) -> Self {
        let rng = SeededRng::new(config.seed ^ 0x5eed_c0de);
        let key = format!("sk_test_{}", letters(&rng, 24));
        let secret = format!("whsec_{}", letters(&rng, 32));
        Self {
            secret_key: Secret::new(config.secret_key.clone().unwrap_or(key)),
            webhook_secret: Secret::new(config.webhook_secret.clone().unwrap_or(secret)),
            account: format!("acct_{}", letters(&rng, 16)),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.account)
    }
}
