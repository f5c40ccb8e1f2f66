//! Whatever comes over the wire: no panic, and no payment that is well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_imports, reason = "tests")]

mod recordings;

use bytes::Bytes;
use http::StatusCode;
use paysluice::adapter::{
    Access, Callbacks, Cancel, Decoded, Granted, Known, Method, Opened, Operation, Query, QueryRefund, Refund, Reply, Request,
    Reverse, Surface, Want,
};
use paysluice::model::{OrderNo, PartStatus, RefundNo, Status};
use proptest::prelude::*;
use recordings::*;

fn read<O: Operation>(op: &O, known: &Known, reply: &Reply) {
    let alipay = alipay();
    let draft = drafted(&alipay, op, known, &seed("order_n_1")).unwrap();
    if let Ok(Decoded::Done(seen)) = decoded::<O>(&alipay, &draft, reply) {
        assert!(!seen.status.is_some_and(|status| matches!(status, Status::Paid | Status::Authorized)));
        assert!(!seen.refunds.iter().any(|part| part.status == PartStatus::Succeeded));
    }
}

fn read_all(reply: &Reply) {
    let (order, refund_no) = (OrderNo::new(ORDER).unwrap(), RefundNo::new("ref-1").unwrap());
    for method in [Method::Qr, Method::Redirect(Surface::Wap), Method::Barcode("28763443825664394".into())] {
        read(&by(method), &Known::default(), reply);
    }
    read(&Cancel::new(order.clone()), &known(), reply);
    read(&Reverse::new(order.clone(), refund_no.clone()), &known_by("barcode"), reply);
    read(&Refund::new(order.clone(), refund_no.clone(), by(Method::Qr).money), &known(), reply);
    read(&Query::new(order.clone()), &known(), reply);
    read(&QueryRefund::new(order, refund_no), &known(), reply);
    assert!(Access::read(&alipay(), &Want::Key("0".repeat(32)), reply, &stamp()).is_err());
}

fn bodies() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"code\"",
        "\"10000\"",
        "\"10003\"",
        "\"40004\"",
        "\"sub_code\"",
        "\"ACQ.TRADE_NOT_EXIST\"",
        "\"alipay_trade_query_response\"",
        "\"error_response\"",
        "\"sign\"",
        "\"trade_status\"",
        "\"TRADE_SUCCESS\"",
        "\"out_trade_no\"",
        "\"order_4711\"",
        "\"total_amount\"",
        "\"fund_change\"",
        "\"Y\"",
        "null",
        "1",
        "1e9",
        "\"\\u0000\"",
        "\"\\/\"",
    ]);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        prop::collection::vec(words, 0..80).prop_map(|words| words.concat())
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_answer_makes_it_panic_or_lie(status in prop_oneof![Just(200_u16), 100..1000_u16], body in bodies()) {
        read_all(&Reply::new(StatusCode::from_u16(status).unwrap(), body));
    }

    #[test]
    fn no_signed_answer_makes_it_panic_or_lie(body in bodies()) {
        for method in ["alipay.trade.query", "alipay.trade.pay", "alipay.trade.refund"] {
            read_all(&to(method, &body));
            read_all(&to(method, &format!("{{{body}}}")));
        }
    }

    #[test]
    fn no_notice_makes_it_panic_or_is_believed(body in bodies(), name in "[a-z_&=%]{0,12}") {
        let good = signed(notice("TRADE_SUCCESS", &[])).body;
        for body in [Bytes::from(body.clone()), [good.as_ref(), b"&", name.as_bytes(), b"=", body.as_bytes()].concat().into()] {
            let request = Request::new(http::Method::POST, "/callbacks/alipay").with_body(body.clone());
            let opened = alipay().open(&request, now(), &Granted::default());
            // What adds nothing but an empty field says the same.
            let adds_nothing = body.strip_prefix(good.as_ref()).is_some_and(|more| more.ends_with(b"="));
            prop_assert!(adds_nothing || !matches!(opened, Ok(Opened::Items(_))));
        }
    }

    #[test]
    fn no_signed_notice_makes_it_panic(value in ".*", field in prop::sample::select(vec![
        "trade_status", "total_amount", "refund_fee", "out_trade_no", "trade_no", "notify_id", "out_biz_no", "gmt_refund", "charset", "subject",
    ])) {
        if let Ok(Opened::Items(items)) = alipay().open(&signed(notice("TRADE_SUCCESS", &[(field, &value)])), now(), &Granted::default()) {
            prop_assert!(items.iter().all(|item| (1..=200).contains(&item.delivery_key.len())));
        }
    }
}
