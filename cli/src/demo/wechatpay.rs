//! The demo's orders by WeChat Pay: codes that payers scan, late or never, codes that the shop scans, closes and refunds.

use std::sync::Arc;
use std::time::Duration;

use paysluice::adapter::{Adapter, Charge, Method, Request};
use paysluice::env::BoxFuture;
use paysluice::model::{AccountRef, AttemptNo, Error, ErrorKind, Invalid, Mode, NextAction, OrderNo, Payment};
use paysluice_sandbox::{Fault, FaultTable, Sandbox, Scope, Trust, WechatPayConfig};
use paysluice_wechatpay::{WeChatPay, WeChatPayConfig};

use super::channel::{CALLBACK_WAITS, Channel};
use super::clerk::Clerk;
use super::diary::Diary;
use super::faults;
use super::order::Order;
use super::payers::{Payers, Wish, fulfil, wish};

/// The last digits of the payers' codes, which say what comes of them.
const REFUSED: [&str; 5] = ["12", "21", "22", "23", "24"];

/// WeChat Pay's face of the bank, which signs by certificates.
#[derive(Debug)]
pub(crate) struct ByWechatPay(Sandbox);

/// As WeChat Pay is, in the time that a demo has: the second certificate is used as soon as it is there.
pub(crate) fn settings() -> WechatPayConfig {
    WechatPayConfig {
        trust: Trust::Certificates,
        rotation_notice: Duration::ZERO,
        allow_http_loopback: true,
        password_time: Duration::from_millis(300),
        refund_after: Duration::from_millis(200),
        refund_gap: Duration::ZERO,
        notice_waits: CALLBACK_WAITS.map(Duration::from_millis).to_vec(),
        ..WechatPayConfig::default()
    }
}

impl ByWechatPay {
    pub(crate) fn new(sandbox: Sandbox) -> Self {
        Self(sandbox)
    }
}

/// What the payer is shown; nothing where the shop scans the payer's code.
fn shown(payment: &Payment) -> String {
    match payment.next_action.as_ref().map(|action| &action.what) {
        Some(NextAction::Qr(code)) => code.clone(),
        _ => String::new(),
    }
}

impl Payers for ByWechatPay {
    /// A code is there without its payer.
    fn opens(&self, _: &Payment) -> Result<(), Error> {
        Ok(())
    }

    fn begins(&self, payment: &Payment) -> Result<(), Error> {
        self.0.wechatpay().payer_begins(&shown(payment)).map(drop).map_err(|why| Error::new(ErrorKind::Conflict, why))
    }
}

