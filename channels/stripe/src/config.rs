//! What Stripe is configured with, and the rules that catch a wrong key before it meets money.

use std::time::Duration;

use paysluice::adapter::check_base_url;
use paysluice::model::{AccountRef, Invalid, Mode, Secret};
use serde::{Deserialize, Deserializer};

/// The version of Stripe's API that this crate was written against. Sent with every request.
pub const API_VERSION: &str = "2026-07-29.dahlia";

/// The account and credentials of one Stripe account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct StripeConfig {
    /// The account: provider `stripe`, its mode, the account's own id. A connected account is `sub` and goes into the
    /// `Stripe-Account` header.
    pub account: AccountRef,
    /// `sk_live_…`, `rk_live_…`, `sk_test_…` or `rk_test_…`; must agree with the account's mode.
    pub secret_key: Secret,
    /// The signing secrets of the webhook endpoint, whole (`whsec_…`). Two while one is rolled; none where no webhook is taken.
    #[serde(default)]
    pub webhook_secrets: Vec<Secret>,
    /// Where Stripe is. `https`, except for a loopback sandbox that [`allow_http_loopback`](Self::allow_http_loopback) permits.
    #[serde(default = "base_url")]
    pub base_url: String,
    /// The API version to ask for; [`API_VERSION`] unless there is a reason.
    #[serde(default = "api_version")]
    pub api_version: String,
    /// How far a callback's timestamp may lie from our clock, either way. Text such as `300s` or `5m`; Stripe's SDKs use 300 s.
    #[serde(default = "tolerance", deserialize_with = "seconds")]
    pub webhook_tolerance: Duration,
    /// Lets `base_url` be `http` on a loopback address: for a sandbox on this machine, never in production.
    #[serde(default)]
    pub allow_http_loopback: bool,
}

fn base_url() -> String {
    "https://api.stripe.com".to_owned()
}

fn api_version() -> String {
    API_VERSION.to_owned()
}

const fn tolerance() -> Duration {
    Duration::from_secs(300)
}

impl StripeConfig {
    /// An account with its key, and everything else as Stripe recommends. Webhooks need their secrets added.
    pub fn new(account: AccountRef, secret_key: Secret) -> Self {
        Self {
            account,
            secret_key,
            webhook_secrets: Vec::new(),
            base_url: base_url(),
            api_version: api_version(),
            webhook_tolerance: tolerance(),
            allow_http_loopback: false,
        }
    }

    /// With one more signing secret of the webhook endpoint.
    pub fn webhook_secret(mut self, secret: Secret) -> Self {
        self.webhook_secrets.push(secret);
        self
    }

    /// Whether everything fits together.
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        if self.account.provider() != "stripe" {
            return Err(Invalid::new("account.provider", "stripe"));
        }
        if self.account.sub().is_some_and(|sub| !sub.starts_with("acct_")) {
            return Err(Invalid::new("account.sub", "the id of a connected account, acct_…"));
        }
        check_key(&self.secret_key, self.account.mode())?;
        for secret in &self.webhook_secrets {
            check_text("webhook_secrets", secret)?;
        }
        check_base_url(&self.base_url, self.allow_http_loopback)?;
        let version = self.api_version.as_bytes();
        if !(10..=64).contains(&version.len()) || !version.iter().all(|b| b.is_ascii_alphanumeric() || b"-._;=".contains(b)) {
            return Err(Invalid::new("api_version", "a version of Stripe's API such as 2026-07-29.dahlia"));
        }
        if !(1..=3600).contains(&self.webhook_tolerance.as_secs()) {
            return Err(Invalid::new("webhook_tolerance", "1 s to 1 h"));
        }
        Ok(())
    }
}

fn check_key(key: &Secret, mode: Mode) -> Result<(), Invalid> {
    check_text("secret_key", key)?;
    let starts =
        |prefixes: [&[u8]; 2]| prefixes.iter().any(|prefix| key.expose().starts_with(prefix) && key.len() > prefix.len());
    match mode {
        Mode::Live if starts([b"sk_live_", b"rk_live_"]) => Ok(()),
        Mode::Test if starts([b"sk_test_", b"rk_test_"]) => Ok(()),
        Mode::Live => Err(Invalid::new("secret_key", "a live key (sk_live_… or rk_live_…), since the account is live")),
        Mode::Test => Err(Invalid::new("secret_key", "a test key (sk_test_… or rk_test_…), since the account is test")),
    }
}

/// A blank pasted with a secret makes every signature wrong and is seen by nobody.
fn check_text(field: &str, secret: &Secret) -> Result<(), Invalid> {
    if secret.is_empty() {
        return Err(Invalid::new(field, "present"));
    }
    if !secret.expose().iter().all(u8::is_ascii_graphic) {
        return Err(Invalid::new(field, "visible ASCII without blanks or line ends (check how it was pasted)"));
    }
    Ok(())
}

fn seconds<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(input)?;
    let parsed = match (text.strip_suffix('s'), text.strip_suffix('m')) {
        (Some(seconds), _) => seconds.parse().ok(),
        (None, Some(minutes)) => minutes.parse::<u64>().ok().and_then(|minutes| minutes.checked_mul(60)),
        (None, None) => None,
    };
    parsed
        .map(Duration::from_secs)
        .ok_or_else(|| serde::de::Error::custom("webhook_tolerance: must be a time such as 300s or 5m"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(account: &str, key: &str) -> StripeConfig {
        StripeConfig::new(account.parse().unwrap(), Secret::new(key))
    }

    #[test]
    fn the_key_must_agree_with_the_mode_and_is_never_repeated() {
        for (account, key, fits) in [
            ("stripe:live:acct_1", "sk_live_abc", true),
            ("stripe:live:acct_1", "rk_live_abc", true),
            ("stripe:test:acct_1", "rk_test_abc", true),
            ("stripe:live:acct_1", "sk_test_abc", false),
            ("stripe:test:acct_1", "sk_live_abc", false),
            ("stripe:test:acct_1", "pk_test_abc", false),
            ("stripe:test:acct_1", "sk_test_", false),
            ("stripe:test:acct_1", "sk_test_abc\n", false),
            ("stripe:test:acct_1", "", false),
        ] {
            let checked = config(account, key).check();
            assert_eq!(checked.is_ok(), fits, "{account} {key:?}");
            if let Err(error) = checked {
                assert!(error.field() == "secret_key" && !error.to_string().contains("abc"), "{error}");
            }
        }
        assert_eq!(config("adyen:test:a", "sk_test_abc").check().unwrap_err().field(), "account.provider");
    }

    #[test]
    fn a_blank_in_a_webhook_secret_is_caught() {
        let config = config("stripe:test:acct_1", "sk_test_abc").webhook_secret(Secret::new("whsec_abc "));
        let error = config.check().unwrap_err();
        assert!(error.field() == "webhook_secrets" && error.rule().contains("blanks"), "{error}");
    }

    #[test]
    fn it_reads_from_json_and_refuses_what_it_does_not_know() {
        let json = r#"{"account":"stripe:test:acct_1:acct_2","secret_key":"sk_test_abc","webhook_secrets":["whsec_a"],"webhook_tolerance":"5m"}"#;
        let config: StripeConfig = serde_json::from_str(json).unwrap();
        assert_eq!((config.webhook_tolerance, config.base_url.as_str()), (Duration::from_secs(300), "https://api.stripe.com"));
        assert!(config.check().is_ok());
        assert!(!format!("{config:?}").contains("abc"));
        assert!(serde_json::from_str::<StripeConfig>(&json.replace("webhook_tolerance", "tolerance")).is_err());
    }
}
