//! Who is let in, and how who is not is told.

use super::*;
use crate::{AlipayKeys, AlipayMode};

fn query(shop: &Shop) -> Said {
    shop.said("alipay.trade.query", &json!({"out_trade_no": "order1"}))
}

/// The answer to a query with one parameter changed before it was signed; None leaves it out.
async fn changed(shop: &Shop, name: &str, value: Option<&str>) -> Heard {
    let mut said = query(shop);
    match value {
        Some(value) => said.insert(name.to_owned(), value.to_owned()),
        None => said.remove(name),
    };
    shop.send(said).await
}

#[tokio::test(start_paused = true)]
async fn each_system_parameter_is_missed_and_judged_by_its_own_word() {
    let shop = Shop::new();
    for (name, value, code, signed) in [
        ("app_id", None, ("40001", "isv.missing-app-id"), false),
        ("app_id", Some("2021000122671081"), ("40002", "isv.invalid-app-id"), false),
        ("method", None, ("40001", "isv.missing-method"), false),
        ("method", Some("alipay.trade.none"), ("40002", "isv.invalid-method"), false),
        ("format", Some("XML"), ("40002", "isv.invalid-format"), true),
        ("charset", None, ("40002", "isv.invalid-charset"), true),
        ("charset", Some("gbk"), ("40002", "isv.invalid-charset"), true),
        ("sign_type", None, ("40001", "isv.missing-signature-type"), true),
        ("sign_type", Some("RSA"), ("40002", "isv.invalid-signature-type"), true),
        ("timestamp", None, ("40001", "isv.missing-timestamp"), true),
        ("timestamp", Some("2025-06-15T23:06:40"), ("40002", "isv.invalid-timestamp"), true),
        ("timestamp", Some(&shop.clock(-8 * 3600)), ("40002", "isv.invalid-timestamp"), true),
        ("timestamp", Some(&shop.clock(601)), ("40002", "isv.invalid-timestamp"), true),
        ("version", None, ("40001", "isv.missing-version"), true),
        ("version", Some("2.0"), ("40002", "isv.invalid-parameter"), true),
        ("encrypt_type", Some("AES"), ("40002", "isv.invalid-encrypt-type"), true),
        ("app_auth_token", Some("202506BBnone"), ("20001", "aop.invalid-app-auth-token"), true),
        ("biz_content", Some("[]"), ("40002", "isv.illegal-json"), true),
        ("biz_content", None, ("40004", "ACQ.INVALID_PARAMETER"), true),
    ] {
        let heard = changed(&shop, name, value).await;
        assert_eq!((heard.code(), heard.genuine), (code, signed), "{name} {value:?}: {}", heard.text);
        let named = !matches!(name, "method");
        assert_eq!(heard.name == "error_response", !named, "{}", heard.text);
        assert!(signed || !heard.text.contains("\"sign\""));
    }
    for (name, value) in [("timestamp", shop.clock(-599)), ("format", "json".to_owned()), ("charset", "UTF-8".to_owned())] {
        assert_eq!(changed(&shop, name, Some(&value)).await.code(), ("40004", "ACQ.TRADE_NOT_EXIST"), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_signature_is_of_every_parameter_that_has_a_value() {
    let shop = Shop::new();
    let good = shop.signed(query(&shop));
    let ask = async |said: &Said| shop.raw(Shop::request(said)).await.unwrap();
    assert_eq!(ask(&good).await.code(), ("40004", "ACQ.TRADE_NOT_EXIST"));
    // What is empty takes no part.
    let mut empty = good.clone();
    empty.insert("return_url".to_owned(), String::new());
    assert_eq!(ask(&empty).await.code(), ("40004", "ACQ.TRADE_NOT_EXIST"));
    for (name, value) in
        [("biz_content", "{\"out_trade_no\":\"order2\"}"), ("notify_url", "https://other.example"), ("more", "x")]
    {
        let mut other = good.clone();
        other.insert(name.to_owned(), value.to_owned());
        let heard = ask(&other).await;
        assert_eq!((heard.code(), heard.genuine), (("40002", "isv.invalid-signature"), true), "{name}");
        assert!(heard.at("sub_msg").contains("app_id=2021000122671080&amp;"), "{}", heard.text);
    }
    // As a notice is signed, and as nobody is.
    let without = |name: &str| {
        let mut said = query(&shop);
        said.remove(name);
        let mut signed = shop.signed(said);
        signed.insert(name.to_owned(), query(&shop)[name].clone());
        signed
    };
    assert_eq!(ask(&without("sign_type")).await.code(), ("40002", "isv.invalid-signature"));
    let mut unsigned = good.clone();
    unsigned.remove("sign");
    assert_eq!(ask(&unsigned).await.code(), ("40001", "isv.missing-signature"));
    unsigned.insert("sign".to_owned(), "?".to_owned());
    assert_eq!(ask(&unsigned).await.code(), ("40002", "isv.invalid-signature"));
}

#[tokio::test(start_paused = true)]
async fn parameters_stand_in_the_query_or_in_the_body_and_say_one_thing() {
    let shop = Shop::new();
    let good = shop.signed(shop.said("alipay.trade.create", &{
        let mut order = Shop::order("created1");
        order["buyer_id"] = json!("2088102146225135");
        order
    }));
    let (body, query): (Said, Said) = good.clone().into_iter().partition(|(name, _)| name == "biz_content");
    let split = |kind: &str| {
        let request = Request::new(Method::POST, format!("{GATEWAY}?{}", Shop::form(&query))).with_body(Shop::form(&body));
        request.header(http::header::CONTENT_TYPE, kind).unwrap()
    };
    assert_eq!(shop.raw(split("application/x-www-form-urlencoded")).await.unwrap().at("code"), "10000");
    let whole = Request::new(Method::GET, format!("{GATEWAY}?{}", Shop::form(&good)));
    assert_eq!(shop.raw(whole).await.unwrap().at("code"), "10000");
    // Neither the address nor the head says what charset the body is in: its letters are read as others.
    let silent = Request::new(Method::POST, GATEWAY).with_body(Shop::form(&good));
    let silent = silent.header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded").unwrap();
    assert_eq!(shop.raw(silent).await.unwrap().code(), ("40002", "isv.invalid-signature"));
    let plain = Request::new(Method::POST, GATEWAY).with_body(Shop::form(&shop.signed(self::query(&shop))));
    let plain = plain.header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded").unwrap();
    assert_eq!(shop.raw(plain).await.unwrap().code(), ("40004", "ACQ.TRADE_NOT_EXIST"));
    // A body that is no form is not read; what is said twice is refused.
    assert_eq!(shop.raw(split("application/json")).await.unwrap().code(), ("40002", "isv.invalid-signature"));
    let mut twice = Shop::request(&good);
    twice.url = format!("{GATEWAY}?method=alipay.trade.query");
    let heard = shop.raw(twice).await.unwrap();
    assert_eq!((heard.name.as_str(), heard.code()), ("error_response", ("40002", "isv.invalid-parameter")));
    let put = shop.raw(Request::new(Method::PUT, GATEWAY)).await.unwrap();
    assert_eq!(put.status, 405);
}

#[tokio::test(start_paused = true)]
async fn certificates_are_named_as_the_application_is_set_up() {
    let with = |mode| Shop::with(AlipayConfig { mode, ..AlipayConfig::default() });
    let mut shop = with(AlipayMode::Certificates);
    assert_eq!(shop.send(query(&shop)).await.code(), ("40002", "isv.missing-app-cert-sn"));
    shop.certified = true;
    assert_eq!(shop.state("order1").await, "ACQ.TRADE_NOT_EXIST");
    for (name, value, code) in [
        ("app_cert_sn", Some("0123"), "isv.app-cert-not-exist"),
        ("alipay_root_cert_sn", Some("0123"), "isv.invalid-alipay-root-cert-sn"),
        ("alipay_root_cert_sn", None, "isv.missing-alipay-root-cert-sn"),
    ] {
        assert_eq!(changed(&shop, name, value).await.code(), ("40002", code));
    }
    let mut shop = with(AlipayMode::PublicKey);
    assert_eq!(shop.state("order1").await, "ACQ.TRADE_NOT_EXIST");
    shop.certified = true;
    assert_eq!(shop.send(query(&shop)).await.code(), ("40002", "isv.app-cert-not-exist"));
    let mut shop = with(AlipayMode::Both);
    assert_eq!(shop.state("order1").await, "ACQ.TRADE_NOT_EXIST");
    shop.certified = true;
    assert_eq!(shop.state("order1").await, "ACQ.TRADE_NOT_EXIST");
}

#[tokio::test(start_paused = true)]
async fn a_token_acts_for_another_merchant_with_numbers_of_its_own() {
    let shop = Shop::new();
    shop.paid("order1").await;
    let token = shop.credentials.app_auth_token.expose_str().unwrap().to_owned();
    let mut said = query(&shop);
    said.insert("app_auth_token".to_owned(), token.clone());
    assert_eq!(shop.send(said).await.code(), ("40004", "ACQ.TRADE_NOT_EXIST"));
    let mut order = Shop::barcode("order1", "11");
    order["seller_id"] = json!(shop.credentials.authorized_seller_id);
    assert_eq!(shop.send(shop.said("alipay.trade.pay", &order)).await.code(), ("40004", "ACQ.INVALID_PARAMETER"));
    let mut said = shop.said("alipay.trade.pay", &order);
    said.insert("app_auth_token".to_owned(), token);
    assert_eq!(shop.send(said).await.at("code"), "10003");
    shop.wait(11).await;
    let told = shop.sandbox.alipay().notices();
    assert_eq!(told[1]["seller_id"], shop.credentials.authorized_seller_id.as_str());
    assert_eq!((told[1]["app_id"].as_str(), told[1]["auth_app_id"] == told[0]["auth_app_id"]), (Some("2021000122671080"), false));
}

/// The derived vectors of the application without certificates, byte for byte, at the second they were signed.
#[tokio::test(start_paused = true)]
async fn signed_vectors_are_executed_by_who_is_given_their_key() {
    let pem = include_str!("vectors/node_app_private_key_pkcs1.pem");
    let alipay = AlipayConfig { keys: Some(AlipayKeys::from_pems(pem, pem, &[]).unwrap()), ..AlipayConfig::default() };
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_703_112_877);
    let sandbox = Sandbox::new(Env::simulated(7, start), SandboxConfig { alipay, ..SandboxConfig::default() });
    let shop = Shop::of(sandbox);
    assert_eq!(shop.clock(0), "2023-12-21 06:54:37");
    let read: Vec<Value> = serde_json::from_str(include_str!("vectors/vectors.json")).unwrap();
    let text = |id: &str, name: &str| read.iter().find(|one| one["id"] == id).unwrap()[name].as_str().unwrap().to_owned();
    let form = text("request-sign-key-mode", "form_body");
    let send = async |body: String| {
        let request = Request::new(Method::POST, GATEWAY).with_body(body);
        shop.raw(request.header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded;charset=utf-8").unwrap())
            .await
            .unwrap()
    };
    let heard = send(form.clone()).await;
    assert_eq!((heard.code(), heard.genuine), (("40004", "ACQ.TRADE_NOT_EXIST"), true), "{}", heard.text);
    assert_eq!(send(form.replace("1001%22", "1002%22")).await.code(), ("40002", "isv.invalid-signature"));
    let order = text("order-string-app-pay", "order_string");
    assert_eq!(shop.sandbox.alipay().payer_pays(&order), Ok("TRADE_SUCCESS"));
    assert_eq!(shop.money("70501111111S001111119"), (1, 900, 0));
}
