//! The endpoints of PaymentIntents that change them, and the rules of each.

use super::book::{Intent, Status};
use super::charges::Try;
use super::errors::ApiError;
use super::form::Form;
use super::methods::behaviour;
use super::objects::Expand;
use super::{Answer, Call, Cause, Stripe, amounts, objects};
use crate::world::World;

const CREATE: &[&str] = &[
    "amount",
    "application_fee_amount",
    "automatic_payment_methods",
    "capture_method",
    "confirm",
    "confirmation_method",
    "currency",
    "customer",
    "description",
    "error_on_requires_action",
    "expand",
    "metadata",
    "off_session",
    "on_behalf_of",
    "payment_method",
    "payment_method_options",
    "payment_method_types",
    "receipt_email",
    "return_url",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_data",
    "transfer_group",
    "use_stripe_sdk",
];
const ONLY_WITH_CONFIRM: &[&str] = &["error_on_requires_action", "off_session", "return_url", "use_stripe_sdk"];
const UPDATE: &[&str] = &[
    "amount",
    "currency",
    "customer",
    "description",
    "expand",
    "metadata",
    "payment_method",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
];
const CONFIRM: &[&str] = &[
    "amount_to_confirm",
    "capture_method",
    "error_on_requires_action",
    "expand",
    "mandate_data",
    "off_session",
    "payment_method",
    "payment_method_options",
    "payment_method_types",
    "receipt_email",
    "return_url",
    "setup_future_usage",
    "shipping",
    "use_stripe_sdk",
];
const CAPTURE: &[&str] = &[
    "amount_to_capture",
    "application_fee_amount",
    "expand",
    "final_capture",
    "metadata",
    "statement_descriptor",
    "statement_descriptor_suffix",
];
const CANCEL: &[&str] = &["cancellation_reason", "expand"];
const REASONS: &[&str] = &["duplicate", "fraudulent", "requested_by_customer", "abandoned"];
const CAPTURE_METHODS: &[&str] = &["automatic", "automatic_async", "manual"];
const ECHOED: &[&str] = &[
    "customer",
    "description",
    "on_behalf_of",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
];
/// What can be expanded in an intent.
pub(super) const EXPANDS: &[&str] = &["latest_charge", "payment_method"];

impl Stripe {
    pub(super) fn create_intent(&mut self, world: &mut World, call: &Call<'_>) -> Answer {
        let form = &call.form;
        form.only(CREATE)?;
        let expand = Expand::new(form.list("expand"), EXPANDS, false)?;
        let confirm = form.flag("confirm")?.unwrap_or(false);
        if let Some(name) = ONLY_WITH_CONFIRM.iter().find(|name| !confirm && form.get(name).is_some()) {
            let message =
                format!("The parameter `{name}` cannot be passed when creating a PaymentIntent unless `confirm` is set to true.");
            return Err(ApiError::invalid("parameter_unknown", name, message));
        }
        let intent = Self::drafted(world, call)?;
        let how = tried(form)?;
        if confirm {
            may_redirect(&intent)?;
            if intent.method.is_none() {
                return Err(ApiError::invalid(
                    "parameter_missing",
                    "payment_method",
                    "You must provide a payment method to confirm.",
                ));
            }
        }
        let id = intent.id.clone();
        self.book.intents.push(intent);
        self.tell_intent(world, &call.cause, "payment_intent.created", &id);
        if confirm {
            self.attempt(world, &call.cause, &id, how)?;
        }
        self.shown(world, &id, &expand)
    }

