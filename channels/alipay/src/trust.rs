//! Whose signature is believed: Alipay's public key, or its certificate and those that may take its place.

use std::fmt;

use md5::{Digest, Md5};
use paysluice::model::Invalid;
use paysluice::signing::{Certificate, Issuers, NameAttribute, RsaPublicKey};

/// What signatures of Alipay's are checked with.
pub(crate) enum Trust {
    /// The mode of keys.
    Key(RsaPublicKey),
    /// The mode of certificates.
    Certificates(Box<Certificates>),
}

/// Alipay's certificate as it was configured, and what vouches for another.
pub(crate) struct Certificates {
    pub(crate) alipay: Certificate,
    pub(crate) alipay_sn: String,
    pub(crate) root_sn: String,
    /// The roots, and whatever stands beside Alipay's certificate in its file: the application itself has named them.
    pub(crate) issuers: Issuers,
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => write!(f, "by {key:?}"),
            Self::Certificates(held) => write!(f, "by certificate {}", held.alipay_sn),
        }
    }
}

impl Certificates {
    /// Reads `alipayCertPublicKey_RSA2.crt` (Alipay's certificate first) and `alipayRootCert.crt`.
    pub(crate) fn read(alipay: &str, roots: &str) -> Result<Self, Invalid> {
        let held = Certificate::rsa_of_bundle("alipay_certificate", alipay.as_bytes())?;
        let roots = Certificate::rsa_of_bundle("alipay_root_certificates", roots.as_bytes())?;
        let root_sn = roots.iter().map(sn).collect::<Vec<_>>().join("_");
        let mut held = held.into_iter();
        let alipay = held
            .next()
            .filter(|first| first.common_name().is_some())
            .ok_or_else(|| Invalid::new("alipay_certificate", "first the certificate of Alipay, with one common name"))?;
        let issuers = Issuers::new(roots.into_iter().chain(held).collect());
        Ok(Self { alipay_sn: sn(&alipay), alipay, root_sn, issuers })
    }
}

/// How Alipay names a certificate: the MD5 of its issuer, last attribute first, and its serial number in decimal.
pub(crate) fn sn(certificate: &Certificate) -> String {
    let issuer: Vec<String> = certificate.issuer().iter().rev().map(attribute).collect();
    let mut hash = Md5::new();
    hash.update(issuer.join(","));
    hash.update(certificate.serial_decimal());
    hex::encode(hash.finalize())
}

/// Whether a text is such a name.
pub(crate) fn is_sn(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// `CN=…`, the text without any escaping.
fn attribute(attribute: &NameAttribute) -> String {
    let name = match attribute.oid.as_str() {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "SERIALNUMBER",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "E",
        other => other,
    };
    format!("{name}={}", attribute.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_named_as_the_official_suites_name_them() {
        for (pem, name) in [
            (include_str!("../vectors/node_appCertPublicKey_2021001161683774.crt"), "866efef280dec9137a87d047ac446315"),
            (include_str!("../vectors/node_alipayCertPublicKey_RSA2.crt"), "7513daaaa48aa3ba2e4018d84402479c"),
            (include_str!("../vectors/yansongda_alipayAppPublicCert.crt"), "e90dd23a37c5c7b616e003970817ff82"),
        ] {
            assert_eq!(sn(&Certificate::from_pem("certificate", pem.as_bytes()).unwrap()), name);
            assert!(is_sn(name) && !is_sn(&name.to_uppercase()) && !is_sn(&name[1..]));
        }
    }

    #[test]
    fn the_roots_are_named_together_without_those_of_sm2_and_ecdsa() {
        let alipay = include_str!("../vectors/yansongda_alipayPublicCert.crt");
        for roots in [include_str!("../vectors/node_alipayRootCert.crt"), include_str!("../vectors/yansongda_alipayRootCert.crt")]
        {
            let held = Certificates::read(alipay, roots).unwrap();
            assert_eq!(held.root_sn, "687b59193f3f462dd5336e5abf83c5d8_02941eef3187dddf3d3b83462e1dfcf6");
        }
    }
}
