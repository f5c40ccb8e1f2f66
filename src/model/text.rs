//! How durations and rates are written in configuration: `2s`, `250ms`, `1m30s`; `80/s`, `5000/m`, `10/2s`.

use std::fmt::{self, Write as _};
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Invalid;

const DURATION_RULE: &str = "a duration such as 250ms, 2s, 5m, 1m30s or 1h";
const RATE_RULE: &str = "a rate such as 80/s, 5000/m or 10/2s, of at least 1";
const UNITS: [(&str, u64); 6] =
    [("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)];

/// So many calls in so much time: `80/s`. At most one call a nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    calls: NonZeroU32,
    per: Duration,
}

impl Quota {
    /// `calls` in every `per`; `None` if `per` is too short (below a nanosecond a call) or longer than a day.
    pub fn new(calls: NonZeroU32, per: Duration) -> Option<Self> {
        let fits = per.as_nanos() >= u128::from(calls.get()) && per <= Duration::from_hours(24);
        fits.then_some(Self { calls, per })
    }

    /// `calls` a second, at least one.
    pub const fn per_second(calls: NonZeroU32) -> Self {
        Self { calls, per: Duration::from_secs(1) }
    }

    /// Calls in every [`per`](Self::per).
    pub fn calls(self) -> u32 {
        self.calls.get()
    }

    /// The time that [`calls`](Self::calls) are spread over.
    pub fn per(self) -> Duration {
        self.per
    }

    /// The time between two calls at this rate, at least a nanosecond.
    pub fn spacing(self) -> Duration {
        (self.per / self.calls.get()).max(Duration::from_nanos(1))
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per = duration_text(self.per);
        write!(
            f,
            "{}/{}",
            self.calls,
            per.strip_prefix('1').filter(|unit| !unit.starts_with(|c: char| c.is_ascii_digit())).unwrap_or(&per)
        )
    }
}

impl FromStr for Quota {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        parse_quota(text).ok_or_else(|| Invalid::new("rate", RATE_RULE))
    }
}

fn parse_quota(text: &str) -> Option<Quota> {
    let (calls, per) = text.split_once('/')?;
    let calls = calls.trim().parse().ok()?;
    let per = per.trim();
    let per =
        if per.starts_with(|c: char| c.is_ascii_digit()) { parse_duration(per)? } else { parse_duration(&format!("1{per}"))? };
    Quota::new(calls, per)
}

impl Serialize for Quota {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quota {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Reads `1m30s`: whole numbers, each with its unit, largest first not required; no bare numbers, no signs, no fractions.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut nanos: u64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(letters);
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
        nanos = nanos.checked_add(number.parse::<u64>().ok()?.checked_mul(*scale)?)?;
        rest = next;
    }
    Some(Duration::from_nanos(nanos))
}

/// Writes what [`parse_duration`] reads: `1m30s`.
pub fn duration_text(time: Duration) -> String {
    let mut nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, scale) in UNITS {
        if nanos >= scale {
            let _ = write!(text, "{}{unit}", nanos / scale);
            nanos %= scale;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// For `#[serde(serialize_with)]`.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
pub(crate) fn write_duration<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&duration_text(*time))
}

/// Reads the duration of the field named so, and names it in the error.
pub(crate) fn read_duration<'de, D: Deserializer<'de>>(deserializer: D, field: &str) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer).map_err(|_| D::Error::custom(Invalid::new(field, DURATION_RULE)))?;
    parse_duration(&text).ok_or_else(|| D::Error::custom(Invalid::new(field, DURATION_RULE)))
}

/// Reads the rate of the field named so, or nothing, and names it in the error.
pub(crate) fn read_quota<'de, D: Deserializer<'de>>(deserializer: D, field: &str) -> Result<Option<Quota>, D::Error> {
    let wrong = || D::Error::custom(Invalid::new(field, RATE_RULE));
    let Some(text) = Option::<String>::deserialize(deserializer).map_err(|_| wrong())? else { return Ok(None) };
    parse_quota(&text).map(Some).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_written() {
        let cases =
            [("2s", 2_000), ("250ms", 250), ("5m", 300_000), ("1m30s", 90_000), ("1h", 3_600_000), ("0s", 0), (" 10s ", 10_000)];
        for (text, millis) in cases {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn ambiguous_durations_are_refused() {
        for text in ["", "2", "s", "-2s", "1.5s", "2 s", "2S", "2sec", "99999999999h", "18446744073709551616ns", "2s3"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn rates_round_trip() {
        for text in ["80/s", "5000/m", "10/2s", "1/h", "600/m"] {
            assert_eq!(text.parse::<Quota>().unwrap().to_string(), text);
        }
        assert_eq!("80/s".parse::<Quota>().unwrap().spacing(), Duration::from_micros(12_500));
    }

    #[test]
    fn impossible_rates_are_refused() {
        for text in ["0/s", "80", "/s", "80/", "-1/s", "1.5/s", "80/x", "2/1ns", "4294967296/h", "1/25h"] {
            assert!(text.parse::<Quota>().is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_duration_round_trips(nanos: u64) {
            let time = Duration::from_nanos(nanos);
            proptest::prop_assert_eq!(parse_duration(&duration_text(time)), Some(time));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = parse_duration(&text);
            let _ = text.parse::<Quota>();
        }
    }
}
