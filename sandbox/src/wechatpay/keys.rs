//! The RSA keys of both sides: given as PEM, or generated once per process, since each takes a tenth of a second to make.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use paysluice::model::Secret;
use sha2::{Digest, Sha256};

/// An RSA key with its texts.
pub(crate) struct Rsa {
    pair: KeyPair,
    pkcs8: Secret,
    public: Vec<u8>,
}

/// The keys of the merchant and of the platform.
#[derive(Clone, Debug)]
pub struct WechatPayKeys {
    pub(super) merchant: Arc<Rsa>,
    pub(super) public: Arc<Rsa>,
    certified: Vec<Arc<Rsa>>,
}

/// Places in the pool of generated keys; certificates follow.
const MERCHANT: usize = 0;
const PUBLIC: usize = 1;
const STRANGER: usize = 2;
const CERTIFIED: usize = 3;

static POOL: Mutex<BTreeMap<usize, Arc<Rsa>>> = Mutex::new(BTreeMap::new());

impl WechatPayKeys {
    /// Keys generated once per process: every sandbox that is given none has these.
    pub fn generated() -> Self {
        Self { merchant: pooled(MERCHANT), public: pooled(PUBLIC), certified: Vec::new() }
    }

    /// Keys from PEM, PKCS#8 or PKCS#1, RSA of 2048 bits or more: the merchant's, the platform's public key's private
    /// part, and those of the platform's certificates in the order of their rotation (generated where there are too few).
    pub fn from_pems(merchant: &str, public: &str, certificates: &[&str]) -> Result<Self, String> {
        let certified = certificates.iter().map(|pem| Rsa::from_pem(pem)).collect::<Result<_, _>>()?;
        Ok(Self { merchant: Rsa::from_pem(merchant)?, public: Rsa::from_pem(public)?, certified })
    }

    /// The key of the platform's certificate at that place of the rotation.
    pub(super) fn certified(&self, place: usize) -> Arc<Rsa> {
        self.certified.get(place).cloned().unwrap_or_else(|| pooled(CERTIFIED + place))
    }

    /// A key that belongs to nobody here.
    pub(super) fn stranger() -> Arc<Rsa> {
        pooled(STRANGER)
    }
}

fn pooled(place: usize) -> Arc<Rsa> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner).entry(place).or_insert_with(Rsa::generate).clone()
}

impl Rsa {
    pub(crate) fn generate() -> Arc<Self> {
        let Ok(key) = KeyPair::generate(KeySize::Rsa2048).map_err(|_| String::new()).and_then(Self::of) else {
            unreachable!("aws-lc makes keys of 2048 bits, and writes them down")
        };
        key
    }

    /// From PKCS#8 (`BEGIN PRIVATE KEY`) or PKCS#1 (`BEGIN RSA PRIVATE KEY`).
    pub(crate) fn from_pem(pem: &str) -> Result<Arc<Self>, String> {
        let within = |label: &str| {
            let begun = pem.trim().strip_prefix(&format!("-----BEGIN {label}-----"))?;
            begun.strip_suffix(&format!("-----END {label}-----"))
        };
        let pkcs8 = within("PRIVATE KEY");
        let body = pkcs8.or_else(|| within("RSA PRIVATE KEY")).ok_or("no PEM of a private key, PKCS#8 or PKCS#1")?;
        let der = STANDARD.decode(body.split_whitespace().collect::<String>()).map_err(|_| "no base64 in the PEM")?;
        let pair = if pkcs8.is_some() { KeyPair::from_pkcs8(&der) } else { KeyPair::from_der(&der) };
        Self::of(pair.map_err(|_| "no RSA key of 2048 bits or more")?)
    }

    fn of(pair: KeyPair) -> Result<Arc<Self>, String> {
        let pkcs8 = AsDer::as_der(&pair).map_err(|_| "the key cannot be written down")?.as_ref().to_vec();
        let public = AsDer::as_der(pair.public_key()).map_err(|_| "the key cannot be written down")?.as_ref().to_vec();
        Ok(Arc::new(Self { pair, pkcs8: Secret::new(pkcs8), public }))
    }

    /// SHA256withRSA (PKCS#1 v1.5) in base64.
    pub(crate) fn sign(&self, message: &[u8]) -> String {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let Ok(()) = self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature) else {
            unreachable!("a good key signs a buffer of its own length")
        };
        STANDARD.encode(signature)
    }

    /// Whether the signature, in padded standard base64, is this key's of the message.
    pub(crate) fn verifies(&self, message: &[u8], signature: &str) -> bool {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.pair.public_key().as_ref());
        STANDARD.decode(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
    }

    pub(crate) fn pkcs8(&self) -> &[u8] {
        self.pkcs8.expose()
    }

    pub(crate) fn private_pem(&self) -> Secret {
        Secret::new(pem("PRIVATE KEY", self.pkcs8.expose()))
    }

    pub(crate) fn public_pem(&self) -> String {
        pem("PUBLIC KEY", &self.public)
    }

    /// The serial number of this key's certificate: 20 bytes, of which the first has the given value.
    pub(super) fn serial(&self, first: u8) -> [u8; 20] {
        let digest = Sha256::digest(&self.public);
        let mut serial = [first; 20];
        for (byte, from) in serial.iter_mut().zip(digest.iter()).skip(1) {
            *byte = *from;
        }
        serial
    }
}

fn pem(kind: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {kind}-----\n");
    for line in STANDARD.encode(der).as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text + &format!("-----END {kind}-----\n")
}

impl fmt::Debug for Rsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rsa")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// wechatpay-go, utils/sign_test.go: its test key over the message `source`.
    #[test]
    fn the_official_vector_is_signed_alike() {
        let pem = include_str!("vectors/go_test_private_key.pem");
        let expected = "BKyAfU4iMCuvXMXS0Wzam3V/cnxZ+JaqigPM5OhljS2iOT95OO6Fsuml2JkFANJU9K6q9bLlDhPXuoVz+pp4hAm6pHU4ld815U4jsKu1RkyaII+1CYBUYC8TK0XtJ8FwUXXz8vZHh58rrAVN1XwNyvD1vfpxrMT4SL536GLwvpUHlCqIMzoZUguLli/K8V29QiOhuH6IEqLNJn8e9b3nwNcQ7be3CzYGpDAKBfDGPCqCv8Rw5zndhlffk2FEA70G4hvMwe51qMN/RAJbknXG23bSlObuTCN7Ndj1aJGH6/L+hdwfLpUtJm4QYVazzW7DFD27EpSQEqA8bX9+8m1rLg==";
        let key = Rsa::from_pem(pem).unwrap();
        assert_eq!(key.sign(b"source"), expected);
        assert!(key.verifies(b"source", expected) && !key.verifies(b"wrong source", expected));
    }

    #[test]
    fn a_key_is_the_same_after_it_was_written_down() {
        let keys = WechatPayKeys::generated();
        let pem = String::from_utf8(keys.merchant.private_pem().expose().to_vec()).unwrap();
        let read = WechatPayKeys::from_pems(&pem, &pem, &[&pem]).unwrap();
        let signature = read.merchant.sign(b"message");
        assert!(keys.merchant.verifies(b"message", &signature) && read.certified(0).verifies(b"message", &signature));
        assert!(!keys.merchant.verifies(b"massage", &signature) && !keys.public.verifies(b"message", &signature));
        assert_eq!(keys.merchant.public_pem(), read.public.public_pem());
        assert!(WechatPayKeys::from_pems("PRIVATE KEY", &pem, &[]).is_err());
    }
}
