//! Trades: asked for, closed, cancelled.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_trade_is_found_by_either_number_and_shows_what_was_paid() {
    let shop = Shop::new();
    shop.scan("order1", "13").await;
    let open = shop.query("order1").await;
    assert_eq!(
        (open.at("trade_status"), open.at("total_amount"), open.at("receipt_amount"), open.node.get("send_pay_date")),
        ("WAIT_BUYER_PAY", "10.00", "0.00", None)
    );
    shop.paid("order2").await;
    let paid = shop.query("order2").await;
    assert_eq!((paid.at("receipt_amount"), paid.at("send_pay_date").len(), paid.at("trade_no").len()), ("10.00", 19, 28));
    // The trade_no wins.
    let both = json!({"trade_no": paid.at("trade_no"), "out_trade_no": "order1"});
    assert_eq!(shop.call("alipay.trade.query", both).await.at("out_trade_no"), "order2");
    assert_eq!(shop.call("alipay.trade.query", json!({})).await.code(), ("40004", "ACQ.INVALID_PARAMETER"));
    assert_eq!(shop.sandbox.alipay().trade("order2").unwrap(), paid.node);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_paid_is_closed_however_often() {
    let shop = Shop::new();
    shop.scan("order1", "11").await;
    for _ in 0..2 {
        let closed = shop.close("order1").await;
        assert_eq!((closed.at("code"), closed.at("out_trade_no")), ("10000", "order1"));
    }
    // The payer comes too late.
    shop.wait(11).await;
    assert_eq!((shop.state("order1").await, shop.money("order1")), ("TRADE_CLOSED".to_owned(), (0, 0, 0)));
    assert_eq!(shop.scan("order1", "00").await.code(), ("40004", "ACQ.TRADE_HAS_CLOSE"));
    shop.paid("order2").await;
    assert_eq!(shop.close("order2").await.code(), ("40004", "ACQ.REASON_TRADE_STATUS_INVALID"));
    shop.refund("order2", "r1", "10.00").await;
    assert_eq!(shop.close("order2").await.code(), ("40004", "ACQ.REASON_TRADE_STATUS_INVALID"));
}

#[tokio::test(start_paused = true)]
async fn a_cancel_closes_or_gives_back_and_says_which() {
    let shop = Shop::new();
    shop.scan("order1", "11").await;
    shop.paid("order2").await;
    shop.paid("order3").await;
    shop.refund("order3", "r1", "4.00").await;
    for (number, action) in [("order1", "close"), ("order2", "refund"), ("order3", "refund")] {
        for _ in 0..2 {
            let canceled = shop.cancel(number).await;
            assert_eq!((canceled.at("code"), canceled.at("action"), canceled.at("retry_flag")), ("10000", action, "N"));
        }
    }
    shop.wait(11).await;
    assert_eq!((shop.money("order1"), shop.money("order2"), shop.money("order3")), ((0, 0, 0), (1, 1000, 1000), (1, 1000, 1000)));
    for number in ["order1", "order2", "order3"] {
        assert_eq!(shop.state(number).await, "TRADE_CLOSED");
    }
    shop.scan("order4", "13").await;
    shop.close("order4").await;
    assert_eq!(shop.cancel("order4").await.at("action"), "close");
    shop.paid("order5").await;
    shop.refund("order5", "r1", "10.00").await;
    assert_eq!(shop.cancel("order5").await.at("action"), "refund");
    assert_eq!(shop.money("order5"), (1, 1000, 1000));
}

#[tokio::test(start_paused = true)]
async fn a_cancel_of_what_is_no_trade_does_nothing_and_the_qr_code_can_still_be_paid() {
    let shop = Shop::new();
    shop.call("alipay.trade.precreate", Shop::order("order1")).await;
    let canceled = shop.cancel("order1").await;
    assert_eq!(canceled.at("code"), "10000");
    assert_eq!((canceled.node.get("action"), canceled.at("retry_flag"), canceled.at("out_trade_no")), (None, "N", "order1"));
    assert_eq!(shop.sandbox.alipay().payer_pays("order1"), Ok("TRADE_SUCCESS"));
}

#[tokio::test(start_paused = true)]
async fn a_cancel_may_want_to_be_repeated_or_come_too_late() {
    let shop = Shop::new();
    let mut order = Shop::barcode("order1", "00");
    order["subject"] = json!("tea sandbox:cancel-retry");
    shop.call("alipay.trade.pay", order).await;
    let first = shop.cancel("order1").await;
    assert_eq!((first.at("code"), first.at("retry_flag"), first.node.get("action")), ("10000", "Y", None));
    assert_eq!(shop.money("order1"), (1, 1000, 0));
    assert_eq!(shop.cancel("order1").await.at("action"), "refund");
    shop.paid("order2").await;
    shop.sandbox.set_refund_funds("cny", Some(0));
    let poor = shop.cancel("order2").await;
    assert_eq!((poor.code(), poor.at("retry_flag")), (("40004", "ACQ.SELLER_BALANCE_NOT_ENOUGH"), "Y"));
    shop.sandbox.set_refund_funds("cny", None);
    shop.wait(24 * 3600 + 1).await;
    assert_eq!(shop.cancel("order2").await.code(), ("40004", "ACQ.TRADE_CANCEL_TIME_OUT"));
    shop.paid("order3").await;
    assert!(shop.sandbox.alipay().finish("order3") && !shop.sandbox.alipay().finish("order1"));
    assert_eq!(shop.cancel("order3").await.code(), ("40004", "ACQ.TRADE_HAS_FINISHED"));
}

#[tokio::test(start_paused = true)]
async fn a_payer_who_has_begun_pays_unless_the_trade_is_closed_before() {
    let shop = Shop::new();
    for number in ["order1", "order2"] {
        let page = shop.page(&Shop::order(number));
        assert_eq!(shop.sandbox.alipay().payer_begins(&page), Ok("WAIT_BUYER_PAY"));
        assert_eq!(shop.state(number).await, "WAIT_BUYER_PAY");
    }
    assert_eq!(shop.close("order2").await.at("code"), "10000");
    shop.wait(11).await;
    assert_eq!((shop.money("order1"), shop.money("order2")), ((1, 1000, 0), (0, 0, 0)));
}
