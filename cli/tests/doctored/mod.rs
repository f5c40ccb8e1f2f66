//! `doctor`, against a sandbox that is well and one that is not.

use std::path::Path;

use serde_json::Value;

use crate::relayed::http::{Receiver, post};
use crate::served::{Served, json, paysluice, text};

/// The findings, and the exit status.
fn doctor(folder: &Path) -> (Vec<Value>, Option<i32>) {
    let looked = paysluice(folder).args(["--json", "doctor", "--gateway", "shop"]).output().unwrap();
    let report = json(&looked);
    assert_eq!(report["ok"], looked.status.code() == Some(0), "{report}");
    (report["findings"].as_array().unwrap().clone(), looked.status.code())
}

/// The level of a finding; every one that is not good says how to mend it.
fn level(findings: &[Value], what: &str) -> String {
    for finding in findings {
        assert_eq!(finding["mend"].is_string(), finding["level"] != "good", "{finding}");
    }
    let found = findings.iter().find(|finding| finding["what"] == what);
    found.unwrap_or_else(|| panic!("{what} in {findings:?}"))["level"].as_str().unwrap().to_owned()
}

fn sandbox(folder: &Path) -> Served {
    let sandbox = Served::start(folder);
    sandbox.configure(folder);
    let config = folder.join("paysluice.toml");
    let written = std::fs::read_to_string(&config).unwrap();
    std::fs::write(folder.join("hook"), sandbox.said("webhook_secret")).unwrap();
    std::fs::write(&config, format!("{written}webhook_secret_file = \"hook\"\n")).unwrap();
    sandbox
}

#[test]
fn a_gateway_that_is_well_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let _sandbox = sandbox(folder.path());
    let (findings, code) = doctor(folder.path());
    assert_eq!(code, Some(0));
    for what in ["adapter", "credentials", "dns", "tcp", "http", "clock", "webhook_secrets", "store.url", "at_rest"] {
        assert_eq!(level(&findings, what), "good", "{findings:?}");
    }
    assert!(!folder.path().join("pay.db").exists(), "a doctor makes nothing");
    let table = paysluice(folder.path()).args(["doctor", "--gateway", "shop"]).output().unwrap();
    assert!(text(&table.stdout).contains("0 to look at, 0 bad"), "{}", text(&table.stdout));
}

#[test]
fn a_wrong_key_and_a_missing_webhook_secret_are_told_and_hide_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Served::start(folder.path());
    sandbox.configure(folder.path());
    std::fs::write(folder.path().join("key"), "sk_test_hush").unwrap();
    let (findings, code) = doctor(folder.path());
    assert_eq!((code, &*level(&findings, "credentials"), &*level(&findings, "webhook_secrets")), (Some(1), "bad", "warning"));
    assert_eq!((level(&findings, "http"), level(&findings, "clock")), ("good".to_owned(), "good".to_owned()));
    assert!(!format!("{findings:?}").contains("hush"));
    // With no key at all, what needs none is still looked at.
    std::fs::remove_file(folder.path().join("key")).unwrap();
    let (findings, code) = doctor(folder.path());
    assert_eq!((code, &*level(&findings, "gateways.shop.secret_key_file")), (Some(1), "bad"));
    assert_eq!((level(&findings, "tcp"), level(&findings, "at_rest")), ("good".to_owned(), "good".to_owned()));
    assert!(!findings.iter().any(|finding| finding["what"] == "credentials"));
}

#[test]
fn two_wrong_secrets_are_both_told_and_the_network_is_still_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let _sandbox = sandbox(folder.path());
    std::fs::remove_file(folder.path().join("hook")).unwrap();
    let (findings, code) = doctor(folder.path());
    assert_eq!((code, &*level(&findings, "gateways.shop.webhook_secret_file")), (Some(1), "bad"));
    assert_eq!((level(&findings, "credentials"), level(&findings, "clock")), ("good".to_owned(), "good".to_owned()));
    std::fs::write(folder.path().join("key"), "sk_live_hush").unwrap();
    let (findings, _) = doctor(folder.path());
    for what in ["gateways.shop.webhook_secret_file", "gateways.shop.secret_key"] {
        assert_eq!(level(&findings, what), "bad");
    }
    assert_eq!(level(&findings, "http"), "good");
}

#[test]
fn a_closed_port_is_told_and_the_rest_is_still_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    drop(sandbox(folder.path()));
    let (findings, code) = doctor(folder.path());
    assert_eq!((code, &*level(&findings, "tcp"), &*level(&findings, "http")), (Some(1), "bad", "bad"));
    assert_eq!(
        (&*level(&findings, "dns"), &*level(&findings, "store.url"), &*level(&findings, "webhook_secrets")),
        ("good", "good", "good")
    );
}

