//! Who asks: the merchant's `Authorization`, its freshness, and the headers that every request must have.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderMap, Method};
use paysluice::adapter::Request;
use paysluice::env::Mono;

use super::errors::ApiError;
use super::keys::Rsa;
use crate::target;
use crate::world::{World, unix};

const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048";
/// How far a request's time may lie from ours, and how long a nonce is remembered.
const WINDOW: Duration = Duration::from_secs(300);

/// The nonces of the last minutes.
#[derive(Debug)]
pub(super) struct Nonces {
    seen: BTreeMap<String, Mono>,
    swept: Mono,
}

impl Default for Nonces {
    fn default() -> Self {
        Self { seen: BTreeMap::new(), swept: Mono::ORIGIN }
    }
}

/// What a good `Authorization` must say.
pub(super) struct Merchant<'a> {
    pub(super) mchid: &'a str,
    pub(super) serial: &'a str,
    pub(super) key: &'a Rsa,
}

/// Checks headers and signature; a good nonce is used up.
pub(super) fn admit(request: &Request, merchant: &Merchant<'_>, nonces: &mut Nonces, world: &World) -> Result<(), ApiError> {
    headers(request)?;
    let value = text(&request.headers, "authorization")?
        .ok_or_else(|| ApiError::sign("Http头Authorization值格式错误: there is no Authorization", None))?;
    let said = Said::read(value)?;
    if said.mchid != merchant.mchid {
        return Err(ApiError::sign(format!("mchid: {} is not this merchant", said.mchid), None));
    }
    if said.serial != merchant.serial {
        let message = "serial_no: must be the serial number of the merchant's certificate, in upper-case hex, with leading zeros";
        return Err(ApiError::sign(message, None));
    }
    let off = unix(world.wall).abs_diff(said.timestamp);
    if off > WINDOW.as_secs() {
        return Err(ApiError::sign(format!("timestamp: is {off} s from ours, more than 5 minutes"), None));
    }
    let body = std::str::from_utf8(&request.body).map_err(|_| ApiError::bad_param("the body must be UTF-8"))?;
    let (method, target) = (&request.method, target::of(&request.url));
    let signed = format!("{method}\n{target}\n{}\n{}\n{body}\n", said.timestamp_text, said.nonce);
    if !merchant.key.verifies(signed.as_bytes(), said.signature) {
        let message = "错误的签名，验签失败: the signature is not the merchant's of the five lines below";
        return Err(ApiError::sign(message, Some(&signed)));
    }
    nonces.use_up(said.nonce, world.now)
}

impl Nonces {
    fn use_up(&mut self, nonce: &str, now: Mono) -> Result<(), ApiError> {
        // A request's time may lie ahead by the window, so its nonce counts for twice that.
        let counts = |seen: Mono| now.since(seen) <= WINDOW * 2;
        if now.since(self.swept) > WINDOW {
            self.seen.retain(|_, seen| counts(*seen));
            self.swept = now;
        }
        match self.seen.insert(nonce.to_owned(), now) {
            Some(seen) if counts(seen) => {
                Err(ApiError::sign("nonce_str: was used before; every request needs a fresh one", None))
            }
            _ => Ok(()),
        }
    }
}

/// The parameters of an `Authorization`.
struct Said<'a> {
    mchid: &'a str,
    nonce: &'a str,
    timestamp: i64,
    timestamp_text: &'a str,
    serial: &'a str,
    signature: &'a str,
}

impl<'a> Said<'a> {
    fn read(value: &'a str) -> Result<Self, ApiError> {
        let format = |what: &str| ApiError::sign(format!("Http头Authorization值格式错误: {what}"), None);
        let rest = value.strip_prefix(SCHEME).and_then(|rest| rest.strip_prefix(' '));
        let rest = rest.ok_or_else(|| format("must begin with WECHATPAY2-SHA256-RSA2048 and a blank"))?;
        let mut parameters = BTreeMap::new();
        for pair in rest.split(',') {
            let (name, quoted) = pair.trim().split_once('=').ok_or_else(|| format("must be name=\"value\", parted by commas"))?;
            let plain = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            let plain = plain.filter(|plain| !plain.is_empty()).ok_or_else(|| format("values stand in double quotes"))?;
            if parameters.insert(name, plain).is_some() {
                return Err(format("a parameter came twice"));
            }
        }
        let mut take = |name: &str| parameters.remove(name).ok_or_else(|| format(&format!("{name} is missing")));
        let (mchid, nonce, serial) = (take("mchid")?, take("nonce_str")?, take("serial_no")?);
        let (timestamp_text, signature) = (take("timestamp")?, take("signature")?);
        let digits = timestamp_text.bytes().all(|byte| byte.is_ascii_digit());
        let timestamp =
            timestamp_text.parse().ok().filter(|_| digits).ok_or_else(|| format("timestamp: must be unix seconds"))?;
        match parameters.keys().next() {
            Some(other) => Err(format(&format!("{other} is no parameter of it"))),
            None => Ok(Self { mchid, nonce, timestamp, timestamp_text, serial, signature }),
        }
    }
}

fn headers(request: &Request) -> Result<(), ApiError> {
    let accept = text(&request.headers, "accept")?.unwrap_or_default();
    let agent = text(&request.headers, "user-agent")?.unwrap_or_default();
    if agent.trim().is_empty() || !(accept.contains("application/json") || accept.contains("*/*")) {
        return Err(ApiError::bad_param(
            "Http头缺少Accept或User-Agent: Accept must take application/json, User-Agent must name you",
        ));
    }
    let kind = text(&request.headers, "content-type")?.unwrap_or_default();
    let plain = kind.split(';').next().unwrap_or_default().trim();
    if request.method == Method::POST && !plain.eq_ignore_ascii_case("application/json") {
        return Err(ApiError::bad_param("Content-Type: must be application/json"));
    }
    if request.method == Method::GET && !request.body.is_empty() {
        return Err(ApiError::bad_param("a GET has no body"));
    }
    Ok(())
}

/// A header's text; one that comes twice or is no text is refused.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ApiError::bad_param(format!("{name}: must be ASCII"))),
        _ => Err(ApiError::bad_param(format!("{name}: came more than once"))),
    }
}
