//! The demo's orders by Stripe: cards that pay, decline and want to see their payer; captures, cancels and refunds.

use std::sync::Arc;

use paysluice::adapter::{Adapter, Cancel, Capture, Charge, Method, Refund, Request};
use paysluice::env::BoxFuture;
use paysluice::gateway::PaymentChannel;
use paysluice::model::{AccountRef, AttemptNo, CaptureNo, Error, ErrorKind, Invalid, Mode, OrderNo, Payment, RefundNo};
use paysluice_sandbox::{Fault, FaultTable, Sandbox, Scope};
use paysluice_stripe::{Stripe, StripeConfig};

use super::channel::Channel;
use super::clerk::Clerk;
use super::diary::{Asked, Diary};
use super::faults;
use super::order::{Order, part};

/// What is wanted of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    /// Its money, at once.
    Pay,
    /// Its money reserved, and then all or a part of it taken.
    Capture,
    /// Its money, and then a part or two of it given back.
    Refund,
    /// Its money reserved, and let go.
    Cancel,
    /// A first card that is declined, and then a good one.
    Decline,
    /// A card whose bank wants to see the payer.
    Challenge,
}

fn wish(order: &Order) -> Wish {
    match order.lot {
        0..70 => Wish::Pay,
        70..78 => Wish::Capture,
        78..86 => Wish::Refund,
        86..91 => Wish::Cancel,
        91..97 => Wish::Decline,
        _ => Wish::Challenge,
    }
}

/// Stripe's face of the bank.
#[derive(Debug)]
pub(crate) struct ByStripe(Sandbox);

impl ByStripe {
    pub(crate) fn new(sandbox: Sandbox) -> Self {
        Self(sandbox)
    }

    async fn fulfil(&self, clerk: &Clerk, order: &Order, diary: &mut Diary) -> Result<(), Error> {
        let payment = clerk.pay(order, diary).await?;
        let (no, one) = (|| order.no.clone(), order.way.is_multiple_of(2));
        match wish(order) {
            Wish::Pay | Wish::Decline | Wish::Challenge => {}
            Wish::Capture => {
                let money = if one { order.money } else { part(order.money, 2)? };
                let capture = Capture::new(no(), CaptureNo::new("c1")?, money);
                clerk.ask(diary, Asked::Capture(money), |clerk, call| clerk.gateway.capture(capture.clone(), call)).await?;
            }
            Wish::Cancel => {
                let cancel = Cancel::new(no());
                clerk.ask(diary, Asked::LetGo, |clerk, call| clerk.gateway.cancel(cancel.clone(), call)).await?;
            }
            Wish::Refund => {
                for (number, share) in [("r1", 3), ("r2", 4)].into_iter().take(if one { 1 } else { 2 }) {
                    let money = part(payment.money, share)?;
                    let refund = Refund::new(no(), RefundNo::new(number)?, money);
                    clerk.ask(diary, Asked::Refund(money), |clerk, call| clerk.gateway.refund(refund.clone(), call)).await?;
                }
            }
        }
        Ok(())
    }
}

impl Channel for ByStripe {
    fn name(&self) -> &'static str {
        "stripe"
    }

    fn account(&self) -> Result<AccountRef, Invalid> {
        AccountRef::new("stripe", Mode::Test, &self.0.credentials().account)
    }

    fn open(&self, account: AccountRef, bank: String, callbacks: String) -> Result<Arc<dyn Adapter>, Invalid> {
        self.0.callbacks().to_url(callbacks);
        let credentials = self.0.credentials();
        let config = StripeConfig::new(account, credentials.secret_key.clone());
        let mut config = config.webhook_secret(credentials.webhook_secret.clone());
        (config.base_url, config.allow_http_loopback) = (bank, true);
        Ok(Arc::new(Stripe::new(config)?))
    }

    fn weather(&self, per_mille: u16) -> Vec<FaultTable> {
        // A stored 500 that did nothing: its key is burnt, and only canceling the payment proves that it took nothing. Of a capture
        // or a refund nothing proves that before the key is forgotten, a day later; a demo cannot wait so long.
        let confirm = Scope::matching("POST", "/v1/payment_intents/*/confirm");
        self.0.faults().script_in(confirm, [Fault::Pass, Fault::Pass, Fault::ErrorBefore, Fault::Pass, Fault::ErrorBefore]);
        vec![faults::table(Scope::Matching { method: None, path: "/v1/**".to_owned() }, per_mille, faults::ANY)]
    }

    fn halfway(&self) {}

    fn charge(&self, order: &Order, attempt: AttemptNo) -> Charge {
        let wish = wish(order);
        let card = match (wish, attempt == AttemptNo::FIRST) {
            (Wish::Decline, true) => "pm_card_chargeDeclined",
            (Wish::Challenge, _) => "pm_card_authenticationRequired",
            _ => "pm_card_visa",
        };
        let charge = Charge::new(order.no.clone(), order.money, Method::Token(card.to_owned())).attempt(attempt);
        let charge = charge.return_url("https://shop.example/back");
        if matches!(wish, Wish::Capture | Wish::Cancel) { charge.capture_later() } else { charge }
    }

    /// The payer comes to the bank's page and agrees.
    fn payer_acts(&self, payment: &Payment) -> Result<(), Error> {
        if let Some(id) = &payment.provider_id {
            self.0.payer_approves(id).map_err(|why| Error::new(ErrorKind::Conflict, why))?;
        }
        Ok(())
    }

    fn serve<'a>(&'a self, clerk: &'a Clerk, order: &'a Order, diary: &'a mut Diary) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.fulfil(clerk, order, diary))
    }

    /// Every attempt carries the order's number in its metadata.
    fn number(&self, _: &dyn Adapter, order: &OrderNo, _: AttemptNo) -> String {
        order.as_str().to_owned()
    }

    /// Nothing that nobody has paid is ended here.
    fn is_ended(&self, _: &OrderNo) -> bool {
        false
    }

    fn asks_for_keys(&self, _: &Request) -> bool {
        false
    }

    fn path(&self) -> &'static str {
        "/v1/"
    }

    fn tells(&self, event: &str) -> bool {
        event.starts_with("evt_")
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
        assert!((650..750).contains(&share(Wish::Pay)));
        assert!((30..100).contains(&share(Wish::Decline)));
        assert!((10..60).contains(&share(Wish::Challenge)));
        assert!((50..110).contains(&share(Wish::Refund)));
    }
}
