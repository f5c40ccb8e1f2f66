//! The settings of forwarding: the secret that receivers know us by.

use paysluice::adapter::Finding;

use super::misconfigured;
use crate::config::GatewaySection;
use crate::relay;
use crate::secrets::Secrets;

/// Whether `callback serve` could sign. Nothing is said where nothing of it is configured.
pub(super) fn check(secrets: &Secrets<'_>, name: &str, section: &GatewaySection) -> Vec<Finding> {
    let count = section.forward_secret_env.0.len() + section.forward_secret_file.0.len();
    if count == 0 {
        return Vec::new();
    }
    vec![match relay::signer(secrets, name) {
        Ok(_) if count == 1 => Finding::good("forward_secret", "one secret"),
        Ok(_) => Finding::warning(
            "forward_secret",
            format!("{count} secrets: right while one is rolled"),
            "take out the old secret once every receiver has the new one",
        ),
        Err(error) => misconfigured(&error),
    }]
}
