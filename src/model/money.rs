//! How much of which currency: whole minor units, exact, never negative.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Currency, Invalid, decimal};

/// An amount in minor units (cents, yen, fils) of one currency. Never negative: a refund is an operation, not a sign.
///
/// There is no `+` and no `<`, since amounts of two currencies can be neither added nor ordered:
/// [`checked_add`](Self::checked_add), [`checked_sub`](Self::checked_sub) and [`cmp_same`](Self::cmp_same) say so when it happens.
///
/// ```
/// use paysluice::model::{Currency, Money};
///
/// let price = Money::parse("12.34", Currency::USD)?;
/// assert_eq!((price.minor(), price.to_string().as_str()), (1234, "12.34 USD"));
/// assert!(price.checked_add(Money::new(500, Currency::JPY)?).is_err());
/// # Ok::<(), paysluice::model::Invalid>(())
/// ```
///
/// ```compile_fail,E0369
/// # use paysluice::model::{Currency, Money};
/// Money::zero(Currency::USD) + Money::zero(Currency::JPY);
/// ```
///
/// ```compile_fail,E0369
/// # use paysluice::model::{Currency, Money};
/// Money::zero(Currency::USD) < Money::zero(Currency::JPY);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// That many minor units: zero or more. Signed, because databases and providers count in signed 64 bits.
    pub fn new(minor: i64, currency: Currency) -> Result<Self, Invalid> {
        if minor < 0 { Err(Invalid::new("money", "zero or more minor units")) } else { Ok(Self { minor, currency }) }
    }

    /// Nothing of a currency.
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// From a decimal in the major unit, with at most the currency's decimals; the rules are those of [`decimal::parse`].
    pub fn parse(text: &str, currency: Currency) -> Result<Self, Invalid> {
        Self::new(decimal::parse(text, currency.exponent())?, currency)
    }

    /// The minor units, by ISO 4217's exponent: zero or more.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Whether there is nothing to pay.
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// The sum. Refuses two currencies and what does not fit 64 bits.
    pub fn checked_add(self, other: Self) -> Result<Self, Invalid> {
        self.same_currency(other)?;
        let sum = self.minor.checked_add(other.minor);
        sum.map_or_else(|| Err(Invalid::new("money", "a sum that fits 64 bits")), |minor| Self::new(minor, self.currency))
    }

    /// What is left. Refuses two currencies and to take away more than there is.
    pub fn checked_sub(self, other: Self) -> Result<Self, Invalid> {
        self.same_currency(other)?;
        let rest = self.minor.checked_sub(other.minor).filter(|rest| *rest >= 0);
        rest.map_or_else(
            || Err(Invalid::new("money", "no less than what is taken from it")),
            |minor| Self::new(minor, self.currency),
        )
    }

    /// Which is more. Refuses two currencies.
    pub fn cmp_same(self, other: Self) -> Result<Ordering, Invalid> {
        self.same_currency(other)?;
        Ok(self.minor.cmp(&other.minor))
    }

    fn same_currency(self, other: Self) -> Result<(), Invalid> {
        if self.currency == other.currency { Ok(()) } else { Err(Invalid::new("currency", "the same in both amounts")) }
    }

    /// The decimal in the major unit, with all the currency's decimals: `12.34`, `500`, `5.120`.
    pub fn to_decimal(self) -> String {
        decimal::print(self.minor, self.currency.exponent())
    }
}

/// `12.34 USD`. A width or precision is ignored: `{:.1}` must not cut digits off an amount.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal(), self.currency)
    }
}

impl FromStr for Money {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let Some((amount, code)) = text.split_once(' ') else {
            return Err(Invalid::new("money", "an amount, one space and a currency: 12.34 USD"));
        };
        Self::parse(amount, Currency::parse(code)?)
    }
}

/// Money as it is stored and sent, before it is believed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    minor: i64,
    currency: Currency,
}

impl TryFrom<Stored> for Money {
    type Error = Invalid;

