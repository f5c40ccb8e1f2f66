//! UnionPay (ACP gateway 5.1.0, 全渠道) for Paysluice: payments, revokes, refunds and notices, as pure functions of their arguments.
//!
//! How each operation is said and how its doubt is resolved stands in `docs/channels/unionpay.md`. The protocol is that of
//! `https://gateway.95516.com`, of a merchant who is connected directly, signed with RSA certificates (`signMethod` 01).

mod action;
mod answer;
mod callback;
mod charge;
mod codes;
mod config;
mod fields;
mod inspect;
mod message;
mod order;
mod profile;
mod query;
mod recovery;
mod refund;
mod reverse;
mod seen;
mod sign;
mod signer;
mod time;

use std::fmt;
use std::time::SystemTime;

use paysluice::adapter::{
    Access, Adapter, Callbacks, Cancel, Capture, Charge, Codec, Confirm, Finding, Granted, Probe, Profile, Query, QueryRefund,
    Refund, Reverse,
};
use paysluice::model::AccountRef;
use paysluice::signing::{Certificate, RsaPrivateKey};

pub use config::UnionPayConfig;

use signer::Signers;

/// UnionPay's protocol for one merchant, its credentials parsed once.
pub struct UnionPay {
    account: AccountRef,
    profile: Profile,
    base_url: String,
    loopback: bool,
    test_environment: bool,
    notify_url: Option<String>,
    return_url: Option<String>,
    revoke: bool,
    /// None in an adapter that only reads notices.
    merchant: Option<Merchant>,
    signers: Signers,
}

/// What the merchant signs with.
struct Merchant {
    key: RsaPrivateKey,
    certificate: Certificate,
    /// `certId`: the certificate's serial number in decimal.
    cert_id: String,
}

impl fmt::Debug for UnionPay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, base_url, merchant, test_environment, .. } = self;
        let cert_id = merchant.as_ref().map_or("no key", |merchant| &merchant.cert_id);
        let test = if *test_environment { ", test environment" } else { "" };
        write!(f, "UnionPay({account} at {base_url}, certId {cert_id}{test})")
    }
}

impl Adapter for UnionPay {
    fn account(&self) -> &AccountRef {
        &self.account
    }

    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn charge(&self) -> &dyn Codec<Charge> {
        self
    }

    /// Nothing is confirmed: what the payer does, UnionPay carries out.
    fn confirm(&self) -> Option<&dyn Codec<Confirm>> {
        None
    }

    /// Pre-authorizations are a product of their own, not spoken here.
    fn capture(&self) -> Option<&dyn Codec<Capture>> {
        None
    }

    /// There is no call that closes an order: it ends by its `payTimeout`, which is always set, and until then may be paid.
    fn cancel(&self) -> Option<&dyn Codec<Cancel>> {
        None
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

    /// Nothing is fetched: the signer's certificate comes within each message.
    fn access(&self) -> Option<&dyn Access> {
        None
    }

    fn probe(&self) -> Option<&dyn Probe> {
        Some(self)
    }

    fn callbacks(&self) -> &dyn Callbacks {
        self
    }

    fn inspect(&self, _: &Granted, now: SystemTime) -> Vec<Finding> {
        self.findings(now)
    }
}
