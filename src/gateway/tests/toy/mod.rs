//! A toy adapter: a charge in two steps, or in one at the till, and the other operations in one.

use std::time::{Duration, SystemTime};

use http::header::AUTHORIZATION;
use http::{HeaderName, Method as Verb, StatusCode};
use serde_json::{Value, json};

use crate::adapter::*;
use crate::model::*;
use crate::signing::HmacKey;

pub(super) const KEY: HeaderName = HeaderName::from_static("toy-key");
pub(super) const SIGNATURE: &str = "toy-signature";

/// The adapter, and what tests switch in it.
#[derive(Clone, Debug)]
pub(super) struct Toy {
    pub(super) account: AccountRef,
    pub(super) profile: Profile,
    /// How long keys are remembered.
    pub(super) replay: Duration,
    /// What callbacks are worth.
    pub(super) trust: Trust,
    pub(super) secret: HmacKey,
    /// How a stale action is made fresh.
    pub(super) renewal: Renewal,
    /// Answers cannot be read without a token either.
    pub(super) sealed_answers: bool,
}

impl Toy {
    pub(super) fn new() -> Self {
        let number = NumberFormat { min: 1, max: 40, extra: b"-" };
        Self {
            account: AccountRef::new("toy", Mode::Test, "m1").unwrap(),
            profile: Profile {
                provider: "toy",
                order_number: number,
                part_number: number,
                currency: |_| Some(CurrencyRule { exponent: 2, step: 1, min: 1, max: 1_000_000 }),
                payment_ref: "payment",
                declined_stays_payable: true,
                access: &[],
                keep_alive: Duration::from_secs(60),
                unsigned_errors: UnsignedErrors::Trust,
                reply_cap: 1 << 20,
                callback_cap: 1 << 16,
            },
            replay: Duration::from_secs(23 * 3600),
            trust: Trust::Enough,
            secret: HmacKey::new(&Secret::new("whisper")),
            renewal: Renewal::Query,
            sealed_answers: false,
        }
    }

    /// Wants a token for everything.
    pub(super) fn with_token(mut self) -> Self {
        self.profile.access = &[Want::Token];
        self
    }

    fn recovery(&self, draft: &Draft) -> Recovery {
        let replay = RecoveryStep::Replay { within: self.replay };
        let steps = if draft.moves == Moves::Nothing {
            vec![replay]
        } else if draft.path.ends_with("/confirm") || draft.path.ends_with("/answer") {
            vec![replay, RecoveryStep::Query, RecoveryStep::Cancel]
        } else if reverse::is_at_the_till(draft) {
            vec![replay, RecoveryStep::Query, RecoveryStep::Reverse { after: Duration::from_secs(45) }]
        } else {
            vec![replay, RecoveryStep::Query]
        };
        Recovery { steps, not_found: NotFound::Proof, cadence: [5, 10, 60].map(Duration::from_secs).to_vec() }
    }
}

fn draft(step: u8, moves: Moves, method: Verb, path: String, body: &Value, seed: &Seed, carry: Refs) -> Result<Draft, Error> {
    let body = if method == Verb::GET { String::new() } else { body.to_string() };
    Ok(Draft { format: 1, step, moves, method, path, key: seed.key_of(step)?, closes_at: None, body, carry })
}

fn payment_id(known: &Known) -> Result<String, Error> {
    let id = known.refs.get("payment").map(str::to_owned);
    id.ok_or_else(|| Error::new(ErrorKind::NotNow, "the payment has no id yet"))
}

/// Signs: the key in a header, the token where one is wanted.
fn sign(toy: &Toy, draft: &Draft, stamp: &Stamp, granted: &Granted) -> Result<Ready<Signed>, Error> {
    let url = format!("https://toy.test{}", draft.path);
    let mut request = Request::new(draft.method.clone(), url).header(KEY, draft.key.as_str())?.with_body(draft.body.clone());
    if !toy.profile.access.is_empty() {
        let Some(grant) = granted.get(&Want::Token, stamp.now) else { return Ok(Ready::Need(Want::Token)) };
        request = request.secret_header(AUTHORIZATION, &grant.value)?;
    }
    Ok(Ready::Done(Signed::Send(request)))
}

