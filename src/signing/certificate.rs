//! X.509 certificates: serial number, names, time of validity, RSA key, and whose key signed them.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RsaParameters, UnparsedPublicKey,
};
use bytes::Bytes;
use x509_parser::prelude::{ASN1Time, FromDer, X509Certificate, X509Name};

use super::{RsaPublicKey, pem};
use crate::model::Invalid;

/// What the object identifiers of PKCS#1 signature algorithms begin with.
const PKCS1: &str = "1.2.840.113549.1.1.";
const COMMON_NAME: &str = "2.5.4.3";

/// A certificate with an RSA key.
///
/// Reading verifies nothing: it is as trustworthy as the way it came, or as an [`Issuers`](super::Issuers) that vouches for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    serial: String,
    valid_from: SystemTime,
    valid_until: SystemTime,
    authority: bool,
    key: RsaPublicKey,
    der: Bytes,
}

/// One attribute of a name within a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAttribute {
    /// Its type as an object identifier: `2.5.4.3` is the common name.
    pub oid: String,
    /// Its text, without any escaping.
    pub text: String,
}

impl Certificate {
    /// Reads the first certificate of a PEM text (`BEGIN CERTIFICATE`). The error names `field`.
    pub fn from_pem(field: &str, text: &[u8]) -> Result<Self, Invalid> {
        match pem::first(text) {
            Some(block) if block.label == "CERTIFICATE" => Self::from_der(field, &block.bytes),
            _ => Err(Invalid::new(field, "a certificate as PEM (BEGIN CERTIFICATE)")),
        }
    }

    /// Reads every certificate of a PEM text that was signed by RSA, in its order. Others are left out, whatever they hold: a
    /// bundle may have certificates of SM2 beside those that are meant. The error names `field`.
    pub fn rsa_of_bundle(field: &str, text: &[u8]) -> Result<Vec<Self>, Invalid> {
        let rsa = |der: &[u8]| {
            X509Certificate::from_der(der).is_ok_and(|(_, read)| read.signature_algorithm.oid().to_id_string().starts_with(PKCS1))
        };
        let blocks = pem::all(text).ok_or_else(|| Invalid::new(field, "certificates as PEM (BEGIN CERTIFICATE)"))?;
        let found: Vec<Self> = blocks
            .iter()
            .filter(|block| block.label == "CERTIFICATE" && rsa(&block.bytes))
            .map(|block| Self::from_der(field, &block.bytes))
            .collect::<Result<_, _>>()?;
        if found.is_empty() { Err(Invalid::new(field, "at least one certificate signed by RSA, as PEM")) } else { Ok(found) }
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
            authority: read.is_ca(),
            key: RsaPublicKey::from_der(field, read.public_key().raw)?,
            der: Bytes::copy_from_slice(der),
        })
    }

    /// The serial number: upper-case hex of its bytes, two digits each, so that a leading zero is kept.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The serial number in decimal.
    pub fn serial_decimal(&self) -> String {
        self.reread().map(|read| read.serial.to_string()).unwrap_or_default()
    }

    /// Not valid before this time.
    pub fn valid_from(&self) -> SystemTime {
        self.valid_from
    }

    /// Not valid after this time.
    pub fn valid_until(&self) -> SystemTime {
        self.valid_until
    }

    /// Whether a time lies within its validity.
    pub fn valid_at(&self, time: SystemTime) -> bool {
        (self.valid_from..=self.valid_until).contains(&time)
    }

    /// The key it is about.
    pub fn key(&self) -> &RsaPublicKey {
        &self.key
    }

    /// Whether it says that its key may sign other certificates (`CA:TRUE`).
    pub fn is_authority(&self) -> bool {
        self.authority
    }

    /// The attributes of its issuer's name, in its order. What is no text is left out.
    pub fn issuer(&self) -> Vec<NameAttribute> {
        self.reread().map(|read| attributes(read.issuer())).unwrap_or_default()
    }

    /// The attributes of its subject's name, in its order. What is no text is left out.
    pub fn subject(&self) -> Vec<NameAttribute> {
        self.reread().map(|read| attributes(read.subject())).unwrap_or_default()
    }

    /// The common name of its subject, if it has exactly one.
    pub fn common_name(&self) -> Option<String> {
        let mut names = self.subject().into_iter().filter(|attribute| attribute.oid == COMMON_NAME);
        names.next().filter(|_| names.next().is_none()).map(|name| name.text)
    }

    /// Whether `issuer` is named as its issuer and that key signed it. Says nothing of times, nor whether it may.
    pub(super) fn signed_by(&self, issuer: &Self, with_sha1: bool) -> bool {
        let (Some(this), Some(that)) = (self.reread(), issuer.reread()) else { return false };
        let Some(algorithm) = algorithm(&this.signature_algorithm.oid().to_id_string(), with_sha1) else { return false };
        let key = UnparsedPublicKey::new(algorithm, that.public_key().subject_public_key.data.as_ref());
        this.issuer().as_raw() == that.subject().as_raw()
            && this.signature_algorithm == this.tbs_certificate.signature
            && key.verify(this.tbs_certificate.as_ref(), &this.signature_value.data).is_ok()
    }

    fn reread(&self) -> Option<X509Certificate<'_>> {
        X509Certificate::from_der(&self.der).ok().map(|(_, read)| read)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, {:?})", self.serial, self.key)
    }
}

fn attributes(name: &X509Name<'_>) -> Vec<NameAttribute> {
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    name.iter_attributes()
        .filter_map(|one| Some(NameAttribute { oid: one.attr_type().to_id_string(), text: text(one.as_slice())? }))
        .collect()
}

/// The algorithm of a signature on a certificate. SHA-1 is for test authorities that never had better.
fn algorithm(oid: &str, with_sha1: bool) -> Option<&'static RsaParameters> {
    match oid.strip_prefix(PKCS1)? {
        "5" if with_sha1 => Some(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
        "11" => Some(&RSA_PKCS1_2048_8192_SHA256),
        "12" => Some(&RSA_PKCS1_2048_8192_SHA384),
        "13" => Some(&RSA_PKCS1_2048_8192_SHA512),
        _ => None,
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
    fn a_serial_is_told_in_decimal_too() {
        assert_eq!(read(HIGH_BIT).unwrap().serial_decimal(), 0xF576_5756_002F_DD77_u64.to_string());
    }

    #[test]
    fn a_bundle_gives_those_that_rsa_signed_and_skips_the_rest() {
        let ec = include_str!("testdata/ec.certificate.pem");
        let bundle = [ec, HIGH_BIT, "-----BEGIN X-----\nAAAA\n-----END X-----\n", HIGH_BIT].concat();
        let found = Certificate::rsa_of_bundle("roots", bundle.as_bytes()).unwrap();
        assert_eq!(found, [read(HIGH_BIT).unwrap(), read(HIGH_BIT).unwrap()]);
        for none in ["", "x", ec, &bundle.replace("-----END X", "-----END Y")] {
            assert_eq!(Certificate::rsa_of_bundle("roots", none.as_bytes()).unwrap_err().field(), "roots");
        }
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
