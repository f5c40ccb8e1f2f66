//! A refund: of all the money on the clearing day of its payment as a revoke (消费撤销, 31), else as a refund (退货, 04).

use std::time::SystemTime;

use paysluice::adapter::{
    Codec, Decoded, Draft, Failure, Follow, Granted, Known, Moves, Ready, Recovery, Refund, Renewal, Reply, Seed, Seen, Signed,
    Stamp,
};
use paysluice::model::{Error, ErrorKind, Fate, Money};

use crate::answer::{Answer, carried, unread};
use crate::codes::Call;
use crate::order::biz_type;
use crate::profile::QUERY_ID;
use crate::recovery::{self, ours};
use crate::seen::check_money;
use crate::sign::{BACK, Trade, draft};
use crate::{UnionPay, time};

/// Either of the two, and what each may be answered as.
const REFUND: &[&str] = &["04"];
const REVOKE: &[&str] = &["31"];

impl Codec<Refund> for UnionPay {
    fn draft(&self, op: &Refund, known: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        self.back(op.money, op.callback_url.as_deref(), known, seed).map(Ready::Done)
    }

    fn sign(&self, draft: &Draft, _: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        self.send_draft(draft)
    }

    fn decode(&self, draft: &Draft, reply: &Reply, received: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        self.given_back(draft, reply, received)
    }

    fn recovery(&self, _: &Refund, draft: &Draft) -> Recovery {
        recovery::refund(draft)
    }

    fn judge(&self, _: &Refund, draft: &Draft, seen: &Seen) -> Option<Fate> {
        judge_part(draft, seen)
    }

    fn follow(&self, _: &Refund, draft: &Draft, seen: &Seen, _: SystemTime) -> Option<Follow> {
        recovery::follow_refund(ours(draft, seen)?)
    }

    fn renewal(&self, _: &Refund, _: &Draft) -> Renewal {
        Renewal::Never
    }
}

/// What a refund's own state proves about it.
pub(crate) fn judge_part(draft: &Draft, seen: &Seen) -> Option<Fate> {
    ours(draft, seen).map(|part| if part.status.holds_money() { Fate::Applied } else { Fate::NotApplied })
}

impl UnionPay {
    /// A request that gives money back: a trade of its own, with a number and a time of its own.
    pub(crate) fn back(&self, money: Money, callback: Option<&str>, known: &Known, seed: &Seed) -> Result<Draft, Error> {
        let of = known.refs.get(QUERY_ID).ok_or_else(|| {
            Error::new(ErrorKind::NotNow, "the payment's queryId is not known yet").with_cause("query the payment first")
        })?;
        let amount = self.profile.to_provider(money)?.to_string();
        let trade = Trade::of(seed)?;
        // "A revoke is of the same clearing day, of all the money, and of a payment that nothing was refunded of."
        let whole = known
            .original
            .as_ref()
            .is_some_and(|original| original.money == money && time::same_clearing_day(original.seed.born, seed.born));
        let txn_type = if self.revoke && whole { "31" } else { "04" };
        let mut fields = self.common(&trade, (txn_type, "00"), &biz_type(known), channel(known));
        fields.extend([
            ("origQryId", of.to_owned()),
            ("txnAmt", amount.clone()),
            ("currencyCode", "156".to_owned()),
            ("backUrl", self.notified_at(callback)?.to_owned()),
        ]);
        let carry = carried(&trade).with("part", trade.order_id.as_str()).with("amount", amount).with("txn_type", txn_type);
        draft(seed, BACK, Moves::Money, fields, carry)
    }

    /// Its answer. "00 is no success, only that the request was accepted."
    pub(crate) fn given_back(&self, draft: &Draft, reply: &Reply, received: &Stamp) -> Result<Decoded, Failure> {
        let types = if draft.carry.get("txn_type") == Some("31") { REVOKE } else { REFUND };
        match self.answer(Call::Refund, types, draft, reply, received)? {
            Answer::Good(message) => {
                check_money(draft, &message.fields)?;
                Ok(Decoded::Done(Box::new(self.see_refund(&message.fields, None, reply.body.clone())?)))
            }
            Answer::Declined(_) | Answer::Missing => Err(unread("answer to a refund").into()),
        }
    }
}

/// "07 a computer, 08 a phone": as the payment was made.
fn channel(known: &Known) -> &'static str {
    match known.original.as_ref().map(|original| original.product.as_str()) {
        Some("wap" | "app" | "qr" | "barcode") => "08",
        _ => "07",
    }
}
