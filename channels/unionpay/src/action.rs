//! What the payer must do with a new order: start UnionPay's app with its tn, or scan its QR code.

use std::collections::BTreeMap;

use bytes::Bytes;
use paysluice::adapter::{Draft, Refs, Seen};
use paysluice::model::{Action, Error, NextAction, Status};

use crate::UnionPay;
use crate::answer::unread;
use crate::fields::Fields;
use crate::order::BIZ_TYPE;
use crate::seen::check_money;

impl UnionPay {
    /// A new order waits for its payer until its `payTimeout`.
    pub(crate) fn made(&self, draft: &Draft, fields: &Fields<'_>, raw: Bytes) -> Result<Seen, Error> {
        check_money(draft, fields)?;
        let what = if draft.carry.get("product") == Some("app") {
            let is_tn = |tn: &&str| (1..=64).contains(&tn.len()) && tn.bytes().all(|byte| byte.is_ascii_alphanumeric());
            let tn = fields.text("tn").filter(is_tn).ok_or_else(|| unread("tn"))?;
            // The SDK's own argument: "00 production, 01 test".
            let mode = if self.test_environment { "01" } else { "00" };
            NextAction::Invoke(BTreeMap::from([("tn".to_owned(), tn.to_owned()), ("mode".to_owned(), mode.to_owned())]))
        } else {
            let is_url = |url: &&str| url.len() <= 512 && url.contains("://") && url.bytes().all(|b| b.is_ascii_graphic());
            NextAction::Qr(fields.text("qrCode").filter(is_url).ok_or_else(|| unread("qrCode"))?.to_owned())
        };
        let action = Action::new(what);
        let action = draft.closes_at.map_or_else(|| action.clone(), |at| action.clone().until(at));
        let refs = draft.carry.get(BIZ_TYPE).map_or_else(Refs::new, |biz_type| Refs::new().with(BIZ_TYPE, biz_type));
        Ok(Seen { action: Some(action), refs, raw, ..Seen::status(Status::AwaitingPayer) })
    }
}
