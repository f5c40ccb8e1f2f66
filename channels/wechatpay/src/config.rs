//! What WeChat Pay is configured with, and the rules that catch a wrong key before it meets money.

use http::Uri;
use paysluice::adapter::check_base_url;
use paysluice::model::{AccountRef, Invalid, Secret};
use paysluice::signing::{AesGcmKey, Certificate, RsaPrivateKey, RsaPublicKey};
use serde::Deserialize;

use crate::verify::PublicKey;
use crate::{WeChatPay, profile};

/// The merchant and credentials of one account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct WeChatPayConfig {
    /// The account: provider `wechatpay`, the merchant is the `mchid`. In partner mode that is the partner's `sp_mchid`, and
    /// `sub` is the `sub_mchid`.
    pub account: AccountRef,
    /// The app that is bound to the merchant; in partner mode the partner's (`sp_appid`).
    pub appid: String,
    /// The sub-merchant's own app, in partner mode only.
    #[serde(default)]
    pub sub_appid: Option<String>,
    /// `apiclient_key.pem`: the key of the merchant's API certificate.
    pub merchant_private_key: Secret,
    /// The serial number of that certificate, as upper-case hex. May be left out where the certificate itself is given.
    #[serde(default)]
    pub merchant_serial: Option<String>,
    /// `apiclient_cert.pem`: so that its serial need not be copied and its end is seen coming.
    #[serde(default)]
    pub merchant_certificate: Option<String>,
    /// The APIv3 key: 32 bytes, set at the merchant console. Not the key of API v2.
    pub api_v3_key: Secret,
    /// WeChat Pay's public key, downloaded from the merchant console. Every merchant of after September 2024 has one.
    #[serde(default)]
    pub public_key: Option<WeChatPayKey>,
    /// Platform certificates (PEM) that are believed without being fetched. Others are fetched when they are met.
    #[serde(default)]
    pub platform_certificates: Vec<String>,
    /// Where payments are notified, unless the charge says otherwise. `https`, without a query.
    #[serde(default)]
    pub notify_url: Option<String>,
    /// Where refunds are notified, unless the refund says otherwise; else where its payment was.
    #[serde(default)]
    pub refund_notify_url: Option<String>,
    /// The shop's own number of the store, for payments by barcode that do not name another.
    #[serde(default)]
    pub store_out_id: Option<String>,
    /// Where WeChat Pay is. `https`, except for a loopback sandbox that [`allow_http_loopback`](Self::allow_http_loopback) permits.
    #[serde(default = "base_url")]
    pub base_url: String,
    /// Lets `base_url` and the notify urls be `http` on a loopback address: for a sandbox on this machine, never in production.
    #[serde(default)]
    pub allow_http_loopback: bool,
}

/// WeChat Pay's public key for a merchant.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeChatPayKey {
    /// `PUB_KEY_ID_…`
    pub id: String,
    /// `BEGIN PUBLIC KEY`
    pub pem: String,
}

pub(crate) const PRODUCTION: &str = "https://api.mch.weixin.qq.com";

fn base_url() -> String {
    PRODUCTION.to_owned()
}

impl WeChatPayConfig {
    /// A merchant with its app, key and serial, in the mode of platform certificates. Notifications need their url added.
    pub fn new(
        account: AccountRef,
        appid: impl Into<String>,
        merchant_private_key: Secret,
        merchant_serial: impl Into<String>,
        api_v3_key: Secret,
    ) -> Self {
        Self {
            account,
            appid: appid.into(),
            sub_appid: None,
            merchant_private_key,
            merchant_serial: Some(merchant_serial.into()),
            merchant_certificate: None,
            api_v3_key,
            public_key: None,
            platform_certificates: Vec::new(),
            notify_url: None,
            refund_notify_url: None,
            store_out_id: None,
            base_url: base_url(),
            allow_http_loopback: false,
        }
    }

    /// With WeChat Pay's public key.
    pub fn public_key(mut self, id: impl Into<String>, pem: impl Into<String>) -> Self {
        self.public_key = Some(WeChatPayKey { id: id.into(), pem: pem.into() });
        self
    }

    /// With one more platform certificate.
    pub fn platform_certificate(mut self, pem: impl Into<String>) -> Self {
        self.platform_certificates.push(pem.into());
        self
    }

    /// With where payments are notified.
    pub fn notify_url(mut self, url: impl Into<String>) -> Self {
        self.notify_url = Some(url.into());
        self
    }
}

impl WeChatPay {
    /// Checks the configuration and parses its keys. The error names the field and the rule, never a secret.
    pub fn new(config: WeChatPayConfig) -> Result<Self, Invalid> {
        let key = RsaPrivateKey::from_pem("merchant_private_key", &config.merchant_private_key)?;
        let certificate = config
            .merchant_certificate
            .as_deref()
            .map(|pem| Certificate::from_pem("merchant_certificate", pem.as_bytes()))
            .transpose()?;
        let serial = match (&config.merchant_serial, &certificate) {
            (Some(serial), Some(certificate)) if serial != certificate.serial() => {
                return Err(Invalid::new("merchant_serial", "the serial of merchant_certificate, or left out"));
            }
            (Some(serial), _) => hex_serial("merchant_serial", serial)?,
            (None, Some(certificate)) => certificate.serial().to_owned(),
            (None, None) => return Err(Invalid::new("merchant_serial", "given, unless merchant_certificate is")),
        };
        if let Some(certificate) = &certificate
            && *certificate.key() != key.public_key()?
        {
            return Err(Invalid::new("merchant_certificate", "the certificate of merchant_private_key"));
        }
        Self::with(config, Some(key), serial, certificate)
    }

