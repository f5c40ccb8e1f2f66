//! Callbacks: the official vectors, what each event changes, and why a message is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_imports, reason = "tests")]

mod recordings;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use paysluice::adapter::{Callbacks, Change, Event, Granted, Item, Opened, Request, Trust, Want};
use paysluice::model::{Error, ErrorKind, PartStatus, Secret, Status};
use paysluice_wechatpay::{WeChatPay, WeChatPayConfig};
use recordings::*;
use serde_json::Value;

fn item(wechat: &WeChatPay, request: &Request, at: SystemTime) -> Result<Item, Error> {
    match wechat.open(request, at, &granted())? {
        Opened::Items(items) => Ok(items.into_iter().next().expect("one item")),
        Opened::Need(want) => panic!("{want:?}"),
    }
}

fn open(request: &Request) -> Result<Event, Error> {
    item(&wechat(), request, now())?.verdict
}

fn vector(id: &str) -> Value {
    let read: Value = serde_json::from_str(include_str!("../vectors/vectors.json")).unwrap();
    read["vectors"].as_array().unwrap().iter().find(|vector| vector["id"] == id).unwrap().clone()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

fn headers(vector: &Value) -> HeaderMap {
    let pairs = vector["headers"].as_object().unwrap().iter();
    pairs
        .map(|(name, value)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value.as_str().unwrap()).unwrap())
        })
        .collect()
}

/// The merchant of a vector, with its certificate pinned.
fn of(mchid: &str, appid: &str, api_key: &str, certificate: &str) -> WeChatPay {
    let account = format!("wechatpay:live:{mchid}").parse().unwrap();
    let config = WeChatPayConfig::new(account, appid, Secret::new(MERCHANT_KEY), MERCHANT_SERIAL, Secret::new(api_key));
    WeChatPay::new(config.platform_certificate(certificate)).unwrap()
}

#[test]
fn the_signed_and_sealed_notification_is_told_and_its_alterations_are_not() {
    let vector = vector("notification-full-aes256");
    let wechat = of("1900009191", "wxd678efh567hg6787", text(&vector, "apiv3_key"), PLATFORM_CERTIFICATE);
    let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    let (body, sent) = (text(&vector, "body"), vector["now_unix"].as_u64().unwrap());
    let good = posted(body, headers(&vector));
    let told = item(&wechat, &good, at(sent)).unwrap();
    let event = told.verdict.unwrap();
    assert_eq!((told.delivery_key.as_str(), event.name()), ("EV-2018022511223320873", "TRANSACTION.SUCCESS"));
    assert_eq!((event.seen().status.clone(), event.seen().money), (Some(Status::Paid), Some("1.00 CNY".parse().unwrap())));
    assert_eq!(event.covered(), text(&vector, "plaintext").as_bytes());
    assert_eq!(event.about().number.as_ref().unwrap().as_str(), "1217752501201407033233368018");
    assert_eq!(event.happened_at(), Some(at(1_528_425_296)));

    assert!(item(&wechat, &good, at(1_528_425_595)).is_ok());
    for seconds in [1_528_425_596, 1_528_424_996, 0, 4_000_000_000] {
        let error = item(&wechat, &good, at(seconds)).unwrap_err();
        assert!(error.message().contains("by this host's clock"), "{error}");
    }
    for index in (0..body.len()).filter(|index| body.is_char_boundary(*index) && body.is_char_boundary(index + 1)) {
        let altered = format!("{}~{}", &body[..index], &body[index + 1..]);
        assert!(item(&wechat, &posted(&altered, headers(&vector)), at(sent)).is_err(), "byte {index}");
    }
}

/// Its key of 16 bytes is not one of an APIv3 merchant, so that only the signature can be checked with it.
#[test]
fn the_published_notification_is_proved_by_its_certificate() {
    let vector = vector("notification-full");
    let certificate = include_str!("../vectors/go_test_platform_cert_D7CE59D1F522D701.pem");
    let wechat = of("1234567890", "054aa7d7a2a54ab5898df65bd96f001c", API_KEY, certificate);
    let at = UNIX_EPOCH + Duration::from_secs(vector["now_unix"].as_u64().unwrap());
    let request = posted(text(&vector, "body"), headers(&vector));
    let proved = item(&wechat, &request, at).unwrap_err();
    assert!(proved.message().contains("does not open with the APIv3 key"), "{proved}");
    let altered = posted(&text(&vector, "body").replace("签约成功", "签约失败"), headers(&vector));
    let error = item(&wechat, &altered, at).unwrap_err();
    assert!(error.message().contains("does not match the key D7CE59D1F522D701"), "{error}");
}

