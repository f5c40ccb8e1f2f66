//! WeChat Pay's error answers: a status, a code, a sentence; never signed.

use http::StatusCode;
use serde_json::{Value, json};

/// An error answer.
#[derive(Clone, Debug)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    code: &'static str,
    message: String,
    detail: Option<Value>,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), detail: None }
    }

    /// A field breaks a rule.
    pub(super) fn param(field: &str, value: &Value, issue: impl Into<String>) -> Self {
        let issue = issue.into();
        let mut error = Self::new(StatusCode::BAD_REQUEST, "PARAM_ERROR", format!("{field}: {issue}"));
        error.detail = Some(json!({"field": field, "value": value, "issue": issue, "location": "body"}));
        error
    }

    /// A header or the path breaks a rule.
    pub(super) fn bad_param(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "PARAM_ERROR", message)
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_REQUEST", message)
    }

    /// A 400 with a code of its own.
    pub(super) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// The business does not allow it: 403.
    pub(super) fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    /// Who asks is not proved; `signed` is the message that the signature should be of.
    pub(super) fn sign(message: impl Into<String>, signed: Option<&str>) -> Self {
        let mut error = Self::new(StatusCode::UNAUTHORIZED, "SIGN_ERROR", message);
        error.detail = signed.map(|signed| {
            json!({
                "field": "signature",
                "location": "authorization",
                "sign_information": {"sign_message_length": signed.len(), "truncated_sign_message": truncated(signed)},
            })
        });
        error
    }

    pub(super) fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    pub(super) fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "this address takes another method")
    }

    pub(super) fn too_many(message: &str) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "FREQUENCY_LIMITED", message)
    }

    pub(super) fn system() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "SYSTEM_ERROR", "系统异常，请使用相同参数稍后重新调用")
    }

    pub(super) fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE", "服务不可用")
    }

    pub(super) fn body(&self) -> Value {
        let mut body = json!({"code": self.code, "message": self.message});
        if let (Some(detail), Value::Object(fields)) = (&self.detail, &mut body) {
            fields.insert("detail".to_owned(), detail.clone());
        }
        body
    }
}

fn truncated(text: &str) -> String {
    text.chars().take(256).collect()
}
