//! Who signed a message: its certificate comes with it, from whoever sent it, and is believed only through a chain and a name.

use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use paysluice::signing::{Certificate, Issuers, NotVouched, RsaPublicKey};

/// The name that stands third in the common name of UnionPay's signer: `041@8310000000083040@中国银联股份有限公司@00016495`.
pub(crate) const UNIONPAY: &str = "中国银联股份有限公司";

/// What stands there at the test gateway, at times.
const TEST_SIGNER: &str = "00040000:SIGN";

/// The largest certificate that is looked at, as PEM: theirs have 1.6 kB.
const LARGEST: usize = 8 << 10;

/// How many signers are remembered. UnionPay has one, and for a while two when its certificate runs out.
const REMEMBERED: usize = 8;

/// Decides whose signature is believed.
///
/// Remembers who has signed a message, by the bytes of the certificate: checking a chain costs two signatures more than the message
/// itself. The memory changes no answer, is filled only by who was believed and did sign, never grows, and is read without a lock.
pub(crate) struct Signers {
    roots: Vec<Certificate>,
    middles: Vec<Certificate>,
    issuers: Issuers,
    test_environment: bool,
    known: [OnceLock<Arc<Signer>>; REMEMBERED],
}

/// A signer that was believed.
pub(crate) struct Signer {
    pem: Box<[u8]>,
    /// `certId`
    pub(crate) serial: String,
    pub(crate) key: RsaPublicKey,
    holds: RangeInclusive<SystemTime>,
}

impl Signers {
    /// Trusts these roots, and the middle certificates under them. `test_environment` believes SHA-1 and the test signer's name.
    pub(crate) fn new(roots: Vec<Certificate>, middles: Vec<Certificate>, test_environment: bool) -> Self {
        let issuers = Issuers::new(roots.clone());
        let issuers = if test_environment { issuers.believing_sha1() } else { issuers };
        Self { roots, middles, issuers, test_environment, known: std::array::from_fn(|_| OnceLock::new()) }
    }

    /// The signer of that certificate (`signPubKeyCert`, byte for byte), if it is believed at `now`; else why not.
    pub(crate) fn believed(&self, pem: &[u8], now: SystemTime) -> Result<Arc<Signer>, String> {
        let known = self.known(pem).filter(|known| known.holds.contains(&now));
        known.map_or_else(|| self.checked(pem, now).map(Arc::new), |known| Ok(Arc::clone(known)))
    }

    /// Remembers a signer, once it has signed a message: else whoever writes a genuine certificate in eight ways would fill the memory.
    /// One that does not fit in is checked again the next time.
    pub(crate) fn remember(&self, signer: &Arc<Signer>) {
        if self.known(&signer.pem).is_none()
            && let Some(free) = self.known.iter().find(|place| place.get().is_none())
        {
            // Another thread may have been first.
            let _ = free.set(Arc::clone(signer));
        }
    }

    fn known(&self, pem: &[u8]) -> Option<&Arc<Signer>> {
        self.known.iter().map_while(OnceLock::get).find(|known| *known.pem == *pem)
    }

    fn checked(&self, pem: &[u8], now: SystemTime) -> Result<Signer, String> {
        if pem.len() > LARGEST {
            return Err("signPubKeyCert is larger than any certificate".to_owned());
        }
        let certificate =
            Certificate::from_pem("signPubKeyCert", pem).map_err(|_| "signPubKeyCert is no certificate of an RSA key (PEM)")?;
        let holds = self.issuers.vouch_while(&certificate, &self.middles, now).map_err(|why| match why {
            NotVouched::OutOfTime => "the signer's certificate, or one that vouches for it, is not valid now".to_owned(),
            _ => "the signer's certificate does not chain to the configured middle and root certificates".to_owned(),
        })?;
        let name = certificate.common_name().unwrap_or_default();
        let owner = name.split('@').nth(2);
        if owner != Some(UNIONPAY) && !(self.test_environment && owner == Some(TEST_SIGNER)) {
            return Err(format!("the certificate is genuine, but its owner is not {UNIONPAY}"));
        }
        let (serial, key) = (certificate.serial_decimal(), certificate.key().clone());
        Ok(Signer { pem: pem.into(), serial, key, holds })
    }

    /// The roots and the middle certificates.
    pub(crate) fn authorities(&self) -> impl Iterator<Item = (&'static str, &Certificate)> {
        let roots = self.roots.iter().map(|root| ("root certificate", root));
        roots.chain(self.middles.iter().map(|middle| ("middle certificate", middle)))
    }

    /// Whether a root vouches for each middle certificate at `now`.
    pub(crate) fn joined(&self, now: SystemTime) -> bool {
        self.middles.iter().all(|middle| self.issuers.vouch(middle, &self.middles, now).is_ok())
    }

    #[cfg(test)]
    fn remembered(&self) -> usize {
        self.known.iter().filter(|place| place.get().is_some()).count()
    }
}

#[cfg(test)]
mod tests;
