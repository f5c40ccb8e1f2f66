//! Orders that the payer drives: in the browser, in the app, by a code that is shown.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_app_order_gives_a_tn_and_is_paid_once() {
    let shop = Shop::new();
    let (path, fields) = shop.consumption("order0001", "app");
    let seen = shop.post(path, fields.clone()).await;
    assert_eq!((seen.code(), seen.says("tn").len()), ("00", 21));
    assert_eq!(shop.became(&fields).await, "?34");
    assert_eq!(shop.sandbox.unionpay().payer_pays(seen.says("tn")), Ok("00"));
    assert!(shop.sandbox.unionpay().payer_pays("order0001").is_err());
    let query = shop.query(&fields).await;
    assert_eq!(
        (query.code(), query.says("origRespCode"), query.says("txnType"), query.says("txnAmt")),
        ("00", "00", "01", "1000")
    );
    assert_eq!((query.says("settleAmt"), query.says("queryId").len(), query.says("traceNo").len()), ("1000", 21, 6));
    // 23:06 in Beijing is cleared with the next day.
    assert_eq!((query.says("settleDate"), query.says("traceTime")), ("0616", &fields["txnTime"][4..]));
    assert_eq!(shop.booked("order0001"), (1, 1000, 0));
    assert_eq!(shop.sandbox.ledger().entries()[0].payment, query.says("queryId"));
}

#[tokio::test(start_paused = true)]
async fn a_query_finds_by_both_numbers_or_by_the_query_id() {
    let shop = Shop::new();
    let fields = shop.paid("order0001").await;
    let id = shop.query(&fields).await.says("queryId").to_owned();
    let mut by_id = shop.trade("order0001", ("00", "02", "000000"), &[("queryId", &id)]);
    by_id.remove("orderId");
    by_id.remove("txnTime");
    assert_eq!(shop.post("queryTrans.do", by_id.clone()).await.says("origRespCode"), "00");
    by_id.remove("queryId");
    assert_eq!(shop.post("queryTrans.do", by_id).await.code(), "13");
    let mut other = fields.clone();
    other.insert("txnTime".to_owned(), stamp(shop.now() + 1));
    assert_eq!(shop.became(&other).await, "?34");
}