/// The object of a good answer, or what a bad one means.
fn object(reply: &Reply) -> Result<Value, Failure> {
    let value: Option<Value> = serde_json::from_slice(&reply.body).ok();
    let same = |after, invalidate| Again::SameKey { after, invalidate };
    match (reply.status, value) {
        (StatusCode::OK, Some(value)) if value.get("id").is_some() => Ok(value),
        (StatusCode::TOO_MANY_REQUESTS, _) => {
            Err(Failure::again(Error::new(ErrorKind::Throttled, "slower"), same(Some(Duration::from_secs(2)), None)))
        }
        (StatusCode::UNAUTHORIZED, _) => {
            Err(Failure::again(Error::new(ErrorKind::Unauthorized, "token"), same(None, Some(Want::Token))))
        }
        (StatusCode::CONFLICT, _) => Err(Failure::last(Error::new(ErrorKind::Doubtful, "it stands elsewhere"))),
        (StatusCode::UNPROCESSABLE_ENTITY, _) => {
            Err(Failure::again(Error::new(ErrorKind::NotNow, "too much").with_cause("ask for less"), Again::NewKey))
        }
        (status, _) if status.is_server_error() => {
            Err(Failure::again(Error::new(ErrorKind::Unavailable, status.to_string()), same(None, None)))
        }
        _ => Err(Failure::again(Error::new(ErrorKind::Unintelligible, "unreadable"), same(None, None))),
    }
}

/// What a payment object shows.
pub(super) fn seen(value: &Value, raw: &[u8]) -> Seen {
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let money = |value: &Value| Money::new(value.as_i64().unwrap_or_default(), Currency::parse("EUR").unwrap()).unwrap();
    let part = |part: &Value| SeenPart {
        number: part["number"].as_str().map(str::to_owned),
        id: part["id"].as_str().map(str::to_owned),
        money: Some(money(&part["amount"])),
        status: match part["state"].as_str() {
            Some("succeeded") => PartStatus::Succeeded,
            Some("pending") => PartStatus::Pending,
            Some("failed") => PartStatus::Failed,
            other => PartStatus::Unrecognized(format!("{other:?}")),
        },
        reason: None,
    };
    let parts = |name: &str| value[name].as_array().map(|parts| parts.iter().map(part).collect()).unwrap_or_default();
    let state = text("state");
    Seen {
        status: match state.as_str() {
            "created" => None,
            "awaiting" => Some(Status::AwaitingPayer),
            "processing" => Some(Status::Processing),
            "authorized" => Some(Status::Authorized),
            "paid" => Some(Status::Paid),
            "declined" => Some(Status::Declined),
            "canceled" => Some(Status::Canceled),
            other => Some(Status::Unrecognized(other.to_owned())),
        },
        word: Some(state.clone()),
        money: Some(money(&value["amount"])),
        captured: Some(money(&value["captured"])),
        refunded: Some(money(&value["refunded"])),
        refs: Refs::new().with("payment", text("id")),
        captures: parts("captures"),
        refunds: parts("refunds"),
        action: (state == "awaiting")
            .then(|| Action::new(NextAction::Redirect(format!("https://toy.test/pay/{}", value["link"])))),
        reason: (state == "declined").then(|| Reason {
            code: "card_declined".to_owned(),
            message: Some("no".to_owned()),
            advice: Advice::AskPayer,
        }),
        raw: raw.to_vec().into(),
    }
}

fn answered(reply: &Reply) -> Result<Box<Seen>, Failure> {
    Ok(Box::new(seen(&object(reply)?, &reply.body)))
}

fn judge_payment(seen: &Seen) -> Option<Fate> {
    Some(match seen.status.as_ref()? {
        Status::AwaitingPayer | Status::Processing | Status::Authorized | Status::Paid => Fate::Applied,
        Status::Declined | Status::Canceled => Fate::NotApplied,
        _ => return None,
    })
}

