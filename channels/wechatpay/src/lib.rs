//! WeChat Pay (API v3) for Paysluice: orders, refunds and callbacks, as pure functions of their arguments.
//!
//! How each operation is said and how its doubt is resolved stands in `docs/channels/wechatpay.md`. The protocol is that of
//! `https://api.mch.weixin.qq.com/v3/`, of a direct merchant or of a partner for one of its sub-merchants.

mod access;
mod action;
mod answer;
mod callback;
mod cancel;
mod charge;
mod codes;
mod config;
mod fields;
mod inspect;
mod objects;
mod order;
mod profile;
mod query;
mod recovery;
mod refund;
mod reverse;
mod seen;
mod sign;
mod time;
mod verify;

use std::fmt;
use std::time::SystemTime;

use paysluice::adapter::{
    Access, Adapter, Callbacks, Cancel, Capture, Charge, Codec, Confirm, Finding, Granted, Probe, Profile, Query, QueryRefund,
    Refund, Reverse,
};
use paysluice::model::{AccountRef, Secret};
use paysluice::signing::{AesGcmKey, Certificate, RsaPrivateKey};

pub use config::{WeChatPayConfig, WeChatPayKey};

use verify::PublicKey;

/// WeChat Pay's protocol for one merchant, its credentials parsed once.
pub struct WeChatPay {
    account: AccountRef,
    profile: Profile,
    base_url: String,
    loopback: bool,
    appid: String,
    sub_appid: Option<String>,
    notify_url: Option<String>,
    refund_notify_url: Option<String>,
    store_out_id: Option<String>,
    /// None in an adapter that only reads callbacks.
    merchant_key: Option<RsaPrivateKey>,
    merchant_serial: String,
    merchant_certificate: Option<Certificate>,
    /// Kept beside what was made of it, so that it is never repeated in a text.
    api_v3_secret: Secret,
    api_v3_key: AesGcmKey,
    public_key: Option<PublicKey>,
    pinned: Vec<Certificate>,
}

impl fmt::Debug for WeChatPay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, base_url, public_key, pinned, .. } = self;
        let key = public_key.as_ref().map_or("no public key", |key| &key.id);
        write!(f, "WeChatPay({account} at {base_url}, {key}, {} pinned certificates)", pinned.len())
    }
}

impl Adapter for WeChatPay {
    fn account(&self) -> &AccountRef {
        &self.account
    }

    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn charge(&self) -> &dyn Codec<Charge> {
        self
    }

    /// Nothing is confirmed: what the payer does, WeChat Pay carries out.
    fn confirm(&self) -> Option<&dyn Codec<Confirm>> {
        None
    }

    fn capture(&self) -> Option<&dyn Codec<Capture>> {
        None
    }

    fn cancel(&self) -> Option<&dyn Codec<Cancel>> {
        Some(self)
    }

    fn reverse(&self) -> Option<&dyn Codec<Reverse>> {
        Some(self)
    }

    fn refund(&self) -> Option<&dyn Codec<Refund>> {
        Some(self)
    }

    fn query(&self) -> Option<&dyn Codec<Query>> {
        Some(self)
    }

    fn query_refund(&self) -> Option<&dyn Codec<QueryRefund>> {
        Some(self)
    }

    fn access(&self) -> Option<&dyn Access> {
        Some(self)
    }

    fn probe(&self) -> Option<&dyn Probe> {
        Some(self)
    }

    fn callbacks(&self) -> &dyn Callbacks {
        self
    }

    fn inspect(&self, granted: &Granted, now: SystemTime) -> Vec<Finding> {
        self.findings(granted, now)
    }
}
