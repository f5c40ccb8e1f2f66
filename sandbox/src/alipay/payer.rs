//! The payers: who opens and scans, who pays, who leaves.

use std::time::Duration;

use super::book::{Order, Product, State};
use super::orders::{ANY_BUYER, QR_CODE};
use super::{Alarm, Alipay, notices};
use crate::world::World;

/// An order with this word in its subject is paid by itself after [`AlipayConfig::pays_after`](super::AlipayConfig), or 3 s.
const PAYS: &str = "sandbox:pays";
/// An order with this word in its subject is never paid by itself.
const LEAVES: &str = "sandbox:leaves";
const PAYS_AFTER: Duration = Duration::from_secs(3);

impl Alipay {
    /// Something has been shown to a payer.
    pub(super) fn await_payer(&self, world: &mut World, offer: usize) {
        if let Some(after) = self.book.offers.get(offer).and_then(|offer| comes_after(world, &offer.order)) {
            world.after(after, Alarm::PayerComes(offer));
        }
    }

    /// A trade has been made that the payer is called up for.
    pub(super) fn await_caller(&self, world: &mut World, trade: usize) {
        if let Some(after) = self.book.trades.get(trade).and_then(|trade| comes_after(world, &trade.order)) {
            world.after(after, Alarm::PayerPays(trade));
        }
    }

    /// The payer opens or scans it: the trade is there from now on. Answers its state, or why not.
    pub(super) fn payer_opens(&mut self, world: &mut World, sign: &str) -> Result<&'static str, String> {
        let at = self.opened(world, sign)?;
        let trade = self.book.trades.get(at).ok_or("no such order")?;
        Ok(trade.state_at(world.unix(), world.config.alipay.finishes_after).word())
    }

    /// The payer pays now.
    pub(super) fn payer_pays(&mut self, world: &mut World, sign: &str) -> Result<&'static str, String> {
        let at = self.payable(world, sign)?;
        self.take(world, at);
        Ok(State::Success.word())
    }

    /// The payer begins to type the password, and has paid some time later, unless the trade is closed before.
    pub(super) fn payer_begins(&mut self, world: &mut World, sign: &str) -> Result<&'static str, String> {
        let at = self.payable(world, sign)?;
        world.after(world.config.alipay.password_time, Alarm::PayerPays(at));
        Ok(State::Waiting.word())
    }

    fn payable(&mut self, world: &mut World, sign: &str) -> Result<usize, String> {
        let at = self.opened(world, sign)?;
        let trade = self.book.trades.get(at).ok_or("no such order")?;
        match trade.state_at(world.unix(), world.config.alipay.finishes_after) {
            State::Waiting if trade.payable => Ok(at),
            State::Waiting => Err("the payer's code was refused".to_owned()),
            state => Err(format!("the trade is {}", state.word())),
        }
    }

    /// The trade that a payer holds something of: made now, if it is not there yet.
    fn opened(&mut self, world: &mut World, sign: &str) -> Result<usize, String> {
        if let Some(known) = self.book.in_payers_view(sign) {
            return Ok(known);
        }
        if sign.contains("sign=") {
            let order = self.carried(world, sign).map_err(|refusal| refusal.node().to_string())?;
            return self.opened_order(world, order);
        }
        let code = sign.strip_prefix(QR_CODE);
        let found = self.book.offers.iter().rfind(|offer| Some(offer.code.as_str()) == code || offer.order.number == sign);
        let offer = found.ok_or("no such order")?.clone();
        if world.unix() > offer.valid_until {
            return Err("the QR code is no longer valid".to_owned());
        }
        self.opened_order(world, offer.order)
    }

    fn opened_order(&mut self, world: &mut World, order: Order) -> Result<usize, String> {
        let known = self.known(world, &order).map_err(|refusal| refusal.node().to_string())?;
        if let Some(known) = known {
            return Ok(known);
        }
        let scanned = order.product == Product::QrCode;
        let at = self.trade(world, order, ANY_BUYER.to_owned()).map_err(|refusal| refusal.node().to_string())?;
        if scanned {
            notices::tell_trade(self, world, at);
        }
        Ok(at)
    }

    /// The payer who was expected has come.
    pub(super) fn payer_comes(&mut self, world: &mut World, offer: usize) {
        let Some(offer) = self.book.offers.get(offer).filter(|offer| world.unix() <= offer.valid_until).cloned() else { return };
        if let Ok(at) = self.opened_order(world, offer.order) {
            self.payer_is_done(world, at);
        }
    }

    /// The password was right.
    pub(super) fn payer_is_done(&mut self, world: &mut World, at: usize) {
        let finishes = world.config.alipay.finishes_after;
        let open = |trade: &super::book::Trade| trade.payable && trade.state_at(world.unix(), finishes) == State::Waiting;
        if self.book.trades.get(at).is_some_and(open) {
            self.take(world, at);
        }
    }

    /// The password was wrong, too often.
    pub(super) fn payer_fails(&mut self, world: &World, at: usize) {
        if let Some(trade) = self.book.trades.get_mut(at).filter(|trade| trade.state == State::Waiting) {
            trade.state = State::Closed;
            trade.closed = Some(world.unix());
        }
    }

    /// Takes the money of a trade, and tells it.
    pub(super) fn take(&mut self, world: &mut World, at: usize) {
        let Some(trade) = self.book.trades.get_mut(at) else { return };
        let (number, total) = (&trade.order.number, trade.order.total);
        if world.bank.charge(world.wall, &trade.trade_no, number, false, total, "cny").is_err() {
            return;
        }
        trade.state = State::Success;
        trade.paid = Some(world.unix());
        notices::tell_trade(self, world, at);
    }

    /// Time finishes a trade now: nothing is refunded any more. False if it is not paid.
    pub(super) fn finish(&mut self, world: &mut World, sign: &str) -> bool {
        let Some(at) = self.book.in_payers_view(sign) else { return false };
        let Some(trade) = self.book.trades.get_mut(at).filter(|trade| trade.state == State::Success) else { return false };
        trade.state = State::Finished;
        notices::tell_trade(self, world, at);
        true
    }
}

fn comes_after(world: &World, order: &Order) -> Option<Duration> {
    match world.config.alipay.pays_after {
        _ if order.hints(LEAVES) => None,
        None if order.hints(PAYS) => Some(PAYS_AFTER),
        set => set,
    }
}
