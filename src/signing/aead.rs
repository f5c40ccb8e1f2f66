//! Opens what others sealed to us with AES-256-GCM: callbacks and certificates under a key that both sides hold.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use bytes::Bytes;

use super::Proof;
use crate::model::{Invalid, Secret};

/// A key shared with a provider.
pub struct AesGcmKey(LessSafeKey);

impl AesGcmKey {
    /// A key of 32 bytes. The error names `field` and never the key.
    pub fn new(field: &str, secret: &Secret) -> Result<Self, Invalid> {
        let key = UnboundKey::new(&AES_256_GCM, secret.expose()).map_err(|_| Invalid::new(field, "32 bytes"))?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Opens `sealed` (ciphertext, then the tag of 16 bytes) with a nonce of 12 bytes and the associated data; the proof covers
    /// the plaintext: whoever sealed it holds the key, and neither it nor the associated data was altered.
    pub fn open(&self, nonce: &[u8], associated: &[u8], mut sealed: Vec<u8>) -> Option<Proof> {
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let length = self.0.open_in_place(nonce, Aad::from(associated), &mut sealed).ok()?.len();
        sealed.truncate(length);
        Some(Proof::minted(Bytes::from(sealed)))
    }
}

impl fmt::Debug for AesGcmKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AesGcmKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    const NONCE: &[u8] = b"uluk4a9R25RW";

    fn key() -> AesGcmKey {
        AesGcmKey::new("key", &Secret::new("a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb")).unwrap()
    }

    fn sealed() -> Vec<u8> {
        STANDARD.decode("ulwSiIajGClcvcOYvOQ7+l+0PAbzzwI=").unwrap()
    }

    /// wechatpay-java `AeadAesCipherTest.java`.
    #[test]
    fn the_published_vector_opens_and_its_alterations_do_not() {
        let opened = key().open(NONCE, b"associatedData", sealed()).unwrap();
        assert_eq!(opened.covered().as_ref(), b"message");
        assert!(key().open(NONCE, b"bad-associatedData", sealed()).is_none());
        assert!(key().open(b"bad-4a9R25RW", b"associatedData", sealed()).is_none());
        assert!(key().open(b"0123456789abcdef", b"associatedData", sealed()).is_none(), "a nonce of another length");
        for at in 0..sealed().len() {
            let mut altered = sealed();
            altered[at] ^= 1;
            assert!(key().open(NONCE, b"associatedData", altered).is_none(), "byte {at}");
            assert!(key().open(NONCE, b"associatedData", sealed()[..at].to_vec()).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn a_key_of_another_length_is_refused_and_none_is_printed() {
        let error = AesGcmKey::new("api_v3_key", &Secret::new("short")).unwrap_err();
        assert_eq!(error.to_string(), "api_v3_key: must be 32 bytes");
        assert_eq!(format!("{:?}", key()), "AesGcmKey(***)");
    }
}
