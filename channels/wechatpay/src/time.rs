//! Times as WeChat Pay writes them: RFC 3339, seconds, Beijing time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::Offset;

/// `2018-06-08T10:34:56+08:00`
pub(crate) fn written(at: SystemTime) -> Option<String> {
    let at = Timestamp::from_second(i64::try_from(seconds(at)).ok()?).ok()?;
    Some(at.display_with_offset(Offset::constant(8)).to_string())
}

/// Reads RFC 3339 with any offset; none for a time before 1970.
pub(crate) fn read(text: &str) -> Option<SystemTime> {
    let at: Timestamp = text.parse().ok()?;
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
    fn a_time_is_written_in_beijing_and_read_from_anywhere() {
        let at = UNIX_EPOCH + Duration::from_secs(1_528_425_296);
        assert_eq!(written(at).unwrap(), "2018-06-08T10:34:56+08:00");
        for text in ["2018-06-08T10:34:56+08:00", "2018-06-08T02:34:56Z"] {
            assert_eq!(read(text), Some(at), "{text}");
        }
        for wrong in ["", "2018-06-08", "2018-06-08T10:34:56", "1960-01-01T00:00:00Z", "soon"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
