//! How WeChat Pay's face is set up, and the test credentials it takes.

use std::fmt;
use std::time::Duration;

use paysluice::env::SeededRng;
use paysluice::model::Secret;

use super::keys::WechatPayKeys;
use crate::world::letters;

/// With what the merchant verifies WeChat Pay's word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Platform certificates only: merchants of before September 2024.
    Certificates,
    /// The public key only: `GET /v3/certificates` answers `RESOURCE_NOT_EXISTS`.
    PublicKey,
    /// A merchant who is switching: answers follow the request's `Wechatpay-Serial`, callbacks are signed by either.
    #[default]
    Both,
}

/// The settings of WeChat Pay's face.
#[derive(Clone, Debug)]
pub struct WechatPayConfig {
    /// The merchant, in partner mode the service provider. Default `1900000109`.
    pub mchid: String,
    /// The appid bound to it. Default `wxd678efh567hg6787`.
    pub appid: String,
    /// The APIv3 key, 32 ASCII characters. None: generated from the seed.
    pub api_v3_key: Option<String>,
    /// The RSA keys. None: generated once per process.
    pub keys: Option<WechatPayKeys>,
    /// With what the merchant verifies. Default [`Trust::Both`].
    pub trust: Trust,
    /// From the listing of a new certificate to its use. Default 24 h.
    pub rotation_notice: Duration,
    /// `notify_url` may be `http` on the loopback. Default false: `https` only, as at WeChat Pay.
    pub allow_http_loopback: bool,
    /// Every order that the payer scans or calls up is paid after this time. Default None: only whom the test makes pay, pays.
    pub pays_after: Option<Duration>,
    /// How long a payer types the password. Default 10 s.
    pub password_time: Duration,
    /// From a refund's acceptance to its end. Default 5 s.
    pub refund_after: Duration,
    /// Two refunds of one order need this time between them. Default 1 minute.
    pub refund_gap: Duration,
    /// From an unpaid order's expiry to `CLOSED`; until then a query shows `NOTPAY`. Default 14 days.
    pub closes_after_expiry: Duration,
    /// Waits between the deliveries of a notice that is not answered by 200 or 204. Default: WeChat Pay's 15 waits, 24 h 4 min in all.
    pub notice_waits: Vec<Duration>,
}

impl Default for WechatPayConfig {
    fn default() -> Self {
        Self {
            mchid: "1900000109".to_owned(),
            appid: "wxd678efh567hg6787".to_owned(),
            api_v3_key: None,
            keys: None,
            trust: Trust::default(),
            rotation_notice: Duration::from_secs(24 * 3600),
            allow_http_loopback: false,
            pays_after: None,
            password_time: Duration::from_secs(10),
            refund_after: Duration::from_secs(5),
            refund_gap: Duration::from_secs(60),
            closes_after_expiry: Duration::from_secs(14 * 24 * 3600),
            notice_waits: [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10_800, 10_800, 10_800, 21_600, 21_600]
                .map(Duration::from_secs)
                .to_vec(),
        }
    }
}

/// The test credentials a client of WeChat Pay's face needs. They open nothing but this sandbox.
#[derive(Clone)]
pub struct WechatPayCredentials {
    /// The merchant; in partner mode the service provider.
    pub mchid: String,
    /// The appid bound to it.
    pub appid: String,
    /// The serial number of the merchant's certificate.
    pub merchant_serial: String,
    /// The merchant's certificate: PEM.
    pub merchant_certificate: String,
    /// The merchant's private key: PEM, PKCS#8.
    pub merchant_private_key: Secret,
    /// The APIv3 key: 32 bytes.
    pub api_v3_key: Secret,
    /// The id of WeChat Pay's public key: `PUB_KEY_ID_…`.
    pub public_key_id: String,
    /// WeChat Pay's public key: PEM, SubjectPublicKeyInfo.
    pub public_key: String,
}

impl fmt::Debug for WechatPayCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WechatPayCredentials({}, {})", self.mchid, self.merchant_serial)
    }
}

/// Who the merchant is, without the keys that take time to make.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) mchid: String,
    pub(super) appid: String,
    pub(super) api_v3_key: Secret,
    pub(super) public_key_id: String,
}

impl Identity {
    pub(super) fn of(config: &WechatPayConfig, seed: u64) -> Self {
        let rng = SeededRng::new(seed ^ 0x77ec_4a71);
        let key = config.api_v3_key.clone().unwrap_or_else(|| letters(&rng, 32));
        Self {
            mchid: config.mchid.clone(),
            appid: config.appid.clone(),
            api_v3_key: Secret::new(key),
            public_key_id: format!("PUB_KEY_ID_01{}2024110500000000", config.mchid),
        }
    }
}
