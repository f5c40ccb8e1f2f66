//! Checks who signed an answer or a callback: headers, the five minutes, the key by its serial, then the signature.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use paysluice::adapter::{Granted, Want};
use paysluice::model::{Error, ErrorKind};
use paysluice::signing::{Certificate, Proof, RsaPublicKey};

use crate::objects::Sealed;
use crate::{WeChatPay, time};

/// The one algorithm.
pub(crate) const ALGORITHM: &str = "WECHATPAY2-SHA256-RSA2048";

/// wechatpay-go refuses at this distance and beyond, its siblings only beyond.
const WINDOW: u64 = 300;

/// What the signature of a probe begins with: wrong on purpose, to see whether it is refused.
const PROBE: &str = "WECHATPAY/SIGNTEST/";

/// WeChat Pay's public key.
pub(crate) struct PublicKey {
    pub(crate) id: String,
    pub(crate) key: RsaPublicKey,
}

/// Why bytes are not proved.
#[derive(Debug)]
pub(crate) enum Unproved {
    /// Signed with the key of a certificate that is not held.
    Need(Want),
    /// A wrong signature on purpose: refused like any, and no sign of trouble.
    Probe,
    /// Refused, and why.
    No(String),
}

impl WeChatPay {
    /// Proves a body by the headers beside it, as of `now`.
    pub(crate) fn prove(&self, headers: &HeaderMap, body: &Bytes, now: SystemTime, granted: &Granted) -> Result<Proof, Unproved> {
        self.prove_with(headers, body, now, |serial| self.key(serial, granted, now))
    }

    /// The same, with keys from wherever they are.
    pub(crate) fn prove_with<'a>(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
        now: SystemTime,
        key: impl FnOnce(&str) -> Option<&'a RsaPublicKey>,
    ) -> Result<Proof, Unproved> {
        let claim = Claim::read(headers)?;
        in_window(claim.at, time::seconds(now))?;
        if claim.signature.starts_with(PROBE) {
            return Err(Unproved::Probe);
        }
        let key = key(claim.serial).ok_or_else(|| self.unknown(claim.serial))?;
        let signature = STANDARD.decode(claim.signature).map_err(|_| no("header Wechatpay-Signature is not standard base64"))?;
        let before = [claim.timestamp.as_bytes(), b"\n", claim.nonce.as_bytes(), b"\n"];
        key.verify(&before, body, &[b"\n"], &signature).ok_or_else(|| {
            no(format!(
                "the signature does not match the key {}: forged, or the body was altered on the way (parsed and written \
                 again, a line end added, another charset)",
                claim.serial
            ))
        })
    }

    /// The key of that serial, in either mode.
    fn key<'a>(&'a self, serial: &str, granted: &'a Granted, now: SystemTime) -> Option<&'a RsaPublicKey> {
        self.held(serial).or_else(|| {
            let grant = granted.get(&Want::Key(serial.to_owned()), now)?;
            grant.parsed::<Certificate>().map(Certificate::key)
        })
    }

    /// The key of that serial, if it was configured.
    pub(crate) fn held(&self, serial: &str) -> Option<&RsaPublicKey> {
        let public = self.public_key.as_ref().filter(|public| public.id == serial).map(|public| &public.key);
        public.or_else(|| self.pinned.iter().find(|pinned| pinned.serial() == serial).map(Certificate::key))
    }

    fn unknown(&self, serial: &str) -> Unproved {
        if is_serial(serial) {
            return Unproved::Need(Want::Key(serial.to_owned()));
        }
        if serial.starts_with("PUB_KEY_ID_") {
            let held = self.public_key.as_ref().map_or("none is configured", |key| &key.id);
            return no(format!(
                "signed with WeChat Pay's public key {serial}, which is not held ({held}): download it from the merchant \
                 console, account, API security, and configure its id and PEM"
            ));
        }
        no("header Wechatpay-Serial is neither the serial of a certificate in upper-case hex nor PUB_KEY_ID_…")
    }

    /// Opens what WeChat Pay sealed with the APIv3 key.
    pub(crate) fn opened(&self, sealed: &Sealed<'_>) -> Result<Proof, Error> {
        let unreadable = |why: &str| Error::new(ErrorKind::Unintelligible, format!("the sealed content {why}"));
        if &*sealed.algorithm != "AEAD_AES_256_GCM" {
            return Err(unreadable("has another algorithm than AEAD_AES_256_GCM"));
        }
        let ciphertext = STANDARD.decode(sealed.ciphertext.as_bytes()).map_err(|_| unreadable("is not standard base64"))?;
        let associated = sealed.associated_data.as_deref().unwrap_or_default();
        self.api_v3_key.open(sealed.nonce.as_bytes(), associated.as_bytes(), ciphertext).ok_or_else(|| {
            unreadable("does not open with the APIv3 key: it was changed at the merchant console, or is another merchant's")
        })
    }
}

/// Whether a text is the serial of a certificate, as it is written in headers.
pub(crate) fn is_serial(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'))
}

fn no(why: impl Into<String>) -> Unproved {
    Unproved::No(why.into())
}

/// What the headers claim.
struct Claim<'a> {
    timestamp: &'a str,
    at: u64,
    nonce: &'a str,
    serial: &'a str,
    signature: &'a str,
}

impl<'a> Claim<'a> {
    fn read(headers: &'a HeaderMap) -> Result<Self, Unproved> {
        let signature = one(headers, "wechatpay-signature", "Wechatpay-Signature")?;
        let timestamp = one(headers, "wechatpay-timestamp", "Wechatpay-Timestamp")?;
        let nonce = one(headers, "wechatpay-nonce", "Wechatpay-Nonce")?;
        let serial = one(headers, "wechatpay-serial", "Wechatpay-Serial")?;
        // "May be absent": then it is the one algorithm.
        if headers.contains_key("wechatpay-signature-type")
            && one(headers, "wechatpay-signature-type", "Wechatpay-Signature-Type")? != ALGORITHM
        {
            return Err(no(format!("header Wechatpay-Signature-Type is not {ALGORITHM}")));
        }
        let digits = (1..=12).contains(&timestamp.len()) && timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let at = timestamp.parse().ok().filter(|_| digits);
        let at = at.ok_or_else(|| no("header Wechatpay-Timestamp is not unix seconds"))?;
        Ok(Self { timestamp, at, nonce, serial, signature })
    }
}

/// A header that is there once and is text.
fn one<'a>(headers: &'a HeaderMap, name: &str, shown: &str) -> Result<&'a str, Unproved> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => match value.to_str() {
            Ok(text) if !text.is_empty() => Ok(text),
            _ => Err(no(format!("header {shown} is not visible ASCII"))),
        },
        (None, _) => Err(no(format!("header {shown} is missing: not from WeChat Pay, or a proxy (CDN, WAF) drops it"))),
        _ => Err(no(format!("header {shown} comes more than once: whose word it is cannot be told"))),
    }
}

fn in_window(at: u64, now: u64) -> Result<(), Unproved> {
    if now.saturating_sub(at) >= WINDOW {
        let age = now.saturating_sub(at);
        return Err(no(format!(
            "signed {age} s ago by this host's clock, allowed are less than {WINDOW} s: an old message replayed, or this \
             host's clock is fast"
        )));
    }
    if at.saturating_sub(now) >= WINDOW {
        let ahead = at.saturating_sub(now);
        return Err(no(format!(
            "signed {ahead} s in the future by this host's clock, allowed are less than {WINDOW} s: this host's clock is slow"
        )));
    }
    Ok(())
}
