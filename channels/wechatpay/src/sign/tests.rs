//! The published signatures, byte for byte.

//! Tests of signing: the official vectors, byte for byte.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use paysluice::model::Secret;
use serde_json::Value;

use super::*;
use crate::WeChatPayConfig;

fn wechat() -> WeChatPay {
    let account = "wechatpay:live:1234567890".parse().unwrap();
    let key = Secret::new(include_str!("../../vectors/go_test_private_key.pem"));
    let api = Secret::new("a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb");
    WeChatPay::new(WeChatPayConfig::new(account, "wx8888888888888888", key, "0123456789ABC", api)).unwrap()
}

/// The published vectors, by their ids.
fn vectors() -> BTreeMap<String, Value> {
    let read: Value = serde_json::from_str(include_str!("../../vectors/vectors.json")).unwrap();
    let all = read["vectors"].as_array().unwrap().iter();
    all.map(|vector| (vector["id"].as_str().unwrap().to_owned(), vector.clone())).collect()
}

fn text<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name].as_str().unwrap()
}

#[test]
fn the_authorization_vectors_are_signed_byte_for_byte() {
    let (wechat, vectors) = (wechat(), vectors());
    for id in
        ["authorization-get", "authorization-post-body-ending-in-newline", "authorization-jsapi-utf8", "authorization-query"]
    {
        let vector = &vectors[id];
        let lines = ["method", "url_path_query", "timestamp", "nonce_str", "body"].map(|name| text(vector, name));
        assert_eq!(wechat.signature(&lines).unwrap(), text(vector, "signature_base64"), "{id}");
    }
    let message = text(&vectors["rsa-sha256-sign-1"], "message");
    let signature = wechat.merchant_key.as_ref().unwrap().sign(&[message.as_bytes()]).unwrap();
    assert_eq!(STANDARD.encode(signature), text(&vectors["rsa-sha256-sign-1"], "signature_base64"));
}

#[test]
fn the_header_has_the_published_layout_and_is_not_printed() {
    let stamp = Stamp { now: UNIX_EPOCH + Duration::from_secs(1_624_523_846), nonce: 0xA1, send: 1 };
    let request = wechat().signed(Method::GET, "/v3/certificates", "", &stamp).unwrap();
    let vector = &vectors()["authorization-get"];
    let nonce = format!("{:032X}", 0xA1);
    let lines = ["GET", "/v3/certificates", "1624523846", &nonce, ""];
    let expected = text(vector, "header_value")
        .replace("A1B2C3D4E5F6G7", &nonce)
        .replace(text(vector, "signature_base64"), &wechat().signature(&lines).unwrap());
    let header = &request.headers[AUTHORIZATION];
    assert_eq!(header.to_str().unwrap(), expected);
    assert!(header.is_sensitive() && request.url == "https://api.mch.weixin.qq.com/v3/certificates");
    assert!(request.headers.contains_key(USER_AGENT) && request.headers[ACCEPT] == "application/json");
    assert!(!request.headers.contains_key(CONTENT_TYPE) && request.body.is_empty());
}

#[test]
fn the_parameters_for_the_payers_side_are_signed_as_published() {
    let (wechat, vectors) = (wechat(), vectors());
    let bridge = &vectors["paysign-jsapi"];
    let lines = ["appId", "timeStamp", "nonceStr", "package"].map(|name| text(bridge, name));
    assert_eq!(wechat.signature(&lines).unwrap(), text(bridge, "paySign"));
    let app = &vectors["sign-app"];
    let lines = ["appid", "timestamp", "noncestr", "prepayid"].map(|name| text(app, name));
    assert_eq!(wechat.signature(&lines).unwrap(), text(app, "sign"));
}

#[test]
fn a_reader_of_callbacks_signs_nothing() {
    let account = "wechatpay:live:1234567890".parse().unwrap();
    let api = Secret::new("a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb");
    let reader = WeChatPay::reader(WeChatPayConfig::new(account, "wx1", Secret::new(""), "", api)).unwrap();
    assert_eq!(reader.signature(&["GET"]).unwrap_err().kind(), ErrorKind::Unauthorized);
}
