//! What a payment's request says beside number and money: the fields that `extra`, `metadata` and the charge itself may set.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use paysluice::adapter::{Charge, Known};
use paysluice::model::{Error, ErrorKind, Invalid};

use crate::config::check_url;
use crate::sign::Pairs;

/// The name of the ref that holds a payment's `bizType`: what follows it names the same.
pub(crate) const BIZ_TYPE: &str = "biz_type";

/// The fields that `extra` may set, with their lengths. Whatever else is money, identity, a card's, or has a field of its own.
const EXTRA: [(&str, usize); 13] = [
    ("bizType", 6),
    ("channelType", 2),
    ("customerIp", 40),
    ("defaultPayType", 4),
    ("frontFailUrl", 256),
    ("issInsCode", 20),
    ("orderDesc", 32),
    ("reqReserved", 1024),
    ("reserved", 2048),
    ("riskRateInfo", 2048),
    ("supPayType", 64),
    ("termId", 8),
    ("termInfo", 300),
];

/// What cannot be read back from an answer, which is not encoded: `reqReserved` comes back as it was sent.
const UNREADABLE: [char; 10] = ['&', '=', '{', '}', '[', ']', '"', '\'', '\r', '\n'];

/// Puts in what `extra` and `metadata` say; a field that is there already is replaced.
pub(crate) fn more(op: &Charge, fields: &mut Pairs) -> Result<(), Error> {
    for (key, value) in &op.extra {
        let Some((name, most)) = EXTRA.iter().find(|(name, _)| name == key) else {
            let names: Vec<&str> = EXTRA.iter().map(|(name, _)| *name).collect();
            let field = format!("extra.{}", key.chars().take(40).collect::<String>());
            return Err(Invalid::new(field, format!("absent: extra takes {}", names.join(", "))).into());
        };
        check(name, *most, value)?;
        put(fields, name, value.clone());
    }
    if let Some(text) = op.description.as_deref().filter(|_| !op.extra.contains_key("orderDesc")) {
        put(fields, "orderDesc", limited("description", text, 32)?.to_owned());
    }
    if op.metadata.is_empty() {
        return Ok(());
    }
    if op.extra.contains_key("reqReserved") {
        return Err(Invalid::new("metadata", "empty where extra.reqReserved is given: it is sent as reqReserved").into());
    }
    put(fields, "reqReserved", packed(op)?);
    Ok(())
}

/// `reqReserved` comes back in answers, notices and bills: the application's metadata, as JSON in base64url, so that no character of
/// it can be taken for the next field.
fn packed(op: &Charge) -> Result<String, Error> {
    let json =
        serde_json::to_vec(&op.metadata).map_err(|_| Error::new(ErrorKind::Invalid, "metadata: cannot be written as JSON"))?;
    let text = URL_SAFE_NO_PAD.encode(json);
    if text.len() > 1024 {
        return Err(Invalid::new("metadata", "at most 768 bytes as JSON: UnionPay's reqReserved takes no more").into());
    }
    Ok(text)
}

fn check(name: &'static str, most: usize, value: &str) -> Result<(), Error> {
    let field = format!("extra.{name}");
    limited(&field, value, most)?;
    match name {
        "bizType" if value.len() != 6 || !value.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(Invalid::new(field, "six digits, such as 000201 or 000202").into())
        }
        "channelType" if !["05", "07", "08", "16"].contains(&value) => Err(Invalid::new(field, "05, 07, 08 or 16").into()),
        "customerIp" if value.parse::<std::net::IpAddr>().is_err() => Err(Invalid::new(field, "an IPv4 or IPv6 address").into()),
        "frontFailUrl" => check_url(&field, value).map_err(Error::from),
        "reqReserved" if value.contains(UNREADABLE) => {
            Err(Invalid::new(field, "without & = { } [ ] \" ' and line ends: put it into base64").into())
        }
        _ => Ok(()),
    }
}

/// A text within its limit, in characters.
pub(crate) fn limited<'a>(field: &str, text: &'a str, most: usize) -> Result<&'a str, Error> {
    if (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        Ok(text)
    } else {
        Err(Invalid::new(field, format!("1 to {most} characters, none of them a control character")).into())
    }
}

fn put(fields: &mut Pairs, name: &'static str, value: String) {
    match fields.iter_mut().find(|(other, _)| *other == name) {
        Some((_, old)) => *old = value,
        None => fields.push((name, value)),
    }
}

/// A payment's `bizType`, for what follows it: as it was charged, or as its product is by default.
pub(crate) fn biz_type(known: &Known) -> String {
    let product = known.original.as_ref().map(|original| original.product.as_str());
    let named = known.refs.get(BIZ_TYPE).filter(|text| text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit()));
    named.unwrap_or_else(|| product.map_or("000000", default_biz_type)).to_owned()
}

/// "000201: gateway, WAP, app. 000000: QR codes of either kind."
pub(crate) fn default_biz_type(product: &str) -> &'static str {
    match product {
        "web" | "wap" | "app" => "000201",
        _ => "000000",
    }
}
