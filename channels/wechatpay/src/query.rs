//! Questions: how a payment stands, by either number, and how a refund stands.

use std::time::SystemTime;

use paysluice::adapter::{
    Codec, Decoded, Draft, Failure, Follow, Granted, Known, NotFound, Query, QueryRefund, Ready, Recovery, RecoveryStep, Refs,
    Renewal, Reply, Seed, Seen, Signed, Stamp,
};
use paysluice::model::{Error, Fate};

use crate::WeChatPay;
use crate::answer::{Answer, unintelligible, with_id};
use crate::codes::Call;
use crate::order::encoded;
use crate::recovery::{self, REPLAY};
use crate::refund::{follow_refund, ours};
use crate::sign::get;

impl Codec<Query> for WeChatPay {
    /// By our number, which finds an order that is not paid too. A payment that is only known by WeChat Pay's is asked for by that.
    fn draft(&self, _: &Query, known: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        let transaction = known.refs.get("transaction");
        let number = known.original.as_ref().map(|original| original.seed.number.as_str());
        let number = number.or_else(|| known.refs.get("out_trade_no"));
        let mut carry = Refs::new();
        if let Some(id) = transaction {
            carry.add("transaction", id);
        }
        let path = match (number, transaction) {
            (None, Some(id)) => self.order_path(id, false),
            (number, _) => {
                let number = number.unwrap_or(seed.number.as_str());
                carry.add("number", number);
                self.order_path(number, true)
            }
        };
        if let Some(original) = &known.original {
            carry.add("product", original.product.as_str());
        }
        let closes_at = known.original.as_ref().and_then(|original| original.closes_at);
        Ok(Ready::Done(Draft { closes_at, ..get(seed, path, carry)? }))
    }

    fn sign(&self, draft: &Draft, stamp: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        self.sign_draft(draft, stamp)
    }

    fn decode(&self, draft: &Draft, reply: &Reply, received: &Stamp, granted: &Granted) -> Result<Decoded, Failure> {
        match self.answer(Call::Query, draft, reply, received, granted)? {
            Answer::Proved(body) => {
                let object = self.object(&body, reply)?;
                let seen = self.payment_of(draft, &object, body.clone()).map_err(|error| with_id(error, reply))?;
                Ok(Decoded::Done(Box::new(seen)))
            }
            Answer::Missing => Ok(Decoded::Missing),
            Answer::Need(want) => Ok(Decoded::Need(want)),
            Answer::Seen(_) => Err(unintelligible(reply, "it answers another call")),
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

impl Codec<QueryRefund> for WeChatPay {
    fn draft(&self, op: &QueryRefund, known: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        let part = known.part_number.as_ref().map_or(op.refund_no.as_str(), |number| number.as_str());
        let sub = self.account.sub().map(|sub| format!("?sub_mchid={sub}")).unwrap_or_default();
        let mut carry = Refs::new().with("part", part);
        let number = known.original.as_ref().map(|original| original.seed.number.as_str());
        if let Some(number) = number.or_else(|| known.refs.get("out_trade_no")) {
            carry.add("number", number);
        }
        if let Some(id) = known.refs.get("transaction") {
            carry.add("transaction", id);
        }
        get(seed, format!("/v3/refund/domestic/refunds/{}{sub}", encoded(part)), carry).map(Ready::Done)
    }

    fn sign(&self, draft: &Draft, stamp: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        self.sign_draft(draft, stamp)
    }

    fn decode(&self, draft: &Draft, reply: &Reply, received: &Stamp, granted: &Granted) -> Result<Decoded, Failure> {
        match self.answer(Call::QueryRefund, draft, reply, received, granted)? {
            Answer::Proved(body) => Ok(Decoded::Done(Box::new(self.refund_of(draft, reply, &body)?))),
            Answer::Missing => Ok(Decoded::Missing),
            Answer::Need(want) => Ok(Decoded::Need(want)),
            Answer::Seen(_) => Err(unintelligible(reply, "it answers another call")),
        }
    }

    fn recovery(&self, _: &QueryRefund, _: &Draft) -> Recovery {
        recovery::by(&[REPLAY], NotFound::Nothing)
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
