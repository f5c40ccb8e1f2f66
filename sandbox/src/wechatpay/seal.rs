//! Signatures over answers and callbacks, forged ones included, and the encryption of what callbacks and certificates carry.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::keys::{Rsa, WechatPayKeys};
use crate::meddle::Forgery;

/// A key of the platform under the name that goes into `Wechatpay-Serial`.
#[derive(Clone, Debug)]
pub(super) struct Seal {
    pub(super) serial: String,
    pub(super) key: Arc<Rsa>,
}

impl Seal {
    /// The headers that sign a body at this unix time; none for a forgery that leaves them out.
    pub(super) fn headers(&self, at: i64, nonce: String, body: &[u8], forgery: Option<Forgery>) -> Vec<(&'static str, String)> {
        let mut message = format!("{at}\n{nonce}\n").into_bytes();
        message.extend_from_slice(body);
        message.push(b'\n');
        let signature = match forgery {
            None => self.key.sign(&message),
            Some(Forgery::Absent) => return Vec::new(),
            Some(Forgery::OtherKey | Forgery::OtherName | Forgery::OutOfTime) => WechatPayKeys::stranger().sign(&message),
            Some(Forgery::Broken) => broken(&self.key.sign(&message)),
            Some(Forgery::Probe) => probe(&self.key.sign(&message)),
        };
        vec![
            ("wechatpay-timestamp", at.to_string()),
            ("wechatpay-nonce", nonce),
            ("wechatpay-signature", signature),
            ("wechatpay-serial", self.serial.clone()),
            ("wechatpay-signature-type", "WECHATPAY2-SHA256-RSA2048".to_owned()),
        ]
    }
}

/// Another first character, so that it still is base64.
fn broken(signature: &str) -> String {
    let first = if signature.starts_with('A') { "B" } else { "A" };
    format!("{first}{}", signature.get(1..).unwrap_or_default())
}

/// The sign probe says what it is; the rest is base64 still, for `/` is a letter of that alphabet.
fn probe(signature: &str) -> String {
    const MARK: &str = "WECHATPAY/SIGNTEST/";
    format!("{MARK}{}", signature.get(MARK.len()..).unwrap_or_default())
}

/// AES-256-GCM under the APIv3 key; the tag is at the end. The nonce is 12 characters.
pub(super) fn encrypted(api_v3_key: &[u8], nonce: &str, associated: &str, plain: &[u8]) -> Value {
    let mut text = plain.to_vec();
    let key = UnboundKey::new(&AES_256_GCM, api_v3_key).map(LessSafeKey::new);
    let nonce_bytes = Nonce::try_assume_unique_for_key(nonce.as_bytes());
    let (Ok(key), Ok(nonce_bytes)) = (key, nonce_bytes) else { return Value::Null };
    if key.seal_in_place_append_tag(nonce_bytes, Aad::from(associated.as_bytes()), &mut text).is_err() {
        return Value::Null;
    }
    json!({
        "algorithm": "AEAD_AES_256_GCM",
        "nonce": nonce,
        "associated_data": associated,
        "ciphertext": STANDARD.encode(text),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// wechatpay-java, AeadAesCipherTest.java.
    #[test]
    fn the_official_vector_is_encrypted_alike() {
        let sealed = encrypted(b"a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb", "uluk4a9R25RW", "associatedData", b"message");
        assert_eq!(sealed["ciphertext"], "ulwSiIajGClcvcOYvOQ7+l+0PAbzzwI=");
    }

    #[test]
    fn every_forgery_fails_and_a_probe_says_so() {
        let seal = Seal { serial: "S".to_owned(), key: WechatPayKeys::generated().public };
        let of = |forgery| {
            let headers = seal.headers(1, "n".to_owned(), b"body", forgery);
            headers.into_iter().find(|(name, _)| *name == "wechatpay-signature").map(|(_, value)| value)
        };
        assert!(seal.key.verifies(b"1\nn\nbody\n", &of(None).unwrap()));
        for forgery in [Forgery::Broken, Forgery::Probe, Forgery::OtherKey] {
            assert!(!seal.key.verifies(b"1\nn\nbody\n", &of(Some(forgery)).unwrap()), "{forgery:?}");
        }
        assert!(of(Some(Forgery::Probe)).unwrap().starts_with("WECHATPAY/SIGNTEST/"));
        assert_eq!(of(Some(Forgery::Absent)), None);
    }
}
