//! WeChat Pay: late payment, close racing it, JSAPI parameters, a stale H5 link, a refund sent again, an unknown certificate.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use http::Method as Verb;
use paysluice::adapter::{
    Access, Again, Cancel, Charge, Decoded, Draft, Failure, Follow, Grant, Granted, Known, Method, Moves, NotFound, Query,
    Recovery, RecoveryStep, Refs, Refund, Renewal, Reply, Request, Seed, Seen, Stamp, Surface, Want, WhenUp,
};
use paysluice::model::{Action, Error, ErrorKind, Fate, Money, Next, NextAction, PartStatus, RefundNo, Secret, Status};
use serde_json::{Value, json};

use crate::*;

struct WeChatPay;

const ALWAYS: RecoveryStep = RecoveryStep::Replay { within: Duration::MAX };

/// A 2xx must be signed with a key we hold; errors carry no signature and are believed. `None` is an error answer.
fn verified(reply: &Reply, now: SystemTime, granted: &Granted) -> Result<Option<Value>, Want> {
    if !reply.status.is_success() {
        return Ok(None);
    }
    let serial = Want::Key(reply.header("wechatpay-serial").unwrap_or("known").to_owned());
    if serial != Want::Key("known".into()) && granted.get(&serial, now).is_none() {
        return Err(serial);
    }
    Ok(Some(crate::json(&reply.body).unwrap_or(Value::Null)))
}

/// The codes table: the provider's word, then the decision.
fn refused(reply: &Reply) -> Failure {
    let code = crate::json(&reply.body).map(|body| text(&body, "/code")).unwrap_or_default();
    let error = |kind| Error::new(kind, "refused").with_code(code.clone());
    let same = |after| Again::SameKey { after, invalidate: None };
    match (code.as_str(), reply.status.as_u16()) {
        ("NOT_ENOUGH", _) => Failure::last(error(ErrorKind::NotNow).with_cause("fund the merchant account")),
        // Page "HTTP状态码": a refund's 429 is no refusal; a close that races a payment answers it too.
        ("FREQUENCY_LIMITED", _) => Failure::again(error(ErrorKind::Doubtful), same(Some(Duration::from_secs(60)))),
        (_, 500..) => Failure::again(error(ErrorKind::Unavailable), same(None)),
        (_, 400..500) => Failure::last(error(ErrorKind::Invalid)),
        _ => Failure::last(error(ErrorKind::Unintelligible)),
    }
}

impl Piece<Charge> for WeChatPay {
    fn draft(&self, op: &Charge, _: &Known, seed: &Seed) -> Result<Draft, Error> {
        let product = match op.method {
            Method::Qr => "native",
            Method::MiniProgram { .. } => "jsapi",
            Method::Redirect(Surface::Wap) => "h5",
            _ => return Err(Error::new(ErrorKind::Unsupported, "method")),
        };
        let closes_at = op.charge_by.unwrap_or(seed.born + Duration::from_secs(7200));
        let body = json!({"out_trade_no": seed.number, "amount": {"total": op.money.minor()}, "time_expire": clock(closes_at)});
        // An order nobody has been shown cannot be paid: making it moves nothing.
        let draft = step(seed, Moves::Nothing, Verb::POST, format!("/v3/pay/transactions/{product}"), body);
        Ok(Draft { closes_at: Some(closes_at), ..draft })
    }
    fn decode(&self, draft: &Draft, reply: &Reply, received: &Stamp, granted: &Granted) -> Result<Decoded, Failure> {
        let body = match verified(reply, received.now, granted) {
            Err(want) => return Ok(Decoded::Need(want)),
            Ok(None) => return Err(refused(reply)),
            Ok(Some(body)) => body,
        };
        let action = match draft.path.rsplit('/').next() {
            Some("native") => Action::new(NextAction::Qr(text(&body, "/code_url"))),
            Some("h5") => {
                Action::new(NextAction::Redirect(text(&body, "/h5_url"))).until(received.now + Duration::from_secs(300))
            }
            _ => {
                // paySign: over the time and chance of the stamp that came with the answer.
                let mut fields = BTreeMap::from([("package".to_owned(), format!("prepay_id={}", text(&body, "/prepay_id")))]);
                fields.insert("timeStamp".to_owned(), clock(received.now));
                fields.insert("nonceStr".to_owned(), format!("{:032x}", received.nonce));
                let signed: Vec<u8> = fields.values().flat_map(|value| value.bytes()).collect();
                fields.insert("paySign".to_owned(), format!("{:?}", signature(&signed)));
                Action::new(NextAction::Invoke(fields)).until(received.now + Duration::from_secs(7200))
            }
        };
        Ok(Decoded::Done(Box::new(Seen { action: Some(action), ..Seen::status(Status::AwaitingPayer) })))
    }
    fn recovery(&self, _: &Charge, _: &Draft) -> Recovery {
        recovery(&[ALWAYS, RecoveryStep::Query, RecoveryStep::Cancel], NotFound::Proof)
    }
    fn judge(&self, _: &Charge, _: &Draft, seen: &Seen) -> Option<Fate> {
        charge_fate(seen)
    }
    fn follow(&self, _: &Charge, draft: &Draft, seen: &Seen, _: SystemTime) -> Option<Follow> {
        let waits = seen.status == Some(Status::AwaitingPayer);
        waits.then(|| Follow { cadence: vec![Duration::from_secs(60)], until: draft.closes_at, then: WhenUp::Cancel })
    }
    fn renewal(&self, _: &Charge, _: &Draft) -> Renewal {
        Renewal::Resend
    }
}

