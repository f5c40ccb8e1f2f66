//! What an order says beside number and money: the fields of `biz_content`, each checked against its limit before it is sent.

use std::collections::BTreeMap;

use paysluice::adapter::{Charge, Method};
use paysluice::model::{Error, Invalid};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::sign::json;

/// The `biz_content` of any order.
#[derive(Serialize)]
pub(crate) struct Body<'a> {
    pub(crate) out_trade_no: &'a str,
    pub(crate) total_amount: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) product_code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time_expire: Option<String>,
    #[serde(flatten)]
    pub(crate) payer: Payer<'a>,
    #[serde(flatten)]
    pub(crate) more: BTreeMap<&'a str, More<'a>>,
}

/// Who pays, where the merchant names them.
#[derive(Default, Serialize)]
pub(crate) struct Payer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    scene: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    buyer_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    buyer_open_id: Option<&'a str>,
}

/// A field that most orders do without.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum More<'a> {
    Text(std::borrow::Cow<'a, str>),
    Json(&'a RawValue),
}

/// The fields that `extra` may set, and how long each may be. Whatever else is money, identity, or has a field of its own.
const TEXTS: [(&str, usize); 13] = [
    ("body", 128),
    ("passback_params", 512),
    ("store_id", 32),
    ("operator_id", 28),
    ("terminal_id", 32),
    ("alipay_store_id", 32),
    ("merchant_order_no", 32),
    ("disable_pay_channels", 128),
    ("enable_pay_channels", 128),
    ("quit_url", 400),
    ("qr_pay_mode", 2),
    ("qrcode_width", 4),
    ("op_app_id", 32),
];

/// The same, as JSON.
const JSON: [&str; 4] = ["goods_detail", "extend_params", "business_params", "ext_user_info"];

/// "Must not hold / = &", at most 256 characters.
pub(crate) fn subject<'a>(op: &'a Charge, number: &'a str) -> Result<&'a str, Error> {
    let Some(text) = op.description.as_deref() else { return Ok(number) };
    if text.contains(['/', '=', '&']) {
        return Err(Invalid::new("description", "without / = &, which Alipay refuses").into());
    }
    limited("description", text, 256)
}

/// The payer by code or by id.
pub(crate) fn payer(method: &Method) -> Result<Payer<'_>, Error> {
    match method {
        Method::Barcode(code) => {
            let digits = (16..=24).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit());
            let of_payer = matches!(code.get(..2).and_then(|head| head.parse().ok()), Some(25..=30));
            // What a face or a sound was turned into on the merchant's own device.
            let security = code.starts_with("fp") && code.len() == 35 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
            let scene = match (digits && of_payer, security) {
                (true, _) => "bar_code",
                (_, true) => "security_code",
                _ => {
                    let rule = "the payer's code: 16 to 24 digits that begin with 25 to 30, or fp and 33 characters";
                    return Err(Invalid::new("method.barcode", rule).into());
                }
            };
            Ok(Payer { scene: Some(scene), auth_code: Some(code), ..Payer::default() })
        }
        Method::MiniProgram { payer } => {
            let fits = (1..=128).contains(&payer.len()) && payer.bytes().all(|byte| byte.is_ascii_graphic());
            let id = Some(payer.as_str()).filter(|_| fits);
            let id = id.ok_or_else(|| Invalid::new("method.payer", "the payer's user id (2088…) or open id"))?;
            let by_user_id = id.len() == 16 && id.starts_with("2088") && id.bytes().all(|byte| byte.is_ascii_digit());
            let (buyer_id, buyer_open_id) = if by_user_id { (Some(id), None) } else { (None, Some(id)) };
            Ok(Payer { buyer_id, buyer_open_id, ..Payer::default() })
        }
        _ => Ok(Payer::default()),
    }
}

/// The fields of `extra` and `metadata`, and what a product cannot do without. `app`: whose mini program it is.
pub(crate) fn more<'a>(op: &'a Charge, app: &'a str) -> Result<BTreeMap<&'a str, More<'a>>, Error> {
    let mut more = BTreeMap::new();
    for (name, text) in &op.extra {
        let value = match TEXTS.iter().find(|(known, _)| known == name) {
            Some((_, most)) => More::Text(limited(&format!("extra.{name}"), text, *most)?.into()),
            None if JSON.contains(&name.as_str()) => More::Json(raw(name, text)?),
            None => {
                let names = TEXTS.map(|(name, _)| name).join(", ");
                let rule = format!("absent: extra takes {names} and, as JSON, {}", JSON.join(", "));
                return Err(Invalid::new(format!("extra.{}", name.chars().take(40).collect::<String>()), rule).into());
            }
        };
        more.insert(name.as_str(), value);
    }
    if !op.metadata.is_empty() {
        more.insert("passback_params", More::Text(passback(op)?.into()));
    }
    match &op.method {
        Method::MiniProgram { .. } => {
            more.entry("op_app_id").or_insert_with(|| More::Text(app.into()));
        }
        Method::Redirect(paysluice::adapter::Surface::Wap) => {
            if let Some(url) = &op.return_url {
                more.entry("quit_url").or_insert_with(|| More::Text(url.as_str().into()));
            }
        }
        _ => {}
    }
    Ok(more)
}

/// `passback_params` comes back in notices: the application's metadata, as JSON, percent-encoded as Alipay asks for.
fn passback(op: &Charge) -> Result<String, Error> {
    if op.extra.contains_key("passback_params") {
        return Err(Invalid::new("metadata", "empty where extra.passback_params is given: it is sent as that").into());
    }
    let text = utf8_percent_encode(&json(&op.metadata)?, NON_ALPHANUMERIC).to_string();
    if text.len() > 512 {
        return Err(
            Invalid::new("metadata", "at most 512 characters as percent-encoded JSON: passback_params takes no more").into()
        );
    }
    Ok(text)
}

fn raw<'a>(name: &str, text: &'a str) -> Result<&'a RawValue, Error> {
    serde_json::from_str::<&RawValue>(text)
        .ok()
        .filter(|raw| raw.get().starts_with(['{', '[']) && text.len() <= 8000)
        .ok_or_else(|| Invalid::new(format!("extra.{name}"), "a JSON object or list of at most 8000 bytes").into())
}

/// A text within its limit, in characters.
pub(crate) fn limited<'a>(field: &str, text: &'a str, most: usize) -> Result<&'a str, Error> {
    if (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        Ok(text)
    } else {
        Err(Invalid::new(field, format!("1 to {most} characters, none of them a control character")).into())
    }
}
