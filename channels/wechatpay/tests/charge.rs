//! A charge from draft to end, product by product: what is sent, what is believed, what a refusal means.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_imports, reason = "tests")]

mod recordings;

use std::time::Duration;

use paysluice::adapter::{
    Again, Charge, Decoded, Draft, Known, Method, Moves, NotFound, Query, RecoveryStep, Renewal, Seen, Surface, WhenUp,
};
use paysluice::model::{Error, ErrorKind, Fate, NextAction, OrderNo, Status};
use paysluice::signing::{RsaPrivateKey, RsaPublicKey};
use paysluice_wechatpay::WeChatPay;
use recordings::*;

const CODE: &str = "130061098828009406";

fn mini() -> Method {
    Method::MiniProgram { payer: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o".into() }
}

fn first(wechat: &WeChatPay, op: &Charge) -> Result<Draft, Error> {
    drafted(wechat, op, &Known::default(), &seed(ORDER))
}

fn draft(method: Method) -> Draft {
    first(&wechat(), &by(method)).unwrap()
}

fn refused(op: &Charge) -> String {
    first(&wechat(), op).unwrap_err().message().to_owned()
}

#[test]
fn each_product_is_said_as_its_page_says_it() {
    let head = r#"{"appid":"wxd678efh567hg6787","mchid":"1900009191","description":"Image形象店-深圳腾大-QQ公仔","out_trade_no":"order-4711""#;
    let timed = r#","time_expire":"2023-11-15T08:13:20+08:00","notify_url":"https://shop.example/callbacks/wechatpay","amount":{"total":1234,"currency":"CNY"}"#;
    let scene = r#""payer_client_ip":"14.23.150.211","store_info":{"out_id":"A1111"}"#;
    for (method, path, moves, rest) in [
        (Method::Qr, "native", Moves::Nothing, format!(r#"{timed},"scene_info":{{{scene}}}"#)),
        (
            Method::Redirect(Surface::Wap),
            "h5",
            Moves::Nothing,
            format!(r#"{timed},"scene_info":{{{scene},"h5_info":{{"type":"Wap"}}}}"#),
        ),
        (
            mini(),
            "jsapi",
            Moves::Nothing,
            format!(r#"{timed},"payer":{{"openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}},"scene_info":{{{scene}}}"#),
        ),
        (Method::App, "app", Moves::Nothing, format!(r#"{timed},"scene_info":{{{scene}}}"#)),
        (
            Method::Barcode(CODE.into()),
            "codepay",
            Moves::Money,
            format!(
                r#","amount":{{"total":1234,"currency":"CNY"}},"payer":{{"auth_code":"{CODE}"}},"scene_info":{{"store_info":{{"out_id":"A1111"}}}}"#
            ),
        ),
    ] {
        let draft = draft(method);
        assert_eq!((draft.path.as_str(), draft.moves), (&*format!("/v3/pay/transactions/{path}"), moves));
        assert_eq!(draft.body, format!("{head}{rest}}}"), "{path}");
    }
}

#[test]
fn a_partner_names_both_merchants_and_both_apps() {
    let draft = first(&partner(), &by(mini())).unwrap();
    assert_eq!(draft.path, "/v3/pay/partner/transactions/jsapi");
    let head = r#"{"sp_appid":"wxd678efh567hg6787","sub_appid":"wxsub","sp_mchid":"1900009191","sub_mchid":"1900009999","#;
    assert!(draft.body.starts_with(head), "{}", draft.body);
    assert!(draft.body.contains(r#""payer":{"sub_openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}"#));
    let action = done::<Charge>(&partner(), &draft, &ok(r#"{"prepay_id":"wx1"}"#)).action.unwrap();
    let NextAction::Invoke(fields) = action.what else { panic!() };
    assert_eq!(fields["appId"], "wxsub");
}

#[test]
fn what_breaks_a_rule_is_refused_by_field_before_it_is_sent() {
    type Change = fn(&mut Charge);
    let cases: [(&str, Change); 16] = [
        ("method: wechatpay takes qr", |op| op.method = Method::Token("pm_1".into())),
        ("method: wechatpay takes qr", |op| op.method = Method::Redirect(Surface::Web)),
        ("capture: ", |op| op.capture = paysluice::adapter::CaptureMode::Later),
        ("money: wechatpay does not take USD", |op| op.money = "12.34 USD".parse().unwrap()),
        ("money: CNY in wechatpay must be at least", |op| op.money = "0.00 CNY".parse().unwrap()),
        ("description: must be 1 to 127", |op| op.description = Some("像".repeat(128))),
        ("description: must be 1 to 127", |op| op.description = Some(String::new())),
        ("method.payer: must be", |op| op.method = Method::MiniProgram { payer: String::new() }),
        ("method.barcode: must be", |op| op.method = Method::Barcode("12a".into())),
        ("payer_ip: must be given for method wap", |op| {
            op.method = Method::Redirect(Surface::Wap);
            op.payer_ip = None;
        }),
        ("payer_ip: must be an IPv4", |op| op.payer_ip = Some("localhost".into())),
        ("callback_url: must be an https", |op| op.callback_url = Some("https://shop.example/a?b=c".into())),
        ("charge_by: must be one minute to 90 days", |op| op.charge_by = Some(now() + Duration::from_secs(59))),
        ("charge_by: must be one minute to 90 days", |op| op.charge_by = Some(now() + Duration::from_secs(91 * 86_400))),
        ("extra.amount: must be absent", |op| {
            op.extra.insert("amount".into(), "1".into());
        }),
        ("metadata: must be at most 128", |op| {
            op.metadata.insert("k".into(), "v".repeat(128));
        }),
    ];
    for (reason, change) in cases {
        let mut op = charge();
        change(&mut op);
        assert!(refused(&op).starts_with(reason), "{reason}: {}", refused(&op));
    }
    let mut op = by(Method::Barcode(CODE.into()));
    op.extra.clear();
    assert!(refused(&op).starts_with("extra.scene_info.store_info.out_id: must be given for method barcode"));
    let mut config = config();
    config.notify_url = None;
    let error = first(&WeChatPay::new(config).unwrap(), &charge()).unwrap_err();
    assert!(error.message().starts_with("callback_url: must be given"), "{error}");
}

#[test]
fn what_the_application_passes_on_goes_where_it_belongs() {
    let mut op = charge();
    op.metadata.insert("cart".into(), "7".into());
    for (key, value) in [
        ("goods_tag", "WXG"),
        ("limit_pay", "no_credit, no_debit"),
        ("support_fapiao", "true"),
        ("settle_info.profit_sharing", "false"),
        ("detail", r#"{"cost_price":608800}"#),
    ] {
        op.extra.insert(key.into(), value.into());
    }
    let body = first(&wechat(), &op).unwrap().body;
    let expected = r#""attach":"{\"cart\":\"7\"}","goods_tag":"WXG","limit_pay":["no_credit","no_debit"],"support_fapiao":true,"settle_info":{"profit_sharing":false},"detail":{"cost_price":608800}}"#;
    assert!(body.ends_with(expected), "{body}");
    op.extra.insert("support_fapiao".into(), "yes".into());
    assert!(refused(&op).starts_with("extra.support_fapiao: must be true or false"));
}

#[test]
fn an_order_waits_with_what_its_payer_needs_until_it_is_stale() {
    let at = |seconds| Some(now() + Duration::from_secs(seconds));
    let qr = done::<Charge>(&wechat(), &draft(Method::Qr), &ok(r#"{"code_url":"weixin://wxpay/x"}"#));
    let action = qr.action.clone().unwrap();
    assert_eq!(
        (qr.status, action.what, action.expires_at),
        (Some(Status::AwaitingPayer), NextAction::Qr("weixin://wxpay/x".into()), at(7200))
    );
    let wap = draft(Method::Redirect(Surface::Wap));
    let url = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx1";
    let action = done::<Charge>(&wechat(), &wap, &ok(format!(r#"{{"h5_url":"{url}"}}"#))).action.unwrap();
    assert_eq!((action.what, action.expires_at), (NextAction::Redirect(url.into()), at(300)));
    let mut soon = charge();
    soon.charge_by = at(90);
    let soon = first(&wechat(), &soon).unwrap();
    assert_eq!(soon.closes_at, at(90));
    assert_eq!(done::<Charge>(&wechat(), &soon, &ok(r#"{"code_url":"weixin://x"}"#)).action.unwrap().expires_at, at(90));
    for (draft, body) in [
        (draft(Method::Qr), r#"{"prepay_id":"wx1"}"#),
        (wap, r#"{"h5_url":"javascript:alert(1)"}"#),
        (draft(mini()), r#"{"prepay_id":"a\nb"}"#),
        (draft(mini()), "{}"),
        (draft(mini()), r#"{"prepay_id":"a","prepay_id":"b"}"#),
    ] {
        let failure = decoded::<Charge>(&wechat(), &draft, &ok(body)).unwrap_err();
        assert_eq!(failure.error.kind(), ErrorKind::Unintelligible, "{body}");
    }
}

#[test]
fn the_payers_app_is_started_with_parameters_signed_over_the_answers_stamp() {
    let key = RsaPrivateKey::from_pem("key", &paysluice::model::Secret::new(MERCHANT_KEY)).unwrap().public_key().unwrap();
    let proves = |key: &RsaPublicKey, message: String, signature: &str| {
        use base64::Engine;
        let signature = base64::engine::general_purpose::STANDARD.decode(signature).unwrap();
        key.verify(&[], &message.into(), &[], &signature).is_some()
    };
    let fields =
        |method| match done::<Charge>(&wechat(), &draft(method), &ok(r#"{"prepay_id":"wx201410272009395522657a690389285100"}"#))
            .action
            .unwrap()
            .what
        {
            NextAction::Invoke(fields) => fields,
            other => panic!("{other:?}"),
        };
    let bridge = fields(mini());
    assert_eq!(
        bridge.keys().map(String::as_str).collect::<Vec<_>>(),
        ["appId", "nonceStr", "package", "paySign", "signType", "timeStamp"]
    );
    assert_eq!((bridge["timeStamp"].as_str(), bridge["signType"].as_str()), (&*NOW.to_string(), "RSA"));
    assert_eq!(bridge["package"], "prepay_id=wx201410272009395522657a690389285100");
    let message = format!("wxd678efh567hg6787\n{NOW}\n{}\n{}\n", bridge["nonceStr"], bridge["package"]);
    assert!(proves(&key, message, &bridge["paySign"]));
    let app = fields(Method::App);
    assert_eq!((app["partnerid"].as_str(), app["package"].as_str()), ("1900009191", "Sign=WXPay"));
    let message = format!("wxd678efh567hg6787\n{NOW}\n{}\nwx201410272009395522657a690389285100\n", app["noncestr"]);
    assert!(proves(&key, message, &app["sign"]));
}

#[test]
fn a_barcode_is_paid_at_once_or_waits_for_the_password_and_is_reversed_when_time_is_up() {
    let (wechat, draft, op) = (wechat(), draft(Method::Barcode(CODE.into())), by(Method::Barcode(CODE.into())));
    let codec = codec::<Charge>(&wechat);
    let paid = done::<Charge>(&wechat, &draft, &ok(transaction("SUCCESS")));
    assert_eq!((paid.status.clone(), paid.money, paid.captured), (Some(Status::Paid), Some(op.money), Some(op.money)));
    assert_eq!(paid.refs.get("transaction"), Some(TRANSACTION));
    for waiting in [ok(transaction("USERPAYING")), fault(400, "USERPAYING"), signed(202, r#"{"code":"USERPAYING"}"#)] {
        let seen = done::<Charge>(&wechat, &draft, &waiting);
        assert_eq!((seen.status.clone(), codec.judge(&op, &draft, &seen)), (Some(Status::AwaitingPayer), Some(Fate::Applied)));
        let follow = codec.follow(&op, &draft, &seen, now() + Duration::from_secs(40)).unwrap();
        assert_eq!((follow.until, follow.then), (Some(now() + Duration::from_secs(45)), WhenUp::Reverse));
        assert!(follow.cadence.iter().all(|wait| (3..=5).contains(&wait.as_secs())));
    }
    let declined = done::<Charge>(&wechat, &draft, &fault(403, "NOT_ENOUGH"));
    assert_eq!((declined.status.clone(), codec.judge(&op, &draft, &declined)), (Some(Status::Declined), Some(Fate::NotApplied)));
    assert_eq!(codec.renewal(&op, &draft), Renewal::Never);
    // It takes money at once: nothing of doubt is ever sent twice.
    for reply in [fault(500, "SYSTEM_ERROR"), unsigned(502, ""), unsigned(200, transaction("SUCCESS")), unsigned(202, "")] {
        let failure = decoded::<Charge>(&wechat, &draft, &reply).unwrap_err();
        assert_eq!((failure.error.fate(), failure.again), (Fate::Unknown, Again::No), "{reply:?}");
    }
    let recovery = codec.recovery(&op, &draft);
    assert!(!recovery.steps.iter().any(|step| matches!(step, RecoveryStep::Replay { .. })));
    assert_eq!(recovery.not_found, NotFound::ProofAfter(now() + Duration::from_secs(180)));
}

#[test]
fn an_answer_of_success_without_a_good_signature_is_not_believed() {
    let (wechat, draft) = (wechat(), draft(Method::Qr));
    let body = r#"{"code_url":"weixin://x"}"#;
    let mut altered = ok(body);
    altered.body = body.replace('x', "y").into();
    let mut probe = ok(body);
    let value = format!("WECHATPAY/SIGNTEST/{}", "A".repeat(325));
    probe.headers.insert("wechatpay-signature", value.parse().unwrap());
    let mut late = unsigned(200, body);
    late.headers.extend(proof(body, now() - Duration::from_secs(300)));
    for (reply, reason) in [
        (unsigned(200, body), "header Wechatpay-Signature is missing"),
        (altered, "does not match the key 4400"),
        (probe.clone(), "a sign probe"),
        (late, "signed 300 s ago"),
    ] {
        let failure = decoded::<Charge>(&wechat, &draft, &reply).unwrap_err();
        assert!(failure.error.message().contains(reason), "{}", failure.error);
        assert_eq!((failure.error.fate(), failure.error.request_id()), (Fate::Unknown, Some("08F78BB5AF")));
        // The same bytes may go again: the number stands for one order.
        assert_eq!(failure.again, Again::SameKey { after: None, invalidate: None });
    }
    let probe = decoded::<Charge>(&wechat, &draft, &probe).unwrap_err();
    assert_eq!(probe.error.kind(), ErrorKind::Doubtful, "a probe is no sign of trouble");
}

#[test]
fn an_order_is_watched_then_closed_and_its_link_made_fresh_by_the_same_bytes() {
    let (wechat, op, draft) = (wechat(), charge(), draft(Method::Redirect(Surface::Wap)));
    let codec = codec::<Charge>(&wechat);
    let follow = codec.follow(&op, &draft, &Seen::status(Status::AwaitingPayer), now()).unwrap();
    assert_eq!((follow.until, follow.then), (draft.closes_at, WhenUp::Cancel));
    assert_eq!(codec.renewal(&op, &draft), Renewal::Resend);
    let (one, two) = (sent::<Charge>(&wechat, &draft), sent::<Charge>(&wechat, &draft));
    assert_eq!((one.body.clone(), one.url), (two.body, two.url));
    assert_eq!(one.body, draft.body.as_bytes());
}

#[test]
fn another_payments_answer_is_not_believed_though_it_is_rightly_signed() {
    let (wechat, op) = (wechat(), Query::new(OrderNo::new(ORDER).unwrap()));
    let draft = drafted(&wechat, &op, &known(), &seed(ORDER)).unwrap();
    let barcode = first(&wechat, &by(Method::Barcode(CODE.into()))).unwrap();
    for (ours, theirs) in [
        (ORDER, "order-4712"),
        ("1900009191", "1900009192"),
        ("wxd678efh567hg6787", "wxother"),
        (r#""mchid":"1900009191","#, ""),
        (r#""out_trade_no":"order-4711","#, ""),
    ] {
        let reply = ok(transaction("SUCCESS").replace(ours, theirs));
        for failure in
            [decoded::<Query>(&wechat, &draft, &reply).unwrap_err(), decoded::<Charge>(&wechat, &barcode, &reply).unwrap_err()]
        {
            assert_eq!(failure.error.kind(), ErrorKind::Unintelligible, "{ours} → {theirs}");
        }
    }
    let reply = ok(transaction("SUCCESS").replace(TRANSACTION, "4200000009"));
    assert!(decoded::<Query>(&wechat, &draft, &reply).is_err(), "another payment under the number");
}

#[test]
fn a_refused_create_tells_its_fate() {
    let (wechat, draft) = (wechat(), draft(Method::Qr));
    let told = |reply| {
        let failure = decoded::<Charge>(&wechat, &draft, &reply).unwrap_err();
        (failure.error.kind(), failure.again)
    };
    let same = Again::SameKey { after: None, invalidate: None };
    assert_eq!(told(fault(400, "PARAM_ERROR")), (ErrorKind::Invalid, Again::No));
    assert_eq!(told(fault(401, "SIGN_ERROR")), (ErrorKind::Unauthorized, Again::No));
    assert_eq!(told(fault(403, "OUT_TRADE_NO_USED")), (ErrorKind::Doubtful, Again::No));
    assert_eq!(told(fault(400, "ORDERPAID")), (ErrorKind::AlreadyDone, Again::No));
    assert_eq!(told(fault(429, "FREQUENCY_LIMITED")), (ErrorKind::Throttled, same.clone()));
    assert_eq!(told(fault(500, "SYSTEM_ERROR")), (ErrorKind::Unavailable, same.clone()));
    assert_eq!(told(signed(202, "")), (ErrorKind::Unavailable, same.clone()));
    assert_eq!(told(unsigned(403, "<html>")), (ErrorKind::Unintelligible, Again::No));
    let detailed = unsigned(
        400,
        r#"{"code":"PARAM_ERROR","message":"参数错误","detail":{"field":"/amount/total","value":"x","issue":"too small","location":"body"}}"#,
    );
    let error = decoded::<Charge>(&wechat, &draft, &detailed).unwrap_err().error;
    assert_eq!(error.message(), "参数错误 (/amount/total: too small)");
    let odd = unsigned(400, r#"{"code":"PARAM_ERROR","message":"参数错误","detail":[1]}"#);
    assert_eq!(told(odd), (ErrorKind::Invalid, Again::No));
    assert!(
        matches!(decoded::<Charge>(&wechat, &draft, &ok("[]")), Err(failure) if failure.error.kind() == ErrorKind::Unintelligible)
    );
    assert!(!matches!(decoded::<Charge>(&wechat, &draft, &fault(404, "ORDER_NOT_EXIST")), Ok(Decoded::Missing)));
}
