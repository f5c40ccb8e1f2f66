//! Looks over keys, certificates and callback settings, for a doctor: what is held, how long it lasts, how to mend it.

use std::time::{Duration, SystemTime};

use paysluice::adapter::{Finding, Granted, Want};
use paysluice::model::Mode;
use paysluice::signing::Certificate;

use crate::Alipay;
use crate::config::{PRODUCTION, SANDBOX};
use crate::trust::{Trust, sn};

/// Time enough to ask for a new certificate and roll it out.
const SOON: Duration = Duration::from_secs(30 * 24 * 3600);

const DAY: u64 = 24 * 3600;

impl Alipay {
    pub(crate) fn findings(&self, granted: &Granted, now: SystemTime) -> Vec<Finding> {
        let mut findings = vec![self.app_key_finding()];
        let fetched = granted.iter(now).filter(|grant| matches!(grant.want, Want::Key(_)));
        let fetched: Vec<&Certificate> = fetched.filter_map(|grant| grant.parsed::<Certificate>()).collect();
        match &self.trust {
            Trust::Key(key) => {
                findings
                    .push(Finding::good("alipay_public_key", format!("{} bits, another than the application's own", key.bits())));
            }
            Trust::Certificates(held) => {
                let mend = "download it anew from the console, development settings, and configure it";
                findings
                    .extend(self.app_certificate.as_ref().map(|certificate| lasts("app_certificate", certificate, now, mend)));
                let told = lasts("alipay_certificate", &held.alipay, now, mend);
                let newer = fetched.iter().any(|certificate| certificate.valid_at(now));
                findings.push(if newer {
                    let says = "Alipay signs with another certificate by now, which was fetched and is believed";
                    Finding::warning(told.what, says, mend)
                } else {
                    told
                });
                findings.extend(fetched.iter().map(|certificate| lasts("fetched certificate", certificate, now, mend)));
                findings.push(Finding::good("alipay_root_certificates", format!("named {}", held.root_sn)));
            }
        }
        findings.extend([self.seller_finding(), self.notified(), self.host()]);
        findings
    }

    fn app_key_finding(&self) -> Finding {
        let what = "app_private_key";
        let Some(key) = &self.app_key else { return Finding::good(what, "not needed to read notices") };
        let bits = key.public_key().map_or(0, |key| key.bits());
        let belongs = if self.app_certificate.is_some() { ", and belongs to app_certificate" } else { "" };
        Finding::good(what, format!("{bits} bits{belongs}"))
    }

    fn seller_finding(&self) -> Finding {
        match &self.seller_id {
            Some(id) => Finding::good("seller_id", format!("{id}: notices about money of another are refused")),
            None => Finding::warning(
                "seller_id",
                "none: notices are checked to be of this app, not of whose money they speak",
                "configure the merchant's user id (2088…), as the console shows it",
            ),
        }
    }

    fn notified(&self) -> Finding {
        match &self.notify_url {
            Some(url) => Finding::good("notify_url", url.clone()),
            None => Finding::warning(
                "notify_url",
                "none: a charge that brings no callback_url is never notified, and only looked after",
                "configure the https address at which callbacks are mounted",
            ),
        }
    }

    fn host(&self) -> Finding {
        match (self.account.mode(), self.base_url.as_str()) {
            (Mode::Test, PRODUCTION) => Finding::bad(
                "base_url",
                "a test account on Alipay's production: what is charged here is real money",
                "name the account live, or leave base_url out",
            ),
            (Mode::Live, SANDBOX) => Finding::bad("base_url", "a live account on Alipay's sandbox", "leave base_url out"),
            (Mode::Live, url) if self.loopback => Finding::bad(
                "base_url",
                format!("{url}: a live account on a sandbox's address"),
                "leave base_url and allow_http_loopback out",
            ),
            (_, url) => Finding::good("base_url", url),
        }
    }
}

fn lasts(what: &str, certificate: &Certificate, now: SystemTime, mend: &str) -> Finding {
    let what = format!("{what} {}", sn(certificate));
    match certificate.valid_until().duration_since(now) {
        Err(_) => Finding::bad(what, "has expired", mend),
        Ok(_) if now < certificate.valid_from() => Finding::bad(what, "is not valid yet", "set this host's clock right"),
        Ok(left) if left <= SOON => Finding::warning(what, format!("{} days left", left.as_secs() / DAY), mend),
        Ok(left) => Finding::good(what, format!("{} days left", left.as_secs() / DAY)),
    }
}
