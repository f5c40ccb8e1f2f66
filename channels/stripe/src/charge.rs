//! A charge in two steps: create the intent unconfirmed, then confirm it under its own key.

use std::time::SystemTime;

use paysluice::adapter::{
    Again, CaptureMode, Charge, Codec, Decoded, Draft, Failure, Follow, Granted, Known, Method, Moves, Ready, Recovery,
    RecoveryStep, Refs, Renewal, Reply, Seed, Seen, Signed, Stamp,
};
use paysluice::model::{Error, ErrorKind, Fate, IdempotencyKey, Invalid, Money, ProviderNo, Status};

use crate::Stripe;
use crate::answer::{Answer, unintelligible, with_id};
use crate::encode::Form;
use crate::fields::{extra, metadata, method_fields};
use crate::objects::is_id;
use crate::recovery::{self, REPLAY};
use crate::seen::{CLIENT, plain_reason};

impl Codec<Charge> for Stripe {
    fn draft(&self, op: &Charge, known: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        let amount = self.profile.to_provider(op.money)?;
        let client = op.method == Method::Client;
        let (creating, confirming) = method_fields(op)?;
        let (early, late) = extra(op, client)?;
        let metadata = metadata(op)?;
        let confirm = confirming.all(late).encoded();
        let carry = Refs::new()
            .with("order", op.order_no.as_str())
            .with("attempt", op.attempt.to_string())
            .with("seed", seed.key.as_str())
            .with("born", recovery::seconds(seed.born).to_string())
            .with("amount", amount.to_string())
            .with("currency", op.money.currency().lower())
            .with("method", op.method.kind())
            .with("confirm", confirm);
        // An attempt has one intent, ever: a repeat after a proved refusal goes on with it.
        if let Some(id) = known.refs.get("intent") {
            return self.again(id, client, seed, carry).map(Ready::Done);
        }
        let body = Form::default()
            .with("amount", amount)
            .with("currency", op.money.currency().lower())
            .with("capture_method", if op.capture == CaptureMode::Later { "manual" } else { "automatic" })
            .maybe("description", op.description.as_deref())
            .append(creating)
            .append(metadata)
            .all(early)
            .encoded();
        let mut draft = self.post(seed.key_of(0)?, "/v1/payment_intents".to_owned(), body, carry);
        // An unconfirmed intent takes no money unless somebody holds its client secret.
        draft.moves = if client { Moves::Money } else { Moves::Nothing };
        Ok(Ready::Done(draft))
    }

    fn sign(&self, draft: &Draft, _: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        self.sign_draft(draft)
    }

    fn decode(&self, draft: &Draft, reply: &Reply, _: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        let confirmed = draft.step > 0;
        let mut seen = match self.answer(draft, reply)? {
            Answer::Object(intent) => self.intent(draft, reply, &intent)?,
            Answer::Declined { seen, .. } => return Ok(Decoded::Done(seen)),
            Answer::Stands { intent: Some(intent), .. } if confirmed => {
                return stands(self.intent(draft, reply, &intent)?, reply);
            }
            Answer::Stands { error, .. } => return Err(doubt(error)),
        };
        same_money(draft, reply, &seen, self)?;
        let untouched = seen.status.is_none();
        if draft.carry.get("method") == Some(CLIENT) {
            return Ok(Decoded::Done(Box::new(seen)));
        }
        if !confirmed && untouched {
            let id = seen.refs.get("intent").unwrap_or_default().to_owned();
            let next = self.confirming(&id, draft)?;
            return Ok(Decoded::Then { draft: Box::new(next), seen: Box::new(seen) });
        }
        if confirmed && untouched {
            if seen.word.as_deref() != Some("requires_payment_method") {
                let error = Error::new(ErrorKind::Doubtful, "the confirm was answered with an intent that is not confirmed");
                return Err(Failure::last(with_id(error, reply)).with_refs(seen.refs));
            }
            // Of `requires_payment_method` after a confirm: the means of payment was refused and taken off the intent.
            seen.status = Some(Status::Declined);
            seen.reason = Some(plain_reason("requires_payment_method"));
        }
        Ok(Decoded::Done(Box::new(seen)))
    }

