//! Each field of a configuration, wrong in turn.

//! Tests of the configuration: what is refused, and by which rule.

use super::*;

const KEY: &str = include_str!("../../vectors/java_test_merchant_private_key.pem");
const CERTIFICATE: &str = include_str!("../../vectors/java_test_merchant_certificate.pem");
const OTHER_CERTIFICATE: &str = include_str!("../../vectors/java_test_wechat_pay_certificate.pem");
const PUBLIC: &str = include_str!("../../vectors/java_test_wechat_pay_public_key.pem");
const SERIAL: &str = "5F1C72E2A8931B72A2E13AF8DEE92471EB397115";
const API_KEY: &str = "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb";

fn config() -> WeChatPayConfig {
    let account = "wechatpay:live:1900009191".parse().unwrap();
    WeChatPayConfig::new(account, "wxd678efh567hg6787", Secret::new(KEY), SERIAL, Secret::new(API_KEY))
}

fn with(change: impl FnOnce(&mut WeChatPayConfig)) -> Result<WeChatPay, Invalid> {
    let mut config = config();
    change(&mut config);
    WeChatPay::new(config)
}

#[test]
fn each_wrong_field_is_named_and_no_secret_repeated() {
    type Change = fn(&mut WeChatPayConfig);
    let cases: [(&str, Change); 16] = [
        ("account.provider", |c| c.account = "stripe:live:1".parse().unwrap()),
        ("account.merchant", |c| c.account = "wechatpay:live:mch_1".parse().unwrap()),
        ("account.sub", |c| c.account = "wechatpay:live:1:acct_1".parse().unwrap()),
        ("appid", |c| c.appid = "wx 1".into()),
        ("sub_appid", |c| c.sub_appid = Some("wx1".into())),
        ("merchant_private_key", |c| c.merchant_private_key = Secret::new("hunter2")),
        ("merchant_serial", |c| c.merchant_serial = None),
        ("merchant_serial", |c| c.merchant_serial = Some("5F:1C".into())),
        ("merchant_serial", |c| {
            c.merchant_certificate = Some(CERTIFICATE.into());
            c.merchant_serial = Some("00".into());
        }),
        ("merchant_certificate", |c| {
            c.merchant_certificate = Some(OTHER_CERTIFICATE.into());
            c.merchant_serial = None;
        }),
        ("api_v3_key", |c| c.api_v3_key = Secret::new("hunter2hunter2")),
        ("public_key.id", |c| c.public_key = Some(WeChatPayKey { id: "F576".into(), pem: PUBLIC.into() })),
        ("public_key.pem", |c| c.public_key = Some(WeChatPayKey { id: "PUB_KEY_ID_0114".into(), pem: CERTIFICATE.into() })),
        ("platform_certificates", |c| c.platform_certificates = vec![PUBLIC.into()]),
        ("notify_url", |c| c.notify_url = Some("https://shop.example/wx?order=1".into())),
        ("base_url", |c| c.base_url = "http://127.0.0.1:1".into()),
    ];
    for (field, change) in cases {
        let error = with(change).unwrap_err();
        assert_eq!(error.field(), field, "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn the_serial_may_come_from_the_certificate() {
    let wechat = with(|c| {
        c.merchant_certificate = Some(CERTIFICATE.into());
        c.merchant_serial = None;
    });
    assert_eq!(wechat.unwrap().merchant_serial, SERIAL);
    assert_eq!(with(|c| c.merchant_serial = Some(SERIAL.to_lowercase())).unwrap().merchant_serial, SERIAL);
}

#[test]
fn a_notify_url_is_https_without_a_query() {
    for (url, allowed, fits) in [
        ("https://shop.example/wx", false, true),
        ("https://shop.example", false, true),
        ("http://shop.example/wx", true, false),
        ("http://127.0.0.1:8080/wx", true, true),
        ("http://127.0.0.1:8080/wx", false, false),
        ("https://shop.example/wx?", false, false),
        ("https://shop.example/wx#a", false, false),
        ("shop.example/wx", false, false),
        ("", false, false),
        (&format!("https://shop.example/{}", "x".repeat(255)), false, false),
    ] {
        assert_eq!(check_notify_url("notify_url", url, allowed).is_ok(), fits, "{url}");
    }
}

#[test]
fn it_reads_from_json_and_refuses_what_it_does_not_know() {
    let json = serde_json::json!({
        "account": "wechatpay:live:1900009191:1900009192", "appid": "wxd678efh567hg6787", "sub_appid": "wx2",
        "merchant_private_key": KEY, "merchant_serial": SERIAL, "api_v3_key": API_KEY,
        "public_key": {"id": "PUB_KEY_ID_0114232134912410000000000000", "pem": PUBLIC},
    });
    let config: WeChatPayConfig = serde_json::from_value(json.clone()).unwrap();
    let printed = format!("{config:?}");
    assert!(!printed.contains(API_KEY) && !printed.contains("PRIVATE"), "{printed}");
    let wechat = WeChatPay::new(config).unwrap();
    assert!(wechat.profile.access.is_empty() && wechat.base_url == PRODUCTION);
    let printed = format!("{wechat:?}");
    assert!(!printed.contains(API_KEY) && printed.contains("PUB_KEY_ID_0114"), "{printed}");
    let mut odd = json;
    odd["key"] = 1.into();
    assert!(serde_json::from_value::<WeChatPayConfig>(odd).is_err());
}
