//! Adyen: a charge nobody can ask for, two rounds of details, a capture that fails after it was done, one bad item of two.

use std::time::{Duration, SystemTime};

use http::Method as Verb;
use paysluice::adapter::{
    About, Again, Callbacks, Cancel, Capture, Change, Charge, Confirm, Decoded, Draft, Event, Failure, Granted, Item, Known,
    Method, Moves, NotFound, Opened, Recovery, RecoveryStep, Refs, Reply, Request, Seed, Seen, Stamp, Trust,
};
use paysluice::model::{
    Action, Advice, CaptureNo, Error, ErrorKind, Fate, NextAction, PartStatus, ProviderNo, Reason, Reversal, Status, Transition,
};
use serde_json::{Value, json};

use crate::*;

struct Adyen;

const REPLAY: RecoveryStep = RecoveryStep::Replay { within: Duration::from_secs(6 * 24 * 3600) };

/// There is no asking: the key is replayed, else the charge is killed by our reference, and the callback tells.
fn no_query() -> Recovery {
    recovery(&[REPLAY, RecoveryStep::Cancel, RecoveryStep::Callback, RecoveryStep::Human], NotFound::Nothing)
}

fn answer(reply: &Reply) -> Result<Value, Failure> {
    let body = crate::json(&reply.body)?;
    if reply.status.is_success() {
        return Ok(body);
    }
    let error = |kind| Error::new(kind, "refused").with_code(text(&body, "/errorCode"));
    let same = Again::SameKey { after: None, invalidate: None };
    match reply.header("transient-error") {
        Some("true") => Err(Failure::again(error(ErrorKind::Throttled), same)),
        _ if text(&body, "/errorCode") == "704" => Err(Failure::last(error(ErrorKind::InFlight))),
        _ if reply.status.is_server_error() => Err(Failure::again(error(ErrorKind::Unavailable), same)),
        _ => Err(Failure::last(error(ErrorKind::Invalid))),
    }
}

/// `/payments` and `/payments/details` answer alike; what the next round needs is kept under that round's own name.
fn payment(body: &Value, now_paid: bool, next_round: u32) -> Seen {
    let word = text(body, "/resultCode");
    let action = body.get("action").map(|action| Action::new(NextAction::Client(action.to_string())));
    let status = match word.as_str() {
        "Authorised" if now_paid => Status::Paid,
        "Authorised" => Status::Authorized,
        "Refused" | "Error" => Status::Declined,
        "Cancelled" => Status::Canceled,
        "Pending" | "Received" => Status::Processing,
        "RedirectShopper" | "IdentifyShopper" | "ChallengeShopper" => Status::AwaitingPayer,
        other => Status::Unrecognized(other.to_owned()),
    };
    let mut refs = Refs::new();
    if let Some(data) = body.pointer("/action/paymentData").and_then(Value::as_str) {
        refs.add(&format!("payment_data/{next_round}"), data);
    }
    if let Some(psp) = body.get("pspReference").and_then(Value::as_str) {
        refs.add("payment", psp);
    }
    let reason = body.get("refusalReasonCode").and_then(Value::as_str);
    let reason = reason.map(|code| Reason { code: code.to_owned(), message: None, advice: Advice::Unknown });
    Seen { word: Some(word), action, refs, reason, ..Seen::status(status) }
}

impl Piece<Charge> for Adyen {
    fn draft(&self, op: &Charge, _: &Known, seed: &Seed) -> Result<Draft, Error> {
        let body =
            json!({"reference": seed.number, "amount": {"value": op.money.minor(), "currency": op.money.currency().code()}});
        let carry = Refs::new().with("capture", format!("{:?}", op.capture));
        Ok(Draft { carry, ..step(seed, Moves::Money, Verb::POST, "/v72/payments", body) })
    }
    fn decode(&self, draft: &Draft, reply: &Reply, _: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        Ok(Decoded::Done(Box::new(payment(&answer(reply)?, draft.carry.get("capture") == Some("Now"), 1))))
    }
    fn recovery(&self, _: &Charge, _: &Draft) -> Recovery {
        no_query()
    }
    fn judge(&self, _: &Charge, _: &Draft, seen: &Seen) -> Option<Fate> {
        charge_fate(seen)
    }
}

