//! Stripe's objects as JSON, with the fields that Stripe's own SDKs read.

use serde_json::{Map, Value, json};

use super::book::{Book, Charge, Intent, Refund, Status};
use super::errors::ApiError;
use crate::world::World;

/// Which properties the caller wants in full.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expand(Vec<String>);

impl Expand {
    /// Checks the wishes against what can be expanded. In lists each begins with `data.`.
    pub(crate) fn new(wishes: Vec<String>, known: &[&str], list: bool) -> Result<Self, ApiError> {
        let mut wanted = Vec::new();
        for wish in wishes {
            let name = if list { wish.strip_prefix("data.") } else { Some(wish.as_str()) };
            match name.filter(|name| known.contains(name)) {
                Some(name) => wanted.push(name.to_owned()),
                None => return Err(ApiError::invalid("", "expand", format!("This property cannot be expanded ({wish})."))),
            }
        }
        Ok(Self(wanted))
    }

    fn wants(&self, name: &str) -> bool {
        self.0.iter().any(|wish| wish == name)
    }
}

pub(crate) fn intent(book: &Book, world: &World, intent: &Intent, expand: &Expand) -> Value {
    let latest = match intent.charges.last() {
        Some(id) if expand.wants("latest_charge") => {
            book.charge(id).map_or(Value::Null, |found| charge(book, found, &Expand::default()))
        }
        Some(id) => json!(id),
        None => Value::Null,
    };
    let method = match &intent.method {
        Some(id) if expand.wants("payment_method") => method_object(id, intent.created),
        other => json!(other),
    };
    let automatic =
        intent.automatic.map(|redirects| json!({"enabled": true, "allow_redirects": if redirects { "always" } else { "never" }}));
    let echo = |name: &str| json!(intent.echoed.get(name));
    json!({
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_capturable": intent.capturable,
        "amount_details": {"tip": {}},
        "amount_received": intent.received,
        "application": null,
        "application_fee_amount": null,
        "automatic_payment_methods": automatic,
        "canceled_at": intent.canceled.as_ref().map(|(at, _)| at),
        "cancellation_reason": intent.canceled.as_ref().and_then(|(_, why)| why.clone()),
        "capture_method": intent.capture_method,
        "client_secret": intent.client_secret,
        "confirmation_method": intent.confirmation_method,
        "created": intent.created,
        "currency": intent.currency,
        "customer": echo("customer"),
        "description": echo("description"),
        "last_payment_error": intent.last_error,
        "latest_charge": latest,
        "livemode": false,
        "metadata": intent.metadata,
        "next_action": next_action(intent, world),
        "on_behalf_of": echo("on_behalf_of"),
        "payment_method": method,
        "payment_method_configuration_details": null,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": intent.method_types,
        "processing": (intent.status == Status::Processing).then(|| json!({"type": "card", "card": {}})),
        "receipt_email": echo("receipt_email"),
        "review": null,
        "setup_future_usage": echo("setup_future_usage"),
        "shipping": null,
        "source": null,
        "statement_descriptor": echo("statement_descriptor"),
        "statement_descriptor_suffix": echo("statement_descriptor_suffix"),
        "status": intent.status.word(),
        "transfer_data": null,
        "transfer_group": echo("transfer_group"),
    })
}

fn next_action(intent: &Intent, world: &World) -> Value {
    if intent.status != Status::RequiresAction {
        return Value::Null;
    }
    let url = format!("{}/sandbox/3ds/{}", world.public_url, intent.id);
    if intent.stripe_js || intent.return_url.is_none() {
        return json!({"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": url, "source": intent.id}});
    }
    json!({"type": "redirect_to_url", "redirect_to_url": {"return_url": intent.return_url, "url": url}})
}

fn method_object(id: &str, created: i64) -> Value {
    json!({
        "id": id,
        "object": "payment_method",
        "billing_details": {"address": null, "email": null, "name": null, "phone": null},
        "card": card_details(),
        "created": created,
        "customer": null,
        "livemode": false,
        "metadata": {},
        "type": "card",
    })
}

fn card_details() -> Value {
    json!({"brand": "visa", "checks": {"address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass"},
        "country": "US", "exp_month": 12, "exp_year": 2034, "fingerprint": "sandbox", "funding": "credit", "last4": "4242"})
}

