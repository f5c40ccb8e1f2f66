//! The error every operation answers with: did it take effect, and what may be done now?

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{Invalid, Payment};

/// Whether an operation took effect at the provider. What is not proved is `Unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Proved: it did not, and will not.
    NotApplied,
    /// Nobody knows yet. It is being resolved.
    Unknown,
    /// Proved: it did.
    Applied,
}

/// What the caller may do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Change something and call again with the same numbers; after a decline, ask for the next attempt.
    Fix,
    /// Call again with the same numbers, not before `after` has passed.
    Resend {
        /// The least time to wait.
        after: Duration,
    },
    /// Call again with the same numbers once the cause (see [`Error::cause`]) is mended.
    Later,
    /// Ask by its number, or wait for `settled`. Never new numbers.
    Query,
    /// It is done; read it.
    Stop,
}

/// What went wrong. Each kind has exactly one fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request breaks a rule, ours or the provider's.
    Invalid,
    /// Wrong or missing credentials or permission.
    Unauthorized,
    /// This provider cannot do it.
    Unsupported,
    /// The same number was used for something else; or two operations exclude each other. Nothing was sent.
    Conflict,
    /// Another attempt of the order may still take money.
    StillPayable,
    /// The bank or the provider refused this attempt.
    Declined,
    /// Proved unsent: no connection.
    Unreachable,
    /// The provider refused for now because of too many requests.
    Throttled,
    /// A guard refused before anything was sent.
    Refused,
    /// Not possible in the present state of things outside: no funds for a refund.
    NotNow,
    /// Sent, and no answer came.
    Lost,
    /// The provider failed after taking the request.
    Unavailable,
    /// An answer came that cannot be believed or read.
    Unintelligible,
    /// The provider says that it does not know.
    Doubtful,
    /// The operation runs elsewhere and did not end in time.
    InFlight,
    /// Our own store failed when it mattered.
    StoreFailed,
    /// It was done before.
    AlreadyDone,
    /// It took effect, but with other money than asked.
    Mismatch,
}

impl ErrorKind {
    /// Every kind, in the order of declaration.
    pub const ALL: [Self; 18] = [
        Self::Invalid,
        Self::Unauthorized,
        Self::Unsupported,
        Self::Conflict,
        Self::StillPayable,
        Self::Declined,
        Self::Unreachable,
        Self::Throttled,
        Self::Refused,
        Self::NotNow,
        Self::Lost,
        Self::Unavailable,
        Self::Unintelligible,
        Self::Doubtful,
        Self::InFlight,
        Self::StoreFailed,
        Self::AlreadyDone,
        Self::Mismatch,
    ];

    /// Whether an operation that ended with this took effect.
    pub fn fate(self) -> Fate {
        match self {
            Self::Invalid
            | Self::Unauthorized
            | Self::Unsupported
            | Self::Conflict
            | Self::StillPayable
            | Self::Declined
            | Self::Unreachable
            | Self::Throttled
            | Self::Refused
            | Self::NotNow => Fate::NotApplied,
            Self::Lost | Self::Unavailable | Self::Unintelligible | Self::Doubtful | Self::InFlight | Self::StoreFailed => {
                Fate::Unknown
            }
            Self::AlreadyDone | Self::Mismatch => Fate::Applied,
        }
    }

    /// The name in logs and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unauthorized => "unauthorized",
            Self::Unsupported => "unsupported",
            Self::Conflict => "conflict",
            Self::StillPayable => "still_payable",
            Self::Declined => "declined",
            Self::Unreachable => "unreachable",
            Self::Throttled => "throttled",
            Self::Refused => "refused",
            Self::NotNow => "not_now",
            Self::Lost => "lost",
            Self::Unavailable => "unavailable",
            Self::Unintelligible => "unintelligible",
            Self::Doubtful => "doubtful",
            Self::InFlight => "in_flight",
            Self::StoreFailed => "store_failed",
            Self::AlreadyDone => "already_done",
            Self::Mismatch => "mismatch",
        }
    }
}

