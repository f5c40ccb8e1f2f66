//! The chain of certificates, their serial names, and how Alipay's own changes.

use std::time::UNIX_EPOCH;

use md5::{Digest, Md5};
use paysluice::signing::Issuers;

use super::*;

/// The SubjectPublicKeyInfo in the first certificate of a PEM, of an RSA key of 2048 bits.
pub(super) fn public_of(pem: &str) -> Vec<u8> {
    let der = der(pem.split_inclusive("-----END CERTIFICATE-----").next().unwrap());
    let prefix = hex::decode("30820122300d06092a864886f70d01010105000382010f00").unwrap();
    let at = der.windows(prefix.len()).position(|window| window == prefix).unwrap();
    der[at..at + 294].to_vec()
}

/// The serial name of a certificate, by what a reader of X.509 finds in it.
fn serial_name(certificate: &Certificate) -> String {
    let short = |attribute: &NameAttribute| match attribute.oid.as_str() {
        "2.5.4.3" => "CN",
        "2.5.4.6" => "C",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        other => panic!("{other}"),
    };
    let issuer = certificate.issuer();
    let named: Vec<String> = issuer.iter().rev().map(|one| format!("{}={}", short(one), one.text)).collect();
    hex::encode(Md5::digest(format!("{}{}", named.join(","), certificate.serial_decimal())))
}

fn read(pem: &str) -> Certificate {
    Certificate::from_pem("certificate", pem.as_bytes()).unwrap()
}

fn issuers(shop: &Shop) -> Issuers {
    let bundle = shop.credentials.alipay_root_certificates.as_bytes();
    Issuers::new(Certificate::rsa_of_bundle("roots", bundle).unwrap())
}

fn between(pem: &str) -> Vec<Certificate> {
    Certificate::rsa_of_bundle("chain", pem.as_bytes()).unwrap()
}

#[test]
fn serial_names_are_what_a_reader_of_the_certificates_makes_of_them() {
    let shop = Shop::new();
    let credentials = &shop.credentials;
    assert_eq!(serial_name(&read(&credentials.app_certificate)), credentials.app_cert_sn);
    assert_eq!(serial_name(&read(&credentials.alipay_certificate)), credentials.alipay_cert_sn);
    let roots = Certificate::rsa_of_bundle("roots", credentials.alipay_root_certificates.as_bytes()).unwrap();
    assert_eq!(roots.len(), 2);
    assert_eq!(roots.iter().map(serial_name).collect::<Vec<_>>().join("_"), credentials.alipay_root_cert_sn);
    // Two more are in the bundle, of SM2 and ECDSA, first and third.
    let labels: Vec<&str> = credentials.alipay_root_certificates.matches("BEGIN CERTIFICATE").collect();
    assert_eq!(labels.len(), 4);
    assert_eq!(credentials.app_cert_sn.len(), 32);
    assert!(!format!("{credentials:?}").contains("PRIVATE"));
}

#[test]
fn the_keys_fit_the_certificates_and_the_chain_holds() {
    let shop = Shop::new();
    let now = UNIX_EPOCH + Duration::from_secs(1_750_000_000);
    let alipay = &shop.credentials.alipay_certificate;
    assert_eq!(issuers(&shop).vouch(&read(alipay), &between(alipay), now), Ok(()));
    let application = read(&shop.credentials.app_certificate);
    assert_eq!(issuers(&shop).vouch(&application, &between(alipay), now), Ok(()));
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_of(&shop.credentials.app_certificate));
    assert!(key.verify(b"message", &STANDARD.decode(shop.sign("message")).unwrap()).is_ok());
    assert_ne!(public_of(alipay), der(&shop.credentials.alipay_public_key));
}

#[tokio::test(start_paused = true)]
async fn a_new_certificate_signs_at_once_and_is_downloaded_by_its_name() {
    let mut shop = Shop::new();
    shop.certified = true;
    let old = shop.credentials.alipay_cert_sn.clone();
    assert_eq!(shop.query("order1").await.cert_sn, Some(old.clone()));
    let new = shop.sandbox.alipay().rotate_certificate();
    assert_ne!(old, new);
    assert_eq!(shop.query("order1").await.cert_sn, Some(new.clone()));
    let known = shop.sandbox.alipay().certificates();
    for (sn, pem) in &known {
        let heard = shop.send(shop.said("alipay.open.app.alipaycert.download", &json!({"alipay_cert_sn": sn}))).await;
        assert_eq!((heard.at("code"), heard.genuine, heard.text.contains("\"sign\"")), ("10000", false, false));
        assert_eq!(STANDARD.decode(heard.at("alipay_cert_content")).unwrap(), pem.as_bytes());
        assert_eq!(serial_name(&read(pem)), *sn);
        let now = UNIX_EPOCH + Duration::from_secs(1_750_000_000);
        assert_eq!(issuers(&shop).vouch(&read(pem), &between(pem), now), Ok(()));
    }
    assert_eq!(known.into_iter().map(|(sn, _)| sn).collect::<Vec<_>>(), [old, new]);
    let none = shop.send(shop.said("alipay.open.app.alipaycert.download", &json!({"alipay_cert_sn": "0123"}))).await;
    assert_eq!(none.code(), ("40002", "isv.alipay-cert-not-exist"));
}

#[tokio::test(start_paused = true)]
async fn nobody_vouches_for_a_forged_certificate() {
    let mut shop = Shop::new();
    shop.certified = true;
    let forged = shop.sandbox.alipay().rotate_to_forged_certificate();
    assert_eq!(shop.query("order1").await.cert_sn, Some(forged));
    let pem = shop.sandbox.alipay().certificates()[1].1.clone();
    let now = UNIX_EPOCH + Duration::from_secs(1_750_000_000);
    assert!(issuers(&shop).vouch(&read(&pem), &between(&pem), now).is_err());
}
