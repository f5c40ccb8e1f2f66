//! WeChat Pay from its section.

use std::path::Path;
use std::sync::Arc;

use paysluice::adapter::Adapter;
use paysluice::model::Secret;
use paysluice_wechatpay::{WeChatPay, WeChatPayConfig};

use super::Use;
use crate::config::{ConfigError, GatewaySection};
use crate::secrets::Secrets;

pub(super) fn open(
    secrets: &Secrets<'_>,
    name: &str,
    section: &GatewaySection,
    usage: Use,
) -> Result<Arc<dyn Adapter>, ConfigError> {
    let place = format!("gateways.{name}");
    let file = &secrets.config.file;
    let missing = |field: &str| ConfigError::new(file, format!("{place}.{field}"), "must be given");
    if section.webhook_tolerance.is_some() {
        let rule = "must be left out: WeChat Pay's window is five minutes";
        return Err(ConfigError::new(file, format!("{place}.webhook_tolerance"), rule));
    }
    let appid = section.appid.as_deref().ok_or_else(|| missing("appid"))?;
    let secret = |field: &str, variable: &Option<String>, path: &Option<std::path::PathBuf>| {
        secrets.named(name, field, variable.as_deref(), path.as_deref())
    };
    let api_v3_key = secret("api_v3_key", &section.api_v3_key_env, &section.api_v3_key_file)?;
    let merchant_private_key = match usage {
        Use::Operations => secret("merchant_private_key", &section.merchant_private_key_env, &section.merchant_private_key_file)?,
        Use::Callbacks => Secret::new(""),
    };
    let text = |field: &str, path: &Path| secrets.text(name, field, path);
    let mut config = WeChatPayConfig::new(section.account.clone(), appid, merchant_private_key, "", api_v3_key);
    config.merchant_serial.clone_from(&section.merchant_serial);
    config.sub_appid.clone_from(&section.sub_appid);
    config.notify_url.clone_from(&section.notify_url);
    config.refund_notify_url.clone_from(&section.refund_notify_url);
    config.store_out_id.clone_from(&section.store_out_id);
    config.allow_http_loopback = section.allow_http_loopback;
    if let (Use::Operations, Some(path)) = (usage, &section.merchant_certificate_file) {
        config.merchant_certificate = Some(text("merchant_certificate", path)?);
    }
    config = match (&section.public_key_id, &section.public_key_file) {
        (Some(id), Some(path)) => config.public_key(id.as_str(), text("public_key", path)?),
        (None, None) => config,
        (Some(_), None) => return Err(missing("public_key_file")),
        (None, Some(_)) => return Err(missing("public_key_id")),
    };
    for path in &section.platform_certificate_file.0 {
        config = config.platform_certificate(text("platform_certificate", path)?);
    }
    if let Some(url) = &section.base_url {
        config.base_url.clone_from(url);
    }
    let opened = match usage {
        Use::Operations => WeChatPay::new(config),
        Use::Callbacks => WeChatPay::reader(config),
    };
    Ok(Arc::new(opened.map_err(|invalid| ConfigError::of(file, &place, &invalid))?))
}
