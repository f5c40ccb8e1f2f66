//! Every official vector: certificates' names, signed requests, order strings, notices, and answers with their nodes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_imports, reason = "tests")]

mod recordings;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use paysluice::adapter::{Callbacks, Change, Decoded, Form, Granted, Item, Known, Method, Opened, Query, Request};
use paysluice::model::{Error, ErrorKind, NextAction, OrderNo, Secret, Status};
use paysluice_alipay::{Alipay, AlipayConfig};
use recordings::*;

const YANSONGDA_KEY: &str = include_str!("../vectors/yansongda_app_private_key_pkcs1.pem");
const YANSONGDA_APP: &str = include_str!("../vectors/yansongda_alipayAppPublicCert.crt");
const YANSONGDA_ALIPAY: &str = include_str!("../vectors/yansongda_alipayPublicCert.crt");
const ROOTS: &str = include_str!("../vectors/yansongda_alipayRootCert.crt");
/// What the vectors' `timestamp` is, read in Beijing.
const WRITTEN: u64 = 1_703_112_877;

fn account(app: &str) -> paysluice::model::AccountRef {
    format!("alipay:live:{app}").parse().unwrap()
}

fn certified() -> AlipayConfig {
    let key = Secret::new(YANSONGDA_KEY);
    AlipayConfig::with_certificates(account("9021000122682882"), key, YANSONGDA_APP, YANSONGDA_ALIPAY, ROOTS)
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn item(alipay: &Alipay, request: &Request) -> Result<Item, Error> {
    match alipay.open(request, now(), &Granted::default())? {
        Opened::Items(mut items) => Ok(items.remove(0)),
        Opened::Need(want) => panic!("{want:?}"),
    }
}

fn sorted(mut fields: Vec<(String, String)>) -> Vec<(String, String)> {
    fields.sort();
    fields
}

/// The query whose parameters a vector holds, signed at the moment it was.
fn asked(alipay: &Alipay, number: &str, carry: &[(&str, &str)]) -> Vec<(String, String)> {
    let op = Query::new(OrderNo::new(number).unwrap());
    let mut draft = drafted(alipay, &op, &Known::default(), &seed(number)).unwrap();
    for (name, value) in carry {
        draft.carry.add(name, *value);
    }
    let stamp = paysluice::adapter::Stamp { now: at(WRITTEN), ..stamp() };
    let signed = codec::<Query>(alipay).sign(&draft, &stamp, &Granted::default()).unwrap();
    let paysluice::adapter::Ready::Done(paysluice::adapter::Signed::Send(request)) = signed else { panic!() };
    parameters(&request)
}

#[test]
fn requests_are_signed_as_published_in_either_mode() {
    let vector = self::vector("request-sign-cert-mode");
    let here = "http://hk.ysdor.cn/index.php";
    let sent = asked(&Alipay::new(certified()).unwrap(), "1703141270", &[("notify_url", here), ("return_url", here)]);
    let mut expected = fields(&vector);
    expected.push(("sign".to_owned(), text(&vector, "sign").to_owned()));
    assert_eq!(sorted(sent), sorted(expected));

    let vector = self::vector("request-sign-key-mode");
    let sent = asked(&alipay(), "20150320010101001", &[]);
    let form = Form::read(text(&vector, "form_body").as_bytes()).unwrap();
    let words = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let expected = form.fields().map(|(name, value)| (words(name), words(value))).collect();
    assert_eq!(sorted(sent), sorted(expected));
}

#[test]
fn an_order_string_is_the_published_one_up_to_the_order_of_its_pairs() {
    let vector = vector("order-string-app-pay");
    let mut config = config().notify_url("https://example.com/notify");
    config.seller_id = None;
    let alipay = Alipay::new(config).unwrap();
    let mut draft = drafted(&alipay, &by(Method::App), &Known::default(), &seed(ORDER)).unwrap();
    draft.body = text(&vector["params"], "biz_content").to_owned();
    let stamp = paysluice::adapter::Stamp { now: at(WRITTEN), ..stamp() };
    let NextAction::Invoke(parameters) = shown(&alipay, &draft, &stamp).action.unwrap().what else { panic!() };
    let pairs = |text: &str| {
        let mut pairs: Vec<String> = text.split('&').map(str::to_owned).collect();
        pairs.sort();
        pairs
    };
    assert_eq!(pairs(&parameters["orderStr"]), pairs(text(&vector, "order_string")));
}

#[test]
fn the_published_notices_are_told_and_their_alterations_are_not() {
    let seller = |config: AlipayConfig, id: &str| Alipay::new(config.seller_id(id)).unwrap();
    let by_key = |app: &str, pem: &str| AlipayConfig::with_key(account(app), Secret::new(APP_KEY), bare(pem));
    let v1 = include_str!("../vectors/node_alipay_notify_public_key_v1.pem");
    for (id, alipay, number, money) in [
        ("notify-cert-mode", seller(certified(), "2088721003899159"), "1703147160", "0.01 CNY"),
        (
            "notify-sign_type-removed",
            seller(by_key("2019073166072302", v1), "2088531891668739"),
            "20190815155618536-564-57",
            "0.10 CNY",
        ),
    ] {
        let fields = fields(&vector(id));
        let told = item(&alipay, &posted(&fields)).unwrap();
        let event = told.verdict.unwrap();
        assert_eq!(event.about().number.as_ref().unwrap().as_str(), number);
        assert_eq!((event.seen().status.clone(), event.seen().captured), (Some(Status::Paid), Some(money.parse().unwrap())));
        assert_eq!(event.covered(), text(&vector(id), "canonical").as_bytes());
        assert_eq!(told.delivery_key, fields.iter().find(|(name, _)| name == "notify_id").unwrap().1);
        for altered in 0..fields.len() {
            for change in ["", "0", " ", "%2B"] {
                let mut fields = fields.clone();
                fields[altered].1.push_str(change);
                assert_eq!(item(&alipay, &posted(&fields)).is_ok(), change.is_empty(), "{} {change:?}", fields[altered].0);
            }
            let mut fewer = fields.clone();
            fewer.remove(altered);
            assert!(item(&alipay, &posted(&fewer)).is_err(), "without {}", fields[altered].0);
        }
    }
}

#[test]
fn a_notice_of_the_gateway_keeps_its_sign_type_in_what_is_signed() {
    // Its key is the one that would be our own there, so that only a reader takes it for Alipay's.
    let public = include_str!("../vectors/node_app_public_key.pem");
    let config = AlipayConfig::with_key(account("2017122801303261"), Secret::new(""), public);
    let fields = fields(&vector("notify-sign_type-kept"));
    let event = item(&Alipay::reader(config).unwrap(), &posted(&fields)).unwrap().verdict.unwrap();
    assert_eq!((event.name(), event.change()), ("alipay.open.servicemarket.order.notify", &Change::Other));
    assert_eq!(event.covered(), text(&vector("notify-sign_type-kept"), "canonical").as_bytes());
}

/// Signed by Alipay, and says nothing of a payment's status.
#[test]
fn what_a_payers_browser_brings_back_is_no_notice() {
    let vector = vector("page-return-cert-mode");
    let request = Request::new(http::Method::POST, "/").with_body(text(&vector, "query_string").to_owned());
    let error = item(&Alipay::new(certified()).unwrap(), &request).unwrap_err();
    assert!(error.kind() == ErrorKind::Unintelligible && error.message().contains("no notify_id"), "{error}");
}

/// Answers to methods that this crate does not call: their draft is a query's, under another name.
#[test]
fn published_answers_are_proved_over_the_very_bytes_of_their_node() {
    let query = |alipay: &Alipay, method: &str, body: &str| {
        let op = Query::new(OrderNo::new(ORDER).unwrap());
        let draft = drafted(alipay, &op, &known(), &seed(ORDER)).unwrap();
        let carry = paysluice::adapter::Refs::new().with("method", method);
        let draft = paysluice::adapter::Draft { carry, ..draft };
        decoded::<Query>(alipay, &draft, &plain(body)).map_err(|failure| failure.error.message().to_owned())
    };
    let node_key = include_str!("../vectors/node_alipay_public_key.pem");
    let node = Alipay::new(AlipayConfig::with_key(account(APP), Secret::new(APP_KEY), node_key)).unwrap();
    // Proved, and then found to be about nothing that was asked.
    let proved = |told: Result<Decoded, String>| told.unwrap_err().contains("speaks of something else");
    let raw = vector("response-raw-node");
    let (method, body) = (text(&raw, "method"), text(&raw, "response_body"));
    assert!(proved(query(&node, method, body)));
    assert!(!proved(query(&node, method, &body.replace("CAxAToWB", "CAxAToWC"))));
    assert!(!proved(query(&node, method, &body.replace("\"msg\":", "\"msg\": "))));

    let certified = Alipay::new(certified()).unwrap();
    let answer = vector("response-cert-mode");
    let wrapped = |sn: &str| text(&answer, "wrapped_example").replace("<sn>", sn);
    let method = "alipay.fund.trans.uni.transfer";
    let own = YANSONGDA_ALIPAY_SN;
    assert!(proved(query(&certified, method, &wrapped(own))));
    assert!(proved(query(&certified, method, &wrapped(""))), "answers of older make name no certificate");
    assert!(!proved(query(&certified, method, &wrapped(own).replace("0.01", "0.02"))));
    let other = query(&certified, method, &wrapped(&own.replace('a', "b")));
    assert!(matches!(other, Ok(Decoded::Need(_))), "{other:?}");

    // Their signatures are of keys that were not published: the node is found all the same, and is not believed.
    for id in ["response-node-extraction-1", "response-node-extraction-2", "response-node-extraction-3"] {
        let vector = vector(id);
        let error = query(&node, "alipay.offline.material.image.upload", text(&vector, "response_body")).unwrap_err();
        assert!(error.contains("does not match Alipay's key"), "{error}");
    }
}

const YANSONGDA_ALIPAY_SN: &str = "6f1e366a31d9575cd546914add04f4af";
