//! The demo's orders by Alipay: pages, apps and codes that payers open, codes that the shop scans, certificates that change.

use std::sync::Arc;
use std::time::Duration;

use paysluice::adapter::{Adapter, Charge, Method, Request, Surface};
use paysluice::env::BoxFuture;
use paysluice::model::{AccountRef, AttemptNo, Error, ErrorKind, Invalid, Mode, NextAction, OrderNo, Payment};
use paysluice_alipay::{Alipay, AlipayConfig};
use paysluice_sandbox::{AlipayConfig as Settings, AlipayMode, Fault, FaultTable, Sandbox, Scope};

use super::channel::{CALLBACK_WAITS, Channel};
use super::clerk::Clerk;
use super::diary::Diary;
use super::faults::{self, Share};
use super::order::Order;
use super::payers::{Payers, Wish, fulfil, wish};

/// The last digits of the payers' codes, which say what comes of them. Of those that leave no trade at all (`22`, `23`) nobody
/// knows for three minutes that they do, where the answer is lost: a demo does not have the time.
const REFUSED: [&str; 2] = ["21", "24"];

/// What can happen to a request: the node of its answer may be another's, or stand there twice.
const SHARES: [Share; 16] = [
    (Fault::Refuse, 6),
    (Fault::CloseBefore, 10),
    (Fault::CloseAfter, 16),
    (Fault::ErrorBefore, 4),
    (Fault::ErrorAfter, 8),
    (Fault::Unavailable, 8),
    (Fault::TooMany { retry_after_s: 0 }, 6),
    (Fault::Slow { by_ms: faults::SLOW }, 4),
    (Fault::Truncated, 6),
    (Fault::Garbage, 4),
    (Fault::OtherOrder, 4),
    (Fault::BadSignature, 5),
    (Fault::OtherKey, 5),
    (Fault::Unsigned, 6),
    (Fault::OtherNode, 4),
    (Fault::DoubledNode, 4),
];

/// Alipay's face of the bank, which signs by certificates.
#[derive(Debug)]
pub(crate) struct ByAlipay(Sandbox);

/// As Alipay is, in the time that a demo has.
pub(crate) fn settings() -> Settings {
    Settings {
        mode: AlipayMode::Certificates,
        password_time: Duration::from_millis(300),
        refund_after: Duration::from_millis(200),
        notice_waits: CALLBACK_WAITS.map(Duration::from_millis).to_vec(),
        ..Settings::default()
    }
}

impl ByAlipay {
    pub(crate) fn new(sandbox: Sandbox) -> Self {
        Self(sandbox)
    }
}

/// What the payer's browser, app or camera gets; nothing where the shop scans the payer's code.
fn carried(payment: &Payment) -> Option<&str> {
    match payment.next_action.as_ref().map(|action| &action.what)? {
        NextAction::Redirect(text) | NextAction::Qr(text) => Some(text),
        NextAction::Invoke(parameters) => parameters.get("orderStr").or(parameters.get("tradeNO")).map(String::as_str),
        _ => None,
    }
}

fn told(answer: Result<&'static str, String>) -> Result<(), Error> {
    answer.map(drop).map_err(|why| Error::new(ErrorKind::Conflict, why))
}

impl Payers for ByAlipay {
    /// Nothing can close what nobody has opened, for as long as its time lasts: at least a minute, which a demo does not have.
    fn opens(&self, payment: &Payment) -> Result<(), Error> {
        carried(payment).map_or(Ok(()), |carried| told(self.0.alipay().payer_opens(carried)))
    }

    fn begins(&self, payment: &Payment) -> Result<(), Error> {
        carried(payment).map_or(Ok(()), |carried| told(self.0.alipay().payer_begins(carried)))
    }
}