impl Piece<Confirm> for Adyen {
    fn draft(&self, op: &Confirm, known: &Known, seed: &Seed) -> Result<Draft, Error> {
        let data = known.refs.get(&format!("payment_data/{}", op.round));
        let carry = Refs::new().with("next", (op.round + 1).to_string());
        let body = json!({"details": op.data, "paymentData": data});
        Ok(Draft { carry, ..step(seed, Moves::Money, Verb::POST, "/v72/payments/details", body) })
    }
    fn decode(&self, draft: &Draft, reply: &Reply, _: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        let next = draft.carry.get("next").and_then(|next| next.parse().ok()).unwrap_or(1);
        Ok(Decoded::Done(Box::new(payment(&answer(reply)?, true, next))))
    }
    fn recovery(&self, _: &Confirm, _: &Draft) -> Recovery {
        no_query()
    }
    fn judge(&self, _: &Confirm, _: &Draft, seen: &Seen) -> Option<Fate> {
        charge_fate(seen)
    }
}

impl Piece<Capture> for Adyen {
    fn draft(&self, op: &Capture, known: &Known, seed: &Seed) -> Result<Draft, Error> {
        let psp = known.refs.get("payment").ok_or_else(|| Error::new(ErrorKind::NotNow, "its id is not known yet"))?;
        let body = json!({"reference": seed.number, "amount": {"value": op.money.minor()}});
        Ok(step(seed, Moves::Money, Verb::POST, format!("/v72/payments/{psp}/captures"), body))
    }
    fn decode(&self, _: &Draft, reply: &Reply, _: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        let body = answer(reply)?;
        let this = part(&text(&body, "/reference"), Some(&text(&body, "/pspReference")), None, PartStatus::Pending);
        Ok(Decoded::Done(Box::new(Seen { captures: vec![this], ..Seen::default() })))
    }
    fn judge(&self, op: &Capture, _: &Draft, seen: &Seen) -> Option<Fate> {
        part_fate(&seen.captures, op.capture_no.as_str())
    }
}

impl Piece<Cancel> for Adyen {
    fn draft(&self, _: &Cancel, known: &Known, seed: &Seed) -> Result<Draft, Error> {
        let reference = known.original.as_ref().map(|original| original.seed.number.as_str());
        Ok(step(seed, Moves::Money, Verb::POST, "/v72/cancels", json!({"paymentReference": reference})))
    }
    fn decode(&self, _: &Draft, reply: &Reply, _: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        answer(reply).map(|_| Decoded::Done(Box::default()))
    }
    fn recovery(&self, _: &Cancel, _: &Draft) -> Recovery {
        recovery(&[REPLAY, RecoveryStep::Callback, RecoveryStep::Human], NotFound::Nothing)
    }
    fn judge(&self, _: &Cancel, _: &Draft, seen: &Seen) -> Option<Fate> {
        match (seen.status.as_ref(), seen.word.as_deref()) {
            (Some(Status::Canceled), _) => Some(Fate::Applied),
            (_, Some("TECHNICAL_CANCEL:false")) => Some(Fate::NotApplied),
            _ => None,
        }
    }
}

