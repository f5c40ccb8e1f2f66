//! What is fixed about WeChat Pay: numbers, windows, and the one currency.

use std::time::Duration;

use paysluice::adapter::{CurrencyRule, NumberFormat, Profile, UnsignedErrors, Want};
use paysluice::model::Currency;

/// `out_trade_no`: 6 to 32 characters. Pages differ on `|` and `*`; these two are in all of them.
const ORDER: NumberFormat = NumberFormat { min: 6, max: 32, extra: b"_-" };

/// `out_refund_no`: up to 64 characters.
const PART: NumberFormat = NumberFormat { min: 1, max: 64, extra: b"_-" };

/// The facts. `keyed`: there is a key of the provider's at hand from the start.
pub(crate) fn payments(keyed: bool) -> Profile {
    Profile {
        provider: "wechatpay",
        order_number: ORDER,
        part_number: PART,
        currency: rule,
        payment_ref: "transaction",
        // PAYERROR is final; an order for a link or a QR code is never declined.
        declined_stays_payable: false,
        // Without a key no answer could be believed, so the certificates are fetched before anything is sent.
        access: if keyed { &[] } else { &[Want::Keys] },
        // The front closes idle connections after 8 s.
        keep_alive: Duration::from_secs(8),
        // Error answers carry no signature in all official SDKs; the connection vouches for them.
        unsigned_errors: UnsignedErrors::Trust,
        reply_cap: 1 << 20,
        callback_cap: 256 << 10,
    }
}

/// Amounts are "integers in fen". No page names a largest one; below a billion yuan WeChat Pay decides.
fn rule(currency: Currency) -> Option<CurrencyRule> {
    (currency == Currency::CNY).then_some(CurrencyRule { exponent: 2, step: 1, min: 1, max: 99_999_999_999 })
}
