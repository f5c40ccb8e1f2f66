//! Stripe from its section.

use std::path::PathBuf;
use std::sync::Arc;

use paysluice::adapter::Adapter;
use paysluice::model::{Mode, Secret, text};
use paysluice_stripe::{Stripe, StripeConfig};
use serde::Deserialize;

use super::provider::{At, Own, Use};
use crate::config::{ConfigError, Inline, Many};

/// What only a section of Stripe's has.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    #[serde(default)]
    api_version: Option<String>,
    /// How far a callback's time may lie from this machine's: `300s`.
    #[serde(default)]
    webhook_tolerance: Option<String>,
    #[serde(default)]
    secret_key_env: Option<String>,
    #[serde(default)]
    secret_key_file: Option<PathBuf>,
    #[serde(default, rename = "secret_key")]
    _secret_key: Option<Inline>,
    #[serde(default)]
    webhook_secret_env: Many<String>,
    #[serde(default)]
    webhook_secret_file: Many<PathBuf>,
    #[serde(default, rename = "webhook_secret", alias = "webhook_secrets")]
    _webhook_secret: Option<Inline>,
}

impl Own for Keys {
    fn open(&self, at: &At<'_>, usage: Use) -> Result<Arc<dyn Adapter>, ConfigError> {
        let secret_key = match (usage.sends, at.section.account.mode()) {
            (true, _) => at.secret("secret_key", self.secret_key_env.as_deref(), self.secret_key_file.as_ref())?,
            (false, Mode::Live) => Secret::new("sk_live_unused"),
            (false, Mode::Test) => Secret::new("sk_test_unused"),
        };
        let mut config = StripeConfig::new(at.section.account.clone(), secret_key);
        if usage.hears {
            config.webhook_secrets = at.several("webhook_secret", &self.webhook_secret_env, &self.webhook_secret_file)?;
        }
        config.allow_http_loopback = at.section.allow_http_loopback;
        if let Some(url) = &at.section.base_url {
            config.base_url.clone_from(url);
        }
        if let Some(version) = &self.api_version {
            config.api_version.clone_from(version);
        }
        if let Some(tolerance) = &self.webhook_tolerance {
            config.webhook_tolerance = text::parse_duration(tolerance)
                .ok_or_else(|| at.wrong("webhook_tolerance", "must be a time such as 300s or 5m"))?;
        }
        at.adapter(Stripe::new(config))
    }
}
