//! What the targets share: accounts, the moment they live in, and how input is cut into headers and body.

pub mod alipay;
pub mod unionpay;
pub mod wechatpay;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue};
use paysluice::model::Secret;
use paysluice_stripe::{Stripe, StripeConfig};

/// The signing secret of the account's webhook endpoint.
pub const WEBHOOK_SECRET: &str = "whsec_f00dfeedf00dfeed";
/// The moment, in seconds since 1970.
pub const NOW: u64 = 1_790_000_000;

/// The moment.
pub fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

/// The account.
pub fn stripe() -> Stripe {
    let account = "stripe:test:acct_1Main".parse().expect("an account");
    let config = StripeConfig::new(account, Secret::new("sk_test_51AbCdEfGh")).webhook_secret(Secret::new(WEBHOOK_SECRET));
    Stripe::new(config).expect("a configuration")
}

/// Reads `name: value` lines up to an empty one; what HTTP forbids is left out. The rest is the body.
pub fn headers_and_body(input: &[u8]) -> (HeaderMap, &[u8]) {
    let mut headers = HeaderMap::new();
    let mut rest = input;
    while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
        let line = &rest[..end];
        rest = &rest[end + 1..];
        if line.is_empty() || headers.len() > 16 {
            break;
        }
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
        let (name, value) = (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(line[colon + 1..].trim_ascii()));
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    (headers, rest)
}
