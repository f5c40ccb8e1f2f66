//! Notices: signed forms, again until taken, and every fault of theirs.

use std::sync::Mutex;

use http::StatusCode;
use paysluice::env::BoxFuture;

use super::*;
use crate::{CallbackFault, Sink};

type Inbox = Arc<Mutex<Vec<(i64, Request)>>>;

/// A shop whose notices go into an inbox; the first answers have these statuses, the rest 200.
fn listening(statuses: &[u16]) -> (Shop, Inbox) {
    let shop = Shop::new();
    let inbox = Inbox::default();
    let (kept, env, statuses) = (inbox.clone(), shop.sandbox.env().clone(), statuses.to_vec());
    let sink: Sink = Arc::new(move |request| -> BoxFuture<'static, Reply> {
        let mut inbox = kept.lock().unwrap();
        let status = statuses.get(inbox.len()).copied().unwrap_or(200);
        inbox.push((unix(env.wall()), request));
        Box::pin(std::future::ready(Reply::new(StatusCode::from_u16(status).unwrap(), "")))
    });
    shop.sandbox.callbacks().to_handler("/unused", sink);
    (shop, inbox)
}

fn said(request: &Request) -> Fields {
    let form = Form::read(&request.body).unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    form.fields().map(|(name, value)| (text(name), text(value))).collect()
}

#[tokio::test(start_paused = true)]
async fn a_payment_is_told_to_its_own_address_by_a_signed_form() {
    let (shop, inbox) = listening(&[]);
    let placed = shop.placed("order0001", "app", &[("reqReserved", "kept as it is+")]).await;
    shop.sandbox.unionpay().payer_fails("order0001").unwrap();
    shop.sandbox.unionpay().payer_pays("order0001").unwrap();
    shop.wait(1).await;
    let inbox = inbox.lock().unwrap().clone();
    let (_, request) = &inbox[0];
    assert_eq!((inbox.len(), request.url.as_str()), (1, "/notify?x=y"));
    assert_eq!(request.headers["content-type"], "application/x-www-form-urlencoded;charset=UTF-8");
    let fields = said(request);
    assert!(shop.genuine(&fields) && fields["signPubKeyCert"].contains("\r\n"));
    for (name, value) in [
        ("respCode", "00"),
        ("respMsg", "success"),
        ("merId", &shop.credentials.mer_id),
        ("orderId", "order0001"),
        ("txnTime", &placed["txnTime"]),
        ("txnType", "01"),
        ("txnAmt", "1000"),
        ("currencyCode", "156"),
        ("settleDate", "0616"),
        ("reqReserved", "kept as it is+"),
        ("queryId", shop.query(&placed).await.says("queryId")),
    ] {
        assert_eq!(fields[name], value, "{name}");
    }
    assert!(!fields.contains_key("backUrl") && !fields.contains_key("x"));
}

