//! A refund: of a part or of all, found again by the number in its metadata.

use std::time::{Duration, SystemTime};

use paysluice::adapter::{
    Codec, Decoded, Draft, Failure, Follow, Granted, Known, Ready, Recovery, RecoveryStep, Refund, Renewal, Reply, Seed, Seen,
    SeenPart, Signed, Stamp, WhenUp,
};
use paysluice::model::{Error, Fate, Invalid, PartStatus};

use crate::Stripe;
use crate::answer::{Answer, unintelligible, with_id};
use crate::charge::doubt;
use crate::confirm::{carry, intent_id};
use crate::encode::Form;
use crate::objects::Object;
use crate::recovery::{self, REPLAY};

/// Stripe's own words for a reason. Anything else is kept in the metadata.
const REASONS: [&str; 3] = ["duplicate", "fraudulent", "requested_by_customer"];

impl Codec<Refund> for Stripe {
    fn draft(&self, op: &Refund, known: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        let id = intent_id(known)?;
        let amount = self.parts.to_provider(op.money)?;
        let (word, text) = match op.reason.as_deref() {
            Some(reason) if REASONS.contains(&reason) => (Some(reason), None),
            Some(reason) if reason.chars().count() > 500 => return Err(Invalid::new("reason", "at most 500 characters").into()),
            text => (None, text),
        };
        let carry = carry(&op.order_no, op.attempt, known, seed)
            .with("intent", id)
            .with("number", seed.number.as_str())
            .with("asked", recovery::seconds(seed.born).to_string())
            .with("amount", amount.to_string())
            .with("currency", op.money.currency().lower());
        let body = Form::default()
            .with("payment_intent", id)
            .with("amount", amount)
            .maybe("reason", word)
            .with("metadata[paysluice_refund]", seed.number.as_str())
            .maybe("metadata[paysluice_order]", carry.get("order"))
            .maybe("metadata[paysluice_attempt]", carry.get("attempt"))
            .maybe("metadata[paysluice_reason]", text)
            .encoded();
        Ok(Ready::Done(self.post(seed.key_of(0)?, "/v1/refunds".to_owned(), body, carry)))
    }

    fn sign(&self, draft: &Draft, _: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        self.sign_draft(draft)
    }

    fn decode(&self, draft: &Draft, reply: &Reply, _: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        match self.answer(draft, reply)? {
            Answer::Object(refund) => {
                let seen = self.refund_of(draft, reply, &refund)?;
                Ok(Decoded::Done(Box::new(seen)))
            }
            Answer::Declined { error, seen } => Err(Failure::last(error).with_refs(seen.refs)),
            // `charge_already_refunded`: by other hands, since the same key would have been answered with its own refund.
            Answer::Stands { error, .. } if error.code() == Some("charge_already_refunded") => Err(Failure::last(error)),
            Answer::Stands { error, .. } => Err(doubt(error)),
        }
    }

    /// A list of an intent's refunds is read to its end. When the key is dead, a request that is not in it cannot be on its way.
    fn recovery(&self, _: &Refund, draft: &Draft) -> Recovery {
        recovery::by_until_proved_absent(&[REPLAY, RecoveryStep::Query, RecoveryStep::Human], draft)
    }

    fn judge(&self, _: &Refund, draft: &Draft, seen: &Seen) -> Option<Fate> {
        ours(draft, seen).map(|part| if part.status.holds_money() { Fate::Applied } else { Fate::NotApplied })
    }

    fn follow(&self, _: &Refund, draft: &Draft, seen: &Seen, _: SystemTime) -> Option<Follow> {
        follow_refund(ours(draft, seen)?)
    }

    fn renewal(&self, _: &Refund, _: &Draft) -> Renewal {
        Renewal::Never
    }
}

impl Stripe {
    /// Reads an answer that must be this draft's refund.
    pub(crate) fn refund_of(&self, draft: &Draft, reply: &Reply, refund: &Object<'_>) -> Result<Seen, Failure> {
        if refund.object.as_deref() != Some("refund") {
            return Err(unintelligible(reply, "it is not a refund"));
        }
        let seen = self.see_refund(refund, reply.body.clone()).map_err(|error| with_id(error, reply))?;
        if seen.refs.get("intent") != draft.carry.get("intent") {
            return Err(unintelligible(reply, "the refund is another payment's"));
        }
        let order = refund.metadata.as_ref().and_then(|metadata| metadata.paysluice_order.as_deref());
        if order.zip(draft.carry.get("order")).is_some_and(|(theirs, ours)| theirs != ours) {
            return Err(unintelligible(reply, "the refund is another order's"));
        }
        if ours(draft, &seen).is_none() {
            return Err(unintelligible(reply, "the refund has another number"));
        }
        let asked = draft.carry.get("amount").and_then(|amount| amount.parse().ok());
        if let Some(amount) = asked {
            let money = self.money(amount, draft.carry.get("currency")).ok();
            if seen.refunds.first().and_then(|part| part.money) != money {
                return Err(unintelligible(reply, "the refund is of other money than was asked"));
            }
        }
        Ok(seen)
    }
}

/// The refund of the draft's number.
pub(crate) fn ours<'a>(draft: &Draft, seen: &'a Seen) -> Option<&'a SeenPart> {
    let number = draft.carry.get("number")?;
    seen.refunds.iter().find(|part| part.number.as_deref() == Some(number))
}

/// Pending refunds take the bank's time. One that succeeded may still fail, which only a callback tells.
pub(crate) fn follow_refund(part: &SeenPart) -> Option<Follow> {
    match part.status {
        PartStatus::Succeeded | PartStatus::Failed | PartStatus::Canceled => None,
        PartStatus::Pending | PartStatus::NeedsAction | PartStatus::Unrecognized(_) => {
            let cadence = [60, 3600, 6 * 3600, 24 * 3600].map(Duration::from_secs).to_vec();
            Some(Follow { cadence, until: None, then: WhenUp::Leave })
        }
    }
}
