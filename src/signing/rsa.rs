//! RSA signatures, PKCS#1 v1.5 over SHA-256: keys parsed once, of 2048 to 4096 bits.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, Digest, SHA256};
use aws_lc_rs::rsa::{KeyPair, PublicEncryptingKey};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256};
use bytes::Bytes;

use super::{Proof, pem};
use crate::model::{Error, ErrorKind, Invalid, Secret};

/// Fewer bits are within reach of those who would forge; more make a verifier work for whoever sends garbage.
const BITS: RangeInclusive<usize> = 2048..=4096;

const PRIVATE: &str =
    "an RSA private key of 2048 to 4096 bits as PEM (BEGIN PRIVATE KEY or BEGIN RSA PRIVATE KEY, not encrypted)";
const PRIVATE_TEXT: &str =
    "an RSA private key of 2048 to 4096 bits, PKCS#8 or PKCS#1, as PEM or as its base64 alone, not encrypted";
const PUBLIC_TEXT: &str = "an RSA public key of 2048 to 4096 bits, as PEM (BEGIN PUBLIC KEY) or as its base64 alone";
const PUBLIC: &str = "an RSA public key of 2048 to 4096 bits as PEM (BEGIN PUBLIC KEY)";

/// A key that signs. Its memory is wiped when the last copy is dropped.
#[derive(Clone)]
pub struct RsaPrivateKey(Arc<KeyPair>);

impl RsaPrivateKey {
    /// Reads PKCS#8 (`BEGIN PRIVATE KEY`) or PKCS#1 (`BEGIN RSA PRIVATE KEY`). The error names `field` and never the key.
    pub fn from_pem(field: &str, text: &Secret) -> Result<Self, Invalid> {
        let invalid = || Invalid::new(field, PRIVATE);
        let block = pem::first(text.expose()).ok_or_else(invalid)?;
        let pair = match block.label {
            "PRIVATE KEY" => KeyPair::from_pkcs8(&block.bytes),
            "RSA PRIVATE KEY" => KeyPair::from_der(&block.bytes),
            _ => return Err(invalid()),
        };
        Self::of(pair.map_err(|_| invalid())?).ok_or_else(invalid)
    }

    /// The same, or the base64 within such a PEM alone, as some consoles show it. Whitespace is ignored.
    pub fn from_text(field: &str, text: &Secret) -> Result<Self, Invalid> {
        if pem::is_armoured(text.expose()) {
            return Self::from_pem(field, text);
        }
        let der = pem::bare(text.expose()).ok_or_else(|| Invalid::new(field, PRIVATE_TEXT))?;
        let pair = KeyPair::from_pkcs8(&der).or_else(|_| KeyPair::from_der(&der));
        Self::of(pair.map_err(|_| Invalid::new(field, PRIVATE_TEXT))?).ok_or_else(|| Invalid::new(field, PRIVATE_TEXT))
    }

    fn of(pair: KeyPair) -> Option<Self> {
        BITS.contains(&pair.public_modulus_len().saturating_mul(8)).then(|| Self(Arc::new(pair)))
    }

    /// The signature over the parts, one after the other.
    pub fn sign(&self, parts: &[&[u8]]) -> Result<Vec<u8>, Error> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign_digest(&RSA_PKCS1_SHA256, &sha256(parts), &mut signature)
            .map_err(|_| Error::new(ErrorKind::Invalid, "the private key signs nothing: it is damaged"))?;
        Ok(signature)
    }

    /// The key that verifies what this one signs.
    pub fn public_key(&self) -> Result<RsaPublicKey, Invalid> {
        use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
        use aws_lc_rs::signature::KeyPair as _;
        let der: PublicKeyX509Der<'_> = self.0.public_key().as_der().map_err(|_| Invalid::new("private_key", PRIVATE))?;
        RsaPublicKey::from_der("private_key", der.as_ref())
    }
}

impl fmt::Debug for RsaPrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaPrivateKey(***)")
    }
}

/// A key that verifies.
#[derive(Clone)]
pub struct RsaPublicKey {
    key: Arc<ParsedPublicKey>,
    bits: usize,
}

