//! A capture: all or part of what is authorised, the rest released unless it is kept.

use std::time::SystemTime;

use paysluice::adapter::{
    Capture, Codec, Decoded, Draft, Failure, Follow, Granted, Known, Ready, Recovery, RecoveryStep, Renewal, Reply, Seed, Seen,
    SeenPart, Signed, Stamp,
};
use paysluice::model::{Error, Fate, Money, PartStatus, Status};

use crate::Stripe;
use crate::answer::Answer;
use crate::charge::doubt;
use crate::confirm::{carry, intent_id};
use crate::encode::Form;
use crate::recovery::{self, REPLAY};

impl Codec<Capture> for Stripe {
    fn draft(&self, op: &Capture, known: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        let id = intent_id(known)?;
        let amount = self.parts.to_provider(op.money)?;
        // The number is written together with the capture, so that the intent itself tells which capture came last.
        let body = Form::default()
            .with("amount_to_capture", amount)
            .maybe("final_capture", (!op.last).then_some(false))
            .with("metadata[paysluice_capture]", seed.number.as_str())
            .encoded();
        let carry = carry(&op.order_no, op.attempt, known, seed)
            .with("intent", id)
            .with("number", seed.number.as_str())
            .with("asked", recovery::seconds(seed.born).to_string())
            .with("amount", amount.to_string());
        Ok(Ready::Done(self.post(seed.key_of(0)?, format!("/v1/payment_intents/{id}/capture"), body, carry)))
    }

    fn sign(&self, draft: &Draft, _: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        self.sign_draft(draft)
    }

    fn decode(&self, draft: &Draft, reply: &Reply, _: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        match self.answer(draft, reply)? {
            Answer::Object(intent) => {
                let mut seen = self.intent(draft, reply, &intent)?;
                self.book(draft, &mut seen);
                Ok(Decoded::Done(Box::new(seen)))
            }
            Answer::Declined { error, seen } => Err(Failure::last(error).with_refs(seen.refs)),
            // Captured already: by this number, or by another hand.
            Answer::Stands { error, intent: Some(intent) } => {
                let seen = self.intent(draft, reply, &intent)?;
                if ours(draft, &seen).is_some() {
                    return Ok(Decoded::Done(Box::new(seen)));
                }
                Err(Failure::last(error).with_refs(seen.refs))
            }
            Answer::Stands { error, intent: None } => Err(doubt(error)),
        }
    }

    fn recovery(&self, _: &Capture, draft: &Draft) -> Recovery {
        recovery::by_until_proved_absent(&[REPLAY, RecoveryStep::Query, RecoveryStep::Human], draft)
    }

    /// Only the capture's own number proves it: the sum may be another's.
    fn judge(&self, _: &Capture, draft: &Draft, seen: &Seen) -> Option<Fate> {
        match (ours(draft, seen).map(|part| part.status.holds_money()), &seen.status) {
            (Some(true), _) => Some(Fate::Applied),
            (Some(false), _) => Some(Fate::NotApplied),
            (None, Some(Status::Canceled | Status::Expired)) if seen.captured.is_none_or(Money::is_zero) => {
                Some(Fate::NotApplied)
            }
            (None, _) => None,
        }
    }

    fn follow(&self, _: &Capture, draft: &Draft, seen: &Seen, now: SystemTime) -> Option<Follow> {
        recovery::follow_payment(draft, seen, None, now)
    }

    fn renewal(&self, _: &Capture, _: &Draft) -> Renewal {
        Renewal::Never
    }
}

impl Stripe {
    /// The answer to a capture is about this capture: with its amount, done unless the intent is still at work.
    fn book(&self, draft: &Draft, seen: &mut Seen) {
        let status = match &seen.status {
            Some(Status::Paid | Status::Authorized) => PartStatus::Succeeded,
            Some(Status::Processing) => PartStatus::Pending,
            _ => PartStatus::Unrecognized(seen.word.clone().unwrap_or_default()),
        };
        let amount = draft.carry.get("amount").and_then(|amount| amount.parse().ok());
        let currency = seen.money.map(Money::currency);
        let money = amount.zip(currency).and_then(|(amount, currency)| self.profile.from_provider(amount, currency).ok());
        seen.captures = vec![SeenPart {
            number: draft.carry.get("number").map(ToOwned::to_owned),
            id: seen.refs.get("charge").map(ToOwned::to_owned),
            money,
            status,
            reason: None,
        }];
    }
}

fn ours<'a>(draft: &Draft, seen: &'a Seen) -> Option<&'a SeenPart> {
    let number = draft.carry.get("number")?;
    seen.captures.iter().find(|part| part.number.as_deref() == Some(number))
}
