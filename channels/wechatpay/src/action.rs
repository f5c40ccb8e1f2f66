//! What the payer must do with a new order: scan, go to a page, or be started in an app with signed parameters.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use paysluice::adapter::{Draft, Failure, Reply, Seen, Stamp};
use paysluice::model::{Action, Error, NextAction, Status};

use crate::answer::unintelligible;
use crate::objects::Made;
use crate::seen::{given, is_id};
use crate::sign::nonce;
use crate::{WeChatPay, time};

/// How long an `h5_url` can be opened (gopay `model_pay.go`).
const H5_LIFE: Duration = Duration::from_secs(300);

/// How long a `prepay_id` or `code_url` can be used.
const PREPAY_LIFE: Duration = Duration::from_secs(2 * 3600);

impl WeChatPay {
    /// A new order waits for its payer. Its answer names nothing of ours; that it was proved is all there is.
    pub(crate) fn made(&self, draft: &Draft, body: &Bytes, reply: &Reply, received: &Stamp) -> Result<Seen, Failure> {
        let made: Made<'_> =
            serde_json::from_slice(body).map_err(|error| unintelligible(reply, &self.shown(&error.to_string())))?;
        let lacks = |field: &str| unintelligible(reply, &format!("it has no {field} that can be used"));
        let (what, life) = match draft.carry.get("product") {
            Some("qr") => {
                let url = given(made.code_url.as_ref()).filter(|url| url.len() <= 512 && url.contains("://"));
                (NextAction::Qr(url.ok_or_else(|| lacks("code_url"))?.to_owned()), PREPAY_LIFE)
            }
            Some("wap") => {
                let url = given(made.h5_url.as_ref()).filter(|url| self.is_web(url));
                (NextAction::Redirect(url.ok_or_else(|| lacks("h5_url"))?.to_owned()), H5_LIFE)
            }
            _ => {
                let id = given(made.prepay_id.as_ref()).filter(|id| is_id(id)).ok_or_else(|| lacks("prepay_id"))?;
                let fields = if draft.carry.get("product") == Some("app") {
                    self.app_parameters(id, received)?
                } else {
                    self.bridge_parameters(id, received)?
                };
                (NextAction::Invoke(fields), PREPAY_LIFE)
            }
        };
        let ends = received.now.checked_add(life).map(|stale| draft.closes_at.map_or(stale, |closes| stale.min(closes)));
        let action = Action::new(what);
        let action = ends.map_or_else(|| action.clone(), |at: SystemTime| action.clone().until(at));
        Ok(Seen { action: Some(action), raw: body.clone(), ..Seen::status(Status::AwaitingPayer) })
    }

    /// For `WeixinJSBridge` and mini programs: signed is `prepay_id=…`.
    fn bridge_parameters(&self, prepay_id: &str, stamp: &Stamp) -> Result<BTreeMap<String, String>, Error> {
        let (app, timestamp, nonce) = (self.payers_app(), time::seconds(stamp.now).to_string(), nonce(stamp));
        let package = format!("prepay_id={prepay_id}");
        let signature = self.signature(&[app, &timestamp, &nonce, &package])?;
        Ok(named([
            ("appId", app),
            ("timeStamp", &timestamp),
            ("nonceStr", &nonce),
            ("package", &package),
            ("signType", "RSA"),
            ("paySign", &signature),
        ]))
    }

    /// For WeChat's app SDK: signed is the bare `prepay_id`.
    fn app_parameters(&self, prepay_id: &str, stamp: &Stamp) -> Result<BTreeMap<String, String>, Error> {
        let (app, timestamp, nonce) = (self.payers_app(), time::seconds(stamp.now).to_string(), nonce(stamp));
        let sign = self.signature(&[app, &timestamp, &nonce, prepay_id])?;
        Ok(named([
            ("appid", app),
            ("partnerid", self.account.merchant()),
            ("prepayid", prepay_id),
            ("package", "Sign=WXPay"),
            ("noncestr", &nonce),
            ("timestamp", &timestamp),
            ("sign", &sign),
        ]))
    }

    fn is_web(&self, url: &str) -> bool {
        url.starts_with("https://") || (self.loopback && url.starts_with("http://"))
    }
}

fn named<const N: usize>(fields: [(&str, &str); N]) -> BTreeMap<String, String> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
