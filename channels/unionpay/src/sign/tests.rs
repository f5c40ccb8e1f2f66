//! Tests of signing and proving: the published vectors, byte for byte, under the clock of their day.

use std::collections::BTreeMap;
use std::time::SystemTime;

use bytes::Bytes;
use paysluice::adapter::Callbacks;
use paysluice::model::Secret;
use paysluice::signing::canonical;
use serde_json::Value;

use super::*;
use crate::UnionPayConfig;
use crate::fields::Fields;
use crate::message::Refused;

const ROOT: &str = include_str!("../../vectors/acp_test_root.cer");
const MIDDLE: &str = include_str!("../../vectors/acp_test_middle.cer");

/// A merchant at UnionPay's test environment, with its public test key.
fn merchant(mer_id: &str) -> UnionPay {
    UnionPay::new(config(mer_id)).unwrap()
}

fn config(mer_id: &str) -> UnionPayConfig {
    let key = Secret::new(include_str!("../../vectors/acp_test_sign_key.pem"));
    let account = format!("unionpay:test:{mer_id}").parse().unwrap();
    let mut config = UnionPayConfig::new(account, ROOT, MIDDLE);
    config.test_environment = true;
    config.signing(key, include_str!("../../vectors/acp_test_sign_cert.pem"))
}

/// The published vectors, by their ids.
fn vectors() -> BTreeMap<String, Value> {
    let read: Value = serde_json::from_str(include_str!("../../vectors/vectors.json")).unwrap();
    let all = read["vectors"].as_array().unwrap().iter();
    all.map(|vector| (vector["id"].as_str().unwrap().to_owned(), vector.clone())).collect()
}

fn text<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name].as_str().unwrap()
}