fn judge_part(parts: &[SeenPart], draft: &Draft) -> Option<Fate> {
    let part = parts.iter().find(|part| part.number.as_deref() == draft.carry.get("number"))?;
    Some(if part.status.holds_money() { Fate::Applied } else { Fate::NotApplied })
}

fn watch(until: Option<SystemTime>, then: WhenUp) -> Follow {
    Follow { cadence: [10, 60].map(Duration::from_secs).to_vec(), until, then }
}

/// What all codecs do alike; each says how it drafts, decodes, judges and follows.
macro_rules! codec {
    ($op:ty, $draft:expr, $decode:expr, $judge:expr, $follow:expr) => {
        impl Codec<$op> for Toy {
            fn draft(&self, op: &$op, known: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
                let drafted: fn(&$op, &Known, &Seed) -> Result<Draft, Error> = $draft;
                drafted(op, known, seed).map(Ready::Done)
            }
            fn sign(&self, draft: &Draft, stamp: &Stamp, granted: &Granted) -> Result<Ready<Signed>, Error> {
                sign(self, draft, stamp, granted)
            }
            fn decode(&self, draft: &Draft, reply: &Reply, at: &Stamp, granted: &Granted) -> Result<Decoded, Failure> {
                if self.sealed_answers && granted.get(&Want::Token, at.now).is_none() {
                    return Ok(Decoded::Need(Want::Token));
                }
                let decoded: fn(&Draft, &Reply) -> Result<Decoded, Failure> = $decode;
                decoded(draft, reply)
            }
            fn recovery(&self, _: &$op, draft: &Draft) -> Recovery {
                self.recovery(draft)
            }
            fn judge(&self, _: &$op, draft: &Draft, seen: &Seen) -> Option<Fate> {
                let judged: fn(&Draft, &Seen) -> Option<Fate> = $judge;
                judged(draft, seen)
            }
            fn follow(&self, op: &$op, draft: &Draft, seen: &Seen, _: SystemTime) -> Option<Follow> {
                let followed: fn(&$op, &Draft, &Seen) -> Option<Follow> = $follow;
                followed(op, draft, seen)
            }
            fn renewal(&self, _: &$op, _: &Draft) -> Renewal {
                self.renewal
            }
        }
    };
}

codec!(
    Charge,
    |op, known, seed| {
        if let Method::Barcode(code) = &op.method {
            return reverse::paying_at_the_till(op, code, seed);
        }
        let Method::Token(token) = &op.method else { return Err(Invalid::new("charge.method", "a token").into()) };
        let carry = Refs::new().with("token", token).with("seed", seed.key.as_str());
        if let Ok(id) = payment_id(known) {
            return confirming(&id, &carry, seed);
        }
        let body = json!({ "number": seed.number, "order": op.order_no, "attempt": op.attempt.get(), "amount": op.money.minor(),
            "later": op.capture == CaptureMode::Later });
        draft(0, Moves::Nothing, Verb::POST, "/payments".to_owned(), &body, seed, carry)
    },
    |draft, reply| {
        let value = object(reply)?;
        let shown = Box::new(seen(&value, &reply.body));
        if draft.moves == Moves::Money {
            return Ok(Decoded::Done(shown));
        }
        let key = IdempotencyKey::new(draft.carry.get("seed").unwrap()).unwrap();
        let seed = Seed { number: ProviderNo::new("n").unwrap(), key, born: SystemTime::UNIX_EPOCH };
        let next = confirming(shown.refs.get("payment").unwrap(), &draft.carry, &seed)?;
        Ok(Decoded::Then { draft: Box::new(next), seen: shown })
    },
    |_, seen| judge_payment(seen),
    |op, draft, seen| {
        let then = if reverse::is_at_the_till(draft) { WhenUp::Reverse } else { WhenUp::Cancel };
        matches!(seen.status, Some(Status::AwaitingPayer | Status::Processing)).then(|| watch(op.charge_by, then))
    }
);

mod callbacks;
mod confirm;
mod reverse;

fn confirming(id: &str, carry: &Refs, seed: &Seed) -> Result<Draft, Error> {
    let body = json!({ "token": carry.get("token") });
    draft(1, Moves::Money, Verb::POST, format!("/payments/{id}/confirm"), &body, seed, carry.clone())
}

