//! PayPal: token, create, approve, capture; a declined instrument and a second approval; a certificate by address; pending.

use std::time::{Duration, SystemTime};

use http::Method as Verb;
use paysluice::adapter::{
    About, Access, Again, Callbacks, Change, Charge, Confirm, Decoded, Draft, Event, Failure, Follow, Grant, Granted, Item,
    Known, Method, Moves, NotFound, Opened, Query, Ready, Recovery, RecoveryStep, Refs, Reply, Request, Seed, Seen, Signed,
    Stamp, Surface, Trust, Want, WhenUp,
};
use paysluice::model::{Action, Advice, Error, ErrorKind, Fate, NextAction, PartStatus, Reason, Secret, Status};
use serde_json::{Value, json};

use crate::*;

struct PayPal;

const SIX_HOURS: Duration = Duration::from_secs(5 * 3600 + 1800);
const REPLAY: RecoveryStep = RecoveryStep::Replay { within: SIX_HOURS };

/// Every call bears the token; without one nothing is signed.
fn bearer(draft: &Draft, stamp: &Stamp, granted: &Granted) -> Result<Ready<Signed>, Error> {
    let Some(token) = granted.get(&Want::Token, stamp.now) else { return Ok(Ready::Need(Want::Token)) };
    let request = request(draft, stamp).secret_header(http::header::AUTHORIZATION, &token.value)?;
    Ok(Ready::Done(Signed::Send(request)))
}

fn answer(reply: &Reply) -> Result<Value, Failure> {
    let body = crate::json(&reply.body)?;
    let issue = text(&body, "/details/0/issue");
    let error = |kind| Error::new(kind, "refused").with_code(issue.clone());
    let same = |invalidate| Again::SameKey { after: None, invalidate };
    match (reply.status.as_u16(), issue.as_str()) {
        (200..300, _) | (422, "INSTRUMENT_DECLINED" | "ORDER_ALREADY_CAPTURED") => Ok(body),
        (401, _) => Err(Failure::again(error(ErrorKind::Unauthorized), same(Some(Want::Token)))),
        (422, "ORDER_COMPLETION_IN_PROGRESS") | (409, _) => Err(Failure::again(error(ErrorKind::InFlight), same(None))),
        (500.., _) => Err(Failure::again(error(ErrorKind::Unavailable), same(None))),
        _ => Err(Failure::last(error(ErrorKind::Invalid))),
    }
}

/// An order as create, capture and query show it. `COMPLETED` says that captures exist, not that money came.
fn order_seen(body: &Value) -> Seen {
    let word = text(body, "/status");
    let capture = body.pointer("/purchase_units/0/payments/captures/0");
    let (capture_word, id) = capture.map(|capture| (text(capture, "/status"), text(capture, "/id"))).unwrap_or_default();
    let (status, part_status) = match (word.as_str(), capture_word.as_str()) {
        ("CREATED" | "SAVED" | "PAYER_ACTION_REQUIRED" | "APPROVED", _) => (Status::AwaitingPayer, None),
        ("VOIDED", _) => (Status::Canceled, None),
        ("COMPLETED", "COMPLETED" | "PARTIALLY_REFUNDED" | "REFUNDED") => (Status::Paid, Some(PartStatus::Succeeded)),
        ("COMPLETED", "PENDING") => (Status::Processing, Some(PartStatus::Pending)),
        ("COMPLETED", "DECLINED" | "FAILED") => (Status::Declined, Some(PartStatus::Failed)),
        (other, _) => (Status::Unrecognized(other.to_owned()), None),
    };
    let approve = text(body, "/links/0/href");
    let action = match word.as_str() {
        "APPROVED" => Some(Action::new(NextAction::Confirm)),
        _ => (!approve.is_empty()).then(|| Action::new(NextAction::Redirect(approve.clone()))),
    };
    let mut refs = Refs::new().with("order", text(body, "/id"));
    if !approve.is_empty() {
        refs.add("approve", approve);
    }
    let captures = part_status.map(|status| SeenPart { number: None, ..part("", Some(&id), None, status) });
    let why = capture.map(|capture| text(capture, "/status_details/reason")).filter(|why| !why.is_empty());
    let reason = why.map(|code| Reason { code, message: None, advice: Advice::Unknown });
    Seen { word: Some(word), action, refs, reason, captures: captures.into_iter().collect(), ..Seen::status(status) }
}

