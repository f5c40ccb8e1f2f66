//! The RSA keys of the application, of Alipay and of its certification authority; who gives none shares those of the process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::wechatpay::keys::Rsa;

/// The keys of the application and of Alipay.
#[derive(Clone, Debug)]
pub struct AlipayKeys {
    pub(super) application: Arc<Rsa>,
    pub(super) public: Arc<Rsa>,
    certified: Vec<Arc<Rsa>>,
}

/// Places in the pool of generated keys; those of certificates follow.
const APPLICATION: usize = 0;
const PUBLIC: usize = 1;
const STRANGER: usize = 2;
const ROOT: usize = 3;
const SECOND_ROOT: usize = 4;
const ISSUER: usize = 5;
const CERTIFIED: usize = 6;

static POOL: Mutex<BTreeMap<usize, Arc<Rsa>>> = Mutex::new(BTreeMap::new());

impl AlipayKeys {
    /// Keys generated once per process: every sandbox that is given none has these.
    pub fn generated() -> Self {
        Self { application: pooled(APPLICATION), public: pooled(PUBLIC), certified: Vec::new() }
    }

    /// Keys from PEM, PKCS#8 or PKCS#1, RSA of 2048 bits or more: the application's, that behind Alipay's public key, and those of
    /// Alipay's certificates in the order of their rotation (generated where there are too few).
    pub fn from_pems(application: &str, public: &str, certificates: &[&str]) -> Result<Self, String> {
        let certified = certificates.iter().map(|pem| Rsa::from_pem(pem)).collect::<Result<_, _>>()?;
        Ok(Self { application: Rsa::from_pem(application)?, public: Rsa::from_pem(public)?, certified })
    }

    /// The key of Alipay's certificate at that place of the rotation.
    pub(super) fn certified(&self, place: usize) -> Arc<Rsa> {
        self.certified.get(place).cloned().unwrap_or_else(|| pooled(CERTIFIED + place))
    }

    /// A key that belongs to nobody here.
    pub(super) fn stranger() -> Arc<Rsa> {
        pooled(STRANGER)
    }

    /// The keys of the two RSA roots, and of the authority below the first.
    pub(super) fn authorities() -> [Arc<Rsa>; 3] {
        [pooled(ROOT), pooled(SECOND_ROOT), pooled(ISSUER)]
    }
}

fn pooled(place: usize) -> Arc<Rsa> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner).entry(place).or_insert_with(Rsa::generate).clone()
}