impl Piece<Query> for WeChatPay {
    fn draft(&self, _: &Query, _: &Known, seed: &Seed) -> Result<Draft, Error> {
        Ok(step(seed, Moves::Nothing, Verb::GET, format!("/v3/pay/transactions/out-trade-no/{}", seed.number), Value::Null))
    }
    fn decode(&self, _: &Draft, reply: &Reply, received: &Stamp, granted: &Granted) -> Result<Decoded, Failure> {
        let body = match verified(reply, received.now, granted) {
            Err(want) => return Ok(Decoded::Need(want)),
            Ok(None) if reply.status == 404 => return Ok(Decoded::Missing),
            Ok(None) => return Err(refused(reply)),
            Ok(Some(body)) => body,
        };
        let word = text(&body, "/trade_state");
        let status = match word.as_str() {
            "SUCCESS" | "REFUND" => Status::Paid,
            "NOTPAY" | "USERPAYING" | "ACCEPT" => Status::AwaitingPayer,
            "CLOSED" | "REVOKED" => Status::Canceled,
            "PAYERROR" => Status::Declined,
            other => Status::Unrecognized(other.to_owned()),
        };
        let money: Option<Money> = body.pointer("/amount/total").and_then(Value::as_i64).map(cny);
        let refs = match text(&body, "/transaction_id") {
            id if id.is_empty() => Refs::new(),
            id => Refs::new().with("transaction", id),
        };
        Ok(Decoded::Done(Box::new(Seen { word: Some(word), money, refs, ..Seen::status(status) })))
    }
}

impl Piece<Cancel> for WeChatPay {
    fn draft(&self, _: &Cancel, known: &Known, seed: &Seed) -> Result<Draft, Error> {
        let number = &known.original.as_ref().unwrap().seed.number;
        let path = format!("/v3/pay/transactions/out-trade-no/{number}/close");
        Ok(step(seed, Moves::Money, Verb::POST, path, json!({"mchid": "1"})))
    }
    fn decode(&self, _: &Draft, reply: &Reply, _: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        // 204 also for numbers that never were: it says nothing about the payment.
        if reply.status == 204 { Ok(Decoded::Done(Box::default())) } else { Err(refused(reply)) }
    }
    fn recovery(&self, _: &Cancel, _: &Draft) -> Recovery {
        recovery(&[RecoveryStep::Query, ALWAYS], NotFound::Proof)
    }
    fn judge(&self, _: &Cancel, _: &Draft, seen: &Seen) -> Option<Fate> {
        match seen.status.as_ref()? {
            Status::Canceled => Some(Fate::Applied),
            Status::Paid => Some(Fate::NotApplied),
            _ => None,
        }
    }
}

