//! Orders and refunds as WeChat Pay shows them: what an unpaid order does not have yet is left out.

use serde_json::{Map, Value, json};

use super::book::{Order, Payee, Product, Refund, State};
use super::orders::CODE_URL;
use super::times;
use crate::world::World;

/// The answer to a placed order.
pub(super) fn prepaid(order: &Order) -> Value {
    match order.product {
        Product::Native => json!({"code_url": format!("{CODE_URL}{}", order.code)}),
        Product::H5 => {
            let url = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb";
            json!({"h5_url": format!("{url}?prepay_id={}&package={}", order.prepay_id, order.code)})
        }
        Product::Jsapi | Product::App | Product::CodePay => json!({"prepay_id": order.prepay_id}),
    }
}

/// A transaction, in that state.
pub(super) fn order(order: &Order, state: State) -> Value {
    let mut shown = parties(&order.payee, order);
    let (word, sentence) = state.words();
    let mut amount = json!({"total": order.total, "currency": "CNY"});
    put(&mut shown, [("out_trade_no", json!(order.number)), ("trade_state", json!(word)), ("trade_state_desc", json!(sentence))]);
    if let Some((transaction, at)) = &order.paid {
        amount = json!({"total": order.total, "payer_total": order.total, "currency": "CNY", "payer_currency": "CNY"});
        put(
            &mut shown,
            [
                ("transaction_id", json!(transaction)),
                ("trade_type", json!(order.product.trade_type())),
                ("bank_type", json!("OTHERS")),
                ("attach", json!(order.said("attach").unwrap_or_default())),
                ("success_time", json!(times::beijing(*at))),
                ("payer", payer(order)),
            ],
        );
    }
    put(&mut shown, [("amount", amount), ("promotion_detail", json!([]))]);
    Value::Object(shown)
}

/// A refund as it is queried.
pub(super) fn refund(refund: &Refund, order: &Order) -> Value {
    let mut shown = refund_core(refund, order);
    put(
        &mut shown,
        [
            ("channel", json!("ORIGINAL")),
            ("create_time", json!(times::beijing(refund.created))),
            ("status", json!(refund.status)),
            ("funds_account", json!("AVAILABLE")),
            (
                "amount",
                json!({
                    "total": order.total, "refund": refund.amount, "from": [], "payer_total": order.total,
                    "payer_refund": refund.amount, "settlement_refund": refund.amount, "settlement_total": order.total,
                    "discount_refund": 0, "currency": "CNY", "refund_fee": 0,
                }),
            ),
            ("promotion_detail", json!([])),
        ],
    );
    Value::Object(shown)
}

/// A refund as a notice tells it: with other names, and the merchant in it.
pub(super) fn refund_told(refund: &Refund, order: &Order) -> Value {
    let mut shown = refund_core(refund, order);
    if let Some(sub) = &refund.payee.sub_mchid {
        put(&mut shown, [("sp_mchid", json!(refund.payee.mchid)), ("sub_mchid", json!(sub))]);
    } else {
        put(&mut shown, [("mchid", json!(refund.payee.mchid))]);
    }
    let (total, part) = (order.total, refund.amount);
    let amount = json!({"total": total, "refund": part, "payer_total": total, "payer_refund": part});
    put(&mut shown, [("refund_status", json!(refund.status)), ("amount", amount)]);
    Value::Object(shown)
}

fn refund_core(refund: &Refund, order: &Order) -> Map<String, Value> {
    let transaction = order.paid.as_ref().map(|(transaction, _)| transaction.as_str()).unwrap_or_default();
    let mut shown = Map::new();
    put(
        &mut shown,
        [
            ("refund_id", json!(refund.id)),
            ("out_refund_no", json!(refund.number)),
            ("transaction_id", json!(transaction)),
            ("out_trade_no", json!(order.number)),
            ("user_received_account", json!("支付用户零钱")),
        ],
    );
    if let Some(at) = refund.succeeded {
        put(&mut shown, [("success_time", json!(times::beijing(at)))]);
    }
    shown
}

/// Who pays whom: with other names in partner mode.
fn parties(payee: &Payee, order: &Order) -> Map<String, Value> {
    let mut shown = Map::new();
    match &payee.sub_mchid {
        None => put(&mut shown, [("appid", json!(order.said("appid"))), ("mchid", json!(payee.mchid))]),
        Some(sub) => {
            let appid = json!(order.said("sp_appid"));
            put(&mut shown, [("sp_appid", appid), ("sp_mchid", json!(payee.mchid)), ("sub_mchid", json!(sub))]);
            if let Some(appid) = order.said("sub_appid") {
                put(&mut shown, [("sub_appid", json!(appid))]);
            }
        }
    }
    shown
}

fn payer(order: &Order) -> Value {
    let said =
        |path: &str| order.first.pointer(path).and_then(Value::as_str).unwrap_or("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o").to_owned();
    match (&order.payee.sub_mchid, order.first.pointer("/payer/sub_openid")) {
        (None, _) => json!({"openid": said("/payer/openid")}),
        (Some(_), None) => json!({"sp_openid": said("/payer/sp_openid")}),
        (Some(_), Some(_)) => json!({"sub_openid": said("/payer/sub_openid")}),
    }
}

fn put<const N: usize>(shown: &mut Map<String, Value>, fields: [(&str, Value); N]) {
    shown.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
}

/// The answer about something that nobody here knows.
pub(super) fn stranger(world: &mut World) -> Value {
    let (prepay_id, number, code) = (world.letters(24), world.digits(20), world.letters(9));
    json!({
        "prepay_id": format!("wx{prepay_id}"), "code_url": format!("{CODE_URL}{code}"), "h5_url": format!("https://wx.tenpay.com/{code}"),
        "appid": "wx0000000000000000", "mchid": "1900000000", "out_trade_no": number, "out_refund_no": number,
        "transaction_id": format!("42000{number}"), "refund_id": format!("50300{number}"), "trade_state": "SUCCESS", "status": "SUCCESS",
        "trade_state_desc": "支付成功", "amount": {"total": 1, "refund": 1, "payer_total": 1, "payer_refund": 1, "currency": "CNY"},
    })
}
