//! The nodes of answers: trades, refunds and cancels as Alipay shows them.

use serde_json::{Map, Value, json};

use super::amounts::yuan;
use super::book::{Refund, RefundState, State, Trade};
use super::trades::Canceled;
use super::{orders, times};
use crate::world::World;

const LOGON: &str = "159****5620";

/// A node that says that all went well.
fn good<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    let mut node = Map::new();
    put(&mut node, [("code", json!("10000")), ("msg", json!("Success"))]);
    put(&mut node, fields);
    node
}

fn put<const N: usize>(node: &mut Map<String, Value>, fields: [(&str, Value); N]) {
    node.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
}

fn names(trade: &Trade) -> [(&'static str, Value); 2] {
    [("trade_no", json!(trade.trade_no)), ("out_trade_no", json!(trade.order.number))]
}

/// The answer to a trade that was created, or closed.
pub(super) fn named(trade: &Trade) -> Value {
    Value::Object(good(names(trade)))
}

/// The answer to a code that pays.
pub(super) fn paid(trade: &Trade) -> Value {
    let mut node = good(names(trade));
    put(&mut node, amounts(trade));
    put(
        &mut node,
        [("buyer_logon_id", json!(LOGON)), ("buyer_user_id", json!(trade.buyer)), ("fund_bill_list", json!(bills(trade)))],
    );
    if let Some(at) = trade.paid {
        put(&mut node, [("gmt_payment", json!(times::beijing(at)))]);
    }
    Value::Object(node)
}

/// The answer to a code whose payer is asked for the password.
pub(super) fn waiting(trade: &Trade) -> Value {
    let mut node = good(names(trade));
    put(&mut node, [("code", json!("10003")), ("msg", json!("order success pay inprocess")), ("buyer_logon_id", json!(LOGON))]);
    put(&mut node, [("total_amount", json!(yuan(trade.order.total))), ("buyer_user_id", json!(trade.buyer))]);
    Value::Object(node)
}

/// A trade as a query shows it, in that state.
pub(super) fn trade(trade: &Trade, state: State) -> Value {
    let mut node = good(names(trade));
    put(&mut node, amounts(trade));
    put(
        &mut node,
        [("trade_status", json!(state.word())), ("buyer_logon_id", json!(LOGON)), ("buyer_user_id", json!(trade.buyer))],
    );
    if let Some(at) = trade.paid {
        put(&mut node, [("send_pay_date", json!(times::beijing(at))), ("fund_bill_list", json!(bills(trade)))]);
    }
    Value::Object(node)
}

/// What was to be paid, and what was: nothing, as long as nobody has paid.
pub(super) fn amounts(trade: &Trade) -> [(&'static str, Value); 5] {
    let paid = json!(yuan(trade.paid.map_or(0, |_| trade.order.total)));
    [
        ("total_amount", json!(yuan(trade.order.total))),
        ("receipt_amount", paid.clone()),
        ("buyer_pay_amount", paid.clone()),
        ("invoice_amount", paid),
        ("point_amount", json!("0.00")),
    ]
}

fn bills(trade: &Trade) -> Value {
    json!([{"amount": yuan(trade.order.total), "fund_channel": "ALIPAYACCOUNT"}])
}

/// The answer to a cancel.
pub(super) fn canceled(canceled: &Canceled, trade: Option<&Trade>, asked: Option<&str>) -> Value {
    let mut node = good([("retry_flag", json!(if canceled.retry { "Y" } else { "N" }))]);
    match (trade, asked) {
        (Some(trade), _) => put(&mut node, names(trade)),
        (None, Some(number)) => put(&mut node, [("out_trade_no", json!(number))]),
        (None, None) => {}
    }
    if let Some(action) = canceled.action {
        put(&mut node, [("action", json!(action))]);
    }
    Value::Object(node)
}

/// The answer to a refund: `refund_fee` is what was given back of the trade so far, by all refunds.
pub(super) fn refunded(trade: &Trade, moved: bool, now: i64) -> Value {
    let mut node = good(names(trade));
    put(
        &mut node,
        [
            ("buyer_logon_id", json!(LOGON)),
            ("buyer_user_id", json!(trade.buyer)),
            ("fund_change", json!(if moved { "Y" } else { "N" })),
            ("refund_fee", json!(yuan(trade.refunded))),
            ("gmt_refund_pay", json!(times::beijing(now))),
        ],
    );
    Value::Object(node)
}

/// A refund as a query shows it: its status only if it is done.
pub(super) fn refund(refund: &Refund, trade: &Trade, time: bool) -> Value {
    let mut node = good(names(trade));
    put(
        &mut node,
        [
            ("out_request_no", json!(refund.number)),
            ("refund_amount", json!(yuan(refund.amount))),
            ("total_amount", json!(yuan(trade.order.total))),
        ],
    );
    if let Some(reason) = &refund.reason {
        put(&mut node, [("refund_reason", json!(reason))]);
    }
    if let RefundState::Done(at) = refund.state {
        put(&mut node, [("refund_status", json!("REFUND_SUCCESS"))]);
        if time {
            put(&mut node, [("gmt_refund_pay", json!(times::beijing(at)))]);
        }
    }
    Value::Object(node)
}

/// The answer about a refund that nobody here knows.
pub(super) fn nothing() -> Value {
    Value::Object(good([]))
}

/// The answer about something that nobody here knows.
pub(super) fn stranger(world: &mut World) -> Value {
    let (number, trade_no, code) = (world.digits(18), world.digits(28), world.letters(20));
    Value::Object(good([
        ("out_trade_no", json!(number)),
        ("trade_no", json!(trade_no)),
        ("out_request_no", json!(number)),
        ("qr_code", json!(format!("{}{code}", orders::QR_CODE))),
        ("trade_status", json!("TRADE_SUCCESS")),
        ("total_amount", json!("0.01")),
        ("refund_amount", json!("0.01")),
        ("refund_fee", json!("0.01")),
        ("fund_change", json!("Y")),
        ("refund_status", json!("REFUND_SUCCESS")),
        ("action", json!("close")),
    ]))
}
