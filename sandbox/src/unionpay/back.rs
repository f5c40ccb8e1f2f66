//! Money that goes back: revocations (消费撤销) and refunds (退货), accepted first and done later.

use super::book::{Kind, State, Trade};
use super::codes::Refusal;
use super::fields::{amount, need, one_of, said, without};
use super::payer::says;
use super::query::PRODUCTS;
use super::seal::Fields;
use super::{Alarm, Answer, Outcome, UnionPay, notices, times};
use crate::world::World;

/// A payment can be refunded for so long: 330 days.
const REFUNDABLE: i64 = 330 * 24 * 3600;

impl UnionPay {
    pub(super) fn give_back(&mut self, world: &mut World, asked: &Fields, kind: Kind) -> Outcome {
        need(asked, &["orderId", "txnTime", "backUrl"])?;
        one_of(asked, "bizType", PRODUCTS)?;
        one_of(asked, "channelType", &["05", "07", "08", "16"])?;
        without(asked, &["qrNo", "payTimeout", "frontUrl", "queryId"])?;
        let amount = amount(asked)?;
        let orig = self.original(asked)?;
        if self.book.by_key(said(asked, "orderId"), said(asked, "txnTime")).is_some() {
            return Err(Refusal::duplicate("the same orderId and txnTime"));
        }
        self.fresh(world, asked)?;
        if says(asked, "sandbox:lost") {
            return Ok(Answer::Plain("03"));
        }
        let forbidden = self.forbidden(world, asked, kind, orig, amount);
        let state = forbidden.map_or(State::Working, State::Failed);
        let mut trade = Trade::new(world, asked.clone(), kind, amount, state);
        trade.of = orig;
        let at = self.book.add(trade);
        if let Some(code) = forbidden {
            return Ok(Answer::Placed(at, code));
        }
        let fails = self.back_fails || says(asked, "sandbox:fails");
        world.after(self.config.refund_after, if fails { Alarm::BackFails(at, "01") } else { Alarm::GivesBack(at) });
        Ok(Answer::Placed(at, if says(asked, "sandbox:unclear") { "04" } else { "00" }))
    }

    /// The trade that is named by `origQryId`, or by `origOrderId` and `origTxnTime`; by both if they agree.
    fn original(&self, asked: &Fields) -> Result<Option<usize>, Refusal> {
        let by_id = asked.get("origQryId").map(|id| self.book.by_query_id(id));
        let by_key = match (asked.get("origOrderId"), asked.get("origTxnTime")) {
            (Some(order), Some(time)) => Some(self.book.by_key(order, time)),
            (None, None) => None,
            (None, Some(_)) => return Err(Refusal::missing("origOrderId")),
            (Some(_), None) => return Err(Refusal::missing("origTxnTime")),
        };
        match (by_id, by_key) {
            (None, None) => Err(Refusal::missing("origQryId")),
            (Some(id), Some(key)) => Ok(id.filter(|_| id == key)),
            (Some(found), None) | (None, Some(found)) => Ok(found),
        }
    }

    /// The code of the rule that forbids it: the trade is remembered as failed.
    fn forbidden(&self, world: &World, asked: &Fields, kind: Kind, orig: Option<usize>, amount: i64) -> Option<&'static str> {
        if says(asked, "sandbox:refused") {
            return Some("60");
        }
        let found = orig.and_then(|at| Some((at, self.book.trades.get(at)?))).filter(|(_, trade)| trade.kind.consumes());
        let Some((at, orig)) = found else { return Some("35") };
        let (State::Done(_), Some(done)) = (orig.state, orig.done) else {
            return Some(if orig.state == State::Reversed { "45" } else { "35" });
        };
        if orig.says("bizType") != said(asked, "bizType") {
            return Some("36");
        }
        if let Some(revoked) = self.book.back(at, Kind::Revoke).next() {
            return Some(if revoked.state == State::Working { "35" } else { "45" });
        }
        let refunded: i64 = self.book.back(at, Kind::Refund).map(|refund| refund.amount).sum();
        match kind {
            Kind::Revoke if amount != orig.amount => Some("36"),
            Kind::Revoke if refunded > 0 => Some("35"),
            Kind::Revoke if times::clearing_day(world.unix()) != times::clearing_day(done) => Some("35"),
            Kind::Revoke => None,
            _ if world.unix() > done + REFUNDABLE => Some("35"),
            _ if refunded >= orig.amount => Some("45"),
            _ if amount > orig.amount - refunded => Some("36"),
            _ => None,
        }
    }

    /// The time of an accepted one has come: the money moves, if the merchant has it.
    pub(super) fn gives_back(&mut self, world: &mut World, at: usize) {
        let Some(trade) = self.book.trades.get(at).filter(|trade| trade.state == State::Working) else { return };
        let payment = self.orig(trade).map(|orig| orig.query_id.clone()).unwrap_or_default();
        let moved = world.bank.refund(world.wall, &payment, trade.amount).map_err(|_| "01");
        self.back_ends(world, at, moved);
    }

    pub(super) fn back_ends(&mut self, world: &mut World, at: usize, end: Result<(), &'static str>) {
        let now = world.unix();
        let Some(trade) = self.book.trades.get_mut(at).filter(|trade| trade.state == State::Working) else { return };
        match end {
            Ok(()) => (trade.state, trade.done) = (State::Done("00"), Some(now)),
            Err(code) => trade.state = State::Failed(code),
        }
        notices::tell(self, world, at);
    }
}
