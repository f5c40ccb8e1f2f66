//! Tests of the configuration: what is refused, and by which rule.

use paysluice::adapter::{Adapter, Granted, Level};

use super::*;
use crate::time;

const KEY: &str = include_str!("../../vectors/made_merchant_key.pem");
const CERTIFICATE: &str = include_str!("../../vectors/made_merchant.pem");
const OTHER: &str = include_str!("../../vectors/made_impostor.pem");
const ROOT: &str = include_str!("../../vectors/made_root.pem");
const MIDDLE: &str = include_str!("../../vectors/made_middle.pem");

fn config() -> UnionPayConfig {
    UnionPayConfig::new("unionpay:live:777290058110048".parse().unwrap(), ROOT, MIDDLE).signing(Secret::new(KEY), CERTIFICATE)
}

fn with(change: impl FnOnce(&mut UnionPayConfig)) -> Result<UnionPay, Invalid> {
    let mut config = config();
    change(&mut config);
    UnionPay::new(config)
}

#[test]
fn each_wrong_field_is_named_and_no_secret_repeated() {
    type Change = fn(&mut UnionPayConfig);
    let cases: [(&str, Change); 17] = [
        ("account.provider", |c| c.account = "stripe:live:777290058110048".parse().unwrap()),
        ("account.merchant", |c| c.account = "unionpay:live:77729005811004".parse().unwrap()),
        ("account.merchant", |c| c.account = "unionpay:live:77729005811004-".parse().unwrap()),
        ("account.sub", |c| c.account = "unionpay:live:777290058110048:1".parse().unwrap()),
        ("sign_key", |c| c.sign_key = Some(Secret::new("hunter2"))),
        ("sign_certificate", |c| c.sign_certificate = None),
        ("sign_certificate", |c| c.sign_certificate = Some(OTHER.into())),
        ("sign_certificate", |c| c.sign_certificate = Some("hunter2".into())),
        ("sign_pfx", |c| (c.sign_key, c.sign_certificate) = (None, None)),
        ("sign_pfx", |c| c.sign_pfx = Some(Secret::new("hunter2"))),
        ("root_certificates", |c| c.root_certificates.clear()),
        ("root_certificates", |c| c.root_certificates = vec![KEY.into()]),
        ("middle_certificates", |c| c.middle_certificates = vec!["x".into()]),
        ("notify_url", |c| c.notify_url = Some("shop.example".into())),
        ("return_url", |c| c.return_url = Some(format!("https://shop.example/{}", "x".repeat(256)))),
        ("base_url", |c| c.base_url = Some("http://127.0.0.1:1".into())),
        ("base_url", |c| c.base_url = Some(format!("{TEST}/"))),
    ];
    for (field, change) in cases {
        let error = with(change).unwrap_err();
        assert_eq!(error.field(), field, "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[cfg(feature = "pfx")]
#[test]
fn a_pfx_file_opens_with_its_password_or_is_named() {
    let file = include_bytes!("../../vectors/acp_test_sign.pfx");
    let of = |password: Option<&str>| {
        with(|c| {
            (c.sign_key, c.sign_certificate) = (None, None);
            (c.sign_pfx, c.sign_pfx_password) = (Some(Secret::new(file)), password.map(Secret::new));
        })
    };
    assert_eq!(of(Some("000000")).unwrap().merchant.unwrap().cert_id, "69903319369");
    assert_eq!(of(Some("hunter2")).unwrap_err().field(), "sign_pfx");
    assert_eq!(of(None).unwrap_err().field(), "sign_pfx_password");
}

#[test]
fn the_test_environment_is_for_test_accounts_and_has_its_own_gateway() {
    assert_eq!(with(|c| c.test_environment = true).unwrap_err().field(), "test_environment");
    let test = |change: fn(&mut UnionPayConfig)| {
        with(|c| {
            c.account = "unionpay:test:777290058110048".parse().unwrap();
            c.test_environment = true;
            change(c);
        })
    };
    assert_eq!(test(|_| {}).unwrap().base_url, TEST);
    assert_eq!(with(|_| {}).unwrap().base_url, PRODUCTION);
    assert_eq!(test(|c| c.base_url = Some(PRODUCTION.into())).unwrap_err().field(), "base_url");
    let sandbox = test(|c| (c.base_url, c.allow_http_loopback) = (Some("http://127.0.0.1:8080".into()), true));
    assert_eq!(sandbox.unwrap().base_url, "http://127.0.0.1:8080");
}

#[test]
fn it_reads_from_json_and_refuses_what_it_does_not_know() {
    let json = serde_json::json!({
        "account": "unionpay:live:777290058110048", "sign_key": KEY, "sign_certificate": CERTIFICATE,
        "root_certificates": [ROOT], "middle_certificates": [MIDDLE],
    });
    let config: UnionPayConfig = serde_json::from_value(json.clone()).unwrap();
    let printed = format!("{config:?}");
    assert!(!printed.contains("PRIVATE") && config.revoke_same_day, "{printed}");
    let printed = format!("{:?}", UnionPay::new(config).unwrap());
    assert_eq!(printed, "UnionPay(unionpay:live:777290058110048 at https://gateway.95516.com, certId 68719476741)");
    let mut odd = json;
    odd["validate_cn"] = false.into();
    assert!(serde_json::from_value::<UnionPayConfig>(odd).is_err());
}

#[test]
fn a_doctor_sees_what_runs_out_and_what_is_of_a_test() {
    let at = |text: &str| time::read(text).unwrap();
    let bad = |unionpay: &UnionPay, now: &str, level: Level| -> Vec<String> {
        let all = unionpay.inspect(&Granted::default(), at(now)).into_iter();
        all.filter(|finding| finding.level == level).map(|finding| finding.what).collect()
    };
    let live = with(|c| c.notify_url = Some("https://shop.example/up".into())).unwrap();
    assert_eq!(bad(&live, "20260101000000", Level::Bad), [""; 0]);
    assert_eq!(bad(&live, "20260101000000", Level::Warning), [""; 0]);
    assert_eq!(bad(&live, "20411215000000", Level::Warning).len(), 3, "all three end soon");
    assert_eq!(bad(&live, "20420201000000", Level::Bad).len(), 4);
    assert_eq!(bad(&live, "20210201000000", Level::Bad).len(), 4);
    assert_eq!(bad(&with(|_| {}).unwrap(), "20260101000000", Level::Warning), ["notify_url"]);
    let apart = with(|c| c.root_certificates = vec![OTHER.into()]).unwrap();
    assert_eq!(bad(&apart, "20260101000000", Level::Bad), ["middle_certificates"]);
    let local = with(|c| (c.base_url, c.allow_http_loopback) = (Some("http://127.0.0.1:1".into()), true)).unwrap();
    assert_eq!(bad(&local, "20260101000000", Level::Bad), ["base_url"]);
    let play = with(|c| c.account = "unionpay:test:777290058110048".parse().unwrap()).unwrap();
    assert!(bad(&play, "20260101000000", Level::Warning).contains(&"account".to_owned()));
}
