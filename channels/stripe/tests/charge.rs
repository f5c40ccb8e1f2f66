//! A charge from draft to end: what is sent, what is believed, what a refusal means.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_imports, reason = "tests")]

mod recordings;

use std::time::Duration;

use paysluice::adapter::{
    Again, Charge, Confirm, Decoded, Draft, Known, Method, Moves, NotFound, Operation, RecoveryStep, Seen, WhenUp,
};
use paysluice::model::{Advice, ErrorKind, Fate, Money, NextAction, OrderNo, Secret, Status};
use paysluice_stripe::{Stripe, StripeConfig};
use recordings::*;

/// The sample charge, paid by that method.
fn by(method: Method) -> Charge {
    let mut charge = charge();
    charge.method = method;
    charge
}

fn first(op: &Charge) -> Draft {
    drafted(&stripe(), op, &Known::default(), &seed("order-4711")).unwrap()
}

/// The confirm of the sample charge.
fn confirming() -> Draft {
    match decoded::<Charge>(&stripe(), &first(&charge()), &ok(intent("requires_payment_method", ""))).unwrap() {
        Decoded::Then { draft, .. } => *draft,
        other => panic!("{other:?}"),
    }
}

fn done(decoded: Result<Decoded, paysluice::adapter::Failure>) -> Seen {
    match decoded.unwrap() {
        Decoded::Done(seen) => *seen,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_intent_is_made_unconfirmed_and_confirmed_under_its_own_key() {
    let stripe = stripe();
    let create = first(&charge());
    assert_eq!((create.moves, create.step, create.path.as_str()), (Moves::Nothing, 0, "/v1/payment_intents"));
    assert_eq!(
        create.body,
        "amount=1234&currency=usd&capture_method=automatic&automatic_payment_methods[enabled]=true\
         &metadata[paysluice_order]=order-4711&metadata[paysluice_attempt]=1&metadata[paysluice_method]=token"
    );
    let confirm = confirming();
    assert_eq!((confirm.moves, confirm.step), (Moves::Money, 1));
    assert_eq!(confirm.path, "/v1/payment_intents/pi_3PaySluice1/confirm");
    assert_eq!(confirm.body, "payment_method=pm_1CardVisa&return_url=https%3A%2F%2Fshop.example%2Fback");
    assert_eq!(confirm.key, seed("order-4711").key_of(1).unwrap());
    let request = sent::<Charge>(&stripe, &confirm);
    let header = |name| request.headers.get(name).and_then(|value| value.to_str().ok());
    assert_eq!(request.url, "https://api.stripe.com/v1/payment_intents/pi_3PaySluice1/confirm");
    assert_eq!(header("authorization"), Some("Bearer sk_test_51AbCdEfGh"));
    assert_eq!(header("stripe-version"), Some("2026-07-29.dahlia"));
    assert_eq!(header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(header("stripe-account"), None);
}

#[test]
fn a_connected_account_is_named_in_its_header() {
    let config = StripeConfig::new("stripe:test:acct_1Main:acct_2Sub".parse().unwrap(), Secret::new(KEY));
    let request = sent::<Charge>(&Stripe::new(config).unwrap(), &first(&charge()));
    assert_eq!(request.headers.get("stripe-account").unwrap(), "acct_2Sub");
}

#[test]
fn the_payers_own_front_end_gets_the_client_secret_from_one_step_that_may_move_money() {
    let op = by(Method::Client);
    let draft = first(&op);
    assert_eq!(draft.moves, Moves::Money);
    let seen = done(decoded::<Charge>(&stripe(), &draft, &ok(intent_of("client", "requires_payment_method", ""))));
    assert_eq!(seen.status, Some(Status::AwaitingPayer));
    assert_eq!(seen.action.clone().unwrap().what, NextAction::Client(SECRET.into()));
    assert!(!format!("{draft:?}").contains(SECRET));
    // A refused try on the front end is no end: the payer may try again.
    let failed =
        intent_of("client", "requires_payment_method", r#","last_payment_error":{"type":"card_error","code":"card_declined"}"#);
    assert_eq!(done(decoded::<Charge>(&stripe(), &draft, &ok(failed))).status, Some(Status::AwaitingPayer));
}

#[test]
fn a_repeat_after_a_proved_refusal_goes_on_with_the_attempts_own_intent() {
    let draft = drafted(&stripe(), &charge(), &known(), &seed("order-4711")).unwrap();
    assert_eq!((draft.step, draft.moves, draft.path.as_str()), (1, Moves::Money, "/v1/payment_intents/pi_3PaySluice1/confirm"));
    assert_eq!(draft.key, seed("order-4711").key_of(1).unwrap());
}

#[test]
fn what_the_confirm_is_answered_is_told_as_it_is() {
    let confirm = confirming();
    let redirect =
        r#","next_action":{"type":"redirect_to_url","redirect_to_url":{"url":"https://hooks.example/3ds","return_url":null}}"#;
    for (status, extra, expected) in [
        ("succeeded", "", Status::Paid),
        ("processing", "", Status::Processing),
        ("requires_capture", "", Status::Authorized),
        ("requires_action", redirect, Status::AwaitingPayer),
        ("requires_payment_method", r#","last_payment_error":{"code":"card_declined"}"#, Status::Declined),
        ("requires_payment_method", "", Status::Declined),
        ("canceled", r#","cancellation_reason":"abandoned""#, Status::Canceled),
    ] {
        let seen = done(decoded::<Charge>(&stripe(), &confirm, &ok(intent(status, extra))));
        assert_eq!(seen.status, Some(expected), "{status}");
        assert_eq!(seen.action.is_some(), status == "requires_action", "{status}");
        assert_eq!(seen.refs.get("intent"), Some(INTENT));
        assert_eq!(seen.captured.map(Money::minor), Some(if status == "succeeded" { 1234 } else { 0 }));
    }
    let failure = decoded::<Charge>(&stripe(), &confirm, &ok(intent("requires_confirmation", ""))).unwrap_err();
    assert_eq!(failure.error.kind(), ErrorKind::Doubtful);
}

#[test]
fn a_decline_is_seen_with_its_ids_and_what_it_allows() {
    let seen = done(decoded::<Charge>(&stripe(), &confirming(), &declined()));
    assert_eq!((seen.status, seen.refs.get("intent")), (Some(Status::Declined), Some(INTENT)));
    let reason = seen.reason.unwrap();
    assert_eq!((reason.code.as_str(), reason.advice), ("insufficient_funds", Advice::AskPayer));
    assert_eq!(reason.message.as_deref(), Some("Your card has insufficient funds."));
}

#[test]
fn a_decline_beside_an_intent_that_is_paid_is_doubt() {
    let body = std::str::from_utf8(&declined().body)
        .unwrap()
        .replace(r#""status":"requires_payment_method""#, r#""status":"succeeded""#);
    let failure = decoded::<Charge>(&stripe(), &confirming(), &answer(402, body)).unwrap_err();
    assert_eq!((failure.error.kind(), failure.again), (ErrorKind::Doubtful, Again::No));
}

#[test]
fn an_answer_about_something_else_is_not_believed() {
    let confirm = confirming();
    let good = intent("succeeded", "");
    for altered in [
        good.replace(INTENT, "pi_3Other"),
        good.replace("order-4711", "order-4712"),
        good.replace(r#""paysluice_attempt":"1""#, r#""paysluice_attempt":"2""#),
        good.replace(r#""livemode":false"#, r#""livemode":true"#),
        good.replace(r#""livemode":false,"#, ""),
        good.replace("payment_intent\"", "setup_intent\""),
        good.replace(r#""usd""#, r#""USD""#),
        good.replace("1234", "-1234"),
        good.replace(r#""status":"succeeded""#, r#""status":"succeeded","status":"succeeded""#),
    ] {
        assert_ne!(altered, good);
        let failure = decoded::<Charge>(&stripe(), &confirm, &ok(altered.clone())).unwrap_err();
        assert_eq!(failure.error.kind(), ErrorKind::Unintelligible, "{altered}");
        assert_eq!(failure.error.request_id(), Some("req_abc"));
    }
    // Nothing is confirmed for other money than was asked.
    let dear = intent("requires_payment_method", "").replace(r#""amount":1234"#, r#""amount":123400"#);
    assert!(decoded::<Charge>(&stripe(), &first(&charge()), &ok(dear)).is_err());
}

#[test]
fn refusals_tell_the_fate_and_whether_to_send_again() {
    let same = |after: Option<u64>| Again::SameKey { after: after.map(Duration::from_secs), invalidate: None };
    let with = |mut reply: paysluice::adapter::Reply, name: &'static str, value: &str| {
        reply.headers.insert(name, value.parse().unwrap());
        reply
    };
    for (reply, kind, again) in [
        (fault(400, "invalid_request_error", "amount_too_small"), ErrorKind::Invalid, Again::No),
        (fault(400, "invalid_request_error", "brand_new"), ErrorKind::Doubtful, Again::No),
        (fault(400, "idempotency_error", "x"), ErrorKind::Doubtful, Again::No),
        (fault(401, "invalid_request_error", "api_key_expired"), ErrorKind::Unauthorized, Again::No),
        (fault(403, "invalid_request_error", "x"), ErrorKind::Unauthorized, Again::No),
        (fault(404, "invalid_request_error", "resource_missing"), ErrorKind::Invalid, Again::No),
        (fault(409, "invalid_request_error", "idempotency_key_in_use"), ErrorKind::InFlight, same(None)),
        (fault(409, "idempotency_error", "idempotency_key_in_use"), ErrorKind::InFlight, same(None)),
        (fault(409, "invalid_request_error", "lock_timeout"), ErrorKind::Throttled, same(None)),
        (fault(424, "api_error", "x"), ErrorKind::Doubtful, Again::No),
        (with(fault(429, "invalid_request_error", "rate_limit"), "retry-after", "7"), ErrorKind::Throttled, same(Some(7))),
        (fault(500, "api_error", "x"), ErrorKind::Unavailable, same(None)),
        (answer(503, "<html>"), ErrorKind::Unavailable, same(None)),
        (with(fault(500, "api_error", "x"), "idempotent-replayed", "true"), ErrorKind::Unavailable, Again::No),
        (with(fault(503, "api_error", "x"), "stripe-should-retry", "false"), ErrorKind::Unavailable, Again::No),
        (answer(403, "<html>denied by a proxy</html>"), ErrorKind::Unintelligible, Again::No),
        (answer(302, ""), ErrorKind::Unintelligible, Again::No),
    ] {
        let failure = decoded::<Charge>(&stripe(), &confirming(), &reply).unwrap_err();
        assert_eq!((failure.error.kind(), failure.again), (kind, again), "{}", failure.error);
    }
}

#[test]
fn a_state_that_forbids_the_confirm_is_read_from_the_answer_or_asked_for() {
    let refusal = |intent: &str| {
        answer(400, format!(r#"{{"error":{{"type":"invalid_request_error","code":"payment_intent_unexpected_state"{intent}}}}}"#))
    };
    let shown = refusal(&format!(r#","payment_intent":{}"#, intent("succeeded", "")));
    assert_eq!(done(decoded::<Charge>(&stripe(), &confirming(), &shown)).status, Some(Status::Paid));
    let failure = decoded::<Charge>(&stripe(), &confirming(), &refusal("")).unwrap_err();
    assert_eq!((failure.error.kind(), failure.again), (ErrorKind::Doubtful, Again::No));
}

#[test]
fn doubt_is_resolved_by_the_key_then_by_the_id_then_by_cancelling() {
    let stripe = stripe();
    let recovery = codec::<Charge>(&stripe).recovery(&charge(), &confirming());
    let within = Duration::from_secs(23 * 3600);
    assert_eq!(recovery.steps, [RecoveryStep::Replay { within }, RecoveryStep::Query, RecoveryStep::Cancel]);
    assert_eq!(recovery.not_found, NotFound::Nothing);
    assert_eq!(codec::<Charge>(&stripe).recovery(&charge(), &first(&charge())).steps, [RecoveryStep::Replay { within }]);
}

#[test]
fn an_unpaid_payment_is_watched_to_its_end_and_then_cancelled() {
    let stripe = stripe();
    let end = now() + Duration::from_secs(900);
    let charge = charge().charge_by(end);
    let follow = |seen: &Seen| codec::<Charge>(&stripe).follow(&charge, &confirming(), seen, now());
    let waiting = follow(&Seen::status(Status::AwaitingPayer)).unwrap();
    assert_eq!((waiting.until, waiting.then), (Some(end), WhenUp::Cancel));
    let processing = follow(&Seen::status(Status::Processing)).unwrap();
    assert_eq!((processing.until, processing.then), (None, WhenUp::Leave));
    assert_eq!(follow(&Seen::status(Status::Paid)), None);
    let unsaid =
        codec::<Charge>(&stripe).follow(&recordings::charge(), &confirming(), &Seen::status(Status::AwaitingPayer), now());
    assert_eq!(unsaid.unwrap().until, Some(now() + Duration::from_secs(24 * 3600)));
}

#[test]
fn bad_input_is_refused_by_field_and_rule() {
    let op = charge();
    let token = |token: &str| by(Method::Token(token.into()));
    let extra = |key: &str| {
        let mut op = op.clone();
        op.extra.insert(key.into(), "1".into());
        op
    };
    let noted = |key: &str, value: &str| {
        let mut op = op.clone();
        op.metadata.insert(key.into(), value.into());
        op
    };
    for op in [
        token("4242424242424242"),
        token("tok_visa"),
        token("pm_1/../x"),
        token(""),
        extra("amount"),
        extra("currency"),
        extra("confirm"),
        extra("capture_method"),
        extra("payment_method"),
        extra("transfer_data[destination]"),
        extra("metadata[paysluice_order]"),
        extra("a&amount"),
        noted("paysluice_order", "x"),
        noted("a]b", "x"),
        noted(&"k".repeat(41), "x"),
        noted("k", &"v".repeat(501)),
    ] {
        let error = drafted(&stripe(), &op, &Known::default(), &seed("n")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(!error.to_string().contains("4242"), "{error}");
    }
    for method in [Method::Qr, Method::App, Method::Barcode("1".into()), Method::Raw { kind: "x".into(), fields: [].into() }] {
        let error = drafted(&stripe(), &by(method), &Known::default(), &seed("n")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
    let fits = drafted(&stripe(), &extra("payment_method_options[card][request_three_d_secure]"), &Known::default(), &seed("n"))
        .unwrap();
    assert!(fits.body.ends_with("&payment_method_options[card][request_three_d_secure]=1"));
    let late = drafted(&stripe(), &extra("off_session"), &Known::default(), &seed("n")).unwrap();
    assert!(!late.body.contains("off_session") && late.carry.get("confirm").unwrap().contains("off_session=1"));
}

#[test]
fn any_payment_method_but_a_card_is_taken_by_its_type() {
    let fields = [("type".to_owned(), "alipay".to_owned()), ("billing_details[email]".to_owned(), "a@b.example".to_owned())];
    let method = Method::Raw { kind: "payment_method_type".into(), fields: fields.into() };
    let draft = first(&by(method));
    assert!(draft.body.contains("&payment_method_types[0]=alipay&"));
    let confirm = draft.carry.get("confirm").unwrap();
    assert!(
        confirm.starts_with("payment_method_data[billing_details][email]=a%40b.example&payment_method_data[type]=alipay"),
        "{confirm}"
    );
    for field in ["card[number]", "card"] {
        let fields = [("type".to_owned(), "alipay".to_owned()), (field.to_owned(), "4242".to_owned())];
        let method = Method::Raw { kind: "payment_method_type".into(), fields: fields.into() };
        assert!(drafted(&stripe(), &by(method), &Known::default(), &seed("n")).is_err());
    }
}

#[test]
fn a_round_of_confirm_reads_first_and_confirms_only_what_asks_for_it() {
    let stripe = stripe();
    let op = Confirm::new(OrderNo::new("order-4711").unwrap(), 1);
    let ask = drafted(&stripe, &op, &known(), &seed("order-4711")).unwrap();
    assert_eq!((ask.method.as_str(), ask.moves), ("GET", Moves::Nothing));
    assert!(sent::<Confirm>(&stripe, &ask).headers.get("idempotency-key").is_none());
    let seen = done(decoded::<Confirm>(&stripe, &ask, &ok(intent("succeeded", ""))));
    assert_eq!(seen.status, Some(Status::Paid));
    let Decoded::Then { draft, .. } = decoded::<Confirm>(&stripe, &ask, &ok(intent("requires_confirmation", ""))).unwrap() else {
        panic!("it asks to be confirmed")
    };
    assert_eq!((draft.step, draft.moves, draft.path.as_str()), (1, Moves::Money, "/v1/payment_intents/pi_3PaySluice1/confirm"));
    let lost = Seen { word: Some("requires_confirmation".into()), ..Seen::default() };
    assert_eq!(codec::<Confirm>(&stripe).judge(&op, &draft, &lost), None);
    assert_eq!(codec::<Confirm>(&stripe).judge(&op, &draft, &Seen::status(Status::Processing)), Some(Fate::Applied));
    let other = op.with("payment_intent", "pi_3Other");
    assert_eq!(drafted(&stripe, &other, &known(), &seed("n")).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(Confirm::KIND.name(), "confirm");
}
