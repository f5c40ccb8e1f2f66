//! Refunds: made, pending, failing later.

use super::book::{Refund, Status};
use super::errors::ApiError;
use super::methods::{RefundBehaviour, refund_behaviour};
use super::objects::Expand;
use super::{Alarm, Answer, Call, Cause, Stripe, amounts, events, objects};
use crate::bank::Refusal;
use crate::world::World;

const CREATE: &[&str] = &[
    "amount",
    "charge",
    "expand",
    "instructions_email",
    "metadata",
    "payment_intent",
    "reason",
    "refund_application_fee",
    "reverse_transfer",
];
/// What can be expanded in a refund.
pub(super) const EXPANDS: &[&str] = &["charge", "payment_intent"];

impl Stripe {
    pub(super) fn create_refund(&mut self, world: &mut World, call: &Call<'_>) -> Answer {
        let form = &call.form;
        form.only(CREATE)?;
        let expand = Expand::new(form.list("expand"), EXPANDS, false)?;
        let reason = form.word("reason", &["duplicate", "fraudulent", "requested_by_customer"])?;
        let asked = form.integer("amount")?;
        let mut metadata = std::collections::BTreeMap::new();
        form.metadata(&mut metadata)?;
        let id = match (form.owned("payment_intent"), form.owned("charge")) {
            (Some(id), None) => id,
            (None, Some(charge)) => {
                let found = self.book.charge(&charge).ok_or_else(|| ApiError::missing("charge", &charge, "charge"))?;
                found.intent.clone()
            }
            (None, None) => {
                let message = "One of the following params should be provided for this request: payment_intent or charge.";
                return Err(ApiError::invalid("parameter_missing", "payment_intent", message));
            }
            _ => return Err(ApiError::bad_request("You may only specify one of these parameters: charge, payment_intent.")),
        };
        let intent = self.book.intent(&call.account, &id, "payment_intent")?;
        let charge = self.book.latest_charge(intent).filter(|charge| charge.status == "succeeded" && charge.amount_captured > 0);
        let Some(charge) = charge.filter(|_| matches!(intent.status, Status::Succeeded | Status::RequiresCapture)) else {
            let message = format!("This PaymentIntent ({id}) does not have a successful charge to refund.");
            return Err(ApiError::conflict("payment_intent_unexpected_state", message));
        };
        let left = charge.amount_captured - charge.amount_refunded;
        let (charge, method, currency) = (charge.id.clone(), charge.method.clone(), charge.currency.clone());
        if left == 0 {
            return Err(ApiError::conflict("charge_already_refunded", format!("Charge {charge} has already been refunded."))
                .with("charge", charge));
        }
        let amount = asked.unwrap_or(left);
        if amount < 1 {
            return Err(ApiError::invalid(
                "parameter_invalid_integer",
                "amount",
                "This value must be greater than or equal to 1.",
            ));
        }
        amounts::stepped(amount, &currency, "amount")?;
        world.bank.refund(world.wall, &id, amount).map_err(|why| refused(why, amount, left))?;
        let behaviour = refund_behaviour(&method);
        let pending = behaviour == RefundBehaviour::Pends || world.config.refunds_pending;
        let refund = Refund {
            id: world.id("re_"),
            account: call.account.clone(),
            intent: id,
            charge: charge.clone(),
            created: world.unix(),
            amount,
            currency,
            reason,
            status: if pending { "pending" } else { "succeeded" },
            failure_reason: None,
            metadata,
        };
        let made = refund.id.clone();
        if let Some(charge) = self.book.charge_mut(&charge) {
            charge.amount_refunded += amount;
        }
        self.book.refunds.push(refund);
        match behaviour {
            RefundBehaviour::FailsLater => world.after(world.config.refund_after, Alarm::RefundBounces(made.clone())),
            _ if pending => world.after(world.config.refund_after, Alarm::RefundSettles(made.clone())),
            _ => {}
        }
        self.tell_refund(world, &call.cause, "refund.created", &made);
        self.tell_charge(world, &call.cause, "charge.refunded", &charge);
        let refund = self.book.refund(&call.account, &made)?;
        Ok(objects::refund(&self.book, world, refund, &expand))
    }

    pub(super) fn get_refund(&self, world: &World, call: &Call<'_>, id: &str) -> Answer {
        call.form.only(&["expand"])?;
        let expand = Expand::new(call.form.list("expand"), EXPANDS, false)?;
        let refund = self.book.refund(&call.account, id)?;
        Ok(objects::refund(&self.book, world, refund, &expand))
    }

    /// A pending refund is done.
    pub(super) fn refund_settles(&mut self, world: &mut World, id: &str) {
        if let Some(refund) = self.book.refund_mut(id).filter(|refund| refund.status == "pending") {
            refund.status = "succeeded";
            self.tell_refund(world, &Cause::default(), "refund.updated", id);
        }
    }

    /// A refund comes back from the payer's bank.
    pub(super) fn refund_bounces(&mut self, world: &mut World, id: &str) {
        let Some(refund) = self.book.refund_mut(id) else { return };
        let (intent, charge, amount) = (refund.intent.clone(), refund.charge.clone(), refund.amount);
        if world.bank.refund_bounced(world.wall, &intent, amount).is_err() {
            return;
        }
        refund.status = "failed";
        refund.failure_reason = Some("expired_or_canceled_card");
        if let Some(charge) = self.book.charge_mut(&charge) {
            charge.amount_refunded -= amount;
        }
        self.tell_refund(world, &Cause::default(), "refund.updated", id);
        self.tell_refund(world, &Cause::default(), "refund.failed", id);
    }

    fn tell_refund(&mut self, world: &mut World, cause: &Cause, kind: &str, id: &str) {
        let found = self.book.refunds.iter().find(|refund| refund.id == id);
        if let Some(object) = found.map(|refund| objects::refund(&self.book, world, refund, &Expand::default())) {
            events::emit(&mut self.book, world, cause, kind, object);
        }
    }
}

fn refused(why: Refusal, amount: i64, left: i64) -> ApiError {
    match why {
        Refusal::NoFunds => {
            ApiError::conflict("balance_insufficient", "You have insufficient funds in your Stripe account for this refund.")
        }
        Refusal::TooMuch | Refusal::State => {
            let message = format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left})");
            ApiError::conflict("amount_too_large", message).with("param", "amount")
        }
    }
}