#[tokio::test(start_paused = true)]
async fn the_same_key_is_a_duplicate_and_a_number_is_used_once_a_day() {
    let shop = Shop::new();
    let (path, fields) = shop.consumption("order0001", "app");
    assert_eq!(shop.post(path, fields.clone()).await.code(), "00");
    assert_eq!(shop.post(path, fields.clone()).await.code(), "12");
    let mut other = fields.clone();
    other.insert("txnAmt".to_owned(), "999".to_owned());
    assert_eq!(shop.post(path, other).await.code(), "12");
    shop.wait(1).await;
    assert_eq!(shop.post(path, shop.consumption("order0001", "app").1).await.code(), "12");
    assert_eq!(shop.sandbox.unionpay().trades().len(), 1);
    // Another day, another trade.
    shop.wait(3600).await;
    assert_eq!(shop.post(path, shop.consumption("order0001", "app").1).await.code(), "00");
    assert_eq!(shop.sandbox.unionpay().trades().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_browser_is_shown_a_page_and_may_send_its_form_again_until_it_has_paid() {
    let shop = Shop::new();
    let (path, fields) = shop.consumption("order0001", "web");
    for _ in 0..2 {
        let page = shop.post(path, fields.clone()).await;
        assert!(page.status == 200 && page.text.contains("Order order0001: 1000 fen"), "{}", page.text);
    }
    let mut other = fields.clone();
    other.insert("txnAmt".to_owned(), "1".to_owned());
    assert!(shop.post(path, other).await.text.contains("respCode 12"));
    assert_eq!(shop.became(&fields).await, "?34");
    assert_eq!(shop.sandbox.unionpay().payer_pays("order0001"), Ok("00"));
    assert_eq!(shop.became(&fields).await, "00");
    assert!(shop.post(path, fields).await.text.contains("respCode 12"));
    assert_eq!(shop.booked("order0001"), (1, 1000, 0));
}

#[tokio::test(start_paused = true)]
async fn the_buttons_of_the_page_pay_and_lead_back_with_a_signed_form() {
    let shop = Shop::new();
    let placed = shop.placed("order0001", "web", &[]).await;
    let tn = shop.sandbox.unionpay().handed("order0001").unwrap();
    let press = |answer: &str| {
        let fields = [("tn", tn.as_str()), ("answer", answer)].map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        shop.raw(Shop::request("sandboxPayer.do", &fields))
    };
    press("fail").await.unwrap();
    assert_eq!(shop.became(&placed).await, "64");
    let page = press("pay").await.unwrap().text;
    assert!(page.contains("action=\"https://shop.example/back\"") && page.contains("&#13;&#10;") && !page.contains('\r'));
    let (url, fields) = shop.sandbox.unionpay().returned("order0001").unwrap();
    assert!(url == "https://shop.example/back" && shop.genuine(&fields) && fields["respCode"] == "00");
    assert_eq!(shop.booked("order0001"), (1, 1000, 0));
    assert!(press("pay").await.unwrap().text.contains("<h1>the order is"));
}

#[tokio::test(start_paused = true)]
async fn a_shown_code_is_scanned_and_paid() {
    let shop = Shop::new();
    let (path, fields) = shop.consumption("order0001", "shown");
    let seen = shop.post(path, fields.clone()).await;
    assert!(seen.says("qrCode").starts_with("https://qr.95516.com/") && seen.code() == "00");
    assert_eq!(shop.sandbox.unionpay().payer_pays(seen.says("qrCode")), Ok("00"));
    assert_eq!(shop.became(&fields).await, "00");
}

#[tokio::test(start_paused = true)]
async fn a_failed_try_does_not_end_an_order_before_its_time() {
    let shop = Shop::new();
    for how in ["web", "app", "shown"] {
        let order = format!("order{how}1");
        let fields = shop.placed(&order, how, &[("payTimeout", &stamp(shop.now() + 900))]).await;
        shop.sandbox.unionpay().payer_fails(&order).unwrap();
        assert_eq!(shop.became(&fields).await, "64");
        shop.wait(600).await;
        assert_eq!(shop.sandbox.unionpay().payer_pays(&order), Ok("00"));
        assert_eq!((shop.became(&fields).await.as_str(), shop.booked(&order)), ("00", (1, 1000, 0)));
    }
}

#[tokio::test(start_paused = true)]
async fn pay_timeout_ends_an_order() {
    let shop = Shop::new();
    let until = stamp(shop.now() + 900);
    let (never, failed) = (
        shop.placed("order0001", "app", &[("payTimeout", &until)]).await,
        shop.placed("order0002", "web", &[("payTimeout", &until)]).await,
    );
    shop.sandbox.unionpay().payer_fails("order0002").unwrap();
    shop.wait(901).await;
    for order in ["order0001", "order0002"] {
        assert!(shop.sandbox.unionpay().payer_pays(order).is_err());
    }
    assert_eq!((shop.became(&never).await.as_str(), shop.became(&failed).await.as_str()), ("?34", "64"));
    assert_eq!(shop.sandbox.ledger().entries().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn money_that_comes_after_pay_timeout_is_not_told_and_goes_back() {
    let shop = Shop::new();
    let fields = shop.placed("order0001", "web", &[("payTimeout", &stamp(shop.now() + 5))]).await;
    shop.sandbox.unionpay().payer_begins("order0001").unwrap();
    assert_eq!(shop.became(&fields).await, "05");
    shop.wait(11).await;
    assert_eq!((shop.became(&fields).await.as_str(), shop.booked("order0001")), ("42", (1, 1000, 0)));
    shop.wait(5 * 24 * 3600).await;
    assert_eq!((shop.booked("order0001"), shop.sandbox.unionpay().notices().len()), ((1, 1000, 1000), 0));
    // Without the merchant's money it waits once more.
    shop.placed("order0003", "app", &[("payTimeout", &stamp(shop.now() + 5))]).await;
    shop.sandbox.unionpay().payer_begins("order0003").unwrap();
    shop.wait(11).await;
    shop.sandbox.set_refund_funds("cny", Some(0));
    shop.wait(5 * 24 * 3600).await;
    assert_eq!(shop.booked("order0003"), (1, 1000, 0));
    shop.sandbox.set_refund_funds("cny", None);
    shop.wait(5 * 24 * 3600).await;
    assert_eq!(shop.booked("order0003"), (1, 1000, 1000));
    // A payer who is through in time has paid.
    let fields = shop.placed("order0002", "web", &[("payTimeout", &stamp(shop.now() + 15))]).await;
    shop.sandbox.unionpay().payer_begins("order0002").unwrap();
    shop.wait(11).await;
    assert_eq!((shop.became(&fields).await.as_str(), shop.sandbox.unionpay().notices().len()), ("00", 1));
}

#[tokio::test(start_paused = true)]
async fn words_in_the_order_say_what_the_payer_does() {
    let shop = Shop::new();
    let reserved = STANDARD.encode("x sandbox:pays");
    let until = stamp(shop.now() + 60);
    let placed = [
        shop.placed("order0001", "app", &[("riskRateInfo", "{commodityName=sandbox:pays}")]).await,
        shop.placed("order0002", "shown", &[("reqReserved", &reserved)]).await,
        shop.placed("order0003", "web", &[("orderDesc", "sandbox:retries"), ("payTimeout", &until)]).await,
        shop.placed("order0004", "web", &[("orderDesc", "sandbox:late"), ("payTimeout", &until)]).await,
        shop.placed("order0005", "app", &[]).await,
    ];
    for (after, expected) in
        [(4, ["00", "00", "64", "05", "?34"]), (3, ["00", "00", "00", "05", "?34"]), (60, ["00", "00", "00", "42", "?34"])]
    {
        shop.wait(after).await;
        for (fields, expected) in placed.iter().zip(expected) {
            assert_eq!(shop.became(fields).await, expected, "{}", fields["orderId"]);
        }
    }
    let shop = Shop::with(UnionPayConfig { pays_after: Some(Duration::from_secs(1)), ..UnionPayConfig::default() });
    let (pays, leaves) =
        (shop.placed("order0001", "app", &[]).await, shop.placed("order0002", "app", &[("orderDesc", "sandbox:leaves")]).await);
    shop.wait(2).await;
    assert_eq!((shop.became(&pays).await.as_str(), shop.became(&leaves).await.as_str()), ("00", "?34"));
}

#[tokio::test(start_paused = true)]
async fn an_order_without_pay_timeout_ends_too() {
    let shop = Shop::new();
    shop.placed("order0001", "app", &[]).await;
    shop.wait(24 * 3600 + 1).await;
    assert!(shop.sandbox.unionpay().payer_pays("order0001").is_err());
}

#[tokio::test(start_paused = true)]
async fn a_trade_is_only_at_its_own_address() {
    let shop = Shop::new();
    for (path, how) in [
        ("backTransReq.do", "app"),
        ("queryTrans.do", "app"),
        ("appTransReq.do", "shown"),
        ("appTransReq.do", "6220485073630469936"),
    ] {
        assert_eq!(shop.post(path, shop.consumption("order0001", how).1).await.code(), "32", "{path} {how}");
    }
    assert!(shop.post("frontTransReq.do", shop.consumption("order0001", "shown").1).await.text.contains("respCode 32"));
}
