//! The handle on Alipay's face: credentials, payers, certificates, and what it has told.

use std::collections::BTreeMap;

use serde_json::Value;

use super::config::AlipayCredentials;
use super::{amounts, notices, objects, times};
use crate::Sandbox;

/// Alipay's face of a sandbox, at `/gateway.do`.
///
/// Payers: an order by page, app or QR code is no trade (`ACQ.TRADE_NOT_EXIST`) until its payer opens it
/// ([`payer_opens`](Self::payer_opens)); he pays when the test says so ([`payer_pays`](Self::payer_pays)), or, where the bank was
/// asked for something (a page was fetched, a QR code or a trade was made), after [`pays_after`](super::AlipayConfig::pays_after),
/// or 3 seconds later if the subject holds `sandbox:pays`; with `sandbox:leaves` in it never by itself. A trade that is paid by the
/// payer's code does what the last two characters of the code (16 to 24 digits that begin with 25 to 30) say:
///
/// | `auth_code` | what happens |
/// |---|---|
/// | `…11` | `10003`, paid after [`password_time`](super::AlipayConfig::password_time) |
/// | `…12` | `10003`, then `TRADE_CLOSED` |
/// | `…13` | `10003` until the trade expires |
/// | `…14` | `20000` `isp.unknow-error`, paid; `…15` `ACQ.SYSTEM_ERROR`, paid |
/// | `…16` | `20000` `aop.unknow-error`, unsigned, nothing done |
/// | `…17` | `20000` `isp.unknow-error`, paid after the password |
/// | `…21` | `ACQ.BUYER_BALANCE_NOT_ENOUGH`; `…24` `ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE`, `…25` `ACQ.PAYMENT_FAIL`, `…26` `ACQ.PULL_MOBILE_CASHIER_FAIL`: the trade is `WAIT_BUYER_PAY` and takes another code of the same payer |
/// | `…22` | `ACQ.PAYMENT_AUTH_CODE_INVALID`; `…23` `ACQ.PAYMENT_REQUEST_HAS_RISK`: there is no trade |
/// | any other | paid at once |
///
/// The payer is all of a code but those two characters. Refunds are done at once; with `sandbox:later` in the reason the answer has
/// `fund_change` `N`, and it is done after [`refund_after`](super::AlipayConfig::refund_after); with `sandbox:lost` it never is. A
/// trade with `sandbox:cancel-retry` in its subject answers its first cancel by `retry_flag` `Y`, not done.
///
/// Faults: what is executed in doubt ([`ErrorBefore`](crate::Fault::ErrorBefore), [`ErrorAfter`](crate::Fault::ErrorAfter)) says so
/// by one of Alipay's three words, drawn by chance; [`Unavailable`](crate::Fault::Unavailable) is HTTP 503; 429 is `40005`. A fault is
/// scoped by the path `/gateway.do/METHOD`.
///
/// In the ledger the order is the `out_trade_no`, the payment the `trade_no`, the currency `cny` in fen.
#[derive(Clone, Copy, Debug)]
pub struct AlipayFace<'a>(&'a Sandbox);

impl<'a> AlipayFace<'a> {
    pub(crate) fn of(sandbox: &'a Sandbox) -> Self {
        Self(sandbox)
    }

    /// The credentials that a client needs, for both modes. The first call makes the keys, unless they were given.
    pub fn credentials(&self) -> AlipayCredentials {
        self.0.core(|core| {
            let face = &mut core.alipay;
            let (identity, keys) = (face.identity.clone(), face.keys().clone());
            let chain = face.chain();
            let current = chain.current().cloned();
            AlipayCredentials {
                app_id: identity.app_id,
                seller_id: identity.seller_id,
                app_private_key: keys.application.private_pem(),
                alipay_public_key: keys.public.public_pem(),
                app_certificate: chain.application.pem.clone(),
                app_cert_sn: chain.application.sn.clone(),
                alipay_certificate: current.as_ref().map(|one| one.pem.clone()).unwrap_or_default(),
                alipay_cert_sn: current.map(|one| one.sn).unwrap_or_default(),
                alipay_root_certificates: chain.roots.clone(),
                alipay_root_cert_sn: chain.root_sn.clone(),
                app_auth_token: identity.app_auth_token,
                authorized_seller_id: super::config::Identity::authorized().id,
            }
        })
    }

    /// Alipay's certificates with their serial names: PEM with the one that vouches for it, the oldest first.
    pub fn certificates(&self) -> Vec<(String, String)> {
        let shown = |one: &super::certificates::Certificate| (one.sn.clone(), one.pem.clone());
        self.0.core(|core| core.alipay.chain().alipay.iter().map(shown).collect())
    }

