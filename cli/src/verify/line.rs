//! One line: a request as it was received, and when. Every error names the field and the rule.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use paysluice::adapter::Request;
use serde_json::{Map, Value};

/// What a line asks.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) gateway: Option<String>,
    /// When it was received; this machine's clock if it is not said.
    pub(crate) now: Option<SystemTime>,
    pub(crate) request: Request,
}

impl Asked {
    /// Reads a line's fields.
    pub(crate) fn read(fields: &Map<String, Value>) -> Result<Self, String> {
        const KNOWN: [&str; 7] = ["id", "gateway", "now", "method", "url", "headers", "body_b64"];
        if let Some(other) = fields.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            let shown: String = other.chars().take(40).collect();
            return Err(format!("{shown:?}: must be one of {}", KNOWN.join(", ")));
        }
        let text = |name: &str| match fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(format!("{name}: must be a text")),
        };
        let method = text("method")?.unwrap_or("POST");
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| "method: must be an HTTP method such as POST")?;
        let body = text("body_b64")?.ok_or("body_b64: must be given: the body, byte for byte, in base64")?;
        let body = STANDARD.decode(body).map_err(|error| format!("body_b64: must be standard base64 ({error})"))?;
        let mut request = Request::new(method, text("url")?.unwrap_or_default()).with_body(body);
        request.headers = headers(fields.get("headers"))?;
        Ok(Self { gateway: text("gateway")?.map(str::to_owned), now: now(fields.get("now"))?, request })
    }
}

/// Unix seconds, or RFC 3339.
fn now(said: Option<&Value>) -> Result<Option<SystemTime>, String> {
    const RULE: &str = "now: must be whole unix seconds, or RFC 3339 such as 2026-01-31T12:00:00Z";
    let at = match said {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(seconds)) => seconds.as_u64().and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds))),
        Some(Value::String(text)) => text.parse::<jiff::Timestamp>().ok().and_then(since_epoch),
        Some(_) => None,
    };
    at.map(Some).ok_or_else(|| RULE.to_owned())
}

/// None for a time before 1970.
fn since_epoch(at: jiff::Timestamp) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::try_from(at.as_duration()).ok()?)
}

/// `{name: value}`, `{name: [value, ..]}` or `[[name, value], ..]`.
fn headers(said: Option<&Value>) -> Result<HeaderMap, String> {
    const RULE: &str = "headers: must be an object of texts or lists of texts, or a list of [name, value]";
    let mut headers = HeaderMap::new();
    let mut add = |name: &str, value: &Value| {
        let value = value.as_str().ok_or(RULE)?;
        let shown: String = name.chars().take(40).collect();
        let wrong = |what: &str| format!("headers: {what} of {shown:?} must be one that HTTP allows");
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("the name"))?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| wrong("the value"))?;
        headers.try_append(name, value).map(|_| ()).map_err(|_| "headers: must be fewer".to_owned())
    };
    match said {
        None | Some(Value::Null) => {}
        Some(Value::Object(object)) => {
            for (name, value) in object {
                match value {
                    Value::Array(values) => values.iter().try_for_each(|value| add(name, value))?,
                    value => add(name, value)?,
                }
            }
        }
        Some(Value::Array(pairs)) => {
            for pair in pairs {
                match pair.as_array().map(Vec::as_slice) {
                    Some([Value::String(name), value]) => add(name, value)?,
                    _ => return Err(RULE.to_owned()),
                }
            }
        }
        Some(_) => return Err(RULE.to_owned()),
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Asked, String> {
        Asked::read(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn headers_come_in_three_forms_and_may_repeat() {
        for form in [r#"{"A":["1","2"]}"#, r#"[["a","1"],["A","2"]]"#] {
            let asked = read(&format!(r#"{{"body_b64":"","headers":{form}}}"#)).unwrap();
            let values: Vec<&[u8]> = asked.request.headers.get_all("a").iter().map(HeaderValue::as_bytes).collect();
            assert_eq!(values, [b"1", b"2"], "{form}");
        }
    }

    #[test]
    fn a_time_is_seconds_or_rfc_3339() {
        let at = |now: &str| read(&format!(r#"{{"body_b64":"","now":{now}}}"#)).map(|asked| asked.now);
        let expected = Some(UNIX_EPOCH + Duration::from_secs(1_533_204_620));
        assert_eq!(at("1533204620").unwrap(), expected);
        assert_eq!(at("\"2018-08-02T10:10:20Z\"").unwrap(), expected);
        assert_eq!(at("\"2018-08-02T12:10:20+02:00\"").unwrap(), expected);
        assert_eq!(at("null").unwrap(), None);
        for wrong in ["-1", "1.5", "\"yesterday\"", "[]", "1e300", "18446744073709551615", "\"1960-01-01T00:00:00Z\""] {
            assert!(at(wrong).is_err_and(|why| why.starts_with("now: must be")), "{wrong}");
        }
    }

    #[test]
    fn every_wrong_field_is_named_with_its_rule() {
        for (json, field) in [
            (r"{}", "body_b64"),
            (r#"{"body_b64":"*"}"#, "body_b64"),
            (r#"{"body_b64":1}"#, "body_b64"),
            (r#"{"body_b64":"","method":"P T"}"#, "method"),
            (r#"{"body_b64":"","url":1}"#, "url"),
            (r#"{"body_b64":"","headers":"x"}"#, "headers"),
            (r#"{"body_b64":"","headers":{"a b":"x"}}"#, "headers"),
            (r#"{"body_b64":"","headers":{"a":"x\ny"}}"#, "headers"),
            (r#"{"body_b64":"","headers":[["a"]]}"#, "headers"),
            (r#"{"body_b64":"","gateway":[]}"#, "gateway"),
            (r#"{"body_b64":"","body":"x"}"#, "\"body\""),
        ] {
            let why = read(json).unwrap_err();
            assert!(why.starts_with(field) && why.contains("must"), "{json}: {why}");
        }
    }
}
