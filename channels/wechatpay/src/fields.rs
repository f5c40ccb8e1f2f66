//! What an order says beside number and money: the fields of the body, each checked against its limit before it is sent.

use paysluice::adapter::Charge;
use paysluice::model::{Error, Invalid};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::order::{App, Merchant};
use crate::sign::json;

/// The body of a new order, of a payment by barcode too.
#[derive(Serialize)]
pub(crate) struct Body<'a> {
    #[serde(flatten)]
    pub(crate) app: App<'a>,
    #[serde(flatten)]
    pub(crate) merchant: Merchant<'a>,
    pub(crate) description: &'a str,
    pub(crate) out_trade_no: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time_expire: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) notify_url: Option<&'a str>,
    pub(crate) amount: Total,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payer: Option<Payer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scene_info: Option<Scene<'a>>,
    #[serde(flatten)]
    pub(crate) more: More<'a>,
}

/// In fen.
#[derive(Serialize)]
pub(crate) struct Total {
    pub(crate) total: i64,
    pub(crate) currency: &'static str,
}

/// Who pays.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Payer<'a> {
    Openid(&'a str),
    SpOpenid(&'a str),
    SubOpenid(&'a str),
    AuthCode(&'a str),
}

/// Where it is paid.
#[derive(Default, Serialize)]
pub(crate) struct Scene<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payer_client_ip: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) store_info: Option<Store<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) h5_info: Option<H5<'a>>,
}

#[derive(Default, PartialEq, Eq, Serialize)]
pub(crate) struct Store<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) out_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    area_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
}

#[derive(Serialize)]
pub(crate) struct H5<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    package_name: Option<&'a str>,
}

/// Fields that most orders do without.
#[derive(Default, Serialize)]
pub(crate) struct More<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    attach: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    goods_tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_pay: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    support_fapiao: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settle_info: Option<Settle>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Settle {
    profit_sharing: bool,
}

/// The fields that `extra` may set. Whatever else is money, identity, or has a field of its own.
const EXTRA: [&str; 16] = [
    "attach",
    "goods_tag",
    "limit_pay",
    "support_fapiao",
    "settle_info.profit_sharing",
    "detail",
    "scene_info.device_id",
    "scene_info.store_info.id",
    "scene_info.store_info.out_id",
    "scene_info.store_info.name",
    "scene_info.store_info.area_code",
    "scene_info.store_info.address",
    "scene_info.h5_info.type",
    "scene_info.h5_info.app_name",
    "scene_info.h5_info.app_url",
    "scene_info.h5_info.bundle_id",
];
const PACKAGE_NAME: &str = "scene_info.h5_info.package_name";

/// The fields of `extra` and `metadata`.
pub(crate) fn more(op: &Charge) -> Result<More<'_>, Error> {
    if let Some(key) = op.extra.keys().find(|key| !EXTRA.contains(&key.as_str()) && *key != PACKAGE_NAME) {
        let rule = format!("absent: extra takes {} and {PACKAGE_NAME}", EXTRA.join(", "));
        return Err(Invalid::new(format!("extra.{}", key.chars().take(40).collect::<String>()), rule).into());
    }
    Ok(More {
        attach: attach(op)?,
        goods_tag: extra(op, "goods_tag", 32)?,
        limit_pay: extra(op, "limit_pay", 128)?.map(|list| list.split(',').map(str::trim).collect()),
        support_fapiao: flag(op, "support_fapiao")?,
        settle_info: flag(op, "settle_info.profit_sharing")?.map(|profit_sharing| Settle { profit_sharing }),
        detail: op.extra.get("detail").map(|text| object(text)).transpose()?,
    })
}

/// `attach` comes back in queries and callbacks once it is paid: the application's metadata, as JSON.
fn attach(op: &Charge) -> Result<Option<String>, Error> {
    let own = extra(op, "attach", 128)?.map(str::to_owned);
    if op.metadata.is_empty() {
        return Ok(own);
    }
    if own.is_some() {
        return Err(Invalid::new("metadata", "empty where extra.attach is given: it is sent as attach").into());
    }
    let text = json(&op.metadata)?;
    if text.chars().count() > 128 {
        return Err(Invalid::new("metadata", "at most 128 characters as JSON: WeChat Pay's attach takes no more").into());
    }
    Ok(Some(text))
}

/// Where it is paid, as far as `extra` says.
pub(crate) fn scene(op: &Charge) -> Result<Scene<'_>, Error> {
    let store = Store {
        id: extra(op, "scene_info.store_info.id", 32)?,
        out_id: extra(op, "scene_info.store_info.out_id", 32)?,
        name: extra(op, "scene_info.store_info.name", 256)?,
        area_code: extra(op, "scene_info.store_info.area_code", 32)?,
        address: extra(op, "scene_info.store_info.address", 512)?,
    };
    let ip = op.payer_ip.as_deref();
    if ip.is_some_and(|ip| ip.parse::<std::net::IpAddr>().is_err()) {
        return Err(Invalid::new("payer_ip", "an IPv4 or IPv6 address").into());
    }
    Ok(Scene {
        payer_client_ip: ip,
        device_id: extra(op, "scene_info.device_id", 32)?,
        store_info: (store != Store::default()).then_some(store),
        h5_info: None,
    })
}

/// On which kind of phone a browser runs; `Wap` where nothing is said.
pub(crate) fn h5(op: &Charge) -> Result<H5<'_>, Error> {
    let kind = extra(op, "scene_info.h5_info.type", 32)?.unwrap_or("Wap");
    if !["iOS", "Android", "Wap"].contains(&kind) {
        return Err(Invalid::new("extra.scene_info.h5_info.type", "iOS, Android or Wap").into());
    }
    Ok(H5 {
        kind,
        app_name: extra(op, "scene_info.h5_info.app_name", 64)?,
        app_url: extra(op, "scene_info.h5_info.app_url", 128)?,
        bundle_id: extra(op, "scene_info.h5_info.bundle_id", 128)?,
        package_name: extra(op, PACKAGE_NAME, 128)?,
    })
}

fn extra<'a>(op: &'a Charge, key: &str, most: usize) -> Result<Option<&'a str>, Error> {
    let Some(text) = op.extra.get(key) else { return Ok(None) };
    limited(&format!("extra.{key}"), text, most).map(Some)
}

/// A text within its limit, in characters.
pub(crate) fn limited<'a>(field: &str, text: &'a str, most: usize) -> Result<&'a str, Error> {
    if (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        Ok(text)
    } else {
        Err(Invalid::new(field, format!("1 to {most} characters, none of them a control character")).into())
    }
}

fn flag(op: &Charge, key: &str) -> Result<Option<bool>, Error> {
    op.extra
        .get(key)
        .map(|text| text.parse().map_err(|_| Invalid::new(format!("extra.{key}"), "true or false").into()))
        .transpose()
}

fn object(text: &str) -> Result<&RawValue, Error> {
    serde_json::from_str::<&RawValue>(text)
        .ok()
        .filter(|raw| raw.get().starts_with('{') && text.len() <= 6000)
        .ok_or_else(|| Invalid::new("extra.detail", "a JSON object of at most 6000 bytes").into())
}
