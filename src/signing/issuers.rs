//! Who may vouch for a certificate: those that are trusted, and those they vouch for.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::SystemTime;

use super::Certificate;

/// More links than any provider's chain has, so that a made-up one is not walked for long.
const LINKS: usize = 4;

/// Trusted certificates that vouch for others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuers {
    trusted: Vec<Certificate>,
    with_sha1: bool,
}

/// Why a certificate is not vouched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotVouched {
    /// It, or who issued it, is not valid at that time.
    OutOfTime,
    /// No chain of signatures leads to a trusted certificate.
    NoChain,
}

impl fmt::Display for NotVouched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutOfTime => "the certificate, or one that vouches for it, is not valid at this time",
            Self::NoChain => "no chain of signatures leads from the certificate to a trusted one",
        })
    }
}

impl Issuers {
    /// Trusts these, as the application's own settings name them. Signatures by SHA-1 are worth nothing: they can be forged.
    pub fn new(trusted: Vec<Certificate>) -> Self {
        Self { trusted, with_sha1: false }
    }

    /// Believes signatures by SHA-1 too. For the test systems of providers only: some never had better.
    pub fn believing_sha1(mut self) -> Self {
        self.with_sha1 = true;
        self
    }

    /// Whether a chain of signatures leads from `certificate` to one that is trusted, over any of `between`, all valid at `now`.
    ///
    /// Those of `between` need `CA:TRUE`; the trusted ones do not, since the application itself has named them.
    pub fn vouch(&self, certificate: &Certificate, between: &[Certificate], now: SystemTime) -> Result<(), NotVouched> {
        self.vouch_while(certificate, between, now).map(|_| ())
    }

    /// The same, and how long that chain holds: while all of its certificates are valid. For those who remember the answer.
    pub fn vouch_while(
        &self,
        certificate: &Certificate,
        between: &[Certificate],
        now: SystemTime,
    ) -> Result<RangeInclusive<SystemTime>, NotVouched> {
        self.reach(certificate, between, now, LINKS)
    }

    fn reach(
        &self,
        of: &Certificate,
        between: &[Certificate],
        now: SystemTime,
        links: usize,
    ) -> Result<RangeInclusive<SystemTime>, NotVouched> {
        if !of.valid_at(now) {
            return Err(NotVouched::OutOfTime);
        }
        if self.trusted.contains(of) {
            return Ok(of.valid_from()..=of.valid_until());
        }
        let Some(links) = links.checked_sub(1) else { return Err(NotVouched::NoChain) };
        let issuers = self.trusted.iter().chain(between.iter().filter(|one| one.is_authority() && *one != of));
        let mut why = NotVouched::NoChain;
        for issuer in issuers.filter(|issuer| of.signed_by(issuer, self.with_sha1)) {
            match self.reach(issuer, between, now, links) {
                Ok(holds) => return Ok(*holds.start().max(&of.valid_from())..=*holds.end().min(&of.valid_until())),
                Err(NotVouched::OutOfTime) => why = NotVouched::OutOfTime,
                Err(NotVouched::NoChain) => {}
            }
        }
        Err(why)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_RSA_SHA256, RsaKeySize};

    use super::*;

    type Authority = CertifiedIssuer<'static, KeyPair>;

    fn params(name: &str, ca: bool) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        if ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2030, 1, 1);
        params
    }

    fn key() -> KeyPair {
        KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap()
    }

    fn root(name: &str) -> Authority {
        CertifiedIssuer::self_signed(params(name, true), key()).unwrap()
    }

    fn under(issuer: &Authority, params: CertificateParams) -> Authority {
        CertifiedIssuer::signed_by(params, key(), issuer).unwrap()
    }

    fn read(one: &Authority) -> Certificate {
        Certificate::from_pem("certificate", one.pem().as_bytes()).unwrap()
    }

    fn at(year: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs((year - 1970) * 31_557_600)
    }

    #[test]
    fn a_chain_leads_from_a_certificate_over_authorities_to_one_that_is_trusted() {
        let (root, other) = (root("root"), root("root"));
        let middle = under(&root, params("middle", true));
        let leaf = under(&middle, params("leaf", false));
        let (trusting, between) = (Issuers::new(vec![read(&root)]), [read(&middle)]);
        assert_eq!(trusting.vouch(&read(&leaf), &between, at(2026)), Ok(()));
        assert_eq!(trusting.vouch(&read(&root), &[], at(2026)), Ok(()));
        assert_eq!(trusting.vouch(&read(&leaf), &[], at(2026)), Err(NotVouched::NoChain));
        assert_eq!(Issuers::new(vec![read(&other)]).vouch(&read(&leaf), &between, at(2026)), Err(NotVouched::NoChain));
        assert_eq!(read(&leaf).common_name().as_deref(), Some("leaf"));
    }

    #[test]
    fn whoever_is_no_authority_vouches_for_nobody_unless_the_application_trusts_him() {
        let root = root("root");
        let merchant = under(&root, params("merchant", false));
        let forged = under(&merchant, params("the provider", false));
        let (forged, merchant) = (read(&forged), read(&merchant));
        let trusting = Issuers::new(vec![read(&root)]);
        assert_eq!(trusting.vouch(&forged, std::slice::from_ref(&merchant), at(2026)), Err(NotVouched::NoChain));
        assert_eq!(Issuers::new(vec![merchant]).vouch(&forged, &[], at(2026)), Ok(()));
    }

    #[test]
    fn every_link_must_be_valid_at_the_time() {
        let root = root("root");
        let mut short = params("middle", true);
        short.not_after = rcgen::date_time_ymd(2025, 1, 1);
        let middle = under(&root, short);
        let leaf = under(&middle, params("leaf", false));
        let trusting = Issuers::new(vec![read(&root)]);
        let holds = trusting.vouch_while(&read(&leaf), &[read(&middle)], at(2024)).unwrap();
        assert_eq!(holds, read(&middle).valid_from()..=read(&middle).valid_until());
        for (year, expected) in [(2024, Ok(())), (2026, Err(NotVouched::OutOfTime)), (2018, Err(NotVouched::OutOfTime))] {
            assert_eq!(trusting.vouch(&read(&leaf), &[read(&middle)], at(year)), expected, "{year}");
        }
    }
}
