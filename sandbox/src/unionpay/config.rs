//! How UnionPay's face is set up, and the test credentials it takes.

use std::fmt;
use std::time::Duration;

use paysluice::model::Secret;
use paysluice::signing::{Certificate, RsaPublicKey};

use super::chain::Chain;

/// A merchant's own certificate, in place of a generated one.
#[derive(Clone)]
pub struct UnionPayMerchant {
    /// PEM, of an RSA key of 2048 to 4096 bits. Who issued it is not looked at.
    pub certificate: String,
    /// The key, PEM: only handed out again by [`credentials`](super::UnionPayFace::credentials).
    pub private_key: Secret,
}

impl fmt::Debug for UnionPayMerchant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnionPayMerchant(***)")
    }
}

/// The settings of UnionPay's face.
#[derive(Clone, Debug)]
pub struct UnionPayConfig {
    /// The merchant: 15 letters and digits. Default `777290058110048`.
    pub mer_id: String,
    /// The merchant's certificate. None: one of a generated chain, the same for the whole process.
    pub merchant: Option<UnionPayMerchant>,
    /// How far `txnTime` may lie from now, in both directions, when a trade is placed. UnionPay says only that it must be current.
    /// Default 1 h.
    pub time_window: Duration,
    /// Until when an order without `payTimeout` can be paid. Default 24 h.
    pub pay_timeout: Duration,
    /// Every order that the payer opens or scans is paid after this time. Default None: only whom the test makes pay, pays.
    pub pays_after: Option<Duration>,
    /// How long the payer is at the bank, or types the password. Default 10 s.
    pub bank_time: Duration,
    /// From the acceptance of a refund or a revocation to its end. Default 5 s.
    pub refund_after: Duration,
    /// From money that came too late to its way back. UnionPay says about 5 working days. Default 5 days.
    pub late_refund_after: Duration,
    /// Waits between the deliveries of a notice that is not answered by 200 or 302. Default 0, 1, 2 and 4 minutes: 5 deliveries.
    pub notice_waits: Vec<Duration>,
}

impl Default for UnionPayConfig {
    fn default() -> Self {
        Self {
            mer_id: "777290058110048".to_owned(),
            merchant: None,
            time_window: Duration::from_secs(3600),
            pay_timeout: Duration::from_secs(24 * 3600),
            pays_after: None,
            bank_time: Duration::from_secs(10),
            refund_after: Duration::from_secs(5),
            late_refund_after: Duration::from_secs(5 * 24 * 3600),
            notice_waits: [0, 60, 120, 240].map(Duration::from_secs).to_vec(),
        }
    }
}

/// The test credentials a client of UnionPay's face needs. They open nothing but this sandbox.
#[derive(Clone)]
pub struct UnionPayCredentials {
    /// The merchant.
    pub mer_id: String,
    /// The serial number of the merchant's certificate in decimal: `certId`.
    pub cert_id: String,
    /// The merchant's certificate: PEM. (UnionPay hands out a PKCS#12 file with certificate and key.)
    pub merchant_certificate: String,
    /// The merchant's private key: PEM, PKCS#8 where it was generated.
    pub merchant_private_key: Secret,
    /// The authority that is trusted: PEM, as UnionPay's `acp_*_root.cer`.
    pub root_certificate: String,
    /// The authority between it and the signers: PEM, as UnionPay's `acp_*_middle.cer`.
    pub middle_certificate: String,
}

impl fmt::Debug for UnionPayCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnionPayCredentials({}, {})", self.mer_id, self.cert_id)
    }
}

/// What a request of the merchant's is verified with.
#[derive(Clone, Debug)]
pub(super) struct Merchant {
    pub(super) cert_id: String,
    pub(super) key: Option<RsaPublicKey>,
}

impl Merchant {
    /// A certificate that cannot be read verifies nothing.
    pub(super) fn of(config: &UnionPayConfig) -> Self {
        let pem = config.merchant.as_ref().map_or(&Chain::get().merchant.certificate, |merchant| &merchant.certificate);
        match Certificate::from_pem("merchant", pem.as_bytes()) {
            Ok(read) => Self { cert_id: read.serial_decimal(), key: Some(read.key().clone()) },
            Err(_) => Self { cert_id: String::new(), key: None },
        }
    }
}

/// What a client needs, of the merchant that is set up.
pub(super) fn credentials(config: &UnionPayConfig) -> UnionPayCredentials {
    let chain = Chain::get();
    let given = config.merchant.clone();
    let (certificate, key) = match given {
        Some(merchant) => (merchant.certificate, merchant.private_key),
        None => (chain.merchant.certificate.clone(), chain.merchant.private_key.clone()),
    };
    UnionPayCredentials {
        mer_id: config.mer_id.clone(),
        cert_id: Merchant::of(config).cert_id,
        merchant_certificate: certificate,
        merchant_private_key: key,
        root_certificate: chain.root(),
        middle_certificate: chain.middle(),
    }
}
