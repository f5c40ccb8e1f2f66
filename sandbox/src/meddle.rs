//! How an answer is meddled with before it is an answer: what a fault asks of a face.

use crate::fault::Fault;

/// What a face does to its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meddle {
    Plain,
    ErrorBefore,
    ErrorAfter,
    Unavailable,
    TooMany(u32),
    /// Executed, where this provider does so in truth; then 429.
    TooManyAfter,
    /// 202, not executed.
    Accepted,
    OtherOrder,
    /// Executed; a good answer is named after another operation.
    OtherNode,
    /// Executed; a good answer says two things under one name, of which one is signed.
    DoubledNode,
    /// Executed; the signature of the answer is not what it should be.
    Signature(Forgery),
}

/// What is wrong with a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forgery {
    /// A byte of it is another.
    Broken,
    /// WeChat Pay's own test of the merchant: it says what it is, and does not verify.
    Probe,
    /// Made with a key that is not the provider's, in the provider's name.
    OtherKey,
    /// There is none.
    Absent,
    /// Made under a certificate of the provider's authority that names another.
    OtherName,
    /// Made under a certificate of the provider's that is no longer valid.
    OutOfTime,
}

impl Meddle {
    /// What a fault asks of the face; the rest happens to the connection.
    pub(crate) fn of(fault: Fault) -> Self {
        match fault {
            Fault::ErrorBefore => Self::ErrorBefore,
            Fault::ErrorAfter => Self::ErrorAfter,
            Fault::Unavailable => Self::Unavailable,
            Fault::TooMany { retry_after_s } => Self::TooMany(retry_after_s),
            Fault::TooManyAfter => Self::TooManyAfter,
            Fault::Accepted => Self::Accepted,
            Fault::OtherOrder => Self::OtherOrder,
            Fault::OtherNode => Self::OtherNode,
            Fault::DoubledNode => Self::DoubledNode,
            Fault::BadSignature => Self::Signature(Forgery::Broken),
            Fault::SignProbe => Self::Signature(Forgery::Probe),
            Fault::OtherKey => Self::Signature(Forgery::OtherKey),
            Fault::Unsigned => Self::Signature(Forgery::Absent),
            Fault::OtherName => Self::Signature(Forgery::OtherName),
            Fault::OutOfTime => Self::Signature(Forgery::OutOfTime),
            Fault::Pass
            | Fault::Refuse
            | Fault::CloseBefore
            | Fault::CloseAfter
            | Fault::Slow { .. }
            | Fault::Truncated
            | Fault::Garbage
            | Fault::ClockSkew { .. } => Self::Plain,
        }
    }
}
