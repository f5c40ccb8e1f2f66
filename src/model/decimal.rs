//! Exact decimals: minor units to text and back, for any exponent, without floats and without rounding.
//!
//! A provider's exponent may differ from ISO 4217 (IDR is 2 at Stripe and 0 at Adyen), so it is a parameter here.

use super::Invalid;

/// The minor units that a decimal such as `12.34` means at an exponent: 1234 at 2.
///
/// The text is `0` or digits without a leading zero, then perhaps a dot and 1 to `exponent` digits: `0.5`, `12`, `12.30`.
/// Refused, never repaired: a sign, a space, a separator, `1e3`, `.5`, `5.`, `007`, more decimals than the exponent (even
/// zeros: `500.00` is not a way to write yen), and what does not fit 64 bits.
pub fn parse(text: &str, exponent: u8) -> Result<i64, Invalid> {
    let (whole, fraction) = match text.split_once('.') {
        None => (text, None),
        Some((whole, fraction)) => (whole, Some(fraction)),
    };
    if !digits(whole) || !fraction.is_none_or(digits) || (whole.len() > 1 && whole.starts_with('0')) {
        return Err(Invalid::new(
            "amount",
            "a decimal such as 12.34: digits, perhaps a dot and digits, no leading zero, no sign",
        ));
    }
    let fraction = fraction.unwrap_or_default();
    let Some(missing) = usize::from(exponent).checked_sub(fraction.len()) else {
        return Err(Invalid::new("amount", format!("a decimal with at most {exponent} digits after the dot")));
    };
    let padding = std::iter::repeat_n(b'0', missing);
    whole
        .bytes()
        .chain(fraction.bytes())
        .chain(padding)
        .try_fold(0_i64, |minor, digit| minor.checked_mul(10)?.checked_add(i64::from(digit.checked_sub(b'0')?)))
        .ok_or_else(|| Invalid::new("amount", format!("at most {}", print(i64::MAX, exponent))))
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The decimal of minor units at an exponent, with all its decimals: 1234 at 2 is `12.34`, 500 at 0 is `500`.
///
/// Exact for every value; a negative one gets its sign, which [`parse`] refuses.
pub fn print(minor: i64, exponent: u8) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let exponent = usize::from(exponent);
    // At least one digit stands before the dot.
    let digits = format!("{:0>width$}", minor.unsigned_abs(), width = exponent.saturating_add(1));
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(exponent));
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_are_read_exactly() {
        let cases = [("12.34", 2, 1234), ("12.3", 2, 1230), ("12", 2, 1200), ("0.05", 2, 5), ("0", 0, 0), ("500", 0, 500)];
        for (text, exponent, minor) in cases {
            assert_eq!(parse(text, exponent), Ok(minor), "{text}");
        }
        assert_eq!(parse("92233720368547758.07", 2), Ok(i64::MAX));
        assert_eq!(parse("0", 255), Ok(0));
    }

    #[test]
    fn what_is_not_exactly_a_decimal_is_refused() {
        let shapes = [
            "", ".", ".5", "5.", "1.2.3", "-1", "+1", " 1", "1 ", "1,00", "1_0", "1e3", "1E3", "0x1", "007", "00", "00.5", "NaN",
            "inf", "١٢", "1.٣", "1.-2", "1.+2", "12.3 ", "\0",
        ];
        for text in shapes {
            assert!(parse(text, 2).unwrap_err().rule().contains("no sign"), "{text:?}");
        }
        for (text, exponent) in [("1.234", 2), ("1.000", 2), ("500.0", 0)] {
            assert_eq!(
                parse(text, exponent).unwrap_err().rule(),
                format!("a decimal with at most {exponent} digits after the dot")
            );
        }
        for (text, exponent) in
            [("92233720368547758.08", 2), ("9223372036854775808", 0), ("92233720368547759", 2), ("1", 19), ("1", 255)]
        {
            assert!(parse(text, exponent).unwrap_err().rule().starts_with("at most "), "{text}");
        }
    }

    #[test]
    fn decimals_are_printed_in_full() {
        let cases = [
            (500, 0, "500"),
            (5120, 3, "5.120"),
            (10_000, 4, "1.0000"),
            (5, 2, "0.05"),
            (0, 2, "0.00"),
            (0, 0, "0"),
            (-5, 2, "-0.05"),
        ];
        for (minor, exponent, text) in cases {
            assert_eq!(print(minor, exponent), text);
        }
        assert_eq!(print(i64::MIN, 2), "-92233720368547758.08");
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(minor in 0..=i64::MAX, exponent: u8) {
            prop_assert_eq!(parse(&print(minor, exponent), exponent), Ok(minor));
        }

        #[test]
        fn garbage_is_refused_without_a_panic(text in "\\PC*", exponent: u8, minor: i64) {
            let _ = (parse(&text, exponent), print(minor, exponent));
        }

        #[test]
        fn what_is_read_prints_back_but_for_missing_zeros(text in "[0-9.+eE -]{0,24}", exponent in 0_u8..6) {
            if let Ok(minor) = parse(&text, exponent) {
                let printed = print(minor, exponent);
                let rest = printed.strip_prefix(&text).unwrap();
                prop_assert!(rest.bytes().all(|b| b == b'0' || b == b'.'));
            }
        }
    }
}
