//! Orders that are paid by the payer's code, and their reversal.

use super::*;

const CODEPAY: &str = "/v3/pay/transactions/codepay";

fn order(shop: &Shop, number: &str, last: &str) -> Value {
    let mut order = shop.order(number);
    order.as_object_mut().unwrap().remove("notify_url");
    order["payer"] = json!({"auth_code": format!("1300000000000000{last}")});
    order["scene_info"] = json!({"store_info": {"out_id": "shop 1"}});
    order
}

async fn scan(shop: &Shop, number: &str, last: &str) -> Answer {
    shop.post(CODEPAY, &order(shop, number, last)).await
}

async fn reverse(shop: &Shop, number: &str) -> Answer {
    let body = json!({"appid": shop.credentials.appid, "mchid": shop.credentials.mchid});
    shop.post(&format!("/v3/pay/transactions/out-trade-no/{number}/reverse"), &body).await
}

#[tokio::test(start_paused = true)]
async fn a_good_code_pays_at_once_and_once() {
    let shop = Shop::new();
    let paid = scan(&shop, "order1", "00").await;
    assert_eq!((paid.json["trade_state"].as_str(), paid.json["trade_type"].as_str()), (Some("SUCCESS"), Some("MICROPAY")));
    assert_eq!(code(&scan(&shop, "order1", "00").await), (400, "ORDERPAID"));
    assert_eq!(shop.sandbox.ledger().charges("order1"), 1);
    let mut told = order(&shop, "order2", "00");
    told["notify_url"] = json!("https://shop.example/notify");
    assert_eq!(shop.post(CODEPAY, &told).await.status, 200);
    assert!(shop.sandbox.wechatpay().notices().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_password_is_awaited_and_ends_either_way() {
    let shop = Shop::new();
    for (number, last, end) in [("order1", "11", "SUCCESS"), ("order2", "12", "PAYERROR"), ("order3", "13", "USERPAYING")] {
        assert_eq!(scan(&shop, number, last).await.json["trade_state"], "USERPAYING", "{last}");
        assert_eq!(scan(&shop, number, last).await.json["trade_state"], "USERPAYING", "{last}");
        assert_eq!(code(&scan(&shop, number, "99").await), (400, "INVALID_REQUEST"), "{last}");
        shop.wait(11).await;
        assert_eq!(shop.state(number).await, end, "{last}");
    }
    assert_eq!(code(&scan(&shop, "order4", "14").await), (403, "USERPAYING"));
    assert_eq!(shop.state("order4").await, "USERPAYING");
    shop.wait(11).await;
    assert_eq!(shop.state("order4").await, "SUCCESS");
}

#[tokio::test(start_paused = true)]
async fn a_bad_code_fails_and_uses_up_its_number() {
    let shop = Shop::new();
    let failures = [("21", "NOTENOUGH"), ("22", "AUTHCODEEXPIRE"), ("23", "BANKERROR"), ("24", "TRADE_ERROR")];
    for (last, why) in failures {
        let number = format!("order{last}");
        assert_eq!(code(&scan(&shop, &number, last).await), (403, why));
        assert_eq!(shop.state(&number).await, "PAYERROR");
        assert_eq!(code(&scan(&shop, &number, last).await), (403, "OUT_TRADE_NO_USED"));
    }
    let mut odd = order(&shop, "order1", "00");
    odd["payer"]["auth_code"] = json!("160000000000000000");
    assert_eq!(code(&shop.post(CODEPAY, &odd).await), (400, "PARAM_ERROR"));
    let mut nowhere = order(&shop, "order1", "00");
    nowhere.as_object_mut().unwrap().remove("scene_info");
    assert_eq!(code(&shop.post(CODEPAY, &nowhere).await), (400, "PARAM_ERROR"));
}

#[tokio::test(start_paused = true)]
async fn a_reversal_ends_what_is_open_and_gives_back_what_was_paid() {
    let shop = Shop::new();
    scan(&shop, "order1", "00").await;
    scan(&shop, "order2", "11").await;
    for number in ["order1", "order2"] {
        for _ in 0..2 {
            let reversed = reverse(&shop, number).await;
            assert_eq!((reversed.status, reversed.json["out_trade_no"].as_str()), (200, Some(number)));
        }
    }
    shop.wait(60).await;
    assert_eq!((shop.state("order1").await, shop.state("order2").await), ("REVOKED".to_owned(), "REVOKED".to_owned()));
    let ledger = shop.sandbox.ledger();
    assert_eq!((ledger.refunded("order1"), ledger.charges("order2"), ledger.audit().len()), (1000, 0, 0));
    assert_eq!(code(&scan(&shop, "order1", "00").await), (400, "ORDERCLOSED"));
}

#[tokio::test(start_paused = true)]
async fn only_orders_paid_by_code_are_reversed_and_those_are_not_closed() {
    let shop = Shop::new();
    shop.native("order1").await;
    assert_eq!(code(&reverse(&shop, "order1").await), (400, "INVALID_REQUEST"));
    assert_eq!(code(&reverse(&shop, "order2").await), (404, "ORDER_NOT_EXIST"));
    scan(&shop, "order3", "13").await;
    assert_eq!(code(&shop.close("order3").await), (400, "INVALID_REQUEST"));
    scan(&shop, "order4", "00").await;
    shop.sandbox.set_refund_funds("cny", Some(0));
    assert_eq!(code(&reverse(&shop, "order4").await), (403, "NOT_ENOUGH"));
    shop.sandbox.set_refund_funds("cny", None);
    shop.refund("order4", "r1", 1).await;
    assert_eq!(code(&reverse(&shop, "order4").await), (403, "TRADE_ERROR"));
}
