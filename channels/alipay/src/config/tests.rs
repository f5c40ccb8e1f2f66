//! Each field of a configuration, wrong in turn.

use super::*;

const KEY: &str = include_str!("../../vectors/yansongda_app_private_key_pkcs1.pem");
const OTHER_KEY: &str = include_str!("../../vectors/node_app_private_key_pkcs8.pem");
const OTHER_PUBLIC: &str = include_str!("../../vectors/node_app_public_key.pem");
const PUBLIC: &str = include_str!("../../vectors/signer_public_key.pem");
const APP: &str = include_str!("../../vectors/yansongda_alipayAppPublicCert.crt");
const ALIPAY: &str = include_str!("../../vectors/yansongda_alipayPublicCert.crt");
const ROOTS: &str = include_str!("../../vectors/yansongda_alipayRootCert.crt");

fn keyed() -> AlipayConfig {
    AlipayConfig::with_key("alipay:live:2021000122671080".parse().unwrap(), Secret::new(KEY), OTHER_PUBLIC)
}

fn certified() -> AlipayConfig {
    AlipayConfig::with_certificates("alipay:test:9021000122682882".parse().unwrap(), Secret::new(KEY), APP, ALIPAY, ROOTS)
}

fn with(mut config: AlipayConfig, change: impl FnOnce(&mut AlipayConfig)) -> Result<Alipay, Invalid> {
    change(&mut config);
    Alipay::new(config)
}

#[test]
fn each_wrong_field_is_named_and_no_secret_repeated() {
    type Change = fn(&mut AlipayConfig);
    let keys: [(&str, Change); 14] = [
        ("account.provider", |c| c.account = "stripe:live:1".parse().unwrap()),
        ("account.merchant", |c| c.account = "alipay:live:app_1".parse().unwrap()),
        ("account.sub", |c| c.account = "alipay:live:1:acct_1".parse().unwrap()),
        ("app_private_key", |c| c.app_private_key = Secret::new("hunter2")),
        ("alipay_public_key", |c| c.alipay_public_key = None),
        ("alipay_public_key", |c| c.alipay_public_key = Some("hunter2".into())),
        ("alipay_public_key", |c| c.alipay_public_key = Some(PUBLIC.into())),
        ("alipay_public_key", |c| c.app_certificate = Some(APP.into())),
        ("app_auth_token", |c| c.account = "alipay:live:1:2".parse().unwrap()),
        ("app_auth_token", |c| c.app_auth_token = Some(Secret::new("hunter2"))),
        ("app_auth_token", |c| {
            c.account = "alipay:live:1:2".parse().unwrap();
            c.app_auth_token = Some(Secret::new("hunter2 hunter2"));
        }),
        ("seller_id", |c| c.seller_id = Some("me@example.com".into())),
        ("notify_url", |c| c.notify_url = Some("http://shop.example/alipay".into())),
        ("base_url", |c| c.base_url = Some("http://127.0.0.1:1".into())),
    ];
    let certificates: [(&str, Change); 7] = [
        ("app_certificate", |c| c.app_certificate = None),
        ("alipay_certificate", |c| c.alipay_certificate = None),
        ("alipay_root_certificates", |c| c.alipay_root_certificates = None),
        ("alipay_root_certificates", |c| c.alipay_root_certificates = Some(PUBLIC.into())),
        ("app_certificate", |c| c.app_private_key = Secret::new(OTHER_KEY)),
        ("alipay_certificate", |c| c.alipay_certificate = Some(APP.into())),
        ("alipay_public_key", |c| c.alipay_public_key = Some(OTHER_PUBLIC.into())),
    ];
    for (base, cases) in [(keyed(), &keys[..]), (certified(), &certificates[..])] {
        assert!(with(base.clone(), |_| ()).is_ok());
        for (field, change) in cases {
            let error = with(base.clone(), change).unwrap_err();
            assert_eq!(error.field(), *field, "{error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}

#[test]
fn keys_may_come_as_the_console_shows_them() {
    let bare = |pem: &str| pem.lines().filter(|line| !line.starts_with('-')).collect::<String>();
    let account: AccountRef = "alipay:live:2021000122671080".parse().unwrap();
    for key in [KEY, OTHER_KEY] {
        let other = if key == KEY { OTHER_PUBLIC } else { PUBLIC };
        assert!(Alipay::new(AlipayConfig::with_key(account.clone(), Secret::new(bare(key)), bare(other))).is_ok());
    }
}

#[test]
fn the_host_follows_the_mode_unless_it_is_named() {
    assert_eq!(with(keyed(), |_| ()).unwrap().base_url, PRODUCTION);
    assert_eq!(with(certified(), |_| ()).unwrap().base_url, SANDBOX);
    assert_eq!(Alipay::new(keyed().at("http://127.0.0.1:8080/")).unwrap().base_url, "http://127.0.0.1:8080");
    assert_eq!(Alipay::new(keyed().at("http://alipay.example")).unwrap_err().field(), "base_url");
}

#[test]
fn a_reader_of_notices_needs_no_key_of_the_application() {
    let config = AlipayConfig { app_private_key: Secret::new(""), ..certified() };
    assert!(Alipay::new(config.clone()).is_err());
    assert!(Alipay::reader(config).unwrap().app_key.is_none());
}

#[test]
fn it_reads_from_json_and_refuses_what_it_does_not_know() {
    let json = serde_json::json!({
        "account": "alipay:live:2021000122671080:2021000000000099", "app_private_key": KEY, "alipay_public_key": OTHER_PUBLIC,
        "app_auth_token": "202212BB_D64b2be8", "seller_id": "2088102146225135", "notify_url": "https://shop.example/alipay",
    });
    let config: AlipayConfig = serde_json::from_value(json.clone()).unwrap();
    let printed = format!("{config:?} {:?}", Alipay::new(config.clone()).unwrap());
    assert!(!printed.contains("202212BB") && !printed.contains("PRIVATE"), "{printed}");
    let mut odd = json;
    odd["key"] = 1.into();
    assert!(serde_json::from_value::<AlipayConfig>(odd).is_err());
}
