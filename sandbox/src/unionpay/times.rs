//! Times as UnionPay writes them: Beijing's, in digits only; and the day that trades are cleared on.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

const BEIJING: Offset = Offset::constant(8);
const DAY: i64 = 24 * 3600;

/// `YYYYMMDDhhmmss` of a unix time.
pub(super) fn stamp(unix: i64) -> String {
    local(unix).strftime("%Y%m%d%H%M%S").to_string()
}

/// The unix time of `YYYYMMDDhhmmss`; None for anything else, February 30 included.
pub(super) fn unix_of(stamp: &str) -> Option<i64> {
    if stamp.len() != 14 || !stamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| stamp.get(from..to).and_then(|digits| digits.parse::<i8>().ok());
    let year = stamp.get(..4)?.parse::<i16>().ok()?;
    let time = DateTime::new(year, part(4, 6)?, part(6, 8)?, part(8, 10)?, part(10, 12)?, part(12, 14)?, 0).ok()?;
    BEIJING.to_timestamp(time).ok().map(Timestamp::as_second)
}

/// Which clearing day a time lies in: from 23:00 to 23:00.
pub(super) fn clearing_day(unix: i64) -> i64 {
    (unix + 9 * 3600).div_euclid(DAY)
}

/// The clearing day as `MMDD`.
pub(super) fn settle_date(unix: i64) -> String {
    local(unix + 3600).strftime("%m%d").to_string()
}

fn local(unix: i64) -> DateTime {
    BEIJING.to_datetime(Timestamp::from_second(unix).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_beijings() {
        assert_eq!(stamp(1_662_159_288), "20220903065448");
        assert_eq!(unix_of("20220903065448"), Some(1_662_159_288));
        for wrong in
            ["", "2022090306544", "202209030654480", "20220230000000", "20220903246060", "2022090306544x", "+0220903065448"]
        {
            assert_eq!(unix_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_day_is_cleared_from_eleven_to_eleven() {
        let at = |text: &str| unix_of(text).unwrap();
        assert_eq!((settle_date(at("20220903225959")).as_str(), settle_date(at("20220903230000")).as_str()), ("0903", "0904"));
        assert_eq!(settle_date(at("20211231230000")), "0101");
        assert_eq!(clearing_day(at("20220903230000")), clearing_day(at("20220904225959")));
        assert_ne!(clearing_day(at("20220903225959")), clearing_day(at("20220903230000")));
    }
}
