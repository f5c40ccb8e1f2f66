//! The payers: who opens a page or a code and pays, who fails and tries again, and what scanned codes stand for.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use paysluice::adapter::{Reply, Request};

use super::book::{Kind, State, Trade};
use super::fields::said;
use super::seal::Fields;
use super::{Alarm, Answer, UnionPay, auth, notices, objects, page, seal};
use crate::bank::Refusal;
use crate::world::World;

const PAYS_AFTER: Duration = Duration::from_secs(3);
const RETRIES_AFTER: Duration = Duration::from_secs(6);

/// What a scanned code leads to, by its last two digits.
enum Code {
    /// Paid at once with this result; answered by this code.
    Pays(&'static str, &'static str),
    /// Accepted by this code; paid, failed or never done later.
    Types(&'static str, Option<Result<(), &'static str>>),
    /// Refused.
    Fails(&'static str),
    /// Answered by this code; the request went no further.
    Lost(&'static str),
}

fn code(qr_no: &str) -> Code {
    match qr_no.get(qr_no.len().saturating_sub(2)..).unwrap_or_default() {
        "11" => Code::Types("00", Some(Ok(()))),
        "12" => Code::Types("00", Some(Err("65"))),
        "13" => Code::Types("00", None),
        "14" => Code::Types("05", Some(Ok(()))),
        "16" => Code::Pays("A6", "00"),
        "21" => Code::Fails("64"),
        "22" => Code::Fails("61"),
        "23" => Code::Fails("63"),
        "24" => Code::Fails("60"),
        "31" => Code::Pays("00", "03"),
        "32" => Code::Pays("00", "04"),
        "33" => Code::Lost("03"),
        "34" => Code::Lost("04"),
        _ => Code::Pays("00", "00"),
    }
}

/// Whether a request says this word, in a field that carries the merchant's own text; `reqReserved` may be base64.
pub(super) fn says(asked: &Fields, word: &str) -> bool {
    let unpacked = STANDARD.decode(said(asked, "reqReserved")).unwrap_or_default();
    ["orderDesc", "riskRateInfo", "reqReserved", "reserved"].iter().any(|name| said(asked, name).contains(word))
        || String::from_utf8_lossy(&unpacked).contains(word)
}

impl UnionPay {
    /// An order has just been placed for a payer to open, call up or scan.
    pub(super) fn await_payer(&mut self, world: &mut World, at: usize) {
        let Some(trade) = self.book.trades.get(at) else { return };
        let left = Duration::from_secs(u64::try_from(trade.pay_until - world.unix()).unwrap_or_default());
        if says(&trade.said, "sandbox:leaves") {
            return;
        }
        if says(&trade.said, "sandbox:late") {
            world.after(PAYS_AFTER.min(left), Alarm::PayerBegins(at));
            world.after(left + PAYS_AFTER, Alarm::PayerPays(at));
        } else if says(&trade.said, "sandbox:retries") {
            world.after(PAYS_AFTER, Alarm::PayerFails(at, "64"));
            world.after(RETRIES_AFTER, Alarm::PayerPays(at));
        } else if says(&trade.said, "sandbox:pays") {
            world.after(self.config.pays_after.unwrap_or(PAYS_AFTER), Alarm::PayerPays(at));
        } else if let Some(after) = self.config.pays_after {
            world.after(after, Alarm::PayerPays(at));
        }
    }

    /// The merchant has scanned the payer's code.
    pub(super) fn scan(&mut self, world: &mut World, asked: &Fields, amount: i64) -> Answer {
        let code = code(said(asked, "qrNo"));
        if let Code::Lost(shown) = code {
            return Answer::Plain(shown);
        }
        let trade = Trade::new(world, asked.clone(), Kind::QrScanned, amount, State::Working);
        let at = self.book.add(trade);
        match code {
            Code::Pays(result, shown) => {
                self.take(world, at, result);
                Answer::Placed(at, shown)
            }
            Code::Types(shown, ends) => {
                match ends {
                    Some(Ok(())) => world.after(self.config.bank_time, Alarm::PayerPays(at)),
                    Some(Err(code)) => world.after(self.config.bank_time, Alarm::PayerFails(at, code)),
                    None => {}
                }
                Answer::Placed(at, shown)
            }
            Code::Fails(code) | Code::Lost(code) => {
                self.set(at, State::Failed(code));
                Answer::Placed(at, code)
            }
        }
    }

    /// The payer pays now, by whatever names the order in his hands. The code a query will show, or why not.
    pub(super) fn payer_pays(&mut self, world: &mut World, sign: &str) -> Result<&'static str, String> {
        let at = self.open(sign)?;
        self.payer_is_done(world, at);
        match self.book.trades.get(at).map(|trade| trade.state) {
            Some(State::Done(code)) => Ok(code),
            Some(State::Late) => Ok("42"),
            _ => Err("payTimeout has passed".to_owned()),
        }
    }

    /// The payer goes over to the bank, which is done with him after some time.
    pub(super) fn payer_begins(&mut self, world: &mut World, sign: &str) -> Result<(), String> {
        let at = self.open(sign)?;
        self.payer_goes_to_bank(world, at);
        world.after(self.config.bank_time, Alarm::PayerPays(at));
        Ok(())
    }

    /// A try of the payer's fails.
    pub(super) fn payer_fails(&mut self, world: &mut World, sign: &str) -> Result<(), String> {
        let at = self.open(sign)?;
        self.try_fails(world, at, "64");
        Ok(())
    }

    fn open(&self, sign: &str) -> Result<usize, String> {
        let found = self.book.in_payers_view(sign).and_then(|at| Some((at, self.book.trades.get(at)?)));
        let (at, trade) = found.ok_or("no such order")?;
        match trade.state {
            State::Working => Ok(at),
            State::Unseen | State::Failed(_) if trade.kind.front() => Ok(at),
            state => Err(format!("the order is {state:?}")),
        }
    }

    pub(super) fn payer_goes_to_bank(&mut self, world: &World, at: usize) {
        if self.book.trades.get(at).is_some_and(|trade| trade.payable(world.unix())) {
            self.set(at, State::Working);
        }
    }

    /// The payer, or the bank he had gone to, is done.
    pub(super) fn payer_is_done(&mut self, world: &mut World, at: usize) {
        let Some(trade) = self.book.trades.get(at) else { return };
        match trade.state {
            _ if trade.payable(world.unix()) => self.take(world, at, "00"),
            State::Working if trade.kind.front() => self.take_late(world, at),
            State::Working => self.take(world, at, "00"),
            _ => {}
        }
    }

    /// A try has failed. That ends a scanned one; an order that the payer drives stays open until its time is over.
    pub(super) fn try_fails(&mut self, world: &mut World, at: usize, code: &'static str) {
        let Some(trade) = self.book.trades.get(at) else { return };
        match (trade.kind.front(), trade.state) {
            (true, State::Unseen | State::Working | State::Failed(_)) => self.set(at, State::Failed(code)),
            (false, State::Working) => {
                self.set(at, State::Failed(code));
                notices::tell(self, world, at);
            }
            _ => {}
        }
    }

    /// Takes the money of an order, and tells it.
    fn take(&mut self, world: &mut World, at: usize, code: &'static str) {
        if self.charged(world, at, State::Done(code)) {
            notices::tell(self, world, at);
        }
    }

    /// Takes money that nobody waits for any more: it is not told, and goes back by itself.
    fn take_late(&mut self, world: &mut World, at: usize) {
        if self.charged(world, at, State::Late) {
            world.after(self.config.late_refund_after, Alarm::LateGoesBack(at));
        }
    }

    fn charged(&mut self, world: &mut World, at: usize, state: State) -> bool {
        let now = world.unix();
        let Some(trade) = self.book.trades.get_mut(at) else { return false };
        let charged = world.bank.charge(world.wall, &trade.query_id, trade.order_id(), false, trade.amount, "cny").is_ok();
        if charged {
            (trade.state, trade.done) = (state, Some(now));
        }
        charged
    }

    pub(super) fn late_goes_back(&mut self, world: &mut World, at: usize) {
        let Some(trade) = self.book.trades.get(at).filter(|trade| trade.state == State::Late) else { return };
        if world.bank.refund(world.wall, &trade.query_id, trade.amount) == Err(Refusal::NoFunds) {
            world.after(self.config.late_refund_after, Alarm::LateGoesBack(at));
        }
    }

    pub(super) fn set(&mut self, at: usize, state: State) {
        if let Some(trade) = self.book.trades.get_mut(at) {
            trade.state = state;
        }
    }

    /// The buttons of the sandbox's own page: `tn` and `answer`, `pay` or `fail`. The browser goes back to the merchant.
    pub(super) fn payer_answers(&mut self, world: &mut World, request: &Request) -> Reply {
        let Ok(form) = auth::read(request) else { return page::failed(http::StatusCode::BAD_REQUEST) };
        let (sign, pays) = (said(&form, "tn"), said(&form, "answer") == "pay");
        let result = if pays { self.payer_pays(world, sign).map(drop) } else { self.payer_fails(world, sign) };
        match result.and_then(|()| self.returned(sign).ok_or_else(|| "the order has no frontUrl".to_owned())) {
            Ok((url, fields)) => page::goes_back(&url, &fields),
            Err(why) => page::sorry(&why),
        }
    }

    /// What the payer's browser carries back to the merchant: `frontUrl` and the signed fields, once there is something to tell.
    pub(super) fn returned(&self, sign: &str) -> Option<(String, Fields)> {
        let trade = self.book.trades.get(self.book.in_payers_view(sign)?)?;
        let url = Some(trade.says("frontUrl")).filter(|url| !url.is_empty())?.to_owned();
        Some((url, seal::sealed(objects::told(trade, None)?, &self.signer(), None)))
    }
}
