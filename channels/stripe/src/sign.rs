//! Puts the key on a request, and checks the signature on a callback.

use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName};
use paysluice::adapter::{Draft, Probe, Ready, Refs, Reply, Request, Signed, Stamp, single_header};
use paysluice::adapter::{Failure, Granted, Moves, Seed};
use paysluice::model::{Error, ErrorKind, IdempotencyKey};
use paysluice::signing::Proof;

use crate::Stripe;

/// The format of our drafts. Another is not guessed at.
pub(crate) const FORMAT: u16 = 1;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const STRIPE_VERSION: HeaderName = HeaderName::from_static("stripe-version");
const STRIPE_ACCOUNT: HeaderName = HeaderName::from_static("stripe-account");

impl Stripe {
    /// A question: a GET, which takes no key and moves nothing.
    pub(crate) fn get(&self, seed: &Seed, step: u8, path: String, carry: Refs) -> Result<Draft, Error> {
        Ok(self.step(Method::GET, seed.key_of(step)?, path, String::new(), carry, Moves::Nothing))
    }

    /// A command under its key.
    pub(crate) fn post(&self, key: IdempotencyKey, path: String, body: String, carry: Refs) -> Draft {
        self.step(Method::POST, key, path, body, carry, Moves::Money)
    }

    fn step(&self, method: Method, key: IdempotencyKey, path: String, body: String, carry: Refs, moves: Moves) -> Draft {
        // The version is part of the draft: an upgrade of this crate must not change what a key stands for.
        let carry = carry.with("version", &self.api_version);
        Draft { format: FORMAT, step: 0, moves, method, path, key, closes_at: None, body, carry }
    }

    /// The request of a draft: its own path, key and bytes, with the credentials of now.
    pub(crate) fn sign_draft(&self, draft: &Draft) -> Result<Ready<Signed>, Error> {
        known_format(draft)?;
        let version = draft.carry.get("version").unwrap_or(&self.api_version);
        let mut request = self.authorized(draft.method.clone(), &draft.path, version)?;
        if draft.method == Method::POST {
            request = request
                .header(IDEMPOTENCY_KEY, draft.key.as_str())?
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")?
                .with_body(draft.body.clone());
        }
        Ok(Ready::Done(Signed::Send(request)))
    }

    fn authorized(&self, method: Method, path: &str, version: &str) -> Result<Request, Error> {
        let request = Request::new(method, format!("{}{path}", self.base_url))
            .secret_header(AUTHORIZATION, &self.bearer)?
            .header(STRIPE_VERSION, version)?;
        match self.account.sub() {
            Some(sub) => request.header(STRIPE_ACCOUNT, sub),
            None => Ok(request),
        }
    }

    /// Proves a callback by its `Stripe-Signature`: that it is Stripe's, unaltered, and of this hour.
    pub(crate) fn prove(&self, raw: &Request, now_s: u64) -> Result<Proof, Error> {
        let header = signature_header(&raw.headers)?;
        let claim = Claim::parse(header).ok_or_else(|| {
            refused("header Stripe-Signature is malformed: must be t=…,v1=… with one t and at least one v1 (is a proxy rewriting it?)")
        })?;
        let proof = self
            .webhook_keys
            .iter()
            .find_map(|key| {
                key.verify(&[claim.time_text.as_bytes(), b"."], &raw.body, claim.codes.iter().map(<[u8; 32]>::as_slice))
            })
            .ok_or_else(|| self.mismatch())?;
        let window = self.tolerance_s;
        if now_s.saturating_sub(claim.time) > window {
            let age = now_s.saturating_sub(claim.time);
            return Err(refused(format!(
                "signed {age} s ago by this host's clock, allowed are {window} s: an old message replayed, or this host's clock is fast"
            )));
        }
        if claim.time.saturating_sub(now_s) > window {
            let ahead = claim.time.saturating_sub(now_s);
            return Err(refused(format!(
                "signed {ahead} s in the future by this host's clock, allowed are {window} s: this host's clock is slow"
            )));
        }
        Ok(proof)
    }

