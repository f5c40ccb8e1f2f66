//! Alipay: a page that is only shown, a barcode that is polled and reversed, a repeated refund with cumulative amounts.

use std::time::{Duration, SystemTime};

use http::Method as Verb;
use paysluice::adapter::{
    Again, Cancel, Charge, Decoded, Draft, Failure, Follow, Granted, Known, Method, Moves, NotFound, Query, QueryRefund, Ready,
    Recovery, RecoveryStep, Refs, Refund, Renewal, Reply, Reverse, Seed, Seen, Signed, Stamp, Surface, WhenUp,
};
use paysluice::model::{
    Action, Advice, Currency, Error, ErrorKind, Fate, Money, NextAction, PartStatus, Reason, RefundNo, Status,
};
use serde_json::{Value, json};

use crate::*;

struct Alipay;

fn call(seed: &Seed, moves: Moves, name: &str, biz: Value) -> Draft {
    step(seed, moves, Verb::POST, format!("/gateway.do?method={name}"), biz)
}

fn yuan(body: &Value, pointer: &str) -> Option<Money> {
    Money::parse(&text(body, pointer), Currency::CNY).ok()
}

/// The answer's node, or what its code means. Business failures come with HTTP 200.
fn node(reply: &Reply) -> Result<Value, Failure> {
    let body = crate::json(&reply.body)?;
    let (code, sub) = (text(&body, "/code"), text(&body, "/sub_code"));
    let failure = |kind| Failure::last(Error::new(kind, "refused").with_code(sub.clone()));
    match (code.as_str(), sub.as_str()) {
        ("10000" | "10003", _) | ("40004", "ACQ.TRADE_NOT_EXIST" | "ACQ.BUYER_BALANCE_NOT_ENOUGH") => Ok(body),
        ("20000", _) | ("40004", "ACQ.SYSTEM_ERROR") => Err(failure(ErrorKind::Doubtful)),
        ("40004", "ACQ.SELLER_BALANCE_NOT_ENOUGH") => Err(failure(ErrorKind::NotNow)),
        ("40004", _) => Err(failure(ErrorKind::Invalid)),
        _ => Err(failure(ErrorKind::Unintelligible)),
    }
}

fn missing(body: &Value) -> bool {
    text(body, "/sub_code") == "ACQ.TRADE_NOT_EXIST"
}

fn original(known: &Known) -> Result<&Seed, Error> {
    known.original.as_ref().map(|original| &original.seed).ok_or_else(|| Error::new(ErrorKind::Unsupported, "not ours"))
}

