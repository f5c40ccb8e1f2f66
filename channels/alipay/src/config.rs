//! What Alipay is configured with, and the rules that catch a wrong key before it meets money.

use http::Uri;
use paysluice::adapter::check_base_url;
use paysluice::model::{AccountRef, Invalid, Mode, Secret};
use paysluice::signing::{Certificate, RsaPrivateKey, RsaPublicKey};
use serde::Deserialize;

use crate::trust::{Certificates, Trust, sn};
use crate::{Alipay, profile};

/// The app and credentials of one account: with Alipay's public key, or with the three certificates.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AlipayConfig {
    /// The account: provider `alipay`, the merchant is the `app_id`. Where the app acts for a merchant that has authorized it,
    /// `sub` is that merchant's `auth_app_id`, and `app_auth_token` is given. `test` is Alipay's sandbox.
    pub account: AccountRef,
    /// The application's private key: PEM, or the base64 that the console shows, PKCS#1 or PKCS#8.
    pub app_private_key: Secret,
    /// Alipay's public key, in the mode of keys: PEM, or the base64 that the console shows. Not the application's own.
    #[serde(default)]
    pub alipay_public_key: Option<String>,
    /// `appCertPublicKey_….crt`, in the mode of certificates: the certificate of `app_private_key`.
    #[serde(default)]
    pub app_certificate: Option<String>,
    /// `alipayCertPublicKey_RSA2.crt`, in the mode of certificates: Alipay's certificate, perhaps followed by who issued it.
    #[serde(default)]
    pub alipay_certificate: Option<String>,
    /// `alipayRootCert.crt`, in the mode of certificates.
    #[serde(default)]
    pub alipay_root_certificates: Option<String>,
    /// The token by which a merchant has authorized the app; given if and only if the account has a `sub`.
    #[serde(default)]
    pub app_auth_token: Option<Secret>,
    /// The merchant's user id (`2088…`): notices about money of another are refused.
    #[serde(default)]
    pub seller_id: Option<String>,
    /// Where payments and refunds are notified, unless the charge says otherwise.
    #[serde(default)]
    pub notify_url: Option<String>,
    /// Where Alipay is; left out, its production or its sandbox by the account's mode. `https`, except for a loopback sandbox
    /// that [`allow_http_loopback`](Self::allow_http_loopback) permits.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Lets `base_url` and the notify urls be `http` on a loopback address: for a sandbox on this machine, never in production.
    #[serde(default)]
    pub allow_http_loopback: bool,
}

pub(crate) const PRODUCTION: &str = "https://openapi.alipay.com";
pub(crate) const SANDBOX: &str = "https://openapi-sandbox.dl.alipaydev.com";

impl AlipayConfig {
    /// An app with its key, and neither key nor certificates of Alipay's yet.
    fn bare(account: AccountRef, app_private_key: Secret) -> Self {
        Self {
            account,
            app_private_key,
            alipay_public_key: None,
            app_certificate: None,
            alipay_certificate: None,
            alipay_root_certificates: None,
            app_auth_token: None,
            seller_id: None,
            notify_url: None,
            base_url: None,
            allow_http_loopback: false,
        }
    }

    /// An app in the mode of keys: its own private key and Alipay's public one.
    pub fn with_key(account: AccountRef, app_private_key: Secret, alipay_public_key: impl Into<String>) -> Self {
        Self { alipay_public_key: Some(alipay_public_key.into()), ..Self::bare(account, app_private_key) }
    }

    /// An app in the mode of certificates: its private key and certificate, Alipay's certificate, and the roots.
    pub fn with_certificates(
        account: AccountRef,
        app_private_key: Secret,
        app_certificate: impl Into<String>,
        alipay_certificate: impl Into<String>,
        alipay_root_certificates: impl Into<String>,
    ) -> Self {
        Self {
            app_certificate: Some(app_certificate.into()),
            alipay_certificate: Some(alipay_certificate.into()),
            alipay_root_certificates: Some(alipay_root_certificates.into()),
            ..Self::bare(account, app_private_key)
        }
    }

    /// With the token of the merchant that has authorized the app.
    pub fn app_auth_token(mut self, token: Secret) -> Self {
        self.app_auth_token = Some(token);
        self
    }

    /// With the merchant's user id.
    pub fn seller_id(mut self, id: impl Into<String>) -> Self {
        self.seller_id = Some(id.into());
        self
    }

    /// With where payments and refunds are notified.
    pub fn notify_url(mut self, url: impl Into<String>) -> Self {
        self.notify_url = Some(url.into());
        self
    }

    /// At that address instead: `https`, or `http` on a loopback address, for a sandbox on this machine.
    pub fn at(mut self, base_url: impl Into<String>) -> Self {
        let base_url = base_url.into();
        self.allow_http_loopback = base_url.starts_with("http://");
        self.base_url = Some(base_url);
        self
    }
}

