//! A refund: of a part or of all, answered at once. Its number refunds once, however often it is sent.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use paysluice::adapter::{
    Codec, Decoded, Draft, Failure, Follow, Granted, Known, Moves, NotFound, Ready, Recovery, RecoveryStep, Refund, Renewal,
    Reply, Seed, Seen, SeenPart, Signed, Stamp, WhenUp,
};
use paysluice::model::{Error, Fate, Invalid, Money, PartStatus};
use serde::Serialize;

use crate::Alipay;
use crate::answer::{Answer, unintelligible, with_id};
use crate::codes::{self, Call};
use crate::fields::limited;
use crate::objects::Node;
use crate::order::Trade;
use crate::recovery::{self, REPLAY};
use crate::seen::{check_trade, given, other, part, refs, unread, yuan};
use crate::sign::{call, json};

#[derive(Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    trade: Trade<'a>,
    refund_amount: &'a str,
    out_request_no: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_reason: Option<&'a str>,
}

impl Codec<Refund> for Alipay {
    fn draft(&self, op: &Refund, known: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        self.profile.to_provider(op.money)?;
        if op.callback_url.is_some() {
            return Err(Invalid::new("callback_url", "left out: Alipay notifies a refund where its payment is notified").into());
        }
        let (trade, amount, out_request_no) = (Trade::of(known)?, op.money.to_decimal(), seed.number.as_str());
        let carry = trade.carry(known).with("part", out_request_no).with("refund", op.money.to_string());
        let body = Body {
            trade,
            refund_amount: &amount,
            out_request_no,
            refund_reason: op.reason.as_deref().map(|reason| limited("reason", reason, 256)).transpose()?,
        };
        call(seed, "alipay.trade.refund", json(&body)?, carry, Moves::Money).map(Ready::Done)
    }

    fn sign(&self, draft: &Draft, stamp: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        self.sign_draft(draft, stamp)
    }

    fn decode(&self, draft: &Draft, reply: &Reply, received: &Stamp, granted: &Granted) -> Result<Decoded, Failure> {
        match self.answer(Call::Refund, draft, reply, received, granted)? {
            Answer::Proved(body) => {
                let node = self.node(&body, reply)?;
                let read = Self::refund_of(draft, &node, body.clone());
                read.map(|seen| Decoded::Done(Box::new(seen))).map_err(|error| with_id(error, reply).into())
            }
            Answer::Need(want) => Ok(Decoded::Need(want)),
            Answer::Seen(_) | Answer::Missing(_) | Answer::Waiting(_) => Err(unintelligible(reply, "it answers another call")),
        }
    }

    /// Not found may mean that it has not arrived yet, so it proves nothing; the same number is sent again instead.
    fn recovery(&self, _: &Refund, _: &Draft) -> Recovery {
        recovery::by(&[RecoveryStep::Query, REPLAY, RecoveryStep::Human], NotFound::Nothing)
    }

    fn judge(&self, _: &Refund, draft: &Draft, seen: &Seen) -> Option<Fate> {
        match ours(draft, seen)?.status {
            PartStatus::Succeeded | PartStatus::Pending | PartStatus::NeedsAction => Some(Fate::Applied),
            PartStatus::Failed | PartStatus::Canceled => Some(Fate::NotApplied),
            PartStatus::Unrecognized(_) => None,
        }
    }

    fn follow(&self, _: &Refund, draft: &Draft, seen: &Seen, _: SystemTime) -> Option<Follow> {
        follow_refund(draft, seen)
    }

    fn renewal(&self, _: &Refund, _: &Draft) -> Renewal {
        Renewal::Never
    }
}

impl Alipay {
    /// `fund_change` says whether this very call moved money; `refund_fee` is the sum of all refunds so far. Code 10000 alone
    /// says neither: without `Y` the refund is asked for by its number.
    fn refund_of(draft: &Draft, node: &Node<'_>, raw: Bytes) -> Result<Seen, Error> {
        check_trade(draft, node)?;
        let (asked, total) = (asked(draft)?, node.refund_fee.as_ref().map(yuan).transpose()?);
        let moved = match given(node.fund_change.as_ref()) {
            Some("Y") => true,
            Some("N") | None => false,
            Some(_) => return Err(unread("fund_change")),
        };
        let less = total.is_some_and(|total| total.cmp_same(asked).is_ok_and(std::cmp::Ordering::is_lt));
        if moved && less {
            return Err(other("refund_fee", "less than this refund, which is said to be in it"));
        }
        let number = draft.carry.get("part").unwrap_or_default();
        let refunds = moved.then(|| part(number, Some(asked), PartStatus::Succeeded)).into_iter().collect();
        let word = Some(format!("fund_change {}", if moved { "Y" } else { "N" }));
        Ok(Seen { word, refunded: total, refunds, refs: refs(node)?, raw, ..Seen::default() })
    }

    /// What a question for a refund shows: that refund, and nothing of the others.
    pub(crate) fn see_refund(draft: &Draft, node: &Node<'_>, status: PartStatus, word: &str, raw: Bytes) -> Result<Seen, Error> {
        check_trade(draft, node)?;
        let number = draft.carry.get("part").unwrap_or_default();
        if given(node.out_request_no.as_ref()) != Some(number) {
            return Err(other("out_request_no", "another refund's, or none"));
        }
        let money = node.refund_amount.as_ref().ok_or_else(|| unread("refund_amount")).and_then(yuan)?;
        let refunds = vec![part(number, Some(money), status)];
        Ok(Seen { word: Some(codes::shown(word)), refunds, refs: refs(node)?, raw, ..Seen::default() })
    }
}

fn asked(draft: &Draft) -> Result<Money, Error> {
    draft.carry.get("refund").and_then(|money| money.parse().ok()).ok_or_else(|| unread("refund in our own draft"))
}

/// The refund of the draft's number.
fn ours<'a>(draft: &Draft, seen: &'a Seen) -> Option<&'a SeenPart> {
    let number = draft.carry.get("part")?;
    seen.refunds.iter().find(|part| part.number.as_deref() == Some(number))
}

/// "Query ten seconds after the request at the earliest."
pub(crate) fn follow_refund(draft: &Draft, seen: &Seen) -> Option<Follow> {
    match ours(draft, seen)?.status {
        PartStatus::Succeeded | PartStatus::Failed | PartStatus::Canceled => None,
        PartStatus::Pending | PartStatus::NeedsAction | PartStatus::Unrecognized(_) => {
            let cadence = [10, 60, 300, 900, 3600, 6 * 3600, 24 * 3600].map(Duration::from_secs).to_vec();
            Some(Follow { cadence, until: None, then: WhenUp::Leave })
        }
    }
}
