//! The contract of an adapter, walked with real flows: each drives the pure functions in the gateway's order, without crypto.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests, helpers included")]

mod adyen;
mod alipay;
mod paypal;
mod unionpay;
mod wechatpay;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Method, StatusCode};
use paysluice::adapter::{
    Codec, Decoded, Draft, Failure, Follow, Granted, Known, Moves, NotFound, Operation, Original, Ready, Recovery, RecoveryStep,
    Refs, Renewal, Reply, Request, Seed, Seen, SeenPart, Signed, Stamp,
};
use paysluice::model::{
    AttemptNo, Currency, Error, ErrorKind, Fate, IdempotencyKey, Money, OrderNo, PartStatus, ProviderNo, Secret, Status,
};
use paysluice::signing::{HmacKey, Proof};
use serde_json::Value;

/// What a provider's codec must say; the rest has the dullest answer, so that a flow shows only what it needs.
pub(crate) trait Piece<Op: Operation>: Send + Sync {
    fn draft(&self, op: &Op, known: &Known, seed: &Seed) -> Result<Draft, Error>;
    fn sign(&self, draft: &Draft, stamp: &Stamp, _granted: &Granted) -> Result<Ready<Signed>, Error> {
        Ok(Ready::Done(Signed::Send(request(draft, stamp))))
    }
    fn decode(&self, draft: &Draft, reply: &Reply, received: &Stamp, granted: &Granted) -> Result<Decoded, Failure>;
    fn recovery(&self, _op: &Op, _draft: &Draft) -> Recovery {
        recovery(&[RecoveryStep::Query], NotFound::Nothing)
    }
    fn judge(&self, _op: &Op, _draft: &Draft, _seen: &Seen) -> Option<Fate> {
        None
    }
    fn follow(&self, _op: &Op, _draft: &Draft, _seen: &Seen, _now: SystemTime) -> Option<Follow> {
        None
    }
    fn renewal(&self, _op: &Op, _draft: &Draft) -> Renewal {
        Renewal::Never
    }
}

/// A piece as the whole codec that the gateway holds.
pub(crate) struct Of<P>(pub(crate) P);

impl<Op: Operation, P: Piece<Op>> Codec<Op> for Of<P> {
    fn draft(&self, op: &Op, known: &Known, seed: &Seed, _granted: &Granted) -> Result<Ready<Draft>, Error> {
        self.0.draft(op, known, seed).map(Ready::Done)
    }
    fn sign(&self, draft: &Draft, stamp: &Stamp, granted: &Granted) -> Result<Ready<Signed>, Error> {
        self.0.sign(draft, stamp, granted)
    }
    fn decode(&self, draft: &Draft, reply: &Reply, received: &Stamp, granted: &Granted) -> Result<Decoded, Failure> {
        self.0.decode(draft, reply, received, granted)
    }
    fn recovery(&self, op: &Op, draft: &Draft) -> Recovery {
        self.0.recovery(op, draft)
    }
    fn judge(&self, op: &Op, draft: &Draft, seen: &Seen) -> Option<Fate> {
        self.0.judge(op, draft, seen)
    }
    fn follow(&self, op: &Op, draft: &Draft, seen: &Seen, now: SystemTime) -> Option<Follow> {
        self.0.follow(op, draft, seen, now)
    }
    fn renewal(&self, op: &Op, draft: &Draft) -> Renewal {
        self.0.renewal(op, draft)
    }
}

/// One operation under way, as the gateway holds it.
pub(crate) struct Walk<'a, Op: Operation> {
    pub(crate) codec: &'a dyn Codec<Op>,
    pub(crate) op: Op,
    pub(crate) draft: Draft,
    pub(crate) granted: Granted,
}

impl<'a, Op: Operation> Walk<'a, Op> {
    pub(crate) fn begin(codec: &'a dyn Codec<Op>, op: Op, known: &Known, seed: &Seed) -> Self {
        let Ready::Done(draft) = codec.draft(&op, known, seed, &Granted::default()).unwrap() else { panic!("access first") };
        // What is stored is what is sent: the draft survives its row.
        let draft = serde_json::from_str(&serde_json::to_string(&draft).unwrap()).unwrap();
        Self { codec, op, draft, granted: Granted::default() }
    }

    pub(crate) fn send(&self, now: u64) -> Request {
        let Ready::Done(Signed::Send(request)) = self.codec.sign(&self.draft, &stamp(now), &self.granted).unwrap() else {
            panic!("nothing is sent")
        };
        request
    }

    pub(crate) fn show(&self, now: u64) -> Seen {
        let Ready::Done(Signed::Present(seen)) = self.codec.sign(&self.draft, &stamp(now), &self.granted).unwrap() else {
            panic!("something is sent")
        };
        *seen
    }

    pub(crate) fn hear(&self, now: u64, reply: &Reply) -> Result<Decoded, Failure> {
        self.codec.decode(&self.draft, reply, &stamp(now), &self.granted)
    }

