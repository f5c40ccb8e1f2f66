//! The handle on WeChat Pay's face: credentials, payers, certificates, and what it has told.

use std::time::Duration;

use serde_json::{Value, json};

use super::certificates::{MERCHANT, merchant_certificate};
use super::config::WechatPayCredentials;
use super::{WechatPay, objects};
use crate::Sandbox;

/// WeChat Pay's face of a sandbox.
///
/// Payers: whoever scans, calls up or opens an order pays when the test says so ([`payer_pays`](Self::payer_pays)), after
/// [`pays_after`](super::WechatPayConfig::pays_after), or, if the order's description holds `sandbox:pays`, 3 seconds after it was
/// placed; with `sandbox:leaves` in it never by itself. An order paid by code does what the last two digits of the payer's code
/// (18 digits that begin with 10 to 15) say:
///
/// | `auth_code` | what happens |
/// |---|---|
/// | `…11` | `USERPAYING`, paid after [`password_time`](super::WechatPayConfig::password_time) |
/// | `…12` | `USERPAYING`, then `PAYERROR` |
/// | `…13` | `USERPAYING` for good |
/// | `…14` | as `…11`, told by the error `USERPAYING` |
/// | `…21` | `NOTENOUGH` (403), the order is `PAYERROR`; `…22` `AUTHCODEEXPIRE`, `…23` `BANKERROR`, `…24` `TRADE_ERROR` |
/// | any other | paid at once |
///
/// Refunds are `PROCESSING` for [`refund_after`](super::WechatPayConfig::refund_after), then `SUCCESS`; with `sandbox:abnormal` in
/// the reason `ABNORMAL`, with `sandbox:closed` `CLOSED` (the money is the merchant's again); `sandbox:user-abnormal` is refused by
/// `USER_ACCOUNT_ABNORMAL`. The money of a refund leaves the merchant, and stands in the ledger, when the refund is accepted.
///
/// In the ledger the order is the `out_trade_no`, the payment the `transaction_id`, the currency `cny` in fen.
#[derive(Clone, Copy, Debug)]
pub struct WechatPayFace<'a>(&'a Sandbox);

impl<'a> WechatPayFace<'a> {
    pub(crate) fn of(sandbox: &'a Sandbox) -> Self {
        Self(sandbox)
    }

    /// The credentials that a client needs. The first call makes the keys, unless they were given.
    pub fn credentials(&self) -> WechatPayCredentials {
        self.0.core(|core| {
            let (identity, keys) = (core.wechatpay.identity.clone(), core.wechatpay.keys());
            WechatPayCredentials {
                mchid: identity.mchid,
                appid: identity.appid,
                merchant_serial: hex::encode_upper(keys.merchant.serial(MERCHANT)),
                merchant_certificate: merchant_certificate(keys),
                merchant_private_key: keys.merchant.private_pem(),
                api_v3_key: identity.api_v3_key,
                public_key_id: identity.public_key_id,
                public_key: keys.public.public_pem(),
            }
        })
    }

    /// The platform's certificates with their serial numbers: PEM, the oldest first.
    pub fn certificates(&self) -> Vec<(String, String)> {
        let shown =
            |face: &mut WechatPay| face.certificates().iter().map(|one| (one.seal.serial.clone(), one.pem.clone())).collect();
        self.0.core(|core| shown(&mut core.wechatpay))
    }

    /// Lists a new platform certificate, which is used after [`rotation_notice`](super::WechatPayConfig::rotation_notice). Its
    /// serial number.
    pub fn rotate_certificate(&self) -> String {
        self.0.act(0, |core| {
            let notice: Duration = core.world.config.wechatpay.rotation_notice;
            core.wechatpay.rotate(core.world.now + notice)
        })
    }

    /// The payer pays now, by the order's number, its prepay id, or what its QR code says. The new state, or why not.
    pub fn payer_pays(&self, order: &str) -> Result<&'static str, String> {
        self.0.act(0, |core| core.wechatpay.payer_pays(&mut core.world, order))
    }

    /// The payer begins to type the password, and has paid after [`password_time`](super::WechatPayConfig::password_time). Until
    /// then the order shows `NOTPAY`, does not expire, and a close is answered by `FREQUENCY_LIMITED`.
    pub fn payer_begins(&self, order: &str) -> Result<&'static str, String> {
        self.0.act(0, |core| core.wechatpay.payer_begins(&mut core.world, order))
    }

    /// The numbers of all orders, oldest first.
    pub fn orders(&self) -> Vec<String> {
        self.0.core(|core| core.wechatpay.book.orders.iter().map(|order| order.number.clone()).collect())
    }

    /// An order as a query shows it, by what [`payer_pays`](Self::payer_pays) takes; no request, no fault, no trace.
    pub fn order(&self, order: &str) -> Option<Value> {
        self.0.act(0, |core| {
            let at = core.wechatpay.book.in_payers_view(order)?;
            core.wechatpay.order_shown(&core.world, at)
        })
    }

    /// A refund as a query shows it, by its number.
    pub fn refund(&self, number: &str) -> Option<Value> {
        self.0.core(|core| {
            let book = &core.wechatpay.book;
            let refund = book.refunds.iter().rfind(|refund| refund.number == number)?;
            Some(objects::refund(refund, book.orders.get(refund.order)?))
        })
    }

    /// Every notice so far in plain text, oldest first, delivered or not: `{id, event_type, resource}`.
    pub fn notices(&self) -> Vec<Value> {
        let shown = |told: &super::Told| json!({"id": told.id, "event_type": told.kind, "resource": told.resource});
        self.0.core(|core| core.wechatpay.told.iter().map(shown).collect())
    }
}