    /// Reads and checks what a new intent is made of.
    fn drafted(world: &mut World, call: &Call<'_>) -> Result<Intent, ApiError> {
        let form = &call.form;
        let amount = form.integer("amount")?.ok_or_else(|| ApiError::missing_param("amount"))?;
        let currency = form.owned("currency").ok_or_else(|| ApiError::missing_param("currency"))?;
        amounts::chargeable(amount, &currency)?;
        let capture_method = form.word("capture_method", CAPTURE_METHODS)?.unwrap_or_else(|| "automatic_async".to_owned());
        let confirmation_method =
            form.word("confirmation_method", &["automatic", "manual"])?.unwrap_or_else(|| "automatic".to_owned());
        let listed = form.list("payment_method_types");
        let enabled = form.flag("automatic_payment_methods[enabled]")?;
        if enabled == Some(true) && !listed.is_empty() {
            let message = "You may only specify one of these parameters: automatic_payment_methods, payment_method_types.";
            return Err(ApiError::invalid("parameter_invalid", "automatic_payment_methods", message));
        }
        let redirects =
            form.word("automatic_payment_methods[allow_redirects]", &["always", "never"])?.as_deref() != Some("never");
        let automatic = (listed.is_empty() && enabled != Some(false)).then_some(redirects);
        let method_types = if listed.is_empty() { vec!["card".to_owned(), "us_bank_account".to_owned()] } else { listed };
        let mut metadata = std::collections::BTreeMap::new();
        form.metadata(&mut metadata)?;
        let id = world.id("pi_");
        let secret = world.id("secret_");
        let mut intent = Intent {
            client_secret: format!("{id}_{secret}"),
            id,
            account: call.account.clone(),
            created: world.unix(),
            found_from: Self::found_from(world),
            amount,
            currency,
            manual_capture: capture_method == "manual",
            capture_method,
            confirmation_method,
            method: None,
            method_types,
            automatic,
            return_url: form.owned("return_url"),
            stripe_js: form.flag("use_stripe_sdk")?.unwrap_or(false),
            status: Status::RequiresPaymentMethod,
            capturable: 0,
            received: 0,
            charges: Vec::new(),
            last_error: None,
            canceled: None,
            metadata,
            echoed: std::collections::BTreeMap::new(),
        };
        echo(&mut intent, form);
        attach(&mut intent, form)?;
        Ok(intent)
    }

    pub(super) fn update_intent(&mut self, world: &mut World, call: &Call<'_>, id: &str) -> Answer {
        call.form.only(UPDATE)?;
        let expand = Expand::new(call.form.list("expand"), EXPANDS, false)?;
        let mut intent = self.book.intent(&call.account, id, "intent")?.clone();
        let open = matches!(intent.status, Status::RequiresPaymentMethod | Status::RequiresConfirmation | Status::RequiresAction);
        if !open && call.form.get("amount").or(call.form.get("payment_method")).or(call.form.get("currency")).is_some() {
            return Err(self.unexpected(world, id, "updated", "requires_payment_method, requires_confirmation, requires_action"));
        }
        if let Some(currency) = call.form.owned("currency") {
            intent.currency = currency;
        }
        if let Some(amount) = call.form.integer("amount")? {
            intent.amount = amount;
        }
        amounts::chargeable(intent.amount, &intent.currency)?;
        call.form.metadata(&mut intent.metadata)?;
        echo(&mut intent, &call.form);
        attach(&mut intent, &call.form)?;
        if intent.status == Status::RequiresAction && call.form.get("amount").or(call.form.get("payment_method")).is_some() {
            // What the payer was asked to approve is no longer what would be paid.
            intent.status = Status::RequiresConfirmation;
        }
        self.put(intent);
        self.shown(world, id, &expand)
    }

