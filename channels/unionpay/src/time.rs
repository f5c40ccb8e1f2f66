//! Times as UnionPay writes them: `YYYYMMDDhhmmss`, always in Beijing; and its clearing day, from 23:00 to 23:00.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

const WRITTEN: &str = "%Y%m%d%H%M%S";

const BEIJING: Offset = Offset::constant(8);

const HOUR: Duration = Duration::from_secs(3600);

/// `20220911041647`; none for a time that has not four digits for its year.
pub(crate) fn written(at: SystemTime) -> Option<String> {
    let text = beijing(at)?.strftime(WRITTEN).to_string();
    (text.len() == 14).then_some(text)
}

/// Reads such a time; none for one before 1970.
pub(crate) fn read(text: &str) -> Option<SystemTime> {
    if text.len() != 14 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let at = BEIJING.to_timestamp(DateTime::strptime(WRITTEN, text).ok()?).ok()?;
    UNIX_EPOCH.checked_add(Duration::try_from(at.as_duration()).ok()?)
}

/// A time cut to its whole seconds, as it can be written.
pub(crate) fn whole(at: SystemTime) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds(at)))
}

/// Whether two times lie in one clearing day, and the day lasts a while yet: what is sent now shall arrive in it.
pub(crate) fn same_clearing_day(earlier: SystemTime, now: SystemTime) -> bool {
    const MARGIN: Duration = Duration::from_secs(300);
    let day = |at: SystemTime| Some(beijing(at.checked_add(HOUR)?)?.date());
    let (one, two) = (day(earlier), now.checked_add(MARGIN).and_then(day));
    one.is_some() && one == two && earlier <= now
}

/// Unix seconds.
pub(crate) fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A time from unix seconds in a text.
pub(crate) fn from_seconds(text: &str) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(text.parse().ok()?))
}

fn beijing(at: SystemTime) -> Option<DateTime> {
    let at = Timestamp::from_second(i64::try_from(seconds(at)).ok()?).ok()?;
    Some(BEIJING.to_datetime(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SystemTime {
        read(text).unwrap()
    }

    #[test]
    fn a_time_is_written_and_read_in_beijing_whatever_the_hosts_zone() {
        let time = UNIX_EPOCH + Duration::new(1_662_841_007, 999);
        assert_eq!(written(time).as_deref(), Some("20220911041647"));
        assert_eq!(read("20220911041647"), whole(time));
        for wrong in
            ["", "2022091104164", "202209110416471", "20221311041647", "20220911041661", "19600101000000", "+2220911041647"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_clearing_day_turns_at_eleven_in_the_evening() {
        for (earlier, now, same) in [
            ("20220911041647", "20220911225459", true),
            ("20220911041647", "20220911225500", false),
            ("20220911041647", "20220911230000", false),
            ("20220911230000", "20220912120000", true),
            ("20220911225959", "20220911230001", false),
            ("20220911120000", "20220912120000", false),
            ("20220911120001", "20220911120000", false),
        ] {
            assert_eq!(same_clearing_day(at(earlier), at(now)), same, "{earlier} {now}");
        }
    }
}