/// One item, if its own signature fits. It is read from the signed fields only: time, method and reason are not covered.
fn item(item: &Value) -> Result<Event, Error> {
    let names = ["/pspReference", "/originalReference", "/merchantReference", "/amount", "/eventCode", "/success"];
    let covered = Bytes::from(names.map(|name| text(item, name)).join(":"));
    let claim: Vec<u8> = text(item, "/signature").split('.').filter_map(|byte| byte.parse().ok()).collect();
    let proof = proof(&covered, &claim)?;
    let [psp, original, reference, amount, code, success] = names.map(|name| text(item, name));
    let (word, money) = (format!("{code}:{success}"), amount.parse().ok().map(cny));
    let parted = |status| vec![part(&reference, Some(&psp), money, status)];
    let (change, seen, payment) = match word.as_str() {
        "AUTHORISATION:true" => (Change::Payment, Seen { money, ..Seen::status(Status::Authorized) }, psp.clone()),
        "AUTHORISATION:false" => (Change::Payment, Seen::status(Status::Declined), psp.clone()),
        "TECHNICAL_CANCEL:true" => (Change::Payment, Seen::status(Status::Canceled), original),
        "CAPTURE:true" => {
            (Change::Capture, Seen { captures: parted(PartStatus::Succeeded), ..Seen::status(Status::Paid) }, original)
        }
        "CAPTURE:false" | "CAPTURE_FAILED:true" => {
            (Change::Capture, Seen { captures: parted(PartStatus::Failed), ..Seen::status(Status::Authorized) }, original)
        }
        _ => (Change::Other, Seen::default(), original),
    };
    let about = About { number: Some(ProviderNo::new(reference)?), refs: Refs::new().with("payment", payment), order: None };
    Ok(Event::new(proof, code, about, change, Seen { word: Some(word), ..seen }, Trust::Enough))
}

impl Callbacks for Adyen {
    fn open(&self, raw: &Request, _: SystemTime, _: &Granted) -> Result<Opened, Error> {
        let body = crate::json(&raw.body)?;
        let items = body.pointer("/notificationItems").and_then(Value::as_array);
        let items = items.ok_or_else(|| Error::new(ErrorKind::Unintelligible, "no items"))?;
        let key = |one: &Value| ["/eventCode", "/pspReference", "/success"].map(|name| text(one, name)).join(":");
        let each = |one: &Value| Item { delivery_key: key(one), raw: Bytes::from(one.to_string()), verdict: item(one) };
        Ok(Opened::Items(items.iter().map(each).collect()))
    }
    fn accepted(&self) -> Reply {
        reply(200, "[accepted]")
    }
    fn refused(&self, _: &Error) -> Reply {
        reply(401, "")
    }
}

fn signed(code: &str, success: &str, psp: &str, original: &str, reference: &str) -> Value {
    let covered = format!("{psp}:{original}:{reference}:100:{code}:{success}");
    let claim: Vec<String> = signature(covered.as_bytes()).iter().map(u8::to_string).collect();
    json!({"pspReference": psp, "originalReference": original, "merchantReference": reference, "amount": "100",
        "eventCode": code, "success": success, "signature": claim.join(".")})
}

fn opened(items: &[Value]) -> Vec<Item> {
    let raw = Request::new(Verb::POST, "/adyen").with_body(json!({"notificationItems": items}).to_string());
    let Ok(Opened::Items(items)) = Adyen.open(&raw, at(1), &Granted::default()) else { panic!() };
    items
}

