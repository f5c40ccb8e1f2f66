//! One try to pay an intent: what the bank says, and what becomes of the intent and its charge.

use serde_json::{Value, json};

use super::book::{Charge, Status};
use super::errors::ApiError;
use super::methods::{Behaviour, behaviour};
use super::{Alarm, Answer, Call, Cause, Stripe, events, objects};
use crate::world::World;

/// The circumstances of a confirmation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Try {
    pub(crate) off_session: bool,
    pub(crate) error_on_action: bool,
    /// The payer has authenticated: a challenge is passed.
    pub(crate) authenticated: bool,
}

impl Stripe {
    /// Tries to pay with the intent's method. The intent's state was checked.
    pub(crate) fn attempt(&mut self, world: &mut World, cause: &Cause, id: &str, how: Try) -> Result<(), ApiError> {
        let Some(intent) = self.book.peek(id) else { return Err(ApiError::missing("payment_intent", id, "intent")) };
        let method = intent.method.clone().unwrap_or_default();
        let Some((_, behaviour)) = behaviour(&method) else {
            return Err(ApiError::missing("PaymentMethod", &method, "payment_method"));
        };
        match behaviour {
            Behaviour::Challenges if !how.authenticated && !how.off_session && !how.error_on_action => {
                self.set_status(id, Status::RequiresAction);
                self.tell_intent(world, cause, "payment_intent.requires_action", id);
                Ok(())
            }
            Behaviour::Challenges if !how.authenticated => {
                let decline = (
                    "authentication_required",
                    "authentication_required",
                    "",
                    "Your card was declined. This transaction requires authentication.",
                );
                self.declined(world, cause, id, &method, decline)
            }
            Behaviour::Approves | Behaviour::Challenges => {
                self.approved(world, cause, id, &method);
                Ok(())
            }
            Behaviour::Declines(code, decline, advice, message) => {
                self.declined(world, cause, id, &method, (code, decline, advice, message))
            }
            Behaviour::Settles(well) => {
                let charge = self.open_charge(world, id, &method, "pending");
                self.set_status(id, Status::Processing);
                self.tell_intent(world, cause, "payment_intent.processing", id);
                self.tell_charge(world, cause, "charge.pending", &charge);
                world.after(world.config.settle_after, Alarm::Settle { intent: id.to_owned(), charge, well });
                Ok(())
            }
        }
    }

    fn approved(&mut self, world: &mut World, cause: &Cause, id: &str, method: &str) {
        let charge = self.open_charge(world, id, method, "succeeded");
        self.succeed(world, cause, id, &charge);
    }

    /// Takes or holds the money.
    fn succeed(&mut self, world: &mut World, cause: &Cause, id: &str, charge: &str) {
        let order = self.order_of(world, id);
        let Some(intent) = self.book.intent_mut(id) else { return };
        let (hold, amount) = (intent.manual_capture, intent.amount);
        if world.bank.charge(world.wall, id, &order, hold, amount, &intent.currency).is_err() {
            return;
        }
        intent.last_error = None;
        intent.status = if hold { Status::RequiresCapture } else { Status::Succeeded };
        (intent.capturable, intent.received) = if hold { (amount, 0) } else { (0, amount) };
        if let Some(charge) = self.book.charge_mut(charge) {
            charge.status = "succeeded";
            charge.captured = !hold;
            charge.amount_captured = if hold { 0 } else { amount };
        }
        self.tell_charge(world, cause, "charge.succeeded", charge);
        let kind = if hold { "payment_intent.amount_capturable_updated" } else { "payment_intent.succeeded" };
        self.tell_intent(world, cause, kind, id);
        if hold {
            world.after(world.config.hold_window, Alarm::HoldExpires(id.to_owned()));
        }
    }

    fn declined(
        &mut self,
        world: &mut World,
        cause: &Cause,
        id: &str,
        method: &str,
        failure: (&'static str, &'static str, &'static str, &'static str),
    ) -> Result<(), ApiError> {
        let charge = self.open_charge(world, id, method, "failed");
        let error = self.fail(world, cause, id, &charge, failure);
        let shown = self.book.peek(id).map(|intent| objects::intent(&self.book, world, intent, &objects::Expand::default()));
        Err(error.with("payment_intent", shown.unwrap_or(Value::Null)))
    }

    fn fail(
        &mut self,
        world: &mut World,
        cause: &Cause,
        id: &str,
        charge: &str,
        failure: (&'static str, &'static str, &'static str, &'static str),
    ) -> ApiError {
        let (code, decline, advice, message) = failure;
        let method = self.book.charge(charge).map(|charge| charge.method.clone()).unwrap_or_default();
        let mut error = ApiError::card(code, message)
            .with("charge", charge)
            .with("payment_method", json!({"id": method, "object": "payment_method"}));
        if code == "card_declined" || code == "authentication_required" {
            error = error.with("decline_code", decline);
        }
        if !advice.is_empty() {
            error = error.with("advice_code", advice);
        }
        if let Some(charge) = self.book.charge_mut(charge) {
            charge.status = "failed";
            charge.failure = Some(failure);
        }
        if let Some(intent) = self.book.intent_mut(id) {
            intent.last_error = Some(Value::Object(error.fields.clone()));
            intent.method = None;
            intent.status = Status::RequiresPaymentMethod;
        }
        self.tell_charge(world, cause, "charge.failed", charge);
        self.tell_intent(world, cause, "payment_intent.payment_failed", id);
        error
    }

