//! What Alipay remembers: what was offered to payers, the trades that came of it, and their refunds.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::config::Seller;
use super::times;

/// How an order comes to its payer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Product {
    Page,
    Wap,
    App,
    QrCode,
    Barcode,
    Create,
}

impl Product {
    /// By the method that asks for it.
    pub(super) fn of(method: &str) -> Option<Self> {
        Some(match method {
            "alipay.trade.page.pay" => Self::Page,
            "alipay.trade.wap.pay" => Self::Wap,
            "alipay.trade.app.pay" => Self::App,
            "alipay.trade.precreate" => Self::QrCode,
            "alipay.trade.pay" => Self::Barcode,
            "alipay.trade.create" => Self::Create,
            _ => return None,
        })
    }

    /// Whether the payer brings the request.
    pub(super) fn is_carried(self) -> bool {
        matches!(self, Self::Page | Self::Wap | Self::App)
    }

    /// The `product_code`s it goes by; the first is meant if none is said.
    pub(super) fn codes(self) -> &'static [&'static str] {
        match self {
            Self::Page => &["FAST_INSTANT_TRADE_PAY"],
            Self::Wap => &["QUICK_WAP_WAY", "QUICK_WAP_PAY"],
            Self::App => &["QUICK_MSECURITY_PAY"],
            Self::QrCode | Self::Barcode => &["FACE_TO_FACE_PAYMENT"],
            Self::Create => &["JSAPI_PAY", "FACE_TO_FACE_PAYMENT"],
        }
    }
}

/// Until when a trade can be paid.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expiry {
    /// Unix time.
    At(i64),
    /// Seconds after the trade was made, which is when the payer opens it.
    After(i64),
    /// The end of the day on which the trade was made.
    EndOfDay,
}

impl Expiry {
    pub(super) fn of_trade_made(self, at: i64) -> i64 {
        match self {
            Self::At(time) => time,
            Self::After(seconds) => at.saturating_add(seconds),
            Self::EndOfDay => times::end_of_day(at),
        }
    }
}

/// What a merchant asks to be paid.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) seller: Seller,
    pub(super) number: String,
    pub(super) product: Product,
    /// The `biz_content`: a repeated request must have the same.
    pub(super) first: Value,
    pub(super) total: i64,
    pub(super) expiry: Expiry,
    pub(super) notify_url: Option<String>,
    pub(super) return_url: Option<String>,
    /// Whether it was placed under certificates.
    pub(super) certified: bool,
}

impl Order {
    /// A text of the request.
    pub(super) fn said(&self, name: &str) -> Option<&str> {
        self.first.get(name).and_then(Value::as_str)
    }

    /// Whether another request is this one again. The payer's code may be a new one.
    pub(super) fn same(&self, other: &Self) -> bool {
        let fixed = |order: &Self| {
            let mut first = order.first.clone();
            if let Value::Object(fields) = &mut first {
                fields.remove("auth_code");
                fields.remove("scene");
            }
            first
        };
        self.product == other.product && self.total == other.total && fixed(self) == fixed(other)
    }
}

/// What a payer was shown, and has not opened: no trade yet.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub(super) order: Order,
    /// What the QR code's address ends in.
    pub(super) code: String,
    pub(super) valid_until: i64,
}

/// `trade_status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    Success,
    Finished,
    Closed,
}

impl State {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Waiting => "WAIT_BUYER_PAY",
            Self::Success => "TRADE_SUCCESS",
            Self::Finished => "TRADE_FINISHED",
            Self::Closed => "TRADE_CLOSED",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Trade {
    pub(super) order: Order,
    pub(super) trade_no: String,
    pub(super) buyer: String,
    pub(super) created: i64,
    pub(super) expires: i64,
    pub(super) state: State,
    /// Whether it still waits for this payer: not after a refused code.
    pub(super) payable: bool,
    pub(super) paid: Option<i64>,
    pub(super) closed: Option<i64>,
    pub(super) refunded: i64,
    /// What a cancel did to it.
    pub(super) canceled: Option<&'static str>,
    /// A cancel said `retry_flag` once.
    pub(super) cancel_put_off: bool,
}

impl Trade {
    /// The state that a query shows: time closes what nobody paid, and finishes what was paid long ago.
    pub(super) fn state_at(&self, now: i64, finishes_after: Duration) -> State {
        let long = i64::try_from(finishes_after.as_secs()).unwrap_or(i64::MAX);
        match (self.state, self.paid) {
            (State::Waiting, _) if now > self.expires => State::Closed,
            (State::Success, Some(paid)) if now >= paid.saturating_add(long) => State::Finished,
            (state, _) => state,
        }
    }
}

/// What became of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefundState {
    Done(i64),
    Later,
    Lost,
}

#[derive(Clone, Debug)]
pub(super) struct Refund {
    pub(super) trade: usize,
    /// The `out_request_no`, or in its absence the `out_trade_no`.
    pub(super) number: String,
    /// Whether the merchant gave the number.
    pub(super) named: bool,
    pub(super) amount: i64,
    pub(super) reason: Option<String>,
    pub(super) state: RefundState,
}

#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) offers: Vec<Offer>,
    pub(super) trades: Vec<Trade>,
    pub(super) refunds: Vec<Refund>,
    numbers: BTreeMap<(Seller, String), usize>,
}

impl Book {
    pub(super) fn add_trade(&mut self, trade: Trade) -> usize {
        let at = self.trades.len();
        self.numbers.insert((trade.order.seller.clone(), trade.order.number.clone()), at);
        self.trades.push(trade);
        at
    }

    pub(super) fn trade_of(&self, seller: &Seller, number: &str) -> Option<usize> {
        self.numbers.get(&(seller.clone(), number.to_owned())).copied()
    }

    pub(super) fn by_trade_no(&self, seller: &Seller, trade_no: &str) -> Option<usize> {
        self.trades.iter().rposition(|trade| trade.order.seller == *seller && trade.trade_no == trade_no)
    }

    pub(super) fn offer_of(&self, seller: &Seller, number: &str) -> Option<usize> {
        self.offers.iter().rposition(|offer| offer.order.seller == *seller && offer.order.number == number)
    }

    /// The trade by any of its names.
    pub(super) fn in_payers_view(&self, sign: &str) -> Option<usize> {
        self.trades.iter().rposition(|trade| trade.order.number == sign || trade.trade_no == sign)
    }

    pub(super) fn refund_of(&self, trade: usize, number: &str) -> Option<usize> {
        self.refunds.iter().position(|refund| refund.trade == trade && refund.number == number)
    }

    /// What is asked back from a trade and has not been given yet, but will.
    pub(super) fn pending(&self, trade: usize) -> i64 {
        let pending = |refund: &&Refund| refund.trade == trade && refund.state == RefundState::Later;
        self.refunds.iter().filter(pending).map(|refund| refund.amount).sum()
    }
}
