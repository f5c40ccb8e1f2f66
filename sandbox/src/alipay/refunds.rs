//! Refunds: done at once and told by the answer, one number once; some later, some never, on command.

use super::book::{Refund, RefundState, State};
use super::call::Call;
use super::errors::Refusal;
use super::fields::Fields;
use super::trades::close;
use super::{Alarm, Alipay, Answer, Outcome, notices};
use crate::bank::Refusal as Bank;
use crate::world::World;

impl Alipay {
    pub(super) fn refund(&mut self, world: &mut World, call: &Call) -> Outcome {
        let fields = Fields::of(call)?;
        let at = self.named(call, &fields)?.ok_or_else(Refusal::no_trade)?;
        let amount = fields.amount("refund_amount")?;
        let reason = fields.text("refund_reason", 256)?.map(str::to_owned);
        let said = fields.text("out_request_no", 64)?;
        let trade = self.book.trades.get(at).ok_or_else(Refusal::system)?;
        let number = said.unwrap_or(&trade.order.number).to_owned();
        if let Some(known) = self.book.refund_of(at, &number) {
            let same = self.book.refunds.get(known).is_some_and(|refund| refund.amount == amount);
            let discordant = || Refusal::business("ACQ.DISCORDANT_REPEAT_REQUEST", "请求信息不一致");
            return if same { Ok(Answer::Refunded { refund: known, moved: false }) } else { Err(discordant()) };
        }
        match trade.state_at(world.unix(), world.config.alipay.finishes_after) {
            State::Success => {}
            State::Finished => return Err(Refusal::business("ACQ.TRADE_HAS_FINISHED", "交易已完结")),
            State::Waiting | State::Closed => return Err(Refusal::business("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")),
        }
        if amount > trade.order.total - trade.refunded - self.book.pending(at) {
            return Err(Refusal::business("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限"));
        }
        if said.is_none() && amount != trade.order.total {
            return Err(Refusal::parameter("out_request_no", "is required of a partial refund"));
        }
        let fate = reason.as_deref().unwrap_or_default();
        let state = match fate {
            fate if fate.contains("sandbox:later") => RefundState::Later,
            fate if fate.contains("sandbox:lost") => RefundState::Lost,
            _ => RefundState::Done(world.unix()),
        };
        let refund = Refund { trade: at, number, named: said.is_some(), amount, reason, state };
        self.booked(world, refund)
    }

    /// A refund that is let through: it is known from now on, unless there is no money for it.
    fn booked(&mut self, world: &mut World, refund: Refund) -> Outcome {
        let (at, made, state) = (refund.trade, self.book.refunds.len(), refund.state);
        if let RefundState::Done(_) = state {
            self.give_back(world, at, refund.amount).map_err(|why| match why {
                Bank::NoFunds => Refusal::business("ACQ.SELLER_BALANCE_NOT_ENOUGH", "卖家余额不足"),
                Bank::TooMuch | Bank::State => Refusal::system(),
            })?;
        }
        if state == RefundState::Later {
            world.after(world.config.alipay.refund_after, Alarm::RefundEnds(made));
        }
        self.book.refunds.push(refund);
        if let RefundState::Done(_) = state {
            self.told_of(world, made);
        }
        Ok(Answer::Refunded { refund: made, moved: matches!(state, RefundState::Done(_)) })
    }

    fn give_back(&mut self, world: &mut World, at: usize, amount: i64) -> Result<(), Bank> {
        let trade = self.book.trades.get_mut(at).ok_or(Bank::State)?;
        world.bank.refund(world.wall, &trade.trade_no, amount)?;
        trade.refunded += amount;
        if trade.refunded == trade.order.total {
            close(trade, world.unix());
        }
        Ok(())
    }

    fn told_of(&mut self, world: &mut World, refund: usize) {
        let Some(refund) = self.book.refunds.get(refund) else { return };
        let (at, number) = (refund.trade, refund.named.then(|| refund.number.clone()));
        notices::tell_refund(self, world, at, number);
    }

    /// A refund that was put off is done now, if there is money for it.
    pub(super) fn refund_ends(&mut self, world: &mut World, at: usize) {
        let Some(refund) = self.book.refunds.get(at).filter(|refund| refund.state == RefundState::Later) else { return };
        let (trade, amount) = (refund.trade, refund.amount);
        let done = self.give_back(world, trade, amount).is_ok();
        if let Some(refund) = self.book.refunds.get_mut(at) {
            refund.state = if done { RefundState::Done(world.unix()) } else { RefundState::Lost };
        }
        if done {
            self.told_of(world, at);
        }
    }

    /// What became of a refund. One that is not known is answered without any word of it, and so is one that is not done.
    pub(super) fn query_refund(&self, call: &Call) -> Outcome {
        let fields = Fields::of(call)?;
        let at = self.named(call, &fields)?.ok_or_else(Refusal::no_trade)?;
        let number = fields.need("out_request_no", 64)?;
        let time = fields.asks("query_options", "gmt_refund_pay");
        Ok(Answer::RefundQueried { refund: self.book.refund_of(at, number), time })
    }
}
