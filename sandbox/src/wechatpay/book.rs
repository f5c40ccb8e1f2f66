//! What WeChat Pay remembers: orders and refunds, oldest first, found by the merchant's number.

use std::collections::BTreeMap;
use std::time::Duration;

use paysluice::env::Mono;
use serde_json::Value;

/// How an order is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Product {
    Jsapi,
    App,
    H5,
    Native,
    CodePay,
}

impl Product {
    /// By the last part of its address.
    pub(super) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "jsapi" => Self::Jsapi,
            "app" => Self::App,
            "h5" => Self::H5,
            "native" => Self::Native,
            "codepay" => Self::CodePay,
            _ => return None,
        })
    }

    pub(super) fn trade_type(self) -> &'static str {
        match self {
            Self::Jsapi => "JSAPI",
            Self::App => "APP",
            Self::H5 => "MWEB",
            Self::Native => "NATIVE",
            Self::CodePay => "MICROPAY",
        }
    }
}

/// Transaction.trade_state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    NotPay,
    UserPaying,
    Success,
    Refund,
    Closed,
    Revoked,
    PayError,
}

impl State {
    pub(super) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::NotPay => ("NOTPAY", "订单未支付"),
            Self::UserPaying => ("USERPAYING", "用户支付中"),
            Self::Success => ("SUCCESS", "支付成功"),
            Self::Refund => ("REFUND", "订单发生过退款，退款详情请查询退款单"),
            Self::Closed => ("CLOSED", "订单已关闭"),
            Self::Revoked => ("REVOKED", "订单已撤销"),
            Self::PayError => ("PAYERROR", "支付失败(其他原因，如银行返回失败)"),
        }
    }
}

/// Whose money it is: the merchant, or the sub-merchant of a service provider.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Payee {
    pub(super) mchid: String,
    pub(super) sub_mchid: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) payee: Payee,
    pub(super) number: String,
    pub(super) product: Product,
    /// The parameters of the first request: a repeated one must have the same.
    pub(super) first: Value,
    pub(super) total: i64,
    pub(super) notify_url: Option<String>,
    pub(super) prepay_id: String,
    /// What the QR code's address ends in.
    pub(super) code: String,
    /// When the prepay id was made, and until when the order can be paid: unix seconds.
    pub(super) prepaid: i64,
    pub(super) expires: i64,
    pub(super) state: State,
    /// The payer is typing the password of an order that was scanned.
    pub(super) in_payers_hands: bool,
    /// Of a paid order: its transaction and time.
    pub(super) paid: Option<(String, i64)>,
}

impl Order {
    /// The state a query shows: an expired order is closed by the system some time later.
    pub(super) fn state_at(&self, unix: i64, closes_after: Duration) -> State {
        let closed = self.expires.saturating_add(i64::try_from(closes_after.as_secs()).unwrap_or(i64::MAX));
        if self.state == State::NotPay && !self.in_payers_hands && unix >= closed { State::Closed } else { self.state }
    }

    /// A parameter of the first request.
    pub(super) fn said(&self, name: &str) -> Option<&str> {
        self.first.get(name).and_then(Value::as_str)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Refund {
    pub(super) payee: Payee,
    pub(super) number: String,
    pub(super) id: String,
    pub(super) order: usize,
    pub(super) first: Value,
    pub(super) amount: i64,
    pub(super) notify_url: Option<String>,
    pub(super) status: &'static str,
    /// What it will come to.
    pub(super) end: &'static str,
    pub(super) created: i64,
    pub(super) born: Mono,
    pub(super) succeeded: Option<i64>,
}

#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) orders: Vec<Order>,
    pub(super) refunds: Vec<Refund>,
    order_numbers: BTreeMap<(Payee, String), usize>,
    refund_numbers: BTreeMap<(Payee, String), usize>,
}

impl Book {
    pub(super) fn add_order(&mut self, order: Order) -> usize {
        let at = self.orders.len();
        self.order_numbers.insert((order.payee.clone(), order.number.clone()), at);
        self.orders.push(order);
        at
    }

    pub(super) fn add_refund(&mut self, refund: Refund) -> usize {
        let at = self.refunds.len();
        self.refund_numbers.insert((refund.payee.clone(), refund.number.clone()), at);
        self.refunds.push(refund);
        at
    }

    pub(super) fn order_of(&self, payee: &Payee, number: &str) -> Option<usize> {
        self.order_numbers.get(&(payee.clone(), number.to_owned())).copied()
    }

    pub(super) fn refund_of(&self, payee: &Payee, number: &str) -> Option<usize> {
        self.refund_numbers.get(&(payee.clone(), number.to_owned())).copied()
    }

    pub(super) fn by_transaction(&self, payee: &Payee, id: &str) -> Option<usize> {
        self.orders.iter().rposition(|order| order.payee == *payee && order.paid.as_ref().is_some_and(|(paid, _)| paid == id))
    }

    /// What a payer may hold: the order's number, its prepay id, or what a QR code says.
    pub(super) fn in_payers_view(&self, sign: &str) -> Option<usize> {
        self.orders.iter().rposition(|order| {
            order.number == sign || order.prepay_id == sign || sign.strip_prefix(super::orders::CODE_URL) == Some(&order.code)
        })
    }

    /// The refunds of an order that gave money back, or will.
    pub(super) fn refunds_of(&self, order: usize) -> impl Iterator<Item = &Refund> {
        self.refunds.iter().filter(move |refund| refund.order == order && refund.status != "CLOSED")
    }
}