    fn try_from(stored: Stored) -> Result<Self, Invalid> {
        Self::new(stored.minor, stored.currency)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::USD).unwrap()
    }

    #[test]
    fn negative_money_does_not_exist() {
        assert_eq!(Money::new(-1, Currency::USD).unwrap_err().field(), "money");
        assert!(Money::new(i64::MIN, Currency::JPY).is_err());
        assert!("-0.01 USD".parse::<Money>().is_err());
        assert!(Money::zero(Currency::USD).is_zero() && !usd(1).is_zero());
    }

    #[test]
    fn sums_stay_in_one_currency_and_in_range() {
        assert_eq!(usd(2).checked_add(usd(3)), Ok(usd(5)));
        assert_eq!(usd(5).checked_sub(usd(5)), Ok(usd(0)));
        assert_eq!(usd(2).cmp_same(usd(3)), Ok(Ordering::Less));
        assert_eq!(usd(i64::MAX).checked_add(usd(1)).unwrap_err().field(), "money");
        assert_eq!(usd(4).checked_sub(usd(5)).unwrap_err().field(), "money");
        let yen = Money::new(2, Currency::JPY).unwrap();
        for error in
            [usd(2).checked_add(yen).unwrap_err(), usd(2).checked_sub(yen).unwrap_err(), usd(2).cmp_same(yen).unwrap_err()]
        {
            assert_eq!(error.field(), "currency");
        }
    }

    #[test]
    fn decimals_follow_the_currency() {
        for (text, minor) in [("500 JPY", 500), ("5.120 KWD", 5120), ("1.0000 CLF", 10_000), ("12.34 USD", 1234), ("0.05 EUR", 5)]
        {
            let money: Money = text.parse().unwrap();
            assert_eq!((money.minor(), money.to_string().as_str()), (minor, text));
        }
        assert_eq!(format!("{:.1} {:9.0}", usd(1234), usd(5)), "12.34 USD 0.05 USD");
    }

    #[test]
    fn text_is_one_amount_one_space_one_currency() {
        let bad = [
            "12.34USD",
            "USD 12.34",
            "12.34  USD",
            " 12.34 USD",
            "12.34 USD ",
            "12.34 usd",
            "12.345 USD",
            "5.0 JPY",
            "1 XAU",
            "1\tUSD",
            "",
        ];
        for text in bad {
            assert!(text.parse::<Money>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn json_is_minor_units_and_code() {
        let json = r#"{"minor":1234,"currency":"USD"}"#;
        assert_eq!(serde_json::to_string(&usd(1234)).unwrap(), json);
        assert_eq!(serde_json::from_str::<Money>(json).unwrap(), usd(1234));
        let bad = [
            r#"{"minor":-1,"currency":"USD"}"#,
            r#"{"minor":1,"currency":"usd"}"#,
            r#"{"minor":1.0,"currency":"USD"}"#,
            r#"{"minor":"1","currency":"USD"}"#,
            r#"{"minor":9223372036854775808,"currency":"USD"}"#,
            r#"{"minor":1}"#,
            r#"{"minor":1,"minor":2,"currency":"USD"}"#,
            r#"{"minor":1,"currency":"USD","scale":3}"#,
        ];
        for text in bad {
            assert!(serde_json::from_str::<Money>(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_and_json_read_back_in_every_currency(minor in prop_oneof![0..=i64::MAX, 0_i64..100_000, Just(i64::MAX)]) {
            for currency in Currency::all() {
                let money = Money::new(minor, currency).unwrap();
                prop_assert_eq!(money.to_string().parse(), Ok(money));
                prop_assert_eq!(Money::parse(&money.to_decimal(), currency), Ok(money));
                prop_assert_eq!(serde_json::from_str::<Money>(&serde_json::to_string(&money).unwrap()).unwrap(), money);
            }
        }

        #[test]
        fn garbage_is_refused_without_a_panic(text in "\\PC*", near in "[0-9.]{0,21} ?[A-Z]{0,4}") {
            for text in [text, near] {
                if let Ok(money) = text.parse::<Money>() {
                    prop_assert_eq!(money.to_string().parse(), Ok(money));
                }
                let _ = (Currency::parse(&text), serde_json::from_str::<Money>(&text).is_ok());
            }
        }

        #[test]
        fn sum_and_rest_undo_each_other(a in 0..=i64::MAX, b in 0..=i64::MAX) {
            match usd(a).checked_add(usd(b)) {
                Ok(sum) => prop_assert_eq!(sum.checked_sub(usd(b)), Ok(usd(a))),
                Err(_) => prop_assert!(a.checked_add(b).is_none()),
            }
        }
    }
}
