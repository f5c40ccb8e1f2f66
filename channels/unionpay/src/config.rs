//! What UnionPay is configured with, and the rules that catch a wrong key or a test setting before it meets money.

use http::Uri;
use paysluice::adapter::check_base_url;
use paysluice::model::{AccountRef, Invalid, Mode, Secret};
use paysluice::signing::{Certificate, RsaPrivateKey};
use serde::Deserialize;

use crate::signer::Signers;
use crate::{Merchant, UnionPay, profile};

/// The merchant and credentials of one account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct UnionPayConfig {
    /// The account: provider `unionpay`, the merchant is the `merId`, 15 letters and digits.
    pub account: AccountRef,
    /// The merchant's signing key and certificate as UnionPay's authority hands them out: the `.pfx` file, or its base64.
    #[serde(default)]
    pub sign_pfx: Option<Secret>,
    /// The password of that file.
    #[serde(default)]
    pub sign_pfx_password: Option<Secret>,
    /// The same key as PEM, where there is no `.pfx` file.
    #[serde(default)]
    pub sign_key: Option<Secret>,
    /// Its certificate as PEM. Its serial number is the `certId` of every request.
    #[serde(default)]
    pub sign_certificate: Option<String>,
    /// The root certificates that are trusted (`acp_prod_root.cer`), as PEM.
    pub root_certificates: Vec<String>,
    /// The certificates between them and UnionPay's signer (`acp_prod_middle.cer`), as PEM.
    #[serde(default)]
    pub middle_certificates: Vec<String>,
    /// `backUrl`: where payments and refunds are notified, unless they say otherwise.
    #[serde(default)]
    pub notify_url: Option<String>,
    /// `frontUrl`: where a payer's browser comes back to, unless the charge says otherwise.
    #[serde(default)]
    pub return_url: Option<String>,
    /// Whether a refund of all the money on the clearing day of its payment is sent as a revoke (消费撤销), which gives the money
    /// back at once. A merchant without that permission sets it to false.
    #[serde(default = "yes")]
    pub revoke_same_day: bool,
    /// Where UnionPay is; its own gateway if left out. `https`, except for a loopback sandbox that
    /// [`allow_http_loopback`](Self::allow_http_loopback) permits.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Lets addresses be `http` on a loopback address: for a sandbox on this machine, never in production.
    #[serde(default)]
    pub allow_http_loopback: bool,
    /// UnionPay's test environment: its gateway, certificates that are signed with SHA-1, and the test signer's name are believed.
    /// Only with a test account: whoever can forge SHA-1 could else notify payments that never were.
    #[serde(default)]
    pub test_environment: bool,
}

pub(crate) const PRODUCTION: &str = "https://gateway.95516.com";
pub(crate) const TEST: &str = "https://gateway.test.95516.com";

fn yes() -> bool {
    true
}

impl UnionPayConfig {
    /// A merchant that trusts this root and the middle certificate under it. A key must be added, and where notices go.
    pub fn new(account: AccountRef, root_certificate: impl Into<String>, middle_certificate: impl Into<String>) -> Self {
        Self {
            account,
            sign_pfx: None,
            sign_pfx_password: None,
            sign_key: None,
            sign_certificate: None,
            root_certificates: vec![root_certificate.into()],
            middle_certificates: vec![middle_certificate.into()],
            notify_url: None,
            return_url: None,
            revoke_same_day: true,
            base_url: None,
            allow_http_loopback: false,
            test_environment: false,
        }
    }

    /// With the signing key and its certificate as PEM.
    pub fn signing(mut self, key: Secret, certificate: impl Into<String>) -> Self {
        (self.sign_key, self.sign_certificate) = (Some(key), Some(certificate.into()));
        self
    }

    /// With the signing key and its certificate out of a `.pfx` file.
    pub fn signing_pfx(mut self, file: Secret, password: Secret) -> Self {
        (self.sign_pfx, self.sign_pfx_password) = (Some(file), Some(password));
        self
    }

    /// With where payments and refunds are notified.
    pub fn notify_url(mut self, url: impl Into<String>) -> Self {
        self.notify_url = Some(url.into());
        self
    }

    /// With where a payer's browser comes back to.
    pub fn return_url(mut self, url: impl Into<String>) -> Self {
        self.return_url = Some(url.into());
        self
    }
}

impl UnionPay {
    /// Checks the configuration and parses its keys. The error names the field and the rule, never a secret.
    pub fn new(config: UnionPayConfig) -> Result<Self, Invalid> {
        let merchant = config.merchant()?;
        Self::with(config, Some(merchant))
    }

    /// An adapter that reads notices and nothing else: the merchant's own key and certificate are not looked at.
    pub fn reader(config: UnionPayConfig) -> Result<Self, Invalid> {
        Self::with(config, None)
    }

