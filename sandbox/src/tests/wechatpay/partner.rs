//! Partner mode: a service provider signs for its sub-merchants.

use super::*;

const SUB: &str = "1900000208";

fn order(shop: &Shop, number: &str, sub: &str) -> Value {
    json!({
        "sp_appid": shop.credentials.appid, "sp_mchid": shop.credentials.mchid, "sub_mchid": sub, "description": "d",
        "out_trade_no": number, "notify_url": "https://shop.example/notify", "amount": {"total": 1000},
    })
}

#[tokio::test(start_paused = true)]
async fn sub_merchants_have_numbers_of_their_own() {
    let shop = Shop::new();
    let native = "/v3/pay/partner/transactions/native";
    assert_eq!(shop.post(native, &order(&shop, "order1", SUB)).await.status, 200);
    assert_eq!(shop.post(native, &order(&shop, "order1", "1900000209")).await.status, 200);
    assert_eq!(shop.sandbox.wechatpay().orders().len(), 2);
    assert_eq!(code(&shop.query("order1").await), (404, "ORDER_NOT_EXIST"));
    let query = format!("/v3/pay/partner/transactions/out-trade-no/order1?sp_mchid={}&sub_mchid={SUB}", shop.credentials.mchid);
    assert_eq!(shop.get(&query).await.json["sub_mchid"], SUB);
    let body = json!({"sp_mchid": shop.credentials.mchid, "sub_mchid": SUB});
    let close = "/v3/pay/partner/transactions/out-trade-no/order1/close";
    assert_eq!(shop.post(close, &body).await.status, 204);
    assert_eq!(shop.get(&query).await.json["trade_state"], "CLOSED");
    assert_eq!(code(&shop.post(native, &shop.order("order2")).await), (400, "PARAM_ERROR"));
    assert_eq!(code(&shop.post("/v3/pay/transactions/native", &order(&shop, "order2", SUB)).await), (400, "PARAM_ERROR"));
}

#[tokio::test(start_paused = true)]
async fn a_sub_merchants_payment_is_told_and_refunded_under_its_name() {
    let shop = Shop::new();
    let mut jsapi = order(&shop, "order1", SUB);
    jsapi["payer"] = json!({"sub_openid": "o1"});
    let path = "/v3/pay/partner/transactions/jsapi";
    assert_eq!(code(&shop.post(path, &jsapi).await), (400, "PARAM_ERROR"));
    jsapi["sub_appid"] = json!("wx1111111111111111");
    assert_eq!(shop.post(path, &jsapi).await.status, 200);
    shop.sandbox.wechatpay().payer_pays("order1").unwrap();
    let told = shop.sandbox.wechatpay().notices()[0]["resource"].clone();
    assert_eq!(
        (told["sub_mchid"].as_str(), told["payer"]["sub_openid"].as_str(), told.get("mchid")),
        (Some(SUB), Some("o1"), None)
    );
    let mut refund = Shop::refund_body("order1", "r1", 400);
    assert_eq!(code(&shop.post("/v3/refund/domestic/refunds", &refund).await), (404, "RESOURCE_NOT_EXISTS"));
    refund["sub_mchid"] = json!(SUB);
    assert_eq!(shop.post("/v3/refund/domestic/refunds", &refund).await.status, 200);
    assert_eq!(shop.get("/v3/refund/domestic/refunds/r1").await.status, 404);
    assert_eq!(shop.get(&format!("/v3/refund/domestic/refunds/r1?sub_mchid={SUB}")).await.status, 200);
    assert_eq!(shop.sandbox.ledger().refunded("order1"), 400);
    shop.wait(6).await;
    let told = shop.sandbox.wechatpay().notices()[1]["resource"].clone();
    assert_eq!((told["sub_mchid"].as_str(), told["sp_mchid"].as_str()), (Some(SUB), Some(shop.credentials.mchid.as_str())));
}
