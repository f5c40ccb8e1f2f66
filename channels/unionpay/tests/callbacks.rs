//! Notices: what is proved and ours is told, to be asked about; everything else is refused, and for its own reason.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_imports, clippy::panic, reason = "tests")]

mod recordings;

use std::time::SystemTime;

use paysluice::adapter::{Callbacks, Change, Event, Granted, Item, Opened, Request, Trust};
use paysluice::model::{Error, ErrorKind, PartStatus, Status};
use paysluice_unionpay::UnionPay;
use recordings::*;

fn item_at(unionpay: &UnionPay, request: &Request, now: SystemTime) -> Result<Item, Error> {
    match unionpay.open(request, now, &Granted::default())? {
        Opened::Items(mut items) if items.len() == 1 => Ok(items.remove(0)),
        other => panic!("{other:?}"),
    }
}

fn item(request: &Request) -> Result<Item, Error> {
    item_at(&unionpay(), request, now())
}

fn event(request: &Request) -> Event {
    item(request).unwrap().verdict.unwrap()
}

#[test]
fn a_payment_is_told_by_its_number_and_asked_about_first() {
    let request = callback(notice());
    assert_eq!(item(&request).unwrap().delivery_key, format!("{ORDER}:{TIME}:01:00"));
    let event = event(&request);
    assert_eq!((event.name(), event.change(), event.trust()), ("01.00", &Change::Payment, Trust::AskFirst));
    let (about, seen) = (event.about(), event.seen());
    assert_eq!((about.number.as_ref().unwrap().as_str(), about.refs.get("query_id")), (ORDER, Some(QUERY_ID)));
    assert_eq!((seen.status.clone(), seen.money, seen.captured), (Some(Status::Paid), Some(money("12.34 CNY")), seen.money));
    assert_eq!(event.happened_at(), Some(now()));
    let covered = std::str::from_utf8(event.covered()).unwrap();
    assert!(covered.starts_with("accessType=0&bizType=000201&") && !covered.contains("signature="), "{covered}");
    // A failure, told of QR codes, says nothing of the payment's end.
    let failed = self::event(&callback(with(notice(), &[("respCode", "64")])));
    assert_eq!(
        (failed.seen().status.clone(), failed.about().refs.get("query_id"), failed.trust()),
        (None, None, Trust::AskFirst)
    );
}

#[test]
fn a_refund_is_told_by_the_payment_it_gives_money_back_of() {
    for (code, status) in
        [("00", PartStatus::Succeeded), ("A6", PartStatus::Succeeded), ("01", PartStatus::Failed), ("05", PartStatus::Pending)]
    {
        for kind in ["04", "31"] {
            let event = event(&callback(with(refund_notice(), &[("respCode", code), ("txnType", kind)])));
            assert_eq!(
                (event.change(), event.trust(), event.about().refs.get("query_id")),
                (&Change::Refund, Trust::AskFirst, Some(QUERY_ID))
            );
            let part = &event.seen().refunds[0];
            assert_eq!(
                (part.number.as_deref(), part.id.as_deref(), &part.status),
                (Some("refund000001"), Some("782209081322069999999"), &status)
            );
            assert_eq!((part.money, event.seen().status.as_ref()), (Some(money("4.00 CNY")), None));
        }
    }
    let alone = event(&callback(with(refund_notice(), &[("origQryId", "")])));
    assert_eq!(alone.about().number.as_ref().map(paysluice::model::ProviderNo::as_str), Some("refund000001"));
    assert_eq!(event(&callback(with(notice(), &[("txnType", "79")]))).change(), &Change::Other);
}

#[test]
fn what_stands_in_a_value_is_a_value_and_nothing_else() {
    for odd in [
        "{\"signature\":\"x\",\"respCode\":\"00\"}",
        "a+b &c=d%26",
        "测试 商品\u{1F600}",
        "signature=abc&respCode=00",
        &"x".repeat(200_000),
    ] {
        let event = event(&callback(with(notice(), &[("reqReserved", odd)])));
        assert_eq!(event.seen().status, Some(Status::Paid), "{odd:.20}");
    }
    // Empty fields are not signed, and may be there or not.
    let mut fields = signed(notice());
    fields.push(("reserved".into(), String::new()));
    assert!(item(&posted(&fields)).is_ok());
}

#[test]
fn only_the_body_is_read() {
    let mut request = callback(notice());
    request.url = "/callbacks/unionpay?a=b&respCode=01&signature=x".into();
    assert!(item(&request).is_ok());
    request.url = format!("/callbacks/unionpay?{}", std::str::from_utf8(&request.body).unwrap());
    request.body = "".into();
    assert!(item(&request).is_err());
}

