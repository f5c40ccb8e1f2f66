//! An Alipay notice as a careful engineer would read it by hand with aws-lc-rs: decode the form, sort, join, verify, parse.

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A payment, as far as a shop reads it.
#[derive(Debug)]
pub struct Trade {
    pub out_trade_no: String,
    pub trade_no: String,
    pub trade_status: String,
    /// In fen.
    pub total_amount: i64,
}

/// Alipay's key, parsed once, and whose notices are taken.
#[derive(Debug)]
pub struct Key {
    alipay: ParsedPublicKey,
    app_id: String,
    seller_id: String,
}

impl Key {
    /// From the bytes of a `SubjectPublicKeyInfo`.
    pub fn new(alipay: &[u8], app_id: &str, seller_id: &str) -> Option<Self> {
        let alipay = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, alipay).ok()?;
        Some(Self { alipay, app_id: app_id.to_owned(), seller_id: seller_id.to_owned() })
    }

    /// Verifies and reads; `None` is any refusal.
    pub fn open(&self, body: &[u8]) -> Option<Trade> {
        let mut fields: Vec<(String, String)> = Vec::with_capacity(32);
        for pair in std::str::from_utf8(body).ok()?.split('&') {
            let (name, value) = pair.split_once('=')?;
            fields.push((decoded(name)?, decoded(value)?));
        }
        fields.sort();
        let of = |name: &str| fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
        let mut text = String::with_capacity(body.len());
        for (name, value) in
            fields.iter().filter(|(name, value)| !matches!(name.as_str(), "sign" | "sign_type") && !value.is_empty())
        {
            if !text.is_empty() {
                text.push('&');
            }
            text.push_str(name);
            text.push('=');
            text.push_str(value);
        }
        let signature = STANDARD.decode(of("sign")?).ok()?;
        self.alipay.verify_sig(text.as_bytes(), &signature).ok()?;
        if of("app_id")? != self.app_id || of("seller_id")? != self.seller_id {
            return None;
        }
        let (yuan, fen) = of("total_amount")?.split_once('.')?;
        Some(Trade {
            out_trade_no: of("out_trade_no")?.to_owned(),
            trade_no: of("trade_no")?.to_owned(),
            trade_status: of("trade_status")?.to_owned(),
            total_amount: yuan.parse::<i64>().ok()?.checked_mul(100)?.checked_add(fen.parse().ok()?)?,
        })
    }
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        rest = more;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(*rest.first()?)?, digit(*rest.get(1)?)?);
                bytes.push(u8::try_from(high * 16 + low).ok()?);
                rest = &rest[2..];
            }
            byte => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok()
}
