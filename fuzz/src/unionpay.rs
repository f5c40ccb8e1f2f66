//! A UnionPay merchant, and the provider's side of it: its key signs, its certificate goes along.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use paysluice::adapter::Form;
use paysluice::model::Secret;
use paysluice::signing::{RsaPrivateKey, canonical};
use paysluice_unionpay::{UnionPay, UnionPayConfig};

const ROOT: &str = include_str!("../../channels/unionpay/vectors/made_root.pem");
const MIDDLE: &str = include_str!("../../channels/unionpay/vectors/made_middle.pem");
const SIGNER: &str = include_str!("../../channels/unionpay/vectors/made_signer.pem");
const SIGNER_KEY: &str = include_str!("../../channels/unionpay/vectors/made_signer_key.pem");
const MERCHANT: &str = include_str!("../../channels/unionpay/vectors/made_merchant.pem");

/// The merchant's key.
pub const MERCHANT_KEY: &str = include_str!("../../channels/unionpay/vectors/made_merchant_key.pem");

/// The order's number; `NOW` in Beijing is its time.
pub const ORDER: &str = "order47110001";

/// The merchant.
pub fn unionpay() -> UnionPay {
    let account = "unionpay:live:777290058110048".parse().expect("an account");
    let config = UnionPayConfig::new(account, ROOT, MIDDLE).signing(Secret::new(MERCHANT_KEY), MERCHANT);
    let config = config.notify_url("https://shop.example/up").return_url("https://shop.example/paid");
    UnionPay::new(config).expect("a configuration")
}

/// Fields as they are fuzzed: names and values.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// The provider.
pub struct Gateway {
    key: RsaPrivateKey,
    pem: Vec<u8>,
}

impl Gateway {
    /// With the signer's key and certificate.
    pub fn new() -> Self {
        let key = RsaPrivateKey::from_pem("key", &Secret::new(SIGNER_KEY)).expect("a key");
        Self { key, pem: SIGNER.trim_end().replace('\n', "\r\n").into_bytes() }
    }

    /// The input's fields, with what every message of the provider's has where it has none of its own, signed.
    pub fn signed(&self, input: &[u8]) -> Fields {
        let mut fields: Fields = match Form::read(input) {
            Ok(form) => form.fields().map(|(name, value)| (name.to_vec(), value.to_vec())).collect(),
            Err(_) => Vec::new(),
        };
        let ours: [(&str, &[u8]); 6] = [
            ("version", b"5.1.0"),
            ("signMethod", b"01"),
            ("merId", b"777290058110048"),
            ("orderId", ORDER.as_bytes()),
            ("txnTime", b"20260921221320"),
            ("signPubKeyCert", &self.pem),
        ];
        for (name, value) in ours {
            if !fields.iter().any(|(other, _)| other == name.as_bytes()) {
                fields.push((name.as_bytes().to_vec(), value.to_vec()));
            }
        }
        fields.retain(|(name, _)| name != b"signature");
        let text = canonical(fields.iter().map(|(name, value)| (name.as_slice(), value.as_slice())));
        let signature = STANDARD.encode(self.key.sign_hashed(&text).expect("a signature"));
        fields.push((b"signature".to_vec(), signature.into_bytes()));
        fields
    }
}

impl Default for Gateway {
    fn default() -> Self {
        Self::new()
    }
}

/// Joined as an answer is.
pub fn plain(fields: &Fields) -> Vec<u8> {
    let joined: Vec<Vec<u8>> = fields.iter().map(|(name, value)| [name, b"=".as_slice(), value].concat()).collect();
    joined.join(b"&".as_slice())
}

/// Encoded as a notice is, every byte.
pub fn encoded(fields: &Fields) -> Vec<u8> {
    let escape = |bytes: &[u8]| bytes.iter().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let joined: Vec<String> = fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    joined.join("&").into_bytes()
}
