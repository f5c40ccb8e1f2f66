//! Notices: what each changes, and why a message is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_imports, reason = "tests")]

mod recordings;

use std::time::{Duration, UNIX_EPOCH};

use http::StatusCode;
use paysluice::adapter::{Callbacks, Change, Event, Form, Granted, Item, Opened, Request, Trust};
use paysluice::model::{Error, ErrorKind, Money, PartStatus, Status};
use paysluice_alipay::Alipay;
use recordings::*;

type Fields = Vec<(String, String)>;

fn item(alipay: &Alipay, request: &Request) -> Result<Item, Error> {
    match alipay.open(request, now(), &Granted::default())? {
        Opened::Items(mut items) => Ok(items.remove(0)),
        Opened::Need(want) => panic!("{want:?}"),
    }
}

fn open(request: &Request) -> Result<Event, Error> {
    item(&alipay(), request)?.verdict
}

#[allow(clippy::unnecessary_wraps, reason = "compared with what may be absent")]
fn cny(text: &str) -> Option<Money> {
    Some(Money::parse(text, paysluice::model::Currency::CNY).unwrap())
}

const PARTLY: [(&str, &str); 3] = [("gmt_refund", "2023-11-15 08:13:20.123"), ("refund_fee", "2.00"), ("out_biz_no", "ref-1")];

#[test]
fn each_notice_changes_what_it_speaks_of() {
    let paid = open(&signed(notice("TRADE_SUCCESS", &[]))).unwrap();
    assert_eq!((paid.change(), paid.trust(), paid.name()), (&Change::Payment, Trust::Enough, "TRADE_SUCCESS"));
    assert_eq!((paid.seen().captured, paid.about().refs.get("trade")), (cny("12.34"), Some(TRADE)));
    assert_eq!(paid.about().number.as_ref().unwrap().as_str(), ORDER);
    assert_eq!(paid.happened_at(), Some(UNIX_EPOCH + Duration::from_secs(NOW)));

    let partly = open(&signed(notice("TRADE_SUCCESS", &PARTLY))).unwrap();
    let part = &partly.seen().refunds[0];
    assert_eq!((partly.change(), partly.seen().refunded, part.money), (&Change::Refund, cny("2.00"), None));
    assert_eq!((part.number.as_deref(), &part.status), (Some("ref-1"), &PartStatus::Succeeded));
    assert_eq!((partly.seen().status.clone(), partly.seen().captured), (Some(Status::Paid), cny("12.34")), "still paid, once");

    for (status, seen, trust) in [
        ("WAIT_BUYER_PAY", Status::AwaitingPayer, Trust::Enough),
        ("TRADE_FINISHED", Status::Paid, Trust::Enough),
        ("TRADE_CLOSED", Status::Canceled, Trust::AskFirst),
        ("FROBNICATED", Status::Unrecognized("FROBNICATED".into()), Trust::Enough),
    ] {
        let event = open(&signed(notice(status, &[]))).unwrap();
        assert_eq!((event.seen().status.clone(), event.trust()), (Some(seen), trust), "{status}");
    }
}

#[test]
fn a_trade_that_closed_because_all_went_back_was_paid() {
    let all = [("gmt_refund", "2023-11-15 08:13:20.123"), ("refund_fee", "12.34"), ("out_biz_no", "ref-2")];
    let event = open(&signed(notice("TRADE_CLOSED", &all))).unwrap();
    assert_eq!((event.seen().status.clone(), event.seen().refunded), (Some(Status::Paid), cny("12.34")));
    assert_eq!((event.change(), event.trust()), (&Change::Refund, Trust::Enough));
    // Paid once, and nothing about what went back: it is asked for.
    let event = open(&signed(notice("TRADE_CLOSED", &[("gmt_payment", "2023-11-15 06:13:20")]))).unwrap();
    assert_eq!((event.seen().status.clone(), event.trust()), (Some(Status::Paid), Trust::AskFirst));
}

