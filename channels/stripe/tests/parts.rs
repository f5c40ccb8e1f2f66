//! Captures, cancels, refunds and questions: what is sent, and what proves that it happened.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_imports, reason = "tests")]

mod recordings;

use paysluice::adapter::{Again, Cancel, Capture, Decoded, Known, NotFound, Query, QueryRefund, Refs, Refund, Seen};
use paysluice::model::{CaptureNo, ErrorKind, Fate, Money, OrderNo, PartStatus, ProviderNo, RefundNo, Status};
use recordings::*;

fn order() -> OrderNo {
    OrderNo::new("order-4711").unwrap()
}

fn capture() -> Capture {
    Capture::new(order(), CaptureNo::new("cap-1").unwrap(), "10.00 USD".parse().unwrap())
}

fn refund_op() -> Refund {
    Refund::new(order(), RefundNo::new("ref-1").unwrap(), "12.34 USD".parse().unwrap())
}

fn done(decoded: Result<Decoded, paysluice::adapter::Failure>) -> Seen {
    match decoded.unwrap() {
        Decoded::Done(seen) => *seen,
        other => panic!("{other:?}"),
    }
}

fn state(code: &str, intent: &str) -> paysluice::adapter::Reply {
    answer(400, format!(r#"{{"error":{{"type":"invalid_request_error","code":"{code}","payment_intent":{intent}}}}}"#))
}

#[test]
fn a_capture_carries_its_number_and_keeps_the_rest_only_if_told() {
    let stripe = stripe();
    let draft = drafted(&stripe, &capture(), &known(), &seed("cap-1")).unwrap();
    assert_eq!(draft.path, "/v1/payment_intents/pi_3PaySluice1/capture");
    assert_eq!(draft.body, "amount_to_capture=1000&metadata[paysluice_capture]=cap-1");
    let kept = drafted(&stripe, &capture().keep_rest(), &known(), &seed("cap-1")).unwrap();
    assert_eq!(kept.body, "amount_to_capture=1000&final_capture=false&metadata[paysluice_capture]=cap-1");
    let seen = done(decoded::<Capture>(&stripe, &draft, &ok(intent("succeeded", ""))));
    let part = &seen.captures[0];
    assert_eq!(
        (part.number.as_deref(), part.money.map(Money::minor), &part.status),
        (Some("cap-1"), Some(1000), &PartStatus::Succeeded)
    );
}

#[test]
fn only_its_own_number_proves_a_capture() {
    let stripe = stripe();
    let draft = drafted(&stripe, &capture(), &known(), &seed("cap-1")).unwrap();
    let query = drafted(&stripe, &Query::new(order()), &known(), &seed("q")).unwrap();
    let judge = |body: String| {
        let seen = done(decoded::<Query>(&stripe, &query, &ok(body)));
        codec::<Capture>(&stripe).judge(&capture(), &draft, &seen)
    };
    let numbered = |number: &str| {
        intent("succeeded", "").replace(r#""paysluice_method""#, &format!(r#""paysluice_capture":"{number}","paysluice_method""#))
    };
    assert_eq!(judge(intent("succeeded", "")), None);
    assert_eq!(judge(numbered("cap-2")), None);
    assert_eq!(judge(numbered("cap-1")), Some(Fate::Applied));
    assert_eq!(judge(intent("requires_capture", "")), None);
    assert_eq!(judge(intent("canceled", "")), Some(Fate::NotApplied));
    // Captured before by another hand: this capture did nothing.
    let failure = decoded::<Capture>(&stripe, &draft, &state("charge_already_captured", &numbered("cap-0"))).unwrap_err();
    assert_eq!(failure.error.fate(), Fate::NotApplied);
    assert_eq!(
        done(decoded::<Capture>(&stripe, &draft, &state("charge_already_captured", &numbered("cap-1")))).status,
        Some(Status::Paid)
    );
    let failure = decoded::<Capture>(&stripe, &draft, &declined()).unwrap_err();
    assert_eq!(failure.error.kind(), ErrorKind::Declined);
}

#[test]
fn a_cancel_that_came_too_late_shows_what_was_paid() {
    let stripe = stripe();
    let draft = drafted(&stripe, &Cancel::new(order()), &known(), &seed("order-4711")).unwrap();
    assert_eq!(
        (draft.path.as_str(), draft.body.as_str()),
        ("/v1/payment_intents/pi_3PaySluice1/cancel", "cancellation_reason=abandoned")
    );
    let judge = |seen: &Seen| codec::<Cancel>(&stripe).judge(&Cancel::new(order()), &draft, seen);
    let canceled = done(decoded::<Cancel>(&stripe, &draft, &ok(intent("canceled", ""))));
    assert_eq!((canceled.status.clone(), judge(&canceled)), (Some(Status::Canceled), Some(Fate::Applied)));
    let late = done(decoded::<Cancel>(&stripe, &draft, &state("payment_intent_unexpected_state", &intent("succeeded", ""))));
    assert_eq!((late.status.clone(), judge(&late)), (Some(Status::Paid), Some(Fate::NotApplied)));
    assert_eq!(judge(&Seen::status(Status::Authorized)), None);
    assert_eq!(judge(&Seen::status(Status::Declined)), None);
}

#[test]
fn nothing_is_said_of_a_payment_whose_id_is_not_known_or_not_an_id() {
    let stripe = stripe();
    let error = drafted(&stripe, &Cancel::new(order()), &Known::default(), &seed("n")).unwrap_err();
    assert_eq!((error.kind(), error.cause().is_some()), (ErrorKind::NotNow, true));
    for id in ["pi_1/../refunds", "ch_1", "pi_1?x=1", ""] {
        let known = Known { refs: Refs::new().with("intent", id), ..Known::default() };
        assert_eq!(drafted(&stripe, &refund_op(), &known, &seed("n")).unwrap_err().kind(), ErrorKind::Invalid, "{id:?}");
    }
}

#[test]
fn a_refund_is_found_by_its_number_and_by_nothing_else() {
    let stripe = stripe();
    let draft = drafted(&stripe, &refund_op().reason("it broke"), &known(), &seed("ref-1")).unwrap();
    assert_eq!(
        draft.body,
        "payment_intent=pi_3PaySluice1&amount=1234&metadata[paysluice_refund]=ref-1&metadata[paysluice_order]=order-4711\
         &metadata[paysluice_attempt]=1&metadata[paysluice_reason]=it%20broke"
    );
    let seen = done(decoded::<Refund>(&stripe, &draft, &ok(refund("pending"))));
    assert_eq!((seen.status.clone(), seen.refs.get("refund:ref-1")), (None, Some("re_3Refund")));
    let judge = |seen: &Seen| codec::<Refund>(&stripe).judge(&refund_op(), &draft, seen);
    assert_eq!(judge(&seen), Some(Fate::Applied));
    assert!(codec::<Refund>(&stripe).follow(&refund_op(), &draft, &seen, now()).is_some());
    let failed = done(decoded::<Refund>(&stripe, &draft, &ok(refund("failed"))));
    assert_eq!(judge(&failed), Some(Fate::NotApplied));
    assert_eq!(judge(&Seen { refunded: Some("12.34 USD".parse().unwrap()), ..Seen::status(Status::Paid) }), None);
    for altered in [
        refund("succeeded").replace("ref-1", "ref-2"),
        refund("succeeded").replace(INTENT, "pi_3Other"),
        refund("succeeded").replace("1234", "1235"),
        refund("succeeded").replace("re_3Refund", "re_3/../x"),
        refund("succeeded").replace("order-4711", "order-4712"),
    ] {
        let failure = decoded::<Refund>(&stripe, &draft, &ok(altered)).unwrap_err();
        assert_eq!(failure.error.kind(), ErrorKind::Unintelligible);
    }
    let end = now() + std::time::Duration::from_secs(24 * 3600);
    assert_eq!(codec::<Refund>(&stripe).recovery(&refund_op(), &draft).not_found, NotFound::ProofAfter(end));
}

#[test]
fn a_refund_waits_for_funds_and_is_asked_for_again_under_a_new_key() {
    let stripe = stripe();
    let draft = drafted(&stripe, &refund_op(), &known(), &seed("ref-1")).unwrap();
    let failure = decoded::<Refund>(&stripe, &draft, &fault(400, "invalid_request_error", "balance_insufficient")).unwrap_err();
    assert_eq!((failure.error.kind(), failure.again), (ErrorKind::NotNow, Again::NewKey));
    assert!(failure.error.cause().unwrap().contains("balance"));
    let failure =
        decoded::<Refund>(&stripe, &draft, &fault(400, "invalid_request_error", "charge_already_refunded")).unwrap_err();
    assert_eq!(failure.error.fate(), Fate::NotApplied);
}

#[test]
fn a_refund_is_asked_for_by_id_or_looked_for_page_by_page() {
    let stripe = stripe();
    let op = QueryRefund::new(order(), RefundNo::new("ref-1").unwrap());
    let mut known = Known { part_number: Some(ProviderNo::new("ref-1").unwrap()), ..known() };
    let list = drafted(&stripe, &op, &known, &seed("q")).unwrap();
    assert_eq!(list.path, "/v1/refunds?payment_intent=pi_3PaySluice1&limit=100");
    let page = |items: &str, more: bool| ok(format!(r#"{{"object":"list","data":[{items}],"has_more":{more}}}"#));
    let other = refund("succeeded").replace("ref-1", "ref-0").replace("re_3Refund", "re_3Other");
    assert!(matches!(decoded::<QueryRefund>(&stripe, &list, &page(&other, false)), Ok(Decoded::Missing)));
    assert!(matches!(decoded::<QueryRefund>(&stripe, &list, &page("", false)), Ok(Decoded::Missing)));
    let Ok(Decoded::Then { draft, .. }) = decoded::<QueryRefund>(&stripe, &list, &page(&other, true)) else {
        panic!("more to read")
    };
    assert_eq!(
        (draft.step, draft.path.as_str()),
        (1, "/v1/refunds?payment_intent=pi_3PaySluice1&limit=100&starting_after=re_3Other")
    );
    assert_eq!(
        done(decoded::<QueryRefund>(&stripe, &draft, &page(&refund("succeeded"), false))).refunds[0].status,
        PartStatus::Succeeded
    );
    // An empty page that promises more would be read for ever; a page of another payment proves nothing of ours.
    assert!(decoded::<QueryRefund>(&stripe, &list, &page("", true)).is_err());
    assert!(decoded::<QueryRefund>(&stripe, &list, &page(&other.replace(INTENT, "pi_3Other"), false)).is_err());
    known.refs.add("refund:ref-1", "re_3Refund");
    let by_id = drafted(&stripe, &op, &known, &seed("q")).unwrap();
    assert_eq!(by_id.path, "/v1/refunds/re_3Refund");
    assert_eq!(done(decoded::<QueryRefund>(&stripe, &by_id, &ok(refund("pending")))).refunds[0].status, PartStatus::Pending);
    assert!(decoded::<QueryRefund>(&stripe, &by_id, &fault(404, "invalid_request_error", "resource_missing")).is_err());
}

#[test]
fn a_question_reads_what_was_taken_and_given_back() {
    let stripe = stripe();
    let draft = drafted(&stripe, &Query::new(order()), &known(), &seed("q")).unwrap();
    assert_eq!(draft.path, "/v1/payment_intents/pi_3PaySluice1?expand[]=latest_charge");
    let body = intent("succeeded", r#","latest_charge":{"id":"ch_3Charge","object":"charge","amount_refunded":34}"#);
    let seen = done(decoded::<Query>(&stripe, &draft, &ok(body)));
    assert_eq!((seen.captured.unwrap().minor(), seen.refunded.unwrap().minor()), (1234, 34));
    assert_eq!(seen.refs.get("charge"), Some("ch_3Charge"));
    assert!(decoded::<Query>(&stripe, &draft, &fault(404, "invalid_request_error", "resource_missing")).is_err());
}
