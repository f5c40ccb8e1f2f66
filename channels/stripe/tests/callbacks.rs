//! Webhooks: the official vectors, what each event changes, and why a message is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_imports, reason = "tests")]

mod recordings;

use std::time::{Duration, UNIX_EPOCH};

use paysluice::adapter::{Callbacks, Change, Event, Granted, Opened, Request, Trust};
use paysluice::model::{Error, ErrorKind, PartStatus, Secret, Status};
use paysluice_stripe::{Stripe, StripeConfig};
use recordings::*;
use serde_json::Value;

fn open(stripe: &Stripe, request: &Request) -> Result<Event, Error> {
    open_at(stripe, request, now())
}

fn open_at(stripe: &Stripe, request: &Request, at: std::time::SystemTime) -> Result<Event, Error> {
    match stripe.open(request, at, &Granted::default())? {
        Opened::Items(items) => items.into_iter().next().expect("one item").verdict,
        Opened::Need(want) => panic!("{want:?}"),
    }
}

fn with_secret(secret: &str, tolerance: Duration) -> Stripe {
    let mut config =
        StripeConfig::new("stripe:test:acct_123".parse().unwrap(), Secret::new(KEY)).webhook_secret(Secret::new(secret));
    config.webhook_tolerance = tolerance;
    Stripe::new(config).unwrap()
}

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/webhook_signature.json")).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

#[test]
fn the_official_signed_event_is_told_and_its_alterations_are_not() {
    let vectors = vectors();
    let vector = &vectors["official"][0];
    for case in vector["cases"].as_array().unwrap() {
        let stripe = with_secret(text(vector, "secret"), Duration::from_secs(case["tolerance_s"].as_u64().unwrap_or(300)));
        let mut body = format!("{}{}", text(vector, "payload"), text(case, "payload_append"));
        if case["payload_strip_trailing_newline"] == true {
            body = body.trim_end().to_owned();
        }
        let at = UNIX_EPOCH + Duration::from_secs(case["now"].as_u64().unwrap());
        let opened = open_at(&stripe, &posted(&body, text(vector, "header")), at);
        assert_eq!(opened.is_ok(), text(case, "expect") == "valid", "{case}: {opened:?}");
        if let Ok(event) = opened {
            assert_eq!((event.name(), event.change()), ("customer.created", &Change::Other));
        }
    }
}

/// The fixtures are no whole events (no type, no mode), so what tells is the reason: proved, or not.
#[test]
fn the_derived_header_cases_are_proved_or_refused_as_the_official_sdks_do() {
    let vectors = vectors();
    let derived = &vectors["derived"];
    for case in derived["cases"].as_array().unwrap() {
        let secret = if case["secret"].is_string() { text(case, "secret") } else { text(derived, "secret") };
        if secret.ends_with(' ') {
            // Refused before it can refuse anything.
            let config = config().webhook_secret(Secret::new(secret));
            assert_eq!(Stripe::new(config).unwrap_err().field(), "webhook_secrets");
            continue;
        }
        let tolerance = Duration::from_secs(case["tolerance_s"].as_u64().unwrap_or(3600));
        let at = UNIX_EPOCH + Duration::from_secs(case["now"].as_u64().unwrap_or(12345));
        let error =
            open_at(&with_secret(secret, tolerance), &posted(text(derived, "payload"), text(case, "header")), at).unwrap_err();
        let proved = !["Stripe-Signature", "signature matches", "signed "].iter().any(|reason| error.message().contains(reason));
        assert_eq!(proved, text(case, "expect").starts_with("valid"), "{case}: {error}");
    }
}

