//! What is fixed about UnionPay: numbers, windows, and the one currency.

use std::time::Duration;

use paysluice::adapter::{CurrencyRule, NumberFormat, Profile, UnsignedErrors};
use paysluice::model::Currency;

/// `orderId`: "AN8..40, digits and letters, without `-` and `_`". Of payments, revokes and refunds alike.
const NUMBER: NumberFormat = NumberFormat { min: 8, max: 40, extra: b"" };

/// The name of the ref that is UnionPay's id of a payment, learned once it is paid: `queryId`.
pub(crate) const QUERY_ID: &str = "query_id";

/// The facts.
pub(crate) fn payments() -> Profile {
    Profile {
        provider: "unionpay",
        order_number: NUMBER,
        part_number: NUMBER,
        currency: rule,
        payment_ref: QUERY_ID,
        // A failure is told as a decline only when it is final: after payTimeout, or of a payment that the payer cannot try again.
        declined_stays_payable: false,
        access: &[],
        // No page names a time; connections older than this are not trusted.
        keep_alive: Duration::from_secs(10),
        // "Whoever gets no answer, or one that does not verify, must query."
        unsigned_errors: UnsignedErrors::Unknown,
        reply_cap: 1 << 20,
        callback_cap: 256 << 10,
    }
}

/// `txnAmt`: "N1..12, in fen, without a point". `currencyCode` is 156.
fn rule(currency: Currency) -> Option<CurrencyRule> {
    (currency == Currency::CNY).then_some(CurrencyRule { exponent: 2, step: 1, min: 1, max: 999_999_999_999 })
}