    fn recovery(&self, _: &Charge, draft: &Draft) -> Recovery {
        match (draft.step, draft.carry.get("method")) {
            (0, Some(CLIENT)) if draft.carry.get("intent").is_none() => {
                recovery::by(&[REPLAY, RecoveryStep::Callback, RecoveryStep::Human])
            }
            (0, Some(CLIENT)) => recovery::by(&[RecoveryStep::Query, RecoveryStep::Cancel, RecoveryStep::Human]),
            // It moves nothing, and without its answer nobody knows its id: it is made again or left to lie.
            (0, _) => recovery::by(&[REPLAY]),
            _ => recovery::by(&[REPLAY, RecoveryStep::Query, RecoveryStep::Cancel]),
        }
    }

    fn judge(&self, _: &Charge, draft: &Draft, seen: &Seen) -> Option<Fate> {
        let _ = draft;
        recovery::judge_payment(seen)
    }

    fn follow(&self, op: &Charge, draft: &Draft, seen: &Seen, now: SystemTime) -> Option<Follow> {
        recovery::follow_payment(draft, seen, op.charge_by, now)
    }

    fn renewal(&self, _: &Charge, _: &Draft) -> Renewal {
        Renewal::Query
    }
}

impl Stripe {
    /// Goes on with an intent that an earlier generation of the same attempt made.
    fn again(&self, id: &str, client: bool, seed: &Seed, carry: Refs) -> Result<Draft, Error> {
        if !is_id("pi_", id) {
            return Err(Invalid::new("refs.intent", "an id of a payment intent, pi_…").into());
        }
        if client {
            let mut draft = self.get(seed, 0, format!("/v1/payment_intents/{id}"), carry.with("intent", id))?;
            // The answer is the client secret, with which the payer can pay.
            draft.moves = Moves::Money;
            return Ok(draft);
        }
        let before = self.post(seed.key_of(0)?, String::new(), String::new(), carry);
        self.confirming(id, &before)
    }

    /// The step that takes the money.
    fn confirming(&self, id: &str, before: &Draft) -> Result<Draft, Error> {
        let body = before.carry.get("confirm").unwrap_or_default().to_owned();
        // Later steps need nothing of what confirms, which may let its bearer pay.
        let carry = before.carry.iter().filter(|(name, _)| *name != "confirm");
        let carry = carry.fold(Refs::new(), |carry, (name, value)| carry.with(name, value)).with("intent", id);
        let key = later_key(before, 1)?;
        Ok(Draft { step: 1, ..self.post(key, format!("/v1/payment_intents/{id}/confirm"), body, carry) })
    }
}

/// The key of a later step, from the key the draft carries of its seed.
pub(crate) fn later_key(draft: &Draft, step: u8) -> Result<IdempotencyKey, Error> {
    let lost = || Error::new(ErrorKind::Doubtful, "the draft does not carry the key of its seed");
    let key = IdempotencyKey::new(draft.carry.get("seed").ok_or_else(lost)?)?;
    Seed { number: ProviderNo::new("later-step")?, key, born: std::time::UNIX_EPOCH }.key_of(step)
}

/// This call did nothing, since the intent stands elsewhere already: where, the answer says.
pub(crate) fn stands(seen: Seen, reply: &Reply) -> Result<Decoded, Failure> {
    if seen.status.is_some() {
        return Ok(Decoded::Done(Box::new(seen)));
    }
    let error = Error::new(ErrorKind::Doubtful, "refused for the intent's state, which shows nothing");
    Err(Failure::last(with_id(error, reply)).with_refs(seen.refs))
}

/// A refusal for a state that the answer does not show: only a query tells.
pub(crate) fn doubt(error: Error) -> Failure {
    let code = error.code().unwrap_or_default().to_owned();
    let id = error.request_id().map(ToOwned::to_owned);
    let doubtful = Error::new(ErrorKind::Doubtful, error.message()).with_code(code).with_request_id(id);
    Failure::again(doubtful, Again::No)
}

/// An intent of other money than was asked for is not confirmed. Once confirmed, it is told as it is.
fn same_money(draft: &Draft, reply: &Reply, seen: &Seen, stripe: &Stripe) -> Result<(), Failure> {
    let ours: Option<Money> = draft
        .carry
        .get("amount")
        .and_then(|amount| amount.parse().ok())
        .and_then(|amount| stripe.money(amount, draft.carry.get("currency")).ok());
    if draft.step == 0 && seen.money != ours {
        return Err(unintelligible(reply, "the intent is for other money than was asked"));
    }
    Ok(())
}
