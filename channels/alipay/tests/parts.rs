//! What follows a charge: queries, close, reversal, refunds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_imports, reason = "tests")]

mod recordings;

use std::time::Duration;

use paysluice::adapter::{
    Again, Cancel, Decoded, Draft, Failure, Granted, Known, NotFound, Operation, Query, QueryRefund, RecoveryStep, Refs, Refund,
    Reply, Reverse, Seen, Stamp,
};
use paysluice::model::{ErrorKind, Fate, Money, Next, OrderNo, PartStatus, RefundNo, Status};
use recordings::*;

const GONE: (&str, &str) = ("40004", "ACQ.TRADE_NOT_EXIST");

fn order() -> OrderNo {
    OrderNo::new(ORDER).unwrap()
}

#[allow(clippy::unnecessary_wraps, reason = "compared with what may be absent")]
fn cny(text: &str) -> Option<Money> {
    Some(Money::parse(text, paysluice::model::Currency::CNY).unwrap())
}

fn refunding() -> Refund {
    Refund::new(order(), RefundNo::new("ref-1").unwrap(), "3.00 CNY".parse().unwrap()).reason("正常退款")
}

fn reversing() -> Reverse {
    Reverse::new(order(), RefundNo::new("rev-1").unwrap())
}

fn heard<O: Operation>(draft: &Draft, reply: &Reply, stamp: &Stamp) -> Result<Decoded, Failure> {
    codec::<O>(&alipay()).decode(draft, reply, stamp, &Granted::default())
}

fn is_missing<O: Operation>(draft: &Draft, reply: &Reply) -> bool {
    matches!(heard::<O>(draft, reply, &stamp()), Ok(Decoded::Missing))
}

