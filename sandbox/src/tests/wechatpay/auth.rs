//! Who is let in.

use super::*;

const CERTIFICATES: &str = "/v3/certificates";

async fn with_header(shop: &Shop, method: Method, name: &'static str, value: Option<&str>) -> Answer {
    let mut request = shop.request(method.clone(), CERTIFICATES, if method == Method::POST { "{}" } else { "" });
    request.headers.remove(name);
    if let Some(value) = value {
        request = request.header(HeaderName::from_static(name), value).unwrap();
    }
    shop.send(request).await
}

async fn authorized_by(shop: &Shop, authorization: &str) -> Answer {
    with_header(shop, Method::GET, "authorization", Some(authorization)).await
}

#[tokio::test(start_paused = true)]
async fn who_does_not_sign_is_not_let_in() {
    let shop = Shop::new();
    let good = shop.authorization("GET", CERTIFICATES, "", shop.now(), "n1");
    assert_eq!(authorized_by(&shop, &good).await.status, 200);
    let fresh = |nonce: &str| shop.authorization("GET", CERTIFICATES, "", shop.now(), nonce);
    for bad in [
        "Bearer x".to_owned(),
        fresh("n2").replace("WECHATPAY2-SHA256-RSA2048 ", "WECHATPAY2-SHA256-RSA2048,"),
        fresh("n3").replace("nonce_str=\"n3\",", ""),
        fresh("n4").replace("nonce_str=\"n4\"", "nonce_str=\"n5\""),
        fresh("n6").replace("nonce_str=\"n6\"", "nonce_str=n6"),
        fresh("n7").replace(&shop.credentials.mchid, "1900000108"),
        fresh("n8").replace(&shop.credentials.merchant_serial, &shop.credentials.merchant_serial.to_lowercase()),
        fresh("n9").replace("signature=\"", "signature=\"x"),
        shop.authorization("GET", "/v3/certificates?", "", shop.now(), "n10"),
        shop.authorization("POST", CERTIFICATES, "", shop.now(), "n11"),
        shop.authorization("GET", CERTIFICATES, "x", shop.now(), "n12"),
        format!("{},nonce_str=\"n13\"", fresh("n13")),
        format!("{},more=\"x\"", fresh("n14")),
    ] {
        let answer = authorized_by(&shop, &bad).await;
        assert_eq!(code(&answer), (401, "SIGN_ERROR"), "{bad}");
    }
    assert_eq!(code(&with_header(&shop, Method::GET, "authorization", None).await), (401, "SIGN_ERROR"));
}

#[tokio::test(start_paused = true)]
async fn a_refused_signature_is_told_what_it_should_be_of() {
    let shop = Shop::new();
    let other = shop.authorization("GET", "/v3/other", "", shop.now(), "n1");
    let answer = authorized_by(&shop, &other).await;
    let expected = format!("GET\n/v3/certificates\n{}\nn1\n\n", shop.now());
    assert_eq!(answer.json["detail"]["sign_information"]["truncated_sign_message"], expected);
}

#[tokio::test(start_paused = true)]
async fn path_query_and_body_are_signed_byte_for_byte() {
    let shop = Shop::new();
    let path = format!("/v3/pay/transactions/out-trade-no/order%7C01?mchid={}", shop.credentials.mchid);
    assert_eq!(code(&shop.get(&path).await), (404, "ORDER_NOT_EXIST"));
    let mut request = shop.request(Method::GET, &path, "");
    request.url = request.url.replace("%7C", "%7c");
    assert_eq!(code(&shop.send(request).await), (401, "SIGN_ERROR"));
    let mut request = shop.request(Method::POST, "/v3/pay/transactions/native", &shop.order("order01").to_string());
    request.body = [&request.body[..], b" "].concat().into();
    assert_eq!(code(&shop.send(request).await), (401, "SIGN_ERROR"));
    let in_query = shop.post("/v3/pay/transactions/native?a=b", &shop.order("order01")).await;
    assert_eq!(code(&in_query), (400, "PARAM_ERROR"));
}

#[tokio::test(start_paused = true)]
async fn a_request_is_good_for_five_minutes_and_once() {
    let shop = Shop::new();
    let at = |seconds: i64, nonce: &str| shop.authorization("GET", CERTIFICATES, "", shop.now() + seconds, nonce);
    for (off, status) in [(-300, 200), (300, 200), (-301, 401), (301, 401)] {
        assert_eq!(authorized_by(&shop, &at(off, &format!("off{off}"))).await.status, status, "{off}");
    }
    let twice = at(0, "twice");
    assert_eq!(authorized_by(&shop, &twice).await.status, 200);
    assert_eq!(code(&authorized_by(&shop, &twice).await), (401, "SIGN_ERROR"));
    for (after, status) in [(310, 401), (610, 200)] {
        shop.wait(after).await;
        assert_eq!(authorized_by(&shop, &at(0, "twice")).await.status, status, "{after}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_does_not_use_up_its_nonce() {
    let shop = Shop::new();
    let bad = shop.authorization("GET", "/v3/other", "", shop.now(), "n1");
    assert_eq!(authorized_by(&shop, &bad).await.status, 401);
    let good = shop.authorization("GET", CERTIFICATES, "", shop.now(), "n1");
    assert_eq!(authorized_by(&shop, &good).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn every_request_names_itself_and_what_it_takes() {
    let shop = Shop::new();
    for (method, name, value) in [
        (Method::GET, "accept", None),
        (Method::GET, "accept", Some("text/html")),
        (Method::GET, "user-agent", None),
        (Method::POST, "content-type", None),
        (Method::POST, "content-type", Some("application/x-www-form-urlencoded")),
    ] {
        assert_eq!(code(&with_header(&shop, method, name, value).await), (400, "PARAM_ERROR"), "{name} {value:?}");
    }
    assert_eq!(with_header(&shop, Method::GET, "accept", Some("*/*")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_not_mistaken_for_an_order_that_is_not() {
    let shop = Shop::new();
    assert_eq!(code(&shop.get("/v3/pay/nothing").await), (404, "NOT_FOUND"));
    assert_eq!(code(&shop.post("/v3/pay/transactions/cash", &shop.order("order1")).await), (404, "NOT_FOUND"));
    assert_eq!(shop.get("/v3/pay/transactions/native").await.status, 405);
    assert_eq!(shop.get("/v3/refund/domestic/refunds").await.status, 405);
}
