//! A charge from draft to end, product by product: what is sent or shown, what is believed, what a refusal means.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_imports, clippy::panic, reason = "tests")]

mod recordings;

use std::time::Duration;

use paysluice::adapter::{
    Again, CaptureMode, Charge, Decoded, Draft, Known, Method, Moves, NotFound, Query, RecoveryStep, Renewal, Seen, Surface,
    WhenUp,
};
use paysluice::model::{Error, ErrorKind, Fate, NextAction, OrderNo, Status};
use paysluice_unionpay::UnionPay;
use recordings::*;

const CODE: &str = "6220835931895481436";

fn web() -> Method {
    Method::Redirect(Surface::Web)
}

fn barcode() -> Method {
    Method::Barcode(CODE.into())
}

fn first(unionpay: &UnionPay, op: &Charge) -> Result<Draft, Error> {
    drafted(unionpay, op, &Known::default(), &seed(ORDER))
}

fn draft(method: Method) -> Draft {
    first(&unionpay(), &by(method)).unwrap()
}

fn refused(op: &Charge) -> String {
    first(&unionpay(), op).unwrap_err().message().to_owned()
}

#[test]
fn each_product_is_said_in_its_own_words_and_always_has_an_end() {
    let common = [
        ("accessType", "0"),
        ("backUrl", "https://shop.example/callbacks/unionpay"),
        ("currencyCode", "156"),
        ("encoding", "UTF-8"),
        ("merId", "777290058110048"),
        ("orderId", ORDER),
        ("signMethod", "01"),
        ("txnAmt", "1234"),
        ("txnTime", TIME),
        ("txnType", "01"),
        ("version", "5.1.0"),
    ];
    let front = ("frontUrl", "https://shop.example/paid?order=1&x=2");
    let (quarter, five) = (("payTimeout", "20231115062820"), ("payTimeout", "20231115061820"));
    for (method, path, moves, own) in [
        (web(), "", Moves::Money, vec![("bizType", "000201"), ("channelType", "07"), front, quarter, ("txnSubType", "01")]),
        (
            Method::Redirect(Surface::Wap),
            "",
            Moves::Money,
            vec![("bizType", "000201"), ("channelType", "08"), front, quarter, ("txnSubType", "01")],
        ),
        (
            Method::App,
            "/gateway/api/appTransReq.do",
            Moves::Nothing,
            vec![("bizType", "000201"), ("channelType", "08"), quarter, ("txnSubType", "01")],
        ),
        (
            Method::Qr,
            "/gateway/api/backTransReq.do",
            Moves::Nothing,
            vec![("bizType", "000000"), ("channelType", "08"), quarter, ("txnSubType", "07")],
        ),
        (
            barcode(),
            "/gateway/api/backTransReq.do",
            Moves::Money,
            vec![("bizType", "000000"), ("channelType", "08"), five, ("qrNo", CODE), ("txnSubType", "06")],
        ),
    ] {
        let draft = draft(method);
        let mut expected = pairs(&[common.as_slice(), &own].concat());
        expected.sort();
        assert_eq!((read(draft.body.as_bytes()), draft.path.as_str(), draft.moves), (expected, path, moves));
    }
}

#[test]
fn a_form_is_the_same_whenever_it_is_shown_and_can_be_shown_again() {
    let (unionpay, op, draft) = (unionpay(), by(web()), draft(web()));
    let seen = shown::<Charge>(&unionpay, &draft);
    assert_eq!(seen, shown::<Charge>(&unionpay, &draft));
    let action = seen.action.unwrap();
    let NextAction::Form { url, fields } = action.what else { panic!() };
    assert_eq!((url.as_str(), action.expires_at), ("https://gateway.95516.com/gateway/api/frontTransReq.do", Some(at(900))));
    assert_eq!((get(&fields, "certId"), get(&fields, "signature").map(str::len)), (Some("68719476741"), Some(344)));
    assert_eq!(get(&fields, "frontUrl"), Some("https://shop.example/paid?order=1&x=2"), "as it is: HTML is the page's matter");
    let codec = codec::<Charge>(&unionpay);
    assert_eq!((codec.renewal(&op, &draft), seen.refs.get("biz_type")), (Renewal::Sign, Some("000201")));
    assert_eq!(codec.recovery(&op, &draft).not_found, NotFound::ProofAfter(at(900 + 300)));
    let follow = codec.follow(&op, &draft, &Seen::status(Status::AwaitingPayer), now()).unwrap();
    assert_eq!((follow.until, follow.then), (None, WhenUp::Leave));
    let looks: Vec<u64> = follow
        .cadence
        .iter()
        .scan(0, |sum, wait| {
            *sum += wait.as_secs() / 60;
            Some(*sum)
        })
        .collect();
    assert_eq!(looks, [5, 10, 15, 21, 30, 60, 120]);
    assert!(decoded::<Charge>(&unionpay, &draft, &ok(answer("01", "00"))).is_err(), "nothing was sent");
}

