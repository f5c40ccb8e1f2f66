//! Any body as a UnionPay notice: as it comes, and its fields signed.
#![no_main]

use std::sync::LazyLock;

use http::Method;
use libfuzzer_sys::fuzz_target;
use paysluice::adapter::{Callbacks, Change, Granted, Opened, Request, Trust};
use paysluice::model::Error;
use paysluice_fuzz::now;
use paysluice_fuzz::unionpay::{Gateway, MERCHANT_KEY, encoded, unionpay};
use paysluice_unionpay::UnionPay;

static UNIONPAY: LazyLock<UnionPay> = LazyLock::new(unionpay);
static GATEWAY: LazyLock<Gateway> = LazyLock::new(Gateway::new);

fuzz_target!(|input: &[u8]| {
    // No input finds a signature of 2048 bits: what opens as it came was let in without one.
    assert!(!matches!(open(input), Ok(Opened::Items(_))), "an event without its signature");
    match open(&encoded(&GATEWAY.signed(input))) {
        Ok(Opened::Items(items)) => {
            for item in items {
                assert!((1..=200).contains(&item.delivery_key.len()), "{}", item.delivery_key);
                let Ok(event) = item.verdict else { continue };
                assert!(!event.covered().windows(10).any(|word| word == b"signature="), "the signature does not cover itself");
                assert_eq!(event.trust(), Trust::AskFirst, "an event that is applied unasked");
                let about = event.about();
                assert!(event.change() == &Change::Other || about.number.is_some() || about.refs.get("query_id").is_some());
            }
        }
        Ok(Opened::Need(want)) => panic!("the signer comes along, but {want:?} is wanted"),
        Err(why) => assert!(!why.to_string().contains(MERCHANT_KEY) && why.to_string().len() < 1000, "{why}"),
    }
});

fn open(body: &[u8]) -> Result<Opened, Error> {
    let request = Request::new(Method::POST, "/callbacks/unionpay").with_body(body.to_vec());
    UNIONPAY.open(&request, now(), &Granted::default())
}