    /// An asynchronous payment ends.
    pub(super) fn settle(&mut self, world: &mut World, id: &str, charge: &str, well: bool) {
        if self.book.peek(id).is_none_or(|intent| intent.status != Status::Processing) {
            return;
        }
        if well {
            self.succeed(world, &Cause::default(), id, charge);
        } else {
            let failure = ("card_declined", "insufficient_funds", "try_again_later", "The payment failed.");
            self.fail(world, &Cause::default(), id, charge, failure);
        }
    }

    /// The payer's answer on the hosted page, or in the front end.
    pub(crate) fn payer_answers(&mut self, world: &mut World, id: &str, approves: bool) -> Result<&'static str, String> {
        let intent = self.book.peek(id).ok_or_else(|| format!("no intent {id}"))?;
        if intent.status != Status::RequiresAction {
            return Err(format!("the intent is {}", intent.status.word()));
        }
        let method = intent.method.clone().unwrap_or_default();
        if approves {
            let how = Try { authenticated: true, ..Try::default() };
            self.attempt(world, &Cause::default(), id, how).map_err(|error| error.body().to_string())?;
        } else {
            let charge = self.open_charge(world, id, &method, "failed");
            let message =
                "We are unable to authenticate your payment method. Please choose a different payment method and try again.";
            let failure = ("payment_intent_authentication_failure", "", "", message);
            self.fail(world, &Cause::default(), id, &charge, failure);
        }
        Ok(self.book.peek(id).map_or("", |intent| intent.status.word()))
    }

    /// The payer confirms in the front end with a client secret (or the intent's id): a new method after a decline, too.
    pub(crate) fn payer_pays(&mut self, world: &mut World, secret: &str, method: &str) -> Result<&'static str, String> {
        let intent = self.book.intents.iter_mut().find(|intent| intent.client_secret == secret || intent.id == secret);
        let intent = intent.ok_or_else(|| "no intent with that client secret".to_owned())?;
        let id = intent.id.clone();
        if !matches!(intent.status, Status::RequiresPaymentMethod | Status::RequiresConfirmation | Status::RequiresAction) {
            return Err(format!("the intent is {}", intent.status.word()));
        }
        if behaviour(method).is_none() {
            return Err(format!("no payment method {method}"));
        }
        intent.method = Some(method.to_owned());
        let tried = self.attempt(world, &Cause::default(), &id, Try::default());
        tried.map_err(|error| error.body().to_string())?;
        Ok(self.book.peek(&id).map_or("", |intent| intent.status.word()))
    }

    pub(super) fn get_charge(&self, call: &Call<'_>, id: &str) -> Answer {
        call.form.only(&["expand"])?;
        let expand = objects::Expand::new(call.form.list("expand"), &["payment_intent"], false)?;
        let charge = self.book.charge(id).ok_or_else(|| ApiError::missing("charge", id, "charge_id"))?;
        self.book.intent(&call.account, &charge.intent, "intent")?;
        Ok(objects::charge(&self.book, charge, &expand))
    }

    fn open_charge(&mut self, world: &mut World, id: &str, method: &str, status: &'static str) -> String {
        let charge = world.id("ch_");
        let created = world.unix();
        if let Some(intent) = self.book.intent_mut(id) {
            intent.charges.push(charge.clone());
            let (amount, currency, metadata) = (intent.amount, intent.currency.clone(), intent.metadata.clone());
            self.book.charges.push(Charge {
                id: charge.clone(),
                intent: id.to_owned(),
                created,
                amount,
                currency,
                method: method.to_owned(),
                status,
                captured: false,
                amount_captured: 0,
                amount_refunded: 0,
                failure: None,
                metadata,
            });
        }
        charge
    }

    fn order_of(&self, world: &World, id: &str) -> String {
        let Some(intent) = self.book.peek(id) else { return String::new() };
        world.config.order_keys.iter().find_map(|key| intent.metadata.get(key)).cloned().unwrap_or_default()
    }

    pub(super) fn set_status(&mut self, id: &str, status: Status) {
        if let Some(intent) = self.book.intent_mut(id) {
            intent.status = status;
        }
    }

    pub(super) fn tell_intent(&mut self, world: &mut World, cause: &Cause, kind: &str, id: &str) {
        if let Some(intent) = self.book.peek(id) {
            let object = objects::intent(&self.book, world, intent, &objects::Expand::default());
            events::emit(&mut self.book, world, cause, kind, object);
        }
    }

    pub(super) fn tell_charge(&mut self, world: &mut World, cause: &Cause, kind: &str, id: &str) {
        if let Some(charge) = self.book.charge(id) {
            let object = objects::charge(&self.book, charge, &objects::Expand::default());
            events::emit(&mut self.book, world, cause, kind, object);
        }
    }
}
