//! Refunds: once per number, never more than was paid, told by their total.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_number_refunds_once_and_the_fee_is_the_total() {
    let shop = Shop::new();
    shop.paid("order1").await;
    let first = shop.refund("order1", "r1", "4.00").await;
    assert_eq!((first.at("code"), first.at("fund_change"), first.at("refund_fee")), ("10000", "Y", "4.00"));
    let second = shop.refund("order1", "r2", "1.50").await;
    assert_eq!((second.at("fund_change"), second.at("refund_fee")), ("Y", "5.50"));
    let again = shop.refund("order1", "r1", "4.00").await;
    assert_eq!((again.at("code"), again.at("fund_change"), again.at("refund_fee")), ("10000", "N", "5.50"));
    assert_eq!(shop.refund("order1", "r1", "4.01").await.code(), ("40004", "ACQ.DISCORDANT_REPEAT_REQUEST"));
    assert_eq!((shop.state("order1").await, shop.money("order1")), ("TRADE_SUCCESS".to_owned(), (1, 1000, 550)));
}

#[tokio::test(start_paused = true)]
async fn a_full_refund_closes_the_trade_that_was_paid() {
    let shop = Shop::new();
    shop.paid("order1").await;
    shop.refund("order1", "r1", "4.00").await;
    assert_eq!(shop.refund("order1", "r2", "6.01").await.code(), ("40004", "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"));
    assert_eq!(shop.refund("order1", "r2", "6.00").await.at("refund_fee"), "10.00");
    let closed = shop.query("order1").await;
    assert_eq!((closed.at("trade_status"), closed.at("send_pay_date").len()), ("TRADE_CLOSED", 19));
    assert_eq!(shop.refund("order1", "r3", "0.01").await.code(), ("40004", "ACQ.TRADE_STATUS_ERROR"));
    assert_eq!(shop.refund("order1", "r2", "6.00").await.at("fund_change"), "N");
    assert_eq!(shop.money("order1"), (1, 1000, 1000));
}

#[tokio::test(start_paused = true)]
async fn only_what_was_paid_and_is_not_finished_is_refunded() {
    let shop = Shop::new();
    assert_eq!(shop.refund("order1", "r1", "1.00").await.code(), ("40004", "ACQ.TRADE_NOT_EXIST"));
    shop.scan("order1", "13").await;
    assert_eq!(shop.refund("order1", "r1", "1.00").await.code(), ("40004", "ACQ.TRADE_STATUS_ERROR"));
    shop.paid("order2").await;
    shop.refund("order2", "r1", "1.00").await;
    shop.wait(365 * 24 * 3600).await;
    assert_eq!(shop.state("order2").await, "TRADE_FINISHED");
    assert_eq!(shop.refund("order2", "r2", "1.00").await.code(), ("40004", "ACQ.TRADE_HAS_FINISHED"));
    assert_eq!(shop.refund("order2", "r1", "1.00").await.at("fund_change"), "N");
}

#[tokio::test(start_paused = true)]
async fn a_number_may_be_left_out_of_a_full_refund_alone() {
    let shop = Shop::new();
    shop.paid("order1").await;
    let refund =
        async |amount: &str| shop.call("alipay.trade.refund", json!({"out_trade_no": "order1", "refund_amount": amount})).await;
    assert_eq!(refund("4.00").await.code(), ("40004", "ACQ.INVALID_PARAMETER"));
    assert_eq!(refund("10.00").await.at("fund_change"), "Y");
    assert_eq!(refund("10.00").await.at("fund_change"), "N");
    assert_eq!(shop.find_refund("order1", "order1").await.at("refund_status"), "REFUND_SUCCESS");
    assert_eq!(shop.money("order1"), (1, 1000, 1000));
    assert_eq!(refund("10.001").await.code(), ("40004", "ACQ.INVALID_PARAMETER"));
}

#[tokio::test(start_paused = true)]
async fn a_refund_without_funds_is_refused_until_there_are_some() {
    let shop = Shop::new();
    shop.paid("order1").await;
    shop.sandbox.set_refund_funds("cny", Some(100));
    assert_eq!(shop.refund("order1", "r1", "4.00").await.code(), ("40004", "ACQ.SELLER_BALANCE_NOT_ENOUGH"));
    assert_eq!(shop.find_refund("order1", "r1").await.node.get("refund_status"), None);
    shop.sandbox.set_refund_funds("cny", None);
    assert_eq!(shop.refund("order1", "r1", "4.00").await.at("fund_change"), "Y");
}

#[tokio::test(start_paused = true)]
async fn a_refund_is_found_once_it_is_done_and_else_nothing_is_said() {
    let shop = Shop::new();
    assert_eq!(shop.find_refund("order1", "r1").await.code(), ("40004", "ACQ.TRADE_NOT_EXIST"));
    shop.paid("order1").await;
    let none = shop.find_refund("order1", "r1").await;
    assert_eq!(none.node, json!({"code": "10000", "msg": "Success"}));
    let asked = shop.call("alipay.trade.fastpay.refund.query", json!({"out_trade_no": "order1"})).await;
    assert_eq!(asked.code(), ("40004", "ACQ.INVALID_PARAMETER"));
    shop.refund("order1", "r1", "4.00").await;
    let found = shop.find_refund("order1", "r1").await;
    assert_eq!(
        (found.at("refund_status"), found.at("refund_amount"), found.at("total_amount"), found.at("gmt_refund_pay").len()),
        ("REFUND_SUCCESS", "4.00", "10.00", 19)
    );
    assert_eq!(shop.sandbox.alipay().refund("order1", "r1").unwrap(), found.node);
}

#[tokio::test(start_paused = true)]
async fn a_refund_may_be_done_later_or_never() {
    let shop = Shop::new();
    shop.paid("order1").await;
    for (number, reason, end) in [("r1", "sandbox:later", "REFUND_SUCCESS"), ("r2", "sandbox:lost", "")] {
        let mut biz = Shop::refund_biz("order1", number, "4.00");
        biz["refund_reason"] = json!(reason);
        assert_eq!(shop.call("alipay.trade.refund", biz.clone()).await.at("fund_change"), "N");
        assert_eq!(shop.find_refund("order1", number).await.node.get("refund_status"), None);
        // What will be given back is spoken for.
        assert_eq!(shop.refund("order1", "r3", "6.01").await.code(), ("40004", "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"));
        shop.wait(6).await;
        assert_eq!(shop.find_refund("order1", number).await.at("refund_status"), end);
        assert_eq!(shop.call("alipay.trade.refund", biz).await.at("fund_change"), "N");
    }
    assert_eq!(shop.money("order1"), (1, 1000, 400));
    let told = shop.sandbox.alipay().notices();
    assert_eq!((told.len(), told[1]["out_biz_no"].as_str(), told[1]["refund_fee"].as_str()), (2, Some("r1"), Some("4.00")));
}
