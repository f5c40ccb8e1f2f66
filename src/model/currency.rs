//! Which money: a currency of ISO 4217, with its code, number, exponent and English name.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use super::Invalid;

#[path = "currency_table.rs"]
mod table;

use table::{Listed, WITHOUT_MINOR_UNIT};

/// A currency or fund of ISO 4217 that is in use and has a minor unit. One byte; ordered by code.
///
/// Source: ISO 4217 List One as of Amendment 180 (2026-01-01). Codes withdrawn before that (BGN, ANG, CUC, ...) are not
/// in it; nor are the codes whose minor unit is "N.A." (XAU, XDR, XXX, ...), since no amount of them can be written exactly.
///
/// The constants can be matched on:
///
/// ```
/// use paysluice::model::Currency;
///
/// let step = match Currency::parse("ISK")? {
///     Currency::ISK | Currency::UGX => 100,
///     _ => 1,
/// };
/// assert_eq!(step, 100);
/// # Ok::<(), paysluice::model::Invalid>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(Listed);

impl Currency {
    /// The currency of an ISO 4217 code: exactly three upper-case letters. Providers that write lower case convert first.
    pub fn parse(code: &str) -> Result<Self, Invalid> {
        if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(Invalid::new("currency", "3 upper-case letters of ISO 4217"));
        }
        if WITHOUT_MINOR_UNIT.contains(&code) {
            return Err(Invalid::new(
                "currency",
                "money: this ISO 4217 code has no minor unit, so no amount can be charged in it",
            ));
        }
        let found = Listed::IN_ORDER.binary_search_by(|listed| listed.row().code.cmp(code)).ok();
        let listed = found.and_then(|at| Listed::IN_ORDER.get(at).copied());
        listed.map(Self).ok_or_else(|| Invalid::new("currency", "a code of ISO 4217 that is in use"))
    }

    /// The code: `USD`.
    pub const fn code(self) -> &'static str {
        self.0.row().code
    }

    /// The code in lower case, as some providers write it: `usd`.
    pub const fn lower(self) -> &'static str {
        self.0.row().lower
    }

    /// The ISO 4217 number: 840 for USD. It is written with three digits: 8 is `008`.
    pub const fn numeric(self) -> u16 {
        self.0.row().numeric
    }

    /// How many decimals the minor unit has: 0 (JPY), 2 (USD), 3 (KWD) or 4 (CLF). A provider's own exponent may differ.
    pub const fn exponent(self) -> u8 {
        self.0.row().exponent
    }

    /// The English name in the standard: `US Dollar`.
    pub const fn name(self) -> &'static str {
        self.0.row().name
    }

    /// Every currency, in the order of the codes.
    pub fn all() -> impl ExactSizeIterator<Item = Self> + DoubleEndedIterator + Clone {
        Listed::IN_ORDER.iter().map(|listed| Self(*listed))
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = Invalid;

    fn from_str(code: &str) -> Result<Self, Invalid> {
        Self::parse(code)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(CodeVisitor)
    }
}

/// Reads the code where it lies, borrowed or not, so that no String is made for it.
struct CodeVisitor;

impl Visitor<'_> for CodeVisitor {
    type Value = Currency;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an ISO 4217 code of 3 upper-case letters")
    }

    fn visit_str<E: de::Error>(self, code: &str) -> Result<Currency, E> {
        Currency::parse(code).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What `iso_currency` 0.7.1 knows and this table refuses: withdrawn by ISO, each with what replaced it.
    const WITHDRAWN: [(&str, &str); 5] = [
        ("BGN", "EUR in Bulgaria since 2026-01-01, amendment 180"),
        ("CUC", "merged into CUP in 2021, no longer in List One"),
        ("HRK", "EUR in Croatia since 2023-01-01, amendment 174"),
        ("SLL", "SLE since the redenomination of 2022"),
        ("ZWL", "ZWG since 2024"),
    ];

    #[test]
    fn the_table_agrees_with_iso_currency_on_every_code_there_can_be() {
        let letters = b'A'..=b'Z';
        for code in letters.clone().flat_map(|a| letters.clone().flat_map(move |b| (b'A'..=b'Z').map(move |c| [a, b, c]))) {
            let code = std::str::from_utf8(&code).unwrap();
            let theirs = iso_currency::Currency::from_code(code)
                .and_then(|known| Some((known.numeric(), u8::try_from(known.exponent()?).unwrap())))
                .filter(|_| !WITHDRAWN.iter().any(|(withdrawn, _)| *withdrawn == code));
            let ours = Currency::parse(code).ok().map(|known| (known.numeric(), known.exponent()));
            assert_eq!(ours, theirs, "{code}");
        }
    }

    #[test]
    fn withdrawn_codes_are_refused() {
        for (code, why) in WITHDRAWN {
            assert_eq!(Currency::parse(code).unwrap_err().rule(), "a code of ISO 4217 that is in use", "{code}: {why}");
        }
    }

    #[test]
    fn the_rows_are_in_order_and_unique() {
        let all: Vec<_> = Currency::all().collect();
        assert_eq!(all.len(), 165);
        assert!(all.windows(2).all(|pair| pair[0].code() < pair[1].code() && pair[0] < pair[1]));
        assert_eq!(all.iter().map(|currency| currency.numeric()).collect::<BTreeSet<_>>().len(), all.len());
        for currency in all {
            assert_eq!(currency.lower(), currency.code().to_ascii_lowercase());
            assert_eq!(currency.code().parse(), Ok(currency));
            assert!(matches!(currency.exponent(), 0 | 2 | 3 | 4) && !currency.name().is_empty());
        }
    }

    #[test]
    fn codes_without_a_minor_unit_are_called_no_money() {
        for code in WITHOUT_MINOR_UNIT {
            let error = Currency::parse(code).unwrap_err();
            assert!(error.field() == "currency" && error.rule().contains("no minor unit"), "{code}: {error}");
            assert_eq!(iso_currency::Currency::from_code(code).unwrap().exponent(), None, "{code}");
        }
    }

    #[test]
    fn only_three_upper_case_letters_are_a_code() {
        for code in ["", "usd", "Usd", "US", "USDD", "US1", " USD", "USD\0", "ÀÀ", "U\u{301}", "840"] {
            assert_eq!(Currency::parse(code).unwrap_err().rule(), "3 upper-case letters of ISO 4217", "{code:?}");
        }
    }

    #[test]
    fn json_is_the_code() {
        assert_eq!(serde_json::to_string(&Currency::XCG).unwrap(), "\"XCG\"");
        assert_eq!(serde_json::from_str::<Currency>("\"US\\u0044\"").unwrap(), Currency::USD);
        for bad in ["\"usd\"", "\"XAU\"", "840", "null", "[\"USD\"]"] {
            assert!(serde_json::from_str::<Currency>(bad).is_err(), "{bad}");
        }
        assert_eq!(format!("{:?} {}", Currency::ZWG, Currency::SLE), "ZWG SLE");
        assert_eq!(size_of::<Currency>(), 1);
    }
}
