//! What follows a charge: questions, refunds and revokes, reversals.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_imports, clippy::panic, reason = "tests")]

mod recordings;

use std::time::Duration;

use paysluice::adapter::{
    Adapter, Again, Charge, Codec, Decoded, Known, Method, Moves, NotFound, Query, QueryRefund, RecoveryStep, Refs, Refund,
    Reverse, Seen, SeenPart,
};
use paysluice::model::{ErrorKind, Fate, Next, OrderNo, PartStatus, RefundNo, Status};
use paysluice_unionpay::UnionPay;
use recordings::*;

const REFUND: &str = "refund000001";
/// An hour after the payment, and a day.
const HOUR: &str = "20231115071320";
const DAY: &str = "20231116061320";

fn order() -> OrderNo {
    OrderNo::new(ORDER).unwrap()
}

fn refunding(money: &str) -> Refund {
    Refund::new(order(), RefundNo::new(REFUND).unwrap(), money.parse().unwrap())
}

fn accepted(kind: &str, time: &str, amount: &str) -> Pairs {
    let own =
        [("orderId", REFUND), ("txnTime", time), ("txnAmt", amount), ("currencyCode", "156"), ("queryId", "78220908132206")];
    with(answer(kind, "00"), &own)
}

#[test]
fn a_payment_is_asked_for_by_its_number_and_time_together_or_by_unionpays_id() {
    let (unionpay, op) = (unionpay(), Query::new(order()));
    // The seed of the payment is what names it, whenever it is asked.
    let draft = drafted(&unionpay, &op, &known("web"), &seed_at("other0000001", at(5000))).unwrap();
    let expected = [
        ("accessType", "0"),
        ("bizType", "000201"),
        ("encoding", "UTF-8"),
        ("merId", "777290058110048"),
        ("orderId", ORDER),
        ("signMethod", "01"),
        ("txnSubType", "00"),
        ("txnTime", TIME),
        ("txnType", "00"),
        ("version", "5.1.0"),
    ];
    assert_eq!((read(draft.body.as_bytes()), draft.moves), (pairs(&expected), Moves::Nothing));
    assert_eq!(draft.path, "/gateway/api/queryTrans.do");
    let adopted = Known { refs: Refs::new().with("query_id", QUERY_ID), ..Known::default() };
    let draft = drafted(&unionpay, &op, &adopted, &seed("xxxxxxxx")).unwrap();
    let fields = read(draft.body.as_bytes());
    assert_eq!(
        (get(&fields, "queryId"), get(&fields, "txnSubType"), get(&fields, "orderId")),
        (Some(QUERY_ID), Some("02"), None)
    );
    assert_eq!(done::<Query>(&unionpay, &draft, &ok(state("00"))).refs.get("query_id"), Some(QUERY_ID));
    let other = ok(with(state("00"), &[("queryId", "782209081322060674029")]));
    assert!(decoded::<Query>(&unionpay, &draft, &other).is_err());
}