pub(crate) fn charge(book: &Book, charge: &Charge, expand: &Expand) -> Value {
    let failed = charge.status == "failed";
    let outcome = match charge.failure {
        Some((_, decline, advice, message)) => {
            json!({"network_status": "declined_by_network", "reason": decline, "advice_code": advice,
            "risk_level": "normal", "seller_message": message, "type": "issuer_declined"})
        }
        None => json!({"network_status": "approved_by_network", "reason": null, "advice_code": null, "risk_level": "normal",
            "seller_message": "Payment complete.", "type": "authorized"}),
    };
    let whole = book.peek(&charge.intent).filter(|_| expand.wants("payment_intent"));
    let mut object = json!({
        "id": charge.id,
        "object": "charge",
        "amount": charge.amount,
        "amount_captured": charge.amount_captured,
        "amount_refunded": charge.amount_refunded,
        "application": null,
        "application_fee": null,
        "application_fee_amount": null,
        "balance_transaction": (charge.amount_captured > 0).then(|| format!("txn_{}", charge.id.trim_start_matches("ch_"))),
        "billing_details": {"address": null, "email": null, "name": null, "phone": null},
        "calculated_statement_descriptor": "SANDBOX",
        "captured": charge.captured,
        "created": charge.created,
        "currency": charge.currency,
        "customer": whole.and_then(|intent| intent.echoed.get("customer")),
        "description": null,
        "disputed": false,
        "failure_balance_transaction": null,
        "failure_code": charge.failure.map(|(code, ..)| code),
        "failure_message": charge.failure.map(|(.., message)| message),
        "fraud_details": {},
        "livemode": false,
        "metadata": charge.metadata,
        "on_behalf_of": null,
        "outcome": outcome,
        "paid": !failed && charge.status == "succeeded",
        "payment_intent": charge.intent,
        "payment_method": charge.method,
        "payment_method_details": {"type": "card", "card": card_details()},
    });
    let rest = json!({
        "receipt_email": null,
        "receipt_number": null,
        "receipt_url": null,
        "refunded": charge.amount_captured > 0 && charge.amount_refunded == charge.amount_captured,
        "review": null,
        "shipping": null,
        "source": null,
        "source_transfer": null,
        "statement_descriptor": null,
        "statement_descriptor_suffix": null,
        "status": charge.status,
        "transfer_data": null,
        "transfer_group": null,
    });
    merge(&mut object, rest);
    object
}

pub(crate) fn refund(book: &Book, world: &World, refund: &Refund, expand: &Expand) -> Value {
    let charge_field = match book.charge(&refund.charge).filter(|_| expand.wants("charge")) {
        Some(found) => charge(book, found, &Expand::default()),
        None => json!(refund.charge),
    };
    let intent_field = match book.peek(&refund.intent).filter(|_| expand.wants("payment_intent")) {
        Some(found) => intent(book, world, found, &Expand::default()),
        None => json!(refund.intent),
    };
    let tail = refund.id.trim_start_matches("re_");
    let mut object = json!({
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "balance_transaction": format!("txn_{tail}"),
        "charge": charge_field,
        "created": refund.created,
        "currency": refund.currency,
        "destination_details": {"type": "card", "card": {"type": "refund", "reference_status": "pending", "reference_type": "acquirer_reference_number"}},
        "metadata": refund.metadata,
        "payment_intent": intent_field,
        "reason": refund.reason,
        "receipt_number": null,
        "source_transfer_reversal": null,
        "status": refund.status,
        "transfer_reversal": null,
    });
    if refund.status == "pending" {
        merge(&mut object, json!({"pending_reason": "processing"}));
    }
    if let Some(why) = refund.failure_reason {
        merge(&mut object, json!({"failure_reason": why, "failure_balance_transaction": format!("txn_f{tail}")}));
    }
    object
}

/// A page of a list, newest first.
pub(crate) fn page(url: &str, data: Vec<Value>, has_more: bool) -> Value {
    json!({"object": "list", "data": data, "has_more": has_more, "url": url})
}

fn merge(object: &mut Value, more: Value) {
    if let (Value::Object(fields), Value::Object(more)) = (object, more) {
        fields.extend(more);
    }
}

/// The same answer about another payment: other ids, another order. For the fault `OtherOrder` when no other payment exists.
pub(crate) fn stranger(answer: &Value) -> Value {
    let Value::Object(fields) = answer else { return answer.clone() };
    let mut other: Map<String, Value> = fields.clone();
    for name in ["id", "payment_intent", "latest_charge", "charge", "client_secret"] {
        if let Some(text) = other.get(name).and_then(Value::as_str) {
            let reversed: String = text.split('_').next_back().unwrap_or_default().chars().rev().collect();
            let prefix = text.rsplit_once('_').map_or("", |(prefix, _)| prefix);
            other.insert(name.to_owned(), json!(format!("{prefix}_{reversed}")));
        }
    }
    if let Some(Value::Object(metadata)) = other.get_mut("metadata") {
        metadata.values_mut().for_each(|value| *value = json!("another"));
    }
    Value::Object(other)
}
