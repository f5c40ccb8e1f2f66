//! Stripe's error answers, and which of them a key remembers.

use http::StatusCode;
use serde_json::{Map, Value, json};

/// An error answer.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) fields: Map<String, Value>,
    /// Whether the endpoint had begun: then the key remembers this answer.
    pub(crate) began: bool,
}

impl ApiError {
    fn new(status: StatusCode, kind: &str, code: &str, message: impl Into<String>, began: bool) -> Self {
        let mut fields = Map::new();
        fields.insert("type".into(), kind.into());
        if !code.is_empty() {
            fields.insert("code".into(), code.into());
            fields.insert("doc_url".into(), format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")).into());
        }
        fields.insert("message".into(), message.into().into());
        Self { status, fields, began }
    }

    /// A parameter breaks a rule: nothing began.
    pub(crate) fn invalid(code: &str, param: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", code, message, false).with("param", param)
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", "", message, false)
    }

    pub(crate) fn unknown_param(name: &str) -> Self {
        Self::invalid("parameter_unknown", name, format!("Received unknown parameter: {name}"))
    }

    pub(crate) fn missing_param(name: &str) -> Self {
        Self::invalid("parameter_missing", name, format!("Missing required param: {name}."))
    }

    /// The state of an object forbids it.
    pub(crate) fn conflict(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", code, message, true)
    }

    /// The object of the path, or of `param`, does not exist.
    pub(crate) fn missing(what: &str, id: &str, param: &str) -> Self {
        let status = if param == "id" || param == "intent" || param == "refund" || param == "charge_id" { 404 } else { 400 };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::NOT_FOUND);
        let message = format!("No such {what}: '{id}'");
        Self::new(status, "invalid_request_error", "resource_missing", message, true).with("param", param)
    }

    pub(crate) fn no_route(method: &str, path: &str) -> Self {
        let message = format!("Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs.");
        Self::new(StatusCode::NOT_FOUND, "invalid_request_error", "", message, false)
    }

    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_request_error", "", message, false)
    }

    /// The bank said no: HTTP 402.
    pub(crate) fn card(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYMENT_REQUIRED, "card_error", code, message, true)
    }

    pub(crate) fn key_reused() -> Self {
        let message = "Keys for idempotent requests can only be used with the same parameters they were first used with. \
                       Try using a key other than the one you sent if you meant to execute a different request.";
        Self::new(StatusCode::BAD_REQUEST, "idempotency_error", "", message, false)
    }

    pub(crate) fn key_in_use() -> Self {
        let message = "There is currently another in-progress request using this Idempotency-Key. Please try again later.";
        Self::new(StatusCode::CONFLICT, "idempotency_error", "idempotency_key_in_use", message, false)
    }

    pub(crate) fn too_many() -> Self {
        let message = "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "invalid_request_error", "rate_limit", message, false)
    }

    pub(crate) fn internal(status: StatusCode) -> Self {
        Self::new(status, "api_error", "", "An unknown error occurred", status == StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn body(&self) -> Value {
        json!({ "error": self.fields })
    }
}
