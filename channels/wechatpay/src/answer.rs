//! Reads any answer of WeChat Pay's: proved bytes of a 2xx, or the refusal it is.

use std::time::Duration;

use bytes::Bytes;
use paysluice::adapter::{Again, Draft, Failure, Granted, Reply, Seen, Stamp, Want};
use paysluice::model::{Error, ErrorKind, Reason, Status};

use crate::WeChatPay;
use crate::codes::{self, Call, Resend, Row, Verdict};
use crate::objects::{Detail, Object, Refusal};
use crate::seen::{given, other};
use crate::sign::known_format;
use crate::verify::Unproved;

/// An answer as far as all operations read it alike.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A 2xx, its body proved. Empty for a 204.
    Proved(Bytes),
    /// Refused, or waiting for the payer, by an answer of its own.
    Seen(Box<Seen>),
    /// There is no such thing.
    Missing,
    /// It cannot be verified without this.
    Need(Want),
}

impl WeChatPay {
    /// Reads an answer to that call.
    pub(crate) fn answer(
        &self,
        call: Call,
        draft: &Draft,
        reply: &Reply,
        received: &Stamp,
        granted: &Granted,
    ) -> Result<Answer, Failure> {
        known_format(draft)?;
        match reply.status.as_u16() {
            200 | 204 => self.proved(call, reply, received, granted),
            // Believed only in so far as it is signed; unsigned it is no worse than no answer.
            202 => match self.proved(call, reply, received, granted)? {
                Answer::Proved(_) => self.refusal(call, reply),
                answer => Ok(answer),
            },
            400..=599 => self.refusal(call, reply),
            other => Err(unintelligible(reply, &format!("status {other} is none that WeChat Pay answers with"))),
        }
    }

    /// A 2xx is believed only with a signature of the provider's.
    fn proved(&self, call: Call, reply: &Reply, received: &Stamp, granted: &Granted) -> Result<Answer, Failure> {
        let (kind, why) = match self.prove(&reply.headers, &reply.body, received.now, granted) {
            Ok(proof) => return Ok(Answer::Proved(proof.covered().clone())),
            Err(Unproved::Need(want)) => return Ok(Answer::Need(want)),
            // A test of ours, which the breaker must not count as trouble of theirs.
            Err(Unproved::Probe) => (ErrorKind::Doubtful, "a sign probe of WeChat Pay's (WECHATPAY/SIGNTEST/)".to_owned()),
            Err(Unproved::No(why)) => (ErrorKind::Unintelligible, why),
        };
        let error = with_id(Error::new(kind, format!("the answer is not proved: {why}")), reply);
        Err(Failure::again(error, again(call, Resend::Same)))
    }

