//! How an operation ended, in a form that can be stored and told to everyone who waits for it.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::model::{Error, ErrorKind, Fate};

/// The end of an operation: done, or an error that may be told again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// Answered; the order's row says what came of it.
    Done,
    /// Failed, with the truth about it.
    Failed(Told),
}

/// What an [`Error`] says, without its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) kind: ErrorKind,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<SystemTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
}

impl Told {
    /// What the error says.
    pub(crate) fn of(error: &Error) -> Self {
        Self {
            kind: error.kind(),
            message: error.message().to_owned(),
            code: error.code().map(str::to_owned),
            request_id: error.request_id().map(str::to_owned),
            after: error.after(),
            until: error.until(),
            cause: error.cause().map(str::to_owned),
        }
    }

    /// The same failure as doubt: something was sent before, and nothing has proved what became of it.
    pub(crate) fn in_doubt(mut self) -> Self {
        if self.kind.fate() == Fate::NotApplied {
            self.message = format!("an earlier send is in doubt; the last one ended: {}: {}", self.kind.name(), self.message);
            self.kind = ErrorKind::Lost;
            self.after = None;
        }
        self
    }

    /// The same failure where nothing that moves money was sent: proved not applied, come again.
    pub(crate) fn unmoved(mut self) -> Self {
        if self.kind.fate() == Fate::Unknown {
            self.message = format!("a preparing step was not answered, no money was moved: {}", self.message);
            self.kind = ErrorKind::Unreachable;
        }
        self
    }

    /// With the least time to wait, if none was named.
    pub(crate) fn after(mut self, wait: Duration) -> Self {
        self.after = self.after.or(Some(wait));
        self
    }

    /// The error again.
    pub(crate) fn error(&self) -> Error {
        let mut error =
            Error::new(self.kind, self.message.clone()).with_request_id(self.request_id.clone()).with_until(self.until);
        if let Some(code) = &self.code {
            error = error.with_code(code.clone());
        }
        if let Some(after) = self.after {
            error = error.with_after(after);
        }
        if let Some(cause) = &self.cause {
            error = error.with_cause(cause.clone());
        }
        error
    }

    /// The sentence for people.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The provider's code.
    pub(crate) fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }
}

impl From<&Error> for Verdict {
    fn from(error: &Error) -> Self {
        Self::Failed(Told::of(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_survives_the_store_whole() {
        let error = Error::new(ErrorKind::NotNow, "no funds")
            .with_code("balance_insufficient")
            .with_request_id(Some("req_1"))
            .with_until(Some(SystemTime::UNIX_EPOCH + Duration::from_secs(60)))
            .with_cause("fund the account");
        let text = serde_json::to_string(&Verdict::from(&error)).unwrap();
        let Verdict::Failed(told) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
        assert_eq!(told.error().to_string(), error.to_string());
        assert_eq!((told.error().cause(), told.error().until()), (Some("fund the account"), error.until()));
    }

    #[test]
    fn doubt_is_sticky() {
        let told = Told::of(&Error::new(ErrorKind::Unreachable, "connection refused")).in_doubt();
        assert_eq!(told.error().fate(), Fate::Unknown);
        let told = Told::of(&Error::new(ErrorKind::Unavailable, "500")).in_doubt();
        assert_eq!(told.kind, ErrorKind::Unavailable);
    }
}
