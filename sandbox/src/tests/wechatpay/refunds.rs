//! Refunds: once per number, never more than was paid, ended later.

use super::*;

async fn refund_status(shop: &Shop, refund: &str) -> Value {
    shop.get(&format!("/v3/refund/domestic/refunds/{refund}")).await.json["status"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_refund_is_accepted_first_and_done_later() {
    let shop = Shop::new();
    shop.paid("order1").await;
    let made = shop.refund("order1", "r1", 400).await;
    assert_eq!((made.status, made.json["status"].as_str(), made.json.get("success_time")), (200, Some("PROCESSING"), None));
    assert_eq!(shop.state("order1").await, "REFUND");
    shop.wait(6).await;
    let done = shop.get("/v3/refund/domestic/refunds/r1").await.json;
    assert_eq!(
        (done["status"].as_str(), done["refund_id"] == made.json["refund_id"], done["success_time"].is_string()),
        (Some("SUCCESS"), true, true)
    );
    assert_eq!(shop.sandbox.ledger().refunded("order1"), 400);
}

#[tokio::test(start_paused = true)]
async fn a_refund_number_refunds_once_however_often_it_is_sent() {
    let shop = Shop::new();
    shop.paid("order1").await;
    let (first, again) = (shop.refund("order1", "r1", 400).await, shop.refund("order1", "r1", 400).await);
    assert_eq!(first.json, again.json);
    assert_eq!(code(&shop.refund("order1", "r1", 401).await), (400, "INVALID_REQUEST"));
    assert_eq!(shop.sandbox.ledger().refunded("order1"), 400);
}

#[tokio::test(start_paused = true)]
async fn refunds_never_exceed_what_was_paid_and_keep_a_minute_between_them() {
    let shop = Shop::new();
    shop.paid("order1").await;
    assert_eq!(shop.refund("order1", "r1", 600).await.status, 200);
    assert_eq!(code(&shop.refund("order1", "r2", 400).await), (429, "FREQUENCY_LIMITED"));
    shop.wait(61).await;
    assert_eq!(code(&shop.refund("order1", "r2", 401).await), (400, "INVALID_REQUEST"));
    assert_eq!(shop.refund("order1", "r2", 400).await.status, 200);
    shop.wait(61).await;
    assert_eq!(code(&shop.refund("order1", "r3", 1).await), (400, "INVALID_REQUEST"));
    assert_eq!((shop.sandbox.ledger().refunded("order1"), shop.sandbox.ledger().audit().len()), (1000, 0));
}

#[tokio::test(start_paused = true)]
async fn fifty_partial_refunds_are_the_most() {
    let shop = Shop::with(WechatPayConfig { refund_gap: Duration::ZERO, ..WechatPayConfig::default() });
    shop.paid("order1").await;
    for n in 0..50 {
        assert_eq!(shop.refund("order1", &format!("r{n}"), 1).await.status, 200);
    }
    assert_eq!(code(&shop.refund("order1", "r50", 1).await), (400, "INVALID_REQUEST"));
}

#[tokio::test(start_paused = true)]
async fn what_was_not_paid_or_is_a_year_old_cannot_be_refunded() {
    let shop = Shop::new();
    assert_eq!(code(&shop.refund("order1", "r1", 1).await), (404, "RESOURCE_NOT_EXISTS"));
    shop.native("order1").await;
    assert_eq!(code(&shop.refund("order1", "r1", 1).await), (400, "INVALID_REQUEST"));
    shop.sandbox.wechatpay().payer_pays("order1").unwrap();
    let mut other_total = Shop::refund_body("order1", "r1", 1);
    other_total["amount"]["total"] = json!(999);
    assert_eq!(code(&shop.post("/v3/refund/domestic/refunds", &other_total).await), (400, "INVALID_REQUEST"));
    shop.wait(366 * 24 * 3600).await;
    assert_eq!(code(&shop.refund("order1", "r1", 1).await), (400, "INVALID_REQUEST"));
    assert_eq!(code(&shop.get("/v3/refund/domestic/refunds/r1").await), (404, "RESOURCE_NOT_EXISTS"));
}

#[tokio::test(start_paused = true)]
async fn a_refund_without_funds_is_refused_until_there_are_some() {
    let shop = Shop::new();
    shop.paid("order1").await;
    shop.sandbox.set_refund_funds("cny", Some(100));
    assert_eq!(code(&shop.refund("order1", "r1", 400).await), (403, "NOT_ENOUGH"));
    shop.sandbox.set_refund_funds("cny", None);
    assert_eq!(shop.refund("order1", "r1", 400).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_refund_may_end_otherwise() {
    let shop = Shop::new();
    for (number, reason, status, refunded) in
        [("order1", "sandbox:abnormal", "ABNORMAL", 400), ("order2", "sandbox:closed", "CLOSED", 0)]
    {
        shop.paid(number).await;
        let mut body = Shop::refund_body(number, &format!("r-{number}"), 400);
        body["reason"] = json!(reason);
        assert_eq!(shop.post("/v3/refund/domestic/refunds", &body).await.json["status"], "PROCESSING");
        shop.wait(6).await;
        assert_eq!(refund_status(&shop, &format!("r-{number}")).await, status);
        assert_eq!(shop.sandbox.ledger().refunded(number), refunded);
    }
    // The number of a closed refund stays closed; a new one may refund.
    let mut body = Shop::refund_body("order2", "r-order2", 400);
    body["reason"] = json!("sandbox:closed");
    assert_eq!(shop.post("/v3/refund/domestic/refunds", &body).await.json["status"], "CLOSED");
    assert_eq!(shop.refund("order2", "r-new", 1000).await.status, 200);
    let mut body = Shop::refund_body("order2", "r-gone", 1);
    body["reason"] = json!("sandbox:user-abnormal");
    shop.paid("order3").await;
    body["out_trade_no"] = json!("order3");
    assert_eq!(code(&shop.post("/v3/refund/domestic/refunds", &body).await), (403, "USER_ACCOUNT_ABNORMAL"));
}

#[tokio::test(start_paused = true)]
async fn fields_of_refunds_are_checked() {
    let shop = Shop::new();
    shop.paid("order1").await;
    let id = shop.sandbox.wechatpay().order("order1").unwrap()["transaction_id"].clone();
    for (name, value) in [
        ("out_refund_no", json!("r 1")),
        ("out_refund_no", json!("r".repeat(65))),
        ("reason", json!("r".repeat(81))),
        ("notify_url", json!("http://shop.example")),
        ("funds_account", json!("UNSETTLED")),
        ("transaction_id", id.clone()),
        ("mchid", json!("1900000109")),
        ("amount", json!({"refund": 1, "total": 1000})),
        ("amount", json!({"refund": 0, "total": 1000, "currency": "CNY"})),
        ("amount", json!({"refund": 1001, "total": 1000, "currency": "CNY"})),
        ("amount", json!({"refund": 2, "total": 1000, "currency": "CNY", "from": [{"account": "AVAILABLE", "amount": 1}]})),
    ] {
        let mut body = Shop::refund_body("order1", "r1", 400);
        body[name] = value.clone();
        let answer = shop.post("/v3/refund/domestic/refunds", &body).await;
        assert_eq!(code(&answer), (400, "PARAM_ERROR"), "{name} {value}: {}", answer.json);
    }
    let mut body = Shop::refund_body("order1", "r|*@_-1", 400);
    body.as_object_mut().unwrap().remove("out_trade_no");
    body["transaction_id"] = id;
    assert_eq!(shop.post("/v3/refund/domestic/refunds", &body).await.status, 200);
    assert_eq!(refund_status(&shop, "r%7C%2A%40_-1").await, "PROCESSING");
}