    fn with(config: UnionPayConfig, merchant: Option<Merchant>) -> Result<Self, Invalid> {
        config.check()?;
        let roots = certificates("root_certificates", &config.root_certificates)?;
        let middles = certificates("middle_certificates", &config.middle_certificates)?;
        let base_url = config.base_url.as_deref().unwrap_or(if config.test_environment { TEST } else { PRODUCTION });
        Ok(Self {
            profile: profile::payments(),
            base_url: base_url.trim_end_matches('/').to_owned(),
            loopback: config.allow_http_loopback,
            test_environment: config.test_environment,
            notify_url: config.notify_url,
            return_url: config.return_url,
            revoke: config.revoke_same_day,
            merchant,
            signers: Signers::new(roots, middles, config.test_environment),
            account: config.account,
        })
    }
}

impl UnionPayConfig {
    fn merchant(&self) -> Result<Merchant, Invalid> {
        let (key, certificate) = match (&self.sign_pfx, &self.sign_key, &self.sign_certificate) {
            (Some(file), None, None) => opened(file, self.sign_pfx_password.as_ref())?,
            (None, Some(key), Some(certificate)) => {
                let key = RsaPrivateKey::from_pem("sign_key", key)?;
                (key, Certificate::from_pem("sign_certificate", certificate.as_bytes())?)
            }
            (Some(_), _, _) => return Err(Invalid::new("sign_pfx", "alone: sign_key and sign_certificate are in it")),
            (None, Some(_), None) => return Err(Invalid::new("sign_certificate", "given beside sign_key")),
            (None, None, _) => return Err(Invalid::new("sign_pfx", "given, or sign_key with sign_certificate")),
        };
        if *certificate.key() != key.public_key()? {
            return Err(Invalid::new("sign_certificate", "the certificate of sign_key"));
        }
        Ok(Merchant { cert_id: certificate.serial_decimal(), key, certificate })
    }

    fn check(&self) -> Result<(), Invalid> {
        let (account, live) = (&self.account, self.account.mode() == Mode::Live);
        if account.provider() != "unionpay" {
            return Err(Invalid::new("account.provider", "unionpay"));
        }
        if account.merchant().len() != 15 || !account.merchant().bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Invalid::new("account.merchant", "a merId: 15 letters and digits"));
        }
        if account.sub().is_some() {
            return Err(Invalid::new("account.sub", "left out: only merchants that are connected directly are spoken for"));
        }
        if self.test_environment && live {
            return Err(Invalid::new(
                "test_environment",
                "false with a live account: it believes certificates that can be forged",
            ));
        }
        for (field, url) in [("notify_url", &self.notify_url), ("return_url", &self.return_url)] {
            url.as_deref().map_or(Ok(()), |url| check_url(field, url))?;
        }
        match self.base_url.as_deref().map(|url| url.trim_end_matches('/')) {
            Some(TEST) if live => Err(Invalid::new("base_url", "left out with a live account: that is the test gateway")),
            Some(PRODUCTION) if self.test_environment => {
                Err(Invalid::new("base_url", "left out in the test environment: that is the production gateway"))
            }
            Some(url) => check_base_url(url, self.allow_http_loopback),
            None => Ok(()),
        }
    }
}

#[cfg(feature = "pfx")]
fn opened(file: &Secret, password: Option<&Secret>) -> Result<(RsaPrivateKey, Certificate), Invalid> {
    let password = password.ok_or_else(|| Invalid::new("sign_pfx_password", "given beside sign_pfx"))?;
    let pfx = paysluice::signing::Pfx::open("sign_pfx", file, password)?;
    Ok((pfx.key().clone(), pfx.certificate().clone()))
}

#[cfg(not(feature = "pfx"))]
fn opened(_: &Secret, _: Option<&Secret>) -> Result<(RsaPrivateKey, Certificate), Invalid> {
    Err(Invalid::new("sign_pfx", "left out: this build has no feature `pfx`; give sign_key and sign_certificate as PEM"))
}

fn certificates(field: &str, pems: &[String]) -> Result<Vec<Certificate>, Invalid> {
    if pems.is_empty() && field == "root_certificates" {
        return Err(Invalid::new(field, "at least one certificate: without it nobody's signature could be believed"));
    }
    pems.iter().map(|pem| Certificate::from_pem(field, pem.as_bytes())).collect()
}

/// `backUrl`, `frontUrl`: "ANS1..256, publicly reachable, http or https". What a payer's browser carries may be seen by others, and a
/// notice is proved by its signature, so that http is UnionPay's word, not ours to forbid.
pub(crate) fn check_url(field: &str, url: &str) -> Result<(), Invalid> {
    let uri: Option<Uri> = url.parse().ok().filter(|_| url.len() <= 256 && url.bytes().all(|byte| byte.is_ascii_graphic()));
    let fits = uri.is_some_and(|uri| matches!(uri.scheme_str(), Some("https" | "http")) && uri.host().is_some());
    if fits { Ok(()) } else { Err(Invalid::new(field, "an http or https address of at most 256 characters")) }
}

#[cfg(test)]
mod tests;