impl Piece<Charge> for PayPal {
    fn draft(&self, op: &Charge, _: &Known, seed: &Seed) -> Result<Draft, Error> {
        let amount = json!({"currency_code": op.money.currency().code(), "value": op.money.to_decimal()});
        let body = json!({"intent": "CAPTURE", "purchase_units": [{"custom_id": seed.number, "amount": amount}]});
        // Even approved, an order takes nothing until we capture it.
        Ok(step(seed, Moves::Nothing, Verb::POST, "/v2/checkout/orders", body))
    }
    fn sign(&self, draft: &Draft, stamp: &Stamp, granted: &Granted) -> Result<Ready<Signed>, Error> {
        bearer(draft, stamp, granted)
    }
    fn decode(&self, _: &Draft, reply: &Reply, _: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        Ok(Decoded::Done(Box::new(order_seen(&answer(reply)?))))
    }
    fn recovery(&self, _: &Charge, _: &Draft) -> Recovery {
        recovery(&[REPLAY], NotFound::Nothing)
    }
    fn judge(&self, _: &Charge, _: &Draft, seen: &Seen) -> Option<Fate> {
        charge_fate(seen)
    }
    fn follow(&self, _: &Charge, _: &Draft, seen: &Seen, _: SystemTime) -> Option<Follow> {
        let every = match seen.status {
            Some(Status::AwaitingPayer) => 300,
            Some(Status::Processing) => 6 * 3600,
            _ => return None,
        };
        Some(Follow { cadence: vec![Duration::from_secs(every)], until: None, then: WhenUp::Leave })
    }
}

impl Piece<Confirm> for PayPal {
    fn draft(&self, _: &Confirm, known: &Known, seed: &Seed) -> Result<Draft, Error> {
        let id = known.refs.get("order").ok_or_else(|| Error::new(ErrorKind::NotNow, "its id is not known yet"))?;
        let draft = step(seed, Moves::Money, Verb::POST, format!("/v2/checkout/orders/{id}/capture"), json!({}));
        Ok(Draft { carry: Refs::new().with("approve", known.refs.get("approve").unwrap_or_default()), ..draft })
    }
    fn sign(&self, draft: &Draft, stamp: &Stamp, granted: &Granted) -> Result<Ready<Signed>, Error> {
        bearer(draft, stamp, granted)
    }
    fn decode(&self, draft: &Draft, reply: &Reply, _: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        let body = answer(reply)?;
        let seen = match text(&body, "/details/0/issue").as_str() {
            "" => order_seen(&body),
            // The same order, another source: the payer goes back to the approve link.
            "INSTRUMENT_DECLINED" => {
                let action = Action::new(NextAction::Redirect(draft.carry.get("approve").unwrap_or_default().to_owned()));
                let reason = Reason { code: "INSTRUMENT_DECLINED".into(), message: None, advice: Advice::AskPayer };
                Seen { action: Some(action), reason: Some(reason), ..Seen::status(Status::AwaitingPayer) }
            }
            // It is done, but how? An answer that proves nothing is asked after.
            _ => Seen::default(),
        };
        Ok(Decoded::Done(Box::new(seen)))
    }
    fn recovery(&self, _: &Confirm, _: &Draft) -> Recovery {
        recovery(&[REPLAY, RecoveryStep::Query, RecoveryStep::Callback], NotFound::Nothing)
    }
    fn judge(&self, _: &Confirm, _: &Draft, seen: &Seen) -> Option<Fate> {
        match (seen.status.as_ref()?, &seen.reason) {
            (Status::Paid | Status::Processing, _) => Some(Fate::Applied),
            (Status::Declined | Status::Canceled, _) | (Status::AwaitingPayer, Some(_)) => Some(Fate::NotApplied),
            _ => None,
        }
    }
}

impl Piece<Query> for PayPal {
    fn draft(&self, _: &Query, known: &Known, seed: &Seed) -> Result<Draft, Error> {
        let id = known.refs.get("order").ok_or_else(|| Error::new(ErrorKind::NotNow, "its id is not known yet"))?;
        Ok(step(seed, Moves::Nothing, Verb::GET, format!("/v2/checkout/orders/{id}"), Value::Null))
    }
    fn decode(&self, _: &Draft, reply: &Reply, _: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        if reply.status == 404 { Ok(Decoded::Missing) } else { Ok(Decoded::Done(Box::new(order_seen(&answer(reply)?)))) }
    }
}