#[test]
fn an_order_waits_with_its_tn_or_qr_code_until_its_end() {
    let unionpay = unionpay();
    let tn = with(answer("01", "00"), &[("tn", "710065895678926661300")]);
    let seen = done::<Charge>(&unionpay, &draft(Method::App), &ok(tn.clone()));
    let action = seen.action.unwrap();
    let NextAction::Invoke(fields) = action.what else { panic!() };
    assert_eq!(
        (fields["tn"].as_str(), fields["mode"].as_str(), action.expires_at),
        ("710065895678926661300", "00", Some(at(900)))
    );
    assert_eq!(seen.status, Some(Status::AwaitingPayer));
    let url = "https://qr.95516.com/00010000/62822198?a=1";
    let qr = with(answer("01", "00"), &[("qrCode", url)]);
    let seen = done::<Charge>(&unionpay, &draft(Method::Qr), &ok(qr.clone()));
    assert_eq!(seen.action.unwrap().what, NextAction::Qr(url.into()));
    for (method, fields) in [
        (Method::App, qr),
        (Method::Qr, tn.clone()),
        (Method::App, with(tn.clone(), &[("tn", "a b")])),
        (Method::App, with(tn.clone(), &[("txnAmt", "1")])),
        (Method::App, with(tn.clone(), &[("currencyCode", "840")])),
        (Method::App, with(tn.clone(), &[("orderId", "order47110002")])),
        (Method::App, with(tn.clone(), &[("txnTime", "20231116061320")])),
        (Method::App, with(tn.clone(), &[("orderId", "")])),
        (Method::App, with(tn.clone(), &[("txnType", "04")])),
        (Method::App, with(tn, &[("merId", "777290058110049")])),
    ] {
        let failure = decoded::<Charge>(&unionpay, &draft(method), &ok(fields)).unwrap_err();
        assert_eq!(failure.error.kind(), ErrorKind::Unintelligible, "{}", failure.error);
    }
}

#[test]
fn a_payment_at_a_till_is_accepted_and_not_paid_and_is_reversed_when_time_is_up() {
    let (unionpay, op, draft) = (unionpay(), by(barcode()), draft(barcode()));
    let codec = codec::<Charge>(&unionpay);
    let seen = done::<Charge>(&unionpay, &draft, &ok(with(answer("01", "00"), &[("queryId", QUERY_ID), ("txnAmt", "1234")])));
    assert_eq!((seen.status.clone(), seen.captured, seen.refs.get("query_id")), (Some(Status::Processing), None, None));
    let follow = codec.follow(&op, &draft, &seen, at(10)).unwrap();
    assert_eq!((follow.until, follow.then), (Some(at(63)), WhenUp::Reverse));
    let cadence: Vec<u64> = follow.cadence.iter().map(Duration::as_secs).collect();
    assert_eq!(cadence[..7], [1, 2, 4, 8, 16, 32, 300]);
    let recovery = codec.recovery(&op, &draft);
    assert_eq!(recovery.steps[..2], [RecoveryStep::Query, RecoveryStep::Reverse { after: Duration::from_secs(63) }]);
    assert_eq!(recovery.not_found, NotFound::ProofAfter(at(300 + 300)));
    let declined = done::<Charge>(&unionpay, &draft, &ok(answer("01", "64")));
    assert_eq!((declined.status.clone(), codec.judge(&op, &draft, &declined)), (Some(Status::Declined), Some(Fate::NotApplied)));
    assert_eq!(declined.reason.unwrap().code, "64");
    // It takes money at once: nothing of doubt is ever sent twice.
    for reply in [
        ok(answer("01", "03")),
        ok(answer("01", "04")),
        ok(answer("01", "05")),
        ok(answer("01", "12")),
        ok(answer("01", "99")),
        ok(answer("01", "ZZ")),
        raw(500, plain(&signed(answer("01", "00")))),
        raw(404, ""),
        raw(200, ""),
        raw(200, plain(&answer("01", "00"))),
        raw(200, plain(&signed(answer("01", "00"))).replace("respCode=00", "respCode=01")),
        raw(200, plain(&signed_by(answer("01", "00"), IMPOSTOR, IMPOSTOR_KEY))),
    ] {
        let failure = decoded::<Charge>(&unionpay, &draft, &reply).unwrap_err();
        assert_eq!((failure.error.fate(), failure.again), (Fate::Unknown, Again::No), "{}", failure.error);
    }
}