impl Piece<Refund> for WeChatPay {
    fn draft(&self, op: &Refund, known: &Known, seed: &Seed) -> Result<Draft, Error> {
        let original = known.original.as_ref().ok_or_else(|| Error::new(ErrorKind::Unsupported, "the total is not known"))?;
        let amount = json!({"refund": op.money.minor(), "total": original.money.minor()});
        let body = json!({"out_trade_no": original.seed.number, "out_refund_no": seed.number, "amount": amount});
        Ok(step(seed, Moves::Money, Verb::POST, "/v3/refund/domestic/refunds", body))
    }
    fn decode(&self, _: &Draft, reply: &Reply, received: &Stamp, granted: &Granted) -> Result<Decoded, Failure> {
        let Ok(Some(body)) = verified(reply, received.now, granted) else { return Err(refused(reply)) };
        let status = match text(&body, "/status").as_str() {
            "PROCESSING" => PartStatus::Pending,
            "SUCCESS" => PartStatus::Succeeded,
            "CLOSED" => PartStatus::Failed,
            "ABNORMAL" => PartStatus::NeedsAction,
            other => PartStatus::Unrecognized(other.to_owned()),
        };
        let refunds = vec![part(&text(&body, "/out_refund_no"), Some(&text(&body, "/refund_id")), None, status)];
        Ok(Decoded::Done(Box::new(Seen { refunds, ..Seen::default() })))
    }
    fn judge(&self, op: &Refund, _: &Draft, seen: &Seen) -> Option<Fate> {
        part_fate(&seen.refunds, op.refund_no.as_str())
    }
}

impl Access for WeChatPay {
    fn request(&self, _: &Want, _: &Stamp) -> Result<Request, Error> {
        Ok(Request::new(Verb::GET, "https://provider.test/v3/certificates"))
    }
    fn read(&self, _: &Want, reply: &Reply, received: &Stamp) -> Result<Vec<Grant>, Failure> {
        let body = crate::json(&reply.body)?;
        let serials = body.pointer("/data").and_then(Value::as_array).into_iter().flatten();
        let expires = Some(received.now + Duration::from_secs(12 * 3600));
        let grant = |one: &Value| Grant::new(Want::Key(text(one, "/serial_no")), Secret::new(text(one, "/pem")), expires);
        Ok(serials.map(grant).collect())
    }
}

fn charge(method: Method, closes: u64) -> Walk<'static, Charge> {
    let op = Charge::new(order(), cny(100), method).charge_by(at(closes));
    Walk::begin(&Of(WeChatPay), op, &Known::default(), &seed("order0001", 1000))
}

