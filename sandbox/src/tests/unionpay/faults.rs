//! Each fault against the ledger: what the client sees, and what is true.

use super::*;
use crate::{Fault, FaultTable};

/// A scanned consumption under a fault.
async fn scanned_under(fault: Fault) -> (Shop, Fields, Result<Seen, TransportError>) {
    let shop = Shop::new();
    shop.sandbox.faults().script([fault]);
    let (path, mut fields) = shop.consumption("order0001", "6220485073630469936");
    shop.sign(&mut fields);
    let seen = shop.raw(Shop::request(path, &fields)).await;
    (shop, fields, seen)
}

#[tokio::test(start_paused = true)]
async fn lost_says_nothing_about_what_happened_and_a_query_tells() {
    let slow = Fault::Slow { by_ms: 40_000 };
    for (fault, became, taken) in [
        (Fault::Refuse, "?34", 0),
        (Fault::CloseBefore, "?34", 0),
        (Fault::CloseAfter, "00", 1000),
        (Fault::Truncated, "00", 1000),
        (slow, "00", 1000),
    ] {
        let (shop, fields, seen) = scanned_under(fault).await;
        assert!(seen.is_err(), "{fault:?}");
        assert_eq!((shop.became(&fields).await.as_str(), shop.booked("order0001").1), (became, taken), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn errors_come_before_or_after_the_execution_and_prove_nothing() {
    for (fault, status, code, taken) in [
        (Fault::ErrorBefore, 500, "", 0),
        (Fault::ErrorAfter, 500, "", 1000),
        (Fault::Unavailable, 503, "", 0),
        (Fault::TooMany { retry_after_s: 1 }, 200, "37", 0),
        (Fault::TooManyAfter, 200, "37", 0),
        (Fault::Accepted, 200, "00", 1000),
        (Fault::Garbage, 200, "", 1000),
    ] {
        let (shop, _, seen) = scanned_under(fault).await;
        let seen = seen.unwrap();
        assert_eq!((seen.status, seen.code(), shop.booked("order0001").1), (status, code, taken), "{fault:?}");
        assert_eq!(shop.genuine(&seen.fields), !code.is_empty(), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_forged_answer_hides_what_was_done() {
    for fault in [Fault::BadSignature, Fault::SignProbe, Fault::OtherKey, Fault::Unsigned, Fault::OtherName, Fault::OutOfTime] {
        let (shop, _, seen) = scanned_under(fault).await;
        let seen = seen.unwrap();
        assert_eq!((seen.status, seen.code(), shop.booked("order0001").1), (200, "00", 1000), "{fault:?}");
        assert!(!shop.genuine(&seen.fields), "{fault:?}");
        assert_eq!(seen.fields.contains_key("signature"), fault != Fault::Unsigned);
    }
}

/// Each forgery is wrong in its own way only: its signature fits its certificate.
#[tokio::test(start_paused = true)]
async fn forgeries_fail_by_the_check_they_are_named_after() {
    for (fault, fits, vouched, named) in [
        (Fault::BadSignature, false, true, true),
        (Fault::OtherKey, true, false, true),
        (Fault::OtherName, true, true, false),
        (Fault::OutOfTime, true, false, true),
    ] {
        let (shop, _, seen) = scanned_under(fault).await;
        let fields = seen.unwrap().fields;
        let read = |pem: &str| Certificate::from_pem("certificate", pem.as_bytes()).unwrap();
        let certificate = read(&fields["signPubKeyCert"]);
        let digest = Bytes::from(sha256_hex(&[&text_of(&fields)]));
        let signature = STANDARD.decode(&fields["signature"]).unwrap();
        assert_eq!(certificate.key().verify(&[], &digest, &[], &signature).is_some(), fits, "{fault:?}");
        let issuers = Issuers::new(vec![read(&shop.credentials.root_certificate)]);
        let middle = [read(&shop.credentials.middle_certificate)];
        let vouch = |now| issuers.vouch(&certificate, &middle, now).is_ok();
        assert_eq!(vouch(shop.sandbox.env().wall()), vouched, "{fault:?}");
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_500_000_000);
        assert_eq!(vouch(then), fault == Fault::OutOfTime, "{fault:?}");
        let name = certificate.common_name().unwrap();
        assert_eq!(name.split('@').nth(2) == Some("中国银联股份有限公司"), named, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_trades_answer_is_rightly_signed_and_not_this_ones() {
    let shop = Shop::new();
    let paid = shop.paid("order0001").await;
    shop.sandbox.faults().script([Fault::OtherOrder]);
    let stranger = shop.query(&paid).await;
    assert!(stranger.says("orderId") != "order0001" && stranger.says("origRespCode") == "00");
    let open = shop.placed("order0002", "app", &[]).await;
    shop.sandbox.faults().script([Fault::OtherOrder]);
    let (path, fields) = shop.consumption("order0003", "app");
    let other = shop.post(path, fields.clone()).await;
    assert_eq!(
        (other.says("orderId"), other.says("tn")),
        ("order0002", shop.sandbox.unionpay().handed("order0002").unwrap().as_str())
    );
    assert!(shop.sandbox.unionpay().handed("order0003").is_some());
    shop.sandbox.unionpay().payer_pays("order0002").unwrap();
    shop.sandbox.faults().script([Fault::OtherOrder]);
    assert_eq!(shop.query(&paid).await.says("orderId"), open["orderId"]);
    shop.sandbox.faults().script([Fault::OtherOrder]);
    let refund = shop.back("refund0001", "04", &paid, "400");
    assert_ne!(shop.post("backTransReq.do", refund.clone()).await.says("orderId"), "refund0001");
    shop.wait(6).await;
    assert_eq!(shop.booked("order0001").2, 400);
}

#[tokio::test(start_paused = true)]
async fn a_skewed_clock_does_not_refuse() {
    let (shop, fields, seen) = scanned_under(Fault::ClockSkew { seconds: -7200 }).await;
    assert_eq!(seen.unwrap().code(), "00");
    assert_eq!(shop.query(&fields).await.says("traceTime"), &stamp(shop.now() - 7200)[4..]);
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_is_the_same_run() {
    let run = async || {
        let shop = Shop::new();
        shop.sandbox.faults().random(7, FaultTable::storm_of_certificates());
        let mut trace = Vec::new();
        for n in 0..60 {
            let (path, mut fields) = shop.consumption(&format!("order{n:04}"), "6220485073630469936");
            shop.sign(&mut fields);
            let seen = shop.raw(Shop::request(path, &fields)).await;
            trace.push(seen.map(|seen| (seen.status, seen.text)).map_err(|error| error.to_string()));
        }
        (trace, shop.sandbox.ledger().entries().to_vec())
    };
    assert_eq!(run().await, run().await);
}