#[test]
fn an_order_nobody_was_shown_goes_again_by_the_same_bytes() {
    let (unionpay, op, draft) = (unionpay(), by(Method::App), draft(Method::App));
    let same = Again::SameKey { after: None, invalidate: None };
    for reply in [raw(502, ""), raw(200, "<html>"), raw(429, ""), ok(refusal("37"))] {
        assert_eq!(decoded::<Charge>(&unionpay, &draft, &reply).unwrap_err().again, same);
    }
    let (one, two) = (sent::<Charge>(&unionpay, &draft), sent::<Charge>(&unionpay, &draft));
    assert_eq!((one.body, one.url.as_str()), (two.body, "https://gateway.95516.com/gateway/api/appTransReq.do"));
    let recovery = codec::<Charge>(&unionpay).recovery(&op, &draft);
    assert_eq!(recovery.steps, [RecoveryStep::Replay { within: Duration::from_secs(120) }, RecoveryStep::Query]);
    // The number stands for an order whose tn nobody has: it is neither made nor in doubt, and the same again would meet the same.
    let failure = decoded::<Charge>(&unionpay, &draft, &ok(answer("01", "12"))).unwrap_err();
    assert_eq!((failure.error.kind(), failure.again), (ErrorKind::Conflict, Again::No));
}

#[test]
fn a_refusal_tells_its_fate_and_unionpays_words() {
    let (unionpay, draft) = (unionpay(), draft(Method::Qr));
    for (code, kind) in [
        ("10", ErrorKind::Invalid),
        ("11", ErrorKind::Unauthorized),
        ("32", ErrorKind::Unauthorized),
        ("37", ErrorKind::Throttled),
        ("39", ErrorKind::NotNow),
        ("35", ErrorKind::Invalid),
        ("03", ErrorKind::Doubtful),
    ] {
        let error = decoded::<Charge>(&unionpay, &draft, &ok(answer("01", code))).unwrap_err().error;
        assert_eq!((error.kind(), error.code(), error.message()), (kind, Some(code), "成功[0000000]"));
        assert_eq!(error.cause().is_some(), kind == ErrorKind::NotNow);
    }
    let nameless = decoded::<Charge>(&unionpay, &draft, &ok(refusal("13"))).unwrap_err().error;
    assert_eq!((nameless.kind(), nameless.message()), (ErrorKind::Invalid, "报文格式错误[6100030]"));
    let others = decoded::<Charge>(&unionpay, &draft, &ok(with(refusal("13"), &[("orderId", "order47110002")]))).unwrap_err();
    assert_eq!(others.error.fate(), Fate::Unknown);
    let silent = decoded::<Charge>(&unionpay, &draft, &ok(with(answer("01", "13"), &[("respMsg", "")]))).unwrap_err().error;
    assert_eq!(silent.message(), "A field is missing from the message.");
}

