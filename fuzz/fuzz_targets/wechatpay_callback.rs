//! Any headers and any body as a WeChat Pay callback: as they come, signed, and sealed within a signed notification.
#![no_main]

use std::sync::LazyLock;

use http::{HeaderMap, Method};
use libfuzzer_sys::fuzz_target;
use paysluice::adapter::{Callbacks, Change, Granted, Opened, Request};
use paysluice::model::Error;
use paysluice_fuzz::wechatpay::{API_KEY, Platform, wechat};
use paysluice_fuzz::{headers_and_body, now};
use paysluice_wechatpay::WeChatPay;

static WECHAT: LazyLock<WeChatPay> = LazyLock::new(wechat);
static PLATFORM: LazyLock<Platform> = LazyLock::new(Platform::new);

fuzz_target!(|input: &[u8]| {
    let (headers, body) = headers_and_body(input);
    // No input finds a signature of 2048 bits: what opens as it came was let in without one.
    assert!(!matches!(open(headers, body), Ok(Opened::Items(_))), "an event without its signature");
    judge(open(PLATFORM.headers(body), body), None);
    for name in ["TRANSACTION.SUCCESS", "REFUND.SUCCESS", "COUPON.USE"] {
        let body_of = PLATFORM.notification(name, body);
        judge(open(PLATFORM.headers(&body_of), &body_of), Some(body));
    }
});

fn judge(opened: Result<Opened, Error>, content: Option<&[u8]>) {
    match opened {
        Ok(Opened::Items(items)) => {
            assert!(items.iter().all(|item| (1..=200).contains(&item.delivery_key.len())), "{items:?}");
            for event in items.into_iter().filter_map(|item| item.verdict.ok()) {
                assert!(content.is_none_or(|content| event.covered() == content), "an event says more than was proved");
                assert!(event.change() == &Change::Other || event.about().number.is_some(), "an event about nothing");
            }
        }
        Ok(Opened::Need(want)) => panic!("the certificate is held, but {want:?} is wanted"),
        Err(why) => assert!(!why.to_string().contains(API_KEY), "a secret is printed"),
    }
}

fn open(headers: HeaderMap, body: &[u8]) -> Result<Opened, Error> {
    let mut request = Request::new(Method::POST, "/callbacks/wechatpay").with_body(body.to_vec());
    request.headers = headers;
    WECHAT.open(&request, now(), &Granted::default())
}