#[test]
fn the_question_that_succeeded_is_not_the_payment_that_did() {
    let (unionpay, op) = (unionpay(), Query::new(order()));
    let draft = drafted(&unionpay, &op, &unpaid("barcode"), &seed(ORDER)).unwrap();
    for (code, status) in [
        ("00", Status::Paid),
        ("A6", Status::Paid),
        ("03", Status::Processing),
        ("04", Status::Processing),
        ("05", Status::Processing),
        ("70", Status::AwaitingPayer),
        ("01", Status::Declined),
        ("34", Status::Declined),
        ("ZZ", Status::Unrecognized("ZZ".into())),
    ] {
        let seen = done::<Query>(&unionpay, &draft, &ok(state(code)));
        let paid = status == Status::Paid;
        assert_eq!((seen.status, seen.word.as_deref(), seen.money), (Some(status), Some(code), Some(money("12.34 CNY"))));
        assert_eq!((seen.captured.is_some(), seen.refs.get("query_id").is_some()), (paid, paid), "{code}");
    }
    // Other money is shown as it is: the gateway compares it.
    let other = done::<Query>(&unionpay, &draft, &ok(with(state("00"), &[("txnAmt", "1")])));
    assert_eq!(other.money, Some(money("0.01 CNY")));
    for broken in [
        with(state("00"), &[("origRespCode", "")]),
        with(state("00"), &[("txnAmt", "")]),
        with(state("00"), &[("txnAmt", "-1")]),
        with(state("00"), &[("txnAmt", "12.34")]),
        with(state("00"), &[("txnAmt", "1234567890123")]),
        with(state("00"), &[("currencyCode", "840")]),
        with(state("00"), &[("queryId", "")]),
        with(state("00"), &[("orderId", "order47110002")]),
        with(state("00"), &[("txnTime", DAY)]),
        with(state("00"), &[("txnTime", "")]),
        with(state("00"), &[("txnType", "04")]),
        with(state("00"), &[("merId", "")]),
        with(state("00"), &[("merId", "777290058110049")]),
        with(answer("00", "34"), &[("orderId", "")]),
        with(answer("00", "34"), &[("orderId", "order47110002")]),
    ] {
        let failure = decoded::<Query>(&unionpay, &draft, &ok(broken.clone())).unwrap_err();
        assert_eq!(failure.error.kind(), ErrorKind::Unintelligible, "{broken:?}");
    }
    let twice = plain(&signed(state("05"))) + "&origRespCode=00";
    assert!(decoded::<Query>(&unionpay, &draft, &raw(200, twice)).is_err());
    assert!(matches!(decoded::<Query>(&unionpay, &draft, &ok(answer("00", "34"))), Ok(Decoded::Missing)));
    // The question itself failed: nothing is said of the payment, and it may be asked again.
    for code in ["02", "39", "37"] {
        let failure = decoded::<Query>(&unionpay, &draft, &ok(answer("00", code))).unwrap_err();
        assert_eq!(failure.again, Again::SameKey { after: None, invalidate: None }, "{code}");
    }
    let odd = decoded::<Query>(&unionpay, &draft, &ok(answer("00", "64"))).unwrap_err();
    assert_eq!(odd.error.kind(), ErrorKind::Doubtful);
}

#[test]
fn an_answer_may_be_wrapped_in_braces_and_hold_fields_within_fields() {
    let (unionpay, op) = (unionpay(), Query::new(order()));
    let draft = drafted(&unionpay, &op, &known("web"), &seed(ORDER)).unwrap();
    let nested = signed(with(state("00"), &[("cardTransData", "{a=1&origRespCode=05&b=[x]}"), ("respMsg", "成功 + 100%&[x&y]")]));
    // `&` outside of braces ends a value; here it stands before a bracket, so the text is read as it would be by their library.
    assert!(decoded::<Query>(&unionpay, &draft, &raw(200, plain(&nested))).is_err());
    let nested = signed(with(state("00"), &[("cardTransData", "{a=1&origRespCode=05&b=[x]}"), ("respMsg", "成功 + 100%[x&y]")]));
    for body in [plain(&nested), format!("{{{}}}", plain(&nested))] {
        assert_eq!(done::<Query>(&unionpay, &draft, &raw(200, body)).status, Some(Status::Paid));
    }
    let huge = signed(with(state("00"), &[("reserved", &"x".repeat(500_000))]));
    assert_eq!(done::<Query>(&unionpay, &draft, &raw(200, plain(&huge))).status, Some(Status::Paid));
}