    fn refusal(&self, call: Call, reply: &Reply) -> Result<Answer, Failure> {
        let status = reply.status.as_u16();
        let Ok(fault) = serde_json::from_slice::<Refusal<'_>>(&reply.body) else {
            return Err(unreadable(call, reply));
        };
        let row = codes::verdict(call, status, &fault.code, fault.message.as_deref().unwrap_or_default());
        match row.verdict {
            Verdict::Fails(kind) => Err(Failure::again(self.error(kind, row, &fault, reply), again(call, row.resend))),
            Verdict::Missing => Ok(Answer::Missing),
            Verdict::PayerActs => {
                let seen = Seen { word: Some(codes::shown(&fault.code)), raw: reply.body.clone(), ..Seen::default() };
                Ok(Answer::Seen(Box::new(Seen { status: Some(Status::AwaitingPayer), ..seen })))
            }
            Verdict::Declines(advice) => {
                let reason = Reason {
                    code: self.shown(&fault.code),
                    message: Some(
                        fault.message.as_deref().and_then(|text| self.printable(text)).unwrap_or_else(|| row.says.to_owned()),
                    ),
                    advice,
                };
                let seen = Seen { reason: Some(reason), raw: reply.body.clone(), ..Seen::status(Status::Declined) };
                Ok(Answer::Seen(Box::new(seen)))
            }
        }
    }

    fn error(&self, kind: ErrorKind, row: &Row, fault: &Refusal<'_>, reply: &Reply) -> Error {
        let sentence = fault.message.as_deref().filter(|text| !text.is_empty()).and_then(|text| self.printable(text));
        let sentence = sentence.unwrap_or_else(|| row.says.to_owned());
        let detail = fault.detail.and_then(|raw| serde_json::from_str::<Detail<'_>>(raw.get()).ok()).unwrap_or_default();
        let field = given(detail.field.as_ref()).map(|field| self.shown(field));
        let issue = given(detail.issue.as_ref()).map(|issue| self.shown(issue));
        let named = match (field, issue) {
            (Some(field), Some(issue)) => format!(" ({field}: {issue})"),
            (Some(field), None) => format!(" ({field})"),
            _ => String::new(),
        };
        let mut error = Error::new(kind, format!("{sentence}{named}")).with_code(self.shown(&fault.code));
        if kind == ErrorKind::NotNow {
            error = error.with_cause("the merchant's balance does not cover it: fund it, then refund under the same number");
        }
        if let Some(after) = retry_after(reply).or(match row.resend {
            Resend::After(after) => Some(after),
            Resend::No | Resend::Same => None,
        }) {
            error = error.with_after(after);
        }
        with_id(error, reply)
    }

    /// Reads a proved body that must be an object of this payment.
    pub(crate) fn object<'a>(&self, body: &'a Bytes, reply: &Reply) -> Result<Object<'a>, Failure> {
        serde_json::from_slice(body).map_err(|error| unintelligible(reply, &self.shown(&error.to_string())))
    }

    /// Whether an object is the payment that the draft speaks of: an answer about another proves nothing about ours.
    pub(crate) fn check_order(draft: &Draft, object: &Object<'_>) -> Result<(), Error> {
        let (number, transaction) = (given(object.out_trade_no.as_ref()), given(object.transaction_id.as_ref()));
        if draft.carry.get("number").is_some_and(|ours| number != Some(ours)) {
            return Err(other("out_trade_no", "another order's"));
        }
        let ours = draft.carry.get("transaction");
        if ours.is_some_and(|ours| transaction.is_some_and(|theirs| theirs != ours)) {
            return Err(other("transaction_id", "another payment's"));
        }
        if draft.carry.get("number").is_none() && (ours.is_none() || transaction != ours) {
            return Err(other("transaction_id", "another payment's"));
        }
        Ok(())
    }
}

/// Whether the same may be sent again. A payment by barcode in doubt is not: it takes money at once, so it is asked for instead.
fn again(call: Call, resend: Resend) -> Again {
    let after = match resend {
        Resend::No => return Again::No,
        Resend::Same if call == Call::Barcode => return Again::No,
        Resend::Same => None,
        Resend::After(after) => Some(after),
    };
    Again::SameKey { after, invalidate: None }
}

/// An error with WeChat Pay's id of the exchange: what its support asks for.
pub(crate) fn with_id(error: Error, reply: &Reply) -> Error {
    error.with_request_id(reply.header("request-id").map(codes::shown))
}

/// An answer that cannot be read.
pub(crate) fn unintelligible(reply: &Reply, why: &str) -> Failure {
    Failure::last(with_id(Error::new(ErrorKind::Unintelligible, format!("WeChat Pay's answer cannot be read: {why}")), reply))
}

/// An error answer without WeChat Pay's code: a proxy's, or cut off. It proves nothing.
fn unreadable(call: Call, reply: &Reply) -> Failure {
    let status = reply.status.as_u16();
    let (kind, resend) = match status {
        500.. | 202 => (ErrorKind::Unavailable, Resend::Same),
        429 => (ErrorKind::Doubtful, Resend::Same),
        _ => (ErrorKind::Unintelligible, Resend::No),
    };
    let mut error = Error::new(kind, format!("WeChat Pay's answer of status {status} holds no code of WeChat Pay's"));
    if let Some(after) = retry_after(reply) {
        error = error.with_after(after);
    }
    Failure::again(with_id(error, reply), again(call, resend))
}

/// `Retry-After` in seconds. None is documented, so a date is not read; an hour is the most that is believed.
fn retry_after(reply: &Reply) -> Option<Duration> {
    reply.header("retry-after")?.parse().ok().map(|seconds: u64| Duration::from_secs(seconds.min(3600)))
}
