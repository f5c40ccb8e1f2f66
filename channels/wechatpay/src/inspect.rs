//! Looks over keys, certificates and callback settings, for a doctor: what is held, how long it lasts, how to mend it.

use std::time::{Duration, SystemTime};

use paysluice::adapter::{Finding, Granted, Want};
use paysluice::model::Mode;
use paysluice::signing::Certificate;

use crate::WeChatPay;
use crate::config::PRODUCTION;

/// Time enough to ask for a new certificate and roll it out.
const SOON: Duration = Duration::from_secs(30 * 24 * 3600);

const DAY: u64 = 24 * 3600;

impl WeChatPay {
    pub(crate) fn findings(&self, granted: &Granted, now: SystemTime) -> Vec<Finding> {
        let mut findings = vec![self.merchant_finding(now), Finding::good("api_v3_key", "32 bytes, as it must be")];
        findings.push(self.trust_finding(granted, now));
        let fetched = granted.iter(now).filter(|grant| matches!(grant.want, Want::Key(_)));
        let fetched = fetched.filter_map(|grant| grant.parsed::<Certificate>()).map(|certificate| (certificate, "fetched"));
        let pinned = self.pinned.iter().map(|certificate| (certificate, "configured"));
        findings.extend(pinned.chain(fetched).map(|(certificate, how)| platform(certificate, how, now)));
        findings.push(self.notified());
        findings.push(self.host());
        findings
    }

    fn merchant_finding(&self, now: SystemTime) -> Finding {
        let serial = &self.merchant_serial;
        let what = format!("merchant certificate {serial}");
        let mend = "apply for a new API certificate at the merchant console, account, API security";
        match &self.merchant_certificate {
            _ if self.merchant_key.is_none() => Finding::good("merchant certificate", "not needed to read callbacks"),
            None => Finding::good(what, "serial given; configure merchant_certificate to see when it ends"),
            Some(certificate) => match left(certificate, now) {
                None => Finding::bad(what, "has expired: every request is refused", mend),
                Some(left) if left <= SOON => Finding::warning(what, format!("{} days left", days(left)), mend),
                Some(left) => Finding::good(what, format!("{} days left", days(left))),
            },
        }
    }

    /// By which keys answers and callbacks are believed.
    fn trust_finding(&self, granted: &Granted, now: SystemTime) -> Finding {
        let certificates = self.pinned.len() + granted.iter(now).filter(|grant| matches!(grant.want, Want::Key(_))).count();
        match (&self.public_key, certificates) {
            (Some(key), 0) => Finding::good(format!("WeChat Pay public key {}", key.id), "held; no platform certificate is"),
            (Some(key), count) => Finding::good(
                format!("WeChat Pay public key {}", key.id),
                format!("held beside {count} platform certificates: right while the merchant is switched over"),
            ),
            (None, 0) => Finding::warning(
                "WeChat Pay public key",
                "none held, and no platform certificate yet: certificates are fetched before the first request",
                "merchants of after September 2024 have no certificates: configure public_key (id and PEM) from the merchant \
                 console, account, API security",
            ),
            (None, count) => Finding::good("WeChat Pay public key", format!("none; {count} platform certificates are held")),
        }
    }

    fn notified(&self) -> Finding {
        match &self.notify_url {
            Some(url) => Finding::good("notify_url", format!("{url}: https without a query")),
            None => Finding::warning(
                "notify_url",
                "none: every charge must bring a callback_url, or is refused",
                "configure the https address, without a query, at which callbacks are mounted",
            ),
        }
    }

    fn host(&self) -> Finding {
        match (self.account.mode(), self.base_url == PRODUCTION) {
            (Mode::Test, true) => Finding::warning(
                "account",
                "test, and WeChat Pay has no test mode: what is charged here is real money",
                "name the account live, or point base_url to a sandbox",
            ),
            (Mode::Live, false) if self.loopback => Finding::bad(
                "base_url",
                format!("{}: a live account on a sandbox's address", self.base_url),
                "leave base_url and allow_http_loopback out",
            ),
            _ => Finding::good("base_url", self.base_url.clone()),
        }
    }
}

fn platform(certificate: &Certificate, how: &str, now: SystemTime) -> Finding {
    let what = format!("platform certificate {}", certificate.serial());
    let mend = "take the new one from the merchant console, or leave platform_certificates out: they are fetched";
    match left(certificate, now) {
        None => Finding::bad(what, format!("{how}, has expired"), mend),
        Some(left) if left <= SOON => Finding::warning(what, format!("{how}, {} days left", days(left)), mend),
        Some(left) => Finding::good(what, format!("{how}, {} days left", days(left))),
    }
}

/// How long it is still valid.
fn left(certificate: &Certificate, now: SystemTime) -> Option<Duration> {
    certificate.valid_until().duration_since(now).ok()
}

fn days(left: Duration) -> u64 {
    left.as_secs() / DAY
}
