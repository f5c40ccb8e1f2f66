//! The fields that requests may have, each with its form and length; the rules of what is needed where.

use super::codes::Refusal;
use super::seal::Fields;
use super::times;

/// What characters a field has: UnionPay's N, AN and ANS.
#[derive(Clone, Copy)]
enum Kind {
    Digits,
    Letters,
    /// Anything that can be seen; its length is counted in bytes.
    Text,
    /// `YYYYMMDDhhmmss` in Beijing.
    Time,
}

/// The fields that a request may have: kind, least and greatest length.
const FORMS: &[(&[&str], Kind, usize, usize)] = &[
    (&["version"], Kind::Text, 5, 5),
    (&["encoding"], Kind::Text, 1, 20),
    (&["certId", "encryptCertId"], Kind::Digits, 1, 128),
    (&["signature"], Kind::Text, 1, 1024),
    (&["signMethod", "txnType", "txnSubType", "channelType", "accType"], Kind::Digits, 2, 2),
    (&["bizType"], Kind::Digits, 6, 6),
    (&["accessType"], Kind::Digits, 1, 1),
    (&["merId"], Kind::Letters, 15, 15),
    (&["merCatCode", "defaultPayType"], Kind::Digits, 4, 4),
    (&["acqInsCode"], Kind::Letters, 8, 11),
    (&["merName", "subMerName"], Kind::Text, 1, 40),
    (&["merAbbr", "subMerAbbr"], Kind::Text, 1, 16),
    (&["subMerId"], Kind::Letters, 5, 15),
    (&["orderId", "origOrderId"], Kind::Letters, 8, 40),
    (&["txnTime", "origTxnTime", "payTimeout"], Kind::Time, 14, 14),
    (&["txnAmt"], Kind::Digits, 1, 12),
    (&["currencyCode"], Kind::Digits, 3, 3),
    (&["backUrl", "frontUrl", "frontFailUrl"], Kind::Text, 1, 256),
    (&["orderTimeout"], Kind::Digits, 1, 10),
    (&["origQryId", "queryId"], Kind::Letters, 20, 21),
    (&["qrNo"], Kind::Digits, 16, 20),
    (&["termId"], Kind::Letters, 8, 8),
    (&["customerIp"], Kind::Text, 1, 40),
    (&["issInsCode", "areaInfo"], Kind::Text, 1, 20),
    (&["orderDesc"], Kind::Text, 1, 32),
    (&["reqReserved", "accNo", "supPayType"], Kind::Text, 1, 1024),
    (
        &["riskRateInfo", "reserved", "customerInfo", "termInfo", "cardTransData", "instalTransInfo", "acctInfo"],
        Kind::Text,
        1,
        2048,
    ),
];

fn form(name: &str) -> Option<(Kind, usize, usize)> {
    let found = FORMS.iter().find(|(names, ..)| names.contains(&name));
    found.map(|(_, kind, least, most)| (*kind, *least, *most))
}

/// Refuses fields that nobody knows, and those that are not formed as they should be.
pub(super) fn formed(fields: &Fields) -> Result<(), Refusal> {
    for (name, value) in fields {
        let Some((kind, least, most)) = form(name) else {
            return Err(Refusal::format(&shown(name), "is no field of this request"));
        };
        let (rule, fits): (&str, bool) = match kind {
            Kind::Digits => ("digits", value.bytes().all(|byte| byte.is_ascii_digit())),
            Kind::Letters => ("letters and digits", value.bytes().all(|byte| byte.is_ascii_alphanumeric())),
            Kind::Text => ("characters that can be seen", !value.chars().any(char::is_control)),
            Kind::Time => ("YYYYMMDDhhmmss", times::unix_of(value).is_some()),
        };
        if !fits || !(least..=most).contains(&value.len()) {
            return Err(Refusal::format(name, &format!("must be {least} to {most} {rule}")));
        }
    }
    for name in ["backUrl", "frontUrl", "frontFailUrl"] {
        if fields.get(name).is_some_and(|url| !["http://", "https://"].iter().any(|scheme| url.starts_with(scheme))) {
            return Err(Refusal::format(name, "must be an address"));
        }
    }
    Ok(())
}

/// A stranger's name for a field, so that it does no harm where nothing is encoded.
fn shown(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).take(32).collect()
}

/// Refuses what lacks one of these.
pub(super) fn need(fields: &Fields, names: &[&str]) -> Result<(), Refusal> {
    names.iter().find(|name| !fields.contains_key(**name)).map_or(Ok(()), |name| Err(Refusal::missing(name)))
}

/// Refuses what has one of these.
pub(super) fn without(fields: &Fields, names: &[&str]) -> Result<(), Refusal> {
    names
        .iter()
        .find(|name| fields.contains_key(**name))
        .map_or(Ok(()), |name| Err(Refusal::format(name, "is no field of this request")))
}

/// Refuses a field whose value is none of these; an absent one too.
pub(super) fn one_of(fields: &Fields, name: &str, known: &[&str]) -> Result<(), Refusal> {
    need(fields, &[name])?;
    let fits = fields.get(name).is_some_and(|value| known.contains(&value.as_str()));
    if fits { Ok(()) } else { Err(Refusal::format(name, &format!("must be {}", known.join(" or ")))) }
}

/// The text of a field; empty if it is not there.
pub(super) fn said<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).map(String::as_str).unwrap_or_default()
}

/// `txnAmt` in fen, in `currencyCode` 156.
pub(super) fn amount(fields: &Fields) -> Result<i64, Refusal> {
    need(fields, &["txnAmt"])?;
    one_of(fields, "currencyCode", &["156"])?;
    let amount = said(fields, "txnAmt").parse().ok().filter(|amount| *amount > 0);
    amount.ok_or_else(|| Refusal::format("txnAmt", "must be above 0"))
}

/// Who is behind the merchant: what acquirers and platforms have to add.
pub(super) fn access(fields: &Fields) -> Result<(), Refusal> {
    one_of(fields, "accessType", &["0", "1", "2"])?;
    match said(fields, "accessType") {
        "1" => need(fields, &["acqInsCode", "merCatCode", "merName", "merAbbr"]),
        "2" => need(fields, &["subMerId", "subMerName", "subMerAbbr"]),
        _ => Ok(()),
    }
}
