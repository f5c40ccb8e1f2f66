//! Stripe for Paysluice: PaymentIntents, refunds and webhooks, as pure functions of their arguments.
//!
//! How each operation is said and how its doubt is resolved stands in `docs/channels/stripe.md`. The protocol is that of
//! API v1 at [`API_VERSION`]; money is moved only by `confirm`, `capture`, `cancel` and `refunds`, each under its own key.

mod action;
mod answer;
mod callback;
mod cancel;
mod capture;
mod charge;
mod codes;
mod config;
mod confirm;
mod declines;
mod encode;
mod fields;
mod objects;
mod profile;
mod query;
mod recovery;
mod refund;
mod seen;
mod sign;

use std::fmt;
use std::time::SystemTime;

use paysluice::adapter::{
    Access, Adapter, Callbacks, Cancel, Capture, Charge, Codec, Confirm, Finding, Granted, Probe, Profile, Query, QueryRefund,
    Refund, Reverse,
};
use paysluice::model::{AccountRef, Invalid, Secret};
use paysluice::signing::HmacKey;

pub use config::{API_VERSION, StripeConfig};
pub use encode::{Value, encode};

/// Stripe's protocol for one account, its credentials parsed once.
#[derive(Clone)]
pub struct Stripe {
    account: AccountRef,
    profile: Profile,
    /// The same, without least amounts: a refund or a capture may be smaller than a charge.
    parts: Profile,
    base_url: String,
    loopback: bool,
    api_version: String,
    bearer: Secret,
    webhook_keys: Vec<HmacKey>,
    tolerance_s: u64,
}

impl Stripe {
    /// Checks the configuration and parses its secrets. The error names the field and the rule, never a secret.
    pub fn new(config: StripeConfig) -> Result<Self, Invalid> {
        config.check()?;
        let mut bearer = b"Bearer ".to_vec();
        bearer.extend_from_slice(config.secret_key.expose());
        Ok(Self {
            profile: profile::payments(),
            parts: profile::parts(),
            base_url: config.base_url.trim_end_matches('/').to_owned(),
            loopback: config.allow_http_loopback,
            api_version: config.api_version,
            bearer: Secret::new(bearer),
            webhook_keys: config.webhook_secrets.iter().map(HmacKey::new).collect(),
            tolerance_s: config.webhook_tolerance.as_secs(),
            account: config.account,
        })
    }
}

impl fmt::Debug for Stripe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, base_url, api_version, webhook_keys, .. } = self;
        write!(f, "Stripe({account} at {base_url}, {api_version}, {} webhook secrets)", webhook_keys.len())
    }
}

impl Adapter for Stripe {
    fn account(&self) -> &AccountRef {
        &self.account
    }

    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn charge(&self) -> &dyn Codec<Charge> {
        self
    }

    fn confirm(&self) -> Option<&dyn Codec<Confirm>> {
        Some(self)
    }

    fn capture(&self) -> Option<&dyn Codec<Capture>> {
        Some(self)
    }

    fn cancel(&self) -> Option<&dyn Codec<Cancel>> {
        Some(self)
    }

    fn reverse(&self) -> Option<&dyn Codec<Reverse>> {
        None
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
        None
    }

    fn probe(&self) -> Option<&dyn Probe> {
        Some(self)
    }

    fn callbacks(&self) -> &dyn Callbacks {
        self
    }

    fn inspect(&self, _: &Granted, _: SystemTime) -> Vec<Finding> {
        let count = self.webhook_keys.len();
        vec![
            match count {
                0 => Finding::warning(
                    "webhook_secrets",
                    "none: no webhook can be verified, and every payment waits for a query",
                    "add the endpoint's signing secret (whsec_…) from the Dashboard, Developers, Webhooks",
                ),
                1 => Finding::good("webhook_secrets", "one secret"),
                _ => Finding::warning(
                    "webhook_secrets",
                    format!("{count} secrets: right while one is rolled, and otherwise one too many is trusted"),
                    "take out the old secret 24 h after it was rolled, when Stripe signs with the new one alone",
                ),
            },
            if self.api_version == API_VERSION {
                Finding::good("api_version", API_VERSION)
            } else {
                Finding::warning(
                    "api_version",
                    format!("{}, and this adapter was written against {API_VERSION}", self.api_version),
                    "leave api_version out",
                )
            },
        ]
    }
}
