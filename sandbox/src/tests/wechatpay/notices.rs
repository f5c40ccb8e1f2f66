//! Callbacks: encrypted, signed, again until taken, and every fault of theirs.

use std::sync::Mutex;

use http::StatusCode;
use paysluice::env::BoxFuture;

use super::*;
use crate::{CallbackFault, Sink, Trust};

type Inbox = Arc<Mutex<Vec<(i64, Request)>>>;

/// A shop whose notices go into an inbox; the first answers have these statuses, the rest 204.
fn listening(statuses: &[u16]) -> (Shop, Inbox) {
    let shop = Shop::new();
    let inbox = Inbox::default();
    let (kept, env, statuses) = (inbox.clone(), shop.sandbox.env().clone(), statuses.to_vec());
    let sink: Sink = Arc::new(move |request| -> BoxFuture<'static, Reply> {
        let mut inbox = kept.lock().unwrap();
        let status = statuses.get(inbox.len()).copied().unwrap_or(204);
        inbox.push((unix(env.wall()), request));
        Box::pin(std::future::ready(Reply::new(StatusCode::from_u16(status).unwrap(), "")))
    });
    shop.sandbox.callbacks().to_handler("/unused", sink);
    (shop, inbox)
}

fn said(shop: &Shop, request: &Request) -> (String, Value) {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["resource_type"], "encrypt-resource");
    let resource = shop.decrypted(&body["resource"]);
    (body["event_type"].as_str().unwrap().to_owned(), serde_json::from_slice(&resource).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_payment_is_told_to_its_own_address() {
    let (shop, inbox) = listening(&[]);
    shop.paid("order1").await;
    shop.wait(1).await;
    let inbox = inbox.lock().unwrap();
    let (_, request) = &inbox[0];
    assert!(shop.genuine(&request.headers, &request.body));
    assert_eq!((inbox.len(), request.url.as_str()), (1, "/notify"));
    let (kind, resource) = said(&shop, request);
    assert_eq!(
        (
            kind.as_str(),
            resource["out_trade_no"].as_str(),
            resource["trade_state"].as_str(),
            resource["amount"]["total"].as_i64()
        ),
        ("TRANSACTION.SUCCESS", Some("order1"), Some("SUCCESS"), Some(1000))
    );
    assert_eq!(resource, shop.sandbox.wechatpay().order("order1").unwrap());
}

#[tokio::test(start_paused = true)]
async fn every_end_of_a_refund_is_told_in_the_words_of_notices() {
    let (shop, inbox) = listening(&[]);
    for (number, reason, kind) in [
        ("order1", "", "REFUND.SUCCESS"),
        ("order2", "sandbox:abnormal", "REFUND.ABNORMAL"),
        ("order3", "sandbox:closed", "REFUND.CLOSED"),
    ] {
        shop.paid(number).await;
        let mut body = Shop::refund_body(number, number, 400);
        if !reason.is_empty() {
            body["reason"] = json!(reason);
        }
        shop.post("/v3/refund/domestic/refunds", &body).await;
        shop.wait(6).await;
        let (_, request) = inbox.lock().unwrap().last().unwrap().clone();
        let (told, resource) = said(&shop, &request);
        assert_eq!((told.as_str(), request.url.as_str()), (kind, "/refunded"));
        assert_eq!(resource["refund_status"], kind.trim_start_matches("REFUND."));
        assert!(resource.get("status").is_none() && resource["mchid"] == shop.credentials.mchid.as_str());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_taken_comes_again_with_a_fresh_signature() {
    // Only 200 and 204 take it: not another 2xx.
    let (shop, inbox) = listening(&[500, 202, 302, 200]);
    shop.paid("order1").await;
    shop.wait(3600).await;
    let inbox = inbox.lock().unwrap();
    let waits: Vec<i64> = inbox.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert_eq!(waits, [15, 15, 30]);
    assert!(inbox.iter().all(|(at, request)| {
        request.headers["wechatpay-timestamp"] == at.to_string().as_str() && shop.genuine(&request.headers, &request.body)
    }));
    assert_eq!(inbox[0].1.body, inbox[3].1.body);
    assert_ne!(inbox[0].1.headers["wechatpay-nonce"], inbox[1].1.headers["wechatpay-nonce"]);
}

#[tokio::test(start_paused = true)]
async fn a_notice_is_given_up_after_a_day() {
    let (shop, inbox) = listening(&[500; 32]);
    shop.paid("order1").await;
    shop.wait(3 * 24 * 3600).await;
    let inbox = inbox.lock().unwrap();
    assert_eq!((inbox.len(), inbox[15].0 - inbox[0].0), (16, 24 * 3600 + 240));
    assert_eq!(shop.sandbox.callbacks().counts().given_up, 1);
}

#[tokio::test(start_paused = true)]
async fn forged_notices_are_wrong_once() {
    for fault in [CallbackFault::BadSignature, CallbackFault::OtherSecret, CallbackFault::SignProbe] {
        let (shop, inbox) = listening(&[401]);
        shop.sandbox.faults().script_callbacks([fault]);
        shop.paid("order1").await;
        shop.wait(60).await;
        let inbox = inbox.lock().unwrap();
        let good: Vec<bool> = inbox.iter().map(|(_, request)| shop.genuine(&request.headers, &request.body)).collect();
        assert_eq!(good, [false, true], "{fault:?}");
        let probe = inbox[0].1.headers["wechatpay-signature"].to_str().unwrap().starts_with("WECHATPAY/SIGNTEST/");
        assert_eq!(probe, fault == CallbackFault::SignProbe);
    }
}

#[tokio::test(start_paused = true)]
async fn notices_are_lost_doubled_late_and_out_of_order_on_command() {
    let (shop, inbox) = listening(&[]);
    shop.sandbox.faults().script_callbacks([
        CallbackFault::Missing,
        CallbackFault::Duplicate,
        CallbackFault::Late { by_ms: 30_000 },
        CallbackFault::Reordered,
    ]);
    for number in ["order1", "order2", "order3", "order4", "order5"] {
        shop.paid(number).await;
        shop.wait(1).await;
    }
    shop.wait(100).await;
    let numbers: Vec<String> = inbox
        .lock()
        .unwrap()
        .iter()
        .map(|(_, request)| said(&shop, request).1["out_trade_no"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(numbers, ["order2", "order2", "order5", "order4", "order3"]);
}

#[tokio::test(start_paused = true)]
async fn a_merchant_who_is_switching_hears_both_keys() {
    let (shop, inbox) = listening(&[]);
    for n in 0..20 {
        shop.paid(&format!("order{n}")).await;
    }
    shop.wait(1).await;
    let by_key = |(_, request): &&(i64, Request)| {
        assert!(shop.genuine(&request.headers, &request.body));
        request.headers["wechatpay-serial"] == shop.credentials.public_key_id.as_str()
    };
    let by_key = inbox.lock().unwrap().iter().filter(by_key).count();
    assert!((1..20).contains(&by_key), "{by_key}");
    for (trust, expected) in [(Trust::PublicKey, true), (Trust::Certificates, false)] {
        let mut shop = Shop::with(WechatPayConfig { trust, ..WechatPayConfig::default() });
        shop.serial = None;
        let inbox = Inbox::default();
        let kept = inbox.clone();
        let sink: Sink = Arc::new(move |request| -> BoxFuture<'static, Reply> {
            kept.lock().unwrap().push((0, request));
            Box::pin(std::future::ready(Reply::new(StatusCode::OK, "")))
        });
        shop.sandbox.callbacks().to_handler("/unused", sink);
        shop.paid("order1").await;
        shop.wait(1).await;
        let serial = inbox.lock().unwrap()[0].1.headers["wechatpay-serial"].clone();
        assert_eq!(serial == shop.credentials.public_key_id.as_str(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_notice_is_resent_by_its_id_and_an_unreachable_address_hears_nothing() {
    let (shop, inbox) = listening(&[]);
    shop.paid("order1").await;
    shop.wait(1).await;
    let id = shop.sandbox.wechatpay().notices()[0]["id"].as_str().unwrap().to_owned();
    assert!(shop.sandbox.resend_event(&id) && !shop.sandbox.resend_event("none"));
    shop.wait(1).await;
    assert_eq!(inbox.lock().unwrap().len(), 2);
    let alone = Shop::new();
    alone.paid("order1").await;
    alone.wait(1).await;
    assert_eq!((alone.sandbox.callbacks().counts().events, alone.sandbox.wechatpay().notices().len()), (0, 1));
}