codec!(
    Capture,
    |op, known, seed| {
        let body = json!({ "number": seed.number, "amount": op.money.minor(), "last": op.last });
        let carry = Refs::new().with("number", seed.number.as_str());
        draft(0, Moves::Money, Verb::POST, format!("/payments/{}/capture", payment_id(known)?), &body, seed, carry)
    },
    |_, reply| answered(reply).map(Decoded::Done),
    |draft, seen| judge_part(&seen.captures, draft),
    |_, _, _| None
);

codec!(
    Cancel,
    |_, known, seed| {
        let path = format!("/payments/{}/cancel", payment_id(known)?);
        draft(0, Moves::Money, Verb::POST, path, &json!({}), seed, Refs::new())
    },
    |_, reply| answered(reply).map(Decoded::Done),
    |_, seen| match seen.status.as_ref()? {
        Status::Canceled => Some(Fate::Applied),
        Status::Paid | Status::Authorized => Some(Fate::NotApplied),
        _ => None,
    },
    |_, _, _| None
);

codec!(
    Refund,
    |op, known, seed| {
        let body = json!({ "number": seed.number, "amount": op.money.minor() });
        let carry = Refs::new().with("number", seed.number.as_str());
        draft(0, Moves::Money, Verb::POST, format!("/payments/{}/refund", payment_id(known)?), &body, seed, carry)
    },
    |_, reply| answered(reply).map(Decoded::Done),
    |draft, seen| judge_part(&seen.refunds, draft),
    |_, draft, seen| {
        let pending = |part: &SeenPart| part.number.as_deref() == draft.carry.get("number") && !part.status.is_settled();
        seen.refunds.iter().any(pending).then(|| watch(None, WhenUp::Leave))
    }
);

fn asked(reply: &Reply) -> Result<Decoded, Failure> {
    if reply.status == StatusCode::NOT_FOUND { Ok(Decoded::Missing) } else { answered(reply).map(Decoded::Done) }
}

codec!(
    Query,
    |_, known, seed| {
        let path = payment_id(known).map_or_else(|_| format!("/payments?number={}", seed.number), |id| format!("/payments/{id}"));
        draft(0, Moves::Nothing, Verb::GET, path, &Value::Null, seed, Refs::new())
    },
    |_, reply| asked(reply),
    |_, _| None,
    |_, _, _| None
);

codec!(
    QueryRefund,
    |_, known, seed| {
        let carry = Refs::new().with("number", seed.number.as_str());
        let path = format!("/payments/{}?refund={}", payment_id(known)?, seed.number);
        draft(0, Moves::Nothing, Verb::GET, path, &Value::Null, seed, carry)
    },
    |_, reply| asked(reply),
    |_, _| None,
    |_, _, _| None
);

impl Adapter for Toy {
    fn account(&self) -> &AccountRef {
        &self.account
    }
    fn profile(&self) -> &Profile {
        &self.profile
    }
    fn charge(&self) -> &dyn Codec<Charge> {
        self
    }
    fn confirm(&self) -> Option<&dyn Codec<Confirm>> {
        Some(self)
    }
    fn capture(&self) -> Option<&dyn Codec<Capture>> {
        Some(self)
    }
    fn cancel(&self) -> Option<&dyn Codec<Cancel>> {
        Some(self)
    }
    fn reverse(&self) -> Option<&dyn Codec<Reverse>> {
        Some(self)
    }
    fn refund(&self) -> Option<&dyn Codec<Refund>> {
        Some(self)
    }
    fn query(&self) -> Option<&dyn Codec<Query>> {
        Some(self)
    }
    fn query_refund(&self) -> Option<&dyn Codec<QueryRefund>> {
        Some(self)
    }
    fn access(&self) -> Option<&dyn Access> {
        Some(self)
    }
    fn probe(&self) -> Option<&dyn Probe> {
        None
    }
    fn callbacks(&self) -> &dyn Callbacks {
        self
    }

    fn inspect(&self, _: &Granted, _: SystemTime) -> Vec<Finding> {
        Vec::new()
    }
}
