//! The official vectors, batches, and lines of every kind of wrong.

mod unionpay;
mod wechatpay;

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use paysluice::model::ErrorKind;

const VECTORS: &str = include_str!("../../../channels/stripe/vectors/webhook_signature.json");

fn readers(tolerance: &str, secret: &str) -> Readers {
    let text = format!(
        "[gateways.shop]\nprovider = \"stripe\"\naccount = \"stripe:test:acct_123\"\nwebhook_secret_env = \"W\"\nwebhook_tolerance = \"{tolerance}\""
    );
    let config = Config::parse(Path::new("paysluice.toml"), &text).unwrap();
    let environment = |name: &str| (name == "W").then(|| secret.to_owned());
    Readers::open(&Secrets { config: &config, environment: &environment }, None).unwrap()
}

fn answers(readers: &Readers, input: &str) -> Vec<Value> {
    let mut output = Vec::new();
    work(readers, input.as_bytes(), &mut output, &|| UNIX_EPOCH + Duration::from_secs(5)).unwrap();
    String::from_utf8(output).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn line(now: &Value, header: &str, body: &str) -> String {
    let headers = if header.is_empty() { json!({}) } else { json!({"Stripe-Signature": header}) };
    json!({"id": "a", "gateway": "shop", "now": now, "method": "POST", "url": "/x", "headers": headers, "body_b64": STANDARD.encode(body)}).to_string()
}

#[test]
fn the_official_event_verifies_and_its_alterations_do_not() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let official = &vectors["official"][0];
    let readers = readers("300s", official["secret"].as_str().unwrap());
    let payload = official["payload"].as_str().unwrap();
    let mut reasons = Vec::new();
    for case in official["cases"].as_array().unwrap() {
        let mut body = payload.to_owned() + case["payload_append"].as_str().unwrap_or_default();
        if case["payload_strip_trailing_newline"] == true {
            body.pop();
        }
        let verdict = &answers(&readers, &line(&case["now"], official["header"].as_str().unwrap(), &body))[0];
        assert_eq!(verdict["verdict"] == "valid", case["expect"] == "valid", "{case} {verdict}");
        reasons.push(verdict["reason"].as_str().unwrap_or_default().to_owned());
        if case["expect"] == "valid" {
            let event = &verdict["events"][0];
            assert_eq!(
                (&event["name"], &event["delivery_key"], &event["change"]),
                (&json!("customer.created"), &json!("evt_123"), &json!("other"))
            );
        }
    }
    assert!(reasons[0].is_empty() && reasons[1].contains("clock is fast"), "{reasons:?}");
    assert!(reasons[2].contains("the body was altered") && reasons[3].contains("a line end added"), "{reasons:?}");
}

#[test]
fn the_derived_headers_are_judged_as_the_official_libraries_do() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let derived = &vectors["derived"];
    let mut judged = 0;
    for case in derived["cases"].as_array().unwrap() {
        let secret = case["secret"].as_str().unwrap_or(derived["secret"].as_str().unwrap());
        if secret.ends_with(' ') {
            continue; // refused with the configuration; see the adapter's own tests
        }
        let tolerance = case["tolerance_s"].as_u64().map_or("300s".to_owned(), |seconds| format!("{seconds}s"));
        let now = case.get("now").cloned().unwrap_or(json!(12345));
        let asked = line(&now, case["header"].as_str().unwrap(), derived["payload"].as_str().unwrap());
        let verdict = &answers(&readers(&tolerance, secret), &asked)[0];
        // The payload is no whole event: the message is proved, and its one item says what it lacks.
        let proved = verdict["verdict"] == "valid" && verdict["events"][0]["verdict"] == "invalid";
        assert_eq!(proved, case["expect"].as_str().unwrap().starts_with("valid"), "{case} {verdict}");
        judged += 1;
    }
    assert_eq!(judged, 13);
}

#[test]
fn every_line_gets_a_verdict_and_none_stops_the_rest() {
    let readers = readers("300s", "whsec_a");
    let long = "x".repeat(lines::LONGEST + 1);
    let input = format!(
        "{{\"id\":7}}\n\nnonsense\n[]\n{{\"id\":\"b\",\"gateway\":\"shp\",\"body_b64\":\"\"}}\n{long}\n{{\"id\":\"c\",\"now\":\"soon\",\"body_b64\":\"\"}}\n{{\"id\":\"d\",\"body_b64\":\"\"}}"
    );
    let answers = answers(&readers, &input);
    let told: Vec<(&Value, &str)> = answers.iter().map(|a| (&a["id"], a["reason"].as_str().unwrap())).collect();
    let starts = [
        (json!(7), "body_b64: must be given"),
        (Value::Null, "line: must be one JSON object"),
        (Value::Null, "line: must be one JSON object"),
        (json!("b"), "gateway: must be one of the configuration: shop"),
        (Value::Null, "line: must be at most"),
        (json!("c"), "now: must be whole unix seconds"),
        (json!("d"), "header Stripe-Signature is missing"),
    ];
    assert_eq!(told.len(), starts.len());
    for ((id, reason), (expected, start)) in told.iter().zip(&starts) {
        assert!(*id == expected && reason.starts_with(start), "{id} {reason}");
    }
    assert!(answers.iter().all(|answer| answer["verdict"] == "invalid" && answer["events"] == json!([])));
}

#[test]
fn a_bad_item_does_not_spoil_the_message() {
    let item = |key: &str| Item {
        delivery_key: key.to_owned(),
        raw: Vec::new().into(),
        verdict: Err(Error::new(ErrorKind::Unintelligible, "no amount")),
    };
    let verdict = serde_json::to_value(Verdict::of(json!("a"), &[item("e1")])).unwrap();
    assert_eq!(verdict["verdict"], "valid");
    assert_eq!(verdict["reason"], "the message is the provider's, but 1 of its 1 items cannot be used: no amount");
    assert_eq!(verdict["events"][0], json!({"verdict": "invalid", "delivery_key": "e1", "reason": "no amount"}));
}
