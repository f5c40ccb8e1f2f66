//! Any headers and any body as a Stripe webhook: as they come, and signed properly, to reach the parser behind the signature.
#![no_main]

use std::sync::LazyLock;

use http::{HeaderMap, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;
use paysluice::adapter::{Callbacks, Granted, Opened, Request};
use paysluice::model::{Error, Secret};
use paysluice::signing::HmacKey;
use paysluice_fuzz::{NOW, WEBHOOK_SECRET, headers_and_body, now, stripe};
use paysluice_stripe::Stripe;

static STRIPE: LazyLock<Stripe> = LazyLock::new(stripe);
static KEY: LazyLock<HmacKey> = LazyLock::new(|| HmacKey::new(&Secret::new(WEBHOOK_SECRET)));

fuzz_target!(|input: &[u8]| {
    let (headers, body) = headers_and_body(input);
    // No input finds a code of 256 bits: what opens as it came was let in without one.
    assert!(open(headers, body).is_err(), "an event without its signature");
    match open(signed(body), body) {
        Ok(Opened::Items(items)) => {
            assert!(items.iter().all(|item| (1..=200).contains(&item.delivery_key.len())), "{items:?}");
            for event in items.into_iter().filter_map(|item| item.verdict.ok()) {
                assert_eq!(&event.covered()[..], body, "an event says more than was proved");
            }
        }
        Ok(Opened::Need(want)) => panic!("Stripe's callbacks need nothing, but {want:?} is wanted"),
        Err(why) => assert!(!why.to_string().contains(WEBHOOK_SECRET), "a secret is printed"),
    }
});

fn open(headers: HeaderMap, body: &[u8]) -> Result<Opened, Error> {
    let mut request = Request::new(Method::POST, "/callbacks/stripe").with_body(body.to_vec());
    request.headers = headers;
    STRIPE.open(&request, now(), &Granted::default())
}

fn signed(body: &[u8]) -> HeaderMap {
    let code = hex::encode(KEY.sign(&[NOW.to_string().as_bytes(), b".", body]));
    let value = HeaderValue::from_str(&format!("t={NOW},v1={code}")).expect("a header");
    HeaderMap::from_iter([(http::HeaderName::from_static("stripe-signature"), value)])
}
