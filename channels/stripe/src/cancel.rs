//! A cancel: ends an intent before money is taken, or releases what is authorised. It never returns captured money.

use std::time::SystemTime;

use paysluice::adapter::{
    Cancel, Codec, Decoded, Draft, Failure, Follow, Granted, Known, Ready, Recovery, RecoveryStep, Renewal, Reply, Seed, Seen,
    Signed, Stamp,
};
use paysluice::model::{Error, Fate, Status};

use crate::Stripe;
use crate::answer::Answer;
use crate::charge::{doubt, stands};
use crate::confirm::{carry, intent_id};
use crate::encode::Form;
use crate::recovery::{self, REPLAY};

impl Codec<Cancel> for Stripe {
    fn draft(&self, op: &Cancel, known: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        let id = intent_id(known)?;
        // Of Stripe's four reasons (duplicate, fraudulent, requested_by_customer, abandoned) the one that accuses nobody.
        let body = Form::default().with("cancellation_reason", "abandoned").encoded();
        let carry = carry(&op.order_no, op.attempt, known, seed).with("intent", id);
        Ok(Ready::Done(self.post(seed.key_of(0)?, format!("/v1/payment_intents/{id}/cancel"), body, carry)))
    }

    fn sign(&self, draft: &Draft, _: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        self.sign_draft(draft)
    }

    /// An intent that cannot be canceled any more is shown as it stands: canceled before, or paid.
    fn decode(&self, draft: &Draft, reply: &Reply, _: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        match self.answer(draft, reply)? {
            Answer::Object(intent) => Ok(Decoded::Done(Box::new(self.intent(draft, reply, &intent)?))),
            Answer::Declined { error, seen } => Err(doubt(error).with_refs(seen.refs)),
            Answer::Stands { intent: Some(intent), .. } => stands(self.intent(draft, reply, &intent)?, reply),
            Answer::Stands { error, intent: None } => Err(doubt(error)),
        }
    }

    fn recovery(&self, _: &Cancel, _: &Draft) -> Recovery {
        // A key that keeps a 500 keeps it for a day; canceling anew under another key can only cancel.
        recovery::by(&[REPLAY, RecoveryStep::Query, RecoveryStep::Cancel, RecoveryStep::Human])
    }

    fn judge(&self, _: &Cancel, _: &Draft, seen: &Seen) -> Option<Fate> {
        match seen.status.as_ref()? {
            Status::Canceled | Status::Expired => Some(Fate::Applied),
            // Too late, for good.
            Status::Paid => Some(Fate::NotApplied),
            // A declined intent is still open, and the cancel of any other may be on its way.
            Status::Declined | Status::AwaitingPayer | Status::Processing | Status::Authorized | Status::Unrecognized(_) => None,
        }
    }

    fn follow(&self, _: &Cancel, draft: &Draft, seen: &Seen, now: SystemTime) -> Option<Follow> {
        recovery::follow_payment(draft, seen, None, now)
    }

    fn renewal(&self, _: &Cancel, _: &Draft) -> Renewal {
        Renewal::Never
    }
}
