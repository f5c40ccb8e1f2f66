//! Looks over keys, certificates, addresses and test settings, for a doctor: what is held, how long it lasts, how to mend it.

use std::time::{Duration, SystemTime};

use paysluice::adapter::Finding;
use paysluice::model::Mode;
use paysluice::signing::Certificate;

use crate::UnionPay;
use crate::config::{PRODUCTION, TEST};

/// Time enough to ask for a new certificate and roll it out.
const SOON: Duration = Duration::from_secs(30 * 24 * 3600);

const DAY: u64 = 24 * 3600;

impl UnionPay {
    pub(crate) fn findings(&self, now: SystemTime) -> Vec<Finding> {
        let mut findings = vec![self.signing(now)];
        let mend = "take the current ones from open.unionpay.com (acp_prod_root.cer, acp_prod_middle.cer)";
        for (kind, certificate) in self.signers.authorities() {
            findings.push(lasts(format!("{kind} {}", certificate.serial()), certificate, now, mend));
        }
        if !self.signers.joined(now) {
            let says = "a middle certificate is not signed by a root that is configured, with what is believed here";
            findings.push(Finding::bad(
                "middle_certificates",
                says,
                "configure the root and the middle certificate of one environment",
            ));
        }
        findings.push(self.notified());
        findings.push(self.environment());
        findings.push(self.host());
        findings
    }

    fn signing(&self, now: SystemTime) -> Finding {
        let mend =
            "download a new certificate from CFCA with the two codes of UnionPay's mail, and upload it at the merchant console";
        match &self.merchant {
            None => Finding::good("signing certificate", "not needed to read notices"),
            Some(merchant) => lasts(format!("signing certificate {}", merchant.cert_id), &merchant.certificate, now, mend),
        }
    }

    fn notified(&self) -> Finding {
        match &self.notify_url {
            Some(url) => Finding::good("notify_url", url.clone()),
            None => Finding::warning(
                "notify_url",
                "none: every charge and every refund must bring a callback_url, or is refused",
                "configure the address at which notices are mounted; it must be reachable from outside",
            ),
        }
    }

    fn environment(&self) -> Finding {
        match (self.test_environment, self.account.mode()) {
            (true, Mode::Live) => Finding::bad("test_environment", "true with a live account", "leave it out"),
            (true, Mode::Test) => {
                Finding::good("test_environment", "true: certificates signed with SHA-1 are believed; no real money is here")
            }
            (false, Mode::Test) if self.base_url == TEST => Finding::warning(
                "test_environment",
                "false at the test gateway, whose certificates are signed with SHA-1: none of its answers is believed",
                "set test_environment to true",
            ),
            (false, _) => {
                Finding::good("test_environment", "false: SHA-1 is worth nothing, and the signer must be UnionPay itself")
            }
        }
    }

    fn host(&self) -> Finding {
        match (self.account.mode(), self.base_url == PRODUCTION) {
            (Mode::Test, true) => Finding::warning(
                "account",
                "test, at the production gateway: what is charged here is real money",
                "name the account live, set test_environment, or point base_url to a sandbox",
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

fn lasts(what: String, certificate: &Certificate, now: SystemTime, mend: &str) -> Finding {
    match certificate.valid_until().duration_since(now) {
        _ if certificate.valid_from() > now => Finding::bad(what, "is not valid yet", "check this host's clock"),
        Err(_) => Finding::bad(what, "has expired", mend),
        Ok(left) if left <= SOON => Finding::warning(what, format!("{} days left", left.as_secs() / DAY), mend),
        Ok(left) => Finding::good(what, format!("{} days left", left.as_secs() / DAY)),
    }
}
