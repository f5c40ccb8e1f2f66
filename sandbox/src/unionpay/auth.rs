//! Who asks: a form, of the protocol's version, signed by the merchant whose certificate it names.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use paysluice::adapter::{Form, Request};

use super::codes::Refusal;
use super::config::Merchant;
use super::seal::{Fields, digest, text};

/// Reads the fields of a request. Nobody is known yet, so that refusals are not signed.
pub(super) fn read(request: &Request) -> Result<Fields, Refusal> {
    let garbled = |why: String| Refusal::anonymous("10", format!("[6100030]{why}"));
    let kind = request.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (kind, charset) = kind.split_once(';').unwrap_or((kind, ""));
    if !kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(garbled("Content-Type must be application/x-www-form-urlencoded".to_owned()));
    }
    let charset = charset.trim().to_ascii_lowercase();
    if !matches!(charset.as_str(), "" | "charset=utf-8" | "charset=\"utf-8\"") {
        return Err(garbled("charset must be UTF-8".to_owned()));
    }
    let form = Form::read(&request.body).map_err(|error| garbled(error.field().to_owned()))?;
    let mut fields = Fields::new();
    for (name, value) in form.fields() {
        let (Ok(name), Ok(value)) = (std::str::from_utf8(name), std::str::from_utf8(value)) else {
            return Err(garbled("a field is no UTF-8".to_owned()));
        };
        if !value.is_empty() {
            fields.insert(name.to_owned(), value.to_owned());
        }
    }
    Ok(fields)
}

/// Lets the merchant in, by his number, the protocol's fixed fields, and his signature.
pub(super) fn admit(fields: &Fields, mer_id: &str, merchant: &Merchant) -> Result<(), Refusal> {
    let said = |name: &str| fields.get(name).map(String::as_str);
    match said("merId") {
        Some(named) if named == mer_id => {}
        Some(_) => return Err(Refusal::anonymous("31", "[6131001]merId is not this merchant")),
        None => return Err(Refusal::anonymous("13", "[6100031]merId")),
    }
    for name in ["version", "encoding", "signMethod", "certId", "signature"] {
        if said(name).is_none() {
            return Err(Refusal::missing(name));
        }
    }
    if said("version") != Some("5.1.0") {
        return Err(Refusal::format("version", "must be 5.1.0"));
    }
    if !said("encoding").is_some_and(|encoding| encoding.eq_ignore_ascii_case("UTF-8")) {
        return Err(Refusal::format("encoding", "must be UTF-8"));
    }
    if said("signMethod") != Some("01") {
        return Err(Refusal::signature("signMethod must be 01"));
    }
    if said("certId") != Some(&merchant.cert_id) {
        return Err(Refusal::signature("certId must be the serial number of the merchant's certificate in decimal"));
    }
    verified(fields, merchant).then_some(()).ok_or_else(|| Refusal::signature("SHA-256 twice over the sorted fields"))
}

fn verified(fields: &Fields, merchant: &Merchant) -> bool {
    let signature = fields.get("signature").and_then(|signature| STANDARD.decode(signature).ok());
    let (Some(signature), Some(key)) = (signature, &merchant.key) else { return false };
    key.verify(&[], &Bytes::from(digest(&text(fields))), &[], &signature).is_some()
}
