//! UnionPay: a form the payer carries, the time as identity, refunds accepted but not done, the signer inside the message.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use http::Method as Verb;
use paysluice::adapter::{
    About, Again, Callbacks, Change, Charge, Decoded, Draft, Event, Failure, Follow, Granted, Item, Known, Method, Moves,
    NotFound, Opened, Query, QueryRefund, Ready, Recovery, RecoveryStep, Refs, Refund, Renewal, Reply, Request, Seed, Seen,
    Signed, Stamp, Surface, Trust, WhenUp,
};
use paysluice::model::{Action, Error, ErrorKind, Fate, Money, NextAction, PartStatus, ProviderNo, RefundNo, Status};
use serde_json::json;

use crate::*;

struct UnionPay;

/// A message's fields, if its own certificate is trusted at that time and its signature fits. Nothing has to be fetched.
fn opened(body: &[u8], now: SystemTime) -> Result<(BTreeMap<String, String>, Proof), Error> {
    let unproved = || Error::new(ErrorKind::Unintelligible, "not signed by UnionPay");
    let body = std::str::from_utf8(body).map_err(|_| unproved())?;
    let (signed, claim) = body.split_once("&signature=").ok_or_else(unproved)?;
    let split = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let fields: BTreeMap<String, String> = signed.split('&').filter_map(split).collect();
    let until: u64 = fields.get("signPubKeyCert").and_then(|until| until.parse().ok()).ok_or_else(unproved)?;
    if now > at(until) {
        return Err(unproved());
    }
    let claim: Vec<u8> = claim.split('.').filter_map(|byte| byte.parse().ok()).collect();
    let proof = proof(&Bytes::from(signed.to_owned()), &claim)?;
    Ok((fields, proof))
}

/// A message as UnionPay would sign it; its certificate is good until 9000.
fn message(fields: &str) -> String {
    let signed = format!("{fields}&signPubKeyCert=9000");
    let claim: Vec<String> = signature(signed.as_bytes()).iter().map(u8::to_string).collect();
    format!("{signed}&signature={}", claim.join("."))
}

fn get<'a>(fields: &'a BTreeMap<String, String>, name: &str) -> &'a str {
    fields.get(name).map(String::as_str).unwrap_or_default()
}

fn fen(fields: &BTreeMap<String, String>) -> Option<Money> {
    get(fields, "txnAmt").parse().ok().map(cny)
}

/// The identity: number and business time, both the seed's, for good.
fn identity(seed: &Seed) -> String {
    format!("orderId={}&txnTime={}", seed.number, clock(seed.born))
}

fn form(seed: &Seed, moves: Moves, path: &str, fields: &str) -> Draft {
    Draft { body: format!("{}&{fields}", identity(seed)), ..step(seed, moves, Verb::POST, path, json!(null)) }
}

fn refused(code: &str) -> Failure {
    let error = |kind| Error::new(kind, "refused").with_code(code);
    let again = Again::SameKey { after: None, invalidate: None };
    match code {
        "03" | "04" | "05" | "12" => Failure::last(error(ErrorKind::Doubtful)),
        "37" => Failure::again(error(ErrorKind::Throttled), again),
        "10" | "13" | "36" => Failure::last(error(ErrorKind::Invalid)),
        _ => Failure::last(error(ErrorKind::Unintelligible)),
    }
}

impl Piece<Charge> for UnionPay {
    fn draft(&self, op: &Charge, _: &Known, seed: &Seed) -> Result<Draft, Error> {
        let closes_at = op.charge_by.unwrap_or(seed.born + Duration::from_secs(900));
        let fields = format!("txnType=01&txnAmt={}&payTimeout={}", op.money.minor(), clock(closes_at));
        Ok(Draft { closes_at: Some(closes_at), ..form(seed, Moves::Money, "", &fields) })
    }
    fn sign(&self, draft: &Draft, _: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        let fields = draft.body.split('&').filter_map(|pair| pair.split_once('='));
        let mut fields: Vec<_> = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        fields.push(("signature".to_owned(), format!("{:?}", signature(draft.body.as_bytes()))));
        let what = NextAction::Form { url: "https://provider.test/gateway/api/frontTransReq.do".to_owned(), fields };
        let action = draft.closes_at.map_or_else(|| Action::new(what.clone()), |at| Action::new(what.clone()).until(at));
        Ok(Ready::Done(Signed::Present(Box::new(Seen { action: Some(action), ..Seen::status(Status::AwaitingPayer) }))))
    }
    fn decode(&self, _: &Draft, _: &Reply, _: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        Err(Failure::last(Error::new(ErrorKind::Unintelligible, "nothing was sent")))
    }
    fn recovery(&self, _: &Charge, draft: &Draft) -> Recovery {
        let not_found = draft.closes_at.map_or(NotFound::Nothing, NotFound::ProofAfter);
        recovery(&[RecoveryStep::Query, RecoveryStep::Callback], not_found)
    }
    fn judge(&self, _: &Charge, _: &Draft, seen: &Seen) -> Option<Fate> {
        charge_fate(seen)
    }
    fn renewal(&self, _: &Charge, _: &Draft) -> Renewal {
        Renewal::Sign
    }
}

