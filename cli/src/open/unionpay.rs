//! UnionPay from its section.

use std::path::PathBuf;
use std::sync::Arc;

use paysluice::adapter::Adapter;
use paysluice_unionpay::{UnionPay, UnionPayConfig};
use serde::Deserialize;

use super::provider::{At, Own, Use};
use crate::config::{ConfigError, Inline, Many};

/// What only a section of UnionPay's has.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    #[serde(default)]
    sign_pfx_env: Option<String>,
    #[serde(default)]
    sign_pfx_file: Option<PathBuf>,
    #[serde(default, rename = "sign_pfx")]
    _sign_pfx: Option<Inline>,
    #[serde(default)]
    sign_pfx_password_env: Option<String>,
    #[serde(default)]
    sign_pfx_password_file: Option<PathBuf>,
    #[serde(default, rename = "sign_pfx_password")]
    _sign_pfx_password: Option<Inline>,
    #[serde(default)]
    sign_key_env: Option<String>,
    #[serde(default)]
    sign_key_file: Option<PathBuf>,
    #[serde(default, rename = "sign_key")]
    _sign_key: Option<Inline>,
    #[serde(default)]
    sign_certificate_file: Option<PathBuf>,
    #[serde(default)]
    root_certificate_file: Many<PathBuf>,
    #[serde(default)]
    middle_certificate_file: Many<PathBuf>,
    #[serde(default)]
    notify_url: Option<String>,
    #[serde(default)]
    return_url: Option<String>,
    #[serde(default)]
    revoke_same_day: Option<bool>,
    #[serde(default)]
    test_environment: bool,
}

impl Own for Keys {
    fn open(&self, at: &At<'_>, usage: Use) -> Result<Arc<dyn Adapter>, ConfigError> {
        let mut config = UnionPayConfig::new(at.section.account.clone(), "", "");
        let all = |field: &str, files: &Many<PathBuf>| files.0.iter().map(|file| at.text(field, file)).collect::<Result<_, _>>();
        config.root_certificates = all("root_certificate", &self.root_certificate_file)?;
        config.middle_certificates = all("middle_certificate", &self.middle_certificate_file)?;
        if usage.sends {
            let secret = |field: &str, variable: &Option<String>, file: &Option<PathBuf>| {
                at.secret_if_named(field, variable.as_deref(), file.as_ref())
            };
            config.sign_pfx = secret("sign_pfx", &self.sign_pfx_env, &self.sign_pfx_file)?;
            config.sign_pfx_password = secret("sign_pfx_password", &self.sign_pfx_password_env, &self.sign_pfx_password_file)?;
            config.sign_key = secret("sign_key", &self.sign_key_env, &self.sign_key_file)?;
            config.sign_certificate = at.text_if_named("sign_certificate", self.sign_certificate_file.as_ref())?;
        }
        config.notify_url.clone_from(&self.notify_url);
        config.return_url.clone_from(&self.return_url);
        config.revoke_same_day = self.revoke_same_day.unwrap_or(true);
        config.test_environment = self.test_environment;
        config.base_url.clone_from(&at.section.base_url);
        config.allow_http_loopback = at.section.allow_http_loopback;
        at.adapter(if usage.sends { UnionPay::new(config) } else { UnionPay::reader(config) })
    }
}
