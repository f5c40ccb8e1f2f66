//! Each fault against the ledger: what the client sees, and what is true.

use super::*;
use crate::Fault;

/// A refund of 4.00 CNY under a fault.
async fn refunded_under(fault: Fault) -> (Shop, Result<Answer, TransportError>) {
    let shop = Shop::new();
    shop.paid("order1").await;
    shop.sandbox.faults().script([fault]);
    let body = Shop::refund_body("order1", "r1", 400).to_string();
    let seen = shop.raw(shop.request(Method::POST, "/v3/refund/domestic/refunds", &body)).await;
    (shop, seen)
}

#[tokio::test(start_paused = true)]
async fn lost_says_nothing_about_what_happened_and_the_same_number_settles_it() {
    let slow = Fault::Slow { by_ms: 40_000 };
    for (fault, refunded) in
        [(Fault::Refuse, 0), (Fault::CloseBefore, 0), (Fault::CloseAfter, 400), (Fault::Truncated, 400), (slow, 400)]
    {
        let (shop, seen) = refunded_under(fault).await;
        assert!(seen.is_err(), "{fault:?}");
        assert_eq!(shop.sandbox.ledger().refunded("order1"), refunded, "{fault:?}");
        assert_eq!(shop.refund("order1", "r1", 400).await.status, 200);
        assert_eq!(shop.sandbox.ledger().refunded("order1"), 400, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn errors_come_before_or_after_the_execution_and_are_not_signed() {
    for (fault, seen, refunded) in [
        (Fault::ErrorBefore, (500, "SYSTEM_ERROR"), 0),
        (Fault::ErrorAfter, (500, "SYSTEM_ERROR"), 400),
        (Fault::Unavailable, (503, "SERVICE_UNAVAILABLE"), 0),
        (Fault::TooMany { retry_after_s: 1 }, (429, "FREQUENCY_LIMITED"), 0),
        (Fault::TooManyAfter, (429, "FREQUENCY_LIMITED"), 400),
    ] {
        let (shop, answer) = refunded_under(fault).await;
        let answer = answer.unwrap();
        assert_eq!(code(&answer), seen, "{fault:?}");
        assert!(answer.reply.header("wechatpay-signature").is_none());
        assert_eq!(shop.sandbox.ledger().refunded("order1"), refunded, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_refund_is_executed_behind_a_429() {
    let shop = Shop::new();
    shop.sandbox.faults().script([Fault::TooManyAfter]);
    let answer = shop.post("/v3/pay/transactions/native", &shop.order("order1")).await;
    assert_eq!((answer.status, shop.sandbox.wechatpay().orders().len()), (429, 0));
}

#[tokio::test(start_paused = true)]
async fn an_accepted_request_was_not_processed() {
    let (shop, answer) = refunded_under(Fault::Accepted).await;
    let answer = answer.unwrap();
    assert_eq!((answer.status, answer.reply.body.len(), shop.sandbox.ledger().refunded("order1")), (202, 0, 0));
    assert!(shop.genuine(&answer.reply.headers, b""));
}

#[tokio::test(start_paused = true)]
async fn a_forged_answer_hides_what_was_done() {
    for fault in [Fault::BadSignature, Fault::SignProbe, Fault::OtherKey, Fault::Unsigned] {
        let (shop, answer) = refunded_under(fault).await;
        let answer = answer.unwrap();
        assert_eq!((answer.status, shop.sandbox.ledger().refunded("order1")), (200, 400), "{fault:?}");
        assert!(!shop.genuine(&answer.reply.headers, &answer.reply.body), "{fault:?}");
        let signature = answer.reply.header("wechatpay-signature");
        assert_eq!(signature.is_none(), fault == Fault::Unsigned);
        let probe = signature.is_some_and(|signature| signature.starts_with("WECHATPAY/SIGNTEST/"));
        assert_eq!(probe, fault == Fault::SignProbe);
    }
    let (shop, answer) = refunded_under(Fault::Garbage).await;
    let answer = answer.unwrap();
    assert!(!shop.genuine(&answer.reply.headers, &answer.reply.body) && answer.json.is_null());
}

#[tokio::test(start_paused = true)]
async fn another_orders_answer_is_rightly_signed_and_not_this_ones() {
    let shop = Shop::new();
    shop.paid("order1").await;
    shop.sandbox.faults().script([Fault::OtherOrder]);
    let stranger = shop.query("order1").await;
    assert_ne!(stranger.json["out_trade_no"], "order1");
    shop.native("order2").await;
    shop.sandbox.faults().script([Fault::OtherOrder]);
    assert_eq!(shop.query("order1").await.json["out_trade_no"], "order2");
    shop.sandbox.faults().script([Fault::OtherOrder]);
    let code_url = shop.post("/v3/pay/transactions/native", &shop.order("order3")).await.json["code_url"].clone();
    assert_eq!(code_url, shop.native("order2").await.as_str());
    assert_eq!(shop.state("order3").await, "NOTPAY");
    shop.sandbox.faults().script([Fault::OtherOrder]);
    assert_ne!(shop.refund("order1", "r1", 400).await.json["out_refund_no"], "r1");
    assert_eq!(shop.sandbox.ledger().refunded("order1"), 400);
}

#[tokio::test(start_paused = true)]
async fn a_skewed_clock_shows_in_the_answer_and_does_not_refuse() {
    let shop = Shop::new();
    shop.sandbox.faults().script([Fault::ClockSkew { seconds: -3600 }]);
    let answer = shop.close("order1").await;
    let at: i64 = answer.reply.header("wechatpay-timestamp").unwrap().parse().unwrap();
    assert_eq!((answer.status, shop.now() - at), (204, 3600));
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_is_the_same_run() {
    let run = async || {
        let shop = Shop::new();
        shop.sandbox.faults().random(7, crate::FaultTable::storm_of_signatures());
        let mut trace = Vec::new();
        for n in 0..60 {
            let body = shop.order(&format!("order{n}")).to_string();
            let seen = shop.raw(shop.request(Method::POST, "/v3/pay/transactions/native", &body)).await;
            trace.push(seen.map(|answer| (answer.status, answer.reply.body)).map_err(|error| error.to_string()));
            let _ = shop.sandbox.wechatpay().payer_pays(&format!("order{n}"));
        }
        (trace, shop.sandbox.ledger().entries().to_vec())
    };
    assert_eq!(run().await, run().await);
}
