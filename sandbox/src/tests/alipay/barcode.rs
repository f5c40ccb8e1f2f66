//! Trades that are paid by the payer's code.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_good_code_pays_at_once_and_once() {
    let shop = Shop::new();
    let heard = shop.call("alipay.trade.pay", Shop::barcode("order1", "00")).await;
    assert_eq!((heard.at("code"), heard.at("total_amount"), heard.at("gmt_payment").len()), ("10000", "10.00", 19));
    assert_eq!(shop.scan("order1", "00").await.code(), ("40004", "ACQ.TRADE_HAS_SUCCESS"));
    let mut other = Shop::barcode("order1", "00");
    other["total_amount"] = json!("10.01");
    assert_eq!(shop.call("alipay.trade.pay", other).await.code(), ("40004", "ACQ.TRADE_HAS_SUCCESS"));
    assert_eq!(shop.money("order1"), (1, 1000, 0));
    let mut face = Shop::order("order2");
    (face["auth_code"], face["scene"]) = (json!(format!("fp{}", "0".repeat(33))), json!("security_code"));
    assert_eq!(shop.call("alipay.trade.pay", face).await.at("code"), "10000");
}

#[tokio::test(start_paused = true)]
async fn a_password_is_awaited_and_ends_either_way() {
    let shop = Shop::new();
    for (number, last, end) in
        [("order1", "11", "TRADE_SUCCESS"), ("order2", "12", "TRADE_CLOSED"), ("order3", "13", "WAIT_BUYER_PAY")]
    {
        let first = shop.call("alipay.trade.pay", Shop::barcode(number, last)).await;
        assert_eq!((first.at("code"), first.at("msg")), ("10003", "order success pay inprocess"));
        assert_eq!(shop.scan(number, last).await.at("trade_no"), first.at("trade_no"));
        assert_eq!(shop.state(number).await, "WAIT_BUYER_PAY");
        let mut other = Shop::barcode(number, last);
        other["total_amount"] = json!("10.01");
        assert_eq!(shop.call("alipay.trade.pay", other).await.code(), ("40004", "ACQ.CONTEXT_INCONSISTENT"));
        let mut stranger = Shop::barcode(number, last);
        stranger["auth_code"] = json!("300000000000000000");
        assert_eq!(shop.call("alipay.trade.pay", stranger).await.code(), ("40004", "ACQ.TRADE_BUYER_NOT_MATCH"));
        shop.wait(11).await;
        assert_eq!(shop.state(number).await, end);
    }
    shop.wait(3 * 3600).await;
    assert_eq!(shop.state("order3").await, "TRADE_CLOSED");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_knows_was_done_or_not() {
    let shop = Shop::new();
    for (last, code, signed, at_once, later) in [
        ("14", ("20000", "isp.unknow-error"), true, "TRADE_SUCCESS", "TRADE_SUCCESS"),
        ("15", ("40004", "ACQ.SYSTEM_ERROR"), true, "TRADE_SUCCESS", "TRADE_SUCCESS"),
        ("16", ("20000", "aop.unknow-error"), false, "ACQ.TRADE_NOT_EXIST", "ACQ.TRADE_NOT_EXIST"),
        ("17", ("20000", "isp.unknow-error"), true, "WAIT_BUYER_PAY", "TRADE_SUCCESS"),
    ] {
        let number = format!("order{last}");
        let heard = shop.scan(&number, last).await;
        assert_eq!((heard.code(), heard.genuine), (code, signed), "{last}");
        assert_eq!(shop.state(&number).await, at_once, "{last}");
        shop.wait(11).await;
        assert_eq!(shop.state(&number).await, later, "{last}");
        let (charges, ..) = shop.money(&number);
        assert_eq!(charges, usize::from(later == "TRADE_SUCCESS"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_code_leaves_a_trade_that_another_code_of_the_payer_pays_or_none() {
    let shop = Shop::new();
    for (last, sub_code, state) in [
        ("21", "ACQ.BUYER_BALANCE_NOT_ENOUGH", "WAIT_BUYER_PAY"),
        ("22", "ACQ.PAYMENT_AUTH_CODE_INVALID", "ACQ.TRADE_NOT_EXIST"),
        ("23", "ACQ.PAYMENT_REQUEST_HAS_RISK", "ACQ.TRADE_NOT_EXIST"),
        ("24", "ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE", "WAIT_BUYER_PAY"),
        ("25", "ACQ.PAYMENT_FAIL", "WAIT_BUYER_PAY"),
        ("26", "ACQ.PULL_MOBILE_CASHIER_FAIL", "WAIT_BUYER_PAY"),
    ] {
        let number = format!("order{last}");
        assert_eq!(shop.scan(&number, last).await.code(), ("40004", sub_code));
        assert_eq!(shop.state(&number).await, state);
        assert!(shop.sandbox.alipay().payer_pays(&number).is_err());
        assert_eq!(shop.money(&number), (0, 0, 0));
        assert_eq!(shop.scan(&number, last).await.code(), ("40004", sub_code));
        assert_eq!(shop.scan(&number, "00").await.at("code"), "10000");
        assert_eq!(shop.money(&number), (1, 1000, 0));
    }
    for (code, scene) in [("24123456789012345600", "bar_code"), ("281234567890120", "bar_code"), ("fp00", "security_code")] {
        let mut order = Shop::order("order1");
        (order["auth_code"], order["scene"]) = (json!(code), json!(scene));
        assert_eq!(shop.call("alipay.trade.pay", order).await.code(), ("40004", "ACQ.PAYMENT_AUTH_CODE_INVALID"));
    }
    let mut order = Shop::barcode("order1", "00");
    order["scene"] = json!("wave_code");
    assert_eq!(shop.call("alipay.trade.pay", order).await.code(), ("40004", "ACQ.INVALID_PARAMETER"));
}