#[test]
fn each_event_changes_what_it_speaks_of() {
    let paid = open(&callback(&notification("TRANSACTION.SUCCESS", &transaction("SUCCESS")))).unwrap();
    assert_eq!((paid.change(), paid.trust()), (&Change::Payment, Trust::Enough));
    assert_eq!((paid.seen().captured, paid.about().refs.get("transaction")), (Some(charge().money), Some(TRANSACTION)));
    for (name, word, status) in [
        ("REFUND.SUCCESS", "SUCCESS", PartStatus::Succeeded),
        ("REFUND.ABNORMAL", "ABNORMAL", PartStatus::NeedsAction),
        ("REFUND.CLOSED", "CLOSED", PartStatus::Failed),
    ] {
        let event = open(&callback(&notification(name, &refund_notice(word)))).unwrap();
        let part = &event.seen().refunds[0];
        assert_eq!((event.change(), &part.status, part.number.as_deref()), (&Change::Refund, &status, Some("ref-1")));
        assert_eq!((part.money, event.seen().status.as_ref()), (Some(charge().money), None), "{name}");
        assert_eq!(event.about().number.as_ref().unwrap().as_str(), ORDER);
    }
    let other = open(&callback(&notification("COUPON.USE", r#"{"coupon_id":"1"}"#))).unwrap();
    assert_eq!((other.change(), other.covered().as_ref()), (&Change::Other, br#"{"coupon_id":"1"}"#.as_slice()));
}

#[test]
fn a_partners_callback_is_believed_for_its_own_sub_merchant_only() {
    let at = |body: &str| match partner().open(&callback(body), now(), &granted()).map(|opened| match opened {
        Opened::Items(mut items) => items.remove(0).verdict,
        Opened::Need(want) => panic!("{want:?}"),
    }) {
        Ok(verdict) => verdict,
        Err(error) => Err(error),
    };
    assert!(at(&notification("TRANSACTION.SUCCESS", &sub_transaction("SUCCESS"))).is_ok());
    let other = sub_transaction("SUCCESS").replace("1900009999", "1900000000");
    let error = at(&notification("TRANSACTION.SUCCESS", &other)).unwrap_err();
    assert!(error.message().contains("sub_mchid is not ours"), "{error}");
    assert!(at(&notification("TRANSACTION.SUCCESS", &transaction("SUCCESS"))).is_err());
    let notice = refund_notice("SUCCESS").replace(r#""mchid":"#, r#""sub_mchid":"1900009999","sp_mchid":"#);
    assert!(at(&notification("REFUND.SUCCESS", &notice)).is_ok());
}

#[test]
fn what_is_proved_but_is_not_for_us_is_refused_whole() {
    for (ours, theirs, reason) in [
        ("1900009191", "1900009192", "mchid is not ours"),
        ("wxd678efh567hg6787", "wxother", "appid is not ours"),
        (r#""mchid":"1900009191","#, "", "mchid is not ours"),
    ] {
        let error =
            open(&callback(&notification("TRANSACTION.SUCCESS", &transaction("SUCCESS").replace(ours, theirs)))).unwrap_err();
        assert!(error.kind() == ErrorKind::Unauthorized && error.message().contains(reason), "{error}");
    }
    let sealed = notification_with("TRANSACTION.SUCCESS", &transaction("SUCCESS"), &API_KEY.replace('a', "b"));
    let error = open(&callback(&sealed)).unwrap_err();
    assert!(error.message().contains("APIv3 key"), "{error}");
}

#[test]
fn what_is_for_us_and_cannot_be_read_is_an_item_with_its_reason() {
    let bad = |name: &str, content: String| {
        let item = item(&wechat(), &callback(&notification(name, &content)), now()).unwrap();
        assert_eq!(item.delivery_key, "EV-2018022511223320873");
        item.verdict.unwrap_err()
    };
    for (content, field) in [
        (transaction("SUCCESS").replace(r#""total":1234,"#, ""), "amount.total"),
        (transaction("SUCCESS").replace(r#""out_trade_no":"order-4711","#, ""), "out_trade_no"),
        (transaction("SUCCESS").replace(&format!(r#""transaction_id":"{TRANSACTION}","#), ""), "transaction_id"),
        (transaction("SUCCESS").replace(r#""appid":"wxd678efh567hg6787","#, ""), "appid"),
        (transaction("NOTPAY"), "trade_state"),
        (transaction("SUCCESS").replace("CNY", "USD"), "currency"),
        ("7".to_owned(), "cannot be read"),
    ] {
        let error = bad("TRANSACTION.SUCCESS", content);
        assert!(error.kind() == ErrorKind::Unintelligible && error.message().contains(field), "{field}: {error}");
    }
    assert!(bad("REFUND.SUCCESS", refund_notice("CLOSED")).message().contains("refund_status of REFUND.SUCCESS"));
    assert!(bad("REFUND.SUCCESS", transaction("SUCCESS")).message().contains("out_refund_no"));
}

#[test]
fn each_refusal_says_what_failed() {
    let body = notification("TRANSACTION.SUCCESS", &transaction("SUCCESS"));
    let good = callback(&body);
    let with = |name: &'static str, value: &str| {
        let mut request = good.clone();
        request.headers.insert(name, value.parse().unwrap());
        request
    };
    let without = |name: &'static str| {
        let mut request = good.clone();
        request.headers.remove(name);
        request
    };
    let mut twice = good.clone();
    twice.headers.append("wechatpay-nonce", "n".parse().unwrap());
    let at = |at| posted(&body, proof(&body, at));
    for (request, reason) in [
        (without("wechatpay-signature"), "header Wechatpay-Signature is missing"),
        (without("wechatpay-timestamp"), "header Wechatpay-Timestamp is missing"),
        (without("wechatpay-nonce"), "header Wechatpay-Nonce is missing"),
        (without("wechatpay-serial"), "header Wechatpay-Serial is missing"),
        (twice, "header Wechatpay-Nonce comes more than once"),
        (with("wechatpay-timestamp", "-1"), "header Wechatpay-Timestamp is not unix seconds"),
        (with("wechatpay-signature-type", "WECHATPAY2-SM2-WITH-SM3"), "header Wechatpay-Signature-Type is not"),
        (with("wechatpay-serial", "44002404-5C4A"), "header Wechatpay-Serial is neither"),
        (with("wechatpay-serial", "PUB_KEY_ID_9999"), "public key PUB_KEY_ID_9999, which is not held (none is configured)"),
        (with("wechatpay-signature", "*"), "header Wechatpay-Signature is not standard base64"),
        (with("wechatpay-signature", "WECHATPAY/SIGNTEST/abc="), "a sign probe"),
        (with("wechatpay-nonce", "another"), "does not match the key 4400"),
        (posted(&format!("{body}\n"), good.headers.clone()), "the body was altered"),
        (at(now() - Duration::from_secs(301)), "signed 301 s ago"),
        (at(now() + Duration::from_secs(301)), "signed 301 s in the future"),
        (callback(&body.replace("AEAD_AES_256_GCM", "AEAD_SM4_GCM")), "another algorithm"),
        (callback("{}"), "no notification"),
        (callback(&body.replace(r#""id":"EV-2018022511223320873""#, r#""id":"""#)), "no id"),
        (callback(&body.replace("encrypt-resource", "plain")), "no resource_type"),
    ] {
        let error = open(&request).unwrap_err();
        assert!(error.message().contains(reason), "{reason}: {error}");
    }
    assert!(open(&without("wechatpay-signature-type")).is_ok(), "absent means the one algorithm");
}

#[test]
fn an_unknown_serial_is_fetched_and_the_same_message_opened_again() {
    let request = callback(&notification("TRANSACTION.SUCCESS", &transaction("SUCCESS")));
    let Ok(Opened::Need(want)) = wechat().open(&request, now(), &Granted::default()) else { panic!() };
    assert_eq!(want, Want::Key(PLATFORM_SERIAL.into()));
    assert!(open(&request).is_ok());
    // What is stale or a probe is not worth a fetch.
    assert!(wechat().open(&request, now() + Duration::from_secs(300), &Granted::default()).is_err());
}

#[test]
fn both_keys_are_believed_while_a_merchant_is_switched_over() {
    let body = notification("TRANSACTION.SUCCESS", &transaction("SUCCESS"));
    for serial in [PLATFORM_SERIAL, PUBLIC_KEY_ID] {
        assert!(item(&keyed(), &posted(&body, proof_by(&body, now(), serial)), now()).unwrap().verdict.is_ok(), "{serial}");
    }
}

#[test]
fn the_words_that_are_said_back_are_the_ones_that_count() {
    let accepted = wechat().accepted();
    assert_eq!((accepted.status, accepted.body.len()), (StatusCode::NO_CONTENT, 0));
    for (kind, status) in [
        (ErrorKind::Unauthorized, 400),
        (ErrorKind::Unintelligible, 400),
        (ErrorKind::StoreFailed, 503),
        (ErrorKind::Refused, 503),
    ] {
        let refused = wechat().refused(&Error::new(kind, "why"));
        assert_eq!(
            (refused.status.as_u16(), &refused.body[..]),
            (status, br#"{"code":"FAIL","message":"not accepted"}"#.as_slice())
        );
    }
}
