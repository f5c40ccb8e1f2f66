//! Platform certificates, the public key, the probe, and what a doctor finds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_imports, reason = "tests")]

mod recordings;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use paysluice::adapter::{Access, Adapter, Decoded, Granted, Level, Probe, Query, Reply, Stamp, Want};
use paysluice::model::{ErrorKind, OrderNo};
use paysluice_wechatpay::{WeChatPay, WeChatPayConfig};
use recordings::*;
use serde_json::Value;

fn listed(pem: &str, serial: &str) -> String {
    let sealed = seal(pem, "certificate", API_KEY);
    format!(
        r#"{{"serial_no":"{serial}","effective_time":"2022-05-10T10:04:30+08:00","expire_time":"2025-05-09T10:04:30+08:00","encrypt_certificate":{{"algorithm":"AEAD_AES_256_GCM","nonce":"fdasflkja484","associated_data":"certificate","ciphertext":"{sealed}"}}}}"#
    )
}

fn list(listed: &[String]) -> Reply {
    ok(format!(r#"{{"data":[{}]}}"#, listed.join(",")))
}

fn old() -> String {
    listed(include_str!("../vectors/go_test_platform_cert_F5765756002FDD77.pem"), "F5765756002FDD77")
}

fn new() -> String {
    listed(PLATFORM_CERTIFICATE, PLATFORM_SERIAL)
}

#[test]
fn the_published_list_opens_with_the_key_and_grants_what_it_lists() {
    let read: Value = serde_json::from_str(include_str!("../vectors/vectors.json")).unwrap();
    let all = read["vectors"].as_array().unwrap();
    let vector = all.iter().find(|vector| vector["id"] == "platform-certificate-download").unwrap();
    let body = vector["response_body"].as_str().unwrap();
    // Its own answer's signature was not published, so that a key held before signs it.
    let wechat = WeChatPay::new(config().platform_certificate(PLATFORM_CERTIFICATE)).unwrap();
    let grants = Access::read(&wechat, &Want::Keys, &ok(body), &stamp()).unwrap();
    let serial = vector["serial_no"].as_str().unwrap();
    let granted = grants.iter().find(|grant| grant.want == Want::Key(serial.into())).unwrap();
    assert_eq!(granted.value.expose_str().unwrap().trim_end(), vector["plaintext_pem"].as_str().unwrap());
    assert!(grants.iter().any(|grant| grant.want == Want::Keys), "the want itself is granted");
}

#[test]
fn an_answer_of_an_unknown_certificate_is_read_again_once_it_is_fetched() {
    let wechat = wechat();
    let op = Query::new(OrderNo::new(ORDER).unwrap());
    let draft = drafted(&wechat, &op, &known(), &seed(ORDER)).unwrap();
    let answer = ok(transaction("SUCCESS"));
    let decode = |granted: &Granted| codec::<Query>(&wechat).decode(&draft, &answer, &stamp(), granted).unwrap();
    let mut granted = Granted::default();
    let Decoded::Need(want) = decode(&granted) else { panic!() };
    let request = Access::request(&wechat, &want, &stamp()).unwrap();
    assert_eq!((request.method.as_str(), request.url.as_str()), ("GET", "https://api.mch.weixin.qq.com/v3/certificates"));
    for grant in Access::read(&wechat, &want, &list(&[old(), new()]), &stamp()).unwrap() {
        granted.insert(grant);
    }
    assert!(matches!(decode(&granted), Decoded::Done(_)));
    // Trusted for half a day, then listed anew.
    let later = now() + Duration::from_secs(12 * 3600);
    assert!(granted.get(&want, later - Duration::from_secs(1)).is_some() && granted.get(&want, later).is_none());
    assert!(granted.get(&Want::Keys, now() + Duration::from_secs(11 * 3600)).is_none());
}

#[test]
fn a_list_that_nobody_proves_grants_nothing() {
    let wechat = wechat();
    let read = |reply: &Reply| Access::read(&wechat, &Want::Keys, reply, &stamp()).map(|grants| grants.len());
    assert_eq!(read(&list(&[new()])).unwrap(), 2);
    let mut altered = list(&[new()]);
    altered.body = [altered.body.as_ref(), b" "].concat().into();
    let mut bare = list(&[new()]);
    bare.headers.clear();
    let wrong = new().replace("fdasflkja484", "fdasflkja485");
    for (reply, reason) in [
        (list(&[old()]), "a certificate that it does not list"),
        (altered, "does not match the key"),
        (bare, "header Wechatpay-Signature is missing"),
        (list(&[new(), wrong]), "does not open with the APIv3 key"),
        (list(&[listed(PLATFORM_CERTIFICATE, "F5765756002FDD77")]), "another serial"),
        (list(&[listed(PUBLIC_KEY, PLATFORM_SERIAL)]), "a platform certificate: certificate: must be"),
        (ok("{}"), "cannot be read"),
        (list(&[]), "does not list"),
    ] {
        let error = read(&reply).unwrap_err().error;
        assert!(error.message().contains(reason), "{reason}: {error}");
    }
    for reply in [fault(404, "RESOURCE_NOT_EXISTS"), fault(404, "NOT_FOUND"), fault(500, "SYSTEM_ERROR")] {
        let error = read(&reply).unwrap_err().error;
        assert!(error.message().contains("configure WeChat Pay's public key"), "{error}");
    }
}

#[test]
fn what_is_no_certificate_is_not_fetched() {
    for want in [Want::Token, Want::Key("PUB_KEY_ID_1".into()), Want::Certificate("https://evil.example/x".into())] {
        assert_eq!(Access::request(&wechat(), &want, &stamp()).unwrap_err().kind(), ErrorKind::Unsupported, "{want:?}");
    }
}

#[test]
fn certificates_are_wanted_before_the_first_send_only_where_no_key_is_configured() {
    assert_eq!(wechat().profile().access, [Want::Keys]);
    assert!(keyed().profile().access.is_empty());
    let pinned = WeChatPay::new(config().platform_certificate(PLATFORM_CERTIFICATE)).unwrap();
    assert!(pinned.profile().access.is_empty());
}

#[test]
fn answers_are_asked_to_be_signed_with_the_public_key_that_is_held() {
    let op = Query::new(OrderNo::new(ORDER).unwrap());
    let draft = drafted(&keyed(), &op, &known(), &seed(ORDER)).unwrap();
    assert_eq!(sent::<Query>(&keyed(), &draft).headers["wechatpay-serial"], PUBLIC_KEY_ID);
    assert!(!sent::<Query>(&wechat(), &draft).headers.contains_key("wechatpay-serial"));
}

#[test]
fn a_provider_that_finds_nothing_is_at_work() {
    let wechat = wechat();
    let request = Probe::request(&wechat, &stamp(), &Granted::default()).unwrap();
    assert!(request.url.ends_with("/v3/pay/transactions/out-trade-no/paysluice-probe?mchid=1900009191"));
    for (reply, well) in [
        (fault(404, "ORDER_NOT_EXIST"), true),
        (fault(401, "SIGN_ERROR"), true),
        (fault(429, "FREQUENCY_LIMITED"), false),
        (fault(500, "SYSTEM_ERROR"), false),
        (unsigned(404, "<html>"), false),
        (unsigned(200, "{}"), false),
    ] {
        assert_eq!(Probe::read(&wechat, &reply, &stamp()).is_ok(), well, "{reply:?}");
    }
}

fn finding(wechat: &WeChatPay, granted: &Granted, at: SystemTime, what: &str) -> (Level, String) {
    let findings = wechat.inspect(granted, at);
    let found = findings.iter().find(|finding| finding.what.starts_with(what)).unwrap_or_else(|| panic!("{what}: {findings:?}"));
    (found.level, found.says.clone())
}

#[test]
fn a_doctor_sees_the_end_of_each_certificate_coming() {
    let config = |change: fn(&mut WeChatPayConfig)| {
        let mut config = config();
        change(&mut config);
        WeChatPay::new(config).unwrap()
    };
    let (fetched, none) = (granted(), Granted::default());
    let certificate = format!("platform certificate {PLATFORM_SERIAL}");
    let days = |before: u64| UNIX_EPOCH + Duration::from_secs(1_746_756_270) - Duration::from_secs(before * 86_400);
    assert_eq!(finding(&wechat(), &fetched, days(100), &certificate), (Level::Good, "fetched, 100 days left".into()));
    assert_eq!(finding(&wechat(), &fetched, days(30), &certificate), (Level::Warning, "fetched, 30 days left".into()));
    let pinned = config(|c| c.platform_certificates = vec![PLATFORM_CERTIFICATE.into()]);
    let late = days(0) + Duration::from_secs(1);
    assert_eq!(finding(&pinned, &none, late, &certificate), (Level::Bad, "configured, has expired".into()));
    assert_eq!(finding(&wechat(), &none, now(), "WeChat Pay public key").0, Level::Warning);
    assert_eq!(finding(&keyed(), &none, now(), "WeChat Pay public key PUB_KEY_ID_").0, Level::Good);
    assert!(finding(&keyed(), &fetched, now(), "WeChat Pay public key PUB_KEY_ID_").1.contains("switched over"));
    let merchant = "merchant certificate 5F1C72E2A8931B72A2E13AF8DEE92471EB397115";
    assert!(finding(&wechat(), &none, now(), merchant).1.contains("serial given"));
    let known = config(|c| c.merchant_certificate = Some(include_str!("../vectors/java_test_merchant_certificate.pem").into()));
    assert!(finding(&known, &none, now(), merchant).1.contains("days left"));
    assert_eq!(finding(&config(|c| c.notify_url = None), &none, now(), "notify_url").0, Level::Warning);
    assert_eq!(finding(&config(|c| c.account = "wechatpay:test:1".parse().unwrap()), &none, now(), "account").0, Level::Warning);
    let all = format!("{:?}", known.inspect(&fetched, now()));
    assert!(!all.contains(API_KEY) && !all.contains("BEGIN"), "{all}");
}

#[test]
fn the_published_empty_answer_is_proved() {
    let read: Value = serde_json::from_str(include_str!("../vectors/vectors.json")).unwrap();
    let vector = read["vectors"].as_array().unwrap().iter().find(|vector| vector["id"] == "response-204-empty-body").unwrap();
    let mut reply = unsigned(204, "");
    for (name, value) in vector["headers"].as_object().unwrap() {
        let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
        reply.headers.insert(name, value.as_str().unwrap().parse().unwrap());
    }
    let wechat = WeChatPay::new(config().platform_certificate(PLATFORM_CERTIFICATE)).unwrap();
    let op = paysluice::adapter::Cancel::new(OrderNo::new(ORDER).unwrap());
    let draft = drafted(&wechat, &op, &known(), &seed("c-1")).unwrap();
    let received = |seconds| Stamp { now: UNIX_EPOCH + Duration::from_secs(seconds), nonce: 1, send: 1 };
    let codec = wechat.cancel().unwrap();
    assert!(matches!(codec.decode(&draft, &reply, &received(1_528_425_300), &Granted::default()), Ok(Decoded::Done(_))));
    assert!(codec.decode(&draft, &reply, &received(1_528_425_596), &Granted::default()).is_err());
    reply.body = " ".into();
    assert!(codec.decode(&draft, &reply, &received(1_528_425_300), &Granted::default()).is_err());
}
