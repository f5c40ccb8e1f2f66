//! Orders: fields, repetition, payment, close, expiry.

use super::*;

const NATIVE: &str = "/v3/pay/transactions/native";

#[tokio::test(start_paused = true)]
async fn each_product_answers_in_its_own_way() {
    let shop = Shop::new();
    let with = |number: &str, name: &str, value: Value| {
        let mut order = shop.order(number);
        order[name] = value;
        order
    };
    let scene = json!({"payer_client_ip": "203.0.113.7", "h5_info": {"type": "Wap"}});
    for (product, order, answer, begins) in [
        ("native", shop.order("order1"), "code_url", "weixin://wxpay/bizpayurl?pr="),
        ("app", shop.order("order2"), "prepay_id", "wx"),
        ("jsapi", with("order3", "payer", json!({"openid": "o1"})), "prepay_id", "wx"),
        ("h5", with("order4", "scene_info", scene), "h5_url", "https://wx.tenpay.com/"),
    ] {
        let placed = shop.post(&format!("/v3/pay/transactions/{product}"), &order).await;
        assert!(placed.json[answer].as_str().unwrap().starts_with(begins), "{product}: {}", placed.json);
        assert_eq!(placed.json.as_object().unwrap().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn fields_are_checked_by_name() {
    let shop = Shop::new();
    let long = "长".repeat(128);
    let wrong: Vec<(&str, &str, Value)> = vec![
        ("native", "/description", Value::Null),
        ("native", "/description", json!(long)),
        ("native", "/out_trade_no", json!("short")),
        ("native", "/out_trade_no", json!("n".repeat(33))),
        ("native", "/out_trade_no", json!("order 1")),
        ("native", "/out_trade_no", json!("order.1")),
        ("native", "/notify_url", Value::Null),
        ("native", "/notify_url", json!("http://shop.example/notify")),
        ("native", "/notify_url", json!("http://127.0.0.1:8080/notify")),
        ("native", "/notify_url", json!("https://shop.example/notify?a=b")),
        ("native", "/amount", Value::Null),
        ("native", "/amount/total", json!(0)),
        ("native", "/amount/total", json!("1000")),
        ("native", "/amount/total", json!(10.5)),
        ("native", "/amount/currency", json!("USD")),
        ("native", "/time_expire", json!("tomorrow")),
        ("native", "/attach", json!("x".repeat(129))),
        ("native", "/limit_pay", json!(["no_money"])),
        ("native", "/settle_info", json!({"profit_sharing": "yes"})),
        ("native", "/detail", json!({"goods_detail": [{"merchant_goods_id": "g", "quantity": 1}]})),
        ("native", "/scene_info", json!({"device_id": "d"})),
        ("native", "/time_expires", json!("2030-01-01T00:00:00+08:00")),
        ("native", "/mchid", json!("1900000108")),
        ("native", "/payer", json!({"openid": "o"})),
        ("jsapi", "/attach", json!("x")),
        ("jsapi", "/payer", json!({"openid": ""})),
        ("h5", "/attach", json!("x")),
        ("h5", "/scene_info", json!({"payer_client_ip": "203.0.113.7"})),
        ("h5", "/scene_info", json!({"payer_client_ip": "203.0.113.7", "h5_info": {"type": "Web"}})),
    ];
    for (product, pointer, value) in wrong {
        let mut order = shop.order("order1");
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = order.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        if value.is_null() {
            parent.remove(name)
        } else {
            parent.insert(name.to_owned(), value.clone())
        };
        let answer = shop.post(&format!("/v3/pay/transactions/{product}"), &order).await;
        assert_eq!(code(&answer), (400, "PARAM_ERROR"), "{product} {pointer} {value}: {}", answer.json);
        assert!(answer.json["detail"]["field"].is_string());
    }
    let mut order = shop.order("order1");
    order["appid"] = json!("wx0000000000000000");
    assert_eq!(code(&shop.post(NATIVE, &order).await), (400, "APPID_MCHID_NOT_MATCH"));
    assert_eq!(code(&shop.send(shop.request(Method::POST, NATIVE, "{")).await), (400, "PARAM_ERROR"));
    assert!(shop.sandbox.wechatpay().orders().is_empty());
    // Lengths are counted in characters, not in bytes.
    let mut order = shop.order("order1");
    order["description"] = json!("长".repeat(127));
    assert_eq!(shop.post(NATIVE, &order).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn notices_may_go_to_the_loopback_where_the_config_says_so() {
    let shop = Shop::with(WechatPayConfig { allow_http_loopback: true, ..WechatPayConfig::default() });
    for (number, url, status) in [
        ("order1", "http://127.0.0.1:8080/notify", 200),
        ("order2", "http://localhost/notify", 200),
        ("order3", "http://[::1]:1/notify", 200),
        ("order4", "http://127.0.0.1.shop.example/notify", 400),
        ("order5", "http://shop.example/notify", 400),
    ] {
        let mut order = shop.order(number);
        order["notify_url"] = json!(url);
        assert_eq!(shop.post(NATIVE, &order).await.status, status, "{url}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_parameters_are_the_same_order_and_others_are_refused() {
    let shop = Shop::new();
    let (first, again) = (shop.native("order1").await, shop.native("order1").await);
    assert_eq!((first, shop.sandbox.wechatpay().orders().len()), (again, 1));
    let mut other = shop.order("order1");
    other["amount"]["total"] = json!(1001);
    assert_eq!(code(&shop.post(NATIVE, &other).await), (400, "INVALID_REQUEST"));
    let app = shop.post("/v3/pay/transactions/app", &shop.order("order1")).await;
    assert_eq!(code(&app), (403, "OUT_TRADE_NO_USED"));
}

#[tokio::test(start_paused = true)]
async fn a_prepay_id_is_renewed_when_it_is_two_hours_old() {
    let shop = Shop::new();
    let id = async || shop.post("/v3/pay/transactions/app", &shop.order("order1")).await.json["prepay_id"].clone();
    let first = id().await;
    shop.wait(7000).await;
    assert_eq!(id().await, first);
    shop.wait(200).await;
    assert_ne!(id().await, first);
}

#[tokio::test(start_paused = true)]
async fn a_payment_is_booked_once_and_shown_by_both_numbers() {
    let shop = Shop::new();
    let qr = shop.native("order1").await;
    let unpaid = shop.query("order1").await.json;
    assert_eq!(unpaid["trade_state"], "NOTPAY");
    assert!(
        unpaid.get("transaction_id").is_none() && unpaid.get("attach").is_none() && unpaid["amount"].get("payer_total").is_none()
    );
    assert_eq!(shop.sandbox.wechatpay().payer_pays(&qr), Ok("SUCCESS"));
    assert!(shop.sandbox.wechatpay().payer_pays(&qr).is_err());
    let paid = shop.query("order1").await.json;
    assert_eq!(
        (paid["trade_state"].as_str(), paid["attach"].as_str(), paid["amount"]["payer_total"].as_i64()),
        (Some("SUCCESS"), Some("kept"), Some(1000))
    );
    let id = paid["transaction_id"].as_str().unwrap();
    let by_id = shop.get(&format!("/v3/pay/transactions/id/{id}?mchid={}", shop.credentials.mchid)).await;
    assert_eq!(by_id.json, paid);
    let ledger = shop.sandbox.ledger();
    assert_eq!((ledger.charges("order1"), ledger.taken("order1"), ledger.entries()[0].payment.as_str()), (1, 1000, id));
    assert_eq!(code(&shop.post(NATIVE, &shop.order("order1")).await), (400, "ORDERPAID"));
}

#[tokio::test(start_paused = true)]
async fn a_query_names_the_merchant_and_nothing_else() {
    let shop = Shop::new();
    shop.native("order1").await;
    for query in ["", "?mchid=1900000108", "?sp_mchid=1900000109", &format!("?mchid={}&x=y", shop.credentials.mchid)] {
        let answer = shop.get(&format!("/v3/pay/transactions/out-trade-no/order1{query}")).await;
        assert_eq!(code(&answer), (400, "PARAM_ERROR"), "{query}");
    }
    assert_eq!(code(&shop.query("order2").await), (404, "ORDER_NOT_EXIST"));
}

#[tokio::test(start_paused = true)]
async fn a_close_wins_against_a_payer_who_has_not_begun() {
    let shop = Shop::new();
    let qr = shop.native("order1").await;
    assert_eq!((shop.close("order1").await.status, shop.close("order1").await.status), (204, 204));
    assert_eq!(shop.state("order1").await, "CLOSED");
    assert!(shop.sandbox.wechatpay().payer_pays(&qr).is_err());
    assert_eq!(code(&shop.post(NATIVE, &shop.order("order1")).await), (400, "ORDERCLOSED"));
    assert_eq!(shop.sandbox.ledger().charges("order1"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_payer_who_has_begun_wins_against_a_close() {
    let shop = Shop::new();
    let qr = shop.native("order1").await;
    assert_eq!(shop.sandbox.wechatpay().payer_begins(&qr), Ok("NOTPAY"));
    assert_eq!(code(&shop.close("order1").await), (429, "FREQUENCY_LIMITED"));
    shop.wait(11).await;
    assert_eq!(code(&shop.close("order1").await), (400, "ORDERPAID"));
    assert_eq!(shop.sandbox.ledger().charges("order1"), 1);
}

#[tokio::test(start_paused = true)]
async fn closing_an_unknown_order_looks_like_success_and_does_nothing() {
    let shop = Shop::new();
    assert_eq!(shop.close("order1").await.status, 204);
    assert_eq!(code(&shop.query("order1").await), (404, "ORDER_NOT_EXIST"));
    shop.paid("order1").await;
    assert_eq!(shop.sandbox.ledger().charges("order1"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_expired_order_cannot_be_paid_and_is_closed_much_later() {
    let shop = Shop::new();
    let mut order = shop.order("order1");
    order["time_expire"] = json!("2025-06-15T23:11:40+08:00");
    let placed = shop.post(NATIVE, &order).await;
    let qr = placed.json["code_url"].as_str().unwrap();
    shop.wait(240).await;
    assert_eq!(shop.post(NATIVE, &order).await.status, 200);
    shop.wait(70).await;
    assert!(shop.sandbox.wechatpay().payer_pays(qr).is_err());
    assert_eq!(shop.state("order1").await, "NOTPAY");
    assert_eq!(code(&shop.post(NATIVE, &order).await), (400, "ORDERCLOSED"));
    shop.wait(14 * 24 * 3600).await;
    assert_eq!(shop.state("order1").await, "CLOSED");
}

#[tokio::test(start_paused = true)]
async fn a_payer_who_began_in_time_pays_after_the_expiry() {
    let shop = Shop::new();
    let mut order = shop.order("order1");
    order["time_expire"] = json!("2025-06-15T23:11:40+08:00");
    shop.post(NATIVE, &order).await;
    shop.wait(295).await;
    shop.sandbox.wechatpay().payer_begins("order1").unwrap();
    shop.wait(11).await;
    assert_eq!(shop.state("order1").await, "SUCCESS");
}

#[tokio::test(start_paused = true)]
async fn an_expiry_lies_a_minute_ahead_at_least() {
    let shop = Shop::new();
    let mut order = shop.order("order1");
    order["time_expire"] = json!("2020-01-01T00:00:00+08:00");
    shop.post(NATIVE, &order).await;
    shop.wait(50).await;
    assert_eq!(shop.sandbox.wechatpay().payer_pays("order1"), Ok("SUCCESS"));
}

#[tokio::test(start_paused = true)]
async fn payers_come_by_themselves_where_description_or_config_say_so() {
    let shop = Shop::new();
    let mut order = shop.order("order1");
    order["description"] = json!("sandbox:pays");
    shop.post(NATIVE, &order).await;
    shop.native("order2").await;
    shop.wait(4).await;
    assert_eq!((shop.state("order1").await, shop.state("order2").await), ("SUCCESS".to_owned(), "NOTPAY".to_owned()));
    let shop = Shop::with(WechatPayConfig { pays_after: Some(Duration::from_secs(60)), ..WechatPayConfig::default() });
    let mut order = shop.order("order1");
    order["description"] = json!("sandbox:leaves");
    shop.post(NATIVE, &order).await;
    shop.native("order2").await;
    shop.wait(59).await;
    assert_eq!(shop.state("order2").await, "NOTPAY");
    shop.wait(2).await;
    assert_eq!((shop.state("order1").await, shop.state("order2").await), ("NOTPAY".to_owned(), "SUCCESS".to_owned()));
}
