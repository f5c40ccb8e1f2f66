//! Stripe's webhooks: events built from objects, and their signature.

use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use paysluice::model::Secret;
use serde_json::{Value, json};
use sha2::Sha256;

use super::Cause;
use super::book::Book;
use crate::fault::CallbackFault;
use crate::letter::{Letter, News, Sealed};
use crate::world::World;

/// The API version that answers and events speak when the caller names none.
pub(crate) const API_VERSION: &str = "2026-07-29.dahlia";

/// Writes an event down and queues it for delivery.
pub(crate) fn emit(book: &mut Book, world: &mut World, cause: &Cause, kind: &str, object: Value) {
    let id = world.id("evt_");
    let request = cause.request.as_ref().map(|id| json!({"id": id, "idempotency_key": cause.key}));
    let mut event = json!({
        "id": id,
        "object": "event",
        "api_version": API_VERSION,
        "created": world.unix(),
        "data": {"object": object},
        "livemode": false,
        "pending_webhooks": 1,
        "request": request.unwrap_or_else(|| json!({"id": null, "idempotency_key": null})),
        "type": kind,
    });
    if let (Some(account), Value::Object(fields)) = (&cause.connected, &mut event) {
        fields.insert("account".to_owned(), json!(account));
    }
    world.news.push(News { id, skew: world.skew, letter: Arc::new(Webhook::of(&event, book, world)) });
    book.events.push(event);
}

const OTHER_SECRET: &[u8] = b"whsec_of_another_endpoint";

/// An event on its way to the webhook endpoint: the body byte for byte the same in every delivery.
#[derive(Debug)]
pub(crate) struct Webhook {
    body: String,
    secret: Secret,
    waits: Arc<[Duration]>,
}

impl Webhook {
    pub(crate) fn of(event: &Value, book: &Book, world: &World) -> Self {
        let body = serde_json::to_string_pretty(event).unwrap_or_default();
        Self { body, secret: book.webhook_secret.clone(), waits: world.config.callback_waits.clone().into() }
    }
}

impl Letter for Webhook {
    fn sealed(&self, at: i64, _attempt: u32, how: CallbackFault) -> Sealed {
        let other = matches!(how, CallbackFault::OtherSecret | CallbackFault::OtherName | CallbackFault::OutOfTime);
        let secret = if other { OTHER_SECRET } else { self.secret.expose() };
        let mut header = signature(secret, at, self.body.as_bytes());
        if matches!(how, CallbackFault::BadSignature | CallbackFault::SignProbe) {
            let last = if header.ends_with('0') { '1' } else { '0' };
            header.pop();
            header.push(last);
        }
        let headers = vec![
            ("content-type", "application/json; charset=utf-8".to_owned()),
            ("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)".to_owned()),
            ("stripe-signature", header),
        ];
        Sealed { headers, body: self.body.clone() }
    }

    fn address(&self) -> Option<&str> {
        None
    }

    fn taken_by(&self, status: u16, _body: &[u8]) -> bool {
        (200..300).contains(&status)
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(20)
    }

    fn waits(&self) -> Arc<[Duration]> {
        self.waits.clone()
    }
}

/// The header `Stripe-Signature`: HMAC-SHA256 over `t.body`, keyed with the whole `whsec_…` text.
pub(crate) fn signature(secret: &[u8], t: i64, body: &[u8]) -> String {
    let Ok(mut code) = Hmac::<Sha256>::new_from_slice(secret) else { unreachable!("HMAC takes keys of any length") };
    code.update(format!("{t}.").as_bytes());
    code.update(body);
    format!("t={t},v1={}", hex::encode(code.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// stripe-dotnet, src/StripeTests/Services/Events/EventUtilityTest.cs with Resources/event_test_signature.json.
    #[test]
    fn the_official_vector_is_signed_alike() {
        let body = "{\n  \"id\": \"evt_123\",\n  \"object\": \"event\",\n  \"account\": \"acct_123\",\n  \"api_version\": \"2017-05-25\",\n  \"created\": 1533204620,\n  \"data\": {\n    \"object\": {\n      \"id\": \"cus_123\",\n      \"object\": \"customer\",\n      \"created\": 123456789,\n      \"email\": \"test@stripe.com\",\n      \"livemode\": false,\n      \"metadata\": {}\n    }\n  },\n  \"livemode\": false,\n  \"pending_webhooks\": 1,\n  \"request\": {\n    \"id\": \"req_123\",\n    \"idempotency_key\": \"idempotency-key-123\"\n  },\n  \"type\": \"customer.created\"\n}\n";
        let expected = "t=1533204620,v1=2220f87ef101a04665f11cdf770523143f875572008577fa0f20882ddb9cc3c7";
        assert_eq!(signature(b"webhook_secret", 1_533_204_620, body.as_bytes()), expected);
    }

    /// The fixture of stripe-node, test/Webhook.spec.ts: the `whsec_` prefix is part of the key.
    #[test]
    fn the_prefix_of_the_secret_is_part_of_the_key() {
        let body = "{\n  \"id\": \"evt_test_webhook\",\n  \"object\": \"event\"\n}";
        let expected = "t=12345,v1=2672d138c9a412830f3bfe2ecc5bfb3277cf6f5b49d0119d77dd6cb64da1257e";
        assert_eq!(signature(b"whsec_test_secret", 12345, body.as_bytes()), expected);
    }
}