impl RsaPublicKey {
    /// Reads `BEGIN PUBLIC KEY`. The error names `field`.
    pub fn from_pem(field: &str, text: &[u8]) -> Result<Self, Invalid> {
        match pem::first(text) {
            Some(block) if block.label == "PUBLIC KEY" => Self::from_der(field, &block.bytes),
            _ => Err(Invalid::new(field, PUBLIC)),
        }
    }

    /// The same, or the base64 within such a PEM alone, as some consoles show it. Whitespace is ignored.
    pub fn from_text(field: &str, text: &[u8]) -> Result<Self, Invalid> {
        if pem::is_armoured(text) {
            return Self::from_pem(field, text);
        }
        Self::from_der(field, &pem::bare(text).ok_or_else(|| Invalid::new(field, PUBLIC_TEXT))?)
            .map_err(|_| Invalid::new(field, PUBLIC_TEXT))
    }

    /// Reads the bytes within such a PEM: a `SubjectPublicKeyInfo`.
    pub fn from_der(field: &str, spki: &[u8]) -> Result<Self, Invalid> {
        let invalid = || Invalid::new(field, PUBLIC);
        // Asked first, since it takes nothing but a SubjectPublicKeyInfo of RSA.
        let bits = PublicEncryptingKey::from_der(spki).map_err(|_| invalid())?.key_size_bits();
        let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki).map_err(|_| invalid())?;
        if BITS.contains(&bits) { Ok(Self { key: Arc::new(key), bits }) } else { Err(invalid()) }
    }

    /// Verifies `signature` over `before`, `body` and `after`, one after the other; the proof covers `body`.
    pub fn verify(&self, before: &[&[u8]], body: &Bytes, after: &[&[u8]], signature: &[u8]) -> Option<Proof> {
        let mut hash = Context::new(&SHA256);
        for part in before {
            hash.update(part);
        }
        hash.update(body);
        for part in after {
            hash.update(part);
        }
        self.key.verify_digest_sig(&hash.finish(), signature).is_ok().then(|| Proof::minted(body.clone()))
    }

    /// How many bits its modulus has.
    pub fn bits(&self) -> usize {
        self.bits
    }
}

impl PartialEq for RsaPublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.key.as_ref().as_ref() == other.key.as_ref().as_ref()
    }
}

impl Eq for RsaPublicKey {}

impl fmt::Debug for RsaPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaPublicKey({} bits)", self.bits)
    }
}

