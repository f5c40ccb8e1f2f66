//! Alipay from its section.

use std::path::PathBuf;
use std::sync::Arc;

use paysluice::adapter::Adapter;
use paysluice::model::Secret;
use paysluice_alipay::{Alipay, AlipayConfig};
use serde::Deserialize;

use super::provider::{At, Own, Use};
use crate::config::{ConfigError, Inline};

/// What only a section of Alipay's has.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    #[serde(default)]
    app_private_key_env: Option<String>,
    #[serde(default)]
    app_private_key_file: Option<PathBuf>,
    #[serde(default, rename = "app_private_key")]
    _app_private_key: Option<Inline>,
    #[serde(default)]
    alipay_public_key_file: Option<PathBuf>,
    #[serde(default)]
    app_certificate_file: Option<PathBuf>,
    #[serde(default)]
    alipay_certificate_file: Option<PathBuf>,
    #[serde(default)]
    alipay_root_certificates_file: Option<PathBuf>,
    #[serde(default)]
    app_auth_token_env: Option<String>,
    #[serde(default)]
    app_auth_token_file: Option<PathBuf>,
    #[serde(default, rename = "app_auth_token")]
    _app_auth_token: Option<Inline>,
    #[serde(default)]
    seller_id: Option<String>,
    #[serde(default)]
    notify_url: Option<String>,
}

impl Own for Keys {
    fn open(&self, at: &At<'_>, usage: Use) -> Result<Arc<dyn Adapter>, ConfigError> {
        let (key, file) = (self.app_private_key_env.as_deref(), self.app_private_key_file.as_ref());
        let app_private_key = if usage.sends { at.secret("app_private_key", key, file)? } else { Secret::new("") };
        let mut config = AlipayConfig::with_key(at.section.account.clone(), app_private_key, "");
        config.alipay_public_key = at.text_if_named("alipay_public_key", self.alipay_public_key_file.as_ref())?;
        config.app_certificate = at.text_if_named("app_certificate", self.app_certificate_file.as_ref())?;
        config.alipay_certificate = at.text_if_named("alipay_certificate", self.alipay_certificate_file.as_ref())?;
        config.alipay_root_certificates =
            at.text_if_named("alipay_root_certificates", self.alipay_root_certificates_file.as_ref())?;
        let (token, file) = (self.app_auth_token_env.as_deref(), self.app_auth_token_file.as_ref());
        config.app_auth_token = at.secret_if_named("app_auth_token", token, file)?;
        config.seller_id.clone_from(&self.seller_id);
        config.notify_url.clone_from(&self.notify_url);
        config.base_url.clone_from(&at.section.base_url);
        config.allow_http_loopback = at.section.allow_http_loopback;
        at.adapter(if usage.sends { Alipay::new(config) } else { Alipay::reader(config) })
    }
}
