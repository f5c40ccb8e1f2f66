//! Every wrong file is told by file, key and rule, and no secret is repeated.

use super::*;

const GOOD: &str = r#"
[store]
url = "sqlite:pay.db"

[at_rest]
key_id = "k1"
key_env = "PAY_KEY"

[gateways.shop]
provider = "stripe"
account = "stripe:test:acct_1"
secret_key_env = "STRIPE_KEY"
webhook_secret_file = "hook.txt"
forward_secret_file = ["new.txt", "old.txt"]

[gateways.shop.guards.rate]
account = "40/s"
"#;

fn error(text: &str) -> String {
    Config::parse(Path::new("paysluice.toml"), text).unwrap_err().to_string()
}

#[test]
fn a_whole_file_is_read() {
    let config = Config::parse(Path::new("etc/paysluice.toml"), GOOD).unwrap();
    let shop = config.gateway("shop").unwrap();
    assert_eq!(shop.forward_secret_file.0, [PathBuf::from("new.txt"), PathBuf::from("old.txt")]);
    assert_eq!(shop.guards.rate.account.unwrap().to_string(), "40/s");
    assert_eq!(config.beside(Path::new("pay.db")), Path::new("etc/pay.db"));
    assert_eq!(config.beside(Path::new("/var/pay.db")), Path::new("/var/pay.db"));
}

#[test]
fn an_unknown_key_is_named_with_its_section() {
    let told = error(&GOOD.replace("secret_key_env", "secret_kee_env"));
    assert!(told.starts_with("paysluice.toml: gateways.shop.secret_kee_env: unknown field"), "{told}");
    let told = error(&GOOD.replace("account = \"40/s\"", "acount = \"40/s\""));
    assert!(told.starts_with("paysluice.toml: gateways.shop.guards.rate.acount: unknown field"), "{told}");
}

