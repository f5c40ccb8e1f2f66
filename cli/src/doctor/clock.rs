//! The clock: ours against the provider's, by the `Date` of an answer.

use std::time::{Duration, SystemTime};

use paysluice::adapter::{Finding, Reply};

/// Signed timestamps are believed for 300 s by Stripe, WeChat Pay and Standard Webhooks: beyond this one is nearly out.
const BAD: Duration = Duration::from_secs(240);

/// A synchronised clock is right to milliseconds: beyond this it is not synchronised.
const SHIFTED: Duration = Duration::from_secs(30);

const MEND: &str = "synchronise this machine's clock (timedatectl set-ntp true, or chrony): signatures hold for 300 s either way";

/// How far apart the clocks are. `middle` is our time half way between question and answer.
pub(super) fn check(reply: &Reply, middle: SystemTime) -> Finding {
    let date = reply.header("date").and_then(|text| httpdate::parse_http_date(text).ok());
    let Some(theirs) = date else {
        let mend = "compare with another clock (timedatectl, chronyc tracking)";
        return Finding::warning("clock", "the answer carries no readable Date, so the skew cannot be told", mend);
    };
    let (skew, ours_is) = apart(middle, theirs);
    if skew <= SHIFTED {
        return Finding::good("clock", format!("within {} s of the provider's", skew.as_secs().max(1)));
    }
    let says = format!("this machine's clock is {} s {ours_is} the provider's", skew.as_secs());
    if skew <= BAD { Finding::warning("clock", says, MEND) } else { Finding::bad("clock", says, MEND) }
}

/// A `Date` is cut to whole seconds, so what it names lies half a second later in the mean.
fn apart(ours: SystemTime, theirs: SystemTime) -> (Duration, &'static str) {
    let theirs = theirs + Duration::from_millis(500);
    match ours.duration_since(theirs) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use paysluice::adapter::Level;

    use super::*;

    fn checked(date: Option<&str>, at_s: u64) -> Finding {
        let mut reply = Reply::new(StatusCode::OK, "");
        date.map(|date| reply.headers.insert("date", date.parse().unwrap()));
        check(&reply, SystemTime::UNIX_EPOCH + Duration::from_secs(at_s))
    }

    #[test]
    fn the_skew_is_judged_in_both_directions() {
        // 784111777 is Sun, 06 Nov 1994 08:49:37 GMT.
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        for (at, level, says) in [
            (784_111_777, Level::Good, "within 1 s"),
            (784_111_807, Level::Good, "within"),
            (784_111_808, Level::Warning, "30 s ahead"),
            (784_111_747, Level::Warning, "30 s behind"),
            (784_112_017, Level::Warning, "239 s ahead"),
            (784_112_018, Level::Bad, "240 s ahead"),
            (784_111_537, Level::Bad, "240 s behind"),
        ] {
            let finding = checked(date, at);
            assert!(finding.level == level && finding.says.contains(says), "{at}: {finding:?}");
            assert_eq!(finding.mend.is_some(), level > Level::Good);
        }
        assert_eq!(checked(None, 784_111_777).level, Level::Warning);
        assert_eq!(checked(Some("today"), 784_111_777).level, Level::Warning);
    }
}
