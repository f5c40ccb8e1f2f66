//! Whatever comes over the wire: no panic, and no payment that is well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_imports, reason = "tests")]

mod recordings;

use http::StatusCode;
use paysluice::adapter::{
    Callbacks, Decoded, Granted, Known, Method, Opened, Operation, Query, QueryRefund, Refund, Reply, Request, Reverse, Surface,
};
use paysluice::model::{OrderNo, PartStatus, RefundNo, Status};
use paysluice_unionpay::UnionPay;
use proptest::prelude::*;
use recordings::*;

/// What was read was good news.
fn good<O: Operation>(unionpay: &UnionPay, op: &O, known: &Known, reply: &Reply) -> bool {
    let draft = drafted(unionpay, op, known, &seed("refund000001")).unwrap();
    let Ok(Decoded::Done(seen)) = decoded::<O>(unionpay, &draft, reply) else { return false };
    let paid = seen.status.is_some_and(|status| matches!(status, Status::Paid | Status::Authorized));
    paid || seen.refunds.iter().any(|part| part.status == PartStatus::Succeeded)
}

fn any_good(reply: &Reply) -> bool {
    let unionpay = unionpay();
    let (order, refund_no) = (OrderNo::new(ORDER).unwrap(), RefundNo::new("refund000001").unwrap());
    let charged = [Method::Redirect(Surface::Web), Method::Qr, Method::App, Method::Barcode("1".into())]
        .into_iter()
        .any(|method| good(&unionpay, &by(method), &Known::default(), reply));
    charged
        || good(&unionpay, &Reverse::new(order.clone(), refund_no.clone()), &known("barcode"), reply)
        || good(&unionpay, &Reverse::new(order.clone(), refund_no.clone()), &unpaid("barcode"), reply)
        || good(&unionpay, &Refund::new(order.clone(), refund_no.clone(), money("1.00 CNY")), &known("web"), reply)
        || good(&unionpay, &Query::new(order.clone()), &known("web"), reply)
        || good(&unionpay, &QueryRefund::new(order, refund_no), &known("web"), reply)
}

fn bodies() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        "&",
        "=",
        "&respCode=00",
        "&origRespCode=00",
        "&version=5.1.0",
        "&signMethod=01",
        "&signature=AAAA",
        "&signPubKeyCert=",
        "-----BEGIN CERTIFICATE-----",
        "MIIE",
        "-----END CERTIFICATE-----",
        "&merId=777290058110048",
        "&orderId=order47110001",
        "&txnAmt=1234",
        "%",
        "+",
        "\r\n",
        "é",
        "\u{0}",
        SIGNER,
    ]);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        prop::collection::vec(words, 0..60).prop_map(|words| words.concat())
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_answer_makes_it_panic_or_lie(status in 100..1000_u16, body in bodies()) {
        for status in [status, 200] {
            prop_assert!(!any_good(&Reply::new(StatusCode::from_u16(status).unwrap(), body.clone())));
        }
        let opened = unionpay().open(&Request::new(http::Method::POST, "/").with_body(body), now(), &Granted::default());
        prop_assert!(!matches!(opened, Ok(Opened::Items(_))));
    }

    #[test]
    fn a_signed_answer_of_any_fields_makes_it_not_panic(
        fields in prop::collection::vec((prop::sample::select(vec![
            "respCode", "origRespCode", "txnAmt", "queryId", "orderId", "txnTime", "txnType", "currencyCode", "tn", "qrCode", "respMsg",
        ]), prop_oneof![Just(String::new()), Just("00".to_owned()), "[^&{}\\[\\]]{0,30}"]), 0..8),
    ) {
        let others: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let _ = any_good(&ok(with(state("00"), &others)));
        let _ = unionpay().open(&callback(with(notice(), &others)), now(), &Granted::default());
    }
}

#[test]
fn what_is_asked_here_would_be_good_news_if_it_were_signed() {
    assert!(any_good(&ok(state("00"))));
}