impl Channel for ByWechatPay {
    fn name(&self) -> &'static str {
        "wechatpay"
    }

    fn account(&self) -> Result<AccountRef, Invalid> {
        AccountRef::new("wechatpay", Mode::Test, &self.0.wechatpay().credentials().mchid)
    }

    fn open(&self, account: AccountRef, bank: String, callbacks: String) -> Result<Arc<dyn Adapter>, Invalid> {
        let own = self.0.wechatpay().credentials();
        let (key, serial) = (own.merchant_private_key, own.merchant_serial);
        let mut config = WeChatPayConfig::new(account, own.appid, key, serial, own.api_v3_key);
        (config.notify_url, config.refund_notify_url) = (Some(callbacks.clone()), Some(callbacks));
        (config.base_url, config.allow_http_loopback) = (bank, true);
        config.store_out_id = Some("demo".to_owned());
        Ok(Arc::new(WeChatPay::new(config)?))
    }

    fn weather(&self, per_mille: u16) -> Vec<FaultTable> {
        let path = "/v3/pay/transactions";
        let table = |scope, fits: fn(&Fault) -> bool| {
            faults::table(scope, per_mille, faults::SIGNED.into_iter().filter(|(fault, _)| fits(fault)))
        };
        vec![
            // A code that never arrived is known to be dead after three minutes only, which a demo does not have.
            table(Scope::matching("POST", &format!("{path}/codepay")), |fault| {
                let never = [Fault::Refuse, Fault::CloseBefore, Fault::ErrorBefore, Fault::Unavailable, Fault::Accepted];
                !never.contains(fault)
            }),
            // The answer is a code that names no order: nobody could tell that it is another's.
            table(Scope::matching("POST", &format!("{path}/native")), |fault| *fault != Fault::OtherOrder),
            // After a 429 a refund waits for a minute.
            table(Scope::matching("POST", "/v3/refund/domestic/refunds"), |fault| !matches!(fault, Fault::TooMany { .. })),
            table(Scope::Matching { method: None, path: "/v3/**".to_owned() }, |_| true),
        ]
    }

    /// The platform's certificate is replaced.
    fn halfway(&self) {
        self.0.wechatpay().rotate_certificate();
    }

    fn charge(&self, order: &Order, attempt: AttemptNo) -> Charge {
        let first = attempt == AttemptNo::FIRST;
        let last = match wish(order) {
            Wish::Barcode if first => Some("00"),
            Wish::Refund | Wish::Refunds if first && order.way.is_multiple_of(2) => Some("00"),
            Wish::Password if first => Some(if order.way.is_multiple_of(2) { "11" } else { "14" }),
            Wish::Refused if first => REFUSED.into_iter().cycle().nth(usize::try_from(order.way % 5).unwrap_or(0)),
            Wish::Forget => Some("13"),
            _ => None,
        };
        let method = last.map_or(Method::Qr, |last| Method::Barcode(format!("1012345678901234{last}")));
        Charge::new(order.no.clone(), order.money, method).attempt(attempt)
    }

    /// The payer scans what is shown and pays; one who types a password does so by himself.
    fn payer_acts(&self, payment: &Payment) -> Result<(), Error> {
        match shown(payment) {
            code if code.is_empty() => Ok(()),
            code => self.0.wechatpay().payer_pays(&code).map(drop).map_err(|why| Error::new(ErrorKind::Conflict, why)),
        }
    }

    fn serve<'a>(&'a self, clerk: &'a Clerk, order: &'a Order, diary: &'a mut Diary) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(fulfil(self, clerk, order, diary))
    }

    /// WeChat Pay knows an order only by the number of one attempt.
    fn number(&self, adapter: &dyn Adapter, order: &OrderNo, attempt: AttemptNo) -> String {
        let formed = adapter.profile().order_number.form(adapter.account(), order, attempt);
        formed.map_or_else(|_| order.to_string(), |number| number.as_str().to_owned())
    }

    fn is_ended(&self, order: &OrderNo) -> bool {
        let shown = self.0.wechatpay().order(order.as_str());
        shown.is_some_and(|order| matches!(order["trade_state"].as_str(), Some("CLOSED" | "REVOKED")))
    }

    fn asks_for_keys(&self, request: &Request) -> bool {
        request.url.ends_with("/v3/certificates")
    }

    fn path(&self) -> &'static str {
        "/v3/"
    }

    /// Its ids are UUIDs.
    fn tells(&self, event: &str) -> bool {
        event.contains('-')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_attempts_of_an_order_have_numbers_of_their_own() {
        let sandbox = Sandbox::new(paysluice::env::Env::system(), paysluice_sandbox::SandboxConfig::default());
        let channel = ByWechatPay::new(sandbox);
        let account = channel.account().unwrap();
        let url = "http://127.0.0.1:1".to_owned();
        let adapter = channel.open(account, url.clone(), url).unwrap();
        let order = OrderNo::new("demo_999999_00001").unwrap();
        let number = |attempt| channel.number(&*adapter, &order, attempt);
        let second = AttemptNo::FIRST.next();
        assert_eq!(number(AttemptNo::FIRST), "demo_999999_00001");
        assert!(number(second) != number(AttemptNo::FIRST) && number(second) != number(second.next()));
    }
}
