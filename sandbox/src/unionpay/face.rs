//! The handle on UnionPay's face: credentials, payers, certificates, and what it has told.

use std::collections::BTreeMap;

use super::config::{UnionPayCredentials, credentials};
use super::{objects, query};
use crate::Sandbox;

/// UnionPay's face of a sandbox: `frontTransReq.do`, `appTransReq.do`, `backTransReq.do` and `queryTrans.do` under `/gateway/api/`.
///
/// Payers: whoever opens the page of a posted form, gets a `tn` or scans a `qrCode` pays when the test says so
/// ([`payer_pays`](Self::payer_pays)), after [`pays_after`](super::UnionPayConfig::pays_after), or by a word in `riskRateInfo`,
/// `orderDesc`, `reserved` or `reqReserved` (as it is, or in base64):
///
/// | word | what happens |
/// |---|---|
/// | `sandbox:pays` | paid after `pays_after`, or 3 s |
/// | `sandbox:retries` | a try fails after 3 s (`64`), another pays after 6 s |
/// | `sandbox:late` | goes to the bank after 3 s (`05`); the bank takes the money 3 s after `payTimeout` (`42`) |
/// | `sandbox:leaves` | never pays by itself |
///
/// Until somebody tries, a query answers `34`; a failed try shows its code, and the order stays open until `payTimeout`. Money
/// that comes later is not told, shows `42`, and goes back after [`late_refund_after`](super::UnionPayConfig::late_refund_after).
///
/// A scanned code (`qrNo`, 16 to 20 digits) does what its last two digits say:
///
/// | `qrNo` | answer | what happens |
/// |---|---|---|
/// | `…11` | `00` | `05`, paid after [`bank_time`](super::UnionPayConfig::bank_time) |
/// | `…12` | `00` | `05`, then `65` |
/// | `…13` | `00` | `05` for good |
/// | `…14` | `05` | as `…11` |
/// | `…16` | `00` | paid at once, as `A6` |
/// | `…21` | `64` | failed; `…22` `61`, `…23` `63`, `…24` `60` |
/// | `…31` | `03` | paid at once; `…32` `04` |
/// | `…33` | `03` | never arrived: a query answers `34`; `…34` `04` |
/// | any other | `00` | paid at once |
///
/// Refunds and revocations are accepted by `00`, and done after [`refund_after`](super::UnionPayConfig::refund_after): only then
/// the money moves, and the ledger says so. By a word in the same fields, `sandbox:fails` lets one fail at its end (`01`),
/// `sandbox:refused` at once (`60`), `sandbox:unclear` answers `04` though it is accepted, `sandbox:lost` answers `03` and never
/// arrives. What a rule of business forbids (`35`, `36`, `45`) is remembered as a failed trade; what is formed badly is not.
///
/// Faults: `TooMany` and `TooManyAfter` are a signed `37`, not executed; `Unavailable` is a bare 503; `SignProbe` is as
/// `BadSignature`; `Accepted` lets nothing go wrong. A page of the browser is not signed, and no signature of it can be broken.
///
/// In the ledger the order is the `orderId` of the consumption, the payment its `queryId`, the currency `cny` in fen.
#[derive(Clone, Copy, Debug)]
pub struct UnionPayFace<'a>(&'a Sandbox);

impl<'a> UnionPayFace<'a> {
    pub(crate) fn of(sandbox: &'a Sandbox) -> Self {
        Self(sandbox)
    }

    /// The credentials that a client needs. The first call makes the chain of certificates.
    pub fn credentials(&self) -> UnionPayCredentials {
        self.0.core(|core| credentials(&core.unionpay.config))
    }

    /// Answers and notices are signed with a new certificate from now on. It has the same name and issuer.
    pub fn renew_certificate(&self) {
        self.0.core(|core| core.unionpay.place = core.unionpay.place.saturating_add(1));
    }

    /// The payer pays now, by the consumption's `orderId`, its `tn`, its `qrCode` or its `queryId`. The code that a query shows
    /// from now on (`42` if the payer was at the bank and `payTimeout` has passed), or why not.
    pub fn payer_pays(&self, order: &str) -> Result<&'static str, String> {
        self.0.act(0, |core| core.unionpay.payer_pays(&mut core.world, order))
    }

    /// The payer goes over to the bank, and has paid after [`bank_time`](super::UnionPayConfig::bank_time), be that before
    /// `payTimeout` or after it.
    pub fn payer_begins(&self, order: &str) -> Result<(), String> {
        self.0.act(0, |core| core.unionpay.payer_begins(&mut core.world, order))
    }

    /// A try of the payer's fails for want of money (`64`).
    pub fn payer_fails(&self, order: &str) -> Result<(), String> {
        self.0.act(0, |core| core.unionpay.payer_fails(&mut core.world, order))
    }

    /// Lets every refund and revocation that is accepted from now on fail at its end, or not any more.
    pub fn refunds_fail(&self, fail: bool) {
        self.0.core(|core| core.unionpay.back_fails = fail);
    }

    /// What the payer's browser carries back to the merchant, signed: `frontUrl` and the fields. None before anything is to tell.
    pub fn returned(&self, order: &str) -> Option<(String, BTreeMap<String, String>)> {
        self.0.core(|core| core.unionpay.returned(order))
    }

    /// `(orderId, txnTime, txnType)` of all trades, oldest first.
    pub fn trades(&self) -> Vec<(String, String, String)> {
        self.0.core(|core| {
            let shown = |trade: &super::Trade| ["orderId", "txnTime", "txnType"].map(|name| trade.says(name).to_owned()).into();
            core.unionpay.book.trades.iter().map(shown).collect()
        })
    }

    /// The last trade of an `orderId` as a query shows it; None while a query would not find it. No request, no fault, no trace.
    pub fn trade(&self, order: &str) -> Option<BTreeMap<String, String>> {
        self.0.core(|core| {
            let face = &core.unionpay;
            let trade = face.book.trades.iter().rfind(|trade| trade.order_id() == order)?;
            query::code(trade.state)?;
            Some(objects::found(&BTreeMap::new(), trade, face.orig(trade)))
        })
    }

    /// What a payer's device was given for an order: its `tn` or its `qrCode`.
    pub fn handed(&self, order: &str) -> Option<String> {
        self.0.core(|core| {
            let found = core.unionpay.book.trades.iter().rfind(|trade| trade.order_id() == order);
            found.map(|trade| trade.handed.clone()).filter(|handed| !handed.is_empty())
        })
    }

    /// Every notice so far with its id, oldest first, delivered or not; without certificate and signature.
    pub fn notices(&self) -> Vec<(String, BTreeMap<String, String>)> {
        self.0.core(|core| core.unionpay.told.iter().map(|told| (told.id.clone(), told.fields().clone())).collect())
    }
}
