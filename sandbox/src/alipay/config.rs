//! How Alipay's face is set up, and the test credentials it takes.

use std::fmt;
use std::time::Duration;

use paysluice::env::SeededRng;
use paysluice::model::Secret;

use super::keys::AlipayKeys;
use crate::world::letters;

/// With what application and Alipay know each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AlipayMode {
    /// Keys only: a request that names a certificate is refused.
    PublicKey,
    /// Certificates only: a request must name its own and the roots, and answers name the one that signed them.
    Certificates,
    /// Each request as it comes; a notice is signed as the request was that placed its order.
    #[default]
    Both,
}

/// How the `/` is written within the JSON of answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AlipaySlashes {
    /// As it is.
    Plain,
    /// `\/`, and that is what is signed.
    #[default]
    Escaped,
    /// `\/`, but the signature is over the plain `/`: what the official PHP SDK has a second try for.
    EscapedAfterSigning,
}

/// The settings of Alipay's face.
#[derive(Clone, Debug)]
pub struct AlipayConfig {
    /// The application. Default `2021000122671080`.
    pub app_id: String,
    /// The merchant whose application it is. Default `2088101117955611`.
    pub seller_id: String,
    /// The `app_auth_token` of another merchant for whom the application acts. None: generated from the seed.
    pub app_auth_token: Option<String>,
    /// The RSA keys. None: generated once per process.
    pub keys: Option<AlipayKeys>,
    /// With what the two sides know each other. Default [`AlipayMode::Both`].
    pub mode: AlipayMode,
    /// How the `/` is written. Default [`AlipaySlashes::Escaped`].
    pub slashes: AlipaySlashes,
    /// How far a request's `timestamp` may lie from our time. Alipay does not publish it. Default 10 minutes.
    pub timestamp_window: Duration,
    /// Every order that a payer is shown is opened and paid after this time. Default None: only whom the test makes pay, pays.
    pub pays_after: Option<Duration>,
    /// How long a payer types the password. Default 10 s.
    pub password_time: Duration,
    /// From the answer to a refund that is done later (see [`AlipayFace`](super::AlipayFace)) to its end. Default 5 s.
    pub refund_after: Duration,
    /// How long the QR code of a precreated order can be scanned. Default 2 h.
    pub qr_valid: Duration,
    /// How long after its creation a trade can be cancelled. Default 24 h.
    pub cancel_window: Duration,
    /// From the payment to `TRADE_FINISHED`. Default 365 days.
    pub finishes_after: Duration,
    /// Waits between the deliveries of a notice that is not answered by `success`. Default: Alipay's seven waits, 24 h 24 min in all.
    pub notice_waits: Vec<Duration>,
}

impl Default for AlipayConfig {
    fn default() -> Self {
        Self {
            app_id: "2021000122671080".to_owned(),
            seller_id: "2088101117955611".to_owned(),
            app_auth_token: None,
            keys: None,
            mode: AlipayMode::default(),
            slashes: AlipaySlashes::default(),
            timestamp_window: Duration::from_secs(600),
            pays_after: None,
            password_time: Duration::from_secs(10),
            refund_after: Duration::from_secs(5),
            qr_valid: Duration::from_secs(2 * 3600),
            cancel_window: Duration::from_secs(24 * 3600),
            finishes_after: Duration::from_secs(365 * 24 * 3600),
            notice_waits: [240, 600, 600, 3600, 7200, 21_600, 54_000].map(Duration::from_secs).to_vec(),
        }
    }
}

/// The test credentials a client of Alipay's face needs, for both modes. They open nothing but this sandbox.
#[derive(Clone)]
pub struct AlipayCredentials {
    /// The application.
    pub app_id: String,
    /// The merchant.
    pub seller_id: String,
    /// The application's private key: PEM, PKCS#8.
    pub app_private_key: Secret,
    /// Alipay's public key, of the mode without certificates: PEM, SubjectPublicKeyInfo.
    pub alipay_public_key: String,
    /// The application's certificate: PEM.
    pub app_certificate: String,
    /// Its `app_cert_sn`.
    pub app_cert_sn: String,
    /// Alipay's certificate that signs now, and the one that vouches for it: PEM.
    pub alipay_certificate: String,
    /// Its `alipay_cert_sn`.
    pub alipay_cert_sn: String,
    /// The bundle of roots, some of which are no RSA: PEM.
    pub alipay_root_certificates: String,
    /// Its `alipay_root_cert_sn`.
    pub alipay_root_cert_sn: String,
    /// The token that acts for another merchant.
    pub app_auth_token: Secret,
    /// That merchant.
    pub authorized_seller_id: String,
}

impl fmt::Debug for AlipayCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AlipayCredentials({}, {})", self.app_id, self.seller_id)
    }
}

/// Who the application is, without the keys that take time to make.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) app_id: String,
    pub(super) seller_id: String,
    pub(super) app_auth_token: Secret,
}

/// Whose money it is: the merchant, or the one that the application acts for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seller {
    pub(super) id: String,
    pub(super) app_id: String,
}

impl Identity {
    pub(super) fn of(config: &AlipayConfig, seed: u64) -> Self {
        let rng = SeededRng::new(seed ^ 0xa11_9a70);
        let token = config.app_auth_token.clone().unwrap_or_else(|| format!("202506BB{}", letters(&rng, 32)));
        Self { app_id: config.app_id.clone(), seller_id: config.seller_id.clone(), app_auth_token: Secret::new(token) }
    }

    pub(super) fn seller(&self) -> Seller {
        Seller { id: self.seller_id.clone(), app_id: self.app_id.clone() }
    }

    /// The merchant that the token stands for.
    pub(super) fn authorized() -> Seller {
        Seller { id: "2088721003899159".to_owned(), app_id: "2021004105652048".to_owned() }
    }
}
