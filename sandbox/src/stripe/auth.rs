//! Who asks: the key, the version, the connected account, the content type.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method};
use paysluice::adapter::Request;

use super::errors::ApiError;
use crate::config::Credentials;

/// Checks the key and tells the account: the platform's or the connected one of `Stripe-Account`.
pub(crate) fn account(headers: &HeaderMap, credentials: &Credentials) -> Result<String, ApiError> {
    let key = presented(headers)?;
    if credentials.secret_key.expose() != key.as_bytes() {
        let shown: String = key.chars().take(8).collect();
        return Err(ApiError::unauthorized(format!("Invalid API Key provided: {shown}***")));
    }
    let connected = text(headers, "stripe-account")?;
    match connected {
        Some(id) if !id.starts_with("acct_") => {
            Err(ApiError::unauthorized("The provided key does not have access to that account"))
        }
        Some(id) => Ok(id.to_owned()),
        None => Ok(credentials.account.clone()),
    }
}

/// `Bearer KEY`, or HTTP Basic with the key as the user and an empty password.
fn presented(headers: &HeaderMap) -> Result<String, ApiError> {
    let missing = || {
        ApiError::unauthorized(
            "You did not provide an API key. You need to provide your API key in the Authorization header, \
             using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        )
    };
    let value = text(headers, "authorization")?.ok_or_else(missing)?;
    if let Some(key) = value.strip_prefix("Bearer ") {
        return Ok(key.to_owned());
    }
    let basic = value.strip_prefix("Basic ").and_then(|code| STANDARD.decode(code).ok());
    let basic = basic.and_then(|bytes| String::from_utf8(bytes).ok());
    basic.and_then(|pair| pair.strip_suffix(':').map(str::to_owned)).ok_or_else(missing)
}

/// `Stripe-Version` in its form, `YYYY-MM-DD` or `YYYY-MM-DD.train`.
pub(crate) fn version(headers: &HeaderMap, required: bool) -> Result<Option<String>, ApiError> {
    let Some(version) = text(headers, "stripe-version")? else {
        let missing = ApiError::bad_request("The header Stripe-Version is required here.");
        return if required { Err(missing) } else { Ok(None) };
    };
    let (date, train) = version.split_once('.').unwrap_or((version, "train"));
    let digits = |part: &str, count| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = date.split('-');
    let dated = [4, 2, 2].into_iter().all(|count| parts.next().is_some_and(|part| digits(part, count))) && parts.next().is_none();
    if dated && !train.is_empty() && train.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Ok(Some(version.to_owned()));
    }
    Err(ApiError::bad_request(format!("Invalid Stripe API version: {version}")))
}

/// A POST's body is a form and nothing else.
pub(crate) fn content_type(request: &Request) -> Result<(), ApiError> {
    if request.method != Method::POST || request.body.is_empty() {
        return Ok(());
    }
    let kind = text(&request.headers, "content-type")?.unwrap_or_default();
    let plain = kind.split(';').next().unwrap_or_default().trim();
    if plain.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(());
    }
    Err(ApiError::bad_request("Invalid request (check that your POST content type is application/x-www-form-urlencoded)."))
}

/// A header's text; one that comes twice or is no text is refused.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ApiError::bad_request(format!("Invalid header {name}"))),
        _ => Err(ApiError::bad_request(format!("Header {name} came more than once"))),
    }
}
