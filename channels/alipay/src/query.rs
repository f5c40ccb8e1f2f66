//! Questions: how a payment stands, by either number, and how a refund stands.

use std::time::SystemTime;

use paysluice::adapter::{
    Codec, Decoded, Draft, Failure, Follow, Granted, Known, Moves, NotFound, Query, QueryRefund, Ready, Recovery, RecoveryStep,
    Renewal, Reply, Seed, Seen, Signed, Stamp,
};
use paysluice::model::{Error, Fate};
use serde::Serialize;

use crate::Alipay;
use crate::answer::{Answer, unintelligible, with_id};
use crate::codes::{self, Call};
use crate::objects::Node;
use crate::order::Trade;
use crate::recovery::{self, REPLAY};
use crate::refund::follow_refund;
use crate::seen::{check_trade, given, is_some_money, unread};
use crate::sign::{call, json};

impl Codec<Query> for Alipay {
    fn draft(&self, _: &Query, known: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        let trade = Trade::of(known).unwrap_or_else(|_| Trade::numbered(seed.number.as_str()));
        let draft = call(seed, "alipay.trade.query", json(&trade)?, trade.carry(known), Moves::Nothing)?;
        let closes_at = known.original.as_ref().and_then(|original| original.closes_at);
        Ok(Ready::Done(Draft { closes_at, ..draft }))
    }

    fn sign(&self, draft: &Draft, stamp: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        self.sign_draft(draft, stamp)
    }

    fn decode(&self, draft: &Draft, reply: &Reply, received: &Stamp, granted: &Granted) -> Result<Decoded, Failure> {
        match self.answer(Call::Query, draft, reply, received, granted)? {
            Answer::Proved(body) => {
                let node = self.node(&body, reply)?;
                let read = check_trade(draft, &node).and_then(|()| stands(draft, &node, body.clone()));
                read.map(|seen| Decoded::Done(Box::new(seen))).map_err(|error| with_id(error, reply).into())
            }
            // Pages, apps and QR codes have a trade only once their payer has come.
            Answer::Missing(_) => Ok(Decoded::Missing),
            Answer::Need(want) => Ok(Decoded::Need(want)),
            Answer::Seen(_) | Answer::Waiting(_) => Err(unintelligible(reply, "it answers another call")),
        }
    }

    fn recovery(&self, _: &Query, _: &Draft) -> Recovery {
        recovery::by(&[RecoveryStep::Query], NotFound::Nothing)
    }

    fn judge(&self, _: &Query, _: &Draft, _: &Seen) -> Option<Fate> {
        None
    }

    fn follow(&self, _: &Query, draft: &Draft, seen: &Seen, _: SystemTime) -> Option<Follow> {
        recovery::follow_payment(draft, seen)
    }

    fn renewal(&self, _: &Query, _: &Draft) -> Renewal {
        Renewal::Never
    }
}

/// A closed trade was never paid, or was, and all of it given back: who once saw it paid knows, and its own dates and amounts do.
fn stands(draft: &Draft, node: &Node<'_>, raw: bytes::Bytes) -> Result<Seen, Error> {
    let word = given(node.trade_status.as_ref()).ok_or_else(|| unread("trade_status"))?;
    let paid_once = draft.carry.get("paid").is_some()
        || given(node.send_pay_date.as_ref()).is_some()
        || is_some_money(node.receipt_amount.as_ref())
        || is_some_money(node.buyer_pay_amount.as_ref());
    let seen = Alipay::see_payment(node, codes::status(word, paid_once), word, raw)?;
    let given_back = (word == "TRADE_CLOSED" && paid_once).then_some(seen.money).flatten();
    Ok(Seen { refunded: given_back, ..seen })
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    trade: Trade<'a>,
    out_request_no: &'a str,
}

impl Codec<QueryRefund> for Alipay {
    fn draft(&self, _: &QueryRefund, known: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        let out_request_no = known.part_number.as_ref().unwrap_or(&seed.number).as_str();
        let trade = Trade::of(known)?;
        let carry = trade.carry(known).with("part", out_request_no);
        let body = json(&Body { trade, out_request_no })?;
        call(seed, "alipay.trade.fastpay.refund.query", body, carry, Moves::Nothing).map(Ready::Done)
    }

    fn sign(&self, draft: &Draft, stamp: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        self.sign_draft(draft, stamp)
    }

    fn decode(&self, draft: &Draft, reply: &Reply, received: &Stamp, granted: &Granted) -> Result<Decoded, Failure> {
        match self.answer(Call::QueryRefund, draft, reply, received, granted)? {
            Answer::Proved(body) => {
                let node = self.node(&body, reply)?;
                // "Not returned: not received, failed, or not done yet."
                let Some(word) = given(node.refund_status.as_ref()) else { return Ok(Decoded::Missing) };
                let read = Self::see_refund(draft, &node, codes::refund_status(word), word, body.clone());
                read.map(|seen| Decoded::Done(Box::new(seen))).map_err(|error| with_id(error, reply).into())
            }
            Answer::Missing(_) => Ok(Decoded::Missing),
            Answer::Need(want) => Ok(Decoded::Need(want)),
            Answer::Seen(_) | Answer::Waiting(_) => Err(unintelligible(reply, "it answers another call")),
        }
    }

    fn recovery(&self, _: &QueryRefund, _: &Draft) -> Recovery {
        recovery::by(&[REPLAY], NotFound::Nothing)
    }

    fn judge(&self, _: &QueryRefund, _: &Draft, _: &Seen) -> Option<Fate> {
        None
    }

    fn follow(&self, _: &QueryRefund, draft: &Draft, seen: &Seen, _: SystemTime) -> Option<Follow> {
        follow_refund(draft, seen)
    }

    fn renewal(&self, _: &QueryRefund, _: &Draft) -> Renewal {
        Renewal::Never
    }
}
