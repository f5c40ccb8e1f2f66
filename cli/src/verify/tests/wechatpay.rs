//! WeChat Pay's vectors, and a reason that helps for each way a callback goes wrong.

use std::fs;

use serde_json::{Value, json};

use super::super::*;
use super::{STANDARD, answers};
use base64::Engine;

const VECTORS: &str = include_str!("../../../../channels/wechatpay/vectors/vectors.json");
const CERTIFICATE: &str = include_str!("../../../../channels/wechatpay/vectors/java_test_wechat_pay_certificate.pem");
const PUBLIC_KEY: &str = include_str!("../../../../channels/wechatpay/vectors/java_test_wechat_pay_public_key.pem");

fn vector() -> Value {
    let read: Value = serde_json::from_str(VECTORS).unwrap();
    read["vectors"].as_array().unwrap().iter().find(|vector| vector["id"] == "notification-full-aes256").unwrap().clone()
}

/// The account of the vector, with these further lines.
fn readers(lines: &str, api_v3_key: &str) -> Readers {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("platform.pem"), CERTIFICATE).unwrap();
    fs::write(folder.path().join("public.pem"), PUBLIC_KEY).unwrap();
    let head = "provider = \"wechatpay\"\naccount = \"wechatpay:live:1900009191\"\nappid = \"wxd678efh567hg6787\"\napi_v3_key_env = \"K\"";
    let config = Config::parse(&folder.path().join("paysluice.toml"), &format!("[gateways.wx]\n{head}\n{lines}")).unwrap();
    let environment = |name: &str| (name == "K").then(|| api_v3_key.to_owned());
    Readers::open(&Secrets { config: &config, environment: &environment }, None).unwrap()
}

/// The vector as a line, changed.
fn line(change: impl FnOnce(&mut Value, &mut String, &mut Value)) -> String {
    let vector = vector();
    let (mut headers, mut now) = (vector["headers"].clone(), vector["now_unix"].clone());
    let mut body = vector["body"].as_str().unwrap().to_owned();
    change(&mut headers, &mut body, &mut now);
    json!({"id": "a", "now": now, "headers": headers, "body_b64": STANDARD.encode(body)}).to_string()
}

fn verdict(readers: &Readers, line: &str) -> Value {
    answers(readers, line).remove(0)
}

const PINNED: &str = "platform_certificate_file = [\"platform.pem\"]";

#[test]
fn the_notification_is_valid_and_says_what_it_is_about() {
    let key = vector()["apiv3_key"].as_str().unwrap().to_owned();
    let told = verdict(&readers(PINNED, &key), &line(|_, _, _| {}));
    assert_eq!((&told["verdict"], &told["reason"]), (&json!("valid"), &Value::Null), "{told}");
    let event = &told["events"][0];
    assert_eq!(
        (&event["name"], &event["money"], &event["status"]),
        (&json!("TRANSACTION.SUCCESS"), &json!("1.00 CNY"), &json!("paid"))
    );
    assert_eq!((&event["number"], &event["trust"]), (&json!("1217752501201407033233368018"), &json!("enough")));
}

#[test]
fn each_way_it_goes_wrong_has_its_reason() {
    let key = vector()["apiv3_key"].as_str().unwrap().to_owned();
    let pinned = readers(PINNED, &key);
    let public = "public_key_id = \"PUB_KEY_ID_0114232134912410000000000000\"\npublic_key_file = \"public.pem\"";
    let probe = |headers: &mut Value, _: &mut String, _: &mut Value| {
        headers["Wechatpay-Signature"] = json!(format!("WECHATPAY/SIGNTEST/{}", "A".repeat(325)));
    };
    for (told, reason) in [
        (verdict(&pinned, &line(|_, _, now| *now = json!(1_528_425_596))), "this host's clock is fast"),
        (verdict(&pinned, &line(|_, _, now| *now = json!(1_528_424_900))), "this host's clock is slow"),
        (verdict(&pinned, &line(|_, body, _| body.push('\n'))), "the body was altered on the way"),
        (verdict(&pinned, &line(probe)), "a sign probe"),
        (
            verdict(&pinned, &line(|headers, _, _| headers["Wechatpay-Nonce"] = Value::Array(Vec::new()))),
            "header Wechatpay-Nonce is missing",
        ),
        (verdict(&readers(PINNED, &key.replace('a', "b")), &line(|_, _, _| {})), "does not open with the APIv3 key"),
        (
            verdict(&readers("", &key), &line(|_, _, _| {})),
            "certificate of serial 440024045C4A427599D09BB4E3DE0279F2E813FD is not held: none is configured",
        ),
        (
            verdict(&readers(public, &key), &line(|_, _, _| {})),
            "is not held: held are WeChat Pay public key PUB_KEY_ID_0114232134912410000000000000",
        ),
    ] {
        assert_eq!(told["verdict"], "invalid");
        assert!(told["reason"].as_str().unwrap().contains(reason), "{reason}: {told}");
        assert!(!told.to_string().contains(&key));
    }
}