#[test]
fn whatever_stands_in_a_value_is_signed_as_it_is_and_decoded_once() {
    let huge = "大".repeat(20_000);
    for subject in ["a+b 100%", "%E5%85%83", "%2B", "元 é 🎉", "a=b", "x&y", "  ", "\\/\"", huge.as_str(), "line\r\nline\t"] {
        let request = signed(notice("TRADE_SUCCESS", &[("subject", subject), ("body", "1+1=2 & more")]));
        let event = open(&request).unwrap();
        let covered = String::from_utf8(event.covered().to_vec()).unwrap();
        assert!(covered.contains(&format!("&subject={subject}&total_amount=12.34&")), "{subject}");
        assert!(covered.contains("body=1+1=2 & more&buyer_id"));
    }
    // Blanks may be written as a plus or as %20, escapes in either case: it is the same message.
    let request = signed(notice("TRADE_SUCCESS", &[("subject", "a b+c")]));
    let body = String::from_utf8(request.body.to_vec()).unwrap();
    let plus = body.replace("%20", "+").replace("%2B", "%2b").replace("%3A", ":");
    assert_ne!(plus, body);
    assert!(open(&Request { body: plus.into(), ..request }).is_ok());
}

#[test]
fn empty_fields_may_take_part_in_what_is_signed_or_not() {
    let fields = notice("TRADE_SUCCESS", &[("body", ""), ("passback_params", "")]);
    assert!(open(&signed(fields.clone())).is_ok(), "left out");
    let mut sorted: Vec<_> = fields.iter().filter(|(name, _)| name != "sign_type").collect();
    sorted.sort();
    let text = sorted.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    assert!(text.contains("&body=&") && text.contains("&passback_params=&"));
    let mut kept = fields.clone();
    kept.push(("sign".to_owned(), signature(text.as_bytes())));
    let event = open(&posted(&kept)).unwrap();
    assert_eq!(event.covered(), text.as_bytes());
    // Who adds an empty field adds nothing.
    let mut padded = signed(notice("TRADE_SUCCESS", &[]));
    padded.body = [padded.body.as_ref(), b"&refund_fee="].concat().into();
    assert_eq!(open(&padded).unwrap().seen().refunded, None);
}

#[test]
fn bytes_in_gbk_are_proved_as_they_came() {
    // 元 in GBK.
    let mut fields = notice("TRADE_SUCCESS", &[("charset", "GBK")]);
    fields.retain(|(name, _)| name != "subject");
    let said = String::from_utf8(said(&fields, &["sign_type"])).unwrap();
    let (before, after) = said.split_once("&total_amount").unwrap();
    let text = [before.as_bytes(), b"&subject=\xd4\xaa&total_amount", after.as_bytes()].concat();
    fields.push(("sign".to_owned(), signature(&text)));
    let mut request = posted(&fields);
    request.body = [request.body.as_ref(), b"&subject=%D4%AA"].concat().into();
    assert_eq!(open(&request).unwrap().covered(), &text);
    let error = open(&signed(notice("TRADE_SUCCESS", &[("charset", "utf-16")]))).unwrap_err();
    assert!(error.message().contains("charset utf-16"), "{error}");
}

#[test]
fn what_is_proved_but_is_not_for_us_is_refused_whole() {
    for (field, value) in [("app_id", "2021000000000001"), ("auth_app_id", "2021000000000001"), ("seller_id", "2088000000000000")]
    {
        let error = open(&signed(notice("TRADE_SUCCESS", &[(field, value)]))).unwrap_err();
        assert!(error.kind() == ErrorKind::Unauthorized && error.message().contains(&format!("{field} is not ours")), "{error}");
    }
    for field in ["app_id", "seller_id"] {
        let mut fields = notice("TRADE_SUCCESS", &[]);
        fields.retain(|(name, _)| name != field);
        assert!(open(&signed(fields)).is_err(), "without {field}");
    }
    // Of a merchant that has authorized the app, and only of that.
    let for_sub = [("auth_app_id", "2021000000000099")];
    assert!(item(&authorized(), &signed(notice("TRADE_SUCCESS", &for_sub))).is_ok());
    assert!(item(&authorized(), &signed(notice("TRADE_SUCCESS", &[]))).is_err());
    assert!(item(&alipay(), &signed(notice("TRADE_SUCCESS", &for_sub))).is_err());
    let mut config = config();
    config.seller_id = None;
    let open_to_all = Alipay::new(config).unwrap();
    assert!(item(&open_to_all, &signed(notice("TRADE_SUCCESS", &[("seller_id", "2088000000000000")]))).is_ok());
}