impl Channel for ByAlipay {
    fn name(&self) -> &'static str {
        "alipay"
    }

    fn account(&self) -> Result<AccountRef, Invalid> {
        AccountRef::new("alipay", Mode::Test, &self.0.alipay().credentials().app_id)
    }

    fn open(&self, account: AccountRef, bank: String, callbacks: String) -> Result<Arc<dyn Adapter>, Invalid> {
        let own = self.0.alipay().credentials();
        let (key, certificate) = (own.app_private_key, own.app_certificate);
        let (alipay, roots) = (own.alipay_certificate, own.alipay_root_certificates);
        let config = AlipayConfig::with_certificates(account, key, certificate, alipay, roots).seller_id(own.seller_id);
        Ok(Arc::new(Alipay::new(config.notify_url(callbacks).at(bank))?))
    }

    fn weather(&self, per_mille: u16) -> Vec<FaultTable> {
        let table = |method: &str, fits: fn(&Fault) -> bool| {
            let scope = Scope::Matching { method: None, path: format!("/gateway.do/{method}") };
            faults::table(scope, per_mille, SHARES.into_iter().filter(|(fault, _)| fits(fault)))
        };
        vec![
            // A code that never arrived is known to be dead after three minutes only, which a demo does not have.
            table("alipay.trade.pay", |fault| {
                !matches!(fault, Fault::Refuse | Fault::CloseBefore | Fault::ErrorBefore | Fault::Unavailable)
            }),
            table("**", |_| true),
        ]
    }

    /// Alipay's certificate is replaced, and nobody is told.
    fn halfway(&self) {
        self.0.alipay().rotate_certificate();
    }

    fn charge(&self, order: &Order, attempt: AttemptNo) -> Charge {
        let first = attempt == AttemptNo::FIRST;
        let one_of = |count: u64| order.way.checked_rem(count).and_then(|way| usize::try_from(way).ok()).unwrap_or(0);
        let last = match wish(order) {
            Wish::Barcode if first => Some("00"),
            Wish::Refund | Wish::Refunds if first && order.way.is_multiple_of(2) => Some("00"),
            Wish::Password if first => Some(["11", "17"].into_iter().cycle().nth(one_of(2)).unwrap_or("11")),
            Wish::Refused if first => REFUSED.into_iter().cycle().nth(one_of(2)),
            Wish::Forget => Some("13"),
            _ => None,
        };
        let shown = match one_of(5) {
            0 => Method::Redirect(Surface::Web),
            1 => Method::App,
            2 => Method::MiniProgram { payer: "2088102146225135".to_owned() },
            _ => Method::Qr,
        };
        let method = last.map_or(shown, |last| Method::Barcode(format!("2812345678901234{last}")));
        Charge::new(order.no.clone(), order.money, method).attempt(attempt)
    }

    /// The payer opens what is shown and pays; one who types a password does so by himself.
    fn payer_acts(&self, payment: &Payment) -> Result<(), Error> {
        carried(payment).map_or(Ok(()), |carried| told(self.0.alipay().payer_pays(carried)))
    }

    fn serve<'a>(&'a self, clerk: &'a Clerk, order: &'a Order, diary: &'a mut Diary) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(fulfil(self, clerk, order, diary))
    }

    /// Alipay knows an order only by the number of one attempt.
    fn number(&self, adapter: &dyn Adapter, order: &OrderNo, attempt: AttemptNo) -> String {
        let formed = adapter.profile().order_number.form(adapter.account(), order, attempt);
        formed.map_or_else(|_| order.to_string(), |number| number.as_str().to_owned())
    }

    fn is_ended(&self, order: &OrderNo) -> bool {
        self.0.alipay().trade(order.as_str()).is_some_and(|trade| trade["trade_status"] == "TRADE_CLOSED")
    }

    fn asks_for_keys(&self, request: &Request) -> bool {
        request.url.contains("method=alipay.open.app.alipaycert.download")
    }

    /// Questions are posted too, and every address has its own time and signature: the order's own text is in the body.
    fn changes(&self, request: &Request) -> Option<String> {
        let method = request.url.split(['?', '&']).find_map(|part| part.strip_prefix("method="))?;
        let asks = ["alipay.trade.query", "alipay.trade.fastpay.refund.query"].contains(&method) || self.asks_for_keys(request);
        (!asks).then(|| format!("{method} {}", String::from_utf8_lossy(&request.body)))
    }

    fn path(&self) -> &'static str {
        "/gateway.do"
    }

    fn tells(&self, event: &str) -> bool {
        event.bytes().all(|byte| byte.is_ascii_digit())
    }
}
