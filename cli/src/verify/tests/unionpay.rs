//! A published notice of UnionPay's, and a reason that helps for each way it goes wrong.

use std::fs;

use paysluice::adapter::Form;
use serde_json::{Value, json};

use super::super::*;
use super::{STANDARD, answers};
use base64::Engine;

const VECTORS: &str = include_str!("../../../../channels/unionpay/vectors/vectors.json");
const ROOT: &str = include_str!("../../../../channels/unionpay/vectors/acp_test_root.cer");
const MIDDLE: &str = include_str!("../../../../channels/unionpay/vectors/acp_test_middle.cer");
const PFX: &[u8] = include_bytes!("../../../../channels/unionpay/vectors/acp_test_sign.pfx");

/// In its certificate's time.
const ITS_DAY: &str = "2022-09-08T13:22:06+08:00";

/// A merchant at UnionPay's test environment, with these further lines.
fn config(merchant: &str, lines: &str) -> (tempfile::TempDir, Config) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("root.cer", ROOT.as_bytes()), ("middle.cer", MIDDLE.as_bytes()), ("sign.pfx", PFX)] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let text = format!(
        "[gateways.up]\nprovider = \"unionpay\"\naccount = \"unionpay:test:{merchant}\"\n\
         root_certificate_file = \"root.cer\"\nmiddle_certificate_file = [\"middle.cer\"]\n{lines}"
    );
    let config = Config::parse(&folder.path().join("paysluice.toml"), &text).unwrap();
    (folder, config)
}

fn readers(merchant: &str, lines: &str) -> Readers {
    let (_folder, config) = config(merchant, lines);
    Readers::open(&Secrets { config: &config, environment: &|_| None }, None).unwrap()
}

/// The notice, changed.
fn line(now: &str, change: impl FnOnce(&mut String)) -> String {
    let read: Value = serde_json::from_str(VECTORS).unwrap();
    let vector = read["vectors"].as_array().unwrap().iter().find(|vector| vector["id"] == "callback-verify-2").unwrap().clone();
    let params = vector["params"].as_object().unwrap();
    let mut body = Form::encode(params.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())));
    change(&mut body);
    json!({"id": "a", "now": now, "body_b64": STANDARD.encode(body)}).to_string()
}

fn verdict(readers: &Readers, line: &str) -> Value {
    answers(readers, line).remove(0)
}

const OURS: &str = "777290058167151";
const TEST: &str = "test_environment = true";

#[test]
fn the_notice_is_valid_and_says_what_it_is_about() {
    let told = verdict(&readers(OURS, TEST), &line(ITS_DAY, |_| {}));
    assert_eq!((&told["verdict"], &told["reason"]), (&json!("valid"), &Value::Null), "{told}");
    let event = &told["events"][0];
    assert_eq!((&event["name"], &event["money"], &event["status"]), (&json!("01.00"), &json!("0.01 CNY"), &json!("paid")));
    assert_eq!((&event["number"], &event["trust"]), (&json!("yansongda20220908132206"), &json!("ask_first")));
}

#[test]
fn each_way_it_goes_wrong_has_its_reason() {
    let test = readers(OURS, TEST);
    for (told, reason) in [
        (verdict(&test, &line("2025-08-01T00:00:00Z", |_| {})), "is not valid now"),
        (verdict(&test, &line(ITS_DAY, |body| *body = body.replace("txnAmt=1", "txnAmt=2"))), "altered on the way"),
        (verdict(&test, &line(ITS_DAY, |body| *body = body.replace("%0D%0A", "%0A"))), "line ends of signPubKeyCert"),
        (verdict(&test, &line(ITS_DAY, |body| *body = body.replace("signature=", "sig="))), "signature is missing"),
        (verdict(&readers("777290058110048", TEST), &line(ITS_DAY, |_| {})), "merId is not ours"),
        (verdict(&readers(OURS, ""), &line(ITS_DAY, |_| {})), "does not chain"),
    ] {
        assert_eq!(told["verdict"], "invalid");
        assert!(told["reason"].as_str().unwrap().contains(reason), "{reason}: {told}");
    }
}

#[test]
fn a_gateway_sends_with_the_key_of_its_pfx_file_and_a_reader_needs_none() {
    let lines = format!("{TEST}\nsign_pfx_file = \"sign.pfx\"\nsign_pfx_password_env = \"P\"");
    let (_folder, config) = config(OURS, &lines);
    let open = |password: &str| {
        let environment = |name: &str| (name == "P").then(|| password.to_owned());
        let opened = open::with_keys(&Secrets { config: &config, environment: &environment }, "up");
        opened.map(|adapter| format!("{adapter:?}")).map_err(|error| error.to_string())
    };
    assert!(open("000000").unwrap().contains("certId 69"), "{:?}", open("000000"));
    assert!(open("111111").unwrap_err().contains("gateways.up.sign_pfx"), "{:?}", open("111111"));
    let environment = |_: &str| None;
    assert!(open::reader(&Secrets { config: &config, environment: &environment }, "up").is_ok());
}