#[test]
fn all_the_money_on_its_clearing_day_is_revoked_and_anything_else_refunded() {
    let unionpay = unionpay();
    let drafts = |unionpay: &UnionPay, money: &str, known: &Known, born: u64| {
        drafted(unionpay, &refunding(money), known, &seed_at(REFUND, at(born))).unwrap()
    };
    let revoke = drafts(&unionpay, "12.34 CNY", &known("app"), 3600);
    let expected = [
        ("accessType", "0"),
        ("backUrl", "https://shop.example/callbacks/unionpay"),
        ("bizType", "000201"),
        ("channelType", "08"),
        ("currencyCode", "156"),
        ("encoding", "UTF-8"),
        ("merId", "777290058110048"),
        ("orderId", REFUND),
        ("origQryId", QUERY_ID),
        ("signMethod", "01"),
        ("txnAmt", "1234"),
        ("txnSubType", "00"),
        ("txnTime", HOUR),
        ("txnType", "31"),
        ("version", "5.1.0"),
    ];
    assert_eq!((read(revoke.body.as_bytes()), revoke.moves), (pairs(&expected), Moves::Money));
    assert_eq!(revoke.path, "/gateway/api/backTransReq.do");
    let kind = |draft: paysluice::adapter::Draft| get(&read(draft.body.as_bytes()), "txnType").unwrap().to_owned();
    assert_eq!(kind(drafts(&unionpay, "12.33 CNY", &known("app"), 3600)), "04", "a part");
    assert_eq!(kind(drafts(&unionpay, "12.34 CNY", &known("app"), 86_400)), "04", "another day");
    let adopted = Known { original: None, ..known("app") };
    assert_eq!(kind(drafts(&unionpay, "12.34 CNY", &adopted, 3600)), "04", "made elsewhere");
    let mut config = config();
    config.revoke_same_day = false;
    let unpermitted = UnionPay::new(config).unwrap();
    assert_eq!(kind(drafts(&unpermitted, "12.34 CNY", &known("app"), 3600)), "04", "no permission");
    let unknown = drafted(&unionpay, &refunding("1.00 CNY"), &unpaid("app"), &seed(REFUND)).unwrap_err();
    assert_eq!((unknown.kind(), unknown.next()), (ErrorKind::NotNow, Next::Later));
}

#[test]
fn an_accepted_refund_is_pending_until_its_own_question_says_more() {
    let (unionpay, op) = (unionpay(), refunding("4.00 CNY"));
    let draft = drafted(&unionpay, &op, &known("web"), &seed_at(REFUND, at(86_400))).unwrap();
    let codec = codec::<Refund>(&unionpay);
    let seen = done::<Refund>(&unionpay, &draft, &ok(accepted("04", DAY, "400")));
    assert_eq!((seen.status.as_ref(), &seen.refunds[0].status), (None, &PartStatus::Pending));
    assert_eq!((codec.judge(&op, &draft, &seen), seen.refs == Refs::new()), (Some(Fate::Applied), true));
    let follow = codec.follow(&op, &draft, &seen, at(86_401)).unwrap();
    assert_eq!(follow.cadence[..6], [1, 2, 4, 8, 16, 32].map(Duration::from_secs));
    for (ours, theirs) in [
        ("txnAmt", "401"),
        ("currencyCode", "840"),
        ("orderId", "refund000002"),
        ("txnTime", HOUR),
        ("txnType", "31"),
        ("orderId", ""),
        ("merId", ""),
    ] {
        let reply = ok(with(accepted("04", DAY, "400"), &[(ours, theirs)]));
        let failure = decoded::<Refund>(&unionpay, &draft, &reply).unwrap_err();
        assert_eq!(failure.error.kind(), ErrorKind::Unintelligible, "{ours} → {theirs}");
    }
    let part =
        SeenPart { number: Some("refund000002".into()), id: None, money: None, status: PartStatus::Succeeded, reason: None };
    assert_eq!(codec.judge(&op, &draft, &Seen { refunds: vec![part], ..Seen::default() }), None);
}

