//! Certificates that take the place of others, the probe, and what a doctor finds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_imports, reason = "tests")]

mod authorities;
mod recordings;

use std::time::Duration;

use authorities::{Authority, issued, root, serial_number};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use paysluice::adapter::{Access, Adapter, Callbacks, Decoded, Granted, Level, Opened, Probe, Query, Reply, Want};
use paysluice::model::{ErrorKind, OrderNo, Secret};
use paysluice_alipay::{Alipay, AlipayConfig};
use recordings::*;

const ALIPAY: &str = "支付宝(中国)网络技术有限公司-2088102146225135";
const METHOD: &str = "alipay.open.app.alipaycert.download";

/// Roots, an authority below, and what it has signed.
struct World {
    root: Authority,
    middle: Authority,
    app: Authority,
    first: Authority,
    second: Authority,
}

fn world() -> World {
    let root = root("Ant Financial Certification Authority R1");
    let middle = issued(&root, "Ant Financial Certification Authority Class 2 R1", true);
    let app = issued(&middle, &format!("2088102146225135-{APP}"), false);
    let (first, second) = (issued(&middle, ALIPAY, false), issued(&middle, ALIPAY, false));
    World { root, middle, app, first, second }
}

/// In the mode of certificates; `beside` stands in the file of Alipay's certificate.
fn certified(world: &World, beside: &str) -> Alipay {
    let account = format!("alipay:live:{APP}").parse().unwrap();
    let key = Secret::new(world.app.key_pem());
    let alipay = world.first.pem() + beside;
    // Roots that are not RSA's stand in the bundle too.
    let roots = include_str!("../vectors/node_alipayRootCert.crt").to_owned() + &world.root.pem();
    let config = AlipayConfig::with_certificates(account, key, world.app.pem(), alipay, roots);
    Alipay::new(config.seller_id(SELLER)).unwrap()
}