impl Piece<Charge> for Alipay {
    fn draft(&self, op: &Charge, _: &Known, seed: &Seed) -> Result<Draft, Error> {
        let (name, life) = if matches!(op.method, Method::Barcode(_)) { ("alipay.trade.pay", 60) } else { ("", 900) };
        let closes_at = op.charge_by.unwrap_or(seed.born + Duration::from_secs(life));
        let biz = json!({"out_trade_no": seed.number, "total_amount": op.money.to_decimal(), "time_expire": clock(closes_at)});
        let draft = Draft { closes_at: Some(closes_at), ..call(seed, Moves::Money, name, biz) };
        Ok(if name.is_empty() { Draft { path: String::new(), ..draft } } else { draft })
    }
    fn sign(&self, draft: &Draft, stamp: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        if !draft.path.is_empty() {
            return Ok(Ready::Done(Signed::Send(request(draft, stamp))));
        }
        let url = format!("https://provider.test/gateway.do?timestamp={}&biz={}", clock(stamp.now), draft.body.len());
        let action = Some(Action::new(NextAction::Redirect(url)));
        Ok(Ready::Done(Signed::Present(Box::new(Seen { action, ..Seen::status(Status::AwaitingPayer) }))))
    }
    fn decode(&self, _: &Draft, reply: &Reply, _: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        let body = node(reply)?;
        let status = match text(&body, "/code").as_str() {
            "10000" => Status::Paid,
            "10003" => Status::AwaitingPayer,
            _ => Status::Declined,
        };
        let reason = Reason { code: text(&body, "/sub_code"), message: None, advice: Advice::AskPayer };
        let reason = (status == Status::Declined).then_some(reason);
        Ok(Decoded::Done(Box::new(Seen { reason, money: yuan(&body, "/total_amount"), ..Seen::status(status) })))
    }
    fn recovery(&self, op: &Charge, draft: &Draft) -> Recovery {
        match (&op.method, draft.closes_at) {
            (Method::Barcode(_), _) => {
                recovery(&[RecoveryStep::Query, RecoveryStep::Reverse { after: Duration::from_secs(60) }], NotFound::Nothing)
            }
            // A page's trade exists only once the payer has logged in: its absence proves something only when that is over.
            (_, Some(closes_at)) => recovery(&[RecoveryStep::Query], NotFound::ProofAfter(closes_at)),
            (_, None) => recovery(&[RecoveryStep::Query], NotFound::Nothing),
        }
    }
    fn judge(&self, _: &Charge, _: &Draft, seen: &Seen) -> Option<Fate> {
        charge_fate(seen)
    }
    fn follow(&self, op: &Charge, draft: &Draft, seen: &Seen, _: SystemTime) -> Option<Follow> {
        let barcode = matches!(op.method, Method::Barcode(_));
        let (every, then) = if barcode { (3, WhenUp::Reverse) } else { (60, WhenUp::Leave) };
        let waits = seen.status == Some(Status::AwaitingPayer);
        waits.then(|| Follow { cadence: vec![Duration::from_secs(every)], until: draft.closes_at, then })
    }
    fn renewal(&self, op: &Charge, _: &Draft) -> Renewal {
        if matches!(op.method, Method::Barcode(_)) { Renewal::Never } else { Renewal::Sign }
    }
}

impl Piece<Query> for Alipay {
    fn draft(&self, _: &Query, _: &Known, seed: &Seed) -> Result<Draft, Error> {
        Ok(call(seed, Moves::Nothing, "alipay.trade.query", json!({"out_trade_no": seed.number})))
    }
    fn decode(&self, _: &Draft, reply: &Reply, _: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        let body = node(reply)?;
        if missing(&body) {
            return Ok(Decoded::Missing);
        }
        let word = text(&body, "/trade_status");
        let status = match (word.as_str(), body.get("send_pay_date")) {
            ("WAIT_BUYER_PAY", _) => Status::AwaitingPayer,
            // Closed after it was paid is refunded in full, and still was paid.
            ("TRADE_SUCCESS" | "TRADE_FINISHED", _) | ("TRADE_CLOSED", Some(_)) => Status::Paid,
            ("TRADE_CLOSED", None) => Status::Canceled,
            (other, _) => Status::Unrecognized(other.to_owned()),
        };
        let refs = Refs::new().with("trade", text(&body, "/trade_no"));
        Ok(Decoded::Done(Box::new(Seen { word: Some(word), refs, money: yuan(&body, "/total_amount"), ..Seen::status(status) })))
    }
}

impl Piece<Cancel> for Alipay {
    fn draft(&self, _: &Cancel, known: &Known, seed: &Seed) -> Result<Draft, Error> {
        Ok(call(seed, Moves::Money, "alipay.trade.close", json!({"out_trade_no": original(known)?.number})))
    }
    fn decode(&self, _: &Draft, reply: &Reply, _: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        if missing(&node(reply)?) {
            return Err(Failure::last(Error::new(
                ErrorKind::StillPayable,
                "the page can still be paid, and nothing can close it",
            )));
        }
        Ok(Decoded::Done(Box::new(Seen::status(Status::Canceled))))
    }
}

