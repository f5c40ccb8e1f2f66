//! Times as Alipay writes them: Beijing, to the second, without an offset.

use jiff::Timestamp;
use jiff::tz::Offset;

/// `2018-06-08 10:34:56` of a unix time.
pub(super) fn beijing(unix: i64) -> String {
    let text = Timestamp::from_second(unix).unwrap_or_default().display_with_offset(Offset::constant(8)).to_string();
    text.chars().take(19).map(|one| if one == 'T' { ' ' } else { one }).collect()
}

/// The unix time of such a text, and of no other form.
pub(super) fn unix_of(text: &str) -> Option<i64> {
    let form = text.bytes().zip("0000-00-00 00:00:00".bytes());
    let fits = form.clone().all(|(byte, form)| if form == b'0' { byte.is_ascii_digit() } else { byte == form });
    let plain = text.len() == 19 && fits;
    format!("{}+08:00", text.replace(' ', "T")).parse::<Timestamp>().ok().filter(|_| plain).map(Timestamp::as_second)
}

/// The midnight that ends a day in Beijing.
pub(super) fn end_of_day(unix: i64) -> i64 {
    const DAY: i64 = 24 * 3600;
    const EAST: i64 = 8 * 3600;
    ((unix + EAST).div_euclid(DAY) + 1) * DAY - EAST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_beijings() {
        assert_eq!(beijing(1_528_425_296), "2018-06-08 10:34:56");
        assert_eq!(unix_of("2018-06-08 10:34:56"), Some(1_528_425_296));
        for odd in ["2018-06-08T10:34:56", "2018-06-08 10:34:5", "2018-06-08 10:34:56Z", "2018-13-08 10:34:56", ""] {
            assert_eq!(unix_of(odd), None, "{odd}");
        }
        assert_eq!(beijing(end_of_day(1_528_425_296)), "2018-06-09 00:00:00");
        assert_eq!(end_of_day(end_of_day(0)), end_of_day(0) + 24 * 3600);
    }
}