#[test]
fn what_is_for_us_and_cannot_be_read_is_an_item_with_its_reason() {
    for (field, value) in [
        ("total_amount", "12,34"),
        ("total_amount", ""),
        ("total_amount", "-1.00"),
        ("total_amount", "12.345"),
        ("out_trade_no", ""),
        ("trade_no", ""),
        ("refund_fee", "x"),
        ("out_trade_no", "a b"),
    ] {
        let item = item(&alipay(), &signed(notice("TRADE_SUCCESS", &[(field, value)]))).unwrap();
        let error = item.verdict.unwrap_err();
        assert!(error.kind() == ErrorKind::Unintelligible && error.message().contains(field), "{field} {value}: {error}");
    }
    let mut fields = notice("TRADE_SUCCESS", &[]);
    fields.retain(|(name, _)| name != "notify_id");
    assert!(open(&signed(fields)).unwrap_err().message().contains("no notify_id"));
    let mut fields = notice("TRADE_SUCCESS", &[]);
    fields.retain(|(name, _)| name != "trade_status");
    assert_eq!(open(&signed(fields)).unwrap().change(), &Change::Other);
}

#[test]
fn each_refusal_says_what_failed() {
    let good = |more: &[(&str, &str)]| -> Fields {
        let mut fields = notice("TRADE_SUCCESS", more);
        let sign = signature(&said(&fields, &["sign", "sign_type"]));
        fields.push(("sign".to_owned(), sign));
        fields
    };
    let with = |name: &str, value: &str| {
        let mut fields = good(&[]);
        fields.iter_mut().filter(|(other, _)| other == name).for_each(|(_, old)| value.clone_into(old));
        posted(&fields)
    };
    let without = |name: &str| {
        let mut fields = good(&[]);
        fields.retain(|(other, _)| other != name);
        posted(&fields)
    };
    let raw = |change: fn(String) -> String| {
        let request = posted(&good(&[]));
        let body = change(String::from_utf8(request.body.to_vec()).unwrap());
        Request { body: body.into(), ..request }
    };
    for (request, reason) in [
        (without("sign"), "it has no sign"),
        (without("sign_type"), "it has no sign_type"),
        (with("sign", "***"), "sign is not standard base64"),
        (with("sign", ""), "it has no sign"),
        (with("sign_type", "RSA"), "sign_type is RSA, with SHA-1"),
        (with("sign_type", "MD5"), "sign_type is MD5, not RSA2"),
        (with("total_amount", "0.01"), "the signature does not match"),
        (with("trade_status", "TRADE_FINISHED"), "the signature does not match"),
        (with("subject", "another"), "the signature does not match"),
        (without("buyer_id"), "the signature does not match"),
        (raw(|body| body + "&refund_fee=12.34"), "the signature does not match"),
        (raw(|body| body + "&total_amount=12.34"), "total_amount: must be once in a form"),
        (raw(|body| body + "&total%5Famount=12.34"), "total_amount: must be once in a form"),
        (raw(|body| body + "&sign=x"), "sign: must be once in a form"),
        (raw(|body| body + "&x=%zz"), "no notice: body"),
        (raw(|body| body.replace('%', "%25")), "sign is not standard base64"),
        (raw(|body| body.replace("&subject=", "&a%26b%3D=")), "a field's name is none of Alipay's"),
        (Request::new(http::Method::POST, "/").with_body("{}"), "no notice"),
        (Request::new(http::Method::POST, "/"), "app_id is not ours"),
    ] {
        let error = open(&request).unwrap_err();
        assert!(error.message().contains(reason), "{reason}: {error}");
    }
    // By the application's own key, as somebody who has stolen nothing would.
    let mut own = good(&[]);
    let key = paysluice::signing::RsaPrivateKey::from_text("key", &paysluice::model::Secret::new(APP_KEY)).unwrap();
    let sign = key.sign(&[&said(&own, &["sign", "sign_type"])]).unwrap();
    let sign = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, sign);
    own.iter_mut().filter(|(name, _)| name == "sign").for_each(|(_, old)| old.clone_from(&sign));
    assert!(open(&posted(&own)).unwrap_err().message().contains("does not match"));
}