impl Alipay {
    /// Checks the configuration and parses its keys. The error names the field and the rule, never a secret.
    pub fn new(config: AlipayConfig) -> Result<Self, Invalid> {
        let key = RsaPrivateKey::from_text("app_private_key", &config.app_private_key)?;
        let public = key.public_key()?;
        let alipay = Self::with(config, Some(key))?;
        if alipay.app_certificate.as_ref().is_some_and(|certificate| *certificate.key() != public) {
            return Err(Invalid::new("app_certificate", "the certificate of app_private_key"));
        }
        match &alipay.trust {
            Trust::Key(held) if *held == public => Err(Invalid::new(
                "alipay_public_key",
                "Alipay's public key (the console shows it beside), not the application's own",
            )),
            Trust::Certificates(held) if *held.alipay.key() == public => Err(Invalid::new(
                "alipay_certificate",
                "Alipay's certificate (alipayCertPublicKey_RSA2.crt), not the application's",
            )),
            Trust::Key(_) | Trust::Certificates(_) => Ok(alipay),
        }
    }

    /// An adapter that reads notices and nothing else: the application's own key is not looked at.
    pub fn reader(config: AlipayConfig) -> Result<Self, Invalid> {
        Self::with(config, None)
    }

    fn with(config: AlipayConfig, app_key: Option<RsaPrivateKey>) -> Result<Self, Invalid> {
        config.check()?;
        let app_certificate = config.app_certificate.as_deref();
        let app_certificate = app_certificate.map(|pem| Certificate::from_pem("app_certificate", pem.as_bytes())).transpose()?;
        let base_url = config.base_url.as_deref().unwrap_or(match config.account.mode() {
            Mode::Live => PRODUCTION,
            Mode::Test => SANDBOX,
        });
        Ok(Self {
            profile: profile::payments(),
            base_url: base_url.trim_end_matches('/').to_owned(),
            loopback: config.allow_http_loopback,
            trust: config.trust()?,
            app_cert_sn: app_certificate.as_ref().map(sn),
            app_certificate,
            app_key,
            seller_id: config.seller_id,
            notify_url: config.notify_url,
            app_auth_token: config.app_auth_token,
            account: config.account,
        })
    }
}

impl AlipayConfig {
    fn trust(&self) -> Result<Trust, Invalid> {
        let named = [
            ("app_certificate", &self.app_certificate),
            ("alipay_certificate", &self.alipay_certificate),
            ("alipay_root_certificates", &self.alipay_root_certificates),
        ];
        let given = named.iter().filter(|(_, pem)| pem.is_some()).count();
        match (&self.alipay_public_key, &self.alipay_certificate, &self.alipay_root_certificates) {
            (Some(key), None, None) if given == 0 => {
                Ok(Trust::Key(RsaPublicKey::from_text("alipay_public_key", key.as_bytes())?))
            }
            (None, Some(alipay), Some(roots)) if given == 3 => {
                Ok(Trust::Certificates(Box::new(Certificates::read(alipay, roots)?)))
            }
            (Some(_), ..) => {
                Err(Invalid::new("alipay_public_key", "left out where certificates are given: one mode or the other"))
            }
            (None, ..) if given == 0 => Err(Invalid::new(
                "alipay_public_key",
                "given, or all of app_certificate, alipay_certificate, alipay_root_certificates",
            )),
            (None, ..) => {
                let missing = named.iter().find(|(_, pem)| pem.is_none()).map_or("app_certificate", |(name, _)| name);
                Err(Invalid::new(missing, "given beside the other certificates: the mode of certificates needs all three"))
            }
        }
    }

    fn check(&self) -> Result<(), Invalid> {
        const APP: &str = "an app id: up to 32 digits";
        let digits = |text: &str| (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if self.account.provider() != "alipay" {
            return Err(Invalid::new("account.provider", "alipay"));
        }
        if !digits(self.account.merchant()) {
            return Err(Invalid::new("account.merchant", APP));
        }
        if self.account.sub().is_some_and(|sub| !digits(sub)) {
            return Err(Invalid::new("account.sub", APP));
        }
        match (self.account.sub(), &self.app_auth_token) {
            (Some(_), None) => return Err(Invalid::new("app_auth_token", "given: the account acts for a merchant")),
            (None, Some(_)) => {
                return Err(Invalid::new("app_auth_token", "left out, or the account's sub is the merchant's auth_app_id"));
            }
            (Some(_), Some(token)) if !is_token(token) => {
                return Err(Invalid::new("app_auth_token", "the token of the authorization: visible ASCII characters"));
            }
            _ => {}
        }
        if self.seller_id.as_deref().is_some_and(|id| !digits(id)) {
            return Err(Invalid::new("seller_id", "the merchant's user id: digits, 2088…"));
        }
        if let Some(url) = &self.notify_url {
            check_url("notify_url", url, self.allow_http_loopback)?;
        }
        self.base_url.as_deref().map_or(Ok(()), |url| check_base_url(url, self.allow_http_loopback))
    }
}

fn is_token(token: &Secret) -> bool {
    (1..=128).contains(&token.len()) && token.expose().iter().all(u8::is_ascii_graphic)
}

/// Where Alipay, or the payer's browser, is sent: at most 256 characters.
pub(crate) fn check_url(field: &str, url: &str, allow_http_loopback: bool) -> Result<(), Invalid> {
    let uri: Option<Uri> = url.parse().ok().filter(|_| url.len() <= 256 && url.is_ascii() && !url.contains('#'));
    let fits = uri.is_some_and(|uri| {
        let loopback = matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
        match uri.scheme_str() {
            Some("https") => uri.host().is_some(),
            Some("http") => loopback && allow_http_loopback,
            _ => false,
        }
    });
    if fits { Ok(()) } else { Err(Invalid::new(field, "an https address of at most 256 characters")) }
}

#[cfg(test)]
mod tests;
