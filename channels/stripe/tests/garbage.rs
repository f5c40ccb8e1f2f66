//! Whatever comes over the wire: no panic, and no payment that is well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_imports, reason = "tests")]

mod recordings;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use paysluice::adapter::{
    Callbacks, Cancel, Capture, Confirm, Decoded, Granted, Known, Opened, Operation, Query, QueryRefund, Refund, Reply,
};
use paysluice::model::{CaptureNo, OrderNo, RefundNo, Status};
use proptest::prelude::*;
use recordings::*;

fn read<O: Operation>(op: &O, reply: &Reply) {
    let stripe = stripe();
    let known = if O::KIND == paysluice::adapter::Kind::Charge { Known::default() } else { known() };
    let draft = drafted(&stripe, op, &known, &seed("n-1")).unwrap();
    if let Ok(Decoded::Done(seen)) = decoded::<O>(&stripe, &draft, reply) {
        assert!(!seen.status.is_some_and(|status| matches!(status, Status::Paid | Status::Authorized)));
    }
}

fn read_all(reply: &Reply) {
    let order = OrderNo::new("order-4711").unwrap();
    let money = "12.34 USD".parse().unwrap();
    read(&charge(), reply);
    read(&Confirm::new(order.clone(), 1), reply);
    read(&Capture::new(order.clone(), CaptureNo::new("cap-1").unwrap(), money), reply);
    read(&Cancel::new(order.clone()), reply);
    read(&Refund::new(order.clone(), RefundNo::new("ref-1").unwrap(), money), reply);
    read(&Query::new(order.clone()), reply);
    read(&QueryRefund::new(order, RefundNo::new("ref-1").unwrap()), reply);
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"error\"",
        "\"type\"",
        "\"card_error\"",
        "\"code\"",
        "\"status\"",
        "\"id\"",
        "\"pi_1\"",
        "\"object\"",
        "\"payment_intent\"",
        "\"data\"",
        "\"has_more\"",
        "null",
        "true",
        "1",
        "-1",
        "1e9",
        "\"\\u0000\"",
    ]);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        prop::collection::vec(words, 0..80).prop_map(|words| words.concat().into_bytes())
    ]
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic_or_lie(status in 100..1000_u16, body in bodies(), header in any::<[u8; 8]>()) {
        let mut reply = Reply::new(StatusCode::from_u16(status).unwrap(), body);
        for name in ["request-id", "retry-after", "stripe-should-retry", "idempotent-replayed"] {
            if let Ok(value) = HeaderValue::from_bytes(&header) {
                reply.headers.insert(name, value);
            }
        }
        read_all(&reply);
    }

    #[test]
    fn no_callback_makes_it_panic_or_is_believed(body in bodies(), header in "(t=[0-9]{1,14},v1=[0-9a-f]{60,68}|[ -~]{0,90})") {
        let mut request = posted("", &header);
        request.body = Bytes::from(body);
        let opened = stripe().open(&request, now(), &Granted::default());
        prop_assert!(opened.is_err());
    }

    #[test]
    fn no_signed_body_makes_it_panic(body in bodies()) {
        let body = String::from_utf8_lossy(&body).into_owned();
        for body in [body.clone(), event("payment_intent.succeeded", &body), event("refund.updated", &format!("{{{body}}}"))] {
            if let Ok(Opened::Items(items)) = stripe().open(&webhook(&body), now(), &Granted::default()) {
                prop_assert!(items.iter().all(|item| item.verdict.as_ref().map_or(true, |event| event.seen().status.is_none())));
            }
        }
    }
}
