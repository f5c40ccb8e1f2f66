//! HMAC-SHA256: makes and verifies message authentication codes, in constant time.

use std::fmt;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Proof;
use crate::model::Secret;

/// A key for HMAC-SHA256, its padded blocks hashed once.
#[derive(Clone)]
pub struct HmacKey(Hmac<Sha256>);

impl HmacKey {
    /// A key of any length.
    pub fn new(secret: &Secret) -> Self {
        match Hmac::new_from_slice(secret.expose()) {
            Ok(keyed) => Self(keyed),
            Err(_) => unreachable!("HMAC takes keys of any length"),
        }
    }

    /// The code over the parts, one after the other.
    pub fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.over(parts).finalize().into_bytes().into()
    }

    /// Verifies one of the `claimed` codes over `prefix` followed by `body`; the proof covers `body`.
    ///
    /// The code is computed once, compared with each claim in constant time. Claims of another length never match.
    pub fn verify<'a>(&self, prefix: &[&[u8]], body: &Bytes, claimed: impl IntoIterator<Item = &'a [u8]>) -> Option<Proof> {
        let mut keyed = self.over(prefix);
        keyed.update(body);
        let code = keyed.finalize();
        let mut matched = subtle::Choice::from(0);
        for claim in claimed {
            matched |= subtle::ConstantTimeEq::ct_eq(code.as_bytes().as_slice(), claim);
        }
        bool::from(matched).then(|| Proof::minted(body.clone()))
    }

    fn over(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut keyed = self.0.clone();
        for part in parts {
            keyed.update(part);
        }
        keyed
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn the_rfc_vector_passes() {
        let key = HmacKey::new(&Secret::new("Jefe"));
        let code = key.sign(&[b"what do ya want ", b"for nothing?"]);
        assert_eq!(hex::encode(code), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn any_of_several_claims_proves_and_a_wrong_one_does_not() {
        let key = HmacKey::new(&Secret::new("k"));
        let body = Bytes::from_static(b"body");
        let right = key.sign(&[b"1.", b"body"]);
        let wrong = [7_u8; 32];
        let proof = key.verify(&[b"1."], &body, [wrong.as_slice(), b"", right.as_slice()]).unwrap();
        assert_eq!(proof.covered(), &body);
        assert!(key.verify(&[b"1."], &body, [wrong.as_slice()]).is_none());
        assert!(key.verify(&[b"2."], &body, [right.as_slice()]).is_none());
    }
}
