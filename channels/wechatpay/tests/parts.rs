//! What follows a charge: queries, close, reversal, refunds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_imports, reason = "tests")]

mod recordings;

use std::time::Duration;

use paysluice::adapter::{
    Again, Cancel, Decoded, Known, Moves, NotFound, Query, QueryRefund, RecoveryStep, Refs, Refund, Reverse, Seen, SeenPart,
};
use paysluice::model::{ErrorKind, Fate, Money, Next, OrderNo, PartStatus, RefundNo, Status};
use recordings::*;

fn order() -> OrderNo {
    OrderNo::new(ORDER).unwrap()
}

fn refunding() -> Refund {
    Refund::new(order(), RefundNo::new("ref-1").unwrap(), "12.34 CNY".parse().unwrap())
}

#[test]
fn a_payment_is_asked_for_by_either_number() {
    let (wechat, op) = (wechat(), Query::new(order()));
    let draft = drafted(&wechat, &op, &known(), &seed(ORDER)).unwrap();
    assert_eq!(draft.path, "/v3/pay/transactions/out-trade-no/order-4711?mchid=1900009191");
    let adopted = Known { refs: Refs::new().with("transaction", TRANSACTION), ..Known::default() };
    let draft = drafted(&wechat, &op, &adopted, &seed("x")).unwrap();
    assert_eq!(draft.path, format!("/v3/pay/transactions/id/{TRANSACTION}?mchid=1900009191"));
    assert_eq!(done::<Query>(&wechat, &draft, &ok(transaction("SUCCESS"))).refs.get("out_trade_no"), Some(ORDER));
    let unpaid = ok(transaction("NOTPAY"));
    assert!(decoded::<Query>(&wechat, &draft, &unpaid).is_err(), "an answer about another payment, or none");
    let draft = drafted(&partner(), &op, &known(), &seed(ORDER)).unwrap();
    assert_eq!(draft.path, "/v3/pay/partner/transactions/out-trade-no/order-4711?sp_mchid=1900009191&sub_mchid=1900009999");
    assert_eq!(done::<Query>(&partner(), &draft, &ok(sub_transaction("SUCCESS"))).status, Some(Status::Paid));
    assert!(decoded::<Query>(&partner(), &draft, &ok(sub_transaction("SUCCESS").replace("1900009999", "1900000000"))).is_err());
    assert!(decoded::<Query>(&partner(), &draft, &ok(transaction("SUCCESS"))).is_err(), "of the partner itself");
}

