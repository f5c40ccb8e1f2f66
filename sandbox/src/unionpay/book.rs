//! What UnionPay remembers: trades, oldest first, found by orderId and txnTime together.

use std::collections::BTreeMap;

use super::seal::Fields;
use super::times;
use crate::world::World;

/// What kind of trade it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// In the payer's browser: web, WAP, B2B.
    Web,
    /// In the payer's app, by `tn`.
    App,
    /// The payer scans (申码).
    QrShown,
    /// The merchant scans (被扫).
    QrScanned,
    /// 消费撤销.
    Revoke,
    /// 退货.
    Refund,
}

impl Kind {
    /// Whether it takes money.
    pub(super) fn consumes(self) -> bool {
        !matches!(self, Self::Revoke | Self::Refund)
    }

    /// Whether the payer drives it: a failed try does not end it before `payTimeout`.
    pub(super) fn front(self) -> bool {
        matches!(self, Self::Web | Self::App | Self::QrShown)
    }
}

/// Where a trade stands. The codes are what a query shows as `origRespCode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nobody has tried to pay yet: a query knows of no trade.
    Unseen,
    /// At the bank, or accepted and not done yet: `05`.
    Working,
    Failed(&'static str),
    /// `00` or `A6`.
    Done(&'static str),
    /// Charged after `payTimeout`: `42`. The money goes back by itself.
    Late,
    /// Taken back by 冲正: `45`.
    Reversed,
}

#[derive(Clone, Debug)]
pub(super) struct Trade {
    /// The request that placed it.
    pub(super) said: Fields,
    pub(super) kind: Kind,
    pub(super) amount: i64,
    pub(super) state: State,
    /// What the payer's device is given: a `tn`, or a `qrCode`.
    pub(super) handed: String,
    pub(super) query_id: String,
    pub(super) trace_no: String,
    /// When it was placed, and until when it can be paid: unix seconds.
    pub(super) born: i64,
    pub(super) pay_until: i64,
    /// When money moved.
    pub(super) done: Option<i64>,
    /// The consumption that a revocation or refund is of.
    pub(super) of: Option<usize>,
}

impl Trade {
    pub(super) fn new(world: &mut World, said: Fields, kind: Kind, amount: i64, state: State) -> Self {
        let now = world.unix();
        let pay_timeout = i64::try_from(world.config.unionpay.pay_timeout.as_secs()).unwrap_or(i64::MAX);
        let named = said.get("payTimeout").and_then(|text| times::unix_of(text));
        let trace_no = world.digits(6);
        let stamp = times::stamp(now);
        let query_id = format!("78{}{trace_no}{}", stamp.get(2..).unwrap_or_default(), world.digits(1));
        let handed = match kind {
            Kind::QrShown => format!("https://qr.95516.com/00010000/{}", world.digits(26)),
            Kind::Web | Kind::App => world.digits(21),
            Kind::QrScanned | Kind::Revoke | Kind::Refund => String::new(),
        };
        let pay_until = named.unwrap_or_else(|| now.saturating_add(pay_timeout));
        Self { said, kind, amount, state, handed, query_id, trace_no, born: now, pay_until, done: None, of: None }
    }

    pub(super) fn order_id(&self) -> &str {
        self.says("orderId")
    }

    /// A field of the request that placed it; empty if it was not there.
    pub(super) fn says(&self, name: &str) -> &str {
        self.said.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Whether it still may take money when the payer comes.
    pub(super) fn payable(&self, unix: i64) -> bool {
        let open = matches!(self.state, State::Unseen | State::Working | State::Failed(_));
        self.kind.front() && open && unix <= self.pay_until
    }
}

#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) trades: Vec<Trade>,
    by_key: BTreeMap<(String, String), usize>,
}

impl Book {
    pub(super) fn add(&mut self, trade: Trade) -> usize {
        let at = self.trades.len();
        self.by_key.insert((trade.order_id().to_owned(), trade.says("txnTime").to_owned()), at);
        self.trades.push(trade);
        at
    }

    pub(super) fn by_key(&self, order_id: &str, txn_time: &str) -> Option<usize> {
        self.by_key.get(&(order_id.to_owned(), txn_time.to_owned())).copied()
    }

    pub(super) fn by_query_id(&self, id: &str) -> Option<usize> {
        self.trades.iter().rposition(|trade| trade.query_id == id)
    }

    /// Whether an orderId was used on the day of this txnTime, with whatever time.
    pub(super) fn used_on_day_of(&self, order_id: &str, txn_time: &str) -> bool {
        let day = txn_time.get(..8).unwrap_or_default();
        let of_order = self.by_key.range((order_id.to_owned(), day.to_owned())..);
        of_order.take_while(|((order, time), _)| order == order_id && time.starts_with(day)).next().is_some()
    }

    /// What a payer may hold: the consumption's orderId, its `tn`, its `qrCode`, or its queryId.
    pub(super) fn in_payers_view(&self, sign: &str) -> Option<usize> {
        self.trades.iter().rposition(|trade| {
            let names = [trade.order_id(), &trade.handed, &trade.query_id];
            trade.kind.consumes() && !sign.is_empty() && names.contains(&sign)
        })
    }

    /// The trades of this kind on a consumption that gave money back, or may.
    pub(super) fn back(&self, of: usize, kind: Kind) -> impl Iterator<Item = &Trade> {
        let gives = |trade: &&Trade| matches!(trade.state, State::Working | State::Done(_));
        self.trades.iter().filter(move |trade| trade.of == Some(of) && trade.kind == kind).filter(gives)
    }
}
