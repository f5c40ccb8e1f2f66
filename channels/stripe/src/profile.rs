//! What is fixed about Stripe: numbers, windows, and how it counts each currency.

use std::time::Duration;

use paysluice::adapter::{CurrencyRule, NumberFormat, Profile, UnsignedErrors};
use paysluice::model::Currency;

/// Our numbers travel in metadata, whose values may be any text of 500 characters.
const NUMBER: NumberFormat = NumberFormat { min: 1, max: 64, extra: b"-_.:/#+" };

/// The rules for payments.
pub(crate) fn payments() -> Profile {
    Profile {
        provider: "stripe",
        order_number: NUMBER,
        part_number: NUMBER,
        currency: payment_rule,
        payment_ref: "intent",
        // "status returns to requires_payment_method so that the payment can be retried" (payments/paymentintents/lifecycle).
        declined_stays_payable: true,
        access: &[],
        // Stripe publishes no figure. A minute is what common edges keep; ours closes earlier.
        keep_alive: Duration::from_secs(60),
        // Every answer comes over TLS from Stripe's own host, and none is signed.
        unsigned_errors: UnsignedErrors::Trust,
        reply_cap: 2 << 20,
        callback_cap: 1 << 20,
    }
}

/// The rules for parts of a payment: a refund or capture has no least amount of its own.
pub(crate) fn parts() -> Profile {
    Profile { currency: part_rule, ..payments() }
}

/// docs.stripe.com/currencies: exponent and step. `None`: Stripe takes no such currency, or its count of it is not known.
fn unit(currency: Currency) -> Option<(u8, i64)> {
    use Currency as C;
    Some(match currency {
        // "For the following zero-decimal currencies, the charge and the amount are the same, without requiring multiplication."
        C::BIF
        | C::CLP
        | C::DJF
        | C::GNF
        | C::JPY
        | C::KMF
        | C::KRW
        | C::MGA
        | C::PYG
        | C::RWF
        | C::VND
        | C::VUV
        | C::XAF
        | C::XOF
        | C::XPF => (0, 1),
        // "backwards compatibility requires you to represent it as a two-decimal value, where the decimal amount is always 00":
        // 5 ISK is 500, 5 UGX is 500.
        C::ISK | C::UGX => (2, 100),
        // "these API calls require the least-significant (last) digit to be 0" (editions before 2025): 5.12 KWD is
        // 5120, 5.124 KWD cannot be.
        C::BHD | C::JOD | C::KWD | C::OMR | C::TND => (3, 10),
        // Everything else is in hundredths, and so says ISO 4217. Where the two would differ, the currency is refused.
        other if other.exponent() == 2 => (2, 1),
        _ => return None,
    })
}

fn payment_rule(currency: Currency) -> Option<CurrencyRule> {
    part_rule(currency).map(|rule| CurrencyRule { min: least(currency).unwrap_or(rule.step), ..rule })
}

fn part_rule(currency: Currency) -> Option<CurrencyRule> {
    unit(currency).map(|(exponent, step)| CurrencyRule { exponent, step, min: step, max: most(currency) })
}

/// The least charge for accounts that settle in the currency it is charged in. Stripe itself checks what it converts.
fn least(currency: Currency) -> Option<i64> {
    use Currency as C;
    Some(match currency {
        C::USD | C::EUR | C::JPY => 50,
        C::GBP => 30,
        C::CZK => 1500,
        C::HKD => 400,
        C::HUF => 17_500,
        C::MXN => 1000,
        _ => return None,
    })
}

/// "8 digits for all other currencies", and the exceptions (docs.stripe.com/currencies). For those whose larger limit depends
/// on the card network, Stripe decides.
fn most(currency: Currency) -> i64 {
    use Currency as C;
    match currency {
        C::IDR | C::COP | C::HUF | C::JPY | C::LBP => 999_999_999_999,
        C::INR => 999_999_999,
        _ => 99_999_999,
    }
}

#[cfg(test)]
mod tests {
    use paysluice::model::{ErrorKind, Money};

    use super::*;

    fn sent(text: &str) -> Result<i64, ErrorKind> {
        payments().to_provider(text.parse::<Money>().unwrap()).map_err(|error| error.kind())
    }

    #[test]
    fn amounts_are_counted_as_stripe_counts_them_and_never_rounded() {
        let cases = [
            ("10.00 USD", Ok(1000)),
            ("500 JPY", Ok(500)),
            ("5 ISK", Ok(500)),
            ("5 UGX", Ok(500)),
            ("5.120 KWD", Ok(5120)),
            ("5.124 KWD", Err(ErrorKind::Invalid)),
            ("175.00 HUF", Ok(17_500)),
            ("100.00 IDR", Ok(10_000)),
            ("500.00 MGA", Ok(500)),
            ("500.50 MGA", Err(ErrorKind::Invalid)),
            ("0.49 USD", Err(ErrorKind::Invalid)),
            ("0.00 CHF", Err(ErrorKind::Invalid)),
            ("999999.99 USD", Ok(99_999_999)),
            ("1000000.00 USD", Err(ErrorKind::Invalid)),
            ("9999999.99 INR", Ok(999_999_999)),
            ("10000000.00 INR", Err(ErrorKind::Invalid)),
            ("1.0000 CLF", Err(ErrorKind::Unsupported)),
            ("1.000 LYD", Err(ErrorKind::Unsupported)),
        ];
        for (text, expected) in cases {
            assert_eq!(sent(text), expected, "{text}");
        }
    }

    #[test]
    fn a_part_may_be_smaller_than_a_payment() {
        assert_eq!(parts().to_provider("0.01 USD".parse().unwrap()).unwrap(), 1);
        assert!(parts().to_provider("0.00 USD".parse().unwrap()).is_err());
    }

    #[test]
    fn every_currency_reads_back_as_it_was_sent() {
        for currency in Currency::all() {
            let Some(rule) = payment_rule(currency) else { continue };
            assert!(rule.min % rule.step == 0 && rule.min > 0 && rule.max >= rule.min, "{currency}");
            let money = payments().from_provider(rule.min, currency).unwrap();
            assert_eq!(payments().to_provider(money).unwrap(), rule.min, "{currency}");
        }
    }
}