impl Piece<Reverse> for Alipay {
    fn draft(&self, _: &Reverse, known: &Known, seed: &Seed) -> Result<Draft, Error> {
        let original = known.original.as_ref().ok_or_else(|| Error::new(ErrorKind::Unsupported, "not ours"))?;
        let draft = call(seed, Moves::Money, "alipay.trade.cancel", json!({"out_trade_no": original.seed.number}));
        let carry = Refs::new().with("number", seed.number.as_str()).with("money", original.money.to_string());
        Ok(Draft { carry, ..draft })
    }
    fn decode(&self, draft: &Draft, reply: &Reply, _: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        let body = node(reply)?;
        let again = Again::SameKey { after: None, invalidate: None };
        match text(&body, "/action").as_str() {
            "close" => Ok(Decoded::Done(Box::new(Seen::status(Status::Canceled)))),
            "refund" => {
                let money: Option<Money> = draft.carry.get("money").and_then(|money| money.parse().ok());
                let refunds = vec![part(draft.carry.get("number").unwrap_or_default(), None, money, PartStatus::Succeeded)];
                Ok(Decoded::Done(Box::new(Seen { refunded: money, refunds, ..Seen::status(Status::Paid) })))
            }
            _ => Err(Failure::again(Error::new(ErrorKind::Doubtful, "neither closed nor refunded"), again)),
        }
    }
    fn judge(&self, op: &Reverse, _: &Draft, seen: &Seen) -> Option<Fate> {
        let closed = (seen.status == Some(Status::Canceled)).then_some(Fate::Applied);
        closed.or_else(|| part_fate(&seen.refunds, op.refund_no.as_str()))
    }
}

impl Piece<Refund> for Alipay {
    fn draft(&self, op: &Refund, known: &Known, seed: &Seed) -> Result<Draft, Error> {
        let trade = &original(known)?.number;
        let biz = json!({"out_trade_no": trade, "out_request_no": seed.number, "refund_amount": op.money.to_decimal()});
        Ok(call(seed, Moves::Money, "alipay.trade.refund", biz))
    }
    fn decode(&self, draft: &Draft, reply: &Reply, _: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        let (body, asked) = (node(reply)?, crate::json(draft.body.as_bytes())?);
        // `refund_fee` is the total of all refunds; `fund_change` says whether this very call moved money.
        let moved = text(&body, "/fund_change") == "Y";
        let this = part(&text(&asked, "/out_request_no"), None, yuan(&asked, "/refund_amount"), PartStatus::Succeeded);
        let refunds = if moved { vec![this] } else { Vec::new() };
        Ok(Decoded::Done(Box::new(Seen { refunded: yuan(&body, "/refund_fee"), refunds, ..Seen::default() })))
    }
    fn judge(&self, op: &Refund, _: &Draft, seen: &Seen) -> Option<Fate> {
        part_fate(&seen.refunds, op.refund_no.as_str())
    }
}

impl Piece<QueryRefund> for Alipay {
    fn draft(&self, _: &QueryRefund, known: &Known, seed: &Seed) -> Result<Draft, Error> {
        let biz = json!({"out_trade_no": original(known)?.number, "out_request_no": seed.number});
        Ok(call(seed, Moves::Nothing, "alipay.trade.fastpay.refund.query", biz))
    }
    fn decode(&self, draft: &Draft, reply: &Reply, _: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        let (body, asked) = (node(reply)?, crate::json(draft.body.as_bytes())?);
        if text(&body, "/refund_status") != "REFUND_SUCCESS" {
            return Ok(Decoded::Missing);
        }
        let this = part(&text(&asked, "/out_request_no"), None, yuan(&body, "/refund_amount"), PartStatus::Succeeded);
        Ok(Decoded::Done(Box::new(Seen { refunds: vec![this], ..Seen::default() })))
    }
}

#[test]
fn a_page_is_shown_not_sent_and_only_time_proves_that_nobody_paid() {
    let op = Charge::new(order(), cny(1050), Method::Redirect(Surface::Web));
    let charge = Walk::begin(&Of(Alipay), op, &Known::default(), &seed("order0001", 1000));
    let (first, later) = (charge.show(1000), charge.show(1500));
    assert_eq!((charge.judge(&first), charge.renewal()), (Some(Fate::Applied), Renewal::Sign));
    assert_ne!(first.action, later.action);
    assert_eq!(charge.recovery().not_found, NotFound::ProofAfter(at(1900)));

    let known = charged(&seed("order0001", 1000), cny(1050), "web", charge.draft.closes_at, Refs::new());
    let absent = r#"{"code":"40004","sub_code":"ACQ.TRADE_NOT_EXIST"}"#;
    let query = Walk::begin(&Of(Alipay), Query::new(order()), &known, &seed("order0001", 1000));
    assert!(matches!(query.hear(1500, &reply(200, absent)), Ok(Decoded::Missing)));
    let cancel = Walk::begin(&Of(Alipay), Cancel::new(order()), &known, &seed("order0001", 1500));
    assert_eq!(cancel.failed(1501, 200, absent).error.kind(), ErrorKind::StillPayable);
}