#[test]
fn each_state_is_what_it_says_and_a_refunded_payment_is_still_paid() {
    let (wechat, op) = (wechat(), Query::new(order()));
    let draft = drafted(&wechat, &op, &known(), &seed(ORDER)).unwrap();
    for (word, status) in [
        ("SUCCESS", Status::Paid),
        ("REFUND", Status::Paid),
        ("NOTPAY", Status::AwaitingPayer),
        ("CLOSED", Status::Canceled),
        ("REVOKED", Status::Canceled),
        ("PAYERROR", Status::Declined),
        ("ODD", Status::Unrecognized("ODD".into())),
    ] {
        let seen = done::<Query>(&wechat, &draft, &ok(transaction(word)));
        assert_eq!((seen.status, seen.word.as_deref(), seen.money), (Some(status), Some(word), Some(charge().money)));
    }
    // Other money is shown as it is: the gateway compares it.
    let other = done::<Query>(&wechat, &draft, &ok(transaction("SUCCESS").replace(r#""total":1234"#, r#""total":1"#)));
    assert_eq!(other.money, Some("0.01 CNY".parse::<Money>().unwrap()));
    for broken in [
        transaction("SUCCESS").replace(r#""total":1234,"#, ""),
        transaction("SUCCESS").replace(r#""total":1234"#, r#""total":-1"#),
        transaction("SUCCESS").replace(r#""total":1234"#, r#""total":"1234""#),
        transaction("SUCCESS").replace(r#""currency":"CNY""#, r#""currency":"USD""#),
        transaction("SUCCESS").replace(r#""trade_state":"SUCCESS""#, r#""trade_state":"NOTPAY","trade_state":"SUCCESS""#),
        transaction("SUCCESS").replace(r#""trade_state":"SUCCESS","#, ""),
    ] {
        let failure = decoded::<Query>(&wechat, &draft, &ok(broken.clone())).unwrap_err();
        assert_eq!(failure.error.kind(), ErrorKind::Unintelligible, "{broken}");
    }
    assert!(matches!(decoded::<Query>(&wechat, &draft, &fault(404, "ORDER_NOT_EXIST")), Ok(Decoded::Missing)));
    assert!(decoded::<Query>(&wechat, &draft, &unsigned(404, "")).is_err(), "a proxy's 404 proves nothing");
}

#[test]
fn a_close_that_was_heard_shows_nothing_of_the_payment() {
    let (wechat, op) = (wechat(), Cancel::new(order()));
    let draft = drafted(&wechat, &op, &known(), &seed("c-1")).unwrap();
    assert_eq!(
        (draft.path.as_str(), draft.body.as_str()),
        ("/v3/pay/transactions/out-trade-no/order-4711/close", r#"{"mchid":"1900009191"}"#)
    );
    let codec = codec::<Cancel>(&wechat);
    let heard = done::<Cancel>(&wechat, &draft, &signed(204, ""));
    assert_eq!((heard.status.as_ref(), codec.judge(&op, &draft, &heard)), (None, None));
    assert_eq!(codec.recovery(&op, &draft).steps.first(), Some(&RecoveryStep::Query));
    assert_eq!(codec.judge(&op, &draft, &Seen::status(Status::Canceled)), Some(Fate::Applied));
    assert_eq!(codec.judge(&op, &draft, &Seen::status(Status::Paid)), Some(Fate::NotApplied));
    assert_eq!(codec.judge(&op, &draft, &Seen::status(Status::AwaitingPayer)), None);
    // A payment that races it: unknown, and asked for.
    for raced in [fault(429, "FREQUENCY_LIMITED"), fault(400, "ORDERPAID"), unsigned(204, "")] {
        let failure = decoded::<Cancel>(&wechat, &draft, &raced).unwrap_err();
        assert_eq!((failure.error.fate(), failure.error.next()), (Fate::Unknown, Next::Query), "{raced:?}");
    }
    let partners = drafted(&partner(), &op, &known(), &seed("c-1")).unwrap();
    assert_eq!(partners.body, r#"{"sp_mchid":"1900009191","sub_mchid":"1900009999"}"#);
    let barcode = drafted(&wechat, &op, &known_by("barcode"), &seed("c-1")).unwrap_err();
    assert_eq!(barcode.kind(), ErrorKind::Unsupported);
}

#[test]
fn a_reversal_ends_a_payment_by_barcode_and_gives_its_money_back() {
    let (wechat, op) = (wechat(), Reverse::new(order(), RefundNo::new("rev-1").unwrap()));
    let draft = drafted(&wechat, &op, &known_by("barcode"), &seed("rev-1")).unwrap();
    assert_eq!(draft.path, "/v3/pay/transactions/out-trade-no/order-4711/reverse");
    assert_eq!(draft.body, r#"{"appid":"wxd678efh567hg6787","mchid":"1900009191"}"#);
    let answer = format!(r#"{{"appid":"wxd678efh567hg6787","mchid":"1900009191","out_trade_no":"{ORDER}"}}"#);
    let codec = codec::<Reverse>(&wechat);
    let seen = done::<Reverse>(&wechat, &draft, &ok(answer.clone()));
    assert_eq!((seen.status.clone(), codec.judge(&op, &draft, &seen)), (Some(Status::Canceled), Some(Fate::Applied)));
    assert_eq!(seen.refunds.first().and_then(|part| part.number.as_deref()), Some("rev-1"));
    let unpaid = Known { refs: Refs::new(), ..known_by("barcode") };
    let unpaid = drafted(&wechat, &op, &unpaid, &seed("rev-1")).unwrap();
    assert!(done::<Reverse>(&wechat, &unpaid, &ok(answer.clone())).refunds.is_empty());
    assert!(decoded::<Reverse>(&wechat, &draft, &ok(answer.replace("4711", "4712"))).is_err());
    assert_eq!(codec.judge(&op, &draft, &Seen::status(Status::Paid)), None, "the reversal may be on its way");
    let other = drafted(&wechat, &op, &known(), &seed("rev-1")).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Unsupported);
}

#[test]
fn a_refund_names_both_numbers_and_both_amounts() {
    let wechat = wechat();
    let mut op = refunding().reason("商品已售完");
    op.money = "4.00 CNY".parse().unwrap();
    let draft = drafted(&wechat, &op, &known(), &seed("ref-1")).unwrap();
    assert_eq!((draft.path.as_str(), draft.moves), ("/v3/refund/domestic/refunds", Moves::Money));
    assert_eq!(
        draft.body,
        r#"{"out_trade_no":"order-4711","out_refund_no":"ref-1","reason":"商品已售完","amount":{"refund":400,"total":1234,"currency":"CNY"}}"#
    );
    let partners = drafted(&partner(), &op, &known(), &seed("ref-1")).unwrap();
    assert!(partners.body.starts_with(r#"{"sub_mchid":"1900009999","out_trade_no""#), "{}", partners.body);
    op.reason = Some("x".repeat(81));
    assert!(drafted(&wechat, &op, &known(), &seed("ref-1")).unwrap_err().message().starts_with("reason: must be"));
    let adopted = drafted(&wechat, &refunding(), &Known::default(), &seed("ref-1")).unwrap_err();
    assert_eq!(adopted.kind(), ErrorKind::Unsupported);
}

#[test]
fn a_refund_is_judged_by_its_own_number_and_state() {
    let (wechat, op) = (wechat(), refunding());
    let draft = drafted(&wechat, &op, &known(), &seed("ref-1")).unwrap();
    let codec = codec::<Refund>(&wechat);
    for (word, status, fate, watched) in [
        ("PROCESSING", PartStatus::Pending, Fate::Applied, true),
        ("SUCCESS", PartStatus::Succeeded, Fate::Applied, false),
        ("ABNORMAL", PartStatus::NeedsAction, Fate::Applied, true),
        ("CLOSED", PartStatus::Failed, Fate::NotApplied, false),
    ] {
        let seen = done::<Refund>(&wechat, &draft, &ok(refund(word)));
        assert_eq!((&seen.refunds[0].status, codec.judge(&op, &draft, &seen)), (&status, Some(fate)), "{word}");
        assert_eq!(codec.follow(&op, &draft, &seen, now()).is_some(), watched, "{word}");
    }
    let part = SeenPart { number: Some("ref-2".into()), id: None, money: None, status: PartStatus::Succeeded, reason: None };
    assert_eq!(codec.judge(&op, &draft, &Seen { refunds: vec![part], ..Seen::default() }), None);
    for (ours, theirs) in [
        (r#""out_refund_no":"ref-1""#, r#""out_refund_no":"ref-2""#),
        (r#""out_trade_no":"order-4711""#, r#""out_trade_no":"order-4712""#),
        (TRANSACTION, "4200000009"),
        (r#""refund":1234"#, r#""refund":1233"#),
        (r#""total":1234"#, r#""total":9999"#),
        (r#""refund":1234,"#, ""),
    ] {
        let failure = decoded::<Refund>(&wechat, &draft, &ok(refund("SUCCESS").replace(ours, theirs))).unwrap_err();
        assert_eq!(failure.error.kind(), ErrorKind::Unintelligible, "{ours} → {theirs}");
    }
}

#[test]
fn a_refund_without_funds_goes_again_under_its_number_and_a_limited_one_is_in_doubt() {
    let (wechat, op) = (wechat(), refunding());
    let draft = drafted(&wechat, &op, &known(), &seed("ref-1")).unwrap();
    let refused = decoded::<Refund>(&wechat, &draft, &fault(403, "NOT_ENOUGH")).unwrap_err();
    assert_eq!((refused.error.next(), refused.again), (Next::Later, Again::No));
    assert!(refused.error.cause().is_some_and(|cause| cause.contains("same number")));
    let later = drafted(&wechat, &op, &known(), &seed("ref-1")).unwrap();
    assert_eq!(later.body, draft.body, "a new generation says the same");
    let limited = decoded::<Refund>(&wechat, &draft, &fault(429, "FREQUENCY_LIMITED")).unwrap_err();
    let minute = Duration::from_secs(60);
    assert_eq!((limited.error.fate(), limited.error.after()), (Fate::Unknown, Some(minute)));
    assert_eq!(limited.again, Again::SameKey { after: Some(minute), invalidate: None });
    for reply in [fault(500, "SYSTEM_ERROR"), signed(202, ""), unsigned(200, refund("SUCCESS"))] {
        let failure = decoded::<Refund>(&wechat, &draft, &reply).unwrap_err();
        assert_eq!((failure.error.fate(), matches!(failure.again, Again::SameKey { .. })), (Fate::Unknown, true));
    }
    let recovery = codec::<Refund>(&wechat).recovery(&op, &draft);
    assert_eq!(recovery.not_found, NotFound::Nothing);
    assert!(matches!(recovery.steps[..2], [RecoveryStep::Query, RecoveryStep::Replay { .. }]));
}

#[test]
fn a_refund_is_asked_for_by_the_number_it_was_sent_with() {
    let (wechat, op) = (wechat(), QueryRefund::new(order(), RefundNo::new("R/1").unwrap()));
    let known = Known { part_number: Some("ref-1".parse().unwrap()), ..known() };
    let draft = drafted(&wechat, &op, &known, &seed("ref-1")).unwrap();
    assert_eq!(draft.path, "/v3/refund/domestic/refunds/ref-1");
    assert_eq!(done::<QueryRefund>(&wechat, &draft, &ok(refund("PROCESSING"))).refunds[0].status, PartStatus::Pending);
    assert!(matches!(decoded::<QueryRefund>(&wechat, &draft, &fault(404, "RESOURCE_NOT_EXISTS")), Ok(Decoded::Missing)));
    let partners = drafted(&partner(), &op, &known, &seed("ref-1")).unwrap();
    assert_eq!(partners.path, "/v3/refund/domestic/refunds/ref-1?sub_mchid=1900009999");
}
