//! PKCS#12 files (`.pfx`, `.p12`): a private key and its certificate behind a password, in the old ciphers and the new.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use p12_keystore::Pkcs12Archive;
use zeroize::Zeroizing;

use super::{Certificate, RsaPrivateKey};
use crate::model::{Invalid, Secret};

/// More than any such file has, so that no other file is read for long.
const LARGEST: usize = 256 << 10;

/// A private key and the certificate that belongs to it.
#[derive(Clone)]
pub struct Pfx {
    key: RsaPrivateKey,
    certificate: Certificate,
}

impl Pfx {
    /// Opens a file with exactly one RSA key and the certificate of that key; other certificates in it are left out. `file` is
    /// its bytes, or their base64. Reads 3DES and RC2-40 with a SHA-1 MAC, as banks still hand them out, and PBES2. The error
    /// names `field`, and tells neither password nor key.
    pub fn open(field: &str, file: &Secret, password: &Secret) -> Result<Self, Invalid> {
        let invalid = |rule: &str| Invalid::new(field, rule);
        let bytes = bytes(file.expose()).ok_or_else(|| invalid("a PKCS#12 file (.pfx): its bytes, or their base64"))?;
        let password = password.expose_str().ok_or_else(|| invalid("with a password that is UTF-8"))?;
        let opened = Pkcs12Archive::from_pkcs12(&bytes, password);
        let archive = opened.map_err(|_| invalid("a PKCS#12 file that opens with the password"))?;
        let [one] = archive.keys.as_slice() else { return Err(invalid("a PKCS#12 file with exactly one private key")) };
        let key = private(field, one.key.as_der())?;
        let public = key.public_key()?;
        let certificates = archive.certs.iter().filter_map(|bag| Certificate::from_der(field, bag.cert.as_der()).ok());
        let certificate = certificates.into_iter().find(|certificate| *certificate.key() == public);
        let certificate = certificate.ok_or_else(|| invalid("a PKCS#12 file with the certificate of its key"))?;
        Ok(Self { key, certificate })
    }

    /// The key.
    pub fn key(&self) -> &RsaPrivateKey {
        &self.key
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }
}

impl fmt::Debug for Pfx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pfx({:?}, {:?})", self.key, self.certificate)
    }
}

/// A file as it is begins with a DER sequence; anything else is its base64.
fn bytes(file: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    const SEQUENCE: u8 = 0x30;
    if file.len() > LARGEST {
        return None;
    }
    if file.first() == Some(&SEQUENCE) && file.get(1).is_some_and(|length| *length >= 0x80) {
        return Some(Zeroizing::new(file.to_vec()));
    }
    let packed: Zeroizing<Vec<u8>> = Zeroizing::new(file.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect());
    STANDARD.decode(packed.as_slice()).ok().filter(|bytes| !bytes.is_empty()).map(Zeroizing::new)
}

/// The one way a key gets in is PEM, with its rules.
fn private(field: &str, pkcs8: &[u8]) -> Result<RsaPrivateKey, Invalid> {
    let base64 = Zeroizing::new(STANDARD.encode(pkcs8));
    let pem = Secret::new(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", base64.as_str()));
    RsaPrivateKey::from_pem(field, &pem)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of `rsa_2048.pkcs8.pem` under its own certificate, written by OpenSSL 3.0 in each way.
    const FILES: [(&str, &[u8]); 3] = [
        ("RC2-40 and 3DES, SHA-1", include_bytes!("testdata/legacy_rc2.pfx")),
        ("3DES, SHA-1", include_bytes!("testdata/legacy_3des.pfx")),
        ("PBES2 with AES-256, SHA-256", include_bytes!("testdata/modern.pfx")),
    ];

    fn open(file: &[u8], password: &str) -> Result<Pfx, Invalid> {
        Pfx::open("pfx", &Secret::new(file), &Secret::new(password))
    }

    #[test]
    fn a_key_and_its_certificate_come_out_of_old_files_and_new_ones() {
        let key = RsaPrivateKey::from_pem("key", &Secret::new(include_str!("testdata/rsa_2048.pkcs8.pem"))).unwrap();
        for (name, file) in FILES {
            for file in [file.to_vec(), STANDARD.encode(file).into_bytes(), format!("{}\r\n", STANDARD.encode(file)).into()] {
                let pfx = open(&file, "pass word 密码").unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(pfx.key().sign(&[b"x"]).unwrap(), key.sign(&[b"x"]).unwrap(), "{name}");
                assert_eq!(pfx.certificate().common_name().as_deref(), Some("merchant"), "{name}");
            }
        }
    }

    #[test]
    fn a_wrong_password_or_file_is_named_and_nothing_of_it_is_told() {
        let pem = include_bytes!("testdata/rsa_2048.pkcs8.pem");
        for (file, password) in
            [(FILES[0].1, "hunter2"), (FILES[2].1, ""), (pem.as_slice(), "hunter2"), (b"", "hunter2"), (&FILES[1].1[..900], "x")]
        {
            let error = open(file, password).unwrap_err();
            assert!(error.field() == "pfx" && !error.to_string().contains("hunter2"), "{error}");
        }
        assert!(open(&vec![0x30; LARGEST + 1], "x").is_err());
        let printed = format!("{:?}", open(FILES[2].1, "pass word 密码").unwrap());
        assert!(printed.contains("RsaPrivateKey(***)"), "{printed}");
    }
}
