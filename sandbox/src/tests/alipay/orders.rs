//! Orders: how they come to their payer, and when they are trades.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_page_is_no_trade_until_its_payer_opens_it() {
    let shop = Shop::new();
    let page = shop.page(&Shop::order("order1"));
    let heard = shop.raw(Request::new(Method::GET, page.clone())).await.unwrap();
    assert!(heard.status == 200 && heard.text.contains("<h1>大乐透</h1>") && heard.text.contains("10.00"), "{}", heard.text);
    assert_eq!(shop.state("order1").await, "ACQ.TRADE_NOT_EXIST");
    assert_eq!(shop.close("order1").await.code(), ("40004", "ACQ.TRADE_NOT_EXIST"));
    assert_eq!(shop.sandbox.alipay().payer_opens(&page), Ok("WAIT_BUYER_PAY"));
    assert_eq!(shop.state("order1").await, "WAIT_BUYER_PAY");
    assert_eq!(shop.sandbox.alipay().payer_pays("order1"), Ok("TRADE_SUCCESS"));
    assert_eq!((shop.state("order1").await, shop.money("order1")), ("TRADE_SUCCESS".to_owned(), (1, 1000, 0)));
    assert!(shop.sandbox.alipay().payer_pays(&page).unwrap_err().contains("ACQ.TRADE_HAS_SUCCESS"));
    assert_eq!(shop.sandbox.alipay().trades(), ["order1"]);
}

#[tokio::test(start_paused = true)]
async fn a_form_that_is_posted_shows_the_same_page_and_its_order_can_be_paid() {
    let shop = Shop::new();
    let mut order = Shop::order("order1");
    order["product_code"] = json!("QUICK_WAP_WAY");
    let said = shop.signed(shop.said("alipay.trade.wap.pay", &order));
    let heard = shop.raw(Shop::request(&said)).await.unwrap();
    assert!(heard.text.contains("order1"));
    assert_eq!(shop.sandbox.alipay().payer_pays("order1"), Ok("TRADE_SUCCESS"));
}

#[tokio::test(start_paused = true)]
async fn an_order_string_is_executed_by_the_payers_app_alone() {
    let shop = Shop::new();
    let mut order = Shop::order("order1");
    order["product_code"] = json!("QUICK_MSECURITY_PAY");
    let said = shop.signed(shop.said("alipay.trade.app.pay", &order));
    assert!(shop.raw(Shop::request(&said)).await.unwrap().text.contains("invalid-method"));
    let text = Shop::form(&said);
    // A day later it still is good: no clock is held against what a payer brings.
    shop.wait(24 * 3600).await;
    assert_eq!(shop.sandbox.alipay().payer_pays(&text), Ok("TRADE_SUCCESS"));
    let forged = text.replace("order1", "order2");
    assert!(shop.sandbox.alipay().payer_pays(&forged).unwrap_err().contains("isv.invalid-signature"));
    let query = shop.signed(shop.said("alipay.trade.query", &json!({"out_trade_no": "order1"})));
    assert!(shop.sandbox.alipay().payer_opens(&Shop::form(&query)).unwrap_err().contains("isv.invalid-method"));
}

#[tokio::test(start_paused = true)]
async fn a_bad_page_is_told_in_html() {
    let shop = Shop::new();
    let page = shop.page(&Shop::order("order1")).replace("order1", "order2");
    let heard = shop.raw(Request::new(Method::GET, page)).await.unwrap();
    assert!(heard.text.starts_with("<html>") && heard.text.contains("错误代码 invalid-signature"), "{}", heard.text);
}

#[tokio::test(start_paused = true)]
async fn a_qr_code_is_given_again_and_is_a_trade_once_it_is_scanned() {
    let shop = Shop::new();
    let precreate = async |order: Value| shop.call("alipay.trade.precreate", order).await;
    let first = precreate(Shop::order("order1")).await;
    assert_eq!(first.at("out_trade_no"), "order1");
    assert_eq!(precreate(Shop::order("order1")).await.at("qr_code"), first.at("qr_code"));
    let mut other = Shop::order("order1");
    other["total_amount"] = json!("10.01");
    assert_eq!(precreate(other.clone()).await.code(), ("40004", "ACQ.CONTEXT_INCONSISTENT"));
    assert_eq!(shop.state("order1").await, "ACQ.TRADE_NOT_EXIST");
    assert_eq!(shop.sandbox.alipay().payer_opens(first.at("qr_code")), Ok("WAIT_BUYER_PAY"));
    assert_eq!(shop.state("order1").await, "WAIT_BUYER_PAY");
    assert_eq!(precreate(other).await.code(), ("40004", "ACQ.CONTEXT_INCONSISTENT"));
    assert_eq!(precreate(Shop::order("order1")).await.at("qr_code"), first.at("qr_code"));
    shop.sandbox.alipay().payer_pays("order1").unwrap();
    assert_eq!(precreate(Shop::order("order1")).await.code(), ("40004", "ACQ.TRADE_HAS_SUCCESS"));
    let second = precreate(Shop::order("order2")).await;
    shop.wait(2 * 3600 + 1).await;
    assert!(shop.sandbox.alipay().payer_opens(second.at("qr_code")).unwrap_err().contains("no longer valid"));
    assert_ne!(precreate(Shop::order("order2")).await.at("qr_code"), second.at("qr_code"));
}