/// An error that tells the fate of the operation and the next step. Prints as one line, holds no secret.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    code: Option<String>,
    request_id: Option<String>,
    after: Option<Duration>,
    cause: Option<String>,
    until: Option<SystemTime>,
    payment: Option<Payment>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of that kind, with a sentence for people.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            code: None,
            request_id: None,
            after: None,
            cause: None,
            until: None,
            payment: None,
            source: None,
        }))
    }

    /// With the provider's code, as it said it.
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    /// With the provider's id of the exchange.
    pub fn with_request_id(mut self, id: Option<impl Into<String>>) -> Self {
        self.0.request_id = id.map(Into::into);
        self
    }

    /// With the least time to wait before the next call.
    pub fn with_after(mut self, after: Duration) -> Self {
        self.0.after = Some(after);
        self
    }

    /// With what must be mended outside first.
    pub fn with_cause(mut self, cause: impl Into<String>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// With the time until which another attempt may still take money.
    pub fn with_until(mut self, until: Option<SystemTime>) -> Self {
        self.0.until = until;
        self
    }

    /// With the payment as far as it is known.
    pub fn with_payment(mut self, payment: Payment) -> Self {
        self.0.payment = Some(payment);
        self
    }

    /// With the error that led here.
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the operation took effect.
    pub fn fate(&self) -> Fate {
        self.0.kind.fate()
    }

    /// What the caller may do now.
    pub fn next(&self) -> Next {
        match (self.fate(), self.0.kind) {
            (_, ErrorKind::Unreachable | ErrorKind::Throttled | ErrorKind::Refused) => {
                Next::Resend { after: self.0.after.unwrap_or(DEFAULT_RESEND) }
            }
            (_, ErrorKind::NotNow) => Next::Later,
            (Fate::NotApplied, _) => Next::Fix,
            (Fate::Unknown, _) => Next::Query,
            (Fate::Applied, _) => Next::Stop,
        }
    }

    /// The sentence for people.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The provider's code, as it said it.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The provider's id of the exchange: what its support asks for.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The least time to wait, if the provider or a guard named one.
    pub fn after(&self) -> Option<Duration> {
        self.0.after
    }

    /// What must be mended outside first, for `NotNow`.
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// Until when another attempt may still take money, for `StillPayable`.
    pub fn until(&self) -> Option<SystemTime> {
        self.0.until
    }

    /// The payment as far as it is known.
    pub fn payment(&self) -> Option<&Payment> {
        self.0.payment.as_ref()
    }
}

/// How long to wait before calling again when nobody named a time: long enough not to be a storm.
const DEFAULT_RESEND: Duration = Duration::from_secs(1);

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::new(ErrorKind::Invalid, invalid.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind.name(), self.0.message)?;
        if let Some(code) = &self.0.code {
            write!(f, " [code {code}]")?;
        }
        if let Some(id) = &self.0.request_id {
            write!(f, " [request {id}]")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self}; fate {:?}, next {:?})", self.fate(), self.next())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fate_table_is_the_one_in_the_readme() {
        let fates: Vec<(&str, Fate)> = ErrorKind::ALL.iter().map(|kind| (kind.name(), kind.fate())).collect();
        assert_eq!(fates.iter().filter(|(_, fate)| *fate == Fate::NotApplied).count(), 10);
        assert_eq!(fates.iter().filter(|(_, fate)| *fate == Fate::Unknown).count(), 6);
        assert_eq!(fates.iter().filter(|(_, fate)| *fate == Fate::Applied).count(), 2);
    }

    #[test]
    fn the_next_step_follows_from_fate_and_kind() {
        let next = |kind| Error::new(kind, "x").next();
        assert_eq!(next(ErrorKind::Declined), Next::Fix);
        assert_eq!(next(ErrorKind::NotNow), Next::Later);
        assert_eq!(next(ErrorKind::Lost), Next::Query);
        assert_eq!(next(ErrorKind::Mismatch), Next::Stop);
        let throttled = Error::new(ErrorKind::Throttled, "x").with_after(Duration::from_secs(7));
        assert_eq!(throttled.next(), Next::Resend { after: Duration::from_secs(7) });
    }

    #[test]
    fn it_prints_one_line_with_code_and_request() {
        let error =
            Error::new(ErrorKind::Declined, "Your card was declined.").with_code("card_declined").with_request_id(Some("req_1"));
        assert_eq!(error.to_string(), "declined: Your card was declined. [code card_declined] [request req_1]");
    }
}