#[test]
fn a_barcode_is_polled_until_a_time_that_does_not_slide_and_then_reversed() {
    let op = Charge::new(order(), cny(1050), Method::Barcode("28".into()));
    let charge = Walk::begin(&Of(Alipay), op, &Known::default(), &seed("order0001", 1000));
    let waiting = charge.seen(1001, 200, r#"{"code":"10003"}"#);
    assert_eq!(charge.follow(&waiting, 1001), charge.follow(&waiting, 1055));
    assert_eq!(charge.follow(&waiting, 1055).map(|follow| (follow.until, follow.then)), Some((Some(at(1060)), WhenUp::Reverse)));
    assert_eq!(charge.failed(1001, 200, r#"{"code":"20000"}"#).error.fate(), Fate::Unknown);
    let declined = charge.seen(1001, 200, r#"{"code":"40004","sub_code":"ACQ.BUYER_BALANCE_NOT_ENOUGH"}"#);
    assert_eq!(charge.judge(&declined), Some(Fate::NotApplied));

    let known = charged(&seed("order0001", 1000), cny(1050), "barcode", charge.draft.closes_at, Refs::new());
    let op = Reverse::new(order(), RefundNo::new("undo1").unwrap());
    let reverse = Walk::begin(&Of(Alipay), op, &known, &seed("undo1", 1060));
    let closed = reverse.seen(1061, 200, r#"{"code":"10000","action":"close"}"#);
    assert_eq!((reverse.judge(&closed), charge.judge(&closed)), (Some(Fate::Applied), Some(Fate::NotApplied)));
    let given_back = reverse.seen(1061, 200, r#"{"code":"10000","action":"refund"}"#);
    assert_eq!((reverse.judge(&given_back), given_back.refunded), (Some(Fate::Applied), Some(cny(1050))));
    assert_eq!(reverse.failed(1061, 200, r#"{"code":"10000","retry_flag":"Y"}"#).error.fate(), Fate::Unknown);
}

#[test]
fn a_repeated_refund_is_settled_by_its_own_number_not_by_the_total() {
    let known = charged(&seed("order0001", 1000), cny(1050), "web", None, Refs::new());
    let op = Refund::new(order(), RefundNo::new("r2").unwrap(), cny(300));
    let refund = Walk::begin(&Of(Alipay), op, &known, &seed("r2", 2000));
    let moved = refund.seen(2001, 200, r#"{"code":"10000","fund_change":"Y","refund_fee":"5.00"}"#);
    assert_eq!(
        (refund.judge(&moved), moved.refunded, moved.refunds[0].money),
        (Some(Fate::Applied), Some(cny(500)), Some(cny(300)))
    );
    let repeated = refund.seen(2002, 200, r#"{"code":"10000","fund_change":"N","refund_fee":"5.00"}"#);
    assert_eq!((refund.judge(&repeated), repeated.refunded), (None, Some(cny(500))));
    let op = QueryRefund::new(order(), RefundNo::new("r2").unwrap());
    let query = Walk::begin(&Of(Alipay), op, &known, &seed("r2", 2000));
    let found = query.seen(2003, 200, r#"{"code":"10000","refund_status":"REFUND_SUCCESS","refund_amount":"3.00"}"#);
    assert_eq!(refund.judge(&found), Some(Fate::Applied));
    assert!(matches!(query.hear(2003, &reply(200, r#"{"code":"10000"}"#)), Ok(Decoded::Missing)));
    assert_eq!(refund.recovery().not_found, NotFound::Nothing);
}
