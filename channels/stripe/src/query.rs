//! Questions: how a payment stands, and how a refund stands.

use std::time::SystemTime;

use paysluice::adapter::{
    Codec, Decoded, Draft, Failure, Follow, Granted, Known, NotFound, Query, QueryRefund, Ready, Recovery, RecoveryStep, Refs,
    Renewal, Reply, Seed, Seen, Signed, Stamp,
};
use paysluice::model::{Error, ErrorKind, Fate};

use crate::Stripe;
use crate::answer::{Answer, unintelligible, with_id};
use crate::charge::{doubt, later_key};
use crate::confirm::{carry, intent_id};
use crate::objects::{Page, is_id};
use crate::recovery::{self, REPLAY};
use crate::refund::{follow_refund, ours};
use crate::seen::refund_ref;
use crate::sign::known_format;

/// Pages of 100 refunds that one question reads at most. Stripe's payments have a handful.
const PAGES: u8 = 20;

impl Codec<Query> for Stripe {
    fn draft(&self, op: &Query, known: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        let id = intent_id(known)?;
        let carry = carry(&op.order_no, op.attempt, known, seed).with("intent", id);
        self.get(seed, 0, format!("/v1/payment_intents/{id}?expand[]=latest_charge"), carry).map(Ready::Done)
    }

    fn sign(&self, draft: &Draft, _: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        self.sign_draft(draft)
    }

    /// Never [`Decoded::Missing`]: Stripe gave us the id, so an intent it does not know is a wrong key or a wrong mode.
    fn decode(&self, draft: &Draft, reply: &Reply, _: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        match self.answer(draft, reply)? {
            Answer::Object(intent) => Ok(Decoded::Done(Box::new(self.intent(draft, reply, &intent)?))),
            Answer::Declined { error, .. } | Answer::Stands { error, .. } => Err(doubt(error)),
        }
    }

    fn recovery(&self, _: &Query, _: &Draft) -> Recovery {
        recovery::by(&[RecoveryStep::Query])
    }

    fn judge(&self, _: &Query, _: &Draft, _: &Seen) -> Option<Fate> {
        None
    }

    fn follow(&self, _: &Query, draft: &Draft, seen: &Seen, now: SystemTime) -> Option<Follow> {
        recovery::follow_payment(draft, seen, None, now)
    }

    fn renewal(&self, _: &Query, _: &Draft) -> Renewal {
        Renewal::Query
    }
}

impl Codec<QueryRefund> for Stripe {
    fn draft(&self, op: &QueryRefund, known: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        let intent = intent_id(known)?;
        let number = known.part_number.as_ref().map_or(op.refund_no.as_str(), |number| number.as_str());
        let carry = carry(&op.order_no, op.attempt, known, seed).with("intent", intent).with("number", number);
        let path = match known.refs.get(&refund_ref(number)) {
            Some(id) if is_id("re_", id) || is_id("pyr_", id) => format!("/v1/refunds/{id}"),
            _ => list(intent, None),
        };
        self.get(seed, 0, path, carry).map(Ready::Done)
    }

    fn sign(&self, draft: &Draft, _: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        self.sign_draft(draft)
    }

    fn decode(&self, draft: &Draft, reply: &Reply, _: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        known_format(draft)?;
        if reply.status.as_u16() == 200 && draft.path.contains('?') {
            return self.find(draft, reply);
        }
        match self.answer(draft, reply)? {
            Answer::Object(refund) => Ok(Decoded::Done(Box::new(self.refund_of(draft, reply, &refund)?))),
            Answer::Declined { error, .. } | Answer::Stands { error, .. } => Err(doubt(error)),
        }
    }

    fn recovery(&self, _: &QueryRefund, _: &Draft) -> Recovery {
        Recovery { not_found: NotFound::Nothing, ..recovery::by(&[REPLAY]) }
    }

    fn judge(&self, _: &QueryRefund, _: &Draft, _: &Seen) -> Option<Fate> {
        None
    }

    fn follow(&self, _: &QueryRefund, draft: &Draft, seen: &Seen, _: SystemTime) -> Option<Follow> {
        follow_refund(ours(draft, seen)?)
    }

    fn renewal(&self, _: &QueryRefund, _: &Draft) -> Renewal {
        Renewal::Never
    }
}

impl Stripe {
    /// Looks for the refund of our number on this page, and on the next if there is one.
    fn find(&self, draft: &Draft, reply: &Reply) -> Result<Decoded, Failure> {
        let page: Page<'_> = serde_json::from_slice(&reply.body).map_err(|error| unintelligible(reply, &error.to_string()))?;
        let intent = draft.carry.get("intent").unwrap_or_default();
        let foreign =
            |refund: &crate::objects::Object<'_>| refund.payment_intent.as_ref().and_then(|link| link.id()) != Some(intent);
        if &*page.object != "list" || page.data.iter().any(foreign) {
            return Err(unintelligible(reply, "it is not the list of this payment's refunds"));
        }
        let number = draft.carry.get("number");
        let found = page.data.iter().find(|refund| {
            number.is_some() && refund.metadata.as_ref().and_then(|metadata| metadata.paysluice_refund.as_deref()) == number
        });
        if let Some(refund) = found {
            return Ok(Decoded::Done(Box::new(self.refund_of(draft, reply, refund)?)));
        }
        if !page.has_more {
            return Ok(Decoded::Missing);
        }
        let last = page.data.last().and_then(|refund| refund.id.as_deref()).filter(|id| is_id("re_", id) || is_id("pyr_", id));
        let (Some(last), Some(step)) = (last, draft.step.checked_add(1).filter(|step| *step < PAGES)) else {
            let error = Error::new(ErrorKind::Doubtful, "the list of this payment's refunds has no end");
            return Err(Failure::last(with_id(error, reply)));
        };
        let next = Draft { step, path: list(intent, Some(last)), key: later_key(draft, step)?, ..draft.clone() };
        Ok(Decoded::Then { draft: Box::new(next), seen: Box::new(Seen { refs: Refs::new(), ..Seen::default() }) })
    }
}

/// A page of an intent's refunds. The ids were checked before.
fn list(intent: &str, after: Option<&str>) -> String {
    let after = after.map(|id| format!("&starting_after={id}")).unwrap_or_default();
    format!("/v1/refunds?payment_intent={intent}&limit=100{after}")
}
