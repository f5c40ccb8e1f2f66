//! Authorities and certificates made for a test, as Alipay's are made.
#![allow(clippy::unwrap_used, reason = "for tests")]

use md5::{Digest, Md5};
use paysluice::model::Secret;
use paysluice::signing::{Certificate, RsaPrivateKey};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_RSA_SHA256, RsaKeySize, SerialNumber,
};

/// A certificate and its key.
pub(crate) struct Authority {
    made: CertifiedIssuer<'static, KeyPair>,
    key: String,
}

impl Authority {
    pub(crate) fn pem(&self) -> String {
        self.made.pem()
    }

    pub(crate) fn key_pem(&self) -> &str {
        &self.key
    }

    pub(crate) fn sign(&self, text: &[u8]) -> Vec<u8> {
        RsaPrivateKey::from_text("key", &Secret::new(self.key.as_str())).unwrap().sign(&[text]).unwrap()
    }

    /// Its name at Alipay, worked out apart from the crate's own.
    pub(crate) fn sn(&self) -> String {
        let read = self.certificate();
        let names = [("2.5.4.3", "CN"), ("2.5.4.11", "OU"), ("2.5.4.10", "O"), ("2.5.4.6", "C")];
        let mut issuer = Vec::new();
        for (oid, name) in names {
            issuer.extend(read.issuer().into_iter().filter(|one| one.oid == oid).map(|one| format!("{name}={}", one.text)));
        }
        hex::encode(Md5::digest(issuer.join(",") + &read.serial_decimal()))
    }

    pub(crate) fn certificate(&self) -> Certificate {
        Certificate::from_pem("certificate", self.pem().as_bytes()).unwrap()
    }
}

/// How many bytes its serial number has, and which.
pub(crate) fn serial_number(one: &Authority) -> Vec<u8> {
    hex::decode(one.certificate().serial()).unwrap()
}

pub(crate) fn root(name: &str) -> Authority {
    let (key, pem) = key();
    Authority { made: CertifiedIssuer::self_signed(params(name, true), key).unwrap(), key: pem }
}

pub(crate) fn issued(by: &Authority, name: &str, ca: bool) -> Authority {
    let (key, pem) = key();
    Authority { made: CertifiedIssuer::signed_by(params(name, ca), key, &by.made).unwrap(), key: pem }
}

fn key() -> (KeyPair, String) {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let pem = key.serialize_pem();
    (key, pem)
}

fn params(name: &str, ca: bool) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "CN");
    params.distinguished_name.push(DnType::OrganizationName, "Ant Financial");
    params.distinguished_name.push(DnType::OrganizationalUnitName, "Certification Authority");
    params.distinguished_name.push(DnType::CommonName, name);
    if ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2030, 1, 1);
    // As long as Alipay's longest, and another for each.
    let mut serial: Vec<u8> = name.bytes().chain([1; 20]).rev().take(20).collect();
    let chance = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    serial.splice(..2, [0x10, chance]);
    params.serial_number = Some(SerialNumber::from(serial));
    params
}

static COUNT: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);