#[test]
fn a_lost_charge_is_replayed_or_killed_and_the_callback_is_its_evidence() {
    let op = Charge::new(order(), cny(100), Method::Token("t".into())).capture_later();
    let charge = Walk::begin(&Of(Adyen), op, &Known::default(), &seed("order0001", 1000));
    assert!(!charge.recovery().steps.contains(&RecoveryStep::Query));
    let in_flight = charge.failed(1001, 422, r#"{"errorCode":"704"}"#);
    assert_eq!((in_flight.error.fate(), in_flight.again), (Fate::Unknown, Again::No));
    let mut transient = reply(422, r#"{"errorCode":"704"}"#);
    transient.headers.insert("transient-error", "true".parse().unwrap());
    assert!(matches!(charge.hear(1001, &transient).unwrap_err().again, Again::SameKey { .. }));

    let known = charged(&seed("order0001", 1000), cny(100), "token", None, Refs::new());
    let cancel = Walk::begin(&Of(Adyen), Cancel::new(order()), &known, &seed("order0001", 2000));
    assert_eq!(cancel.judge(&cancel.seen(2001, 201, r#"{"status":"received"}"#)), None, "received is not done");
    for (success, of_cancel, of_charge) in [("true", Fate::Applied, Some(Fate::NotApplied)), ("false", Fate::NotApplied, None)] {
        let items = opened(&[signed("TECHNICAL_CANCEL", success, "C1", "P1", "order0001")]);
        let seen = items[0].verdict.as_ref().unwrap().seen();
        assert_eq!((cancel.judge(seen), charge.judge(seen)), (Some(of_cancel), of_charge), "{success}");
    }
}

#[test]
fn each_round_of_details_sends_what_that_round_was_given() {
    let op = Charge::new(order(), cny(100), Method::Token("t".into()));
    let charge = Walk::begin(&Of(Adyen), op, &Known::default(), &seed("order0001", 1000));
    let first = charge.seen(1001, 200, r#"{"resultCode":"IdentifyShopper","action":{"paymentData":"one"}}"#);
    let mut refs = first.refs.clone();
    let details = |round, refs: Refs| {
        let known = charged(&seed("order0001", 1000), cny(100), "token", None, refs);
        let op = Confirm::new(order(), round).with("threeds2.fingerprint", "f");
        Walk::begin(&Of(Adyen) as &dyn Codec<Confirm>, op, &known, &seed(&format!("confirm{round}"), 1002))
    };
    let one = details(1, refs.clone());
    let second = one.seen(1003, 200, r#"{"resultCode":"ChallengeShopper","action":{"paymentData":"two"}}"#);
    assert_eq!((second.status.clone(), refs.merge(&second.refs)), (Some(Status::AwaitingPayer), true));
    let two = details(2, refs);
    assert!(one.draft.body.contains(r#""one""#) && two.draft.body.contains(r#""two""#));
    assert_ne!((one.op.identity(), one.draft.key.clone()), (two.op.identity(), two.draft.key.clone()));
    let done = two.seen(1005, 200, r#"{"resultCode":"Authorised","pspReference":"P1"}"#);
    assert_eq!((two.judge(&done), done.status, done.refs.get("payment")), (Some(Fate::Applied), Some(Status::Paid), Some("P1")));
}

#[test]
fn a_capture_is_accepted_then_done_then_fails() {
    let known = charged(&seed("order0001", 1000), cny(100), "token", None, Refs::new().with("payment", "P1"));
    let op = Capture::new(order(), CaptureNo::new("cap1").unwrap(), cny(100));
    let capture = Walk::begin(&Of(Adyen), op, &known, &seed("cap1", 2000));
    let accepted = capture.seen(2001, 201, r#"{"status":"received","reference":"cap1","pspReference":"M1"}"#);
    assert_eq!((capture.judge(&accepted), accepted.status), (Some(Fate::Applied), None));
    let items = opened(&[signed("CAPTURE", "true", "M1", "P1", "cap1"), signed("CAPTURE_FAILED", "true", "M1", "P1", "cap1")]);
    let [done, failed] = [0, 1].map(|at| items[at].verdict.as_ref().unwrap().seen().clone());
    assert_ne!(items[0].delivery_key, items[1].delivery_key);
    assert_eq!(done.captures[0].id, failed.captures[0].id);
    assert_eq!(capture.judge(&failed), Some(Fate::NotApplied));
    let back = done.status.unwrap().transition(&failed.status.unwrap());
    assert_eq!(back, Transition::Reversal(Reversal::CaptureFailed));
}

#[test]
fn one_bad_item_does_not_spoil_the_other() {
    let mut forged = signed("AUTHORISATION", "false", "P1", "", "order0001");
    forged["success"] = json!("true");
    let items = opened(&[forged, signed("AUTHORISATION", "true", "P2", "", "order0002")]);
    assert_eq!(items[0].verdict.as_ref().unwrap_err().kind(), ErrorKind::Unintelligible);
    let event = items[1].verdict.as_ref().unwrap();
    assert_eq!((event.trust(), event.seen().status.clone()), (Trust::Enough, Some(Status::Authorized)));
    assert_eq!((items.len(), Adyen.accepted().body.as_ref()), (2, b"[accepted]".as_slice()));
}