    pub(super) fn confirm_intent(&mut self, world: &mut World, call: &Call<'_>, id: &str) -> Answer {
        let form = &call.form;
        form.only(CONFIRM)?;
        let expand = Expand::new(form.list("expand"), EXPANDS, false)?;
        let how = tried(form)?;
        let mut intent = self.book.intent(&call.account, id, "intent")?.clone();
        if !matches!(intent.status, Status::RequiresPaymentMethod | Status::RequiresConfirmation | Status::RequiresAction) {
            return Err(self.unexpected(
                world,
                id,
                "confirmed",
                "requires_payment_method, requires_confirmation, requires_action",
            ));
        }
        if form.integer("amount_to_confirm")?.is_some_and(|amount| amount != intent.amount) {
            return Err(ApiError::invalid(
                "parameter_invalid",
                "amount_to_confirm",
                "amount_to_confirm must be the amount of the PaymentIntent.",
            ));
        }
        if let Some(method) = form.word("capture_method", CAPTURE_METHODS)? {
            intent.manual_capture = method == "manual";
            intent.capture_method = method;
        }
        attach(&mut intent, form)?;
        echo(&mut intent, form);
        intent.return_url = form.owned("return_url").or(intent.return_url);
        intent.stripe_js = form.flag("use_stripe_sdk")?.unwrap_or(intent.stripe_js);
        may_redirect(&intent)?;
        if intent.method.is_none() {
            let message = "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the \
                           PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method.";
            let shown = self.shown(world, id, &Expand::default())?;
            return Err(ApiError::conflict("payment_intent_unexpected_state", message).with("payment_intent", shown));
        }
        self.put(intent);
        self.attempt(world, &call.cause, id, how)?;
        self.shown(world, id, &expand)
    }

    pub(super) fn capture_intent(&mut self, world: &mut World, call: &Call<'_>, id: &str) -> Answer {
        let form = &call.form;
        form.only(CAPTURE)?;
        let expand = Expand::new(form.list("expand"), EXPANDS, false)?;
        let asked = form.integer("amount_to_capture")?;
        let last = form.flag("final_capture")?.unwrap_or(true);
        let mut intent = self.book.intent(&call.account, id, "intent")?.clone();
        if intent.status != Status::RequiresCapture {
            return Err(self.unexpected(world, id, "captured", "requires_capture"));
        }
        let amount = asked.unwrap_or(intent.capturable);
        if amount < 1 {
            return Err(ApiError::invalid(
                "parameter_invalid_integer",
                "amount_to_capture",
                "This value must be greater than or equal to 1.",
            ));
        }
        amounts::stepped(amount, &intent.currency, "amount_to_capture")?;
        form.metadata(&mut intent.metadata)?;
        let Ok(held) = world.bank.capture(world.wall, id, amount, last) else {
            let message =
                format!("The amount to capture ({amount}) is greater than the capturable amount ({}).", intent.capturable);
            return Err(ApiError::conflict("amount_too_large", message).with("param", "amount_to_capture"));
        };
        intent.received += amount;
        intent.capturable = held;
        intent.status = if held == 0 { Status::Succeeded } else { Status::RequiresCapture };
        let (charge, received, done) = (intent.charges.last().cloned().unwrap_or_default(), intent.received, held == 0);
        self.put(intent);
        if let Some(charge) = self.book.charge_mut(&charge) {
            charge.amount_captured = received;
            charge.captured = true;
        }
        self.tell_charge(world, &call.cause, "charge.captured", &charge);
        let kind = if done { "payment_intent.succeeded" } else { "payment_intent.amount_capturable_updated" };
        self.tell_intent(world, &call.cause, kind, id);
        self.shown(world, id, &expand)
    }

    pub(super) fn cancel_intent(&mut self, world: &mut World, call: &Call<'_>, id: &str) -> Answer {
        call.form.only(CANCEL)?;
        let expand = Expand::new(call.form.list("expand"), EXPANDS, false)?;
        let reason = call.form.word("cancellation_reason", REASONS)?;
        let status = self.book.intent(&call.account, id, "intent")?.status;
        if matches!(status, Status::Succeeded | Status::Canceled | Status::Processing) {
            let allowed = "requires_payment_method, requires_capture, requires_confirmation, requires_action";
            return Err(self.unexpected(world, id, "canceled", allowed));
        }
        self.cancel(world, &call.cause, id, reason);
        self.shown(world, id, &expand)
    }