#[test]
fn a_payment_is_asked_for_by_either_number() {
    let (alipay, op) = (alipay(), Query::new(order()));
    let draft = drafted(&alipay, &op, &known(), &seed(ORDER)).unwrap();
    assert_eq!(draft.body, r#"{"out_trade_no":"order_4711"}"#);
    assert_eq!(drafted(&alipay, &op, &Known::default(), &seed("n1")).unwrap().body, r#"{"out_trade_no":"n1"}"#);
    let adopted = Known { refs: Refs::new().with("trade", TRADE), ..Known::default() };
    let draft = drafted(&alipay, &op, &adopted, &seed("x")).unwrap();
    assert_eq!(draft.body, format!(r#"{{"trade_no":"{TRADE}"}}"#));
    assert_eq!(done::<Query>(&alipay, &draft, &trade("TRADE_SUCCESS")).refs.get("out_trade_no"), Some(ORDER));
    let other = trade("TRADE_SUCCESS").replace(TRADE, "2023000000000000000000000000");
    assert!(decoded::<Query>(&alipay, &draft, &ok(&draft, &other)).is_err());
}

#[test]
fn each_state_is_what_it_says_and_a_closed_trade_that_was_paid_was_given_back() {
    let (alipay, op) = (alipay(), Query::new(order()));
    let draft = drafted(&alipay, &op, &known(), &seed(ORDER)).unwrap();
    for (word, status, captured) in [
        ("TRADE_SUCCESS", Status::Paid, cny("12.34")),
        ("TRADE_FINISHED", Status::Paid, cny("12.34")),
        ("WAIT_BUYER_PAY", Status::AwaitingPayer, None),
        ("TRADE_CLOSED", Status::Canceled, None),
        ("ODD", Status::Unrecognized("ODD".into()), None),
    ] {
        let seen = done::<Query>(&alipay, &draft, &trade(word));
        assert_eq!((seen.status, seen.word.as_deref(), seen.captured), (Some(status), Some(word), captured));
        assert_eq!((seen.money, seen.refunded), (cny("12.34"), None));
    }
    let closed = trade("TRADE_CLOSED");
    let with = |member: &str| closed.replace(r#""buyer_logon_id""#, &format!(r#"{member},"buyer_logon_id""#));
    let paid_before = Known { refs: known().refs.with("paid_at", "yes"), ..known() };
    let knowing = drafted(&alipay, &op, &paid_before, &seed(ORDER)).unwrap();
    for (draft, node, paid) in [
        (&draft, with(r#""send_pay_date":"2023-11-15 06:13:20""#), true),
        (&draft, with(r#""receipt_amount":"12.34""#), true),
        (&draft, with(r#""buyer_pay_amount":12.34"#), true),
        (&knowing, closed.clone(), true),
        (&draft, with(r#""receipt_amount":"0.00","buyer_pay_amount":"0.00","send_pay_date":"""#), false),
    ] {
        let seen = done::<Query>(&alipay, draft, &node);
        let expected = if paid { (Some(Status::Paid), cny("12.34")) } else { (Some(Status::Canceled), None) };
        assert_eq!((seen.status, seen.refunded), expected, "{node}");
    }
    let seen = done::<Query>(&alipay, &draft, &trade("TRADE_SUCCESS"));
    assert_eq!(seen.refs.get("paid_at"), Some("2023-11-15 06:13:20"), "remembered for a later TRADE_CLOSED");
}

#[test]
fn an_answer_that_cannot_be_believed_is_no_answer() {
    let (alipay, op) = (alipay(), Query::new(order()));
    let draft = drafted(&alipay, &op, &known(), &seed(ORDER)).unwrap();
    let good = trade("TRADE_SUCCESS");
    for broken in [
        good.replace(r#""total_amount":"12.34","#, ""),
        good.replace(r#""total_amount":"12.34""#, r#""total_amount":"1e3""#),
        good.replace(r#""total_amount":"12.34""#, r#""total_amount":-12.34"#),
        good.replace(r#""total_amount":"12.34""#, r#""total_amount":"12.345""#),
        good.replace(r#""total_amount":"12.34""#, r#""total_amount":"12.34","total_amount":"12.34""#),
        good.replace(ORDER, "order_4712"),
        good.replace(&format!(r#""out_trade_no":"{ORDER}","#), ""),
        good.replace(TRADE, "2023000000000000000000000000"),
        good.replace(r#""trade_status":"TRADE_SUCCESS","#, ""),
        good.replace(r#""code":"10000","#, ""),
    ] {
        let failure = heard::<Query>(&draft, &ok(&draft, &broken), &stamp()).unwrap_err();
        assert_eq!(failure.error.kind(), ErrorKind::Unintelligible, "{broken}");
    }
    // Exact, whether it is a text or a number.
    let number = done::<Query>(&alipay, &draft, &good.replace(r#""total_amount":"12.34""#, r#""total_amount":88.8"#));
    assert_eq!(number.money, cny("88.80"));
    assert!(is_missing::<Query>(&draft, &ok(&draft, &refused(GONE.0, GONE.1))));
    let unsigned = heard::<Query>(&draft, &of_gateway(GONE.0, GONE.1), &stamp()).unwrap_err();
    assert_eq!(unsigned.error.fate(), Fate::Unknown, "that a trade is not there must be signed");
}

#[test]
fn a_close_closes_and_what_is_not_there_stays_payable_until_its_time() {
    let (alipay, op) = (alipay(), Cancel::new(order()));
    let draft = drafted(&alipay, &op, &known_by("web"), &seed("c-1")).unwrap();
    assert_eq!(draft.carry.get("method"), Some("alipay.trade.close"));
    let closed = done::<Cancel>(&alipay, &draft, &success(&ids()));
    let judge = |seen: &Seen| codec::<Cancel>(&alipay).judge(&op, &draft, seen);
    assert_eq!((closed.status.clone(), judge(&closed)), (Some(Status::Canceled), Some(Fate::Applied)));
    assert_eq!(judge(&Seen::status(Status::Paid)), Some(Fate::NotApplied));
    assert_eq!(judge(&Seen::status(Status::AwaitingPayer)), None);
    let gone = ok(&draft, &refused(GONE.0, GONE.1));
    for seconds in [0, 1800, 1860] {
        let error = heard::<Cancel>(&draft, &gone, &at(seconds)).unwrap_err().error;
        assert_eq!((error.kind(), error.until()), (ErrorKind::StillPayable, draft.closes_at), "{seconds}");
    }
    let Ok(Decoded::Done(over)) = heard::<Cancel>(&draft, &gone, &at(1861)) else { panic!() };
    assert_eq!((over.status.clone(), judge(&over)), (Some(Status::Expired), Some(Fate::Applied)));
    let failure = heard::<Cancel>(&draft, &ok(&draft, &refused("40004", "ACQ.SYSTEM_ERROR")), &stamp()).unwrap_err();
    assert_eq!(failure.error.fate(), Fate::Unknown);
    // Paid, or closed already: it proves nothing, and is asked for at once.
    for sub in ["ACQ.REASON_TRADE_STATUS_INVALID", "ACQ.TRADE_STATUS_ERROR"] {
        let Ok(Decoded::Done(seen)) = heard::<Cancel>(&draft, &ok(&draft, &refused("40004", sub)), &stamp()) else { panic!() };
        assert_eq!((seen.status.clone(), judge(&seen)), (None, None), "{sub}");
    }
    assert_eq!(codec::<Cancel>(&alipay).recovery(&op, &draft).steps[0], RecoveryStep::Query);
    let another = success(&ids().replace(ORDER, "order_4712"));
    assert!(heard::<Cancel>(&draft, &ok(&draft, &another), &stamp()).is_err());
}

#[test]
fn a_reversal_closes_or_gives_all_back_and_is_repeated_until_it_says_which() {
    let (alipay, op) = (alipay(), reversing());
    let draft = drafted(&alipay, &op, &known_by("barcode"), &seed("rev-1")).unwrap();
    assert_eq!(draft.carry.get("method"), Some("alipay.trade.cancel"));
    let answer = |rest: &str| success(&format!("{}{rest}", ids()));
    let judge = |seen: &Seen| codec::<Reverse>(&alipay).judge(&op, &draft, seen);
    let closed = done::<Reverse>(&alipay, &draft, &answer(r#","retry_flag":"N","action":"close""#));
    assert_eq!((closed.status.clone(), judge(&closed)), (Some(Status::Canceled), Some(Fate::Applied)));
    let back = done::<Reverse>(&alipay, &draft, &answer(r#","retry_flag":"N","action":"refund""#));
    assert_eq!((back.status.clone(), back.refunded, judge(&back)), (Some(Status::Paid), cny("12.34"), Some(Fate::Applied)));
    assert_eq!((back.refunds[0].number.as_deref(), back.refunds[0].money), (Some("rev-1"), cny("12.34")));
    let again = |after| Again::SameKey { after, invalidate: None };
    let soon = Some(Duration::from_secs(5));
    for (node, expected) in [
        (answer(r#","retry_flag":"Y""#), again(None)),
        (answer(r#","retry_flag":"Y","action":"close""#), again(None)),
        (success(r#""retry_flag":"N""#), again(soon)),
        (refused(GONE.0, GONE.1), again(soon)),
    ] {
        let failure = heard::<Reverse>(&draft, &ok(&draft, &node), &at(1860)).unwrap_err();
        assert_eq!((failure.error.fate(), failure.again), (Fate::Unknown, expected), "{node}");
    }
    let Ok(Decoded::Done(over)) = heard::<Reverse>(&draft, &ok(&draft, &success("")), &at(1861)) else { panic!() };
    assert_eq!(judge(&over), Some(Fate::Applied), "its time is over: it can take no money any more");
    let short = heard::<Reverse>(&draft, &ok(&draft, &refused("40004", "ACQ.SELLER_BALANCE_NOT_ENOUGH")), &stamp());
    assert_eq!(short.unwrap_err().error.kind(), ErrorKind::NotNow);
    for product in ["web", "wap", "app", "mini_program"] {
        let error = drafted(&alipay, &op, &known_by(product), &seed("rev-1")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{product}");
    }
    assert!(heard::<Reverse>(&draft, &ok(&draft, &answer(r#","action":"frob""#)), &stamp()).is_err());
}

#[test]
fn a_refund_is_settled_by_its_own_number_never_by_the_total() {
    let (alipay, op) = (alipay(), refunding());
    let draft = drafted(&alipay, &op, &known(), &seed("ref-1")).unwrap();
    let body = r#"{"out_trade_no":"order_4711","refund_amount":"3.00","out_request_no":"ref-1","refund_reason":"正常退款"}"#;
    assert_eq!(draft.body, body);
    let answer = |change: &str, fee: &str| success(&format!(r#"{},"fund_change":"{change}","refund_fee":"{fee}""#, ids()));
    let judge = |seen: &Seen| codec::<Refund>(&alipay).judge(&op, &draft, seen);
    let moved = done::<Refund>(&alipay, &draft, &answer("Y", "5.00"));
    assert_eq!((judge(&moved), moved.refunded, moved.refunds[0].money), (Some(Fate::Applied), cny("5.00"), cny("3.00")));
    // Repeated, or not done: who asks by its number learns which.
    for node in [answer("N", "5.00"), success(&format!(r#"{},"refund_fee":"5.00""#, ids()))] {
        let repeated = done::<Refund>(&alipay, &draft, &node);
        assert_eq!((judge(&repeated), repeated.refunded, repeated.refunds.len()), (None, cny("5.00"), 0));
    }
    for node in [answer("Y", "2.99"), answer("maybe", "5.00"), answer("Y", "x"), answer("Y", "5.00").replace(ORDER, "order_4712")]
    {
        assert!(heard::<Refund>(&draft, &ok(&draft, &node), &stamp()).is_err(), "{node}");
    }
    let recovery = codec::<Refund>(&alipay).recovery(&op, &draft);
    assert_eq!((recovery.steps[0], recovery.not_found), (RecoveryStep::Query, NotFound::Nothing));
    assert!(matches!(recovery.steps[1], RecoveryStep::Replay { .. }));
    for (sub, kind, next) in [
        ("ACQ.SELLER_BALANCE_NOT_ENOUGH", ErrorKind::NotNow, Next::Later),
        ("ACQ.DISCORDANT_REPEAT_REQUEST", ErrorKind::Doubtful, Next::Query),
        ("ACQ.TRADE_HAS_FINISHED", ErrorKind::Declined, Next::Fix),
        ("ACQ.TRADE_NOT_EXIST", ErrorKind::Invalid, Next::Fix),
        ("ACQ.SYSTEM_ERROR", ErrorKind::Doubtful, Next::Query),
    ] {
        let error = heard::<Refund>(&draft, &ok(&draft, &refused("40004", sub)), &stamp()).unwrap_err().error;
        assert_eq!((error.kind(), error.next()), (kind, next), "{sub}");
    }
    let mut elsewhere = refunding();
    elsewhere.callback_url = Some("https://shop.example/refunds".into());
    let error = drafted(&alipay, &elsewhere, &known(), &seed("ref-1")).unwrap_err();
    assert!(error.message().starts_with("callback_url: must be left out"), "{error}");
}

#[test]
fn a_refund_is_asked_for_by_its_number() {
    let (alipay, op) = (alipay(), QueryRefund::new(order(), RefundNo::new("ref-1").unwrap()));
    let draft = drafted(&alipay, &op, &known(), &seed("ref-1")).unwrap();
    assert_eq!(draft.body, r#"{"out_trade_no":"order_4711","out_request_no":"ref-1"}"#);
    let answer = |status: &str| success(&format!(r#"{},"out_request_no":"ref-1","refund_amount":"3.00"{status}"#, ids()));
    let found = done::<QueryRefund>(&alipay, &draft, &answer(r#","refund_status":"REFUND_SUCCESS""#));
    let (asked, refund) = (refunding(), drafted(&alipay, &refunding(), &known(), &seed("ref-1")).unwrap());
    let judge = |seen: &Seen| codec::<Refund>(&alipay).judge(&asked, &refund, seen);
    assert_eq!((judge(&found), found.refunds[0].money, found.refunded), (Some(Fate::Applied), cny("3.00"), None));
    for node in [success(""), answer(""), answer(r#","refund_status":"""#), refused(GONE.0, GONE.1)] {
        assert!(is_missing::<QueryRefund>(&draft, &ok(&draft, &node)), "{node}");
    }
    let odd = done::<QueryRefund>(&alipay, &draft, &answer(r#","refund_status":"REFUND_FAIL""#));
    assert_eq!((&odd.refunds[0].status, judge(&odd)), (&PartStatus::Unrecognized("REFUND_FAIL".into()), None));
    let other = answer(r#","refund_status":"REFUND_SUCCESS""#).replace("ref-1", "ref-2");
    assert!(heard::<QueryRefund>(&draft, &ok(&draft, &other), &stamp()).is_err());
}
