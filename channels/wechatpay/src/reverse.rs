//! A reversal of a payment by barcode: an unpaid one is closed, the money of a paid one goes back.

use std::time::SystemTime;

use paysluice::adapter::{
    Codec, Decoded, Draft, Failure, Follow, Granted, Known, Moves, NotFound, Ready, Recovery, RecoveryStep, Refs, Renewal, Reply,
    Reverse, Seed, Seen, SeenPart, Signed, Stamp,
};
use paysluice::model::{Error, ErrorKind, Fate, PartStatus, Status};
use serde::Serialize;

use crate::WeChatPay;
use crate::answer::{Answer, unintelligible, with_id};
use crate::codes::Call;
use crate::order::{App, Merchant, encoded, number};
use crate::recovery::{self, BARCODE, REPLAY};
use crate::sign::{json, post};

#[derive(Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    app: App<'a>,
    #[serde(flatten)]
    merchant: Merchant<'a>,
}

impl Codec<Reverse> for WeChatPay {
    fn draft(&self, _: &Reverse, known: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        if known.original.as_ref().is_some_and(|original| original.product != BARCODE) {
            return Err(Error::new(ErrorKind::Unsupported, "reverse: only a payment by barcode; cancel or refund any other"));
        }
        let number = number(known)?;
        let path = format!("{}/out-trade-no/{}/reverse", self.root(), encoded(number));
        let body = json(&Body { app: self.app(), merchant: self.merchant() })?;
        let mut carry = Refs::new().with("number", number).with("part", seed.number.as_str());
        // WeChat Pay names a payment only once it is paid: then the reversal gives its money back.
        if known.refs.get("transaction").is_some() {
            carry.add("paid", "yes");
        }
        let draft = post(seed, path, body, carry, Moves::Money)?;
        let closes_at = known.original.as_ref().and_then(|original| recovery::dead(original.seed.born));
        Ok(Ready::Done(Draft { closes_at, ..draft }))
    }

    fn sign(&self, draft: &Draft, stamp: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        self.sign_draft(draft, stamp)
    }

    fn decode(&self, draft: &Draft, reply: &Reply, received: &Stamp, granted: &Granted) -> Result<Decoded, Failure> {
        let body = match self.answer(Call::Reverse, draft, reply, received, granted)? {
            Answer::Proved(body) => body,
            Answer::Need(want) => return Ok(Decoded::Need(want)),
            Answer::Seen(_) | Answer::Missing => return Err(unintelligible(reply, "it answers another call")),
        };
        let object = self.object(&body, reply)?;
        self.check_whose(&object).and_then(|()| Self::check_order(draft, &object)).map_err(|error| with_id(error, reply))?;
        let given_back = draft.carry.get("paid").and_then(|_| draft.carry.get("part")).map(|part| SeenPart {
            number: Some(part.to_owned()),
            id: None,
            money: None,
            status: PartStatus::Succeeded,
            reason: None,
        });
        let seen = Seen {
            word: Some("REVOKED".to_owned()),
            refunds: given_back.into_iter().collect(),
            raw: body.clone(),
            ..Seen::status(Status::Canceled)
        };
        Ok(Decoded::Done(Box::new(seen)))
    }

    /// "Safe to repeat until it succeeds." A payment that is not found once its code is dead never arrived: there was nothing to take
    /// back, and the reversal ends without a person.
    fn recovery(&self, _: &Reverse, draft: &Draft) -> Recovery {
        let not_found = draft.closes_at.map_or(NotFound::Nothing, NotFound::ProofAfter);
        recovery::by(&[REPLAY, RecoveryStep::Query, RecoveryStep::Human], not_found)
    }

    fn judge(&self, _: &Reverse, draft: &Draft, seen: &Seen) -> Option<Fate> {
        let part = draft.carry.get("part");
        let given_back = seen
            .refunds
            .iter()
            .any(|refund| part.is_some() && refund.number.as_deref() == part && refund.status == PartStatus::Succeeded);
        (given_back || matches!(seen.status, Some(Status::Canceled))).then_some(Fate::Applied)
    }

    fn follow(&self, _: &Reverse, _: &Draft, _: &Seen, _: SystemTime) -> Option<Follow> {
        None
    }

    fn renewal(&self, _: &Reverse, _: &Draft) -> Renewal {
        Renewal::Never
    }
}