#[test]
fn a_refund_in_doubt_is_asked_about_and_never_sent_twice() {
    let (unionpay, op) = (unionpay(), refunding("4.00 CNY"));
    let draft = drafted(&unionpay, &op, &known("web"), &seed_at(REFUND, at(86_400))).unwrap();
    for reply in [
        ok(with(answer("04", "03"), &[("orderId", REFUND), ("txnTime", DAY)])),
        ok(with(answer("04", "12"), &[("orderId", REFUND), ("txnTime", DAY)])),
        ok(with(answer("04", "45"), &[("orderId", REFUND), ("txnTime", DAY)])),
        raw(200, plain(&accepted("04", DAY, "400"))),
        raw(504, ""),
    ] {
        let failure = decoded::<Refund>(&unionpay, &draft, &reply).unwrap_err();
        assert_eq!((failure.error.fate(), failure.again), (Fate::Unknown, Again::No), "{}", failure.error);
    }
    for (code, kind) in
        [("35", ErrorKind::Invalid), ("01", ErrorKind::Declined), ("32", ErrorKind::Unauthorized), ("39", ErrorKind::NotNow)]
    {
        let reply = ok(with(answer("04", code), &[("orderId", REFUND), ("txnTime", DAY)]));
        assert_eq!(decoded::<Refund>(&unionpay, &draft, &reply).unwrap_err().error.kind(), kind, "{code}");
    }
    let recovery = codec::<Refund>(&unionpay).recovery(&op, &draft);
    assert_eq!(recovery.steps, [RecoveryStep::Query, RecoveryStep::Human]);
    // What has not come with a time so old cannot come any more.
    assert_eq!(recovery.not_found, NotFound::ProofAfter(at(86_400 + 900)));
}

#[test]
fn a_refund_is_asked_for_by_its_own_number_and_time() {
    let (unionpay, op) = (unionpay(), QueryRefund::new(order(), RefundNo::new(REFUND).unwrap()));
    let own = seed_at(REFUND, at(86_400));
    let draft = drafted(&unionpay, &op, &known("web"), &own).unwrap();
    let fields = read(draft.body.as_bytes());
    assert_eq!((get(&fields, "orderId"), get(&fields, "txnTime")), (Some(REFUND), Some(DAY)));
    let refund = drafted(&unionpay, &refunding("12.34 CNY"), &known("web"), &own).unwrap();
    let judge = |seen: &Seen| Codec::<Refund>::judge(&unionpay, &refunding("12.34 CNY"), &refund, seen);
    for (code, status, fate) in [
        ("00", PartStatus::Succeeded, Some(Fate::Applied)),
        ("A6", PartStatus::Succeeded, Some(Fate::Applied)),
        ("05", PartStatus::Pending, Some(Fate::Applied)),
        ("45", PartStatus::Failed, Some(Fate::NotApplied)),
        ("60", PartStatus::Failed, Some(Fate::NotApplied)),
    ] {
        let seen = done::<QueryRefund>(&unionpay, &draft, &ok(refund_state(REFUND, DAY, code)));
        assert_eq!((&seen.refunds[0].status, judge(&seen)), (&status, fate), "{code}");
        assert_eq!((seen.refunds[0].id.as_deref(), seen.status), (Some("782209081322069999999"), None));
    }
    let gone = with(answer("00", "34"), &[("orderId", REFUND), ("txnTime", DAY)]);
    assert!(matches!(decoded::<QueryRefund>(&unionpay, &draft, &ok(gone)), Ok(Decoded::Missing)));
    for other in [state("00"), refund_state("refund000002", DAY, "00"), refund_state(REFUND, HOUR, "00")] {
        assert!(decoded::<QueryRefund>(&unionpay, &draft, &ok(other)).is_err());
    }
}

