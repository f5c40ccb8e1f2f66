//! Callbacks: a form with what happened, signed anew for every delivery, under one `notify_id` in all of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use paysluice::adapter::Form;
use serde_json::{Value, json};

use super::book::State;
use super::seal::Seal;
use super::{Alipay, amounts, objects, times};
use crate::fault::CallbackFault;
use crate::letter::{Letter, News, Sealed};
use crate::meddle::Forgery;
use crate::world::World;

/// A notice with what it says.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) id: String,
    letter: Arc<Notice>,
}

/// A notice on its way to a `notify_url`.
#[derive(Debug)]
struct Notice {
    fields: BTreeMap<String, String>,
    url: String,
    seal: Seal,
    waits: Arc<[Duration]>,
}

/// Tells where a trade stands: opened, paid or finished.
pub(super) fn tell_trade(face: &mut Alipay, world: &mut World, at: usize) {
    tell(face, world, at, &[]);
}

/// Tells that something was given back; a full refund closes the trade.
pub(super) fn tell_refund(face: &mut Alipay, world: &mut World, at: usize, number: Option<String>) {
    let Some(trade) = face.book.trades.get(at) else { return };
    let mut more = vec![
        // Of all refunds so far, as in the answer.
        ("refund_fee", amounts::yuan(trade.refunded)),
        ("gmt_refund", format!("{}.000", times::beijing(world.unix()))),
    ];
    more.extend(number.map(|number| ("out_biz_no", number)));
    more.extend(trade.closed.map(|closed| ("gmt_close", times::beijing(closed))));
    tell(face, world, at, &more);
}

fn tell(face: &mut Alipay, world: &mut World, at: usize, more: &[(&str, String)]) {
    let Some(trade) = face.book.trades.get(at).filter(|trade| trade.order.notify_url.is_some()).cloned() else { return };
    let Some(url) = trade.order.notify_url.clone() else { return };
    let order = &trade.order;
    let day: String = times::beijing(world.unix()).chars().take(10).filter(char::is_ascii_digit).collect();
    let id = format!("{day}00222{}", world.digits(21));
    let mut fields: BTreeMap<String, String> = BTreeMap::new();
    let mut put = |name: &str, value: &str| {
        fields.insert(name.to_owned(), value.to_owned());
    };
    for (name, value) in [
        ("notify_type", "trade_status_sync"),
        ("notify_id", &id),
        ("app_id", &face.identity.app_id),
        ("auth_app_id", &order.seller.app_id),
        ("charset", "utf-8"),
        ("version", "1.0"),
        ("sign_type", "RSA2"),
        ("trade_no", &trade.trade_no),
        ("out_trade_no", &order.number),
        ("buyer_id", &trade.buyer),
        ("seller_id", &order.seller.id),
        ("trade_status", trade.state.word()),
        ("gmt_create", &times::beijing(trade.created)),
    ] {
        put(name, value);
    }
    for name in ["subject", "body", "passback_params"] {
        if let Some(value) = order.said(name) {
            put(name, value);
        }
    }
    let shown = if trade.state == State::Waiting { 1 } else { 5 };
    for (name, value) in objects::amounts(&trade).iter().take(shown) {
        put(name, value.as_str().unwrap_or_default());
    }
    if let Some(paid) = trade.paid {
        put("gmt_payment", &times::beijing(paid));
        put("fund_bill_list", &json!([{"amount": amounts::yuan(order.total), "fundChannel": "ALIPAYACCOUNT"}]).to_string());
    }
    for (name, value) in more {
        put(name, value);
    }
    let waits = world.config.alipay.notice_waits.clone().into();
    let seal = face.seal(order.certified);
    let letter = Arc::new(Notice { fields, url, seal, waits });
    world.news.push(News { id: id.clone(), skew: world.skew, letter: letter.clone() });
    face.told.push(Told { id, letter });
}

impl Told {
    /// The notice on its way once more.
    pub(super) fn again(&self) -> News {
        News { id: self.id.clone(), skew: 0, letter: self.letter.clone() }
    }

    /// What it says, without the time and the signature of a delivery.
    pub(super) fn fields(&self) -> Value {
        json!(self.letter.fields)
    }
}

/// The text that a signature is of: every field with a value but `sign` and `sign_type`, by name, joined by `&`.
fn signed_text(fields: &BTreeMap<String, String>) -> String {
    let signed = fields.iter().filter(|(name, value)| !["sign", "sign_type"].contains(&name.as_str()) && !value.is_empty());
    signed.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Fields with their signature, as a form.
pub(super) fn signed_form(mut fields: BTreeMap<String, String>, seal: &Seal, forgery: Option<Forgery>) -> String {
    if let Some(sign) = seal.sign(signed_text(&fields).as_bytes(), forgery) {
        fields.insert("sign".to_owned(), sign);
    }
    Form::encode(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

impl Letter for Notice {
    fn sealed(&self, at: i64, _attempt: u32, how: CallbackFault) -> Sealed {
        let forgery = match how {
            CallbackFault::Pass
            | CallbackFault::Duplicate
            | CallbackFault::Late { .. }
            | CallbackFault::Early
            | CallbackFault::Reordered
            | CallbackFault::Missing => None,
            CallbackFault::BadSignature | CallbackFault::SignProbe => Some(Forgery::Broken),
            CallbackFault::OtherSecret | CallbackFault::OtherName | CallbackFault::OutOfTime => Some(Forgery::OtherKey),
        };
        let mut fields = self.fields.clone();
        fields.insert("notify_time".to_owned(), times::beijing(at));
        let headers = vec![
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8".to_owned()),
            ("user-agent", "Mozilla/4.0".to_owned()),
        ];
        Sealed { headers, body: signed_form(fields, &self.seal, forgery) }
    }

    fn address(&self) -> Option<&str> {
        Some(&self.url)
    }

    fn taken_by(&self, status: u16, body: &[u8]) -> bool {
        status == 200 && body == b"success"
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn waits(&self) -> Arc<[Duration]> {
        self.waits.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::alipay::vectors;

    /// yansongda/pay's and the official Node SDK's published notices: the text that their signatures are of.
    #[test]
    fn published_notices_are_of_the_text_that_is_signed_here() {
        for vector in vectors::notices() {
            let fields = vector.parameters.iter().cloned().collect();
            assert_eq!(signed_text(&fields), vector.canonical, "{}", vector.name);
        }
    }
}
