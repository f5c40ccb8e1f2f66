//! A WeChat Pay callback as a careful engineer would open it by hand with aws-lc-rs: RSA, the time's window, GCM, typed parses.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde::Deserialize;

/// The outside of a notification.
#[derive(Debug, Deserialize)]
pub struct Envelope<'a> {
    pub id: &'a str,
    pub event_type: &'a str,
    #[serde(borrow)]
    pub resource: Resource<'a>,
}

/// What is sealed.
#[derive(Debug, Deserialize)]
pub struct Resource<'a> {
    pub algorithm: &'a str,
    pub nonce: &'a str,
    pub associated_data: Option<&'a str>,
    pub ciphertext: &'a str,
}

/// A payment, as far as a shop reads it.
#[derive(Debug, Deserialize)]
pub struct Transaction {
    pub mchid: String,
    pub appid: String,
    pub out_trade_no: String,
    pub transaction_id: String,
    pub trade_state: String,
    pub success_time: String,
    pub amount: Amount,
}

/// In fen.
#[derive(Debug, Deserialize)]
pub struct Amount {
    pub total: i64,
    pub currency: String,
}

/// Keys, parsed once.
#[derive(Debug)]
pub struct Keys {
    platform: ParsedPublicKey,
    api: LessSafeKey,
    serial: String,
}

impl Keys {
    /// From the bytes of a `SubjectPublicKeyInfo` and the APIv3 key.
    pub fn new(serial: &str, platform: &[u8], api: &[u8]) -> Option<Self> {
        Some(Self {
            platform: ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, platform).ok()?,
            api: LessSafeKey::new(UnboundKey::new(&AES_256_GCM, api).ok()?),
            serial: serial.to_owned(),
        })
    }

    /// Verifies and reads; `None` is any refusal.
    pub fn open(&self, headers: &HeaderMap, body: &[u8], now: u64) -> Option<Transaction> {
        let header = |name: &str| headers.get(name)?.to_str().ok();
        let (timestamp, nonce) = (header("wechatpay-timestamp")?, header("wechatpay-nonce")?);
        if header("wechatpay-serial")? != self.serial || timestamp.parse::<u64>().ok()?.abs_diff(now) >= 300 {
            return None;
        }
        let mut message = Vec::with_capacity(timestamp.len() + nonce.len() + body.len() + 3);
        for part in [timestamp.as_bytes(), b"\n", nonce.as_bytes(), b"\n", body, b"\n"] {
            message.extend_from_slice(part);
        }
        let signature = STANDARD.decode(header("wechatpay-signature")?).ok()?;
        self.platform.verify_sig(&message, &signature).ok()?;
        let envelope: Envelope<'_> = serde_json::from_slice(body).ok()?;
        let resource = &envelope.resource;
        let nonce = Nonce::try_assume_unique_for_key(resource.nonce.as_bytes()).ok()?;
        let mut sealed = STANDARD.decode(resource.ciphertext).ok()?;
        let aad = Aad::from(resource.associated_data.unwrap_or_default().as_bytes());
        let plain = self.api.open_in_place(nonce, aad, &mut sealed).ok()?;
        serde_json::from_slice(plain).ok()
    }
}