#[test]
fn what_breaks_a_rule_is_refused_by_field_before_it_is_sent() {
    type Change = fn(&mut Charge);
    let cases: [(&str, Change); 18] = [
        ("method: unionpay takes web", |op| op.method = Method::Token("t".into())),
        ("capture: ", |op| op.capture = CaptureMode::Later),
        ("money: unionpay does not take USD", |op| op.money = "12.34 USD".parse().unwrap()),
        ("money: CNY in unionpay must be at least", |op| op.money = "0.00 CNY".parse().unwrap()),
        ("money: CNY in unionpay must be at most", |op| op.money = "10000000000.00 CNY".parse().unwrap()),
        ("method.barcode: must be", |op| op.method = Method::Barcode("12a".into())),
        ("method.barcode: must be", |op| op.method = Method::Barcode("1".repeat(21))),
        ("callback_url: must be an http", |op| op.callback_url = Some("shop".into())),
        ("return_url: must be an http", |op| op.return_url = Some("javascript:alert(1)".into())),
        ("charge_by: must be one minute", |op| op.charge_by = Some(at(59))),
        ("charge_by: must be one minute", |op| op.charge_by = Some(at(31 * 86_400))),
        ("description: must be 1 to 32", |op| op.description = Some("像".repeat(33))),
        ("metadata: must be at most 768", |op| drop(op.metadata.insert("k".into(), "v".repeat(768)))),
        ("extra.txnAmt: must be absent", |op| drop(op.extra.insert("txnAmt".into(), "1".into()))),
        ("extra.accNo: must be absent", |op| drop(op.extra.insert("accNo".into(), "6216".into()))),
        ("extra.bizType: must be six digits", |op| drop(op.extra.insert("bizType".into(), "00020a".into()))),
        ("extra.reqReserved: must be without", |op| drop(op.extra.insert("reqReserved".into(), "a&respCode=00".into()))),
        ("extra.customerIp: must be an IPv4", |op| drop(op.extra.insert("customerIp".into(), "localhost".into()))),
    ];
    for (reason, change) in cases {
        let mut op = by(web());
        change(&mut op);
        assert!(refused(&op).starts_with(reason), "{reason}: {}", refused(&op));
    }
    let mut config = config();
    (config.notify_url, config.return_url) = (None, None);
    let bare = UnionPay::new(config).unwrap();
    assert!(first(&bare, &by(Method::App)).unwrap_err().message().starts_with("callback_url: must be given"));
    let mut op = by(web());
    op.callback_url = Some("https://shop.example/up".into());
    assert!(first(&bare, &op).unwrap_err().message().starts_with("return_url: must be given"));
}

#[test]
fn what_the_application_passes_on_goes_where_it_belongs() {
    let mut op = by(web())
        .description("测试 商品+1")
        .return_url("https://shop.example/back")
        .charge_by(at(3600) + Duration::from_millis(700));
    op.metadata.insert("cart".into(), "a&b={7}".into());
    for (key, value) in [("bizType", "000202"), ("riskRateInfo", "{commodityName=测试商品名称}"), ("customerIp", "14.23.150.211")]
    {
        op.extra.insert(key.into(), value.into());
    }
    let draft = first(&unionpay(), &op).unwrap();
    let fields = read(draft.body.as_bytes());
    for (name, value) in [
        ("orderDesc", "测试 商品+1"),
        ("frontUrl", "https://shop.example/back"),
        ("payTimeout", "20231115071320"),
        ("bizType", "000202"),
        ("riskRateInfo", "{commodityName=测试商品名称}"),
        ("customerIp", "14.23.150.211"),
        ("reqReserved", "eyJjYXJ0IjoiYSZiPXs3fSJ9"),
    ] {
        assert_eq!(get(&fields, name), Some(value), "{name}");
    }
    assert_eq!(draft.closes_at, Some(at(3600)));
    op.payer_ip = Some("14.23.150.212".into());
    assert_eq!(
        first(&unionpay(), &op).unwrap().body,
        draft.body,
        "the payer's address is checked by UnionPay only if it is asked to"
    );
}

#[test]
fn a_failure_before_its_end_is_none_and_after_it_is_final() {
    let (unionpay, op) = (unionpay(), Query::new(OrderNo::new(ORDER).unwrap()));
    for product in ["web", "wap", "app", "qr"] {
        let draft = drafted(&unionpay, &op, &unpaid(product), &seed(ORDER)).unwrap();
        for (later, status) in [(0, Status::AwaitingPayer), (1200, Status::AwaitingPayer), (1201, Status::Declined)] {
            let seen = done_at::<Query>(&unionpay, &draft, &ok(state("64")), at(later));
            assert_eq!((seen.status, seen.refs.get("query_id")), (Some(status), None), "{product} {later}");
        }
        let seen = done_at::<Query>(&unionpay, &draft, &ok(state("A6")), at(5000));
        assert_eq!((seen.status, seen.word.as_deref()), (Some(Status::Paid), Some("A6")));
    }
    let till = drafted(&unionpay, &op, &unpaid("barcode"), &seed(ORDER)).unwrap();
    assert_eq!(done::<Query>(&unionpay, &till, &ok(state("64"))).status, Some(Status::Declined));
    assert!(matches!(decoded::<Query>(&unionpay, &till, &ok(answer("00", "34"))), Ok(Decoded::Missing)));
}