#[test]
fn each_event_changes_what_it_speaks_of() {
    let charge = format!(
        r#"{{"id":"ch_3Charge","object":"charge","amount":1234,"amount_captured":1234,"amount_refunded":34,"currency":"usd","livemode":false,"metadata":{{"paysluice_order":"order-4711","paysluice_attempt":"1"}},"payment_intent":"{INTENT}","status":"succeeded"}}"#
    );
    let dispute = format!(
        r#"{{"id":"dp_1D","object":"dispute","amount":1234,"charge":"ch_3Charge","currency":"usd","livemode":false,"metadata":{{}},"payment_intent":"{INTENT}","reason":"fraudulent","status":"needs_response"}}"#
    );
    let failed = intent("requires_payment_method", r#","last_payment_error":{"type":"card_error","code":"card_declined"}"#);
    for (name, object, change, status) in [
        ("payment_intent.succeeded", intent("succeeded", ""), Change::Payment, Some(Status::Paid)),
        ("payment_intent.amount_capturable_updated", intent("requires_capture", ""), Change::Payment, Some(Status::Authorized)),
        ("payment_intent.processing", intent("processing", ""), Change::Payment, Some(Status::Processing)),
        ("payment_intent.payment_failed", failed, Change::Payment, Some(Status::Declined)),
        ("payment_intent.canceled", intent("canceled", ""), Change::Payment, Some(Status::Canceled)),
        ("payment_intent.created", intent("requires_payment_method", ""), Change::Payment, None),
        ("charge.captured", charge.clone(), Change::Capture, None),
        ("charge.refunded", charge.clone(), Change::Refund, None),
        ("charge.updated", charge, Change::Other, None),
        ("refund.failed", refund("failed"), Change::Refund, None),
        ("charge.dispute.created", dispute, Change::Dispute, None),
    ] {
        let event = open(&stripe(), &webhook(&event(name, &object))).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((event.name(), event.change(), event.trust()), (name, &change, Trust::Enough));
        assert_eq!(event.seen().status, status, "{name}");
        assert_eq!(event.about().refs.get("intent"), Some(INTENT), "{name}");
        if name != "charge.dispute.created" {
            let (order, attempt) = event.about().order.clone().unwrap();
            assert_eq!((order.as_str(), attempt.get()), ("order-4711", 1), "{name}");
        }
        assert_eq!(event.happened_at(), Some(UNIX_EPOCH + Duration::from_secs(1_789_999_999)));
    }
    let event = open(&stripe(), &webhook(&event("refund.failed", &refund("failed")))).unwrap();
    assert_eq!(
        (event.seen().refunds[0].status.clone(), event.seen().refunds[0].number.as_deref()),
        (PartStatus::Failed, Some("ref-1"))
    );
}

#[test]
fn what_is_not_known_is_told_and_changes_nothing() {
    for object in [r#"{"id":"x","object":"customer"}"#, r#"{"amount":{"deep":[1,2]},"status":7}"#, "[1]", "null"] {
        let event = open(&stripe(), &webhook(&event("payment_intent.brand_new", object))).unwrap();
        assert_eq!((event.change(), event.seen().status.is_none()), (&Change::Other, true));
    }
    // A known event whose object cannot be read is an item of its own, kept with the reason.
    let error = open(&stripe(), &webhook(&event("payment_intent.succeeded", r#"{"amount":"1"}"#))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unintelligible);
    assert!(error.message().contains("payment_intent.succeeded"), "{error}");
}

#[test]
fn each_refusal_says_what_failed() {
    let body = event("payment_intent.succeeded", &intent("succeeded", ""));
    let good = webhook(&body);
    let mut bare = good.clone();
    bare.headers.clear();
    let mut twice = good.clone();
    twice.headers.append("stripe-signature", "t=1,v1=00".parse().unwrap());
    let at = |seconds: i64| {
        let time = if seconds < 0 {
            now() - Duration::from_secs(seconds.unsigned_abs())
        } else {
            now() + Duration::from_secs(seconds.unsigned_abs())
        };
        signed(&body, time, WEBHOOK_SECRET)
    };
    let thin = r#"{"id":"evt_test_1","object":"v2.core.event","type":"v1.x","livemode":false,"created":"2026-01-01T00:00:00Z"}"#;
    for (request, says) in [
        (bare, "is missing"),
        (twice, "2 times"),
        (posted(&body, "t=1"), "malformed"),
        (posted(&body, "v1,t=1"), "malformed"),
        (posted(&body, "t=1,t=1,v1=00"), "malformed"),
        (posted(&body, "t=+1,v1=00"), "malformed"),
        (at(-301), "signed 301 s ago"),
        (at(301), "301 s in the future"),
        (signed(&body, now(), "whsec_other"), "no v1 signature matches"),
        (webhook(&body.replace(r#""livemode":false"#, r#""livemode":true"#)), "of test mode"),
        (webhook(&body.replace(r#""object":"event""#, r#""object":"event","account":"acct_Other""#)), "of account acct_Other"),
        (webhook(thin), "thin event"),
    ] {
        let error = open(&stripe(), &request).unwrap_err();
        assert!(error.message().contains(says), "{says}: {error}");
        assert_eq!(stripe().refused(&error).status, 400);
    }
    let none = Stripe::new(StripeConfig::new("stripe:test:acct_1Main".parse().unwrap(), Secret::new(KEY))).unwrap();
    assert!(open(&none, &good).unwrap_err().message().contains("no webhook secret"));
    assert_eq!(stripe().accepted().status, 200);
}

#[test]
fn either_secret_proves_while_one_is_rolled() {
    let stripe = Stripe::new(config().webhook_secret(Secret::new("whsec_new"))).unwrap();
    let body = event("payment_intent.succeeded", &intent("succeeded", ""));
    for secret in [WEBHOOK_SECRET, "whsec_new"] {
        assert!(open(&stripe, &signed(&body, now(), secret)).is_ok());
    }
}

#[test]
fn a_connected_accounts_event_goes_to_that_account_alone() {
    let account = |text: &str| {
        let config = StripeConfig::new(text.parse().unwrap(), Secret::new(KEY)).webhook_secret(Secret::new(WEBHOOK_SECRET));
        Stripe::new(config).unwrap()
    };
    let body = event("payment_intent.succeeded", &intent("succeeded", ""));
    let theirs = webhook(&body.replace(r#""object":"event""#, r#""object":"event","account":"acct_2Sub""#));
    assert!(open(&account("stripe:test:acct_1Main:acct_2Sub"), &theirs).is_ok());
    assert!(open(&account("stripe:test:acct_1Main:acct_3Sub"), &theirs).is_err());
    assert!(open(&account("stripe:test:acct_1Main"), &theirs).is_err());
    assert!(open(&account("stripe:test:acct_1Main:acct_2Sub"), &webhook(&body)).is_err());
}

#[test]
fn a_field_that_comes_twice_makes_an_event_unreadable() {
    let body = event("payment_intent.succeeded", &intent("succeeded", ""));
    for twice in [
        body.replace(r#""livemode":false,"pending"#, r#""livemode":false,"livemode":false,"pending"#),
        body.replace(r#""status":"succeeded""#, r#""status":"canceled","status":"succeeded""#),
    ] {
        assert_ne!(twice, body);
        assert_eq!(open(&stripe(), &webhook(&twice)).unwrap_err().kind(), ErrorKind::Unintelligible);
    }
}

#[test]
fn a_proved_event_that_is_not_for_us_is_kept_and_changes_nothing() {
    let body = event("payment_intent.succeeded", &intent("succeeded", ""));
    for other in [
        body.replace(r#""object":"event""#, r#""object":"event","account":"acct_Other""#),
        body.replace(r#""livemode":false,"pending"#, r#""pending"#),
        r#"{"id":"evt_1","object":"event"}"#.to_owned(),
    ] {
        let opened = stripe().open(&webhook(&other), now(), &Granted::default()).unwrap();
        let Opened::Items(items) = opened else { panic!("{other}") };
        assert!(items.len() == 1 && items[0].verdict.is_err(), "{other}");
    }
}
