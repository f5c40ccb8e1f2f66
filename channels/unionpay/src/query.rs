//! Questions: how a payment stands, and how a refund stands. Each is known by its number and its time together.

use std::time::SystemTime;

use paysluice::adapter::{
    Codec, Decoded, Draft, Failure, Follow, Granted, Known, Moves, Query, QueryRefund, Ready, Recovery, Refs, Renewal, Reply,
    Seed, Seen, Signed, Stamp,
};
use paysluice::model::{Error, Fate};

use crate::UnionPay;
use crate::answer::{Answer, carried, unread};
use crate::codes::Call;
use crate::order::biz_type;
use crate::profile::QUERY_ID;
use crate::recovery::{self, ours};
use crate::sign::{QUERY, Trade, draft};

/// "The answer names the type of the trade that was asked about", or, where there is none, of the question.
const PAYMENT: &[&str] = &["00", "01"];
const REFUND: &[&str] = &["00", "04", "31"];

impl Codec<Query> for UnionPay {
    /// By our number and its time. A payment that was not made here is asked for by UnionPay's `queryId`.
    fn draft(&self, _: &Query, known: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        let by_id = known.refs.get(QUERY_ID).filter(|_| known.original.is_none());
        let original = known.original.as_ref();
        let trade = Trade::of(original.map_or(seed, |original| &original.seed))?;
        let (sub_type, mut carry) = match by_id {
            // "txnSubType 02: by the number of the trade."
            Some(id) => ("02", Refs::new().with("asked_id", id)),
            None => ("00", carried(&trade)),
        };
        let mut fields = self.common(&trade, ("00", sub_type), &biz_type(known), "");
        if let Some(id) = by_id {
            fields.retain(|(name, _)| *name != "orderId");
            fields.push(("queryId", id.to_owned()));
        }
        if let Some(original) = original {
            carry.add("product", original.product.as_str());
        }
        let draft = draft(seed, QUERY, Moves::Nothing, fields, carry)?;
        Ok(Ready::Done(Draft { closes_at: original.and_then(|original| original.closes_at), ..draft }))
    }

    fn sign(&self, draft: &Draft, _: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        self.send_draft(draft)
    }

    fn decode(&self, draft: &Draft, reply: &Reply, received: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        match self.answer(Call::Query, PAYMENT, draft, reply, received)? {
            Answer::Good(message) => {
                let seen = self.see_payment(draft, &message.fields, received.now, reply.body.clone())?;
                Ok(Decoded::Done(Box::new(seen)))
            }
            Answer::Missing => Ok(Decoded::Missing),
            Answer::Declined(_) => Err(unread("answer to a question").into()),
        }
    }

    fn recovery(&self, _: &Query, _: &Draft) -> Recovery {
        recovery::question()
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

impl Codec<QueryRefund> for UnionPay {
    /// By the refund's own number and time: its seed is that of the refund.
    fn draft(&self, _: &QueryRefund, known: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        let trade = Trade::of(seed)?;
        let fields = self.common(&trade, ("00", "00"), &biz_type(known), "");
        let carry = carried(&trade).with("part", trade.order_id.as_str());
        draft(seed, QUERY, Moves::Nothing, fields, carry).map(Ready::Done)
    }

    fn sign(&self, draft: &Draft, _: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        self.send_draft(draft)
    }

    fn decode(&self, draft: &Draft, reply: &Reply, received: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        let message = match self.answer(Call::Query, REFUND, draft, reply, received)? {
            Answer::Good(message) => message,
            Answer::Missing => return Ok(Decoded::Missing),
            Answer::Declined(_) => return Err(unread("answer to a question").into()),
        };
        let code = message.fields.text("origRespCode").ok_or_else(|| unread("origRespCode"))?;
        let seen = self.see_refund(&message.fields, Some((code, "origRespMsg")), reply.body.clone())?;
        Ok(Decoded::Done(Box::new(seen)))
    }

    fn recovery(&self, _: &QueryRefund, _: &Draft) -> Recovery {
        recovery::question()
    }

    fn judge(&self, _: &QueryRefund, _: &Draft, _: &Seen) -> Option<Fate> {
        None
    }

    fn follow(&self, _: &QueryRefund, draft: &Draft, seen: &Seen, _: SystemTime) -> Option<Follow> {
        recovery::follow_refund(ours(draft, seen)?)
    }

    fn renewal(&self, _: &QueryRefund, _: &Draft) -> Renewal {
        Renewal::Never
    }
}
