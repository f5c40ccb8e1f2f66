//! Stripe is put through every law of an adapter.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_imports, reason = "tests")]

mod recordings;

use std::time::{Duration, SystemTime};

use paysluice::adapter::conformance::{LAWS, Subject, verbatim};
use paysluice::adapter::{Adapter, Charge, Draft, Granted, Kind, Known, Reply, Request};
use paysluice_stripe::Stripe;
use recordings::{KEY, SECRET, WEBHOOK_SECRET, event, fault, intent, ok, refund, webhook};

#[derive(Debug)]
struct Recorded(Stripe);

impl Subject for Recorded {
    fn adapter(&self) -> &dyn Adapter {
        &self.0
    }

    fn now(&self) -> SystemTime {
        recordings::now()
    }

    fn granted(&self) -> Granted {
        Granted::default()
    }

    fn charge(&self) -> Charge {
        recordings::charge()
    }

    fn known(&self) -> Known {
        recordings::known()
    }

    fn replies(&self, kind: Kind) -> Vec<Reply> {
        match kind {
            Kind::Charge => {
                vec![ok(intent("requires_payment_method", "")), ok(intent("succeeded", r#","latest_charge":"ch_3Charge""#))]
            }
            Kind::Confirm => vec![ok(intent("requires_confirmation", "")), ok(intent("succeeded", ""))],
            Kind::Capture | Kind::Query => vec![ok(intent("succeeded", ""))],
            Kind::Cancel => vec![ok(intent("canceled", r#","cancellation_reason":"abandoned""#))],
            Kind::Refund => vec![ok(refund("succeeded"))],
            Kind::QueryRefund => {
                let other = refund("succeeded").replace("ref-1", "ref-0").replace("re_3Refund", "re_3Other");
                vec![
                    ok(format!(r#"{{"object":"list","data":[{other}],"has_more":true}}"#)),
                    ok(format!(r#"{{"object":"list","data":[{}],"has_more":false}}"#, refund("pending"))),
                ]
            }
            Kind::Reverse => Vec::new(),
        }
    }

    fn unknown_word(&self, kind: Kind) -> Vec<Reply> {
        let mut replies = self.replies(kind);
        if let Some(last) = replies.last_mut() {
            let body = std::str::from_utf8(&last.body).unwrap().to_owned();
            let word =
                ["succeeded", "canceled", "pending"].iter().find(|word| body.contains(&format!(r#""status":"{word}""#))).unwrap();
            last.body = body.replace(&format!(r#""status":"{word}""#), r#""status":"frobnicated""#).into();
        }
        replies
    }

    fn refusals(&self) -> Vec<Reply> {
        ["parameter_missing", "balance_insufficient", "rate_limit"].map(|code| fault(400, "invalid_request_error", code)).into()
    }

    fn carries(&self, request: &Request, draft: &Draft) -> bool {
        verbatim(request, draft, (draft.method == http::Method::POST).then_some("idempotency-key"))
    }

    fn callbacks(&self) -> Vec<Request> {
        vec![
            webhook(&event("payment_intent.succeeded", &intent("succeeded", ""))),
            webhook(&event("refund.updated", &refund("succeeded"))),
            webhook(&event("customer.created", r#"{"id":"cus_1","object":"customer"}"#)),
        ]
    }

    fn proving_headers(&self) -> Vec<&'static str> {
        vec!["stripe-signature"]
    }

    fn callback_window(&self) -> Option<Duration> {
        Some(Duration::from_secs(300))
    }

    fn secrets(&self) -> Vec<String> {
        vec![KEY.to_owned(), WEBHOOK_SECRET.to_owned(), SECRET.to_owned()]
    }
}

#[test]
fn stripe_keeps_every_law_of_an_adapter() {
    let stripe = Recorded(recordings::stripe());
    for (name, law) in LAWS {
        println!("{name}");
        law(&stripe);
    }
}
