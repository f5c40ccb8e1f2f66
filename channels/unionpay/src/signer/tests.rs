//! Tests of whose signature is believed: chains, names and times, and that remembering changes no answer.

use std::time::{Duration, UNIX_EPOCH};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_RSA_SHA256, RsaKeySize};

use super::*;

const NAME: &str = "041@8310000000083040@中国银联股份有限公司@00016495";

type Made = CertifiedIssuer<'static, KeyPair>;

fn params(name: &str, ca: bool, until: i32) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    if ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    params
}

fn key() -> KeyPair {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap()
}

fn under(issuer: &Made, params: CertificateParams) -> Made {
    CertifiedIssuer::signed_by(params, key(), issuer).unwrap()
}

fn read(one: &Made) -> Certificate {
    Certificate::from_pem("certificate", one.pem().as_bytes()).unwrap()
}

fn at(year: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs((year - 1970) * 31_557_600)
}

/// A root, a middle certificate until 2030, and who trusts them.
fn world(test_environment: bool) -> (Made, Made, Signers) {
    let root = CertifiedIssuer::self_signed(params("root", true, 2040), key()).unwrap();
    let middle = under(&root, params("middle", true, 2030));
    let signers = Signers::new(vec![read(&root)], vec![read(&middle)], test_environment);
    (root, middle, signers)
}

fn why(signers: &Signers, pem: &str, now: SystemTime) -> String {
    signers.believed(pem.as_bytes(), now).err().unwrap_or_else(|| "believed".to_owned())
}

#[test]
fn a_signer_is_believed_by_its_chain_its_name_and_its_time() {
    let (root, middle, signers) = world(false);
    let genuine = under(&middle, params(NAME, false, 2035)).pem();
    assert_eq!(why(&signers, &genuine, at(2026)), "believed");
    assert_eq!(why(&signers, &under(&root, params(NAME, false, 2035)).pem(), at(2026)), "believed");
    for (what, pem, now, reason) in [
        ("not yet valid", genuine.clone(), at(2019), "not valid now"),
        ("the middle certificate is over", genuine.clone(), at(2031), "not valid now"),
        ("another root", world(false).0.pem(), at(2026), "does not chain"),
        (
            "signed by itself",
            CertifiedIssuer::self_signed(params(NAME, true, 2035), key()).unwrap().pem(),
            at(2026),
            "does not chain",
        ),
        ("the middle certificate itself", middle.pem(), at(2026), "its owner is not"),
        (
            "a merchant",
            under(&middle, params("041@Z2014-11-11@700000000000001:SIGN@00000003", false, 2035)).pem(),
            at(2026),
            "its owner is not",
        ),
        (
            "the test signer",
            under(&middle, params("041@Z12@00040000:SIGN@00000062", false, 2035)).pem(),
            at(2026),
            "its owner is not",
        ),
        (
            "the name elsewhere",
            under(&middle, params("041@中国银联股份有限公司@8310000000083040@00016495", false, 2035)).pem(),
            at(2026),
            "its owner is not",
        ),
        (
            "the name within another",
            under(&middle, params("1@2@中国银联股份有限公司1@3", false, 2035)).pem(),
            at(2026),
            "its owner is not",
        ),
        ("no name", under(&middle, params("", false, 2035)).pem(), at(2026), "its owner is not"),
        ("nothing", String::new(), at(2026), "no certificate"),
        ("a large one", format!("{}{genuine}", " ".repeat(8 << 10)), at(2026), "larger"),
    ] {
        assert!(why(&signers, &pem, now).contains(reason), "{what}: {}", why(&signers, &pem, now));
    }
    assert_eq!(signers.remembered(), 0, "who has signed nothing is not remembered");
}

#[test]
fn whoever_owns_a_genuine_certificate_cannot_vouch_for_another() {
    let (_, middle, signers) = world(false);
    let merchant = under(&middle, params("041@Z2014-11-11@700000000000001:SIGN@00000003", false, 2035));
    let forged = under(&merchant, params(NAME, false, 2035)).pem();
    // Neither alone nor with its issuer beside it: nothing of the message is taken for a middle certificate.
    for pem in [forged.clone(), format!("{forged}{}", merchant.pem())] {
        assert!(why(&signers, &pem, at(2026)).contains("does not chain"));
    }
}

#[test]
fn two_common_names_are_none() {
    let (_, middle, signers) = world(false);
    let mut two = params(NAME, false, 2035);
    two.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 3]), NAME);
    let pem = under(&middle, two).pem();
    let names = Certificate::from_pem("certificate", pem.as_bytes()).unwrap().subject().len();
    assert!(names == 1 || why(&signers, &pem, at(2026)).contains("its owner is not"), "{names} names");
}

#[test]
fn the_test_signer_is_believed_in_the_test_environment_only() {
    let (_, middle, signers) = world(true);
    assert_eq!(why(&signers, &under(&middle, params("041@Z12@00040000:SIGN@00000062", false, 2035)).pem(), at(2026)), "believed");
    assert_eq!(why(&signers, &under(&middle, params(NAME, false, 2035)).pem(), at(2026)), "believed");
    let merchant = under(&middle, params("041@Z2014-11-11@700000000000001:SIGN@00000003", false, 2035));
    assert!(why(&signers, &merchant.pem(), at(2026)).contains("its owner is not"));
}

#[test]
fn remembering_changes_no_answer_and_never_grows() {
    let (_, middle, signers) = world(false);
    let genuine = under(&middle, params(NAME, false, 2035)).pem();
    signers.remember(&signers.believed(genuine.as_bytes(), at(2026)).unwrap());
    for now in [2026, 2029, 2031, 2019, 2026] {
        let fresh = Signers::new(signers.roots.clone(), signers.middles.clone(), false);
        assert_eq!(why(&signers, &genuine, at(now)), why(&fresh, &genuine, at(now)), "{now}");
    }
    // One byte more is another certificate, and checked for itself.
    for blanks in 0..20 {
        let written = format!("{genuine}{}", "\n".repeat(blanks));
        let signer = signers.believed(written.as_bytes(), at(2026)).unwrap();
        signers.remember(&signer);
        signers.remember(&signer);
        assert_eq!(signers.remembered(), REMEMBERED.min(blanks + 1));
    }
    assert!(signers.joined(at(2026)) && !signers.joined(at(2031)));
}
