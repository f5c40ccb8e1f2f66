//! A cancel closes an order before it is paid. The answer is the same for any number, so that only a query tells.

use std::time::SystemTime;

use paysluice::adapter::{
    Cancel, Codec, Decoded, Draft, Failure, Follow, Granted, Known, Moves, NotFound, Ready, Recovery, RecoveryStep, Refs,
    Renewal, Reply, Seed, Seen, Signed, Stamp,
};
use paysluice::model::{Error, ErrorKind, Fate, Status};

use crate::WeChatPay;
use crate::answer::{Answer, unintelligible};
use crate::codes::Call;
use crate::order::{encoded, number};
use crate::recovery::{self, BARCODE, REPLAY};
use crate::sign::{json, post};

impl Codec<Cancel> for WeChatPay {
    fn draft(&self, _: &Cancel, known: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        if known.original.as_ref().is_some_and(|original| original.product == BARCODE) {
            return Err(Error::new(ErrorKind::Unsupported, "cancel: a payment by barcode is not closed; reverse it"));
        }
        let number = number(known)?;
        let path = format!("{}/out-trade-no/{}/close", self.root(), encoded(number));
        let carry = Refs::new().with("number", number);
        post(seed, path, json(&self.merchant())?, carry, Moves::Money).map(Ready::Done)
    }

    fn sign(&self, draft: &Draft, stamp: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        self.sign_draft(draft, stamp)
    }

    /// 204 also for numbers that never were, or were closed before: it shows that it was heard, and nothing of the payment.
    fn decode(&self, draft: &Draft, reply: &Reply, received: &Stamp, granted: &Granted) -> Result<Decoded, Failure> {
        match self.answer(Call::Close, draft, reply, received, granted)? {
            Answer::Proved(body) if body.is_empty() => {
                let word = Some(reply.status.as_str().to_owned());
                Ok(Decoded::Done(Box::new(Seen { word, ..Seen::default() })))
            }
            Answer::Need(want) => Ok(Decoded::Need(want)),
            Answer::Proved(_) | Answer::Seen(_) | Answer::Missing => Err(unintelligible(reply, "it answers another call")),
        }
    }

    fn recovery(&self, _: &Cancel, _: &Draft) -> Recovery {
        recovery::by(&[RecoveryStep::Query, REPLAY, RecoveryStep::Cancel, RecoveryStep::Human], NotFound::Proof)
    }

    fn judge(&self, _: &Cancel, _: &Draft, seen: &Seen) -> Option<Fate> {
        match seen.status.as_ref()? {
            Status::Canceled | Status::Expired => Some(Fate::Applied),
            // Too late, for good.
            Status::Paid => Some(Fate::NotApplied),
            Status::Declined | Status::AwaitingPayer | Status::Processing | Status::Authorized | Status::Unrecognized(_) => None,
        }
    }

    fn follow(&self, _: &Cancel, _: &Draft, _: &Seen, _: SystemTime) -> Option<Follow> {
        None
    }

    fn renewal(&self, _: &Cancel, _: &Draft) -> Renewal {
        Renewal::Never
    }
}
