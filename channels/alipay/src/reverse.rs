//! A reversal (`alipay.trade.cancel`): an unpaid trade is closed, all the money of a paid one goes back.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use paysluice::adapter::{
    Again, Codec, Decoded, Draft, Failure, Follow, Granted, Known, Moves, NotFound, Ready, Recovery, RecoveryStep, Renewal,
    Reply, Reverse, Seed, Seen, Signed, Stamp,
};
use paysluice::model::{Error, ErrorKind, Fate, Money, PartStatus, Status};

use crate::Alipay;
use crate::answer::{Answer, unintelligible, with_id};
use crate::codes::Call;
use crate::order::Trade;
use crate::recovery::{self, BARCODE, REPLAY, over};
use crate::seen::{check_trade, given, part, refs};
use crate::sign::{call, json};

/// How long to wait for a trade that is not there to turn up.
const NOT_THERE: Duration = Duration::from_secs(5);

impl Codec<Reverse> for Alipay {
    fn draft(&self, _: &Reverse, known: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        if known.original.as_ref().is_some_and(|original| ![BARCODE, "qr"].contains(&original.product.as_str())) {
            let why = "reverse: only a payment by barcode or QR code; cancel or refund any other";
            return Err(Error::new(ErrorKind::Unsupported, why));
        }
        let trade = Trade::of(known)?;
        let carry = trade.carry(known).with("part", seed.number.as_str());
        let draft = call(seed, "alipay.trade.cancel", json(&trade)?, carry, Moves::Money)?;
        let closes_at = known.original.as_ref().and_then(|original| original.closes_at);
        Ok(Ready::Done(Draft { closes_at, ..draft }))
    }

    fn sign(&self, draft: &Draft, stamp: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        self.sign_draft(draft, stamp)
    }

    fn decode(&self, draft: &Draft, reply: &Reply, received: &Stamp, granted: &Granted) -> Result<Decoded, Failure> {
        let body = match self.answer(Call::Reverse, draft, reply, received, granted)? {
            Answer::Proved(body) => body,
            Answer::Missing(body) => return not_there(draft, reply, received, body),
            Answer::Need(want) => return Ok(Decoded::Need(want)),
            Answer::Seen(_) | Answer::Waiting(_) => return Err(unintelligible(reply, "it answers another call")),
        };
        let node = self.node(&body, reply)?;
        let again = Again::SameKey { after: None, invalidate: None };
        let seen = match (given(node.action.as_ref()), given(node.retry_flag.as_ref())) {
            (_, Some("Y")) => {
                let error = Error::new(ErrorKind::Doubtful, "Alipay asks for the same reversal again (retry_flag Y)");
                return Err(Failure::again(with_id(error, reply), again));
            }
            // "Not returned: no trade was found, or the call failed."
            (None, _) => return not_there(draft, reply, received, body.clone()),
            (Some("close"), _) => Seen::status(Status::Canceled),
            (Some("refund"), _) => given_back(draft),
            (Some(_), _) => return Err(unintelligible(reply, "it has an action that is neither close nor refund")),
        };
        let refs = check_trade(draft, &node).and_then(|()| refs(&node)).map_err(|error| with_id(error, reply))?;
        let word = given(node.action.as_ref()).map(str::to_owned);
        Ok(Decoded::Done(Box::new(Seen { word, refs, raw: body.clone(), ..seen })))
    }

    fn recovery(&self, _: &Reverse, _: &Draft) -> Recovery {
        recovery::by(&[REPLAY, RecoveryStep::Query, RecoveryStep::Human], NotFound::Nothing)
    }

    fn judge(&self, _: &Reverse, draft: &Draft, seen: &Seen) -> Option<Fate> {
        let part = draft.carry.get("part");
        let given_back = seen
            .refunds
            .iter()
            .any(|refund| part.is_some() && refund.number.as_deref() == part && refund.status == PartStatus::Succeeded);
        (given_back || matches!(seen.status, Some(Status::Canceled | Status::Expired))).then_some(Fate::Applied)
    }

    fn follow(&self, _: &Reverse, _: &Draft, _: &Seen, _: SystemTime) -> Option<Follow> {
        None
    }

    fn renewal(&self, _: &Reverse, _: &Draft) -> Renewal {
        Renewal::Never
    }
}

/// It was paid, and all of it went back.
fn given_back(draft: &Draft) -> Seen {
    let money: Option<Money> = draft.carry.get("money").and_then(|money| money.parse().ok());
    let number = draft.carry.get("part").unwrap_or_default();
    let refunds = vec![part(number, money, PartStatus::Succeeded)];
    Seen { money, captured: money, refunded: money, refunds, ..Seen::status(Status::Paid) }
}

/// No trade, and so nothing to take back; but what was sent may still arrive, until the time that it named is over.
fn not_there(draft: &Draft, reply: &Reply, received: &Stamp, body: Bytes) -> Result<Decoded, Failure> {
    if over(draft).is_some_and(|over| received.now > over) {
        return Ok(Decoded::Done(Box::new(Seen { raw: body, ..Seen::status(Status::Expired) })));
    }
    let error = Error::new(ErrorKind::Doubtful, "Alipay finds no trade to take back; it may still turn up");
    Err(Failure::again(with_id(error, reply), Again::SameKey { after: Some(NOT_THERE), invalidate: None }))
}
