//! Times as WeChat Pay writes them: RFC 3339 in Beijing, to the second.

use jiff::Timestamp;
use jiff::tz::Offset;

/// `2018-06-08T10:34:56+08:00` of a unix time.
pub(super) fn beijing(unix: i64) -> String {
    Timestamp::from_second(unix).unwrap_or_default().display_with_offset(Offset::constant(8)).to_string()
}

/// The unix time of an RFC 3339 text with offset.
pub(super) fn unix_of(text: &str) -> Option<i64> {
    // jiff also takes a blank for the T, and much more.
    let plain = text.len() >= 20 && text.as_bytes().get(10) == Some(&b'T');
    text.parse::<Timestamp>().ok().filter(|_| plain).map(Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_beijings() {
        assert_eq!(beijing(1_528_425_296), "2018-06-08T10:34:56+08:00");
        assert_eq!(unix_of("2018-06-08T10:34:56+08:00"), Some(1_528_425_296));
        assert_eq!(unix_of("2018-06-08T02:34:56Z"), Some(1_528_425_296));
        assert_eq!((unix_of("2018-06-08 10:34:56+08:00"), unix_of("20180608103456")), (None, None));
    }
}