fn allowed(url: &str) -> Result<(), Error> {
    let good = url.starts_with("https://api.paypal.com/v1/notifications/certs/");
    if good { Ok(()) } else { Err(Error::new(ErrorKind::Unintelligible, "a certificate from elsewhere")) }
}

impl Access for PayPal {
    fn request(&self, want: &Want, _: &Stamp) -> Result<Request, Error> {
        match want {
            Want::Token => Ok(Request::new(Verb::POST, "https://provider.test/v1/oauth2/token")),
            Want::Certificate(url) => allowed(url).map(|()| Request::new(Verb::GET, url)),
            _ => Err(Error::new(ErrorKind::Unsupported, "want")),
        }
    }
    fn read(&self, want: &Want, reply: &Reply, received: &Stamp) -> Result<Vec<Grant>, Failure> {
        let grant =
            |value: String, life| Grant::new(want.clone(), Secret::new(value), Some(received.now + Duration::from_secs(life)));
        if *want != Want::Token {
            return Ok(vec![grant("pem".to_owned(), 86_400).with_parsed(Vec::from(reply.body.clone()))]);
        }
        let body = crate::json(&reply.body)?;
        let life = body.get("expires_in").and_then(Value::as_u64).unwrap_or(60);
        Ok(vec![grant(format!("Bearer {}", text(&body, "/access_token")), life.saturating_sub(60))])
    }
}

impl Callbacks for PayPal {
    fn open(&self, raw: &Request, now: SystemTime, granted: &Granted) -> Result<Opened, Error> {
        let url = paysluice::adapter::single_header(&raw.headers, "paypal-cert-url").unwrap_or_default();
        allowed(url)?;
        let want = Want::Certificate(url.to_owned());
        let Some(certificate) = granted.get(&want, now).and_then(Grant::parsed::<Vec<u8>>) else { return Ok(Opened::Need(want)) };
        let (proof, body) = (proof(&raw.body, certificate)?, crate::json(&raw.body)?);
        let about = About { refs: Refs::new().with("order", text(&body, "/resource/id")), ..About::default() };
        let seen = Seen { word: Some("APPROVED".into()), action: Some(Action::new(NextAction::Confirm)), ..Seen::default() };
        // The signature covers a CRC-32 of the body: too weak to act upon.
        let verdict = Ok(Event::new(proof, text(&body, "/event_type"), about, Change::Payment, seen, Trust::AskFirst));
        Ok(Opened::Items(vec![Item { delivery_key: text(&body, "/id"), raw: raw.body.clone(), verdict }]))
    }
    fn accepted(&self) -> Reply {
        reply(200, "")
    }
    fn refused(&self, _: &Error) -> Reply {
        reply(400, "")
    }
}

fn confirm(round: u32) -> Walk<'static, Confirm> {
    let refs = Refs::new().with("order", "O1").with("approve", "https://a");
    let known = charged(&seed("order0001", 1000), cny(100), "web", None, refs);
    Walk::begin(&Of(PayPal), Confirm::new(order(), round), &known, &seed(&format!("confirm{round}"), 1100))
}

