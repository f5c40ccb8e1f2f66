//! Trades: asked for, closed, cancelled.

use serde_json::json;

use super::book::{State, Trade};
use super::call::Call;
use super::errors::Refusal;
use super::fields::Fields;
use super::{Alipay, Answer, Outcome, notices};
use crate::bank::Refusal as Bank;
use crate::world::World;

/// A trade with this word in its subject is not cancelled at the first try, and says so by `retry_flag`.
const CANCELS_LATE: &str = "sandbox:cancel-retry";

/// What a cancel came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Canceled {
    /// None: no trade was found, and nothing was done.
    pub(super) trade: Option<usize>,
    pub(super) action: Option<&'static str>,
    pub(super) retry: bool,
}

impl Alipay {
    pub(super) fn query(&self, call: &Call) -> Outcome {
        let fields = Fields::of(call)?;
        self.named(call, &fields)?.map(Answer::Queried).ok_or_else(Refusal::no_trade)
    }

    /// Closes what is not paid. What was closed before it was paid is answered alike.
    pub(super) fn close(&mut self, world: &World, call: &Call) -> Outcome {
        let fields = Fields::of(call)?;
        let at = self.named(call, &fields)?.ok_or_else(Refusal::no_trade)?;
        let trade = self.book.trades.get_mut(at).ok_or_else(Refusal::system)?;
        match trade.state_at(world.unix(), world.config.alipay.finishes_after) {
            State::Waiting => close(trade, world.unix()),
            State::Closed if trade.paid.is_none() => {}
            State::Success | State::Finished | State::Closed => {
                return Err(Refusal::business("ACQ.REASON_TRADE_STATUS_INVALID", "交易状态异常"));
            }
        }
        Ok(Answer::Closed(at))
    }

    /// Closes what is not paid, gives back what is. Nothing is done to what a payer has not opened yet.
    pub(super) fn cancel(&mut self, world: &mut World, call: &Call) -> Outcome {
        let fields = Fields::of(call)?;
        let Some(at) = self.named(call, &fields)? else {
            return Ok(Answer::Canceled(Canceled { trade: None, action: None, retry: false }));
        };
        let (now, config) = (world.unix(), &world.config.alipay);
        let window = i64::try_from(config.cancel_window.as_secs()).unwrap_or(i64::MAX);
        let trade = self.book.trades.get_mut(at).ok_or_else(Refusal::system)?;
        if let Some(action) = trade.canceled {
            return Ok(Answer::Canceled(Canceled { trade: Some(at), action: Some(action), retry: false }));
        }
        if now > trade.created.saturating_add(window) {
            return Err(Refusal::business("ACQ.TRADE_CANCEL_TIME_OUT", "超过撤销时间范围").with("retry_flag", json!("N")));
        }
        if trade.order.hints(CANCELS_LATE) && !trade.cancel_put_off {
            trade.cancel_put_off = true;
            return Ok(Answer::Canceled(Canceled { trade: Some(at), action: None, retry: true }));
        }
        let state = trade.state_at(now, config.finishes_after);
        let action = self.canceled(world, at, state)?;
        Ok(Answer::Canceled(Canceled { trade: Some(at), action: Some(action), retry: false }))
    }

    fn canceled(&mut self, world: &mut World, at: usize, state: State) -> Result<&'static str, Refusal> {
        let now = world.unix();
        let trade = self.book.trades.get_mut(at).ok_or_else(Refusal::system)?;
        match state {
            State::Finished => {
                return Err(Refusal::business("ACQ.TRADE_HAS_FINISHED", "交易已经完结").with("retry_flag", json!("N")));
            }
            State::Waiting => close(trade, now),
            State::Success => {
                let rest = trade.order.total - trade.refunded;
                world.bank.refund(world.wall, &trade.trade_no, rest).map_err(|why| match why {
                    Bank::NoFunds => Refusal::business("ACQ.SELLER_BALANCE_NOT_ENOUGH", "商户的支付宝账户中无足够的资金进行撤销")
                        .with("retry_flag", json!("Y")),
                    Bank::State | Bank::TooMuch => {
                        Refusal::business("AQC.SYSTEM_ERROR", "系统错误").with("retry_flag", json!("Y"))
                    }
                })?;
                trade.refunded = trade.order.total;
                trade.canceled = Some("refund");
                close(trade, now);
                notices::tell_refund(self, world, at, None);
                return Ok("refund");
            }
            State::Closed => {}
        }
        let action = if trade.paid.is_some() { "refund" } else { "close" };
        trade.canceled = Some(action);
        Ok(action)
    }

    /// The trade that a request names; `trade_no` wins.
    pub(super) fn named(&self, call: &Call, fields: &Fields) -> Result<Option<usize>, Refusal> {
        let seller = self.seller(call)?;
        match (fields.text("trade_no", 64)?, fields.number("out_trade_no")?) {
            (Some(trade_no), _) => Ok(self.book.by_trade_no(&seller, trade_no)),
            (None, Some(number)) => Ok(self.book.trade_of(&seller, number)),
            (None, None) => Err(Refusal::parameter("out_trade_no", "is required, or trade_no")),
        }
    }
}

pub(super) fn close(trade: &mut Trade, now: i64) {
    trade.state = State::Closed;
    trade.closed = Some(now);
}
