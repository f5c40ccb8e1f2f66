//! A cancel closes a trade before it is paid (`alipay.trade.close`). It never gives money back; a reversal does.

use std::time::SystemTime;

use paysluice::adapter::{
    Cancel, Codec, Decoded, Draft, Failure, Follow, Granted, Known, Moves, NotFound, Ready, Recovery, RecoveryStep, Renewal,
    Reply, Seed, Seen, Signed, Stamp,
};
use paysluice::model::{Error, ErrorKind, Fate, Status};

use crate::Alipay;
use crate::answer::{Answer, unintelligible, with_id};
use crate::codes::Call;
use crate::order::Trade;
use crate::recovery::{self, REPLAY, over};
use crate::seen::{check_trade, refs};
use crate::sign::{call, json};

impl Codec<Cancel> for Alipay {
    fn draft(&self, _: &Cancel, known: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        let trade = Trade::of(known)?;
        let draft = call(seed, "alipay.trade.close", json(&trade)?, trade.carry(known), Moves::Money)?;
        let closes_at = known.original.as_ref().and_then(|original| original.closes_at);
        Ok(Ready::Done(Draft { closes_at, ..draft }))
    }

    fn sign(&self, draft: &Draft, stamp: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        self.sign_draft(draft, stamp)
    }

    fn decode(&self, draft: &Draft, reply: &Reply, received: &Stamp, granted: &Granted) -> Result<Decoded, Failure> {
        match self.answer(Call::Close, draft, reply, received, granted)? {
            Answer::Proved(body) => {
                let node = self.node(&body, reply)?;
                let refs = check_trade(draft, &node).and_then(|()| refs(&node)).map_err(|error| with_id(error, reply))?;
                Ok(Decoded::Done(Box::new(Seen { refs, raw: body.clone(), ..Seen::status(Status::Canceled) })))
            }
            // A trade that is not there cannot be closed, and may still come to be until its time is over.
            Answer::Missing(body) if over(draft).is_some_and(|over| received.now > over) => {
                Ok(Decoded::Done(Box::new(Seen { raw: body, ..Seen::status(Status::Expired) })))
            }
            Answer::Missing(_) => {
                let why = "the trade does not exist yet: whoever has its page, order string or code can still pay, and nothing \
                           closes it before its time is over";
                let error = Error::new(ErrorKind::StillPayable, why).with_code("ACQ.TRADE_NOT_EXIST");
                Err(with_id(error.with_until(draft.closes_at), reply).into())
            }
            // Paid, or closed already: the query that follows says which.
            Answer::Seen(seen) => Ok(Decoded::Done(seen)),
            Answer::Need(want) => Ok(Decoded::Need(want)),
            Answer::Waiting(_) => Err(unintelligible(reply, "it answers another call")),
        }
    }

    fn recovery(&self, _: &Cancel, _: &Draft) -> Recovery {
        recovery::by(&[RecoveryStep::Query, REPLAY, RecoveryStep::Human], NotFound::Proof)
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
