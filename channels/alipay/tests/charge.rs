//! A charge from draft to end, product by product: what is sent or shown, what is believed, what a refusal means.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_imports, reason = "tests")]

mod recordings;

use std::time::Duration;

use paysluice::adapter::{
    Again, Charge, Decoded, Draft, Known, Method, Moves, NotFound, RecoveryStep, Renewal, Seen, Surface, WhenUp,
};
use paysluice::model::{ErrorKind, Fate, NextAction, Status};
use paysluice::signing::{RsaPrivateKey, canonical};
use paysluice_alipay::Alipay;
use recordings::*;

const CODE: &str = "28763443825664394";

fn barcode() -> Method {
    Method::Barcode(CODE.into())
}

fn mini() -> Method {
    Method::MiniProgram { payer: "2088722003899169".into() }
}

fn draft_by(alipay: &Alipay, op: &Charge) -> Draft {
    drafted(alipay, op, &Known::default(), &seed(ORDER)).unwrap()
}

fn draft(method: Method) -> Draft {
    draft_by(&alipay(), &by(method))
}

fn refused(op: &Charge) -> String {
    drafted(&alipay(), op, &Known::default(), &seed(ORDER)).unwrap_err().message().to_owned()
}

#[test]
fn each_product_is_said_as_its_page_says_it() {
    let head = |code: &str, until: &str| {
        format!(
            r#"{{"out_trade_no":"{ORDER}","total_amount":"12.34","subject":"大乐透","product_code":"{code}","time_expire":"{until}""#
        )
    };
    let (half_hour, two_minutes) = ("2023-11-15 06:43:20", "2023-11-15 06:15:20");
    for (method, name, sent, moves, body) in [
        (Method::Redirect(Surface::Web), "page.pay", false, Moves::Money, head("FAST_INSTANT_TRADE_PAY", half_hour)),
        (Method::Redirect(Surface::Wap), "wap.pay", false, Moves::Money, head("QUICK_WAP_WAY", half_hour)),
        (Method::App, "app.pay", false, Moves::Money, head("QUICK_MSECURITY_PAY", half_hour)),
        (Method::Qr, "precreate", true, Moves::Nothing, head("FACE_TO_FACE_PAYMENT", half_hour)),
        (
            mini(),
            "create",
            true,
            Moves::Money,
            head("JSAPI_PAY", half_hour) + &format!(r#","buyer_id":"2088722003899169","op_app_id":"{APP}""#),
        ),
        (
            barcode(),
            "pay",
            true,
            Moves::Money,
            head("FACE_TO_FACE_PAYMENT", two_minutes) + &format!(r#","scene":"bar_code","auth_code":"{CODE}""#),
        ),
    ] {
        let draft = draft(method);
        assert_eq!(draft.body, body + "}", "{name}");
        assert_eq!(draft.carry.get("method"), Some(&*format!("alipay.trade.{name}")));
        assert_eq!((draft.path.as_str(), draft.moves), (if sent { "/gateway.do" } else { "" }, moves), "{name}");
    }
}

#[test]
fn a_request_is_signed_over_all_that_it_sends_and_the_token_is_not_in_its_address() {
    let alipay = authorized();
    let request = sent::<Charge>(&alipay, &draft_by(&alipay, &by(barcode())));
    let all = parameters(&request);
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    for name in ["app_id", "method", "format", "charset", "sign_type", "timestamp", "version", "notify_url", "app_auth_token"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    assert!(!request.url.contains("app_auth_token") && !request.url.contains("biz_content"), "{}", request.url);
    assert_eq!(parameter(&request, "timestamp").unwrap(), "2023-11-15 06:13:20");
    assert_eq!(request.headers["content-type"], "application/x-www-form-urlencoded;charset=utf-8");
    let signed = all.iter().filter(|(name, _)| name != "sign");
    let text = canonical(signed.map(|(name, value)| (name.as_bytes(), value.as_bytes())));
    let key = RsaPrivateKey::from_text("key", &paysluice::model::Secret::new(APP_KEY)).unwrap();
    let expected = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, key.sign(&[&text]).unwrap());
    assert_eq!(parameter(&request, "sign").unwrap(), expected);
}

#[test]
fn a_page_and_an_order_string_are_shown_until_their_time_and_signed_anew() {
    let mut op = by(Method::Redirect(Surface::Web));
    op.return_url = Some("https://shop.example/back?order=1".into());
    let draft = draft_by(&alipay(), &op);
    let (first, later) = (shown(&alipay(), &draft, &at(0)), shown(&alipay(), &draft, &at(600)));
    let action = first.action.clone().unwrap();
    let NextAction::Redirect(url) = &action.what else { panic!() };
    assert!(url.starts_with("https://openapi.alipay.com/gateway.do?app_id=2021000122671080&method=alipay.trade.page.pay&"));
    assert!(url.contains("&return_url=https%3A%2F%2Fshop.example%2Fback%3Forder%3D1&") && url.contains("&biz_content=%7B"));
    assert_eq!((first.status.clone(), action.expires_at), (Some(Status::AwaitingPayer), draft.closes_at));
    assert_ne!(first.action, later.action);
    let codec = codec::<Charge>(&alipay()).judge(&op, &draft, &first);
    assert_eq!(codec, Some(Fate::Applied));
    for method in [Method::Redirect(Surface::Wap), Method::App] {
        let draft = self::draft(method);
        assert!(shown(&alipay(), &draft, &at(0)).action.is_some());
        assert_eq!(codec_renewal(&draft), Renewal::Sign);
    }
}

fn codec_renewal(draft: &Draft) -> Renewal {
    codec::<Charge>(&alipay()).renewal(&by(Method::Qr), draft)
}

#[test]
fn what_breaks_a_rule_is_refused_by_field_before_it_is_sent() {
    type Change = fn(&mut Charge);
    let cases: [(&str, Change); 19] = [
        ("method: alipay takes web", |op| op.method = Method::Token("pm_1".into())),
        ("capture: ", |op| op.capture = paysluice::adapter::CaptureMode::Later),
        ("money: alipay does not take USD", |op| op.money = "12.34 USD".parse().unwrap()),
        ("money: CNY in alipay must be at least", |op| op.money = "0.00 CNY".parse().unwrap()),
        ("money: CNY in alipay must be at most", |op| op.money = "100000000.01 CNY".parse().unwrap()),
        ("description: must be 1 to 256", |op| op.description = Some("像".repeat(257))),
        ("description: must be without / = &", |op| op.description = Some("a&b=c".into())),
        ("method.barcode: must be", |op| op.method = Method::Barcode("12345678901234567".into())),
        ("method.barcode: must be", |op| op.method = Method::Barcode("28".into())),
        ("method.payer: must be", |op| op.method = Method::MiniProgram { payer: String::new() }),
        ("callback_url: must be an https", |op| op.callback_url = Some("http://shop.example/a".into())),
        ("return_url: must be an https", |op| op.return_url = Some("shop.example".into())),
        ("charge_by: must be one minute to 15 days", |op| op.charge_by = Some(now() + Duration::from_secs(59))),
        ("charge_by: must be one minute to 15 days", |op| op.charge_by = Some(now() + Duration::from_secs(16 * 86_400))),
        ("extra.total_amount: must be absent", |op| {
            op.extra.insert("total_amount".into(), "1".into());
        }),
        ("extra.seller_id: must be absent", |op| {
            op.extra.insert("seller_id".into(), "2088".into());
        }),
        ("extra.goods_detail: must be a JSON", |op| {
            op.extra.insert("goods_detail".into(), "7".into());
        }),
        ("metadata: must be at most 512", |op| {
            op.metadata.insert("k".into(), "像".repeat(80));
        }),
        ("metadata: must be empty where", |op| {
            op.metadata.insert("k".into(), "v".into());
            op.extra.insert("passback_params".into(), "x".into());
        }),
    ];
    for (reason, change) in cases {
        let mut op = by(Method::Redirect(Surface::Web));
        change(&mut op);
        assert!(refused(&op).starts_with(reason), "{reason}: {}", refused(&op));
    }
}

#[test]
fn what_the_application_passes_on_goes_where_it_belongs() {
    let mut op = by(Method::Redirect(Surface::Wap));
    op.return_url = Some("https://shop.example/back".into());
    op.metadata.insert("cart".into(), "7".into());
    op.extra.insert("goods_detail".into(), r#"[{"goods_id":"a","price":2000}]"#.into());
    op.extra.insert("store_id".into(), "NJ_001".into());
    let body = draft_by(&alipay(), &op).body;
    let expected = r#""goods_detail":[{"goods_id":"a","price":2000}],"passback_params":"%7B%22cart%22%3A%227%22%7D","quit_url":"https://shop.example/back","store_id":"NJ_001"}"#;
    assert!(body.ends_with(expected), "{body}");
    let open_id = by(Method::MiniProgram { payer: "074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5".into() });
    assert!(draft_by(&authorized(), &open_id).body.contains(r#""buyer_open_id":"074a1"#));
    assert!(draft_by(&authorized(), &open_id).body.contains(r#""op_app_id":"2021000000000099""#), "of whom it acts for");
    let face = by(Method::Barcode(format!("fp{}", "a1".repeat(16) + "b")));
    assert!(draft_by(&alipay(), &face).body.contains(r#""scene":"security_code""#));
    // Without words for the payer, the order's number.
    let mut op = by(Method::Qr);
    op.description = None;
    assert!(draft_by(&alipay(), &op).body.contains(r#""subject":"order_4711""#));
}

#[test]
fn an_order_waits_with_what_its_payer_needs() {
    let qr = draft(Method::Qr);
    let node = success(&format!(r#""out_trade_no":"{ORDER}","qr_code":"https:\/\/qr.alipay.com\/bavh4wjlxf12tper3a""#));
    let seen = done::<Charge>(&alipay(), &qr, &node);
    let action = seen.action.unwrap();
    assert_eq!(
        (action.what, action.expires_at),
        (NextAction::Qr("https://qr.alipay.com/bavh4wjlxf12tper3a".into()), qr.closes_at)
    );
    assert_eq!(codec_renewal(&qr), Renewal::Resend);
    let mini = draft(mini());
    let seen = done::<Charge>(&alipay(), &mini, &success(&ids()));
    assert_eq!(seen.action.unwrap().what, NextAction::Invoke([("tradeNO".to_owned(), TRADE.to_owned())].into()));
    for (draft, node) in [
        (&qr, success(&format!(r#""out_trade_no":"{ORDER}""#))),
        (&qr, node.replace(ORDER, "order_4712")),
        (&qr, node.replace(&format!(r#""out_trade_no":"{ORDER}","#), "")),
        (&mini, success(&format!(r#""out_trade_no":"{ORDER}""#))),
    ] {
        let failure = decoded::<Charge>(&alipay(), draft, &ok(draft, &node)).unwrap_err();
        assert_eq!(failure.error.kind(), ErrorKind::Unintelligible, "{node}");
    }
}

#[test]
fn a_barcode_takes_money_at_once_waits_for_the_payer_or_is_refused() {
    let (draft, op) = (draft(barcode()), by(barcode()));
    let judge = |seen: &Seen| codec::<Charge>(&alipay()).judge(&op, &draft, seen);
    let paid = format!(r#"{},"total_amount":"12.34","gmt_payment":"2023-11-15 06:13:20""#, ids());
    let seen = done::<Charge>(&alipay(), &draft, &success(&paid));
    assert_eq!((seen.status.clone(), seen.captured), (Some(Status::Paid), Some("12.34 CNY".parse().unwrap())));
    assert_eq!(
        (judge(&seen), seen.refs.get("trade"), seen.refs.get("paid_at")),
        (Some(Fate::Applied), Some(TRADE), Some("2023-11-15 06:13:20"))
    );
    let waiting = done::<Charge>(&alipay(), &draft, &success(&ids()).replace("10000", "10003"));
    assert_eq!((waiting.status.clone(), judge(&waiting)), (Some(Status::AwaitingPayer), Some(Fate::Applied)));
    let declined = done::<Charge>(&alipay(), &draft, &self::recordings::refused("40004", "ACQ.BUYER_BALANCE_NOT_ENOUGH"));
    let reason = declined.reason.clone().unwrap();
    assert_eq!((reason.code.as_str(), reason.message.as_deref()), ("ACQ.BUYER_BALANCE_NOT_ENOUGH", Some("不行")));
    assert_eq!(judge(&declined), Some(Fate::NotApplied));
    // Success without an amount, or of another order, is none.
    for node in [success(&ids()), success(&paid.replace(ORDER, "order_4712")), success(&paid.replace("12.34", "12,34"))] {
        assert_eq!(decoded::<Charge>(&alipay(), &draft, &ok(&draft, &node)).unwrap_err().error.fate(), Fate::Unknown);
    }
    // Other money is shown as it is: the gateway compares it.
    let other = done::<Charge>(&alipay(), &draft, &success(&paid.replace("12.34", "0.01")));
    assert_eq!(other.money, Some("0.01 CNY".parse().unwrap()));
}

#[test]
fn a_barcode_is_polled_until_a_time_that_does_not_slide_and_then_reversed() {
    let (draft, op, alipay) = (draft(barcode()), by(barcode()), alipay());
    let waiting = done::<Charge>(&alipay, &draft, &success(&ids()).replace("10000", "10003"));
    let codec = codec::<Charge>(&alipay);
    let follow = codec.follow(&op, &draft, &waiting, now()).unwrap();
    assert_eq!((follow.until, follow.then), (Some(now() + Duration::from_secs(60)), WhenUp::Reverse));
    assert_eq!(codec.follow(&op, &draft, &waiting, now() + Duration::from_secs(55)), Some(follow.clone()));
    assert!(follow.cadence.iter().all(|wait| (3..=5).contains(&wait.as_secs())));
    let recovery = codec.recovery(&op, &draft);
    assert_eq!(recovery.steps[..2], [RecoveryStep::Query, RecoveryStep::Reverse { after: Duration::from_secs(60) }]);
    assert_eq!(recovery.not_found, NotFound::ProofAfter(now() + Duration::from_secs(180)));
    assert_eq!(codec.renewal(&op, &draft), Renewal::Never);
    // In doubt it is asked for, never sent again.
    for reply in [
        ok(&draft, &self::recordings::refused("20000", "isp.unknow-error")),
        ok(&draft, &self::recordings::refused("40004", "ACQ.SYSTEM_ERROR")),
        of_gateway("20000", "aop.unknow-error"),
    ] {
        let failure = decoded::<Charge>(&alipay, &draft, &reply).unwrap_err();
        assert_eq!((failure.error.fate(), failure.again), (Fate::Unknown, Again::No));
    }
}

#[test]
fn only_time_proves_that_nobody_paid_what_was_shown() {
    for method in [Method::Redirect(Surface::Web), Method::App, Method::Qr, mini()] {
        let (draft, op) = (draft(method.clone()), by(method));
        let closes = now() + Duration::from_secs(1800);
        assert_eq!(draft.closes_at, Some(closes));
        let recovery = codec::<Charge>(&alipay()).recovery(&op, &draft);
        assert_eq!(recovery.not_found, NotFound::ProofAfter(closes + Duration::from_secs(60)));
        let follow = codec::<Charge>(&alipay()).follow(&op, &draft, &Seen::status(Status::AwaitingPayer), now()).unwrap();
        assert_eq!((follow.until, follow.then), (Some(closes), WhenUp::Leave));
    }
    let mut op = by(Method::Qr);
    op.charge_by = Some(now() + Duration::from_millis(90_700));
    let draft = draft_by(&alipay(), &op);
    assert_eq!(draft.closes_at, Some(now() + Duration::from_secs(90)), "whole seconds, as they are written");
    assert!(draft.body.contains(r#""time_expire":"2023-11-15 06:14:50""#));
}

#[test]
fn a_success_that_alipay_has_not_signed_is_none() {
    let draft = draft(barcode());
    let node = success(&format!(r#"{},"total_amount":"12.34""#, ids()));
    let good = signature(node.as_bytes());
    let body = |node: &str, sign: &str| format!(r#"{{"alipay_trade_pay_response":{node}{sign}}}"#);
    let signed = |sign: &str| format!(r#","sign":"{sign}""#);
    assert!(decoded::<Charge>(&alipay(), &draft, &plain(&body(&node, &signed(&good)))).is_ok());
    for (what, reply) in [
        ("no sign", body(&node, "")),
        ("an empty one", body(&node, &signed(""))),
        ("null", body(&node, r#","sign":null"#)),
        ("no base64", body(&node, &signed("***"))),
        ("of other bytes", body(&node.replace("12.34", "12.35"), &signed(&good))),
        ("a space more", body(&node.replace(',', ", "), &signed(&good))),
        ("twice", body(&node, &(signed(&good) + &signed(&good)))),
        ("of the wrong method", body(&node, &signed(&good)).replace("trade_pay", "trade_query")),
        ("of the gateway", body(&node, &signed(&good)).replace("alipay_trade_pay_response", "error_response")),
        ("within the node", body(&node.replace('}', &format!(r#","sign":"{good}"}}"#)), "")),
        ("within a string", body(&node.replace("Success", &format!(r#"\",\"sign\":\"{good}"#)), "")),
    ] {
        let failure = decoded::<Charge>(&alipay(), &draft, &plain(&reply)).unwrap_err();
        assert_eq!((failure.error.fate(), failure.again), (Fate::Unknown, Again::No), "{what}: {}", failure.error);
    }
    let waiting = node.replace("10000", "10003");
    let failure = decoded::<Charge>(&alipay(), &draft, &plain(&body(&waiting, ""))).unwrap_err();
    assert_eq!(failure.error.fate(), Fate::Unknown);
}

#[test]
fn slashes_may_be_escaped_after_they_were_signed() {
    let draft = draft(Method::Qr);
    let node = success(&format!(r#""out_trade_no":"{ORDER}","qr_code":"https://qr.alipay.com/bavh4w""#));
    let escaped = node.replace('/', r"\/");
    let body = |node: &str, signed: &str| {
        plain(&format!(r#"{{"alipay_trade_precreate_response":{node},"sign":"{}"}}"#, signature(signed.as_bytes())))
    };
    for (sent, signed, fits) in
        [(&node, &node, true), (&escaped, &escaped, true), (&escaped, &node, true), (&node, &escaped, false)]
    {
        assert_eq!(decoded::<Charge>(&alipay(), &draft, &body(sent, signed)).is_ok(), fits, "{sent} {signed}");
    }
}

#[test]
fn an_unsigned_refusal_refuses_and_proves_nothing_else() {
    let draft = draft(Method::Qr);
    let told = |reply| {
        decoded::<Charge>(&alipay(), &draft, &reply).map(|told| format!("{told:?}")).map_err(|f| (f.error.kind(), f.again))
    };
    let same = Again::SameKey { after: None, invalidate: None };
    let later = Again::SameKey { after: Some(Duration::from_secs(1)), invalidate: None };
    for (code, sub, kind, again) in [
        ("40002", "isv.invalid-signature", ErrorKind::Unauthorized, Again::No),
        ("40001", "isv.missing-method", ErrorKind::Invalid, Again::No),
        ("20000", "isp.unknow-error", ErrorKind::Doubtful, same.clone()),
        ("40005", "isv.app-call-limited", ErrorKind::Throttled, later),
        ("40004", "ACQ.TRADE_HAS_SUCCESS", ErrorKind::Doubtful, Again::No),
        ("40004", "ACQ.NEW_WORD", ErrorKind::Doubtful, Again::No),
    ] {
        assert_eq!(told(of_gateway(code, sub)), Err((kind, again)), "{code} {sub}");
    }
    let already = decoded::<Charge>(&alipay(), &draft, &ok(&draft, &self::recordings::refused("40004", "ACQ.TRADE_HAS_SUCCESS")));
    assert_eq!(already.unwrap_err().error.kind(), ErrorKind::AlreadyDone, "signed, it is believed");
    let error = decoded::<Charge>(&alipay(), &draft, &of_gateway("40002", "isv.invalid-signature")).unwrap_err().error;
    assert_eq!((error.code(), error.request_id()), (Some("isv.invalid-signature"), Some("0b26d5f117000000001234567e1a2b")));
    assert!(matches!(told(plain("<html>")), Err((ErrorKind::Unintelligible, _))));
}

#[test]
fn what_a_page_shows_has_no_answer() {
    let draft = draft(Method::Redirect(Surface::Web));
    let told = decoded::<Charge>(&alipay(), &draft, &ok(&draft, &trade("TRADE_SUCCESS")));
    assert!(matches!(told, Err(failure) if failure.error.kind() == ErrorKind::Unintelligible));
    assert!(!matches!(decoded::<Charge>(&alipay(), &draft, &plain("{}")), Ok(Decoded::Done(_))));
}