    fn cancel(&mut self, world: &mut World, cause: &Cause, id: &str, reason: Option<String>) {
        let Some(intent) = self.book.intent_mut(id) else { return };
        let held = intent.status == Status::RequiresCapture;
        intent.status = Status::Canceled;
        intent.capturable = 0;
        intent.canceled = Some((world.unix(), reason));
        let charge = intent.charges.last().cloned().filter(|_| held);
        if let (Some(charge), Ok(())) = (charge, world.bank.void(world.wall, id)) {
            if let Some(charge) = self.book.charge_mut(&charge) {
                // The release is shown as a refund of what was not captured.
                charge.amount_refunded = charge.amount - charge.amount_captured;
            }
            self.tell_charge(world, cause, "charge.refunded", &charge);
        }
        self.tell_intent(world, cause, "payment_intent.canceled", id);
    }

    /// Nobody captured in time.
    pub(super) fn hold_expires(&mut self, world: &mut World, id: &str) {
        if self.book.peek(id).is_some_and(|intent| intent.status == Status::RequiresCapture) {
            self.cancel(world, &Cause::default(), id, Some("automatic".to_owned()));
        }
    }

    pub(super) fn shown(&self, world: &World, id: &str, expand: &Expand) -> Answer {
        let intent = self.book.peek(id).ok_or_else(|| ApiError::missing("payment_intent", id, "intent"))?;
        Ok(objects::intent(&self.book, world, intent, expand))
    }

    /// The state forbids it; the answer shows the intent.
    fn unexpected(&self, world: &World, id: &str, done: &str, allowed: &str) -> ApiError {
        let status = self.book.peek(id).map_or("", |intent| intent.status.word());
        let message = format!(
            "This PaymentIntent could not be {done} because it has a status of {status}. Only a PaymentIntent with one of the following \
             statuses may be {done}: {allowed}."
        );
        let shown = self.shown(world, id, &Expand::default()).unwrap_or_default();
        ApiError::conflict("payment_intent_unexpected_state", message).with("payment_intent", shown)
    }

    fn put(&mut self, changed: Intent) {
        if let Some(intent) = self.book.intent_mut(&changed.id) {
            *intent = changed;
        }
    }
}

fn tried(form: &Form) -> Result<Try, ApiError> {
    let off_session = match form.get("off_session") {
        Some("one_off" | "recurring") => true,
        _ => form.flag("off_session")?.unwrap_or(false),
    };
    Ok(Try { off_session, error_on_action: form.flag("error_on_requires_action")?.unwrap_or(false), authenticated: false })
}

fn echo(intent: &mut Intent, form: &Form) {
    for name in ECHOED {
        if let Some(value) = form.owned(name) {
            intent.echoed.insert((*name).to_owned(), value);
        }
    }
}

/// Takes the payment method, if one is named and exists.
fn attach(intent: &mut Intent, form: &Form) -> Result<(), ApiError> {
    let Some(method) = form.owned("payment_method") else { return Ok(()) };
    let (kind, _) = behaviour(&method).ok_or_else(|| ApiError::missing("PaymentMethod", &method, "payment_method"))?;
    if !intent.method_types.iter().any(|allowed| allowed == kind) {
        let message = format!("The PaymentMethod provided ({kind}) is not allowed for this PaymentIntent.");
        return Err(ApiError::invalid("payment_intent_incompatible_payment_method", "payment_method", message));
    }
    intent.method = Some(method);
    if intent.status == Status::RequiresPaymentMethod {
        intent.status = Status::RequiresConfirmation;
    }
    Ok(())
}

/// With automatic payment methods a confirmation by the server needs somewhere to return to.
fn may_redirect(intent: &Intent) -> Result<(), ApiError> {
    if intent.automatic != Some(true) || intent.return_url.is_some() || intent.stripe_js {
        return Ok(());
    }
    let message = "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these payment methods \
                   might redirect your customer off of your page, you must provide a `return_url`. If you don't want to accept redirect-based \
                   payment methods, set `automatic_payment_methods[enabled]` to `true` and `automatic_payment_methods[allow_redirects]` to \
                   `never` when creating Setup Intents and Payment Intents.";
    Err(ApiError::invalid("", "return_url", message))
}
