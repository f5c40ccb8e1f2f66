//! Alipay (OpenAPI gateway of mainland China) for Paysluice: orders, refunds and notices, as pure functions of their arguments.
//!
//! How each operation is said and how its doubt is resolved stands in `docs/channels/alipay.md`. The protocol is that of
//! `https://openapi.alipay.com/gateway.do` (version 1.0, RSA2), with keys or with certificates, for an app of the merchant's own
//! or for a merchant that has authorized the app.

mod access;
mod answer;
mod callback;
mod cancel;
mod charge;
mod codes;
mod config;
mod envelope;
mod fields;
mod inspect;
mod notice;
mod objects;
mod order;
mod present;
mod profile;
mod query;
mod recovery;
mod refund;
mod reverse;
mod seen;
mod sign;
mod time;
mod trust;
mod verify;

use std::fmt;
use std::time::SystemTime;

use paysluice::adapter::{
    Access, Adapter, Callbacks, Cancel, Capture, Charge, Codec, Confirm, Finding, Granted, Probe, Profile, Query, QueryRefund,
    Refund, Reverse,
};
use paysluice::model::{AccountRef, Secret};
use paysluice::signing::{Certificate, RsaPrivateKey};

pub use config::AlipayConfig;

use trust::Trust;

/// Alipay's protocol for one app, its credentials parsed once.
pub struct Alipay {
    account: AccountRef,
    profile: Profile,
    base_url: String,
    loopback: bool,
    seller_id: Option<String>,
    notify_url: Option<String>,
    app_auth_token: Option<Secret>,
    /// None in an adapter that only reads notices.
    app_key: Option<RsaPrivateKey>,
    /// In the mode of certificates: what each request names.
    app_certificate: Option<Certificate>,
    app_cert_sn: Option<String>,
    trust: Trust,
}

impl fmt::Debug for Alipay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, base_url, trust, .. } = self;
        write!(f, "Alipay({account} at {base_url}, {trust:?})")
    }
}

impl Adapter for Alipay {
    fn account(&self) -> &AccountRef {
        &self.account
    }

    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn charge(&self) -> &dyn Codec<Charge> {
        self
    }

    /// Nothing is confirmed: what the payer does, Alipay carries out.
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
