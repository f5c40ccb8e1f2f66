//! A reversal (冲正, 99) of a payment at a till whose result is not known; one that is known to be paid is given back.

use std::time::SystemTime;

use paysluice::adapter::{
    Codec, Decoded, Draft, Failure, Follow, Granted, Known, Moves, Ready, Recovery, Renewal, Reply, Reverse, Seed, Seen, Signed,
    Stamp,
};
use paysluice::model::{Error, ErrorKind, Fate, Status};

use crate::UnionPay;
use crate::answer::{Answer, carried, unread};
use crate::codes::{Call, shown};
use crate::order::biz_type;
use crate::profile::QUERY_ID;
use crate::recovery::{self, BARCODE, ours};
use crate::refund::judge_part;
use crate::sign::{BACK, Trade, draft};

const TYPES: &[&str] = &["99"];

impl Codec<Reverse> for UnionPay {
    /// "Only of a back-type payment that timed out or whose result is not known, on the same clearing day; of a known success, revoke
    /// or refund." A reversal has the number and the time of what it undoes.
    fn draft(&self, _: &Reverse, known: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        let original = known.original.as_ref().filter(|original| original.product == BARCODE).ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                "reverse: only a payment by barcode; any other ends by its payTimeout, or is refunded",
            )
        })?;
        if known.refs.get(QUERY_ID).is_some() {
            return self.back(original.money, None, known, seed).map(Ready::Done);
        }
        let trade = Trade::of(&original.seed)?;
        let fields = self.common(&trade, ("99", "01"), &biz_type(known), "08");
        let draft = draft(seed, BACK, Moves::Money, fields, carried(&trade))?;
        Ok(Ready::Done(Draft { closes_at: original.closes_at, ..draft }))
    }

    fn sign(&self, draft: &Draft, _: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        self.send_draft(draft)
    }

    fn decode(&self, draft: &Draft, reply: &Reply, received: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        if gives_back(draft) {
            return self.given_back(draft, reply, received);
        }
        match self.answer(Call::Reverse, TYPES, draft, reply, received)? {
            Answer::Good(message) => {
                let word = message.fields.text("respCode").map(shown);
                Ok(Decoded::Done(Box::new(Seen { word, raw: reply.body.clone(), ..Seen::status(Status::Canceled) })))
            }
            Answer::Declined(_) | Answer::Missing => Err(unread("answer to a reversal").into()),
        }
    }

    fn recovery(&self, _: &Reverse, draft: &Draft) -> Recovery {
        recovery::reverse(draft)
    }

    fn judge(&self, _: &Reverse, draft: &Draft, seen: &Seen) -> Option<Fate> {
        if gives_back(draft) {
            return judge_part(draft, seen);
        }
        // A payment that failed has nothing to be undone. One that is paid says nothing: the reversal may be on its way.
        matches!(seen.status, Some(Status::Canceled | Status::Declined | Status::Expired)).then_some(Fate::Applied)
    }

    fn follow(&self, _: &Reverse, draft: &Draft, seen: &Seen, _: SystemTime) -> Option<Follow> {
        recovery::follow_refund(ours(draft, seen)?)
    }

    fn renewal(&self, _: &Reverse, _: &Draft) -> Renewal {
        Renewal::Never
    }
}

/// Whether it is a refund or a revoke, with a number of its own.
fn gives_back(draft: &Draft) -> bool {
    draft.carry.get("part").is_some()
}
