//! A UnionPay notice as a careful engineer would prove it by hand with aws-lc-rs: canonical text, two hashes, base64, RSA.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A notice, decoded.
pub type Fields = BTreeMap<String, String>;

/// A signer whose certificate was checked before, remembered by its bytes.
#[derive(Debug)]
pub struct Signer {
    pem: String,
    key: ParsedPublicKey,
}

impl Signer {
    /// From the certificate as it comes within messages, and the bytes of its `SubjectPublicKeyInfo`.
    pub fn new(pem: &str, spki: &[u8]) -> Option<Self> {
        Some(Self { pem: pem.to_owned(), key: ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki).ok()? })
    }

    /// Verifies decoded fields and reads number and amount; `None` is any refusal.
    pub fn open<'a>(&self, fields: &'a Fields, merchant: &str) -> Option<(&'a str, i64)> {
        if fields.get("signPubKeyCert")? != &self.pem || fields.get("merId")? != merchant {
            return None;
        }
        let mut text = String::with_capacity(3000);
        for (name, value) in fields.iter().filter(|(name, value)| *name != "signature" && !value.is_empty()) {
            if !text.is_empty() {
                text.push('&');
            }
            text.push_str(name);
            text.push('=');
            text.push_str(value);
        }
        let hash = hex::encode(digest(&SHA256, text.as_bytes()));
        let signature = STANDARD.decode(fields.get("signature")?).ok()?;
        self.key.verify_sig(hash.as_bytes(), &signature).ok()?;
        Some((fields.get("orderId")?, fields.get("txnAmt")?.parse().ok()?))
    }

    /// The same from the form that is posted.
    pub fn open_form(&self, body: &[u8], merchant: &str) -> Option<(String, i64)> {
        let fields = decoded(body)?;
        self.open(&fields, merchant).map(|(number, amount)| (number.to_owned(), amount))
    }
}

/// A form's fields, decoded the plain way.
pub fn decoded(body: &[u8]) -> Option<Fields> {
    let body = std::str::from_utf8(body).ok()?;
    body.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, value)| Some((part(name)?, part(value)?))).collect()
}

fn part(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}
