//! Signs requests, and the parameters that a payer's app is started with.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, USER_AGENT};
use paysluice::adapter::{Draft, Failure, Granted, Moves, Probe, Ready, Refs, Reply, Request, Seed, Signed, Stamp};
use paysluice::model::{Error, ErrorKind, Secret};

use crate::objects::Refusal;
use crate::verify::ALGORITHM;
use crate::{WeChatPay, time};

/// The format of our drafts. Another is not guessed at.
pub(crate) const FORMAT: u16 = 1;

/// Asked for by every page, and must not be empty.
const AGENT: &str = concat!("paysluice/", env!("CARGO_PKG_VERSION"));

const SERIAL: HeaderName = HeaderName::from_static("wechatpay-serial");

/// A question: a GET, which moves nothing.
pub(crate) fn get(seed: &Seed, path: String, carry: Refs) -> Result<Draft, Error> {
    step(Method::GET, seed, path, String::new(), carry, Moves::Nothing)
}

/// A command.
pub(crate) fn post(seed: &Seed, path: String, body: String, carry: Refs, moves: Moves) -> Result<Draft, Error> {
    step(Method::POST, seed, path, body, carry, moves)
}

fn step(method: Method, seed: &Seed, path: String, body: String, carry: Refs, moves: Moves) -> Result<Draft, Error> {
    let carry = carry.with("born", time::seconds(seed.born).to_string());
    Ok(Draft { format: FORMAT, step: 0, moves, method, path, key: seed.key_of(0)?, closes_at: None, body, carry })
}

/// A draft of another format is never guessed at.
pub(crate) fn known_format(draft: &Draft) -> Result<(), Error> {
    if draft.format == FORMAT {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::Doubtful, format!("a draft of format {} is not known to this version", draft.format)))
    }
}

/// A body as JSON.
pub(crate) fn json(body: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(body).map_err(|_| Error::new(ErrorKind::Invalid, "the request cannot be written as JSON"))
}

impl WeChatPay {
    /// The request of a draft: its own path and bytes, signed now.
    pub(crate) fn sign_draft(&self, draft: &Draft, stamp: &Stamp) -> Result<Ready<Signed>, Error> {
        known_format(draft)?;
        let request = self.signed(draft.method.clone(), &draft.path, &draft.body, stamp)?;
        Ok(Ready::Done(Signed::Send(request)))
    }

    /// A request: method, path with query, time, nonce and body are signed, each ended by a line feed.
    pub(crate) fn signed(&self, method: Method, path: &str, body: &str, stamp: &Stamp) -> Result<Request, Error> {
        let timestamp = time::seconds(stamp.now).to_string();
        let nonce = nonce(stamp);
        let signature = self.signature(&[method.as_str(), path, &timestamp, &nonce, body])?;
        let authorization = format!(
            "{ALGORITHM} mchid=\"{}\",nonce_str=\"{nonce}\",timestamp=\"{timestamp}\",serial_no=\"{}\",signature=\"{signature}\"",
            self.account.merchant(),
            self.merchant_serial
        );
        let posted = method == Method::POST;
        let mut request = Request::new(method, format!("{}{path}", self.base_url))
            .secret_header(AUTHORIZATION, &Secret::new(authorization))?
            .header(ACCEPT, "application/json")?
            .header(USER_AGENT, AGENT)?;
        // Answers are signed with the key that is named here; without a name, with a platform certificate.
        if let Some(key) = &self.public_key {
            request = request.header(SERIAL, &key.id)?;
        }
        if posted {
            request = request.header(CONTENT_TYPE, "application/json")?.with_body(body.to_owned());
        }
        Ok(request)
    }

    /// The signature over the lines, each ended by a line feed, in base64.
    pub(crate) fn signature(&self, lines: &[&str]) -> Result<String, Error> {
        let Some(key) = &self.merchant_key else {
            return Err(Error::new(ErrorKind::Unauthorized, "this adapter only reads callbacks: it holds no merchant key"));
        };
        let parts: Vec<&[u8]> = lines.iter().flat_map(|line| [line.as_bytes(), b"\n"]).collect();
        Ok(STANDARD.encode(key.sign(&parts)?))
    }
}

/// 32 characters of chance.
pub(crate) fn nonce(stamp: &Stamp) -> String {
    format!("{:032X}", stamp.nonce)
}

/// A query for an order that never is: cheap, changes nothing. "Not found" shows a WeChat Pay at work.
impl Probe for WeChatPay {
    fn request(&self, stamp: &Stamp, _: &Granted) -> Result<Request, Error> {
        self.signed(Method::GET, &self.order_path("paysluice-probe", true), "", stamp)
    }

    fn read(&self, reply: &Reply, _: &Stamp) -> Result<(), Failure> {
        let fail = |kind, what: String| Err(Failure::last(Error::new(kind, what)));
        match reply.status.as_u16() {
            429 => fail(ErrorKind::Throttled, "WeChat Pay answered the probe with 429".to_owned()),
            500..=599 => fail(ErrorKind::Unavailable, format!("WeChat Pay answered the probe with {}", reply.status)),
            400..=499 if serde_json::from_slice::<Refusal<'_>>(&reply.body).is_ok() => Ok(()),
            _ => fail(ErrorKind::Unintelligible, format!("the probe's answer ({}) is not WeChat Pay's", reply.status)),
        }
    }
}

#[cfg(test)]
mod tests;
