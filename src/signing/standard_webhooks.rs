//! The Standard Webhooks scheme: signs what we send to an application, and verifies what is signed like that.
//!
//! Source: standard-webhooks/standard-webhooks, `spec/standard-webhooks.md`. Symmetric `v1` only: HMAC-SHA256 over
//! `id.timestamp.body`, keyed with the bytes that the secret's base64 stands for.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use bytes::Bytes;

use super::{HmacKey, Proof};
use crate::model::{Invalid, Secret};

/// What secrets are shown with, before their base64.
const PREFIX: &[u8] = b"whsec_";

/// How far an attempt's time may lie from ours, either way.
const TOLERANCE: Duration = Duration::from_secs(300);

/// Secrets as people paste them: the padding may be missing, but a text that was cut off within a byte is refused.
const PASTED: GeneralPurpose =
    GeneralPurpose::new(&ALPHABET, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// The secrets of one endpoint: the current one, and while it is rolled the one before or after.
#[derive(Clone, Debug)]
pub struct StandardWebhooks(Vec<HmacKey>);

/// The three headers of a message, as they came.
#[derive(Clone, Copy, Debug)]
pub struct Claimed<'a> {
    /// `webhook-id`: names the message, the same at each attempt. The signature covers it.
    pub id: &'a str,
    /// `webhook-timestamp`: unix seconds of this attempt. The signature covers it.
    pub timestamp: &'a str,
    /// `webhook-signature`: `v1,BASE64`, several with blanks between.
    pub signature: &'a str,
}

/// Why a message is not proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotProved {
    /// The id is empty or holds a `.`, or the timestamp is no number.
    Malformed,
    /// The attempt is older than the tolerance.
    TooOld,
    /// The attempt is further in the future than the tolerance.
    TooNew,
    /// No `v1` signature in the list is made with one of our secrets over these bytes.
    NoMatch,
}

impl StandardWebhooks {
    /// An endpoint with these secrets: `whsec_` (which may be left out) and base64 of 24 to 64 bytes. At least one.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Result<Self, Invalid> {
        let keys = secrets.into_iter().map(key).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(Invalid::new("secret", "at least one secret")) } else { Ok(Self(keys)) }
    }

    /// The `webhook-signature` of an attempt at `timestamp` (unix seconds): one `v1` for each secret.
    ///
    /// The error is for an id that is empty or holds a `.`, which would let two messages sign alike.
    pub fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> Result<String, Invalid> {
        if !is_id(id) {
            return Err(Invalid::new("webhook-id", "visible ASCII without a dot"));
        }
        let timestamp = timestamp.to_string();
        let one =
            |key: &HmacKey| format!("v1,{}", STANDARD.encode(key.sign(&[id.as_bytes(), b".", timestamp.as_bytes(), b".", body])));
        Ok(self.0.iter().map(one).collect::<Vec<_>>().join(" "))
    }

    /// Proves that `body` is the sender's, unaltered and of this hour; then id and timestamp are too. Deduplicate by the id.
    ///
    /// Entries of other versions and without a comma are passed over, as the reference in Rust does.
    pub fn verify(&self, claimed: Claimed<'_>, body: &Bytes, now: SystemTime) -> Result<Proof, NotProved> {
        let Claimed { id, timestamp, signature } = claimed;
        let digits = (1..=12).contains(&timestamp.len()) && timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let at: u64 = timestamp.parse().ok().filter(|_| digits && is_id(id)).ok_or(NotProved::Malformed)?;
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if now.saturating_sub(at) > TOLERANCE.as_secs() {
            return Err(NotProved::TooOld);
        }
        if at.saturating_sub(now) > TOLERANCE.as_secs() {
            return Err(NotProved::TooNew);
        }
        let codes: Vec<Vec<u8>> = signature
            .split(' ')
            .filter_map(|entry| entry.strip_prefix("v1,"))
            .filter_map(|code| STANDARD.decode(code).ok())
            .collect();
        let prefix = [id.as_bytes(), b".", timestamp.as_bytes(), b"."];
        let proved = self.0.iter().find_map(|key| key.verify(&prefix, body, codes.iter().map(Vec::as_slice)));
        proved.ok_or(NotProved::NoMatch)
    }
}

impl fmt::Display for NotProved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "webhook-id or webhook-timestamp is malformed",
            Self::TooOld => "webhook-timestamp is more than 300 s ago",
            Self::TooNew => "webhook-timestamp is more than 300 s in the future",
            Self::NoMatch => "webhook-signature matches none of the secrets: another secret, or an altered body",
        })
    }
}

impl std::error::Error for NotProved {}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 256 && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.')
}