#[tokio::test(start_paused = true)]
async fn a_created_trade_waits_and_goes_on_under_the_same_parameters() {
    let shop = Shop::new();
    let mut order = Shop::order("order1");
    assert_eq!(shop.call("alipay.trade.create", order.clone()).await.code(), ("40004", "ACQ.INVALID_PARAMETER"));
    order["buyer_id"] = json!("2088102146225135");
    let first = shop.call("alipay.trade.create", order.clone()).await;
    assert_eq!(first.at("code"), "10000");
    assert_eq!(shop.call("alipay.trade.create", order.clone()).await.at("trade_no"), first.at("trade_no"));
    let mut other = order.clone();
    other["subject"] = json!("other");
    assert_eq!(shop.call("alipay.trade.create", other).await.code(), ("40004", "ACQ.CONTEXT_INCONSISTENT"));
    assert_eq!(shop.scan("order1", "00").await.code(), ("40004", "ACQ.CONTEXT_INCONSISTENT"));
    let page = shop.page(&Shop::order("order1"));
    assert!(shop.sandbox.alipay().payer_opens(&page).unwrap_err().contains("ACQ.CONTEXT_INCONSISTENT"));
    shop.close("order1").await;
    assert_eq!(shop.call("alipay.trade.create", order).await.code(), ("40004", "ACQ.TRADE_HAS_CLOSE"));
}

#[tokio::test(start_paused = true)]
async fn time_closes_what_nobody_pays() {
    let shop = Shop::new();
    let timed = |number: &str, name: &str, value: &str| {
        let mut order = Shop::order(number);
        order[name] = json!(value);
        order
    };
    // An absolute time holds for a page that is opened late, a span begins when it is opened.
    let until = shop.page(&timed("order1", "time_expire", &shop.clock(600)));
    let span = shop.page(&timed("order2", "timeout_express", "10m"));
    let never = shop.page(&timed("order3", "time_expire", &shop.clock(300)));
    let day = shop.page(&timed("order4", "timeout_express", "1c"));
    shop.call("alipay.trade.precreate", timed("order5", "time_expire", &shop.clock(300))).await;
    shop.wait(500).await;
    let face = shop.sandbox.alipay();
    assert!(face.payer_opens("order5").unwrap_err().contains("ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR"));
    assert_eq!((face.payer_opens(&until), face.payer_opens(&span)), (Ok("WAIT_BUYER_PAY"), Ok("WAIT_BUYER_PAY")));
    assert!(face.payer_opens(&never).unwrap_err().contains("ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR"));
    assert_eq!(face.payer_opens(&day), Ok("WAIT_BUYER_PAY"));
    shop.wait(101).await;
    assert_eq!(
        (shop.state("order1").await, shop.state("order2").await),
        ("TRADE_CLOSED".to_owned(), "WAIT_BUYER_PAY".to_owned())
    );
    assert!(face.payer_pays("order1").unwrap_err().contains("TRADE_CLOSED"));
    shop.wait(500).await;
    assert_eq!(shop.state("order2").await, "TRADE_CLOSED");
    assert_eq!(shop.state("order4").await, "WAIT_BUYER_PAY");
    shop.wait(3600).await;
    // It is past midnight in Beijing.
    assert_eq!(shop.state("order4").await, "TRADE_CLOSED");
    assert!(shop.sandbox.ledger().entries().is_empty());
}

