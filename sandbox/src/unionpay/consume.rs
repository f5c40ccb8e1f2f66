//! Consumptions: by a form in the browser, by a `tn` for the app, by a code that the payer or the merchant scans.

use super::book::{Kind, State, Trade};
use super::codes::Refusal;
use super::fields::{amount, need, one_of, said, without};
use super::seal::Fields;
use super::{Answer, Outcome, UnionPay, times};
use crate::world::{World, unix};

/// Fields of trades on another trade.
const ORIG: &[&str] = &["origQryId", "origOrderId", "origTxnTime", "queryId"];

impl UnionPay {
    pub(super) fn consume(&mut self, world: &mut World, asked: &Fields, kind: Kind) -> Outcome {
        let amount = checked(asked, kind)?;
        if let Some(known) = self.book.by_key(said(asked, "orderId"), said(asked, "txnTime")) {
            return self.again(world, asked, known, kind);
        }
        self.fresh(world, asked)?;
        let named = times::unix_of(said(asked, "payTimeout"));
        if named.is_some_and(|until| until <= world.unix()) {
            return Err(Refusal::new("39", "[6100032]payTimeout has passed"));
        }
        if kind == Kind::QrScanned {
            return Ok(self.scan(world, asked, amount));
        }
        let trade = Trade::new(world, asked.clone(), kind, amount, State::Unseen);
        let at = self.book.add(trade);
        self.await_payer(world, at);
        Ok(Answer::Placed(at, "00"))
    }

    /// The key of a trade that is known. Only a payer's browser may send its form again, until it has paid.
    fn again(&self, world: &World, asked: &Fields, known: usize, kind: Kind) -> Outcome {
        let same = |trade: &&Trade| kind == Kind::Web && trade.said == *asked && trade.payable(world.unix());
        match self.book.trades.get(known).filter(same) {
            Some(_) => Ok(Answer::Placed(known, "00")),
            None => Err(Refusal::duplicate("the same orderId and txnTime")),
        }
    }

    /// Whether a trade of this orderId and txnTime may be placed now.
    pub(super) fn fresh(&self, world: &World, asked: &Fields) -> Result<(), Refusal> {
        if self.book.used_on_day_of(said(asked, "orderId"), said(asked, "txnTime")) {
            return Err(Refusal::duplicate("this orderId was used today with another txnTime"));
        }
        let sent = times::unix_of(said(asked, "txnTime")).unwrap_or_default();
        // By the wall, whatever a fault makes of the face's clock.
        if unix(world.wall).abs_diff(sent) > self.config.time_window.as_secs() {
            return Err(Refusal::format("txnTime", "must be the current time in Beijing"));
        }
        Ok(())
    }
}

fn checked(asked: &Fields, kind: Kind) -> Result<i64, Refusal> {
    need(asked, &["orderId", "txnTime", "backUrl"])?;
    without(asked, ORIG)?;
    match kind {
        Kind::Web => {
            one_of(asked, "bizType", &["000201", "000202"])?;
            one_of(asked, "channelType", &["05", "07", "08", "16"])?;
            need(asked, &["frontUrl"])?;
        }
        Kind::App => {
            one_of(asked, "bizType", &["000000", "000201", "000802"])?;
            one_of(asked, "channelType", &["07", "08"])?;
        }
        Kind::QrShown | Kind::QrScanned | Kind::Revoke | Kind::Refund => {
            one_of(asked, "bizType", &["000000"])?;
            one_of(asked, "channelType", &["07", "08"])?;
        }
    }
    if kind == Kind::QrScanned {
        need(asked, &["qrNo"])?;
    } else {
        without(asked, &["qrNo"])?;
    }
    amount(asked)
}
