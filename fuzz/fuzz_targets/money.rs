//! Any text as money: what is read is printed as the same money, and every amount is read back as it was printed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use paysluice::model::{Currency, Money, decimal};

fuzz_target!(|input: &[u8]| {
    if let Ok(text) = std::str::from_utf8(input) {
        if let Ok(money) = text.parse::<Money>() {
            assert_eq!(money.to_string().parse(), Ok(money));
        }
        for exponent in [0, 2, 3, 8] {
            if let Ok(minor) = decimal::parse(text, exponent) {
                assert!(minor >= 0);
                assert_eq!(decimal::parse(&decimal::print(minor, exponent), exponent), Ok(minor));
            }
        }
    }
    let [a, b, c, d, e, f, g, h, which, ..] = *input else { return };
    let minor = i64::from_be_bytes([a, b, c, d, e, f, g, h]);
    let currency = Currency::all().nth(usize::from(which)).unwrap_or_else(|| Currency::all().next().expect("a currency"));
    match Money::new(minor, currency) {
        Ok(money) => assert_eq!(Money::parse(&money.to_decimal(), currency), Ok(money)),
        Err(_) => assert!(minor < 0),
    }
});
