//! Who is let in, and what a request must look like.

use super::*;

/// The answer's code, after a change of a signed request's fields; `signed` says whether the change is signed too.
async fn changed(shop: &Shop, name: &str, value: Option<&str>, signed: bool) -> Seen {
    let (path, mut fields) = shop.consumption("order0001", "app");
    let change = |fields: &mut Fields| match value {
        Some(value) => drop(fields.insert(name.to_owned(), value.to_owned())),
        None => drop(fields.remove(name)),
    };
    if signed {
        change(&mut fields);
    }
    shop.sign(&mut fields);
    if !signed {
        change(&mut fields);
    }
    shop.raw(Shop::request(path, &fields)).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_not_signed_as_it_stands_is_refused() {
    let shop = Shop::new();
    for (name, value) in [
        ("txnAmt", Some("1001")),
        ("orderDesc", Some("more")),
        ("backUrl", None),
        ("signature", Some("x")),
        ("signature", Some("QUJD")),
        ("certId", Some("1")),
    ] {
        let seen = changed(&shop, name, value, false).await;
        assert_eq!(seen.code(), "11", "{name}: {}", seen.text);
        assert!(seen.says("respMsg").contains("[9100004]") && shop.genuine(&seen.fields));
    }
    assert_eq!(changed(&shop, "signature", None, false).await.code(), "13");
    assert_eq!(shop.sandbox.unionpay().trades(), []);
    // A field without a value takes no part in the signature.
    assert_eq!(changed(&shop, "orderDesc", Some(""), false).await.code(), "00");
}

#[tokio::test(start_paused = true)]
async fn one_sha256_is_not_enough_nor_is_upper_case() {
    let shop = Shop::new();
    let (path, mut fields) = shop.consumption("order0001", "app");
    let text = text_of(&fields);
    let upper = sha256_hex(&[&text]).to_uppercase();
    for wrong in [text, upper.into_bytes()] {
        fields.insert("signature".to_owned(), STANDARD.encode(shop.key.sign(&[&wrong]).unwrap()));
        assert_eq!(shop.raw(Shop::request(path, &fields)).await.unwrap().code(), "11");
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_not_known_gets_no_signed_answer() {
    let shop = Shop::new();
    for (name, value, code) in [("merId", Some("777290058110049"), "31"), ("merId", None, "13")] {
        let seen = changed(&shop, name, value, true).await;
        assert_eq!((seen.status, seen.code()), (200, code));
        assert!(!seen.fields.contains_key("signature") && !seen.fields.contains_key("signPubKeyCert"));
    }
    let (path, mut fields) = shop.consumption("order0001", "app");
    shop.sign(&mut fields);
    let json = Shop::request(path, &fields).header(http::header::CONTENT_TYPE, "application/json").unwrap();
    let twice = Shop::request(path, &fields);
    let body = [&twice.body[..], b"&txnAmt=1"].concat();
    for request in [json, twice.with_body(body)] {
        let seen = shop.raw(request).await.unwrap();
        assert!(seen.code() == "10" && !seen.fields.contains_key("signature"), "{}", seen.text);
    }
    let mut get = Shop::request(path, &fields);
    get.method = Method::GET;
    assert_eq!(shop.raw(get).await.unwrap().status, 405);
    assert_eq!(shop.raw(Shop::request("cardTransReq.do", &fields)).await.unwrap().status, 404);
}

#[tokio::test(start_paused = true)]
async fn fields_have_their_form_and_length() {
    let shop = Shop::new();
    for (name, value, code) in [
        ("version", Some("5.0.0"), "10"),
        ("encoding", Some("GBK"), "10"),
        ("signMethod", Some("11"), "11"),
        ("certId", Some("01"), "11"),
        ("orderId", Some("order01"), "10"),
        ("orderId", Some("order-0001"), "10"),
        ("orderId", Some("order_0001"), "10"),
        ("orderId", Some("o1234567890123456789012345678901234567890"), "10"),
        ("orderId", None, "13"),
        ("txnTime", Some("20250615"), "10"),
        ("txnTime", Some("20250230000000"), "10"),
        ("txnTime", None, "13"),
        ("txnAmt", Some("10.00"), "10"),
        ("txnAmt", Some("0"), "10"),
        ("txnAmt", Some("1234567890123"), "10"),
        ("txnAmt", None, "13"),
        ("currencyCode", Some("840"), "10"),
        ("currencyCode", None, "13"),
        ("backUrl", None, "13"),
        ("backUrl", Some("shop.example"), "10"),
        ("backUrl", Some(&format!("https://shop.example/{}", "x".repeat(256))), "10"),
        ("reqReserved", Some(&"元".repeat(342)), "10"),
        ("orderDesc", Some("a\nb"), "10"),
        ("channelType", Some("99"), "10"),
        ("accessType", Some("3"), "10"),
        ("accessType", Some("2"), "13"),
        ("bizType", Some("000902"), "10"),
        ("txnSubType", Some("07"), "32"),
        ("txnType", Some("02"), "32"),
        ("payTimeout", Some("20250615230640"), "39"),
        ("origQryId", Some("782506152306401234567"), "10"),
        ("orderNo", Some("order0001"), "10"),
    ] {
        let seen = changed(&shop, name, value, true).await;
        assert_eq!(seen.code(), code, "{name} {value:?}: {}", seen.text);
        assert!(shop.genuine(&seen.fields));
    }
    assert_eq!(shop.sandbox.unionpay().trades(), []);
    assert_eq!(changed(&shop, "encoding", Some("utf-8"), true).await.code(), "00");
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_trade_is_the_current_one_in_beijing() {
    let shop = Shop::new();
    for (number, off, code) in [
        ("order0001", 0, "00"),
        ("order0002", -3600, "00"),
        ("order0003", -3601, "10"),
        ("order0004", 3601, "10"),
        ("order0005", -8 * 3600, "10"),
    ] {
        let (path, mut fields) = shop.consumption(number, "app");
        fields.insert("txnTime".to_owned(), stamp(shop.now() + off));
        assert_eq!(shop.post(path, fields).await.code(), code, "{off}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_credentials_fit_together_and_hide_the_key() {
    let shop = Shop::new();
    let certificate = Certificate::from_pem("certificate", shop.credentials.merchant_certificate.as_bytes()).unwrap();
    assert_eq!(certificate.serial_decimal(), shop.credentials.cert_id);
    assert!(shop.credentials.cert_id.len() == 11 && shop.credentials.cert_id.bytes().all(|byte| byte.is_ascii_digit()));
    assert_eq!(certificate.key(), &shop.key.public_key().unwrap());
    assert!(!format!("{:?}", shop.credentials).contains("PRIVATE"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_plain_text_with_base64_and_line_ends_as_they_are() {
    let shop = Shop::new();
    let (path, mut fields) = shop.consumption("order0001", "app");
    fields.insert("reqReserved".to_owned(), "{a=b&c=d}".to_owned());
    let seen = shop.post(path, fields).await;
    assert!(seen.text.contains("-----BEGIN CERTIFICATE-----\r\nMII") && !seen.text.contains('%'));
    assert!(seen.says("signPubKeyCert").ends_with("-----END CERTIFICATE-----"));
    assert_eq!(seen.says("reqReserved"), "{a=b&c=d}");
    for (name, value) in [("version", "5.1.0"), ("merId", &shop.credentials.mer_id), ("orderId", "order0001"), ("txnType", "01")]
    {
        assert_eq!(seen.says(name), value);
    }
}
