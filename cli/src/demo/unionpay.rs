//! The demo's orders by UnionPay: forms that browsers carry, orders for the app, codes of either kind, revokes, refunds, a reversal.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::header::CONTENT_TYPE;
use paysluice::adapter::{Adapter, Charge, Form, Method, Query, Refund, Request, Reverse, Surface};
use paysluice::env::BoxFuture;
use paysluice::gateway::{Call, PaymentChannel};
use paysluice::model::{
    AccountRef, AttemptNo, Error, ErrorKind, Fate, Invalid, Mode, Money, NextAction, OrderNo, PartStatus, Payment, RefundNo,
};
use paysluice::transport::Limits;
use paysluice_sandbox::{Fault, FaultTable, Sandbox, Scope, UnionPayConfig as Face};
use paysluice_unionpay::{UnionPay, UnionPayConfig};

use super::channel::{CALLBACK_WAITS, Channel};
use super::clerk::Clerk;
use super::diary::{Asked, Diary};
use super::faults;
use super::order::{Order, part};

/// What is wanted of an order, and what its payer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    /// The payer's browser posts the form, and the payer pays on UnionPay's page.
    Form,
    /// As `Form`, but the first card has no money.
    SecondCard,
    /// The payer pays in UnionPay's app.
    App,
    /// The payer scans the shop's code and pays.
    Scan,
    /// The shop scans the payer's code, and has the money at once.
    Barcode,
    /// As `Barcode`, but the payer types a password.
    Password,
    /// As `Barcode`, but UnionPay answers that it does not know.
    Unclear,
    /// As `Barcode`, but refused; then `Scan`.
    Refused,
    /// Paid, and all of it revoked.
    Revoke,
    /// Paid, and two parts of it given back.
    Refunds,
    /// The payer never types the password, and the shop reverses the order.
    Forget,
}

fn wish(order: &Order) -> Wish {
    match order.lot {
        0..17 => Wish::Form,
        17..21 => Wish::SecondCard,
        21..35 => Wish::App,
        35..52 => Wish::Scan,
        52..66 => Wish::Barcode,
        66..73 => Wish::Password,
        73..78 => Wish::Unclear,
        78..86 => Wish::Refused,
        86..91 => Wish::Revoke,
        91..97 => Wish::Refunds,
        _ => Wish::Forget,
    }
}

/// The last digits of the payers' codes, which say what comes of them.
const REFUSED: [&str; 5] = ["12", "21", "22", "23", "24"];

/// UnionPay's face of the bank.
#[derive(Debug)]
pub(crate) struct ByUnionPay {
    bank: Sandbox,
    /// What forms the numbers.
    adapter: OnceLock<Arc<dyn Adapter>>,
}

/// As UnionPay is, in the time that a demo has.
pub(crate) fn settings() -> Face {
    Face {
        bank_time: Duration::from_millis(300),
        refund_after: Duration::from_millis(200),
        notice_waits: CALLBACK_WAITS.map(Duration::from_millis).to_vec(),
        ..Face::default()
    }
}

impl ByUnionPay {
    pub(crate) fn new(bank: Sandbox) -> Self {
        Self { bank, adapter: OnceLock::new() }
    }

    async fn fulfil(&self, clerk: &Clerk, order: &Order, diary: &mut Diary) -> Result<(), Error> {
        match wish(order) {
            Wish::Form | Wish::SecondCard => self.by_form(clerk, order, diary).await,
            Wish::App | Wish::Scan | Wish::Barcode | Wish::Password | Wish::Unclear | Wish::Refused => {
                clerk.pay(order, diary).await.map(drop)
            }
            Wish::Revoke => {
                let payment = clerk.pay(order, diary).await?;
                give_back(clerk, order, diary, "r1", payment.money).await
            }
            Wish::Refunds => {
                let payment = clerk.pay(order, diary).await?;
                give_back(clerk, order, diary, "r1", part(payment.money, 3)?).await?;
                give_back(clerk, order, diary, "r2", part(payment.money, 4)?).await
            }
            Wish::Forget => self.reverse(clerk, order, diary).await,
        }
    }

    /// The payer's browser carries the form, and may do so twice.
    async fn by_form(&self, clerk: &Clerk, order: &Order, diary: &mut Diary) -> Result<(), Error> {
        let payment = clerk.charge(order, self.charge(order, AttemptNo::FIRST), diary).await?;
        for _ in 0..=order.way % 2 {
            self.browse(&payment).await?;
        }
        let number = self.ours(&order.no, AttemptNo::FIRST);
        let (face, conflict) = (self.bank.unionpay(), |why| Error::new(ErrorKind::Conflict, why));
        if wish(order) == Wish::SecondCard {
            face.payer_fails(&number).map_err(conflict)?;
            // Whoever asks in between sees a payment that may still be made.
            clerk.gateway.query(Query::new(order.no.clone()), Call::within(Duration::from_secs(4))).await.ok();
        }
        face.payer_pays(&number).map_err(conflict)?;
        clerk.paid(order, diary).await.map(drop)
    }

