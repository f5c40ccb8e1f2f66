//! Times as Alipay writes them: `yyyy-MM-dd HH:mm:ss`, Beijing time whatever the zone of the host.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

const FORM: &str = "%Y-%m-%d %H:%M:%S";

fn beijing() -> Offset {
    Offset::constant(8)
}

/// `2018-06-08 10:34:56`
pub(crate) fn written(at: SystemTime) -> Option<String> {
    let at = Timestamp::from_second(i64::try_from(seconds(at)).ok()?).ok()?;
    Some(beijing().to_datetime(at).strftime(FORM).to_string())
}

/// Reads the same, also with the milliseconds that `gmt_refund` carries; none for a time before 1970.
pub(crate) fn read(text: &str) -> Option<SystemTime> {
    let at = DateTime::strptime(FORM, text.get(..19)?).ok()?;
    let at = beijing().to_timestamp(at).ok()?;
    UNIX_EPOCH.checked_add(Duration::try_from(at.as_duration()).ok()?)
}

/// Unix seconds.
pub(crate) fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A time from unix seconds in a text.
pub(crate) fn from_seconds(text: &str) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(text.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_and_read_in_beijing() {
        let at = UNIX_EPOCH + Duration::from_secs(1_528_425_296);
        assert_eq!(written(at).unwrap(), "2018-06-08 10:34:56");
        for text in ["2018-06-08 10:34:56", "2018-06-08 10:34:56.789"] {
            assert_eq!(read(text), Some(at), "{text}");
        }
        for wrong in
            ["", "2018-06-08", "2018-06-08T10:34:56", "1960-01-01 00:00:00", "2018-13-08 10:34:56", "二〇一八年六月八日十"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
