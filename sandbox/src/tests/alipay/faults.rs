//! Each fault against the ledger: what the client sees, and what is true.

use super::*;
use crate::{Fault, FaultTable, Scope};

/// A refund of 4.00 yuan under a fault.
async fn refunded_under(fault: Fault) -> (Shop, Result<Heard, TransportError>) {
    let shop = Shop::new();
    shop.paid("order1").await;
    shop.sandbox.faults().script_in(Scope::matching("POST", "/gateway.do/alipay.trade.refund"), [fault]);
    shop.state("order1").await;
    let said = shop.signed(shop.said("alipay.trade.refund", &Shop::refund_biz("order1", "r1", "4.00")));
    let seen = shop.raw(Shop::request(&said)).await;
    assert_eq!(shop.sandbox.faults().pending(), 0);
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
        assert_eq!(shop.money("order1").2, refunded, "{fault:?}");
        assert_eq!(shop.refund("order1", "r1", "4.00").await.at("fund_change"), if refunded == 0 { "Y" } else { "N" });
        assert_eq!(shop.money("order1").2, 400, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_knows_in_three_words_and_it_was_done_or_not() {
    let mut words = std::collections::BTreeSet::new();
    for n in 0..20 {
        for (fault, refunded) in [(Fault::ErrorBefore, 0), (Fault::ErrorAfter, 400)] {
            let config = SandboxConfig { seed: n, ..SandboxConfig::default() };
            let shop = Shop::of(Sandbox::new(world(), config));
            shop.paid("order1").await;
            shop.sandbox.faults().script([fault]);
            let heard = shop.send(shop.said("alipay.trade.refund", &Shop::refund_biz("order1", "r1", "4.00"))).await;
            assert_eq!((heard.status, shop.money("order1").2), (200, refunded), "{}", heard.text);
            let (code, sub_code) = heard.code();
            assert_eq!(heard.genuine, sub_code != "aop.unknow-error");
            assert_eq!(heard.name == "error_response", sub_code == "aop.unknow-error");
            words.insert(format!("{fault:?} {code} {sub_code}"));
        }
    }
    let expected = ["ErrorAfter", "ErrorBefore"].iter().flat_map(|fault| {
        ["20000 aop.unknow-error", "20000 isp.unknow-error", "40004 ACQ.SYSTEM_ERROR"].map(|word| format!("{fault} {word}"))
    });
    assert_eq!(words.into_iter().collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn what_is_limited_or_unavailable_was_not_done() {
    for (fault, status, code) in [
        (Fault::TooMany { retry_after_s: 1 }, 200, ("40005", "isv.app-call-limited")),
        (Fault::TooManyAfter, 200, ("40005", "isv.app-call-limited")),
        (Fault::Unavailable, 503, ("", "")),
    ] {
        let (shop, heard) = refunded_under(fault).await;
        let heard = heard.unwrap();
        assert_eq!((heard.status, heard.code(), heard.genuine), (status, code, false), "{}", heard.text);
        assert_eq!(shop.money("order1").2, 0);
    }
    let (shop, heard) = refunded_under(Fault::Accepted).await;
    assert_eq!((heard.unwrap().at("fund_change"), shop.money("order1").2), ("Y", 400));
}

#[tokio::test(start_paused = true)]
async fn a_forged_answer_hides_what_was_done() {
    for fault in [Fault::BadSignature, Fault::SignProbe, Fault::OtherKey, Fault::Unsigned, Fault::Garbage] {
        let (shop, heard) = refunded_under(fault).await;
        let heard = heard.unwrap();
        assert_eq!((heard.status, heard.genuine, shop.money("order1").2), (200, false, 400), "{fault:?}");
        if fault != Fault::Garbage {
            assert_eq!(heard.at("fund_change"), "Y");
            assert_eq!(heard.text.contains("\"sign\""), fault != Fault::Unsigned);
        }
    }
    // A refusal keeps its signature: there is nothing to win by it.
    let shop = Shop::new();
    shop.sandbox.faults().script([Fault::BadSignature]);
    assert!(shop.query("order1").await.genuine);
}

#[tokio::test(start_paused = true)]
async fn another_orders_answer_is_rightly_signed_and_not_this_ones() {
    let shop = Shop::new();
    shop.paid("order1").await;
    shop.sandbox.faults().script([Fault::OtherOrder]);
    assert_ne!(shop.query("order1").await.at("out_trade_no"), "order1");
    shop.scan("order2", "13").await;
    shop.sandbox.faults().script([Fault::OtherOrder, Fault::OtherOrder]);
    assert_eq!(shop.query("order1").await.at("out_trade_no"), "order2");
    assert_eq!(shop.query("order2").await.at("trade_status"), "TRADE_SUCCESS");
    shop.sandbox.faults().script([Fault::OtherOrder]);
    let other = shop.refund("order1", "r1", "4.00").await;
    assert!(other.at("out_trade_no") != "order1" && shop.money("order1").2 == 400);
    shop.sandbox.faults().script([Fault::OtherOrder]);
    assert_ne!(shop.cancel("order2").await.at("out_trade_no"), "order2");
}

#[tokio::test(start_paused = true)]
async fn a_node_may_bear_another_name_or_stand_there_twice() {
    let shop = Shop::new();
    shop.scan("order1", "13").await;
    shop.sandbox.faults().script([Fault::OtherNode]);
    let heard = shop.send(shop.said("alipay.trade.query", &json!({"out_trade_no": "order1"}))).await;
    assert_eq!(
        (heard.name.as_str(), heard.genuine, heard.at("trade_status")),
        ("alipay_trade_pay_response", true, "WAIT_BUYER_PAY")
    );
    let mut first = std::collections::BTreeSet::new();
    for _ in 0..20 {
        shop.sandbox.faults().script([Fault::DoubledNode]);
        let heard = shop.send(shop.said("alipay.trade.query", &json!({"out_trade_no": "order1"}))).await;
        assert_eq!(heard.text.matches("\"alipay_trade_query_response\":").count(), 2);
        // One of the two readings is a lie, and only the other is signed.
        let last: Value = serde_json::from_str(&heard.text).unwrap();
        let readings = [heard.at("trade_status"), last["alipay_trade_query_response"]["trade_status"].as_str().unwrap()];
        assert!(readings.contains(&"WAIT_BUYER_PAY") && readings.contains(&"TRADE_SUCCESS"), "{}", heard.text);
        assert_eq!(heard.genuine, heard.at("trade_status") == "WAIT_BUYER_PAY");
        first.insert(heard.genuine);
    }
    assert_eq!(first.len(), 2);
    assert_eq!(shop.money("order1"), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_skewed_clock_shows_in_the_answer_and_does_not_refuse() {
    let shop = Shop::new();
    shop.sandbox.faults().script([Fault::ClockSkew { seconds: -3600 }]);
    let heard = shop.call("alipay.trade.pay", Shop::barcode("order1", "00")).await;
    assert_eq!(heard.at("gmt_payment"), shop.clock(-3600));
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_is_the_same_run() {
    let run = async || {
        let shop = Shop::new();
        shop.sandbox.faults().random(7, FaultTable::storm_of_nodes());
        let mut trace = Vec::new();
        for n in 0..60 {
            let said =
                shop.signed(shop.said("alipay.trade.pay", &Shop::barcode(&format!("order{n}"), &format!("{:02}", n % 30))));
            let seen = shop.raw(Shop::request(&said)).await;
            trace.push(seen.map(|heard| (heard.status, heard.text)).map_err(|error| error.to_string()));
        }
        (trace, shop.sandbox.ledger().entries().to_vec())
    };
    assert_eq!(run().await, run().await);
}
