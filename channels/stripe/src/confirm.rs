//! A confirm after the payer came back: read the intent, and confirm it again only if it still asks for that.

use std::time::SystemTime;

use paysluice::adapter::{
    Codec, Confirm, Decoded, Draft, Failure, Follow, Granted, Known, Ready, Recovery, RecoveryStep, Refs, Renewal, Reply, Seed,
    Seen, Signed, Stamp,
};
use paysluice::model::{AttemptNo, Error, ErrorKind, Fate, Invalid, OrderNo};

use crate::Stripe;
use crate::answer::{Answer, with_id};
use crate::charge::{doubt, later_key, stands};
use crate::objects::is_id;
use crate::recovery::{self, REPLAY};

impl Codec<Confirm> for Stripe {
    fn draft(&self, op: &Confirm, known: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        let id = intent_id(known)?;
        // The address of the return proves nothing: of what came back, only a contradiction is of use.
        if op.data.get("payment_intent").is_some_and(|theirs| theirs != id) {
            return Err(Invalid::new("data.payment_intent", "this attempt's intent").into());
        }
        let carry = carry(&op.order_no, op.attempt, known, seed).with("intent", id);
        self.get(seed, 0, format!("/v1/payment_intents/{id}"), carry).map(Ready::Done)
    }

    fn sign(&self, draft: &Draft, _: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        self.sign_draft(draft)
    }

    fn decode(&self, draft: &Draft, reply: &Reply, _: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        let seen = match self.answer(draft, reply)? {
            Answer::Object(intent) => self.intent(draft, reply, &intent)?,
            Answer::Declined { seen, .. } => return Ok(Decoded::Done(seen)),
            Answer::Stands { intent: Some(intent), .. } => return stands(self.intent(draft, reply, &intent)?, reply),
            Answer::Stands { error, intent: None } => return Err(doubt(error)),
        };
        if seen.word.as_deref() != Some("requires_confirmation") {
            return Ok(Decoded::Done(Box::new(seen)));
        }
        if draft.step > 0 {
            let error = Error::new(ErrorKind::Doubtful, "the confirm was answered with an intent that is not confirmed");
            return Err(Failure::last(with_id(error, reply)).with_refs(seen.refs));
        }
        let id = draft.carry.get("intent").unwrap_or_default();
        let path = format!("/v1/payment_intents/{id}/confirm");
        let next = Draft { step: 1, ..self.post(later_key(draft, 1)?, path, String::new(), draft.carry.clone()) };
        Ok(Decoded::Then { draft: Box::new(next), seen: Box::new(seen) })
    }

    fn recovery(&self, _: &Confirm, draft: &Draft) -> Recovery {
        match draft.step {
            0 => recovery::by(&[REPLAY, RecoveryStep::Query]),
            _ => recovery::by(&[REPLAY, RecoveryStep::Query, RecoveryStep::Cancel]),
        }
    }

    fn judge(&self, _: &Confirm, _: &Draft, seen: &Seen) -> Option<Fate> {
        recovery::judge_payment(seen)
    }

    fn follow(&self, _: &Confirm, draft: &Draft, seen: &Seen, now: SystemTime) -> Option<Follow> {
        recovery::follow_payment(draft, seen, None, now)
    }

    fn renewal(&self, _: &Confirm, _: &Draft) -> Renewal {
        Renewal::Query
    }
}

/// The intent that an operation is about. It goes into a path, so it must be an id and nothing else.
pub(crate) fn intent_id(known: &Known) -> Result<&str, Error> {
    match known.refs.get("intent") {
        Some(id) if is_id("pi_", id) => Ok(id),
        Some(_) => Err(Invalid::new("refs.intent", "an id of a payment intent, pi_…").into()),
        None => Err(Error::new(ErrorKind::NotNow, "Stripe has not told the id of this payment's intent yet")
            .with_cause("the charge's first step must be answered, or repeated, before anything else can be said of it")),
    }
}

/// What the answers to an operation are checked against.
pub(crate) fn carry(order: &OrderNo, attempt: Option<AttemptNo>, known: &Known, seed: &Seed) -> Refs {
    let born = known.original.as_ref().map_or(seed.born, |original| original.seed.born);
    let carry = Refs::new().with("seed", seed.key.as_str()).with("born", recovery::seconds(born).to_string());
    // An adopted payment was made by others, under their own metadata.
    match known.original.as_ref() {
        Some(original) => carry.with("order", order.as_str()).with("attempt", attempt.unwrap_or(original.attempt).to_string()),
        None => carry,
    }
}