    /// An adapter that reads callbacks and nothing else: the merchant's own key, serial and certificate are not looked at.
    pub fn reader(config: WeChatPayConfig) -> Result<Self, Invalid> {
        Self::with(config, None, String::new(), None)
    }

    fn with(
        config: WeChatPayConfig,
        merchant_key: Option<RsaPrivateKey>,
        merchant_serial: String,
        merchant_certificate: Option<Certificate>,
    ) -> Result<Self, Invalid> {
        config.check()?;
        let public_key = config.public_key.as_ref().map(WeChatPayKey::parsed).transpose()?;
        let pinned = config.platform_certificates.iter();
        let pinned = pinned.map(|pem| Certificate::from_pem("platform_certificates", pem.as_bytes()));
        let pinned = pinned.collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            profile: profile::payments(public_key.is_some() || !pinned.is_empty()),
            base_url: config.base_url.trim_end_matches('/').to_owned(),
            loopback: config.allow_http_loopback,
            appid: config.appid,
            sub_appid: config.sub_appid,
            notify_url: config.notify_url,
            refund_notify_url: config.refund_notify_url,
            store_out_id: config.store_out_id,
            merchant_key,
            merchant_serial,
            merchant_certificate,
            api_v3_key: AesGcmKey::new("api_v3_key", &config.api_v3_key)?,
            api_v3_secret: config.api_v3_key,
            public_key,
            pinned,
            account: config.account,
        })
    }
}

impl WeChatPayKey {
    fn parsed(&self) -> Result<PublicKey, Invalid> {
        let digits = self.id.strip_prefix("PUB_KEY_ID_").unwrap_or_default();
        if !(1..=64).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Invalid::new("public_key.id", "the id beside the key at the merchant console, PUB_KEY_ID_…"));
        }
        Ok(PublicKey { id: self.id.clone(), key: RsaPublicKey::from_pem("public_key.pem", self.pem.as_bytes())? })
    }
}

impl WeChatPayConfig {
    fn check(&self) -> Result<(), Invalid> {
        const MCHID: &str = "a merchant number: up to 32 digits";
        let digits = |text: &str| (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if self.account.provider() != "wechatpay" {
            return Err(Invalid::new("account.provider", "wechatpay"));
        }
        if !digits(self.account.merchant()) {
            return Err(Invalid::new("account.merchant", MCHID));
        }
        if self.account.sub().is_some_and(|sub| !digits(sub)) {
            return Err(Invalid::new("account.sub", MCHID));
        }
        check_appid("appid", &self.appid)?;
        match &self.sub_appid {
            Some(_) if self.account.sub().is_none() => {
                return Err(Invalid::new("sub_appid", "left out: the account has no sub-merchant"));
            }
            Some(appid) => check_appid("sub_appid", appid)?,
            None => {}
        }
        let key = self.api_v3_key.expose();
        if key.len() != 32 || !key.iter().all(u8::is_ascii_graphic) {
            return Err(Invalid::new("api_v3_key", "32 visible ASCII characters (the APIv3 key, not the key of API v2)"));
        }
        if let Some(url) = &self.notify_url {
            check_notify_url("notify_url", url, self.allow_http_loopback)?;
        }
        if let Some(url) = &self.refund_notify_url {
            check_notify_url("refund_notify_url", url, self.allow_http_loopback)?;
        }
        if self.store_out_id.as_deref().is_some_and(|id| !(1..=32).contains(&id.chars().count())) {
            return Err(Invalid::new("store_out_id", "1 to 32 characters"));
        }
        check_base_url(&self.base_url, self.allow_http_loopback)
    }
}

fn check_appid(field: &str, appid: &str) -> Result<(), Invalid> {
    if (1..=32).contains(&appid.len()) && appid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        Ok(())
    } else {
        Err(Invalid::new(field, "an app id such as wxd678efh567hg6787: up to 32 letters and digits"))
    }
}

fn hex_serial(field: &str, serial: &str) -> Result<String, Invalid> {
    let upper = serial.to_ascii_uppercase();
    if (1..=40).contains(&upper.len()) && upper.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(upper)
    } else {
        Err(Invalid::new(field, "the serial number of the merchant's API certificate in hex, without separators"))
    }
}

/// "notify_url: HTTPS, no query string", at most 255 characters.
pub(crate) fn check_notify_url(field: &str, url: &str, allow_http_loopback: bool) -> Result<(), Invalid> {
    let uri: Option<Uri> = url.parse().ok().filter(|_| url.len() <= 255 && url.is_ascii() && !url.contains(['?', '#']));
    let fits = uri.is_some_and(|uri| {
        let loopback = matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
        match uri.scheme_str() {
            Some("https") => uri.host().is_some(),
            Some("http") => loopback && allow_http_loopback,
            _ => false,
        }
    });
    if fits { Ok(()) } else { Err(Invalid::new(field, "an https address without a query, of at most 255 characters")) }
}

#[cfg(test)]
mod tests;