/// An answer by that certificate.
fn answer(node: &str, by: &Authority) -> Reply {
    let sign = STANDARD.encode(by.sign(node.as_bytes()));
    let sn = by.sn();
    plain(&format!(r#"{{"alipay_trade_query_response":{node},"alipay_cert_sn":"{sn}","sign":"{sign}"}}"#))
}

fn brought(pem: &str) -> Reply {
    let content = STANDARD.encode(pem);
    let node = success(&format!(r#""alipay_cert_content":"{content}""#));
    plain(&format!(r#"{{"alipay_open_app_alipaycert_download_response":{node}}}"#))
}

fn reason(told: Result<impl Sized, paysluice::adapter::Failure>) -> String {
    told.err().expect("a refusal").error.message().to_owned()
}

#[test]
fn an_answer_of_a_new_certificate_is_read_again_once_it_is_fetched() {
    let world = world();
    let alipay = certified(&world, &world.middle.pem());
    let op = Query::new(OrderNo::new(ORDER).unwrap());
    let draft = drafted(&alipay, &op, &known(), &seed(ORDER)).unwrap();
    let decode = |reply: &Reply, granted: &Granted| codec::<Query>(&alipay).decode(&draft, reply, &stamp(), granted);
    let mut granted = Granted::default();
    let node = trade("TRADE_SUCCESS");
    assert!(matches!(decode(&answer(&node, &world.first), &granted), Ok(Decoded::Done(_))));
    let newer = answer(&node, &world.second);
    let Ok(Decoded::Need(want)) = decode(&newer, &granted) else { panic!() };
    assert_eq!(want, Want::Key(world.second.sn()));

    let request = Access::request(&alipay, &want, &stamp()).unwrap();
    assert_eq!(parameter(&request, "method").as_deref(), Some(METHOD));
    assert_eq!(parameter(&request, "biz_content").unwrap(), format!(r#"{{"alipay_cert_sn":"{}"}}"#, world.second.sn()));
    assert_eq!(parameter(&request, "app_cert_sn").unwrap(), world.app.sn());
    assert!(parameter(&request, "alipay_root_cert_sn").unwrap().ends_with(&format!("_{}", world.root.sn())));
    for grant in Access::read(&alipay, &want, &brought(&world.second.pem()), &stamp()).unwrap() {
        granted.insert(grant);
    }
    assert!(matches!(decode(&newer, &granted), Ok(Decoded::Done(_))));
    // By its own name only: another's signature under it is none.
    let forged = answer(&node, &world.app);
    let body = String::from_utf8(forged.body.to_vec()).unwrap().replace(&world.app.sn(), &world.second.sn());
    assert!(reason(decode(&plain(&body), &granted)).contains("does not match"));
    assert!(reason(decode(&plain(&body.replace(&world.second.sn(), "X")), &granted)).contains("not the name of a certificate"));
}

#[test]
fn a_notice_of_an_unknown_certificate_is_worth_a_fetch_only_if_it_is_for_us() {
    let world = world();
    let alipay = certified(&world, "");
    let sn = world.second.sn();
    let posted = |fields: Vec<(String, String)>| {
        let mut fields = fields;
        let sign = STANDARD.encode(world.second.sign(&said(&fields, &["sign_type", "alipay_cert_sn"])));
        fields.push(("sign".to_owned(), sign));
        self::posted(&fields)
    };
    let ours = posted(notice("TRADE_SUCCESS", &[("alipay_cert_sn", &sn)]));
    let opened = alipay.open(&ours, now(), &Granted::default());
    assert!(matches!(opened, Ok(Opened::Need(Want::Key(name))) if name == sn));
    let foreign = posted(notice("TRADE_SUCCESS", &[("alipay_cert_sn", &sn), ("app_id", "2021000000000001")]));
    assert!(alipay.open(&foreign, now(), &Granted::default()).is_err());
    let mut granted = Granted::default();
    let both = world.second.pem() + &world.middle.pem();
    for grant in Access::read(&alipay, &Want::Key(sn), &brought(&both), &stamp()).unwrap() {
        granted.insert(grant);
    }
    assert!(matches!(alipay.open(&ours, now(), &granted), Ok(Opened::Items(_))));
    // Published notices of the mode of certificates name none: it is proved once an answer has brought the certificate.
    let nameless = posted(notice("TRADE_SUCCESS", &[]));
    assert!(alipay.open(&nameless, now(), &Granted::default()).is_err());
    assert!(matches!(alipay.open(&nameless, now(), &granted), Ok(Opened::Items(_))));
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_not_granted() {
    let world = world();
    let (with_middle, without) = (certified(&world, &world.middle.pem()), certified(&world, ""));
    let read = |alipay: &Alipay, name: &str, reply: &Reply| {
        Access::read(alipay, &Want::Key(name.to_owned()), reply, &stamp()).map(|grants| grants.len())
    };
    let second = world.second.sn();
    assert_eq!(read(&with_middle, &second, &brought(&world.second.pem())).unwrap(), 1);
    assert_eq!(read(&without, &second, &brought(&(world.second.pem() + &world.middle.pem()))).unwrap(), 1);

    let stranger = issued(&root("Ant Financial Certification Authority R1"), ALIPAY, false);
    let by_the_app = issued(&world.app, ALIPAY, false);
    for (alipay, certificate, pem, why) in [
        (&without, &world.second, world.second.pem(), "no chain"),
        (&with_middle, &stranger, stranger.pem(), "no chain"),
        (&with_middle, &by_the_app, by_the_app.pem() + &world.app.pem(), "no chain"),
        (&with_middle, &world.app, world.app.pem(), "another common name"),
        (&with_middle, &world.second, world.first.pem(), "another certificate than was asked for"),
        (&with_middle, &world.second, "-----BEGIN".to_owned(), "alipay_cert_content"),
    ] {
        let told = reason(read(alipay, &certificate.sn(), &brought(&pem)));
        assert!(told.contains(why), "{why}: {told}");
    }
    let late = paysluice::adapter::Stamp { now: now() + Duration::from_secs(20 * 31_557_600), ..stamp() };
    let told = reason(Access::read(&with_middle, &Want::Key(second.clone()), &brought(&world.second.pem()), &late));
    assert!(told.contains("not valid at this time"), "{told}");
    for (reply, kind) in [
        (of_gateway("40002", "isv.invalid-signature"), ErrorKind::Unauthorized),
        (of_gateway("20000", "isp.unknow-error"), ErrorKind::Doubtful),
        (Reply::new(StatusCode::BAD_GATEWAY, ""), ErrorKind::Unavailable),
        (plain("{}"), ErrorKind::Unintelligible),
    ] {
        let failure = Access::read(&with_middle, &Want::Key(second.clone()), &reply, &stamp()).unwrap_err();
        assert_eq!(failure.error.kind(), kind, "{}", failure.error);
    }
}

#[test]
fn what_is_no_certificate_is_not_fetched() {
    let world = world();
    let alipay = certified(&world, "");
    for want in [Want::Token, Want::Keys, Want::Key("440024".into()), Want::Certificate("https://evil.example/x".into())] {
        assert_eq!(Access::request(&alipay, &want, &stamp()).unwrap_err().kind(), ErrorKind::Unsupported, "{want:?}");
    }
    let keyed = self::alipay();
    assert!(Access::request(&keyed, &Want::Key(world.second.sn()), &stamp()).is_err(), "in the mode of keys there is none");
    assert!(keyed.profile().access.is_empty() && alipay.profile().access.is_empty());
}

#[test]
fn a_serial_number_may_be_longer_than_any_integer() {
    let world = world();
    assert_eq!(serial_number(&world.second).len(), 20);
    assert_eq!(world.second.sn().len(), 32);
}

#[test]
fn a_provider_that_finds_nothing_is_at_work() {
    let alipay = alipay();
    let request = Probe::request(&alipay, &stamp(), &Granted::default()).unwrap();
    assert_eq!(parameter(&request, "biz_content").as_deref(), Some(r#"{"out_trade_no":"paysluice_probe"}"#));
    for (reply, well) in [
        (to("alipay.trade.query", &refused("40004", "ACQ.TRADE_NOT_EXIST")), true),
        (of_gateway("40002", "isv.invalid-signature"), true),
        (of_gateway("20000", "isp.unknow-error"), false),
        (of_gateway("40005", "isv.app-call-limited"), false),
        (plain("<html>"), false),
        (Reply::new(StatusCode::BAD_GATEWAY, ""), false),
        (Reply::new(StatusCode::TOO_MANY_REQUESTS, ""), false),
    ] {
        assert_eq!(Probe::read(&alipay, &reply, &stamp()).is_ok(), well, "{reply:?}");
    }
}

fn finding(alipay: &Alipay, granted: &Granted, seconds: u64, what: &str) -> (Level, String) {
    let findings = alipay.inspect(granted, at(seconds).now);
    let found = findings.iter().find(|finding| finding.what.starts_with(what)).unwrap_or_else(|| panic!("{what}: {findings:?}"));
    (found.level, found.says.clone())
}

#[test]
fn a_doctor_sees_the_end_of_each_certificate_coming_and_what_is_left_out() {
    let (world, none) = (world(), Granted::default());
    let certified = certified(&world, &world.middle.pem());
    // Valid until 2030-01-01 00:00:00 UTC.
    let days_before = |days: u64| 1_893_456_000 - NOW - days * 86_400;
    for (days, level) in [(100, Level::Good), (30, Level::Warning)] {
        for what in ["app_certificate", "alipay_certificate"] {
            assert_eq!(finding(&certified, &none, days_before(days), what), (level, format!("{days} days left")), "{what}");
        }
    }
    assert_eq!(finding(&certified, &none, days_before(0) + 1, "alipay_certificate").0, Level::Bad);
    let mut granted = Granted::default();
    let want = Want::Key(world.second.sn());
    granted.insert(Access::read(&certified, &want, &brought(&world.second.pem()), &stamp()).unwrap().remove(0));
    assert_eq!(finding(&certified, &granted, 0, "alipay_certificate").0, Level::Warning);
    assert_eq!(finding(&certified, &granted, 0, "fetched certificate").0, Level::Good);

    assert!(finding(&alipay(), &none, 0, "alipay_public_key").1.contains("2048 bits"));
    assert_eq!(finding(&alipay(), &none, 0, "app_private_key").1, "2048 bits");
    assert_eq!(finding(&alipay(), &none, 0, "base_url"), (Level::Good, "https://openapi.alipay.com".into()));
    let with = |change: fn(&mut AlipayConfig)| {
        let mut config = config();
        change(&mut config);
        Alipay::new(config).unwrap()
    };
    assert_eq!(finding(&with(|c| c.seller_id = None), &none, 0, "seller_id").0, Level::Warning);
    assert_eq!(finding(&with(|c| c.notify_url = None), &none, 0, "notify_url").0, Level::Warning);
    let on_sandbox = with(|c| c.base_url = Some("https://openapi-sandbox.dl.alipaydev.com".into()));
    assert_eq!(finding(&on_sandbox, &none, 0, "base_url").0, Level::Bad);
    let testing = with(|c| {
        c.account = "alipay:test:2021000122671080".parse().unwrap();
        c.base_url = Some("https://openapi.alipay.com".into());
    });
    assert_eq!(finding(&testing, &none, 0, "base_url").0, Level::Bad);
    let all = format!("{:?}", certified.inspect(&granted, now()));
    assert!(!all.contains("BEGIN"), "{all}");
}
