//! An Alipay application, and the provider's side of it: its key signs notices and answers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use paysluice::adapter::Form;
use paysluice::model::Secret;
use paysluice::signing::{RsaPrivateKey, canonical};
use paysluice_alipay::{Alipay, AlipayConfig};

/// The token of the merchant that has authorized the application.
pub const TOKEN: &str = "202212BB_D64b2be8afd4b6c8468cf585bd05E50";

const APP: &str = "2021000122671080";
const APP_KEY: &str = include_str!("../../channels/alipay/vectors/node_app_private_key_pkcs8.pem");
const ALIPAY_KEY: &str = include_str!("../../channels/alipay/vectors/yansongda_app_private_key_pkcs1.pem");
const ALIPAY_PUBLIC: &str = include_str!("../../channels/alipay/vectors/signer_public_key.pem");

/// The application, acting for a merchant.
pub fn alipay() -> Alipay {
    let account = format!("alipay:live:{APP}:2021000000000099").parse().expect("an account");
    let config = AlipayConfig::with_key(account, Secret::new(APP_KEY), ALIPAY_PUBLIC);
    Alipay::new(config.app_auth_token(Secret::new(TOKEN))).expect("a configuration")
}

/// The provider.
pub struct Provider(RsaPrivateKey);

impl Provider {
    /// With the key whose other half the application holds.
    pub fn new() -> Self {
        Self(RsaPrivateKey::from_text("key", &Secret::new(ALIPAY_KEY)).expect("a key"))
    }

    fn sign(&self, text: &[u8]) -> String {
        STANDARD.encode(self.0.sign(&[text]).expect("a signature"))
    }

    /// The form as a notice: for this application, signed as those of trades are. None if it has fields of that name itself.
    pub fn notice(&self, body: &[u8]) -> Option<Vec<u8>> {
        let own = [
            ("app_id", APP),
            ("auth_app_id", "2021000000000099"),
            ("notify_id", "2023111501222061320099160501632046"),
            ("trade_no", "2023111522001499160501586202"),
        ];
        let form = Form::read(body).ok()?;
        let taken = |name: &[u8]| own.iter().any(|(own, _)| own.as_bytes() == name) || name == b"sign" || name == b"sign_type";
        if form.fields().any(|(name, _)| taken(name)) {
            return None;
        }
        let fields = form.fields().chain(own.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        let sign = self.sign(&canonical(fields));
        let more = Form::encode(own.into_iter().chain([("sign_type", "RSA2"), ("sign", &sign)]));
        Some([body, b"&", more.as_bytes()].concat())
    }

    /// The bytes as the signed node of an answer to that method.
    pub fn answer(&self, method: &str, node: &[u8]) -> Vec<u8> {
        let head = format!("{{\"{}_response\":", method.replace('.', "_"));
        let tail = format!(",\"sign\":\"{}\"}}", self.sign(node));
        [head.as_bytes(), node, tail.as_bytes()].concat()
    }
}

impl Default for Provider {
    fn default() -> Self {
        Self::new()
    }
}