#[tokio::test(start_paused = true)]
async fn payers_come_by_themselves_on_command() {
    let shop = Shop::new();
    let order = |number: &str, subject: &str| {
        let mut order = Shop::order(number);
        order["subject"] = json!(subject);
        order
    };
    shop.call("alipay.trade.precreate", order("order1", "tea sandbox:pays")).await;
    shop.call("alipay.trade.precreate", order("order2", "tea")).await;
    let mut created = order("order3", "tea sandbox:pays");
    created["buyer_id"] = json!("2088102146225135");
    shop.call("alipay.trade.create", created).await;
    shop.raw(Request::new(Method::GET, shop.page(&order("order4", "tea sandbox:pays")))).await.unwrap();
    shop.wait(4).await;
    for (number, state) in
        [("order1", "TRADE_SUCCESS"), ("order2", "ACQ.TRADE_NOT_EXIST"), ("order3", "TRADE_SUCCESS"), ("order4", "TRADE_SUCCESS")]
    {
        assert_eq!(shop.state(number).await, state, "{number}");
    }
    let shop = Shop::with(AlipayConfig { pays_after: Some(Duration::from_secs(1)), ..AlipayConfig::default() });
    shop.call("alipay.trade.precreate", order("order1", "tea")).await;
    shop.call("alipay.trade.precreate", order("order2", "tea sandbox:leaves")).await;
    shop.wait(2).await;
    assert_eq!(
        (shop.state("order1").await, shop.state("order2").await),
        ("TRADE_SUCCESS".to_owned(), "ACQ.TRADE_NOT_EXIST".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn fields_of_orders_are_checked() {
    let shop = Shop::new();
    for (name, value) in [
        ("out_trade_no", json!("")),
        ("out_trade_no", json!("order-1")),
        ("out_trade_no", json!("o".repeat(65))),
        ("total_amount", json!("0.00")),
        ("total_amount", json!("10.001")),
        ("total_amount", json!("100000000.01")),
        ("total_amount", json!(true)),
        ("subject", json!("")),
        ("subject", json!("a=b")),
        ("subject", json!("a/b")),
        ("subject", json!("a&b")),
        ("subject", json!("茶".repeat(257))),
        ("body", json!("b".repeat(129))),
        ("passback_params", json!("p".repeat(513))),
        ("timeout_express", json!("1.5h")),
        ("timeout_express", json!("16d")),
        ("timeout_express", json!("0m")),
        ("timeout_express", json!("m")),
        ("time_expire", json!("2025-06-16")),
        ("product_code", json!("QUICK_WAP_WAY")),
        ("seller_id", json!("2088000000000000")),
    ] {
        let mut order = Shop::order("order1");
        order[name] = value.clone();
        let heard = shop.call("alipay.trade.precreate", order).await;
        assert_eq!(heard.code(), ("40004", "ACQ.INVALID_PARAMETER"), "{name} {value}");
        assert!(heard.at("sub_msg").contains(name), "{}", heard.text);
    }
    let mut late = Shop::order("order1");
    late["time_expire"] = json!(shop.clock(-1));
    assert_eq!(shop.call("alipay.trade.precreate", late).await.code(), ("40004", "ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR"));
    let mut said = shop.said("alipay.trade.precreate", &Shop::order("order1"));
    said.insert("notify_url".to_owned(), "ftp://shop.example".to_owned());
    assert_eq!(shop.send(said).await.code(), ("40002", "isv.invalid-parameter"));
    // Numbers are taken for amounts, and fields that are not known are let by.
    let mut good = Shop::order("order_1");
    (good["total_amount"], good["more"]) = (json!(88.8), json!({"x": 1}));
    assert_eq!(shop.call("alipay.trade.precreate", good).await.at("code"), "10000");
    shop.sandbox.alipay().payer_opens("order_1").unwrap();
    assert_eq!(shop.query("order_1").await.at("total_amount"), "88.80");
}

#[tokio::test(start_paused = true)]
async fn the_payers_browser_goes_back_with_a_signature_and_without_a_status() {
    let shop = Shop::new();
    let mut order = Shop::order("order1");
    order["product_code"] = json!("FAST_INSTANT_TRADE_PAY");
    let mut said = shop.said("alipay.trade.page.pay", &order);
    said.insert("return_url".to_owned(), "https://shop.example/back".to_owned());
    let page = format!("{GATEWAY}?{}", Shop::form(&shop.signed(said)));
    shop.sandbox.alipay().payer_pays(&page).unwrap();
    let url = shop.sandbox.alipay().payer_returns("order1").unwrap();
    let query = url.strip_prefix("https://shop.example/back?").unwrap();
    assert!(query.contains("method=alipay.trade.page.pay.return") && !query.contains("trade_status"), "{query}");
    let (fields, sign) = notices::taken_apart(query.as_bytes());
    assert!(shop.is_alipays(notices::signed_text(&fields).as_bytes(), &sign, None));
    assert_eq!(shop.sandbox.alipay().payer_returns("order2"), None);
}