#[test]
fn native_is_paid_after_our_deadline_and_the_close_that_races_it_tells_the_truth() {
    let charge = charge(Method::Qr, 1600);
    let seen = charge.seen(1001, 200, r#"{"code_url":"weixin://x"}"#);
    assert_eq!(charge.judge(&seen), Some(Fate::Applied));
    let follow = charge.follow(&seen, 1300).unwrap();
    assert_eq!((follow.until, follow.then), (Some(at(1600)), WhenUp::Cancel));

    let known = charged(&seed("order0001", 1000), cny(100), "qr", charge.draft.closes_at, Refs::new());
    let cancel = Walk::begin(&Of(WeChatPay), Cancel::new(order()), &known, &seed("order0001", 1600));
    let raced = cancel.failed(1601, 429, r#"{"code":"FREQUENCY_LIMITED"}"#);
    assert_eq!((raced.error.fate(), raced.error.next()), (Fate::Unknown, Next::Query));
    assert_eq!(cancel.judge(&cancel.seen(1602, 204, "")), None, "a close's 204 is no evidence");
    assert_eq!(cancel.recovery().steps.first(), Some(&RecoveryStep::Query));

    let query = Walk::begin(&Of(WeChatPay), Query::new(order()), &known, &seed("order0001", 1000));
    assert!(matches!(query.hear(1603, &reply(404, r#"{"code":"ORDER_NOT_EXIST"}"#)), Ok(Decoded::Missing)));
    let paid = query.seen(1603, 200, r#"{"trade_state":"SUCCESS","transaction_id":"42","amount":{"total":100}}"#);
    assert_eq!((cancel.judge(&paid), charge.judge(&paid)), (Some(Fate::NotApplied), Some(Fate::Applied)));
    assert_eq!((paid.money, paid.refs.get("transaction")), (Some(cny(100)), Some("42")));
    assert!(query.seen(1603, 200, r#"{"trade_state":"ODD"}"#).status.is_some_and(|status| !status.is_settled()));
}

#[test]
fn jsapi_parameters_are_signed_over_the_stamp_of_the_answer() {
    let charge = charge(Method::MiniProgram { payer: "openid".into() }, 9000);
    let invoke = |now| charge.seen(now, 200, r#"{"prepay_id":"wx1"}"#).action.unwrap();
    let NextAction::Invoke(fields) = invoke(1001).what else { panic!() };
    assert_eq!((fields["package"].as_str(), fields["timeStamp"].as_str()), ("prepay_id=wx1", "1001"));
    assert_ne!(invoke(1001).what, invoke(1002).what);
}

#[test]
fn a_stale_h5_link_is_renewed_by_the_same_bytes() {
    let charge = charge(Method::Redirect(Surface::Wap), 9000);
    let first = charge.send(1001);
    assert_eq!(charge.seen(1001, 200, r#"{"h5_url":"https://a"}"#).action.unwrap().expires_at, Some(at(1301)));
    assert_eq!(charge.renewal(), Renewal::Resend);
    assert_eq!(first.body, charge.send(2000).body);
    assert_eq!(charge.seen(2000, 200, r#"{"h5_url":"https://b"}"#).action.unwrap().expires_at, Some(at(2300)));
}

#[test]
fn a_refund_without_funds_is_sent_again_under_its_number() {
    let known = charged(&seed("order0001", 1000), cny(100), "qr", None, Refs::new());
    let op = Refund::new(order(), RefundNo::new("refund1").unwrap(), cny(40));
    let refund = Walk::begin(&Of(WeChatPay), op.clone(), &known, &seed("refund1", 2000));
    let refused = refund.failed(2001, 403, r#"{"code":"NOT_ENOUGH"}"#);
    assert_eq!((refused.error.next(), refused.again), (Next::Later, Again::No));

    let again = Walk::begin(&Of(WeChatPay), op, &known, &seed("refund1", 5000));
    assert_eq!(again.draft.body, refund.draft.body);
    let seen = again.seen(5001, 200, r#"{"status":"PROCESSING","out_refund_no":"refund1","refund_id":"50"}"#);
    assert_eq!((again.judge(&seen), seen.refunds[0].status.is_settled()), (Some(Fate::Applied), false));
    let limited = again.failed(5001, 429, r#"{"code":"FREQUENCY_LIMITED"}"#);
    assert_eq!(limited.error.fate(), Fate::Unknown, "a refund's 429 is no refusal");
}

#[test]
fn an_unknown_platform_certificate_is_fetched_and_the_same_answer_read_again() {
    let mut charge = charge(Method::Qr, 9000);
    let mut answer = reply(200, r#"{"code_url":"weixin://x"}"#);
    answer.headers.insert("wechatpay-serial", "NEW".parse().unwrap());
    let Ok(Decoded::Need(want)) = charge.hear(1001, &answer) else { panic!() };
    let certificates = reply(200, r#"{"data":[{"serial_no":"OLD","pem":"p"},{"serial_no":"NEW","pem":"q"}]}"#);
    assert_eq!(WeChatPay.request(&want, &stamp(1001)).unwrap().method, Verb::GET);
    for grant in WeChatPay.read(&want, &certificates, &stamp(1001)).unwrap() {
        charge.granted.insert(grant);
    }
    assert!(matches!(charge.hear(1001, &answer), Ok(Decoded::Done(_))));
}