#[test]
fn token_create_approve_capture() {
    let op = Charge::new(order(), cny(100), Method::Redirect(Surface::Web));
    let mut charge = Walk::begin(&Of(PayPal), op, &Known::default(), &seed("order0001", 1000));
    let sign = |walk: &Walk<'_, Charge>, now| walk.codec.sign(&walk.draft, &stamp(now), &walk.granted);
    assert!(matches!(sign(&charge, 1000), Ok(Ready::Need(Want::Token))));
    let granted = PayPal.read(&Want::Token, &reply(200, r#"{"access_token":"t","expires_in":3600}"#), &stamp(1000)).unwrap();
    for grant in granted {
        charge.granted.insert(grant);
    }
    assert_eq!(charge.send(1000).body, charge.send(1001).body);
    assert!(matches!(sign(&charge, 1000 + 3540), Ok(Ready::Need(Want::Token))));
    let expired = charge.failed(1001, 401, "{}");
    assert_eq!(expired.again, Again::SameKey { after: None, invalidate: Some(Want::Token) });

    let created = charge.seen(1001, 201, r#"{"id":"O1","status":"PAYER_ACTION_REQUIRED","links":[{"href":"https://a"}]}"#);
    assert_eq!((charge.judge(&created), created.refs.get("order")), (Some(Fate::Applied), Some("O1")));
    let query = Walk::begin(
        &Of(PayPal),
        Query::new(order()),
        &Known { refs: created.refs, ..Known::default() },
        &seed("order0001", 1000),
    );
    let approved = query.seen(1050, 200, r#"{"id":"O1","status":"APPROVED"}"#);
    assert_eq!(approved.action.as_ref().map(|action| &action.what), Some(&NextAction::Confirm));
    let confirm = confirm(1);
    assert_eq!(confirm.judge(&approved), None, "approved says nothing about a capture that may be under way");
    let captured =
        r#"{"id":"O1","status":"COMPLETED","purchase_units":[{"payments":{"captures":[{"id":"C","status":"COMPLETED"}]}}]}"#;
    assert_eq!(confirm.judge(&confirm.seen(1101, 201, captured)), Some(Fate::Applied));
    let twice = confirm.seen(1102, 422, r#"{"details":[{"issue":"ORDER_ALREADY_CAPTURED"}]}"#);
    assert_eq!((confirm.judge(&twice), confirm.judge(&query.seen(1103, 200, captured))), (None, Some(Fate::Applied)));
}

#[test]
fn a_declined_instrument_leaves_the_order_open_for_another_round() {
    let (first, second) = (confirm(1), confirm(2));
    let declined = first.seen(1101, 422, r#"{"details":[{"issue":"INSTRUMENT_DECLINED"}]}"#);
    assert_eq!((first.judge(&declined), declined.status.clone()), (Some(Fate::NotApplied), Some(Status::AwaitingPayer)));
    assert_eq!(declined.action.unwrap().what, NextAction::Redirect("https://a".into()));
    assert_eq!((first.draft.path == second.draft.path, first.draft.key == second.draft.key), (true, false));
    assert_ne!(first.op.identity(), second.op.identity());
}

#[test]
fn a_webhook_waits_for_its_certificate_and_only_from_the_provider() {
    let body = r#"{"id":"WH-1","event_type":"CHECKOUT.ORDER.APPROVED","resource":{"id":"O1"}}"#;
    let url = "https://api.paypal.com/v1/notifications/certs/1";
    let raw = |url: &str| Request::new(Verb::POST, "/").header("paypal-cert-url".parse().unwrap(), url).unwrap().with_body(body);
    let mut granted = Granted::default();
    let Ok(Opened::Need(want)) = PayPal.open(&raw(url), at(1), &granted) else { panic!() };
    let pem = Reply::new(StatusCode::OK, signature(body.as_bytes()));
    for grant in PayPal.read(&want, &pem, &stamp(1)).unwrap() {
        granted.insert(grant);
    }
    let Ok(Opened::Items(items)) = PayPal.open(&raw(url), at(1), &granted) else { panic!() };
    assert_eq!(items[0].verdict.as_ref().map(Event::trust).unwrap(), Trust::AskFirst);
    let elsewhere = "https://api.paypal.com.evil.test/v1/notifications/certs/1";
    assert!(PayPal.open(&raw(elsewhere), at(1), &granted).is_err() && allowed(elsewhere).is_err());
}

#[test]
fn a_completed_order_with_a_pending_capture_is_not_paid() {
    let confirm = confirm(1);
    let pending = r#"{"id":"O1","status":"COMPLETED","purchase_units":[{"payments":{"captures":[
        {"id":"C","status":"PENDING","status_details":{"reason":"ECHECK"}}]}}]}"#;
    let seen = confirm.seen(1101, 201, pending);
    assert_eq!((confirm.judge(&seen), seen.status.clone()), (Some(Fate::Applied), Some(Status::Processing)));
    assert_eq!((seen.captures[0].status.clone(), seen.reason.as_ref().unwrap().code.as_str()), (PartStatus::Pending, "ECHECK"));
    let refused = confirm.seen(1101, 201, &pending.replace("PENDING", "DECLINED"));
    assert_eq!(confirm.judge(&refused), Some(Fate::NotApplied));
}