#[test]
fn each_refusal_says_what_failed() {
    let good = signed(notice());
    let altered = |others: &[(&str, &str)]| posted(&with(good.clone(), others));
    let resigned = |others: &[(&str, &str)]| callback(with(notice(), others));
    let mut twice = good.clone();
    twice.push(("respCode".into(), "00".into()));
    let spaced = get(&good, "signature").unwrap().replace('+', " ").replace('/', "_");
    for (request, reason) in [
        (altered(&[("signature", "")]), "signature is missing"),
        (altered(&[("signPubKeyCert", "")]), "signPubKeyCert is missing"),
        (altered(&[("signPubKeyCert", SIGNER)]), "does not match"),
        (altered(&[("signPubKeyCert", IMPOSTOR)]), "its owner is not"),
        (altered(&[("signPubKeyCert", MERCHANT)]), "its owner is not"),
        (altered(&[("signPubKeyCert", ROOT)]), "its owner is not"),
        (altered(&[("signPubKeyCert", "x")]), "no certificate"),
        (altered(&[("txnAmt", "1")]), "does not match"),
        (altered(&[("more", "1")]), "does not match"),
        (altered(&[("settleDate", "")]), "does not match"),
        (altered(&[("signature", &spaced)]), "not standard base64"),
        (altered(&[("signature", &"A".repeat(10_000))]), "not standard base64"),
        (posted(&twice), "respCode: must be once"),
        (posted(&signed_by(notice(), IMPOSTOR, IMPOSTOR_KEY)), "its owner is not"),
        (posted(&signed_by(notice(), SIGNER, IMPOSTOR_KEY)), "does not match"),
        (resigned(&[("version", "5.0.0")]), "version is not 5.1.0"),
        (resigned(&[("version", "")]), "version is missing"),
        (resigned(&[("signMethod", "11")]), "signMethod is not 01"),
        (resigned(&[("certId", "68719476740")]), "certId is not"),
        (resigned(&[("merId", "777290058110049")]), "merId is not ours"),
        (resigned(&[("merId", "")]), "merId is not ours"),
        (Request::new(http::Method::POST, "/x").with_body("%zz=1"), "two hex digits"),
    ] {
        let error = item(&request).unwrap_err();
        assert!(error.kind() == ErrorKind::Unauthorized && error.message().contains(reason), "{reason}: {error}");
    }
    assert!(item(&callback(with(notice(), &[("certId", "68719476739")]))).is_ok(), "the serial number in decimal");
    for late in [u64::MAX / 1_000_000_000, 20 * 31_557_600] {
        let error = item_at(&unionpay(), &callback(notice()), at(late)).unwrap_err();
        assert!(error.message().contains("not valid now"), "{error}");
    }
}

#[test]
fn what_is_ours_and_cannot_be_read_is_an_item_with_its_reason() {
    for (name, value) in [("txnAmt", ""), ("txnAmt", "1.00"), ("currencyCode", "840"), ("queryId", "")] {
        let item = item(&callback(with(notice(), &[(name, value)]))).unwrap();
        let error = item.verdict.unwrap_err();
        assert!(error.kind() == ErrorKind::Unintelligible && error.message().contains(name), "{name}: {error}");
    }
    for name in ["orderId", "txnTime", "txnType", "respCode"] {
        for value in ["", "a b", "é"] {
            let error = item(&callback(with(notice(), &[(name, value)]))).unwrap_err();
            assert!(error.message().contains(name), "{name}: {error}");
        }
    }
}

#[test]
fn the_words_that_are_said_back_are_the_ones_that_count() {
    let accepted = unionpay().accepted();
    assert_eq!((accepted.status.as_u16(), &accepted.body[..]), (200, b"ok".as_slice()));
    for (kind, status) in [
        (ErrorKind::Unauthorized, 400),
        (ErrorKind::Unintelligible, 400),
        (ErrorKind::StoreFailed, 503),
        (ErrorKind::Refused, 503),
    ] {
        let refused = unionpay().refused(&Error::new(kind, "why"));
        assert_eq!((refused.status.as_u16(), refused.body.len()), (status, 0));
    }
}

#[test]
fn a_reader_needs_no_key() {
    let mut config = config();
    (config.sign_key, config.sign_certificate) = (None, None);
    let reader = UnionPay::reader(config).unwrap();
    assert!(item_at(&reader, &callback(notice()), now()).unwrap().verdict.is_ok());
}
