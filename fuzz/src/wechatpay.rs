//! A WeChat Pay merchant, and the provider's side of it: its key signs, the APIv3 key seals.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};
use paysluice::model::Secret;
use paysluice::signing::RsaPrivateKey;
use paysluice_wechatpay::{WeChatPay, WeChatPayConfig};

use crate::NOW;

/// The APIv3 key.
pub const API_KEY: &str = "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb";

const MERCHANT_KEY: &str = include_str!("../../channels/wechatpay/vectors/java_test_merchant_private_key.pem");
const PLATFORM_KEY: &str = include_str!("../../channels/wechatpay/vectors/java_test_wechat_pay_private_key.pem");
const CERTIFICATE: &str = include_str!("../../channels/wechatpay/vectors/java_test_wechat_pay_certificate.pem");
const SERIAL: &str = "440024045C4A427599D09BB4E3DE0279F2E813FD";
const NONCE: &[u8; 12] = b"fdasflkja484";

/// The merchant, its platform certificate pinned.
pub fn wechat() -> WeChatPay {
    let account = "wechatpay:live:1900009191".parse().expect("an account");
    let api_key = Secret::new(API_KEY);
    let config = WeChatPayConfig::new(account, "wxd678efh567hg6787", Secret::new(MERCHANT_KEY), "5F1C", api_key);
    let config = config.platform_certificate(CERTIFICATE).notify_url("https://shop.example/wx");
    WeChatPay::new(config).expect("a configuration")
}

/// The provider.
pub struct Platform {
    key: RsaPrivateKey,
    api: LessSafeKey,
}

impl Platform {
    /// With the keys of the merchant's platform certificate.
    pub fn new() -> Self {
        let key = RsaPrivateKey::from_pem("key", &Secret::new(PLATFORM_KEY)).expect("a key");
        let api = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, API_KEY.as_bytes()).expect("32 bytes"));
        Self { key, api }
    }

    /// The headers that prove a body.
    pub fn headers(&self, body: &[u8]) -> HeaderMap {
        let (timestamp, nonce) = (NOW.to_string(), "61f9c719728a7d9e61f9c719728a7d9e");
        let signature = self.key.sign(&[timestamp.as_bytes(), b"\n", nonce.as_bytes(), b"\n", body, b"\n"]).expect("a signature");
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("wechatpay-timestamp", timestamp.as_str()),
            ("wechatpay-nonce", nonce),
            ("wechatpay-serial", SERIAL),
            ("wechatpay-signature", &STANDARD.encode(signature)),
        ] {
            headers.insert(name, HeaderValue::from_str(value).expect("a header"));
        }
        headers
    }

    /// A notification of that type about that content.
    pub fn notification(&self, name: &str, content: &[u8]) -> Vec<u8> {
        let mut sealed = content.to_vec();
        let nonce = Nonce::assume_unique_for_key(*NONCE);
        self.api.seal_in_place_append_tag(nonce, Aad::from(b"x"), &mut sealed).expect("a seal");
        let sealed = STANDARD.encode(sealed);
        format!(
            r#"{{"id":"EV-1","resource_type":"encrypt-resource","event_type":"{name}","resource":{{"algorithm":"AEAD_AES_256_GCM","ciphertext":"{sealed}","associated_data":"x","nonce":"fdasflkja484"}}}}"#
        )
        .into_bytes()
    }
}

impl Default for Platform {
    fn default() -> Self {
        Self::new()
    }
}
