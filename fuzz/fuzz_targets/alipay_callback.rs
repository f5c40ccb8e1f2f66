//! Any body as an Alipay notice: as it comes, and its fields within a signed one.
#![no_main]

use std::sync::LazyLock;

use http::Method;
use libfuzzer_sys::fuzz_target;
use paysluice::adapter::{Callbacks, Change, Granted, Opened, Request};
use paysluice::model::Error;
use paysluice_alipay::Alipay;
use paysluice_fuzz::alipay::{Provider, TOKEN, alipay};
use paysluice_fuzz::now;

static ALIPAY: LazyLock<Alipay> = LazyLock::new(alipay);
static PROVIDER: LazyLock<Provider> = LazyLock::new(Provider::new);

fuzz_target!(|body: &[u8]| {
    // No input finds a signature of 2048 bits: what opens as it came was let in without one.
    assert!(!matches!(open(body), Ok(Opened::Items(_))), "an event without its signature");
    if let Some(notice) = PROVIDER.notice(body) {
        judge(open(&notice));
    }
});

fn judge(opened: Result<Opened, Error>) {
    match opened {
        Ok(Opened::Items(items)) => {
            assert!(items.iter().all(|item| (1..=200).contains(&item.delivery_key.len())), "{items:?}");
            for event in items.into_iter().filter_map(|item| item.verdict.ok()) {
                assert!(event.change() == &Change::Other || event.about().number.is_some(), "an event about nothing");
            }
        }
        Ok(Opened::Need(want)) => panic!("the key is held, but {want:?} is wanted"),
        Err(why) => assert!(!why.to_string().contains(TOKEN), "a secret is printed"),
    }
}

fn open(body: &[u8]) -> Result<Opened, Error> {
    let request = Request::new(Method::POST, "/callbacks/alipay").with_body(body.to_vec());
    ALIPAY.open(&request, now(), &Granted::default())
}
