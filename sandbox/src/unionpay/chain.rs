//! Certificates like those of CFCA, which vouches for UnionPay and for its merchants alike: made once per process.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use paysluice::model::Secret;
use paysluice::signing::RsaPrivateKey;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair, PKCS_RSA_SHA256, RsaKeySize,
    SerialNumber, date_time_ymd,
};

type Authority = CertifiedIssuer<'static, KeyPair>;

/// The name of UnionPay's own certificates; the third part is what a merchant has to look at.
const UNIONPAY: &str = "041@8310000000083040@中国银联股份有限公司@00016495";
const MERCHANT: &str = "041@Z2025061500000001@沙箱商户有限公司@00000001";

/// Who signs: a certificate as it stands in `signPubKeyCert`, and its key.
pub(super) struct Signer {
    /// PEM with CR LF between its lines and none at its end.
    pub(super) certificate: String,
    key: RsaPrivateKey,
}

/// The merchant's certificate and key: PEM.
#[derive(Clone)]
pub(super) struct Issued {
    pub(super) certificate: String,
    pub(super) private_key: Secret,
}

/// Everybody's certificates.
pub(super) struct Chain {
    root: Authority,
    middle: Authority,
    pub(super) merchant: Issued,
    signers: Mutex<BTreeMap<u8, Arc<Signer>>>,
}

impl Chain {
    /// The one of this process. The first call makes its keys.
    pub(super) fn get() -> &'static Self {
        static CHAIN: OnceLock<Chain> = OnceLock::new();
        CHAIN.get_or_init(|| made(Self::generate()))
    }

    fn generate() -> Result<Self, rcgen::Error> {
        let root = Authority::self_signed(params("SANDBOX CFCA CS CA", true, 1, (2015, 2050)), key()?)?;
        let middle = Authority::signed_by(params("SANDBOX CFCA OCA1", true, 2, (2015, 2050)), key()?, &root)?;
        let own = key()?;
        let certificate = params(MERCHANT, false, 3, (2020, 2040)).signed_by(&own, &middle)?;
        let merchant = Issued { certificate: certificate.pem(), private_key: Secret::new(own.serialize_pem()) };
        Ok(Self { root, middle, merchant, signers: Mutex::default() })
    }

    pub(super) fn root(&self) -> String {
        self.root.pem()
    }

    pub(super) fn middle(&self) -> String {
        self.middle.pem()
    }

    /// UnionPay's signer at that place of the rotation.
    pub(super) fn signer(&self, place: u8) -> Arc<Signer> {
        self.kept(place.min(0x7f), || {
            let own = key()?;
            let certificate = params(UNIONPAY, false, 0x10 + place.min(0x7f), (2020, 2040)).signed_by(&own, &self.middle)?;
            Ok((certificate.pem(), own.serialize_pem()))
        })
    }

    /// UnionPay's signer of the past.
    pub(super) fn expired(&self) -> Arc<Signer> {
        self.kept(0x80, || {
            let own = key()?;
            let certificate = params(UNIONPAY, false, 4, (2015, 2020)).signed_by(&own, &self.middle)?;
            Ok((certificate.pem(), own.serialize_pem()))
        })
    }

    /// Somebody who calls himself UnionPay, and vouches for it himself.
    pub(super) fn stranger(&self) -> Arc<Signer> {
        self.kept(0x81, || {
            let own = key()?;
            Ok((params(UNIONPAY, false, 5, (2020, 2040)).self_signed(&own)?.pem(), own.serialize_pem()))
        })
    }

    /// A merchant who signs in UnionPay's place. The authority vouches for him too.
    pub(super) fn other_name(&self) -> Arc<Signer> {
        let key = self.merchant.private_key.expose_str().unwrap_or_default().to_owned();
        self.kept(0x82, || Ok((self.merchant.certificate.clone(), key)))
    }

    fn kept(&self, place: u8, make: impl FnOnce() -> Result<(String, String), rcgen::Error>) -> Arc<Signer> {
        let mut signers = self.signers.lock().unwrap_or_else(PoisonError::into_inner);
        let signer = signers.entry(place).or_insert_with(|| {
            let (certificate, key) = made(make());
            let Ok(key) = RsaPrivateKey::from_pem("key", &Secret::new(key)) else {
                unreachable!("rcgen writes down RSA keys of 2048 bits")
            };
            Arc::new(Signer { certificate: wired(&certificate), key })
        });
        signer.clone()
    }
}

impl Signer {
    /// RSA (PKCS#1 v1.5, SHA-256) over the text, in base64.
    pub(super) fn sign(&self, text: &str) -> String {
        let Ok(signature) = self.key.sign(&[text.as_bytes()]) else { unreachable!("a good key signs") };
        STANDARD.encode(signature)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

fn made<T>(result: Result<T, rcgen::Error>) -> T {
    let Ok(made) = result else { unreachable!("rcgen makes RSA keys of 2048 bits, and certifies them") };
    made
}

fn key() -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)
}

fn params(name: &str, authority: bool, serial: u8, (from, until): (i32, i32)) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut names = DistinguishedName::new();
    names.push(DnType::CountryName, "CN");
    names.push(DnType::OrganizationName, "Sandbox Financial Certification Authority");
    names.push(DnType::CommonName, name);
    params.distinguished_name = names;
    if authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    // Five bytes, as CFCA's: eleven digits in decimal.
    params.serial_number = Some(SerialNumber::from_slice(&[0x10, 0x39, 0x30, 0x85, serial]));
    params
}

/// As it goes over the wire.
fn wired(pem: &str) -> String {
    pem.lines().map(str::trim_end).collect::<Vec<_>>().join("\r\n")
}