    /// A new certificate of Alipay's signs from now on, without notice, as in truth. Its serial name.
    pub fn rotate_certificate(&self) -> String {
        self.0.core(|core| {
            let keys = core.alipay.keys().clone();
            core.alipay.chain().rotate(&keys)
        })
    }

    /// As [`rotate_certificate`](Self::rotate_certificate), but no root vouches for the new one: who believes it believes anybody.
    pub fn rotate_to_forged_certificate(&self) -> String {
        self.0.core(|core| {
            let keys = core.alipay.keys().clone();
            core.alipay.chain().rotate_to_forged(&keys)
        })
    }

    /// The payer opens an order: logs in on its page, or scans its QR code. From now on the trade is there. Takes the page's
    /// address, the order string of an app, what a QR code says, or the number of what the bank was asked for. Answers the
    /// `trade_status`, or why not: a refusal's node, or a sentence.
    pub fn payer_opens(&self, order: &str) -> Result<&'static str, String> {
        self.0.act(0, |core| core.alipay.payer_opens(&mut core.world, order))
    }

    /// The payer pays now, and opens the order before if he has not yet. Takes and answers what [`payer_opens`](Self::payer_opens) does.
    pub fn payer_pays(&self, order: &str) -> Result<&'static str, String> {
        self.0.act(0, |core| core.alipay.payer_pays(&mut core.world, order))
    }

    /// The payer begins to type the password, and has paid after [`password_time`](super::AlipayConfig::password_time), unless the
    /// trade is closed before.
    pub fn payer_begins(&self, order: &str) -> Result<&'static str, String> {
        self.0.act(0, |core| core.alipay.payer_begins(&mut core.world, order))
    }

    /// Where the payer's browser is sent after the payment, rightly signed: the `return_url` with its parameters. None without one.
    pub fn payer_returns(&self, order: &str) -> Option<String> {
        self.0.act(0, |core| {
            let trade = core.alipay.book.in_payers_view(order).and_then(|at| core.alipay.book.trades.get(at)).cloned()?;
            let url = trade.order.return_url.clone()?;
            let method = format!(
                "{}.return",
                if trade.order.product == super::book::Product::Wap { "alipay.trade.wap.pay" } else { "alipay.trade.page.pay" }
            );
            let fields: BTreeMap<String, String> = [
                ("app_id", core.alipay.identity.app_id.clone()),
                ("auth_app_id", trade.order.seller.app_id.clone()),
                ("charset", "utf-8".to_owned()),
                ("method", method),
                ("out_trade_no", trade.order.number.clone()),
                ("seller_id", trade.order.seller.id.clone()),
                ("sign_type", "RSA2".to_owned()),
                ("timestamp", times::beijing(core.world.unix())),
                ("total_amount", amounts::yuan(trade.order.total)),
                ("trade_no", trade.trade_no.clone()),
                ("version", "1.0".to_owned()),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .into();
            let seal = core.alipay.seal(trade.order.certified);
            let sign = if url.contains('?') { '&' } else { '?' };
            Some(format!("{url}{sign}{}", notices::signed_form(fields, &seal, None)))
        })
    }

    /// A paid trade is finished now, and told so: nothing is refunded any more. False if it is not paid.
    pub fn finish(&self, order: &str) -> bool {
        self.0.act(0, |core| core.alipay.finish(&mut core.world, order))
    }

    /// The numbers of all trades, oldest first.
    pub fn trades(&self) -> Vec<String> {
        self.0.core(|core| core.alipay.book.trades.iter().map(|trade| trade.order.number.clone()).collect())
    }

    /// A trade as a query shows it, by its number or `trade_no`; no request, no fault, no trace.
    pub fn trade(&self, order: &str) -> Option<Value> {
        self.0.act(0, |core| {
            let trade = core.alipay.book.in_payers_view(order).and_then(|at| core.alipay.book.trades.get(at))?;
            Some(objects::trade(trade, trade.state_at(core.world.unix(), core.world.config.alipay.finishes_after)))
        })
    }

    /// A refund as a query shows it, by its trade's number and its own.
    pub fn refund(&self, order: &str, number: &str) -> Option<Value> {
        self.0.core(|core| {
            let book = &core.alipay.book;
            let at = book.in_payers_view(order)?;
            Some(objects::refund(book.refunds.get(book.refund_of(at, number)?)?, book.trades.get(at)?, true))
        })
    }

    /// Every notice so far, oldest first, delivered or not: its fields, without the time and signature of a delivery.
    pub fn notices(&self) -> Vec<Value> {
        self.0.core(|core| core.alipay.told.iter().map(notices::Told::fields).collect())
    }
}