/// The parameters of a vector, in the order of its file.
fn params(vector: &Value) -> Vec<(String, String)> {
    let all = vector["params"].as_object().unwrap().iter();
    all.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

fn form(fields: &[(String, String)]) -> String {
    Form::encode(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

/// Joined as an answer is.
fn plain(fields: &[(String, String)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn day(of: &str) -> SystemTime {
    time::read(of).unwrap()
}

#[test]
fn requests_are_signed_byte_for_byte() {
    let vectors = vectors();
    for id in ["request-sign", "query-request-sign", "front-consume-request-sign-utf8"] {
        let vector = &vectors[id];
        let unionpay = merchant(text(&vector["params"], "merId"));
        let merchant = unionpay.merchant().unwrap();
        assert_eq!(merchant.cert_id, text(vector, "cert_id"), "{id}");
        let fields: Vec<_> = params(vector).into_iter().filter(|(name, _)| name != "certId").collect();
        let bytes = || fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let signed = canonical(bytes().chain([(b"certId".as_slice(), merchant.cert_id.as_bytes())]));
        assert_eq!(String::from_utf8(signed).unwrap(), text(vector, "canonical"), "{id}");
        assert_eq!(merchant.signature(bytes()).unwrap(), text(vector, "signature"), "{id}");
        // The whole way: what is sent is what was drafted, and the two that sign it.
        let body = form(&fields);
        let request = unionpay.request(QUERY, &body).unwrap();
        let sent = std::str::from_utf8(&request.body).unwrap();
        let proof = form(&[("certId".into(), merchant.cert_id.clone()), ("signature".into(), text(vector, "signature").into())]);
        assert_eq!(
            (sent, request.url.as_str()),
            (&*format!("{body}&{proof}"), "https://gateway.test.95516.com/gateway/api/queryTrans.do")
        );
    }
}

#[cfg(feature = "pfx")]
#[test]
fn the_merchants_key_comes_out_of_the_published_files_and_signs_the_same() {
    let vector = &vectors()["request-sign"];
    for file in [
        include_bytes!("../../vectors/acp_test_sign.pfx").as_slice(),
        include_bytes!("../../vectors/yansongda_unipayAppCert.pfx"),
    ] {
        let mut config = config("777290058167151").signing_pfx(Secret::new(file), Secret::new(text(vector, "pfx_password")));
        (config.sign_key, config.sign_certificate) = (None, None);
        let unionpay = UnionPay::new(config).unwrap();
        let fields: Vec<_> = params(vector).into_iter().filter(|(name, _)| name != "certId").collect();
        let bytes = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        assert_eq!(unionpay.merchant().unwrap().signature(bytes).unwrap(), text(vector, "signature"));
    }
}

#[test]
fn certificate_ids_are_decimal() {
    let values = vectors()["cert-id"]["values"].clone();
    for (name, pem) in [
        ("acp_test_sign_cert.pem", include_str!("../../vectors/acp_test_sign_cert.pem")),
        ("acp_test_enc.cer", include_str!("../../vectors/acp_test_enc.cer")),
    ] {
        let certificate = paysluice::signing::Certificate::from_pem("certificate", pem.as_bytes()).unwrap();
        assert_eq!(Some(certificate.serial_decimal().as_str()), values[name].as_str(), "{name}");
    }
}

#[test]
fn published_answers_and_notices_are_proved_on_their_day_and_in_the_test_environment_only() {
    let vectors = vectors();
    for id in ["response-verify", "callback-verify-2"] {
        let vector = &vectors[id];
        let (fields, mer_id) = (params(vector), text(&vector["params"], "merId"));
        let (body, now) = (plain(&fields), day(text(&vector["params"], "txnTime")));
        let prove = |unionpay: &UnionPay, body: &str, now| {
            let fields = Fields::read(body.as_bytes()).unwrap();
            unionpay.proved(fields, now, true).map(|message| message.proof.covered().clone())
        };
        let unionpay = merchant(mer_id);
        assert_eq!(prove(&unionpay, &body, now).unwrap(), Bytes::from(text(vector, "canonical").to_owned()), "{id}");
        // The same as a form, with the certificate's line ends kept.
        let encoded = form(&fields);
        let read = Form::read(encoded.as_bytes()).unwrap();
        assert!(unionpay.proved(Fields::of(&read), now, true).is_ok(), "{id}");
        for (what, body, now) in [
            ("after the certificate's end", body.clone(), day("20250731091917")),
            ("before its beginning", body.clone(), day("20200731091915")),
            ("line ends altered", body.replace("\r\n", "\n"), now),
            ("decoded once more", body.replace('+', " "), now),
            ("an amount altered", body.replace("txnAmt=1", "txnAmt=2"), now),
            ("a field added", format!("{body}&more=1"), now),
            ("certId of another", format!("{body}&certId=69678957877"), now),
        ] {
            assert!(matches!(prove(&unionpay, &body, now), Err(Refused::Unproved(_))), "{id}: {what}");
        }
        assert!(matches!(prove(&merchant("777290058110048"), &body, now), Err(Refused::NotOurs)), "{id}");
        let mut production = config(mer_id);
        production.test_environment = false;
        let refused = prove(&UnionPay::new(production).unwrap(), &body, now).unwrap_err();
        assert!(matches!(refused, Refused::Unproved(why) if why.contains("does not chain")), "{id}: SHA-1 is believed");
    }
}

#[test]
fn the_librarys_own_test_messages_are_proved() {
    let vectors = vectors();
    for (id, mer_id, now) in [
        ("answer-format-error", "860100048140007", "20170629174011"),
        ("notice-test-signer", "848116053990002", "20170606101752"),
        ("answer-duplicate-batch", "777290058110048", "20170717142201"),
    ] {
        let vector = &vectors[id];
        let fields = Fields::read(text(vector, "body").as_bytes()).unwrap();
        let message = merchant(mer_id).proved(fields, day(now), false).unwrap();
        assert_eq!(message.proof.covered(), text(vector, "canonical").as_bytes(), "{id}");
    }
}

#[test]
fn a_published_notice_is_told_and_asked_about_first() {
    let vector = &vectors()["callback-verify-2"];
    let request = Request::new(Method::POST, "/unionpay?x=y").with_body(form(&params(vector)));
    let opened = merchant("777290058167151").open(&request, day("20220908132206"), &Granted::default()).unwrap();
    let paysluice::adapter::Opened::Items(items) = opened else { panic!() };
    let event = items[0].verdict.as_ref().unwrap();
    assert_eq!(items[0].delivery_key, "yansongda20220908132206:20220908132206:01:00");
    assert_eq!((event.trust(), event.seen().status.clone()), (paysluice::adapter::Trust::AskFirst, Some(Status::Paid)));
    assert_eq!(event.seen().money, Some("0.01 CNY".parse().unwrap()));
}

/// The app's result is UnionPay's word to the phone, with another key and SHA-1, and its library calls checking it at the server outdated.
/// Nothing is booked on it: the payment is asked for.
#[test]
fn every_published_vector_is_used_but_those_of_the_apps_result() {
    let used = [
        "request-sign",
        "response-verify",
        "callback-verify-2",
        "query-request-sign",
        "front-consume-request-sign-utf8",
        "cert-id",
        "answer-format-error",
        "notice-test-signer",
        "answer-duplicate-batch",
    ];
    let left: Vec<String> = vectors().into_keys().filter(|id| !used.contains(&id.as_str())).collect();
    assert_eq!(left, ["app-result-verify-1", "app-result-verify-2"]);
}

#[test]
fn a_reader_of_notices_signs_nothing() {
    let mut config = config("777290058167151");
    (config.sign_key, config.sign_certificate) = (None, None);
    let reader = UnionPay::reader(config).unwrap();
    assert_eq!(reader.request(QUERY, "a=1").unwrap_err().kind(), ErrorKind::Unauthorized);
}

#[test]
fn a_question_for_a_trade_that_never_was_shows_unionpay_at_work() {
    let vector = &vectors()["answer-format-error"];
    let unionpay = merchant("860100048140007");
    let at = |seconds: &str| Stamp { now: day(seconds), nonce: 7, send: 1 };
    let reply = |body: &str| Reply::new(http::StatusCode::OK, body.to_owned());
    let request = Probe::request(&unionpay, &at("20170629174011"), &Granted::default()).unwrap();
    assert!(std::str::from_utf8(&request.body).unwrap().contains("&orderId=paysluiceprobe&"));
    assert!(Probe::read(&unionpay, &reply(text(vector, "body")), &at("20170629174011")).is_ok());
    for wrong in ["", "respCode=00", "<html>", &text(vector, "body").replace("respCode=10", "respCode=34")] {
        assert!(Probe::read(&unionpay, &reply(wrong), &at("20170629174011")).is_err(), "{wrong}");
    }
}