/// `&` and `=` are not escaped in what is signed: `…&seller_id=…&subject=x&total_amount=…` reads two ways.
#[test]
fn a_field_that_hides_in_the_value_of_another_is_refused() {
    let refunded = notice("TRADE_SUCCESS", &PARTLY);
    let sign = signature(&said(&refunded, &["sign_type"]));
    let hiding = |field: &str, into: &str, order: &dyn Fn(&str, &str) -> String| {
        let mut fields = refunded.clone();
        let hidden = fields.iter().find(|(name, _)| name == field).unwrap().1.clone();
        fields.retain(|(name, _)| name != field);
        fields.iter_mut().filter(|(name, _)| name == into).for_each(|(_, value)| *value = order(value, &hidden));
        fields.push(("sign".to_owned(), sign.clone()));
        posted(&fields)
    };
    // The same bytes are signed, and the refund would be gone.
    let request = hiding("refund_fee", "out_trade_no", &|value, hidden| format!("{value}&refund_fee={hidden}"));
    assert!(Form::read(&request.body).unwrap().text("refund_fee").unwrap().is_none());
    assert!(open(&request).unwrap_err().message().contains("two readings"));
    let request = hiding("gmt_refund", "gmt_payment", &|value, hidden| format!("{value}&gmt_refund={hidden}"));
    assert!(open(&request).unwrap_err().message().contains("two readings"));
    // What cannot be a field there is a text like any other.
    for (field, text) in
        [("passback_params", "a=1&total_amount=5&trade_no=7"), ("subject", "x&y=1&seller_id=2"), ("body", "&app_id=1")]
    {
        assert!(open(&signed(notice("TRADE_SUCCESS", &[(field, text)]))).is_ok(), "{field}");
    }
}

#[test]
fn a_notice_that_comes_again_has_the_same_key() {
    let (first, second) = (notice("TRADE_SUCCESS", &[]), notice("TRADE_SUCCESS", &[("notify_time", "2023-11-15 06:17:21")]));
    let key = |fields: Fields| item(&alipay(), &signed(fields)).unwrap().delivery_key;
    assert_eq!(key(first.clone()), key(second));
    let mut shuffled = first.clone();
    shuffled.reverse();
    assert_eq!(key(shuffled), key(first), "in whatever order its fields come");
}

#[test]
fn the_words_that_are_said_back_are_the_ones_that_count() {
    let accepted = alipay().accepted();
    assert_eq!((accepted.status, &accepted.body[..]), (StatusCode::OK, b"success".as_slice()));
    assert_eq!(accepted.headers["content-type"], "text/plain");
    for (kind, status) in [(ErrorKind::Unauthorized, 400), (ErrorKind::Unintelligible, 400), (ErrorKind::StoreFailed, 503)] {
        let refused = alipay().refused(&Error::new(kind, "why"));
        assert_eq!((refused.status.as_u16(), &refused.body[..]), (status, b"failure".as_slice()));
    }
}
