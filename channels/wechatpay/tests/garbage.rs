//! Whatever comes over the wire: no panic, and no payment that is well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_imports, reason = "tests")]

mod recordings;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use paysluice::adapter::{
    Access, Callbacks, Cancel, Decoded, Known, Method, Opened, Operation, Query, QueryRefund, Refund, Reply, Reverse, Want,
};
use paysluice::model::{OrderNo, PartStatus, RefundNo, Status};
use proptest::prelude::*;
use recordings::*;

fn read<O: Operation>(op: &O, known: &Known, reply: &Reply) {
    let wechat = wechat();
    let draft = drafted(&wechat, op, known, &seed("order-n-1")).unwrap();
    if let Ok(Decoded::Done(seen)) = decoded::<O>(&wechat, &draft, reply) {
        assert!(!seen.status.is_some_and(|status| matches!(status, Status::Paid | Status::Authorized)));
        assert!(!seen.refunds.iter().any(|part| part.status == PartStatus::Succeeded));
    }
}

fn read_all(reply: &Reply) {
    let (order, refund_no) = (OrderNo::new(ORDER).unwrap(), RefundNo::new("ref-1").unwrap());
    for method in [Method::Qr, Method::App, Method::Barcode("130061098828009406".into())] {
        read(&by(method), &Known::default(), reply);
    }
    read(&Cancel::new(order.clone()), &known(), reply);
    read(&Reverse::new(order.clone(), refund_no.clone()), &known_by("barcode"), reply);
    read(&Refund::new(order.clone(), refund_no.clone(), charge().money), &known(), reply);
    read(&Query::new(order.clone()), &known(), reply);
    read(&QueryRefund::new(order, refund_no), &known(), reply);
    for want in [Want::Keys, Want::Key(PLATFORM_SERIAL.into())] {
        assert!(Access::read(&wechat(), &want, reply, &stamp()).is_err());
    }
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
        "\"message\"",
        "\"detail\"",
        "\"trade_state\"",
        "\"SUCCESS\"",
        "\"mchid\"",
        "\"1900009191\"",
        "\"out_trade_no\"",
        "\"order-4711\"",
        "\"amount\"",
        "\"total\"",
        "\"refund\"",
        "\"data\"",
        "\"prepay_id\"",
        "\"code_url\"",
        "\"weixin://x\"",
        "null",
        "true",
        "1",
        "-1",
        "1e9",
        "\"\\u0000\"",
    ]);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        prop::collection::vec(words, 0..80).prop_map(|words| words.concat())
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_answer_makes_it_panic_or_lie(status in 100..1000_u16, body in bodies(), header in any::<[u8; 8]>()) {
        let mut reply = Reply::new(StatusCode::from_u16(status).unwrap(), body);
        for name in ["request-id", "retry-after", "wechatpay-signature", "wechatpay-timestamp", "wechatpay-nonce", "wechatpay-serial"] {
            if let Ok(value) = HeaderValue::from_bytes(&header) {
                reply.headers.insert(name, value);
            }
        }
        read_all(&reply);
    }

    #[test]
    fn no_signed_answer_makes_it_panic_or_lie(status in prop::sample::select(vec![200_u16, 202, 204, 206]), body in bodies()) {
        read_all(&signed(status, body));
    }

    #[test]
    fn no_callback_makes_it_panic_or_is_believed(body in bodies(), header in "([0-9]{1,14}|[0-9A-F]{30,40}|[ -~]{0,90})") {
        let mut request = callback("");
        request.body = Bytes::from(body);
        for name in ["wechatpay-signature", "wechatpay-timestamp", "wechatpay-nonce", "wechatpay-serial"] {
            request.headers.insert(name, HeaderValue::from_str(&header).unwrap());
        }
        prop_assert!(!matches!(wechat().open(&request, now(), &granted()), Ok(Opened::Items(_))));
    }

    #[test]
    fn no_signed_callback_makes_it_panic(body in bodies()) {
        for name in ["TRANSACTION.SUCCESS", "REFUND.SUCCESS", "OTHER"] {
            for body in [body.clone(), notification(name, &body)] {
                if let Ok(Opened::Items(items)) = wechat().open(&callback(&body), now(), &granted()) {
                    prop_assert!(items.iter().all(|item| item.verdict.as_ref().map_or(true, |event| event.seen().status.is_none())));
                }
            }
        }
    }
}
