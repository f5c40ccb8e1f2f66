//! Callbacks: signed, again until `success`, and every fault of theirs.

use std::sync::Mutex;

use http::StatusCode;
use paysluice::env::BoxFuture;

use super::*;
use crate::{CallbackFault, Sink};

type Inbox = Arc<Mutex<Vec<(i64, Request)>>>;

/// A shop whose notices go into an inbox; the first answers are these, the rest `success`.
fn listening(answers: &[(u16, &'static str)]) -> (Shop, Inbox) {
    let shop = Shop::new();
    let inbox = Inbox::default();
    let (kept, env, answers) = (inbox.clone(), shop.sandbox.env().clone(), answers.to_vec());
    let sink: Sink = Arc::new(move |request| -> BoxFuture<'static, Reply> {
        let mut inbox = kept.lock().unwrap();
        let (status, body) = answers.get(inbox.len()).copied().unwrap_or((200, "success"));
        inbox.push((unix(env.wall()), request));
        Box::pin(std::future::ready(Reply::new(StatusCode::from_u16(status).unwrap(), body)))
    });
    shop.sandbox.callbacks().to_handler("/unused", sink);
    (shop, inbox)
}

/// The fields of a form without `sign`, and that.
pub(super) fn taken_apart(form: &[u8]) -> (Said, String) {
    let form = paysluice::adapter::Form::read(form).unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut fields: Said = form.fields().map(|(name, value)| (text(name), text(value))).collect();
    let sign = fields.remove("sign").unwrap_or_default();
    (fields, sign)
}

pub(super) fn signed_text(fields: &Said) -> String {
    let signed = fields.iter().filter(|(name, _)| *name != "sign_type");
    signed.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn genuine(shop: &Shop, request: &Request, cert_sn: Option<&str>) -> bool {
    let (fields, sign) = taken_apart(&request.body);
    assert_eq!(fields["sign_type"], "RSA2");
    shop.is_alipays(signed_text(&fields).as_bytes(), &sign, cert_sn)
}

fn said(inbox: &Inbox) -> Vec<Said> {
    inbox.lock().unwrap().iter().map(|(_, request)| taken_apart(&request.body).0).collect()
}

#[tokio::test(start_paused = true)]
async fn a_payment_is_told_to_its_own_address_in_every_field() {
    let (shop, inbox) = listening(&[]);
    shop.paid("order1").await;
    shop.wait(1).await;
    let (_, request) = inbox.lock().unwrap()[0].clone();
    assert!(genuine(&shop, &request, None));
    assert_eq!(request.url, "/notify");
    assert_eq!(request.headers["content-type"], "application/x-www-form-urlencoded; charset=utf-8");
    let fields = said(&inbox).remove(0);
    for (name, value) in [
        ("notify_type", "trade_status_sync"),
        ("app_id", "2021000122671080"),
        ("auth_app_id", "2021000122671080"),
        ("seller_id", "2088101117955611"),
        ("charset", "utf-8"),
        ("version", "1.0"),
        ("out_trade_no", "order1"),
        ("trade_status", "TRADE_SUCCESS"),
        ("total_amount", "10.00"),
        ("receipt_amount", "10.00"),
        ("buyer_pay_amount", "10.00"),
        ("invoice_amount", "10.00"),
        ("point_amount", "0.00"),
        ("subject", "大乐透"),
        ("body", "kept"),
        ("passback_params", "a%3Db"),
        ("fund_bill_list", r#"[{"amount":"10.00","fundChannel":"ALIPAYACCOUNT"}]"#),
    ] {
        assert_eq!(fields[name], value, "{name}");
    }
    let trade = shop.query("order1").await;
    assert_eq!((fields["trade_no"].as_str(), fields["gmt_payment"].as_str()), (trade.at("trade_no"), trade.at("send_pay_date")));
    for name in ["gmt_refund", "refund_fee", "gmt_close", "out_biz_no", "alipay_cert_sn"] {
        assert!(!fields.contains_key(name), "{name}");
    }
    assert_eq!((fields["gmt_create"].len(), fields["notify_time"].len(), inbox.lock().unwrap().len()), (19, 19, 1));
}

#[tokio::test(start_paused = true)]
async fn refunds_scans_and_ends_are_told_under_the_trades_state() {
    let (shop, inbox) = listening(&[]);
    shop.call("alipay.trade.precreate", Shop::order("order1")).await;
    shop.sandbox.alipay().payer_opens("order1").unwrap();
    shop.wait(1).await;
    shop.sandbox.alipay().payer_pays("order1").unwrap();
    shop.wait(1).await;
    shop.refund("order1", "r1", "4.00").await;
    shop.wait(1).await;
    shop.refund("order1", "r2", "6.00").await;
    shop.wait(1).await;
    let told: Vec<[String; 4]> = said(&inbox)
        .into_iter()
        .map(|fields| {
            ["trade_status", "refund_fee", "out_biz_no", "gmt_payment"].map(|name| fields.get(name).cloned().unwrap_or_default())
        })
        .collect();
    let paid = told[1][3].clone();
    assert_eq!(paid.len(), 19);
    assert_eq!(
        told,
        [
            ["WAIT_BUYER_PAY", "", "", ""],
            ["TRADE_SUCCESS", "", "", &paid],
            ["TRADE_SUCCESS", "4.00", "r1", &paid],
            ["TRADE_CLOSED", "10.00", "r2", &paid],
        ]
        .map(|one| one.map(str::to_owned))
    );
    let last = said(&inbox).remove(3);
    assert!(last["gmt_refund"].len() == 23 && last["gmt_close"].len() == 19);
    // A closed order is not told, a cancelled one that was paid is, a finished one is.
    shop.scan("order2", "13").await;
    shop.close("order2").await;
    shop.paid("order3").await;
    shop.cancel("order3").await;
    shop.paid("order4").await;
    shop.sandbox.alipay().finish("order4");
    let states: Vec<Value> = shop.sandbox.alipay().notices()[4..].iter().map(|told| told["trade_status"].clone()).collect();
    assert_eq!(states, ["TRADE_SUCCESS", "TRADE_CLOSED", "TRADE_SUCCESS", "TRADE_FINISHED"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_but_the_word_success_takes_a_notice() {
    let answers =
        [(200, "SUCCESS"), (200, "success\n"), (200, "\"success\""), (200, ""), (204, ""), (201, "success"), (500, "success")];
    let (shop, inbox) = listening(&answers);
    shop.paid("order1").await;
    shop.wait(3 * 24 * 3600).await;
    let inbox_now = inbox.lock().unwrap().clone();
    let waits: Vec<i64> = inbox_now.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert_eq!(waits, [240, 600, 600, 3600, 7200, 21_600, 54_000]);
    assert!(inbox_now.iter().all(|(_, request)| genuine(&shop, request, None)));
    let told = said(&inbox);
    assert!(told.iter().all(|fields| fields["notify_id"] == told[0]["notify_id"]));
    assert_ne!(told[0]["notify_time"], told[1]["notify_time"]);
    let counts = shop.sandbox.callbacks().counts();
    assert_eq!((counts.deliveries, counts.accepted, counts.given_up), (8, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_notice_is_given_up_after_a_day() {
    let (shop, inbox) = listening(&[(200, "fail"); 32]);
    shop.paid("order1").await;
    shop.wait(3 * 24 * 3600).await;
    let inbox = inbox.lock().unwrap();
    assert_eq!((inbox.len(), inbox[7].0 - inbox[0].0), (8, 24 * 3600 + 1440));
    assert_eq!(shop.sandbox.callbacks().counts().given_up, 1);
}

#[tokio::test(start_paused = true)]
async fn forged_notices_are_wrong_once() {
    for fault in [CallbackFault::BadSignature, CallbackFault::OtherSecret, CallbackFault::SignProbe] {
        let (shop, inbox) = listening(&[(200, "failure")]);
        shop.sandbox.faults().script_callbacks([fault]);
        shop.paid("order1").await;
        shop.wait(600).await;
        let good: Vec<bool> = inbox.lock().unwrap().iter().map(|(_, request)| genuine(&shop, request, None)).collect();
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
    for number in ["order1", "order2", "order3", "order4", "order5"] {
        shop.paid(number).await;
        shop.wait(1).await;
    }
    shop.wait(100).await;
    let numbers: Vec<String> = said(&inbox).into_iter().map(|fields| fields["out_trade_no"].clone()).collect();
    assert_eq!(numbers, ["order2", "order2", "order5", "order4", "order3"]);
}

#[tokio::test(start_paused = true)]
async fn a_notice_is_signed_as_its_order_was_placed_and_by_the_certificate_of_then() {
    let (mut shop, inbox) = listening(&[]);
    shop.certified = true;
    shop.paid("order1").await;
    let old = shop.credentials.alipay_cert_sn.clone();
    shop.wait(1).await;
    let new = shop.sandbox.alipay().rotate_certificate();
    shop.paid("order2").await;
    shop.wait(1).await;
    let inbox = inbox.lock().unwrap();
    assert!(genuine(&shop, &inbox[0].1, Some(&old)) && !genuine(&shop, &inbox[0].1, None));
    assert!(genuine(&shop, &inbox[1].1, Some(&new)) && !genuine(&shop, &inbox[1].1, Some(&old)));
}

#[tokio::test(start_paused = true)]
async fn a_notice_is_resent_by_its_id_and_without_an_address_there_is_none() {
    let (shop, inbox) = listening(&[]);
    shop.paid("order1").await;
    shop.wait(1).await;
    let id = shop.sandbox.alipay().notices()[0]["notify_id"].as_str().unwrap().to_owned();
    assert!(shop.sandbox.resend_event(&id) && !shop.sandbox.resend_event("none"));
    shop.wait(1).await;
    assert_eq!(inbox.lock().unwrap().len(), 2);
    let mut silent = shop.said("alipay.trade.pay", &Shop::barcode("order2", "00"));
    silent.remove("notify_url");
    assert_eq!(shop.send(silent).await.at("code"), "10000");
    assert_eq!(shop.sandbox.alipay().notices().len(), 1);
}