    pub(crate) fn seen(&self, now: u64, status: u16, body: &str) -> Seen {
        match self.hear(now, &reply(status, body)) {
            Ok(Decoded::Done(seen)) => *seen,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn failed(&self, now: u64, status: u16, body: &str) -> Failure {
        self.hear(now, &reply(status, body)).unwrap_err()
    }

    pub(crate) fn judge(&self, seen: &Seen) -> Option<Fate> {
        self.codec.judge(&self.op, &self.draft, seen)
    }

    pub(crate) fn follow(&self, seen: &Seen, now: u64) -> Option<Follow> {
        self.codec.follow(&self.op, &self.draft, seen, at(now))
    }

    pub(crate) fn recovery(&self) -> Recovery {
        self.codec.recovery(&self.op, &self.draft)
    }

    pub(crate) fn renewal(&self) -> Renewal {
        self.codec.renewal(&self.op, &self.draft)
    }
}

pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Stands in for a provider's way of writing times.
pub(crate) fn clock(time: SystemTime) -> String {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs().to_string()
}

pub(crate) fn stamp(now: u64) -> Stamp {
    Stamp { now: at(now), nonce: u128::from(now) << 7, send: 1 }
}

pub(crate) fn seed(number: &str, born: u64) -> Seed {
    let key = IdempotencyKey::new(format!("key-of-{number}")).unwrap();
    Seed { number: ProviderNo::new(number).unwrap(), key, born: at(born) }
}

pub(crate) fn order() -> OrderNo {
    OrderNo::new("order0001").unwrap()
}

pub(crate) fn cny(minor: i64) -> Money {
    Money::new(minor, Currency::CNY).unwrap()
}

/// What the gateway knows of a payment that was charged with this seed.
pub(crate) fn charged(seed: &Seed, money: Money, product: &str, closes_at: Option<SystemTime>, refs: Refs) -> Known {
    let (order_no, attempt, seed, product) = (order(), AttemptNo::FIRST, seed.clone(), product.to_owned());
    Known { original: Some(Original { order_no, attempt, seed, money, product, closes_at }), refs, ..Known::default() }
}

pub(crate) fn step(seed: &Seed, moves: Moves, method: Method, path: impl Into<String>, body: Value) -> Draft {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let (path, key) = (path.into(), seed.key_of(0).unwrap());
    Draft { format: 1, step: 0, moves, method, path, key, closes_at: None, body, carry: Refs::new() }
}

/// The dummy signature: over what the draft fixed and the stamp made fresh.
pub(crate) fn request(draft: &Draft, stamp: &Stamp) -> Request {
    let code = key().sign(&[draft.path.as_bytes(), clock(stamp.now).as_bytes(), draft.body.as_bytes()]);
    Request::new(draft.method.clone(), format!("https://provider.test{}", draft.path))
        .header(http::header::AUTHORIZATION, &format!("Dummy {:02x}", code[0]))
        .unwrap()
        .with_body(draft.body.clone())
}

fn key() -> HmacKey {
    HmacKey::new(&Secret::new("dummy"))
}

/// What a provider would put beside its message.
pub(crate) fn signature(body: &[u8]) -> Vec<u8> {
    key().sign(&[body]).to_vec()
}

pub(crate) fn proof(body: &Bytes, claim: &[u8]) -> Result<Proof, Error> {
    key().verify(&[], body, [claim]).ok_or_else(|| Error::new(ErrorKind::Unintelligible, "the signature does not fit"))
}

pub(crate) fn reply(status: u16, body: &str) -> Reply {
    Reply::new(StatusCode::from_u16(status).unwrap(), body.to_owned())
}

/// Reads JSON without trusting it; the real adapters have types for it.
pub(crate) fn json(bytes: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(bytes).map_err(|_| Error::new(ErrorKind::Unintelligible, "not JSON"))
}

pub(crate) fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

pub(crate) fn recovery(steps: &[RecoveryStep], not_found: NotFound) -> Recovery {
    Recovery { steps: steps.to_vec(), not_found, cadence: vec![Duration::from_secs(5)] }
}

/// What a status says about the charge that made the payment.
pub(crate) fn charge_fate(seen: &Seen) -> Option<Fate> {
    match seen.status.as_ref()? {
        Status::Unrecognized(_) => None,
        status if status.is_unpaid_end() => Some(Fate::NotApplied),
        _ => Some(Fate::Applied),
    }
}

/// What a part says about the operation whose number it bears. Totals say nothing.
pub(crate) fn part_fate(parts: &[SeenPart], number: &str) -> Option<Fate> {
    match &parts.iter().find(|part| part.number.as_deref() == Some(number))?.status {
        PartStatus::Unrecognized(_) => None,
        PartStatus::Failed | PartStatus::Canceled => Some(Fate::NotApplied),
        _ => Some(Fate::Applied),
    }
}

pub(crate) fn part(number: &str, id: Option<&str>, money: Option<Money>, status: PartStatus) -> SeenPart {
    SeenPart { number: Some(number.to_owned()), id: id.map(str::to_owned), money, status, reason: None }
}