    fn mismatch(&self) -> Error {
        match self.webhook_keys.len() {
            0 => refused("no webhook secret is configured for this account"),
            count => refused(format!(
                "no v1 signature matches any of the {count} configured secrets: a secret of another endpoint or mode, \
                 or the body was altered on the way (parsed and written again, a line end added)"
            )),
        }
    }
}

/// A draft of another format is never guessed at.
pub(crate) fn known_format(draft: &Draft) -> Result<(), Error> {
    if draft.format == FORMAT {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::Doubtful, format!("a draft of format {} is not known to this version", draft.format)))
    }
}

/// An error of a callback that is not proved.
pub(crate) fn refused(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unauthorized, why)
}

fn signature_header(headers: &HeaderMap) -> Result<&str, Error> {
    match headers.get_all("stripe-signature").iter().count() {
        0 => Err(refused("header Stripe-Signature is missing: not from Stripe, or a proxy drops it")),
        1 => single_header(headers, "stripe-signature").ok_or_else(|| refused("header Stripe-Signature is not visible ASCII")),
        count => Err(refused(format!("header Stripe-Signature comes {count} times: whose word it is cannot be told"))),
    }
}

/// What a `Stripe-Signature` claims.
struct Claim<'a> {
    time_text: &'a str,
    time: u64,
    codes: Vec<[u8; 32]>,
}

impl<'a> Claim<'a> {
    /// `t=UNIX,v1=HEX[,v1=HEX…][,v0=HEX]`. A pair that is not `k=v` spoils it; a `v1` that is not hex is passed over, as is
    /// every other scheme (`v0` is a decoy). None if there is no time, two times or no `v1`.
    fn parse(header: &'a str) -> Option<Self> {
        let (mut time_text, mut codes, mut signed) = (None, Vec::new(), false);
        for pair in header.split(',') {
            let (name, value) = pair.split_once('=').filter(|(name, value)| !name.is_empty() && !value.contains('='))?;
            match name {
                "t" if time_text.is_none() => time_text = Some(value),
                "t" => return None,
                "v1" => {
                    signed = true;
                    codes.extend(lower_hex(value));
                }
                _ => {}
            }
        }
        let time_text = time_text.filter(|text| (1..=12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()))?;
        signed.then_some(Self { time_text, time: time_text.parse().ok()?, codes })
    }
}

/// 32 bytes from 64 digits of lower-case hex, as Stripe writes it.
fn lower_hex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => byte.checked_sub(b'0'),
        b'a'..=b'f' => byte.checked_sub(b'a').and_then(|above| above.checked_add(10)),
        _ => None,
    };
    let mut code = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in code.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = (digit(*high)? << 4) | digit(*low)?;
    }
    Some(code)
}

/// GET /v1/balance: cheap, changes nothing, needs no id. A key that may not read it still shows a Stripe at work.
impl Probe for Stripe {
    fn request(&self, _: &Stamp, _: &Granted) -> Result<Request, Error> {
        self.authorized(Method::GET, "/v1/balance", &self.api_version)
    }

    fn read(&self, reply: &Reply, _: &Stamp) -> Result<(), Failure> {
        match reply.status.as_u16() {
            200 if serde_json::from_slice::<crate::objects::Object<'_>>(&reply.body)
                .is_ok_and(|read| read.object.as_deref() == Some("balance")) =>
            {
                Ok(())
            }
            400 | 401 | 403 | 404 if serde_json::from_slice::<crate::objects::Refusal<'_>>(&reply.body).is_ok() => Ok(()),
            429 => Err(Failure::last(Error::new(ErrorKind::Throttled, "Stripe answered the probe with 429"))),
            500..=599 => {
                Err(Failure::last(Error::new(ErrorKind::Unavailable, format!("Stripe answered the probe with {}", reply.status))))
            }
            _ => Err(Failure::last(Error::new(
                ErrorKind::Unintelligible,
                format!("the probe's answer ({}) is not Stripe's", reply.status),
            ))),
        }
    }
}