impl Piece<Query> for UnionPay {
    fn draft(&self, _: &Query, known: &Known, seed: &Seed) -> Result<Draft, Error> {
        let draft = form(seed, Moves::Nothing, "/gateway/api/queryTrans.do", "txnType=00");
        // What a failure means depends on how the payment was made and until when the payer may try again.
        let closes = known.original.as_ref().and_then(|original| original.closes_at).map(clock).unwrap_or_default();
        Ok(Draft { carry: Refs::new().with("closes", closes), ..draft })
    }
    fn decode(&self, draft: &Draft, reply: &Reply, received: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        let (fields, _) = opened(&reply.body, received.now)?;
        if !draft.body.starts_with(&format!("orderId={}&txnTime={}&", get(&fields, "orderId"), get(&fields, "txnTime"))) {
            return Err(Failure::last(Error::new(ErrorKind::Unintelligible, "another trade's answer")));
        }
        match get(&fields, "respCode") {
            "00" => {}
            "34" => return Ok(Decoded::Missing),
            code => return Err(refused(code)),
        }
        let open =
            draft.carry.get("closes").and_then(|closes| closes.parse().ok()).is_some_and(|closes| received.now < at(closes));
        let status = match get(&fields, "origRespCode") {
            "00" | "A6" => Status::Paid,
            "03" | "04" | "05" => Status::Processing,
            _ if open => Status::AwaitingPayer,
            _ => Status::Declined,
        };
        let refs = Refs::new().with("query_id", get(&fields, "queryId"));
        Ok(Decoded::Done(Box::new(Seen { refs, money: fen(&fields), ..Seen::status(status) })))
    }
}

impl Piece<Refund> for UnionPay {
    fn draft(&self, op: &Refund, known: &Known, seed: &Seed) -> Result<Draft, Error> {
        let of = known.refs.get("query_id").ok_or_else(|| Error::new(ErrorKind::NotNow, "ask for the payment first"))?;
        let fields = format!("txnType=04&origQryId={of}&txnAmt={}", op.money.minor());
        Ok(form(seed, Moves::Money, "/gateway/api/backTransReq.do", &fields))
    }
    fn decode(&self, _: &Draft, reply: &Reply, received: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        let (fields, _) = opened(&reply.body, received.now)?;
        match get(&fields, "respCode") {
            // 00 is "accepted", never "done".
            "00" => {
                let this = part(get(&fields, "orderId"), Some(get(&fields, "queryId")), fen(&fields), PartStatus::Pending);
                Ok(Decoded::Done(Box::new(Seen { refunds: vec![this], ..Seen::default() })))
            }
            code => Err(refused(code)),
        }
    }
    fn judge(&self, op: &Refund, _: &Draft, seen: &Seen) -> Option<Fate> {
        part_fate(&seen.refunds, op.refund_no.as_str())
    }
    fn follow(&self, op: &Refund, _: &Draft, seen: &Seen, _: SystemTime) -> Option<Follow> {
        let mine = seen.refunds.iter().find(|part| part.number.as_deref() == Some(op.refund_no.as_str()))?;
        let cadence = [1, 2, 4, 8, 16, 32, 3600].map(Duration::from_secs).to_vec();
        (!mine.status.is_settled()).then_some(Follow { cadence, until: None, then: WhenUp::Leave })
    }
}

impl Piece<QueryRefund> for UnionPay {
    fn draft(&self, _: &QueryRefund, _: &Known, seed: &Seed) -> Result<Draft, Error> {
        Ok(form(seed, Moves::Nothing, "/gateway/api/queryTrans.do", "txnType=00"))
    }
    fn decode(&self, _: &Draft, reply: &Reply, received: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        let (fields, _) = opened(&reply.body, received.now)?;
        let status = match (get(&fields, "respCode"), get(&fields, "origRespCode")) {
            ("34", _) => return Ok(Decoded::Missing),
            ("00", "00" | "A6") => PartStatus::Succeeded,
            ("00", "03" | "04" | "05") => PartStatus::Pending,
            ("00", _) => PartStatus::Failed,
            (code, _) => return Err(refused(code)),
        };
        let this = part(get(&fields, "orderId"), Some(get(&fields, "queryId")), fen(&fields), status);
        Ok(Decoded::Done(Box::new(Seen { refunds: vec![this], ..Seen::default() })))
    }
}