    /// Posts the form as it is. A payer's own network is not what the demo is about.
    async fn browse(&self, payment: &Payment) -> Result<(), Error> {
        let Some(NextAction::Form { url, fields }) = payment.next_action.as_ref().map(|action| &action.what) else {
            return Err(Error::new(ErrorKind::Unintelligible, "no form to show"));
        };
        let body = Form::encode(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let request = Request::new(http::Method::POST, url.clone()).with_body(body);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded")?;
        let limits = Limits { timeout: Duration::from_secs(4), reply_cap: 1 << 20 };
        let page = self.bank.transport().send(request, limits).await;
        page.map(drop).map_err(|error| Error::new(ErrorKind::Lost, error.to_string()))
    }

    /// Takes back what nobody will pay, whatever became of it.
    async fn reverse(&self, clerk: &Clerk, order: &Order, diary: &mut Diary) -> Result<(), Error> {
        let payment = clerk.charge(order, self.charge(order, AttemptNo::FIRST), diary).await?;
        if payment.status.is_settled() {
            return Ok(());
        }
        let reverse = Reverse::new(order.no.clone(), RefundNo::new("v1")?);
        clerk.ask(diary, Asked::End, |clerk, call| clerk.gateway.reverse(reverse.clone(), call)).await?;
        clerk.settled(order, diary).await.map(drop)
    }

    /// UnionPay's number of an attempt: letters and digits only, so not the order's own.
    fn ours(&self, order: &OrderNo, attempt: AttemptNo) -> String {
        self.adapter.get().map_or_else(|| order.to_string(), |adapter| formed(&**adapter, order, attempt))
    }
}

fn formed(adapter: &dyn Adapter, order: &OrderNo, attempt: AttemptNo) -> String {
    let formed = adapter.profile().order_number.form(adapter.account(), order, attempt);
    formed.map_or_else(|_| order.to_string(), |number| number.as_str().to_owned())
}

/// Gives money back, which is accepted first and moved later: it is noted as done when it is.
async fn give_back(clerk: &Clerk, order: &Order, diary: &mut Diary, number: &str, money: Money) -> Result<(), Error> {
    // UnionPay's numbers of refunds are those of trades: no other order has them.
    let number = RefundNo::new(format!("{}-{number}", order.no))?;
    let refund = Refund::new(order.no.clone(), number.clone(), money);
    clerk.ask(diary, Asked::Return(money), |clerk, call| clerk.gateway.refund(refund.clone(), call)).await?;
    let status = clerk.returned(order, &number).await?;
    let fate = if status == PartStatus::Succeeded { Fate::Applied } else { Fate::Unknown };
    diary.note(Asked::Return(money), fate, clerk.env.wall(), None);
    Ok(())
}

/// What the payer is shown to pay with; nothing where the shop scans the payer's code.
fn shown(payment: &Payment) -> String {
    match payment.next_action.as_ref().map(|action| &action.what) {
        Some(NextAction::Qr(code)) => code.clone(),
        Some(NextAction::Invoke(fields)) => fields.get("tn").cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

/// What can happen to a request: the shares of every signed channel, with the two faults that only a certificate within a message
/// has in place of what UnionPay does not know: a probe of signatures, and a 202.
fn shares() -> impl Iterator<Item = faults::Share> {
    faults::SIGNED.into_iter().map(|(fault, share)| match fault {
        Fault::SignProbe => (Fault::OtherName, share),
        Fault::Accepted => (Fault::OutOfTime, share),
        fault => (fault, share),
    })
}

impl Channel for ByUnionPay {
    fn name(&self) -> &'static str {
        "unionpay"
    }

    fn account(&self) -> Result<AccountRef, Invalid> {
        AccountRef::new("unionpay", Mode::Test, &self.bank.unionpay().credentials().mer_id)
    }

    fn open(&self, account: AccountRef, bank: String, callbacks: String) -> Result<Arc<dyn Adapter>, Invalid> {
        let own = self.bank.unionpay().credentials();
        let mut config = UnionPayConfig::new(account, own.root_certificate, own.middle_certificate)
            .signing(own.merchant_private_key, own.merchant_certificate)
            .notify_url(callbacks)
            .return_url("https://shop.example/paid");
        (config.base_url, config.allow_http_loopback) = (Some(bank), true);
        let adapter: Arc<dyn Adapter> = Arc::new(UnionPay::new(config)?);
        Ok(Arc::clone(self.adapter.get_or_init(|| adapter)))
    }

    fn weather(&self, per_mille: u16) -> Vec<FaultTable> {
        let path = |last: &str| Scope::matching("POST", &format!("/gateway/api/{last}"));
        vec![
            // What never arrived is known to be dead only when its time is over: a payment's payTimeout, a refund's txnTime, some ten
            // minutes that a demo does not have. One address takes payments by codes, refunds, revokes and reversals. (The matrix of
            // fault scripts has all of them, on virtual time.)
            faults::table(
                path("backTransReq.do"),
                per_mille,
                shares().filter(|(fault, _)| {
                    let never = [Fault::Refuse, Fault::CloseBefore, Fault::ErrorBefore, Fault::Unavailable];
                    !never.contains(fault)
                }),
            ),
            faults::table(path("appTransReq.do"), per_mille, shares()),
            faults::table(path("queryTrans.do"), per_mille, shares()),
        ]
    }

    /// UnionPay signs with a new certificate.
    fn halfway(&self) {
        self.bank.unionpay().renew_certificate();
    }

    fn charge(&self, order: &Order, attempt: AttemptNo) -> Charge {
        let (first, even) = (attempt == AttemptNo::FIRST, order.way.is_multiple_of(2));
        let surface = if even { Surface::Web } else { Surface::Wap };
        let last = match wish(order) {
            Wish::Barcode if first => Some("00"),
            Wish::Revoke | Wish::Refunds if first && even => Some("16"),
            Wish::Password if first => Some(if even { "11" } else { "14" }),
            Wish::Unclear if first => Some(if even { "31" } else { "32" }),
            Wish::Refused if first => REFUSED.into_iter().cycle().nth(usize::try_from(order.way % 5).unwrap_or(0)),
            Wish::Forget => Some("13"),
            _ => None,
        };
        let method = match (wish(order), last) {
            (_, Some(last)) => Method::Barcode(format!("62234567890123{last}")),
            (Wish::Form | Wish::SecondCard, None) => Method::Redirect(surface),
            (Wish::App, None) => Method::App,
            (_, None) => Method::Qr,
        };
        Charge::new(order.no.clone(), order.money, method).attempt(attempt)
    }

    /// The payer opens the app or scans what is shown, and pays; one who types a password does so by himself.
    fn payer_acts(&self, payment: &Payment) -> Result<(), Error> {
        match shown(payment) {
            sign if sign.is_empty() => Ok(()),
            sign => self.bank.unionpay().payer_pays(&sign).map(drop).map_err(|why| Error::new(ErrorKind::Conflict, why)),
        }
    }

    fn serve<'a>(&'a self, clerk: &'a Clerk, order: &'a Order, diary: &'a mut Diary) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.fulfil(clerk, order, diary))
    }

    fn number(&self, adapter: &dyn Adapter, order: &OrderNo, attempt: AttemptNo) -> String {
        formed(adapter, order, attempt)
    }

    fn is_ended(&self, order: &OrderNo) -> bool {
        let shown = self.bank.unionpay().trade(&self.ours(order, AttemptNo::FIRST));
        shown.is_some_and(|trade| trade.get("origRespCode").is_some_and(|code| code == "45"))
    }

    fn asks_for_keys(&self, _: &Request) -> bool {
        false
    }

    /// A question is a form as well.
    fn changes(&self, request: &Request) -> Option<String> {
        let asks = request.url.ends_with("/queryTrans.do");
        (!asks).then(|| format!("{} {}", request.url, String::from_utf8_lossy(&request.body)))
    }

    fn path(&self) -> &'static str {
        "/gateway/api/"
    }

    fn tells(&self, event: &str) -> bool {
        event.starts_with("up_")
    }
}

#[cfg(test)]
mod tests {
    use super::super::order::orders;
    use super::*;

    #[test]
    fn the_wishes_come_in_the_mix_promised() {
        let orders = orders(1000, 7, 1).unwrap();
        let share = |wanted: Wish| orders.iter().filter(|order| wish(order) == wanted).count();
        for (wanted, range) in [
            (Wish::Form, 130..210),
            (Wish::Scan, 130..210),
            (Wish::App, 100..180),
            (Wish::Unclear, 25..80),
            (Wish::Revoke, 25..80),
            (Wish::Forget, 12..55),
        ] {
            assert!(range.contains(&share(wanted)), "{wanted:?}");
        }
    }

    #[test]
    fn every_fault_that_unionpay_may_have_strikes_in_full_shares() {
        assert_eq!(shares().map(|(_, share)| share).sum::<u16>(), 100);
        assert!([Fault::OtherName, Fault::OutOfTime].iter().all(|fault| shares().any(|(other, _)| other == *fault)));
    }
}
