//! Reversals (冲正): an answer that never came is taken back, whatever had become of the consumption.

use super::book::{Kind, State, Trade};
use super::codes::Refusal;
use super::fields::{need, one_of, said, without};
use super::seal::Fields;
use super::{Answer, Outcome, UnionPay, times};
use crate::world::World;

impl UnionPay {
    /// Takes back the consumption of the same orderId and txnTime; again and again with the same answer.
    pub(super) fn reverse(&mut self, world: &mut World, asked: &Fields) -> Outcome {
        need(asked, &["orderId", "txnTime"])?;
        one_of(asked, "bizType", &["000000"])?;
        one_of(asked, "channelType", &["08"])?;
        without(asked, &["txnAmt", "currencyCode", "backUrl", "origQryId", "origOrderId", "origTxnTime"])?;
        let found = self.book.by_key(said(asked, "orderId"), said(asked, "txnTime"));
        let scanned = |at: usize| self.book.trades.get(at).filter(|trade| trade.kind == Kind::QrScanned).map(|trade| (at, trade));
        let (at, trade) = found.and_then(scanned).ok_or_else(|| Refusal::new("35", "[2011000]"))?;
        match trade.state {
            State::Reversed => return Ok(Answer::Plain("00")),
            _ if times::clearing_day(world.unix()) != times::clearing_day(trade.born) => {
                return Err(Refusal::new("35", "[2040006]only within the clearing day"));
            }
            State::Done(_) if self.gave_back(at) => return Err(Refusal::new("45", "[2040005]")),
            State::Done(_) => money_back(world, trade)?,
            // What has failed stays as it is: there is nothing to take back.
            State::Failed(_) => return Ok(Answer::Plain("00")),
            State::Unseen | State::Working | State::Late => {}
        }
        self.set(at, State::Reversed);
        Ok(Answer::Plain("00"))
    }

    fn gave_back(&self, at: usize) -> bool {
        self.book.back(at, Kind::Refund).chain(self.book.back(at, Kind::Revoke)).next().is_some()
    }
}

fn money_back(world: &mut World, trade: &Trade) -> Result<(), Refusal> {
    world.bank.refund(world.wall, &trade.query_id, trade.amount).map_err(|_| Refusal::new("01", "[2000001]"))
}