fn sha256(parts: &[&[u8]]) -> Digest {
    let mut hash = Context::new(&SHA256);
    for part in parts {
        hash.update(part);
    }
    hash.finish()
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    const PKCS8: &str = include_str!("testdata/rsa_2048.pkcs8.pem");
    const PKCS1: &str = include_str!("testdata/rsa_2048.pkcs1.pem");
    const SPKI: &str = include_str!("testdata/rsa_2048.public.pem");
    /// wechatpay-go `utils/sign_test.go`: the signature over `source`.
    const SIGNATURE: &str = "BKyAfU4iMCuvXMXS0Wzam3V/cnxZ+JaqigPM5OhljS2iOT95OO6Fsuml2JkFANJU9K6q9bLlDhPXuoVz+pp4hAm6pHU4ld815U4jsKu1RkyaII+1CYBUYC8TK0XtJ8FwUXXz8vZHh58rrAVN1XwNyvD1vfpxrMT4SL536GLwvpUHlCqIMzoZUguLli/K8V29QiOhuH6IEqLNJn8e9b3nwNcQ7be3CzYGpDAKBfDGPCqCv8Rw5zndhlffk2FEA70G4hvMwe51qMN/RAJbknXG23bSlObuTCN7Ndj1aJGH6/L+hdwfLpUtJm4QYVazzW7DFD27EpSQEqA8bX9+8m1rLg==";

    fn private(pem: &str) -> Result<RsaPrivateKey, Invalid> {
        RsaPrivateKey::from_pem("key", &Secret::new(pem))
    }

    #[test]
    fn the_published_signature_is_made_from_either_form_of_the_key() {
        for pem in [PKCS8, PKCS1] {
            let signature = private(pem).unwrap().sign(&[b"sou", b"", b"rce"]).unwrap();
            assert_eq!(STANDARD.encode(signature), SIGNATURE);
        }
        assert_eq!(private(PKCS8).unwrap().public_key().unwrap(), RsaPublicKey::from_pem("key", SPKI.as_bytes()).unwrap());
    }

    #[test]
    fn a_key_may_come_as_its_base64_alone() {
        let bare = |pem: &str| pem.lines().filter(|line| !line.starts_with('-')).collect::<Vec<_>>().concat();
        let spaced = |pem: &str| format!(" {}\r\n", bare(pem).split_at(100).0) + bare(pem).split_at(100).1;
        for text in [PKCS8.to_owned(), bare(PKCS8), spaced(PKCS8), PKCS1.to_owned(), bare(PKCS1), spaced(PKCS1)] {
            let key = RsaPrivateKey::from_text("key", &Secret::new(text)).unwrap();
            assert_eq!(STANDARD.encode(key.sign(&[b"source"]).unwrap()), SIGNATURE);
        }
        for text in [SPKI.to_owned(), bare(SPKI), spaced(SPKI)] {
            let key = RsaPublicKey::from_text("key", text.as_bytes()).unwrap();
            assert_eq!(key, RsaPublicKey::from_pem("key", SPKI.as_bytes()).unwrap());
        }
        let short = bare(include_str!("testdata/rsa_1024.pkcs1.pem"));
        for text in ["", "*", "aGVsbG8=", "-----BEGIN", &bare(SPKI), &short, &bare(PKCS8)[4..]] {
            assert_eq!(RsaPrivateKey::from_text("key", &Secret::new(text)).unwrap_err().field(), "key");
        }
        for text in ["", "*", "aGVsbG8=", &bare(PKCS8), &bare(include_str!("testdata/rsa_1024.public.pem"))] {
            assert_eq!(RsaPublicKey::from_text("key", text.as_bytes()).unwrap_err().field(), "key");
        }
    }

    #[test]
    fn it_proves_the_body_and_nothing_that_differs() {
        let key = RsaPublicKey::from_pem("key", SPKI.as_bytes()).unwrap();
        let signature = STANDARD.decode(SIGNATURE).unwrap();
        let body = Bytes::from_static(b"our");
        assert_eq!(key.verify(&[b"s"], &body, &[b"ce"], &signature).unwrap().covered(), &body);
        assert_eq!(key.bits(), 2048);
        for (before, body, after) in [("s", "our", "cf"), ("s", "oor", "ce"), ("wrong s", "our", "ce"), ("", "", "")] {
            let body = Bytes::copy_from_slice(body.as_bytes());
            assert!(key.verify(&[before.as_bytes()], &body, &[after.as_bytes()], &signature).is_none());
        }
        let mut flipped = signature.clone();
        flipped[100] ^= 1;
        for other in [flipped.as_slice(), &signature[..255], &[], &[0; 256], &[0xff; 256]] {
            assert!(key.verify(&[b"s"], &body, &[b"ce"], other).is_none());
        }
    }

    #[test]
    fn keys_of_another_size_or_kind_are_refused_by_name() {
        let short = private(include_str!("testdata/rsa_1024.pkcs1.pem")).unwrap_err();
        assert!(short.field() == "key" && short.rule().contains("2048"), "{short}");
        for pem in [SPKI, "", "secret", &PKCS8.replace("PRIVATE KEY", "EC PRIVATE KEY"), &PKCS8.replace("MIIEv", "AAAA")] {
            let error = private(pem).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        let public = |pem: &str| RsaPublicKey::from_pem("key", pem.as_bytes());
        for pem in [include_str!("testdata/rsa_1024.public.pem"), include_str!("testdata/rsa_4608.public.pem"), PKCS8, ""] {
            assert_eq!(public(pem).unwrap_err().field(), "key");
        }
    }

    #[test]
    fn a_key_is_never_printed() {
        assert_eq!(format!("{:?}", private(PKCS8).unwrap()), "RsaPrivateKey(***)");
    }
}
