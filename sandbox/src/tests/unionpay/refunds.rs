//! Refunds and revocations: accepted first, done later, never more than was paid.

use super::*;

async fn send(shop: &Shop, fields: &Fields) -> String {
    shop.post("backTransReq.do", fields.clone()).await.code().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_refund_is_accepted_first_and_done_later() {
    let shop = Shop::new();
    let paid = shop.paid("order0001").await;
    let id = shop.query(&paid).await.says("queryId").to_owned();
    let refund = shop.back("refund0001", "04", &paid, "400");
    let seen = shop.post("backTransReq.do", refund.clone()).await;
    assert_eq!((seen.code(), seen.says("origQryId"), seen.says("queryId").len()), ("00", id.as_str(), 21));
    assert_eq!((shop.became(&refund).await.as_str(), shop.booked("order0001")), ("05", (1, 1000, 0)));
    shop.wait(6).await;
    assert_eq!((shop.became(&refund).await.as_str(), shop.booked("order0001")), ("00", (1, 1000, 400)));
    let query = shop.query(&refund).await;
    assert_eq!((query.says("txnType"), query.says("origQryId"), query.says("settleAmt")), ("04", id.as_str(), "400"));
    assert_eq!(shop.became(&paid).await, "00");
}

#[tokio::test(start_paused = true)]
async fn one_number_refunds_once_and_all_together_no_more_than_was_paid() {
    let shop = Shop::new();
    let paid = shop.paid("order0001").await;
    let first = shop.back("refund0001", "04", &paid, "600");
    assert_eq!((send(&shop, &first).await.as_str(), send(&shop, &first).await.as_str()), ("00", "12"));
    // What is accepted counts, done or not.
    let too_much = shop.back("refund0002", "04", &paid, "401");
    assert_eq!(send(&shop, &too_much).await, "36");
    assert_eq!((shop.became(&too_much).await.as_str(), send(&shop, &too_much).await.as_str()), ("36", "12"));
    assert_eq!(send(&shop, &shop.back("refund0003", "04", &paid, "400")).await, "00");
    assert_eq!(send(&shop, &shop.back("refund0004", "04", &paid, "1")).await, "45");
    shop.wait(6).await;
    assert_eq!(shop.booked("order0001"), (1, 1000, 1000));
}

#[tokio::test(start_paused = true)]
async fn a_revocation_is_of_the_whole_amount_and_the_same_clearing_day() {
    let shop = Shop::new();
    let paid = shop.paid("order0001").await;
    assert_eq!(send(&shop, &shop.back("revoke0001", "31", &paid, "999")).await, "36");
    let revocation = shop.back("revoke0002", "31", &paid, "1000");
    assert_eq!(send(&shop, &revocation).await, "00");
    // While it is under way nothing else is possible; then it is done.
    assert_eq!(send(&shop, &shop.back("refund0001", "04", &paid, "1000")).await, "35");
    shop.wait(6).await;
    assert_eq!((shop.became(&revocation).await.as_str(), shop.booked("order0001")), ("00", (1, 1000, 1000)));
    for (order, kind) in [("revoke0003", "31"), ("refund0002", "04")] {
        assert_eq!(send(&shop, &shop.back(order, kind, &paid, "1000")).await, "45");
    }
    let (late, refunded) = (shop.paid("order0002").await, shop.paid("order0003").await);
    assert_eq!(send(&shop, &shop.back("refund0003", "04", &refunded, "1")).await, "00");
    assert_eq!(send(&shop, &shop.back("revoke0004", "31", &refunded, "1000")).await, "35");
    shop.wait(24 * 3600 - 400).await;
    assert_eq!(send(&shop, &shop.back("revoke0005", "31", &late, "1000")).await, "35");
    assert_eq!(send(&shop, &shop.back("refund0004", "04", &late, "1000")).await, "00");
}

#[tokio::test(start_paused = true)]
async fn only_a_paid_order_of_the_same_product_within_330_days_is_refunded() {
    let shop = Shop::new();
    let open = shop.placed("order0001", "app", &[]).await;
    assert_eq!(send(&shop, &shop.back("refund0001", "04", &open, "1")).await, "35");
    let mut unknown = open.clone();
    unknown.insert("orderId".to_owned(), "order9999".to_owned());
    assert_eq!(send(&shop, &shop.back("refund0002", "04", &unknown, "1")).await, "35");
    let paid = shop.paid("order0002").await;
    let mut other = shop.back("refund0003", "04", &paid, "1");
    other.insert("bizType".to_owned(), "000201".to_owned());
    assert_eq!(send(&shop, &other).await, "36");
    let refund = shop.back("refund0004", "04", &paid, "1");
    assert_eq!(send(&shop, &refund).await, "00");
    shop.wait(6).await;
    assert_eq!(send(&shop, &shop.back("refund0005", "04", &refund, "1")).await, "35");
    shop.wait(331 * 24 * 3600).await;
    assert_eq!(send(&shop, &shop.back("refund0006", "04", &paid, "1")).await, "35");
}

#[tokio::test(start_paused = true)]
async fn the_original_is_named_by_its_query_id_or_by_both_its_numbers() {
    let shop = Shop::new();
    let paid = shop.paid("order0001").await;
    let id = shop.query(&paid).await.says("queryId").to_owned();
    let with = |order: &str, id: Option<&str>, without: &[&str]| {
        let mut fields = shop.back(order, "04", &paid, "100");
        fields.retain(|name, _| !without.contains(&name.as_str()));
        fields.extend(id.map(|id| ("origQryId".to_owned(), id.to_owned())));
        fields
    };
    assert_eq!(send(&shop, &with("refund0001", Some(&id), &["origOrderId", "origTxnTime"])).await, "00");
    assert_eq!(send(&shop, &with("refund0002", Some(&id), &[])).await, "00");
    assert_eq!(send(&shop, &with("refund0003", Some("782506152306401234567"), &[])).await, "35");
    assert_eq!(send(&shop, &with("refund0004", None, &["origOrderId", "origTxnTime"])).await, "13");
    assert_eq!(send(&shop, &with("refund0005", None, &["origTxnTime"])).await, "13");
    let mut unaddressed = with("refund0006", None, &[]);
    unaddressed.remove("backUrl");
    assert_eq!(send(&shop, &unaddressed).await, "13");
}

#[tokio::test(start_paused = true)]
async fn a_refund_may_end_otherwise() {
    let shop = Shop::new();
    for (n, word, answer, end, refunded) in [
        (1, "sandbox:fails", "00", "01", 0),
        (2, "sandbox:refused", "60", "60", 0),
        (3, "sandbox:unclear", "04", "00", 400),
        (4, "sandbox:lost", "03", "?34", 0),
    ] {
        let paid = shop.paid(&format!("order000{n}")).await;
        let mut refund = shop.back(&format!("refund000{n}"), "04", &paid, "400");
        refund.insert("reqReserved".to_owned(), word.to_owned());
        assert_eq!(send(&shop, &refund).await, answer, "{word}");
        shop.wait(6).await;
        assert_eq!((shop.became(&refund).await.as_str(), shop.booked(&format!("order000{n}")).2), (end, refunded), "{word}");
        // What did not happen leaves the whole amount.
        let rest = (1000 - refunded).to_string();
        assert_eq!(send(&shop, &shop.back(&format!("again000{n}"), "04", &paid, &rest)).await, "00", "{word}");
    }
    let paid = shop.paid("order0005").await;
    shop.sandbox.unionpay().refunds_fail(true);
    let refund = shop.back("refund0005", "04", &paid, "400");
    assert_eq!(send(&shop, &refund).await, "00");
    shop.wait(6).await;
    assert_eq!(shop.became(&refund).await, "01");
    shop.sandbox.unionpay().refunds_fail(false);
    shop.sandbox.set_refund_funds("cny", Some(100));
    let refund = shop.back("refund0006", "04", &paid, "400");
    assert_eq!(send(&shop, &refund).await, "00");
    shop.wait(6).await;
    assert_eq!((shop.became(&refund).await.as_str(), shop.booked("order0005")), ("01", (1, 1000, 0)));
}