fn key(secret: &Secret) -> Result<HmacKey, Invalid> {
    let text = secret.expose().strip_prefix(PREFIX).unwrap_or(secret.expose());
    let bytes = PASTED.decode(text).ok().map(Secret::new).filter(|bytes| (24..=64).contains(&bytes.len()));
    let bytes = bytes.ok_or_else(|| Invalid::new("secret", "whsec_ and the base64 of 24 to 64 random bytes"))?;
    Ok(HmacKey::new(&bytes))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// The official vectors and cases derived from the official suites; the source stands in each.
    fn vectors() -> Value {
        serde_json::from_str(include_str!("vectors/standard_webhooks.json")).unwrap()
    }

    fn text(value: &Value) -> &str {
        value.as_str().unwrap()
    }

    fn endpoint(secret: &str) -> Result<StandardWebhooks, Invalid> {
        StandardWebhooks::new([&Secret::new(secret)])
    }

    fn seconds(value: &Value) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(value.as_u64().unwrap())
    }

    #[test]
    fn the_official_vectors_are_signed_and_proved() {
        let vectors = vectors();
        let official = vectors["official"].as_array().unwrap();
        assert_eq!(official.len(), 2);
        for case in official {
            let (endpoint, id, body) = (endpoint(text(&case["secret"])).unwrap(), text(&case["webhook_id"]), text(&case["body"]));
            let signature = endpoint.sign(id, case["timestamp"].as_u64().unwrap(), body.as_bytes()).unwrap();
            assert_eq!(signature, text(&case["expected"]), "{}", case["id"]);
            let timestamp = case["timestamp"].to_string();
            let claimed = Claimed { id, timestamp: &timestamp, signature: &signature };
            let body = Bytes::copy_from_slice(body.as_bytes());
            assert_eq!(endpoint.verify(claimed, &body, seconds(&case["timestamp"])).unwrap().covered(), &body);
            let altered = Bytes::from_static(b"{}");
            assert_eq!(endpoint.verify(claimed, &altered, seconds(&case["timestamp"])).unwrap_err(), NotProved::NoMatch);
            let other = Claimed { id: "msg_2", ..claimed };
            assert_eq!(endpoint.verify(other, &body, seconds(&case["timestamp"])).unwrap_err(), NotProved::NoMatch);
        }
    }

    #[test]
    fn headers_and_times_are_judged_as_the_official_suites_do() {
        let vectors = vectors();
        let derived = &vectors["derived_cases"];
        let body = Bytes::copy_from_slice(text(&derived["body"]).as_bytes());
        let timestamp = derived["timestamp"].to_string();
        let mut judged = 0;
        for case in derived["cases"].as_array().unwrap() {
            let expect = text(&case["expect"]);
            let Some(header) = case.get("header") else {
                assert!(endpoint(text(&case["secret"])).is_err(), "{expect}");
                continue;
            };
            let claimed = Claimed { id: text(&derived["webhook_id"]), timestamp: &timestamp, signature: text(header) };
            let verdict = endpoint(text(&derived["secret"])).unwrap().verify(claimed, &body, seconds(&case["now"]));
            assert_eq!(verdict.is_ok(), expect.starts_with("valid"), "{expect}: {verdict:?}");
            let reason = verdict.err();
            assert_eq!(reason == Some(NotProved::TooOld), expect.ends_with("too old"), "{expect}");
            assert_eq!(reason == Some(NotProved::TooNew), expect.ends_with("too new"), "{expect}");
            judged += 1;
        }
        assert_eq!(judged, 8);
    }

    #[test]
    fn while_a_secret_is_rolled_both_sides_of_it_prove() {
        let [old, new] = [1_u8, 2].map(|byte| Secret::new(format!("whsec_{}", STANDARD.encode([byte; 32]))));
        let body = Bytes::from_static(b"{}");
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        let both = StandardWebhooks::new([&new, &old]).unwrap();
        let signature = both.sign("msg_1", 1000, &body).unwrap();
        assert_eq!(signature.split(' ').count(), 2);
        for secret in [&old, &new] {
            let one = StandardWebhooks::new([secret]).unwrap();
            let claimed = Claimed { id: "msg_1", timestamp: "1000", signature: &signature };
            assert!(one.verify(claimed, &body, now).is_ok());
            let alone = one.sign("msg_1", 1000, &body).unwrap();
            assert!(both.verify(Claimed { signature: &alone, ..claimed }, &body, now).is_ok());
        }
    }

    #[test]
    fn a_secret_is_whole_or_refused_and_never_repeated() {
        for bytes in [24, 25, 32, 64] {
            let padded = format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
            assert!(endpoint(&padded).is_ok() && endpoint(padded.trim_end_matches('=')).is_ok(), "{bytes}");
        }
        for bytes in [0, 23, 65] {
            assert!(endpoint(&STANDARD.encode(vec![7; bytes])).is_err(), "{bytes}");
        }
        // Python takes these, whose last character holds bits of a byte that is not there; the reference in Rust does not.
        for case in vectors()["derived_cases"]["unpadded_base64_secrets_python_accepts"].as_array().unwrap() {
            assert!(endpoint(text(&case["secret"])).is_err());
        }
        let error = endpoint("whsec_hush!").unwrap_err();
        assert!(!error.to_string().contains("hush") && StandardWebhooks::new([]).is_err(), "{error}");
    }

    #[test]
    fn what_could_sign_alike_is_refused() {
        let endpoint = endpoint(&STANDARD.encode([7; 32])).unwrap();
        assert!(endpoint.sign("a.b", 1, b"").is_err() && endpoint.sign("", 1, b"").is_err());
        let signature = endpoint.sign("a", 1, b"2.body").unwrap();
        let moved = Claimed { id: "a.1", timestamp: "2", signature: &signature };
        let now = UNIX_EPOCH + Duration::from_secs(1);
        assert_eq!(endpoint.verify(moved, &Bytes::from_static(b"body"), now).unwrap_err(), NotProved::Malformed);
        for timestamp in ["", "+1", "1.0", " 1", "1234567890123"] {
            let claimed = Claimed { id: "a", timestamp, signature: &signature };
            assert_eq!(endpoint.verify(claimed, &Bytes::new(), now).unwrap_err(), NotProved::Malformed, "{timestamp:?}");
        }
    }
}
