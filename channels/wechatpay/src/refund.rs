//! A refund: of a part or of all. Its number refunds once, however often it is sent.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use paysluice::adapter::{
    Codec, Decoded, Draft, Failure, Follow, Granted, Known, Moves, NotFound, Ready, Recovery, RecoveryStep, Refs, Refund,
    Renewal, Reply, Seed, Seen, SeenPart, Signed, Stamp, WhenUp,
};
use paysluice::model::{Error, ErrorKind, Fate, PartStatus};
use serde::Serialize;

use crate::WeChatPay;
use crate::answer::{Answer, unintelligible, with_id};
use crate::codes::Call;
use crate::config::check_notify_url;
use crate::fields::limited;
use crate::objects::Object;
use crate::order::number;
use crate::recovery::{self, REPLAY};
use crate::seen::other;
use crate::sign::{json, post};

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_mchid: Option<&'a str>,
    out_trade_no: &'a str,
    out_refund_no: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notify_url: Option<&'a str>,
    amount: Amount,
}

/// In fen.
#[derive(Serialize)]
struct Amount {
    refund: i64,
    total: i64,
    currency: &'static str,
}

impl Codec<Refund> for WeChatPay {
    fn draft(&self, op: &Refund, known: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        let refund = self.profile.to_provider(op.money)?;
        let original = known.original.as_ref();
        let total = original.map(|original| self.profile.to_provider(original.money)).transpose()?.ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "refund: the payment was not charged here, and what it was for must be named")
        })?;
        let url = op.callback_url.as_deref().or(self.refund_notify_url.as_deref());
        if let Some(url) = url {
            check_notify_url("callback_url", url, self.loopback)?;
        }
        let (number, out_refund_no) = (number(known)?, seed.number.as_str());
        let body = Body {
            sub_mchid: self.account.sub(),
            out_trade_no: number,
            out_refund_no,
            reason: op.reason.as_deref().map(|reason| limited("reason", reason, 80)).transpose()?,
            notify_url: url,
            amount: Amount { refund, total, currency: "CNY" },
        };
        let mut carry = Refs::new()
            .with("number", number)
            .with("part", out_refund_no)
            .with("amount", refund.to_string())
            .with("total", total.to_string());
        if let Some(id) = known.refs.get("transaction") {
            carry.add("transaction", id);
        }
        post(seed, "/v3/refund/domestic/refunds".to_owned(), json(&body)?, carry, Moves::Money).map(Ready::Done)
    }

    fn sign(&self, draft: &Draft, stamp: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        self.sign_draft(draft, stamp)
    }

    fn decode(&self, draft: &Draft, reply: &Reply, received: &Stamp, granted: &Granted) -> Result<Decoded, Failure> {
        match self.answer(Call::Refund, draft, reply, received, granted)? {
            Answer::Proved(body) => Ok(Decoded::Done(Box::new(self.refund_of(draft, reply, &body)?))),
            Answer::Need(want) => Ok(Decoded::Need(want)),
            Answer::Seen(_) | Answer::Missing => Err(unintelligible(reply, "it answers another call")),
        }
    }

    /// Not found may mean that it has not arrived yet, so it proves nothing; the same number is sent again instead.
    fn recovery(&self, _: &Refund, _: &Draft) -> Recovery {
        recovery::by(&[RecoveryStep::Query, REPLAY, RecoveryStep::Human], NotFound::Nothing)
    }

    fn judge(&self, _: &Refund, draft: &Draft, seen: &Seen) -> Option<Fate> {
        ours(draft, seen).map(|part| if part.status.holds_money() { Fate::Applied } else { Fate::NotApplied })
    }

    fn follow(&self, _: &Refund, draft: &Draft, seen: &Seen, _: SystemTime) -> Option<Follow> {
        follow_refund(ours(draft, seen)?)
    }

    fn renewal(&self, _: &Refund, _: &Draft) -> Renewal {
        Renewal::Never
    }
}

impl WeChatPay {
    /// Reads a proved answer that must be this draft's refund.
    pub(crate) fn refund_of(&self, draft: &Draft, reply: &Reply, body: &Bytes) -> Result<Seen, Failure> {
        let object = self.object(body, reply)?;
        let read = Self::check_refund(draft, &object).and_then(|()| self.see_refund(&object, body.clone()));
        read.map_err(|error| with_id(error, reply).into())
    }

    fn check_refund(draft: &Draft, object: &Object<'_>) -> Result<(), Error> {
        if object.out_refund_no.as_deref() != draft.carry.get("part") {
            return Err(other("out_refund_no", "another refund's"));
        }
        Self::check_order(draft, object)?;
        let asked = |name: &str| draft.carry.get(name).and_then(|fen| fen.parse::<i64>().ok());
        let amount = object.amount.as_ref();
        let told = |fen: Option<i64>, name: &str| fen.zip(asked(name)).is_some_and(|(theirs, ours)| theirs != ours);
        if told(amount.and_then(|amount| amount.refund), "amount") || told(amount.and_then(|amount| amount.total), "total") {
            return Err(other("amount", "other money than was asked"));
        }
        Ok(())
    }
}

/// The refund of the draft's number.
pub(crate) fn ours<'a>(draft: &Draft, seen: &'a Seen) -> Option<&'a SeenPart> {
    let number = draft.carry.get("part")?;
    seen.refunds.iter().find(|part| part.number.as_deref() == Some(number))
}

/// "Query a minute later at the earliest"; balances take minutes, bank cards up to three working days.
pub(crate) fn follow_refund(part: &SeenPart) -> Option<Follow> {
    match part.status {
        PartStatus::Succeeded | PartStatus::Failed | PartStatus::Canceled => None,
        PartStatus::Pending | PartStatus::NeedsAction | PartStatus::Unrecognized(_) => {
            let cadence = [60, 300, 900, 3600, 6 * 3600, 24 * 3600].map(Duration::from_secs).to_vec();
            Some(Follow { cadence, until: None, then: WhenUp::Leave })
        }
    }
}
