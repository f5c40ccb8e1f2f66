//! RSA over the hex of a hash: some gateways hash what they sign twice, once by themselves and once within RSA.

use bytes::Bytes;

use super::{Proof, RsaPrivateKey, RsaPublicKey, sha256_hex};
use crate::model::Error;

impl RsaPrivateKey {
    /// The signature over the lower-case hex of the text's SHA-256.
    pub fn sign_hashed(&self, text: &[u8]) -> Result<Vec<u8>, Error> {
        self.sign(&[sha256_hex(&[text]).as_bytes()])
    }
}

impl RsaPublicKey {
    /// Verifies `signature` over the lower-case hex of the text's SHA-256; the proof covers the text.
    pub fn verify_hashed(&self, text: &Bytes, signature: &[u8]) -> Option<Proof> {
        let hash = Bytes::from(sha256_hex(&[text]));
        self.verify(&[], &hash, &[], signature).map(|_| Proof::minted(text.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    #[test]
    fn what_is_signed_is_the_hash_in_small_letters_and_what_is_proved_is_the_text() {
        let key = RsaPrivateKey::from_pem("key", &Secret::new(include_str!("testdata/rsa_2048.pkcs8.pem"))).unwrap();
        let (text, public) = (Bytes::from_static(b"a=1&b=2"), key.public_key().unwrap());
        let signature = key.sign_hashed(&text).unwrap();
        assert_eq!(signature, key.sign(&[b"8e85be58c1c372ac29fe7bfa80d8ddcbd04a4032c7b51c1c026d67c55b1ab23f"]).unwrap());
        assert_eq!(public.verify_hashed(&text, &signature).unwrap().covered(), &text);
        let (once, other) = (key.sign(&[&text]).unwrap(), Bytes::from_static(b"a=1&b=3"));
        assert!(public.verify_hashed(&text, &once).is_none() && public.verify_hashed(&other, &signature).is_none());
    }
}