#[test]
fn a_provider_that_hangs_takes_no_longer_than_allowed_and_what_was_found_stays() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = sandbox(folder.path());
    let hangs = Receiver::start(|_| None);
    let config = folder.path().join("paysluice.toml");
    let written = std::fs::read_to_string(&config).unwrap();
    let base = hangs.url.trim_end_matches("/hooks?key=hush");
    std::fs::write(&config, written.replace(sandbox.url(), base)).unwrap();
    let looked = paysluice(folder.path()).args(["--json", "doctor", "--gateway", "shop", "--timeout", "2s"]).output().unwrap();
    let findings = json(&looked)["findings"].as_array().unwrap().clone();
    assert_eq!((looked.status.code(), &*level(&findings, "tcp"), &*level(&findings, "http")), (Some(1), "good", "bad"));
    assert_eq!((&*level(&findings, "webhook_secrets"), &*level(&findings, "at_rest")), ("good", "good"));
}

#[test]
fn a_clock_that_is_off_is_a_warning_and_then_bad() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = sandbox(folder.path());
    for (seconds, expected, ended) in [(-100, "warning", 0), (-400, "bad", 1), (400, "bad", 1)] {
        let order = format!("{{\"script\":[{{\"fault\":\"clock_skew\",\"seconds\":{seconds}}}]}}");
        assert_eq!(post(&format!("{}/sandbox/faults", sandbox.url()), &[], order.as_bytes()), Some(200));
        let (findings, code) = doctor(folder.path());
        assert_eq!((&*level(&findings, "clock"), code), (expected, Some(ended)), "{seconds}: {findings:?}");
    }
}

#[test]
fn a_key_that_does_not_open_the_store_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let _sandbox = sandbox(folder.path());
    let charge = ["charge", "--gateway", "shop", "--order", "o-1", "--money", "12.34 USD", "--method", "client"];
    assert!(paysluice(folder.path()).args(charge).output().unwrap().status.success());
    let (findings, code) = doctor(folder.path());
    assert_eq!((code, &*level(&findings, "sealed rows")), (Some(0), "good"), "{findings:?}");
    std::fs::write(folder.path().join("rest"), "aa".repeat(32)).unwrap();
    let (findings, code) = doctor(folder.path());
    assert_eq!((code, &*level(&findings, "sealed rows")), (Some(1), "bad"));
    let config = folder.path().join("paysluice.toml");
    let written = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, written.replace("\"k1\"", "\"k2\"")).unwrap();
    let (findings, _) = doctor(folder.path());
    let sealed = findings.iter().find(|finding| finding["what"] == "sealed rows").unwrap();
    assert!(sealed["says"].as_str().unwrap().contains("\"k1\", which is not configured"), "{sealed}");
    // And a configuration that cannot be read is a finding, not a crash.
    std::fs::write(&config, "[gateways.shop]\nprovder = \"stripe\"").unwrap();
    let (findings, code) = doctor(folder.path());
    assert_eq!((code, findings.len()), (Some(1), 1), "{findings:?}");
}

#[test]
fn what_a_provider_hands_out_is_fetched_and_its_days_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Served::start(folder.path());
    sandbox.configure(folder.path());
    for (file, name) in [("merchant", "merchant_private_key"), ("v3", "api_v3_key")] {
        std::fs::write(folder.path().join(file), sandbox.wechatpay(name)).unwrap();
    }
    let config = folder.path().join("paysluice.toml");
    let written = std::fs::read_to_string(&config).unwrap();
    let section = format!(
        "[gateways.shop]\nprovider = \"wechatpay\"\naccount = \"{}\"\nbase_url = \"{}\"\nallow_http_loopback = true\nappid = \"{}\"\n\
         merchant_serial = \"{}\"\nmerchant_private_key_file = \"merchant\"\napi_v3_key_file = \"v3\"\n",
        sandbox.wechatpay("account"),
        sandbox.wechatpay("base_url"),
        sandbox.wechatpay("appid"),
        sandbox.wechatpay("merchant_serial")
    );
    let (head, _) = written.split_once("[gateways.shop]").unwrap();
    std::fs::write(&config, format!("{head}{section}")).unwrap();
    let (findings, code) = doctor(folder.path());
    assert_eq!((code, &*level(&findings, "keys"), &*level(&findings, "credentials")), (Some(0), "good", "good"), "{findings:?}");
    assert_eq!(level(&findings, "notify_url"), "warning");
    let fetched = |finding: &&Value| finding["what"].as_str().unwrap().starts_with("platform certificate ");
    let certificate = findings.iter().find(fetched).unwrap();
    assert!(certificate["says"].as_str().unwrap().contains("days left"), "{certificate}");
}