#[test]
fn a_wrong_value_is_told_by_its_rule() {
    let told = error(&GOOD.replace("\"40/s\"", "\"fast\""));
    assert!(told.starts_with("paysluice.toml: gateways.shop.guards.rate.account: ") && told.contains("80/s"), "{told}");
    let told = error(&GOOD.replace("stripe:test:acct_1", "stripe:prod:acct_1"));
    assert!(told.starts_with("paysluice.toml: gateways.shop.account: ") && told.contains("live or test"), "{told}");
    let told = error(&format!("{GOOD}burst = 0\n"));
    assert_eq!(told, "paysluice.toml: gateways.shop.guards.rate.burst: must be at least 1");
    let told = error(&GOOD.replace("provider = \"stripe\"\n", ""));
    assert!(told.starts_with("paysluice.toml: gateways.shop: missing field `provider`"), "{told}");
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_repeated() {
    let at = "gateways.shop";
    for key in ["secret_key", "webhook_secret", "webhook_secrets", "forward_secret", "forward_secrets"] {
        let told = error(
            &GOOD.replace("[gateways.shop.guards.rate]", &format!("{key} = \"sk_test_hush\"\n[gateways.shop.guards.rate]")),
        );
        assert!(told.starts_with(&format!("paysluice.toml: {at}.{key}: a secret must not stand in this file")), "{told}");
        assert!(!told.contains("hush"), "{told}");
    }
    let told = error(&GOOD.replace("key_env = \"PAY_KEY\"", "key = \"hush\""));
    assert!(told.starts_with("paysluice.toml: at_rest.key: a secret must not") && !told.contains("hush"), "{told}");
}

#[test]
fn what_is_no_toml_is_told_by_its_place() {
    let told = error("[store]\nurl = \"sqlite:pay.db\nkey = 1");
    assert!(told.starts_with("paysluice.toml: store.url: "), "{told}");
}

#[test]
fn a_gateway_that_is_not_there_is_told_with_those_that_are() {
    let config = Config::parse(Path::new("paysluice.toml"), GOOD).unwrap();
    let told = config.gateway("shp").unwrap_err().to_string();
    assert_eq!(told, "paysluice.toml: gateways.shp: must be a gateway of this file (there are: shop)");
}

/// The page holds every key that may stand in the file, and the defaults that it names are the defaults.
#[test]
fn the_reference_page_is_read_and_names_the_defaults() {
    let page = include_str!("../../../docs/paysluice-toml.md");
    let text = page.split_once("```toml\n").unwrap().1.split_once("```").unwrap().0;
    let config = Config::parse(Path::new("paysluice.toml"), text).unwrap();
    let cards = config.gateway("cards").unwrap();
    assert_eq!(cards.guards, GuardsConfig::default());
    assert_eq!(cards.network, NetworkConfig::default());
    assert_eq!(cards.settings, GatewayConfig::default());
    let source = include_str!("../config.rs");
    let own = provider::ALL.iter().flat_map(|(name, _)| keys_of(name));
    for key in own {
        assert!(text.contains(key.trim_end_matches('s')), "{key} is not on the page");
    }
    let fields =
        source.lines().filter_map(|line| line.trim().strip_prefix("pub(crate) ")?.split_once(": ")).map(|(field, _)| field);
    let of_the_file = fields.filter(|field| !["file", "sections", "fn", "gateways"].contains(field) && !field.contains(' '));
    for field in of_the_file {
        assert!(text.contains(field), "{field} is not on the page");
    }
}

/// The keys of a provider's own, as its refusal of another names them.
fn keys_of(provider: &str) -> Vec<String> {
    let told =
        error(&format!("[gateways.a]\nprovider = \"{provider}\"\naccount = \"{provider}:test:1\"\nno_key_of_anybodys = 1"));
    let (_, keys) = told.split_once("expected one of ").unwrap_or_else(|| panic!("{told}"));
    keys.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn a_key_of_another_provider_is_refused_by_its_name() {
    for (provider, key) in [
        ("stripe", "appid"),
        ("stripe", "seller_id"),
        ("wechatpay", "webhook_tolerance"),
        ("wechatpay", "alipay_public_key_file"),
        ("alipay", "api_v3_key_env"),
        ("alipay", "refund_notify_url"),
        ("unionpay", "seller_id"),
        ("stripe", "sign_pfx_file"),
    ] {
        let head = format!("[gateways.a]\nprovider = \"{provider}\"\naccount = \"{provider}:test:1\"\n");
        let told = error(&format!("{head}{key} = \"x\""));
        assert!(told.starts_with(&format!("paysluice.toml: gateways.a.{key}: unknown field `{key}`")), "{told}");
        assert!(!keys_of(provider).contains(&key.to_owned()));
    }
}

#[test]
fn a_secret_of_any_provider_is_refused_in_the_file_and_not_repeated() {
    for (provider, key) in [
        ("wechatpay", "api_v3_key"),
        ("wechatpay", "merchant_private_key"),
        ("alipay", "app_private_key"),
        ("alipay", "app_auth_token"),
        ("unionpay", "sign_pfx"),
        ("unionpay", "sign_pfx_password"),
        ("unionpay", "sign_key"),
    ] {
        let head = format!("[gateways.a]\nprovider = \"{provider}\"\naccount = \"{provider}:test:1\"\n");
        let told = error(&format!("{head}{key} = \"hush\""));
        assert!(told.starts_with(&format!("paysluice.toml: gateways.a.{key}: a secret must not stand")), "{told}");
        assert!(!told.contains("hush"), "{told}");
    }
}

#[test]
fn a_store_with_a_password_is_named_by_a_variable() {
    let parsed = |text: &str| Config::parse(Path::new("p.toml"), text).unwrap();
    let environment = |name: &str| (name == "STORE").then(|| "postgres://pay:hush@db/pay".to_owned());
    let mut config = parsed("[store]\nurl_env = \"STORE\"");
    config.find_store(&environment).unwrap();
    assert!(!format!("{config:?}").contains("hush"));
    assert_eq!(config.sections.store.unwrap().url, "postgres://pay:hush@db/pay");
    let error = parsed("[store]\nurl_env = \"NONE\"").find_store(&environment).unwrap_err();
    assert_eq!(error.to_string(), "p.toml: store.url_env: environment variable NONE is not set");
    assert!(parsed("[store]\nurl = \"memory:\"\nurl_env = \"STORE\"").find_store(&environment).is_err());
}
