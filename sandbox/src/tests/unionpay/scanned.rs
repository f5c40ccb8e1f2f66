//! Orders that are paid by the payer's code, and their reversal.

use super::*;

fn qr(last: &str) -> String {
    format!("62204850736304699{last}")
}

async fn scan(shop: &Shop, order: &str, last: &str) -> (Fields, Seen) {
    let (path, fields) = shop.consumption(order, &qr(last));
    let seen = shop.post(path, fields.clone()).await;
    (fields, seen)
}

#[tokio::test(start_paused = true)]
async fn a_code_does_what_its_last_digits_say() {
    let shop = Shop::new();
    for (last, answer, at_once, later, taken) in [
        ("36", "00", "00", "00", 1000),
        ("11", "00", "05", "00", 1000),
        ("12", "00", "05", "65", 0),
        ("13", "00", "05", "05", 0),
        ("14", "05", "05", "00", 1000),
        ("16", "00", "A6", "A6", 1000),
        ("21", "64", "64", "64", 0),
        ("22", "61", "61", "61", 0),
        ("23", "63", "63", "63", 0),
        ("24", "60", "60", "60", 0),
        ("31", "03", "00", "00", 1000),
        ("32", "04", "00", "00", 1000),
        ("33", "03", "?34", "?34", 0),
        ("34", "04", "?34", "?34", 0),
    ] {
        let order = format!("order00{last}");
        let (fields, seen) = scan(&shop, &order, last).await;
        assert_eq!((seen.code(), shop.became(&fields).await.as_str()), (answer, at_once), "{last}");
        shop.wait(11).await;
        assert_eq!((shop.became(&fields).await.as_str(), shop.booked(&order).1), (later, taken), "{last}");
        // What arrived is a duplicate now; what did not is not.
        let again = shop.post("backTransReq.do", fields).await;
        assert_eq!(again.code() == "12", at_once != "?34", "{last}: {}", again.text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_scanned_order_needs_a_code_and_others_must_not_have_one() {
    let shop = Shop::new();
    let (path, mut fields) = shop.consumption("order0001", &qr("36"));
    fields.remove("qrNo");
    assert_eq!(shop.post(path, fields.clone()).await.code(), "13");
    fields.insert("qrNo".to_owned(), "622048507363046993x".to_owned());
    assert_eq!(shop.post(path, fields).await.code(), "10");
    let (path, mut fields) = shop.consumption("order0001", "shown");
    fields.insert("qrNo".to_owned(), qr("36"));
    assert_eq!(shop.post(path, fields).await.code(), "10");
}

#[tokio::test(start_paused = true)]
async fn a_reversal_takes_back_whatever_had_become_of_it_and_can_be_repeated() {
    let shop = Shop::new();
    for (last, charges, end) in [("31", 1, "45"), ("13", 0, "45"), ("11", 0, "45"), ("21", 0, "64")] {
        let order = format!("order00{last}");
        let (fields, _) = scan(&shop, &order, last).await;
        for _ in 0..2 {
            assert_eq!(shop.post("backTransReq.do", shop.reversal(&fields)).await.code(), "00", "{last}");
        }
        shop.wait(11).await;
        let taken = if charges == 1 { 1000 } else { 0 };
        assert_eq!((shop.became(&fields).await.as_str(), shop.booked(&order)), (end, (charges, taken, taken)), "{last}");
    }
    // Reversals have no notice of their own; the paid one had told that it was paid.
    let told: Vec<String> = shop.sandbox.unionpay().notices().iter().map(|(_, fields)| fields["txnType"].clone()).collect();
    assert_eq!(told, ["01"]);
}

#[tokio::test(start_paused = true)]
async fn a_reversal_is_for_scanned_orders_of_the_same_clearing_day() {
    let shop = Shop::new();
    let app = shop.paid("order0001").await;
    assert_eq!(shop.post("backTransReq.do", shop.reversal(&app)).await.code(), "35");
    let (lost, _) = scan(&shop, "order0002", "33").await;
    let answer = shop.post("backTransReq.do", shop.reversal(&lost)).await;
    assert!(answer.code() == "35" && answer.says("respMsg").contains("[2011000]"));
    let (refunded, _) = scan(&shop, "order0003", "36").await;
    assert_eq!(shop.post("backTransReq.do", shop.back("refund0001", "04", &refunded, "400")).await.code(), "00");
    assert_eq!(shop.post("backTransReq.do", shop.reversal(&refunded)).await.code(), "45");
    let (old, _) = scan(&shop, "order0004", "36").await;
    // From 23:06 to 23:00 of the next day.
    shop.wait(24 * 3600 - 400).await;
    assert_eq!(shop.post("backTransReq.do", shop.reversal(&old)).await.code(), "35");
    assert_eq!(shop.booked("order0004"), (1, 1000, 0));
}

#[tokio::test(start_paused = true)]
async fn a_reversal_has_no_amount_and_no_address() {
    let shop = Shop::new();
    let (fields, _) = scan(&shop, "order0001", "36").await;
    for (name, value) in [("txnAmt", "1000"), ("backUrl", "https://shop.example/"), ("channelType", "07"), ("bizType", "000201")]
    {
        let mut reversal = shop.reversal(&fields);
        reversal.insert(name.to_owned(), value.to_owned());
        assert_eq!(shop.post("backTransReq.do", reversal).await.code(), "10", "{name}");
    }
    assert_eq!(shop.booked("order0001"), (1, 1000, 0));
}
