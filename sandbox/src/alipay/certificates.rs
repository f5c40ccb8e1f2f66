//! Alipay's chain of certificates and their serial names, one of Alipay's own after the other in use, and their download.

use std::sync::Arc;

use md5::{Digest, Md5};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, PKCS_RSA_SHA256, SerialNumber,
    date_time_ymd,
};
use sha2::Sha256;

use super::keys::AlipayKeys;
use crate::wechatpay::keys::Rsa;

/// The roots of the real bundle that a client must skip: SM2 and ECDSA (alipay-sdk-nodejs-all, test/fixtures/alipayRootCert.crt).
const FOREIGN_ROOTS: &str = include_str!("vectors/foreign_roots.pem");
const ROOT: &str = "Sandbox Ant Certification Authority R1";
const SECOND_ROOT: &str = "Sandbox Class 2 Root CA - G3";
const ISSUER: &str = "Sandbox Ant Certification Authority Class 2 R1";

/// A certificate that the face gives away.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    /// MD5 of issuer and serial number: what a request or an answer names it by.
    pub(super) sn: String,
    pub(super) pem: String,
    pub(super) key: Arc<Rsa>,
}

/// All that hangs on the roots.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    pub(super) application: Certificate,
    /// The bundle: a root of SM2, one of RSA, one of ECDSA, one more of RSA.
    pub(super) roots: String,
    pub(super) root_sn: String,
    issuer: Certificate,
    /// Alipay's own, the oldest first; the last one signs.
    pub(super) alipay: Vec<Certificate>,
}

impl Chain {
    pub(super) fn new(keys: &AlipayKeys) -> Self {
        let [root_key, second_key, issuer_key] = AlipayKeys::authorities();
        let root = issued(&root_key, ROOT, None, true);
        let second = issued(&second_key, SECOND_ROOT, None, true);
        let issuer = issued(&issuer_key, ISSUER, Some((ROOT, &root_key)), true);
        let application = issued(&keys.application, "Sandbox application", Some((ISSUER, &issuer_key)), false);
        let end = "-----END CERTIFICATE-----\n";
        let (sm2, ecdsa) = FOREIGN_ROOTS.split_at(FOREIGN_ROOTS.find(end).map_or(0, |at| at + end.len()));
        let roots = [sm2, &root.pem, ecdsa, &second.pem].concat();
        let root_sn = format!("{}_{}", root.sn, second.sn);
        let mut chain = Self { application, roots, root_sn, issuer, alipay: Vec::new() };
        chain.rotate(keys);
        chain
    }

    /// A new certificate of Alipay's signs from now on. Its serial name.
    pub(super) fn rotate(&mut self, keys: &AlipayKeys) -> String {
        let [_, _, issuer_key] = AlipayKeys::authorities();
        self.add(&keys.certified(self.alipay.len()), &issuer_key)
    }

    /// As [`rotate`](Self::rotate), but by an authority that only bears the name of the real one: no root vouches for it.
    pub(super) fn rotate_to_forged(&mut self, keys: &AlipayKeys) -> String {
        self.add(&keys.certified(self.alipay.len()), &AlipayKeys::stranger())
    }

    fn add(&mut self, key: &Arc<Rsa>, issuer_key: &Rsa) -> String {
        let mut certificate = issued(key, "Sandbox Alipay", Some((ISSUER, issuer_key)), false);
        certificate.pem.push_str(&self.issuer.pem);
        let sn = certificate.sn.clone();
        self.alipay.push(certificate);
        sn
    }

    /// The one that signs.
    pub(super) fn current(&self) -> Option<&Certificate> {
        self.alipay.last()
    }
}

/// `CN=…,OU=…,O=…,C=CN`: the issuer's name as it enters the serial name, last attribute first.
fn issuer_text(name: &str) -> String {
    format!("CN={name},OU=Certification Authority,O=Sandbox,C=CN")
}

fn serial_name(issuer: &str, serial: u128) -> String {
    hex::encode(Md5::digest(format!("{}{serial}", issuer_text(issuer))))
}

fn issued(key: &Arc<Rsa>, name: &str, issuer: Option<(&str, &Rsa)>, authority: bool) -> Certificate {
    // As the real ones do, it begins with a date; so it is positive, and has 16 bytes.
    let mut serial = [0; 16];
    let digest = Sha256::digest(key.public_pem());
    serial.iter_mut().zip([0x20, 0x25, 0x06, 0x15].iter().chain(digest.iter())).for_each(|(byte, from)| *byte = *from);
    let Ok(pem) = written(key, name, issuer, authority, &serial) else {
        unreachable!("rcgen certifies any RSA key that aws-lc has read")
    };
    let sn = serial_name(issuer.map_or(name, |(issuer, _)| issuer), u128::from_be_bytes(serial));
    Certificate { sn, pem, key: key.clone() }
}

fn written(key: &Rsa, name: &str, issuer: Option<(&str, &Rsa)>, authority: bool, serial: &[u8]) -> Result<String, rcgen::Error> {
    let pair = |key: &Rsa| KeyPair::from_pkcs8_der_and_sign_algo(&key.pkcs8().into(), &PKCS_RSA_SHA256);
    let mut params = named(name);
    params.serial_number = Some(SerialNumber::from_slice(serial));
    if authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let certificate = match issuer {
        None => params.self_signed(&pair(key)?)?,
        Some((issuer, issuer_key)) => params.signed_by(&pair(key)?, &Issuer::new(named(issuer), pair(issuer_key)?))?,
    };
    Ok(certificate.pem())
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2040, 1, 1);
    let mut names = DistinguishedName::new();
    names.push(DnType::CountryName, "CN");
    names.push(DnType::OrganizationName, "Sandbox");
    names.push(DnType::OrganizationalUnitName, "Certification Authority");
    names.push(DnType::CommonName, name);
    params.distinguished_name = names;
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    /// alipay-sdk-nodejs-all, test/antcertutil.test.ts: appCertPublicKey_2021001161683774.crt.
    #[test]
    fn a_serial_name_is_the_digest_of_issuer_and_decimal_serial() {
        let text = "CN=Ant Financial Certification Authority Class 1 R1,OU=Certification Authority,O=Ant Financial,C=CN";
        let serial = 42_701_552_708_448_241_360_226_107_228_231_049_510_u128;
        assert_eq!(hex::encode(Md5::digest(format!("{text}{serial}"))), "866efef280dec9137a87d047ac446315");
        assert_eq!(issuer_text("X"), "CN=X,OU=Certification Authority,O=Sandbox,C=CN");
        assert_eq!(serial_name("X", 7), hex::encode(Md5::digest(issuer_text("X") + "7")));
    }
}
