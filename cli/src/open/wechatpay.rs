//! WeChat Pay from its section.

use std::path::PathBuf;
use std::sync::Arc;

use paysluice::adapter::Adapter;
use paysluice::model::Secret;
use paysluice_wechatpay::{WeChatPay, WeChatPayConfig};
use serde::Deserialize;

use super::provider::{At, Own, Use};
use crate::config::{ConfigError, Inline, Many};

/// What only a section of WeChat Pay's has.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    #[serde(default)]
    appid: Option<String>,
    #[serde(default)]
    sub_appid: Option<String>,
    #[serde(default)]
    merchant_private_key_env: Option<String>,
    #[serde(default)]
    merchant_private_key_file: Option<PathBuf>,
    #[serde(default, rename = "merchant_private_key")]
    _merchant_private_key: Option<Inline>,
    #[serde(default)]
    merchant_serial: Option<String>,
    #[serde(default)]
    merchant_certificate_file: Option<PathBuf>,
    #[serde(default)]
    api_v3_key_env: Option<String>,
    #[serde(default)]
    api_v3_key_file: Option<PathBuf>,
    #[serde(default, rename = "api_v3_key")]
    _api_v3_key: Option<Inline>,
    #[serde(default)]
    public_key_id: Option<String>,
    #[serde(default)]
    public_key_file: Option<PathBuf>,
    #[serde(default)]
    platform_certificate_file: Many<PathBuf>,
    #[serde(default)]
    notify_url: Option<String>,
    #[serde(default)]
    refund_notify_url: Option<String>,
    #[serde(default)]
    store_out_id: Option<String>,
}

impl Own for Keys {
    fn open(&self, at: &At<'_>, usage: Use) -> Result<Arc<dyn Adapter>, ConfigError> {
        let appid = self.appid.as_deref().ok_or_else(|| at.missing("appid"))?;
        let api_v3_key = at.secret("api_v3_key", self.api_v3_key_env.as_deref(), self.api_v3_key_file.as_ref())?;
        let (key, file) = (self.merchant_private_key_env.as_deref(), self.merchant_private_key_file.as_ref());
        let merchant_private_key = if usage.sends { at.secret("merchant_private_key", key, file)? } else { Secret::new("") };
        let mut config = WeChatPayConfig::new(at.section.account.clone(), appid, merchant_private_key, "", api_v3_key);
        config.merchant_serial.clone_from(&self.merchant_serial);
        config.sub_appid.clone_from(&self.sub_appid);
        config.notify_url.clone_from(&self.notify_url);
        config.refund_notify_url.clone_from(&self.refund_notify_url);
        config.store_out_id.clone_from(&self.store_out_id);
        config.allow_http_loopback = at.section.allow_http_loopback;
        if usage.sends {
            config.merchant_certificate = at.text_if_named("merchant_certificate", self.merchant_certificate_file.as_ref())?;
        }
        config = match (&self.public_key_id, &self.public_key_file) {
            (Some(id), Some(path)) => config.public_key(id.as_str(), at.text("public_key", path)?),
            (None, None) => config,
            (Some(_), None) => return Err(at.missing("public_key_file")),
            (None, Some(_)) => return Err(at.missing("public_key_id")),
        };
        for path in &self.platform_certificate_file.0 {
            config = config.platform_certificate(at.text("platform_certificate", path)?);
        }
        if let Some(url) = &at.section.base_url {
            config.base_url.clone_from(url);
        }
        at.adapter(if usage.sends { WeChatPay::new(config) } else { WeChatPay::reader(config) })
    }
}
