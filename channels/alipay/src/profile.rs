//! What is fixed about Alipay: numbers, windows, and the one currency.

use std::time::Duration;

use paysluice::adapter::{CurrencyRule, NumberFormat, Profile, UnsignedErrors};
use paysluice::model::Currency;

/// `out_trade_no`: "at most 64 characters, letters, digits and underscores".
const ORDER: NumberFormat = NumberFormat { min: 1, max: 64, extra: b"_" };

/// `out_request_no`: at most 64 characters.
const PART: NumberFormat = NumberFormat { min: 1, max: 64, extra: b"_-" };

/// The facts.
pub(crate) fn payments() -> Profile {
    Profile {
        provider: "alipay",
        order_number: ORDER,
        part_number: PART,
        currency: rule,
        payment_ref: "trade",
        // A barcode that was refused asks for a new one; pages and QR codes are never declined.
        declined_stays_payable: false,
        // Keys and certificates are configured; a certificate that took their place is fetched when it is met.
        access: &[],
        // Not published; short enough for any front that closes idle connections.
        keep_alive: Duration::from_secs(15),
        // The gateway's own refusals may lack a signature; the connection vouches for them.
        unsigned_errors: UnsignedErrors::Trust,
        reply_cap: 1 << 20,
        callback_cap: 256 << 10,
    }
}

/// "In yuan, two decimals, 0.01 to 100000000."
fn rule(currency: Currency) -> Option<CurrencyRule> {
    (currency == Currency::CNY).then_some(CurrencyRule { exponent: 2, step: 1, min: 1, max: 10_000_000_000 })
}
