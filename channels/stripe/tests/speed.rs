//! What proving and reading a webhook costs beside the least it can cost. Run by hand, in release: `--ignored --nocapture`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_imports, reason = "tests")]

mod recordings;

use std::hint::black_box;
use std::time::Instant;

use paysluice::adapter::{Callbacks, Granted};
use paysluice::model::Secret;
use paysluice::signing::HmacKey;
use recordings::*;

#[derive(serde::Deserialize)]
#[allow(dead_code, reason = "the least a reader must read")]
struct Least<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    name: &'a str,
    data: Data<'a>,
}

#[derive(serde::Deserialize)]
#[allow(dead_code, reason = "the least a reader must read")]
struct Data<'a> {
    #[serde(borrow)]
    object: Object<'a>,
}

#[derive(serde::Deserialize)]
#[allow(dead_code, reason = "the least a reader must read")]
struct Object<'a> {
    id: &'a str,
    amount: i64,
    currency: &'a str,
    status: &'a str,
}

#[test]
#[expect(clippy::disallowed_methods, reason = "it measures this machine")]
#[ignore = "a measurement, not a test"]
fn proving_and_reading_costs_little_more_than_hmac_and_a_typed_parse() {
    let more: String = (0..70).map(|n| format!(r#","field_of_no_interest_{n}":{{"a":[1,2,3],"b":null}}"#)).collect();
    let body = event("payment_intent.succeeded", &intent("succeeded", &more));
    let (request, stripe, granted) = (webhook(&body), stripe(), Granted::default());
    let key = HmacKey::new(&Secret::new(WEBHOOK_SECRET));
    let time = |work: &dyn Fn()| {
        let best = (0..20).map(|_| {
            let start = Instant::now();
            (0..2000).for_each(|_| work());
            start.elapsed() / 2000
        });
        best.min().unwrap()
    };
    let ours = time(&|| drop(black_box(stripe.open(black_box(&request), now(), &granted))));
    let least = time(&|| {
        black_box(key.sign(&[b"1790000000.", black_box(&request.body)]));
        let read: Least<'_> = serde_json::from_slice(black_box(&request.body)).unwrap();
        black_box(read.id);
    });
    println!("{} bytes: open {ours:?}, HMAC and typed parse {least:?}", body.len());
}