#[test]
fn a_payment_at_a_till_that_is_in_doubt_is_reversed_under_its_own_number_and_time() {
    let (unionpay, op) = (unionpay(), Reverse::new(order(), RefundNo::new(REFUND).unwrap()));
    let draft = drafted(&unionpay, &op, &unpaid("barcode"), &seed_at(REFUND, at(63))).unwrap();
    let expected = [
        ("accessType", "0"),
        ("bizType", "000000"),
        ("channelType", "08"),
        ("encoding", "UTF-8"),
        ("merId", "777290058110048"),
        ("orderId", ORDER),
        ("signMethod", "01"),
        ("txnSubType", "01"),
        ("txnTime", TIME),
        ("txnType", "99"),
        ("version", "5.1.0"),
    ];
    assert_eq!((read(draft.body.as_bytes()), draft.path.as_str()), (pairs(&expected), "/gateway/api/backTransReq.do"));
    let codec = codec::<Reverse>(&unionpay);
    for code in ["00", "A6", "45"] {
        let seen = done::<Reverse>(&unionpay, &draft, &ok(answer("99", code)));
        assert_eq!((seen.status.clone(), codec.judge(&op, &draft, &seen)), (Some(Status::Canceled), Some(Fate::Applied)));
        assert!(seen.refunds.is_empty() && codec.follow(&op, &draft, &seen, now()).is_none());
    }
    for code in ["03", "12", "34", "35", "01"] {
        let failure = decoded::<Reverse>(&unionpay, &draft, &ok(answer("99", code))).unwrap_err();
        assert_eq!(failure.error.kind(), ErrorKind::Doubtful, "{code}");
    }
    assert!(decoded::<Reverse>(&unionpay, &draft, &ok(answer("01", "00"))).is_err(), "the payment's own answer");
    let recovery = codec.recovery(&op, &draft);
    assert!(matches!(recovery.steps[..2], [RecoveryStep::Replay { .. }, RecoveryStep::Query]));
    assert_eq!(recovery.not_found, NotFound::ProofAfter(at(900 + 300)), "what never came needs no undoing");
    assert_eq!(codec.judge(&op, &draft, &Seen::status(Status::Declined)), Some(Fate::Applied), "there is nothing to undo");
    assert_eq!(codec.judge(&op, &draft, &Seen::status(Status::Paid)), None, "the reversal may be on its way");
}

#[test]
fn one_that_is_known_to_be_paid_is_given_back_and_others_are_not_reversed() {
    let (unionpay, op) = (unionpay(), Reverse::new(order(), RefundNo::new(REFUND).unwrap()));
    let draft = drafted(&unionpay, &op, &known("barcode"), &seed_at(REFUND, at(3600))).unwrap();
    let fields = read(draft.body.as_bytes());
    assert_eq!(
        (get(&fields, "txnType"), get(&fields, "orderId"), get(&fields, "txnTime")),
        (Some("31"), Some(REFUND), Some(HOUR))
    );
    let seen = done::<Reverse>(&unionpay, &draft, &ok(accepted("31", HOUR, "1234")));
    let codec = codec::<Reverse>(&unionpay);
    assert_eq!((seen.refunds[0].status.clone(), codec.judge(&op, &draft, &seen)), (PartStatus::Pending, Some(Fate::Applied)));
    assert!(codec.follow(&op, &draft, &seen, now()).is_some(), "accepted is not done");
    assert_eq!(codec.judge(&op, &draft, &Seen::status(Status::Paid)), None);
    for product in ["web", "wap", "app", "qr"] {
        let error = drafted(&unionpay, &op, &known(product), &seed(REFUND)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}

#[test]
fn nothing_closes_an_order_but_its_own_end() {
    let unionpay = unionpay();
    assert!(unionpay.cancel().is_none() && unionpay.capture().is_none() && unionpay.confirm().is_none());
    for method in [Method::Qr, Method::App, Method::Barcode("1".into())] {
        let draft = drafted(&unionpay, &by(method), &Known::default(), &seed(ORDER)).unwrap();
        let closes = draft.closes_at.unwrap();
        let recovery = codec::<Charge>(&unionpay).recovery(&by(Method::Qr), &draft);
        assert_eq!(recovery.not_found, NotFound::ProofAfter(closes + Duration::from_secs(300)));
    }
}
