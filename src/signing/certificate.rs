//! X.509 certificates: serial number, time of validity, RSA key. Who issued them is not checked.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use x509_parser::prelude::{ASN1Time, FromDer, X509Certificate};

use super::{RsaPublicKey, pem};
use crate::model::Invalid;

/// A certificate with an RSA key.
///
/// Nothing is verified here: it is as trustworthy as the way it came.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    serial: String,
    valid_from: SystemTime,
    valid_until: SystemTime,
    key: RsaPublicKey,
}

impl Certificate {
    /// Reads the first certificate of a PEM text (`BEGIN CERTIFICATE`). The error names `field`.
    pub fn from_pem(field: &str, text: &[u8]) -> Result<Self, Invalid> {
        match pem::first(text) {
            Some(block) if block.label == "CERTIFICATE" => Self::from_der(field, &block.bytes),
            _ => Err(Invalid::new(field, "a certificate as PEM (BEGIN CERTIFICATE)")),
        }
    }

    /// Reads the bytes within such a PEM.
    pub fn from_der(field: &str, der: &[u8]) -> Result<Self, Invalid> {
        let invalid = || Invalid::new(field, "one X.509 certificate");
        let (rest, read) = X509Certificate::from_der(der).map_err(|_| invalid())?;
        if !rest.is_empty() {
            return Err(invalid());
        }
        Ok(Self {
            serial: hex::encode_upper(magnitude(read.raw_serial())),
            valid_from: time(read.validity().not_before).ok_or_else(invalid)?,
            valid_until: time(read.validity().not_after).ok_or_else(invalid)?,
            key: RsaPublicKey::from_der(field, read.public_key().raw)?,
        })
    }

    /// The serial number: upper-case hex of its bytes, two digits each, so that a leading zero is kept.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// Not valid before this time.
    pub fn valid_from(&self) -> SystemTime {
        self.valid_from
    }

    /// Not valid after this time.
    pub fn valid_until(&self) -> SystemTime {
        self.valid_until
    }

    /// The key it is about.
    pub fn key(&self) -> &RsaPublicKey {
        &self.key
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, {:?})", self.serial, self.key)
    }
}

/// The bytes of a positive DER integer, without the zero that only marks it as positive.
fn magnitude(raw: &[u8]) -> &[u8] {
    match raw {
        [0, rest @ ..] if rest.first().is_some_and(|byte| *byte >= 0x80) => rest,
        raw => raw,
    }
}

fn time(at: ASN1Time) -> Option<SystemTime> {
    let seconds = at.timestamp();
    let distance = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIGH_BIT: &str = include_str!("testdata/high_bit.certificate.pem");

    fn read(pem: &str) -> Result<Certificate, Invalid> {
        Certificate::from_pem("certificate", pem.as_bytes())
    }

    #[test]
    fn a_serial_is_its_bytes_without_sign_and_with_its_leading_zero() {
        let leading_zero = read(include_str!("testdata/leading_zero.certificate.pem")).unwrap();
        assert_eq!(leading_zero.serial(), "0C4AEF34B89340881BB2B25226393DC2E47F094B");
        assert_eq!(read(HIGH_BIT).unwrap().serial(), "F5765756002FDD77");
    }

    #[test]
    fn it_holds_the_key_and_the_time_of_its_validity() {
        let certificate = read(HIGH_BIT).unwrap();
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!((certificate.valid_from(), certificate.valid_until()), (at(1_619_512_832), at(1_934_872_832)));
        let key = RsaPublicKey::from_pem("key", include_str!("testdata/rsa_2048.public.pem").as_bytes()).unwrap();
        assert_eq!(certificate.key(), &key);
    }

    #[test]
    fn what_is_no_certificate_of_an_rsa_key_is_refused_by_name() {
        let ec = include_str!("testdata/ec.certificate.pem");
        for pem in ["", "x", ec, include_str!("testdata/rsa_2048.public.pem"), &HIGH_BIT.replace("MIID", "MIIE")] {
            assert_eq!(read(pem).unwrap_err().field(), "certificate");
        }
    }
}
