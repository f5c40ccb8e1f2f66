//! Checks who signed: by which key, over which bytes.

use std::borrow::Cow;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use paysluice::adapter::{Granted, Want};
use paysluice::signing::{Certificate, Proof, RsaPublicKey};

use crate::Alipay;
use crate::trust::{Trust, is_sn};

/// Why bytes are not proved.
#[derive(Debug)]
pub(crate) enum Unproved {
    /// Signed with the key of a certificate that is not held.
    Need(Want),
    /// Refused, and why.
    No(String),
}

impl Alipay {
    /// The key that `alipay_cert_sn` names. Without one, in answers of older make, it is the configured certificate's.
    pub(crate) fn key<'a>(
        &'a self,
        cert_sn: Option<&str>,
        granted: &'a Granted,
        now: SystemTime,
    ) -> Result<&'a RsaPublicKey, Unproved> {
        let held = match &self.trust {
            Trust::Key(key) => return Ok(key),
            Trust::Certificates(held) => held,
        };
        match cert_sn.filter(|sn| !sn.is_empty()) {
            None => Ok(held.alipay.key()),
            Some(sn) if sn == held.alipay_sn => Ok(held.alipay.key()),
            Some(sn) if is_sn(sn) => {
                let want = Want::Key(sn.to_owned());
                let fetched = granted.get(&want, now).and_then(|grant| grant.parsed::<Certificate>());
                fetched.map(Certificate::key).ok_or(Unproved::Need(want))
            }
            Some(_) => Err(no("alipay_cert_sn is not the name of a certificate")),
        }
    }

    /// The keys that a notice may be signed with. Notices name no certificate, so that one whose certificate is new is proved by
    /// whatever an answer has brought to light since.
    pub(crate) fn keys<'a>(
        &'a self,
        cert_sn: Option<&str>,
        granted: &'a Granted,
        now: SystemTime,
    ) -> Result<Vec<&'a RsaPublicKey>, Unproved> {
        let first = self.key(cert_sn, granted, now)?;
        let named = cert_sn.is_some_and(|sn| !sn.is_empty()) || matches!(self.trust, Trust::Key(_));
        let fetched = granted.iter(now).filter(|_| !named).filter_map(|grant| grant.parsed::<Certificate>());
        Ok(std::iter::once(first).chain(fetched.map(Certificate::key)).collect())
    }

    /// Proves the node of an answer. Some gateways sign a text whose slashes are not escaped and send one whose are.
    pub(crate) fn prove_node(node: &Bytes, sign: &str, key: &RsaPublicKey) -> Result<Proof, Unproved> {
        let signature = signature(sign)?;
        if let Some(proof) = key.verify(&[], node, &[], &signature) {
            return Ok(proof);
        }
        let plain = unescaped(node).and_then(|plain| key.verify(&[], &plain, &[], &signature));
        plain.ok_or_else(|| {
            no("the signature does not match Alipay's key: forged, altered on the way, or the key that is configured is not \
                Alipay's but another (the application's own?)")
        })
    }
}

/// The bytes of a signature.
pub(crate) fn signature(sign: &str) -> Result<Vec<u8>, Unproved> {
    STANDARD.decode(sign).map_err(|_| no("sign is not standard base64"))
}

/// The same text with `/` for `\/`; none where there is no such.
fn unescaped(node: &[u8]) -> Option<Bytes> {
    let text = std::str::from_utf8(node).ok()?;
    text.contains(r"\/").then(|| Bytes::from(text.replace(r"\/", "/")))
}

pub(crate) fn no(why: impl Into<Cow<'static, str>>) -> Unproved {
    Unproved::No(why.into().into_owned())
}