impl Callbacks for UnionPay {
    fn open(&self, raw: &Request, now: SystemTime, _: &Granted) -> Result<Opened, Error> {
        let (fields, proof) = opened(&raw.body, now)?;
        let number = ProviderNo::new(get(&fields, "orderId"))?;
        let name = format!("{}:{}", get(&fields, "txnType"), get(&fields, "respCode"));
        let delivery_key = format!("{number}:{}:{name}", get(&fields, "txnTime"));
        let about = About { number: Some(number), ..About::default() };
        let (change, seen) = match get(&fields, "txnType") {
            "01" => (Change::Payment, Seen { money: fen(&fields), ..Seen::status(Status::Paid) }),
            "04" => (Change::Refund, Seen::default()),
            _ => (Change::Other, Seen::default()),
        };
        let verdict = Ok(Event::new(proof, name, about, change, seen, Trust::AskFirst));
        Ok(Opened::Items(vec![Item { delivery_key, raw: raw.body.clone(), verdict }]))
    }
    fn accepted(&self) -> Reply {
        reply(200, "ok")
    }
    fn refused(&self, _: &Error) -> Reply {
        reply(400, "")
    }
}

fn known() -> Known {
    charged(&seed("order0001", 1000), cny(100), "web", Some(at(1900)), Refs::new().with("query_id", "77"))
}

#[test]
fn a_form_is_the_same_whenever_it_is_signed_and_a_failure_before_its_end_is_none() {
    let op = Charge::new(order(), cny(100), Method::Redirect(Surface::Web));
    let charge = Walk::begin(&Of(UnionPay), op, &Known::default(), &seed("order0001", 1000));
    assert_eq!(charge.show(1000), charge.show(1400));
    assert_eq!((charge.renewal(), charge.recovery().not_found), (Renewal::Sign, NotFound::ProofAfter(at(1900))));
    let query = Walk::begin(&Of(UnionPay), Query::new(order()), &known(), &seed("order0001", 1000));
    let answer = |code| message(&format!("orderId=order0001&txnTime=1000&respCode=00&origRespCode={code}&txnAmt=100"));
    assert_eq!(query.seen(1500, 200, &answer("64")).status, Some(Status::AwaitingPayer));
    assert_eq!(charge.judge(&query.seen(1950, 200, &answer("64"))), Some(Fate::NotApplied));
    assert_eq!(query.seen(1500, 200, &answer("A6")).status, Some(Status::Paid));
}

#[test]
fn the_business_time_is_part_of_the_identity_and_another_trades_answer_is_not_believed() {
    let query = Walk::begin(&Of(UnionPay), Query::new(order()), &known(), &seed("order0001", 1000));
    assert!(query.draft.body.starts_with("orderId=order0001&txnTime=1000"));
    let other_day = message("orderId=order0001&txnTime=900&respCode=00&origRespCode=00");
    assert_eq!(query.failed(1500, 200, &other_day).error.kind(), ErrorKind::Unintelligible);
    let gone = message("orderId=order0001&txnTime=1000&respCode=34");
    assert!(matches!(query.hear(1500, &reply(200, &gone)), Ok(Decoded::Missing)));
}

#[test]
fn an_accepted_refund_is_watched_and_a_lost_one_is_asked_for_by_its_own_seed() {
    let own = seed("refund01", 3000);
    let op = Refund::new(order(), RefundNo::new("refund01").unwrap(), cny(40));
    let refund = Walk::begin(&Of(UnionPay), op, &known(), &own);
    let accepted = refund.seen(3001, 200, &message("orderId=refund01&txnTime=3000&respCode=00&queryId=88&txnAmt=40"));
    assert_eq!((refund.judge(&accepted), accepted.refunds[0].status.clone()), (Some(Fate::Applied), PartStatus::Pending));
    assert_eq!(refund.follow(&accepted, 3001).unwrap().cadence[0], Duration::from_secs(1));
    let query = Walk::begin(&Of(UnionPay), QueryRefund::new(order(), RefundNo::new("refund01").unwrap()), &known(), &own);
    assert!(query.draft.body.starts_with("orderId=refund01&txnTime=3000"));
    let failed = query.seen(3010, 200, &message("orderId=refund01&txnTime=3000&respCode=00&origRespCode=01&queryId=88"));
    assert_eq!((refund.judge(&failed), refund.follow(&failed, 3010)), (Some(Fate::NotApplied), None));
}

#[test]
fn the_signer_comes_with_the_message_and_its_time_is_checked() {
    let raw = |body: String| Request::new(Verb::POST, "/unionpay").with_body(body);
    let notice = message("orderId=order0001&txnTime=1000&txnType=01&respCode=00&txnAmt=100");
    let Ok(Opened::Items(items)) = UnionPay.open(&raw(notice.clone()), at(1500), &Granted::default()) else { panic!() };
    let event = items[0].verdict.as_ref().unwrap();
    assert_eq!(
        (event.trust(), event.seen().money, items[0].delivery_key.as_str()),
        (Trust::AskFirst, Some(cny(100)), "order0001:1000:01:00")
    );
    for (body, now) in [(notice.clone(), 9001), (notice.replace("txnAmt=100", "txnAmt=1"), 1500), (String::new(), 1500)] {
        let refused = UnionPay.open(&raw(body), at(now), &Granted::default()).unwrap_err();
        assert_eq!((refused.kind(), UnionPay.refused(&refused).status.as_u16()), (ErrorKind::Unintelligible, 400));
    }
    assert_eq!(UnionPay.accepted().status.as_u16(), 200);
}