#[tokio::test(start_paused = true)]
async fn what_the_payer_drives_tells_success_only_and_the_rest_every_end() {
    let (shop, inbox) = listening(&[]);
    let paid = shop.paid("order0001").await;
    shop.placed("order0002", "web", &[]).await;
    shop.sandbox.unionpay().payer_fails("order0002").unwrap();
    shop.placed("order0003", "6220485073630469912", &[]).await;
    shop.placed("order0004", "6220485073630469911", &[]).await;
    shop.post("backTransReq.do", shop.consumption("order0005", "6220485073630469921").1).await;
    shop.wait(20).await;
    for (order, amount, word) in [("refund0001", "400", "fine"), ("refund0002", "600", "sandbox:fails")] {
        let mut refund = shop.back(order, "04", &paid, amount);
        refund.insert("reqReserved".to_owned(), word.to_owned());
        shop.post("backTransReq.do", refund).await;
        shop.wait(10).await;
    }
    let told: Vec<(String, String, String)> = inbox
        .lock()
        .unwrap()
        .iter()
        .map(|(_, request)| {
            let fields = said(request);
            assert!(shop.genuine(&fields) && (fields["txnType"] == "04") == (request.url == "/refunded"));
            (fields["orderId"].clone(), fields["txnType"].clone(), fields["respCode"].clone())
        })
        .collect();
    let expected = [
        ("order0001", "01", "00"),
        ("order0003", "01", "65"),
        ("order0004", "01", "00"),
        ("refund0001", "04", "00"),
        ("refund0002", "04", "01"),
    ];
    assert_eq!(told, expected.map(|(order, kind, code)| (order.to_owned(), kind.to_owned(), code.to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_notice_comes_five_times_unless_it_is_taken_by_200_or_302() {
    let (shop, inbox) = listening(&[500, 204, 301, 400, 404, 200]);
    shop.paid("order0001").await;
    shop.wait(24 * 3600).await;
    let waits = |inbox: &Inbox| -> Vec<i64> { inbox.lock().unwrap().windows(2).map(|pair| pair[1].0 - pair[0].0).collect() };
    assert_eq!((waits(&inbox), shop.sandbox.callbacks().counts().given_up), (vec![0, 60, 120, 240], 1));
    for taken in [200, 302] {
        let (shop, inbox) = listening(&[500, 500, taken]);
        shop.paid("order0001").await;
        shop.wait(24 * 3600).await;
        assert_eq!((waits(&inbox), shop.sandbox.callbacks().counts().accepted), (vec![0, 60], 1), "{taken}");
    }
}

#[tokio::test(start_paused = true)]
async fn forged_notices_are_wrong_once() {
    for fault in [
        CallbackFault::BadSignature,
        CallbackFault::OtherSecret,
        CallbackFault::SignProbe,
        CallbackFault::OtherName,
        CallbackFault::OutOfTime,
    ] {
        let (shop, inbox) = listening(&[400]);
        shop.sandbox.faults().script_callbacks([fault]);
        shop.paid("order0001").await;
        shop.wait(60).await;
        let good: Vec<bool> = inbox.lock().unwrap().iter().map(|(_, request)| shop.genuine(&said(request))).collect();
        assert_eq!(good, [false, true], "{fault:?}");
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
    for order in ["order0001", "order0002", "order0003", "order0004", "order0005"] {
        shop.paid(order).await;
        shop.wait(1).await;
    }
    shop.wait(100).await;
    let orders: Vec<String> = inbox.lock().unwrap().iter().map(|(_, request)| said(request)["orderId"].clone()).collect();
    assert_eq!(orders, ["order0002", "order0002", "order0005", "order0004", "order0003"]);
}

#[tokio::test(start_paused = true)]
async fn a_notice_is_resent_by_its_id() {
    let (shop, inbox) = listening(&[]);
    shop.paid("order0001").await;
    shop.wait(1).await;
    let id = shop.sandbox.unionpay().notices()[0].0.clone();
    assert!(shop.sandbox.resend_event(&id) && !shop.sandbox.resend_event("none"));
    shop.wait(1).await;
    let inbox = inbox.lock().unwrap();
    assert_eq!((inbox.len(), &inbox[0].1.body), (2, &inbox[1].1.body));
}

#[tokio::test(start_paused = true)]
async fn a_renewed_certificate_signs_what_follows() {
    let (shop, inbox) = listening(&[]);
    let paid = shop.paid("order0001").await;
    let before = shop.query(&paid).await.says("signPubKeyCert").to_owned();
    shop.sandbox.unionpay().renew_certificate();
    let after = shop.query(&paid).await.says("signPubKeyCert").to_owned();
    assert_ne!(before, after);
    shop.paid("order0002").await;
    shop.wait(1).await;
    let told: Vec<String> = inbox.lock().unwrap().iter().map(|(_, request)| said(request)["signPubKeyCert"].clone()).collect();
    assert_eq!(told, [before, after]);
}
