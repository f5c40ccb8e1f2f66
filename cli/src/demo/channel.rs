//! What the demo asks of a payment channel; everything else knows no channel by name.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use paysluice::adapter::{Adapter, Charge, Request};
use paysluice::env::BoxFuture;
use paysluice::model::{AccountRef, AttemptNo, Error, Invalid, OrderNo, Payment};
use paysluice_sandbox::{FaultTable, Sandbox, SandboxConfig};

use super::clerk::Clerk;
use super::diary::Diary;
use super::order::Order;
use super::{alipay, stripe, unionpay, wechatpay};

/// One channel of the demo's shop: its protocol, its payers, its weather, and how the bank speaks of it.
pub(crate) trait Channel: Debug + Send + Sync {
    /// The provider's name.
    fn name(&self) -> &'static str;

    /// The sandbox's account at this channel.
    fn account(&self) -> Result<AccountRef, Invalid>;

    /// The protocol, with the sandbox's credentials, for a bank at `bank`; callbacks are to come to `callbacks`.
    fn open(&self, account: AccountRef, bank: String, callbacks: String) -> Result<Arc<dyn Adapter>, Invalid>;

    /// What happens to its requests, the narrower scopes first: `per_mille` of them meet a fault.
    fn weather(&self, per_mille: u16) -> Vec<FaultTable>;

    /// Lets the bank do something in the middle of the run.
    fn halfway(&self);

    /// How an attempt at an order is charged.
    fn charge(&self, order: &Order, attempt: AttemptNo) -> Charge;

    /// The payer does what the payment waits for.
    fn payer_acts(&self, payment: &Payment) -> Result<(), Error>;

    /// Brings an order to its end.
    fn serve<'a>(&'a self, clerk: &'a Clerk, order: &'a Order, diary: &'a mut Diary) -> BoxFuture<'a, Result<(), Error>>;

    /// What the ledger calls an attempt at an order.
    fn number(&self, adapter: &dyn Adapter, order: &OrderNo, attempt: AttemptNo) -> String;

    /// Whether the bank takes no money for the order's first attempt any more, and has kept none.
    fn is_ended(&self, order: &OrderNo) -> bool;

    /// Whether a request asks for keys, not for money.
    fn asks_for_keys(&self, request: &Request) -> bool;

    /// What a request changes, so that the same again is the same text; none of a question.
    fn changes(&self, request: &Request) -> Option<String> {
        let key = request.headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
        let same = || format!("{} {key} {}", request.url, String::from_utf8_lossy(&request.body));
        (request.method != Method::GET).then(same)
    }

    /// How the paths of its requests begin.
    fn path(&self) -> &'static str;

    /// Whether an event of that id is this channel's.
    fn tells(&self, event: &str) -> bool;
}

/// The bank that all channels are faces of: as quick as the demo must be, and no less strict.
pub(crate) fn bank(seed: u64) -> SandboxConfig {
    SandboxConfig {
        seed,
        callback_delay: Duration::from_millis(30),
        callback_waits: CALLBACK_WAITS.map(Duration::from_millis).to_vec(),
        search_lag: Duration::from_secs(1),
        wechatpay: wechatpay::settings(),
        alipay: alipay::settings(),
        unionpay: unionpay::settings(),
        ..SandboxConfig::default()
    }
}

/// Waits between the deliveries of a callback that is not taken, in milliseconds.
pub(crate) const CALLBACK_WAITS: [u64; 5] = [200, 500, 1000, 2000, 4000];

/// The channels, about as many orders to each.
pub(crate) fn all(sandbox: &Sandbox) -> [Arc<dyn Channel>; 4] {
    [
        Arc::new(stripe::ByStripe::new(sandbox.clone())),
        Arc::new(wechatpay::ByWechatPay::new(sandbox.clone())),
        Arc::new(alipay::ByAlipay::new(sandbox.clone())),
        Arc::new(unionpay::ByUnionPay::new(sandbox.clone())),
    ]
}
