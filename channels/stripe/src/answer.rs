//! Reads any answer of Stripe's: the object it holds, checked to be the one that was asked for, or the error it is.

use std::time::Duration;

use paysluice::adapter::{Again, Draft, Failure, Refs, Reply, Seen};
use paysluice::model::{Error, ErrorKind, Mode, Status};

use crate::Stripe;
use crate::codes::{self, Resend, Verdict};
use crate::objects::{Object, Refusal, is_id};
use crate::seen::{add_ref, printable, reason, unread};
use crate::sign::known_format;

/// An answer as far as all operations read it alike.
pub(crate) enum Answer<'a> {
    /// 200 and an object.
    Object(Box<Object<'a>>),
    /// Refused by the bank or by Stripe; what is known of the intent.
    Declined { error: Error, seen: Box<Seen> },
    /// This call did nothing; the intent stands as it is, if the answer shows it.
    Stands { error: Error, intent: Option<Box<Object<'a>>> },
}

impl Stripe {
    /// Reads an answer.
    pub(crate) fn answer<'a>(&self, draft: &Draft, reply: &'a Reply) -> Result<Answer<'a>, Failure> {
        known_format(draft)?;
        match reply.status.as_u16() {
            200 => serde_json::from_slice(&reply.body)
                .map(|object| Answer::Object(Box::new(object)))
                .map_err(|error| unintelligible(reply, &error.to_string())),
            400..=599 => self.refusal(draft, reply),
            other => Err(unintelligible(reply, &format!("status {other} is none that Stripe answers with"))),
        }
    }

    /// Reads an answer that must be this draft's intent.
    pub(crate) fn intent(&self, draft: &Draft, reply: &Reply, intent: &Object<'_>) -> Result<Seen, Failure> {
        let read = self.check_intent(draft, intent).and_then(|()| self.see_intent(intent, reply.body.clone()));
        read.map_err(|error| with_id(error, reply).into())
    }

    /// Whether an object is the intent that the draft speaks of: an answer about another proves nothing about ours.
    fn check_intent(&self, draft: &Draft, intent: &Object<'_>) -> Result<(), Error> {
        let id = intent.id.as_deref().filter(|id| is_id("pi_", id)).ok_or_else(|| unread("id"))?;
        if intent.object.as_deref() != Some("payment_intent") {
            return Err(other("object", "not a payment intent"));
        }
        if draft.carry.get("intent").is_some_and(|ours| ours != id) {
            return Err(other("id", "another intent's"));
        }
        if intent.livemode != Some(self.account.mode() == Mode::Live) {
            return Err(other("livemode", "not the account's mode"));
        }
        let metadata = intent.metadata.as_ref();
        let told =
            metadata.and_then(|metadata| Some((metadata.paysluice_order.as_deref()?, metadata.paysluice_attempt.as_deref()?)));
        match (draft.carry.get("order").zip(draft.carry.get("attempt")), told) {
            (Some(ours), Some(theirs)) if ours != theirs => Err(other("metadata", "another order's or attempt's")),
            // An intent that was found by its id may have lost its metadata at the dashboard; one just made cannot.
            (Some(_), None) if draft.carry.get("intent").is_none() => Err(other("metadata", "not ours")),
            _ => Ok(()),
        }
    }

    fn refusal<'a>(&self, draft: &Draft, reply: &'a Reply) -> Result<Answer<'a>, Failure> {
        let status = reply.status.as_u16();
        let body: Option<Refusal<'a>> = serde_json::from_slice(&reply.body).ok();
        let Some(Refusal { error: fault }) = body.filter(|body| body.error.class.is_some() || body.error.code.is_some()) else {
            return Err(unreadable(reply));
        };
        let row = codes::verdict(status, fault.class.as_deref(), fault.code.as_deref());
        let replayed = reply.header("idempotent-replayed") == Some("true");
        let refs = self.refs_of(draft, &fault);
        let again = match codes::resend(row, reply.header("stripe-should-retry"), replayed, status) {
            Resend::No => Again::No,
            Resend::SameKey => Again::SameKey { after: retry_after(reply), invalidate: None },
            Resend::NewKey => Again::NewKey,
        };
        let error = |kind| {
            // A 401 repeats a part of the key, so Stripe's sentence is not taken over.
            let sentence = fault.message.as_deref().filter(|_| kind != ErrorKind::Unauthorized).and_then(printable);
            let param = fault.param.as_deref().map(|param| format!(" (param {})", codes::shown(param))).unwrap_or_default();
            let sentence = sentence.unwrap_or_else(|| row.says.to_owned());
            let code = fault.decline_code.as_deref().or(fault.code.as_deref()).or(fault.class.as_deref()).unwrap_or(row.word);
            let mut error = Error::new(kind, format!("{sentence}{param}")).with_code(codes::shown(code));
            if kind == ErrorKind::NotNow {
                error = error.with_cause("the balance of the Stripe account does not cover it: add funds");
            }
            if let Some(after) = retry_after(reply) {
                error = error.with_after(after);
            }
            with_id(error, reply)
        };
        match row.verdict {
            Verdict::Fails(kind) => Err(Failure::again(error(kind), again).with_refs(refs)),
            Verdict::Stands => Ok(Answer::Stands { error: error(ErrorKind::Conflict), intent: fault.payment_intent }),
            Verdict::Declines => {
                let error = error(ErrorKind::Declined);
                let mut seen = match &fault.payment_intent {
                    Some(intent) => self.intent(draft, reply, intent)?,
                    None => Seen { status: Some(Status::Declined), refs, raw: reply.body.clone(), ..Seen::default() },
                };
                // A refusal beside an intent that is not refused: one of the two is wrong, so neither is believed.
                if seen.word.as_deref().is_some_and(|word| !matches!(word, "requires_payment_method" | "canceled")) {
                    let doubt = Error::new(ErrorKind::Doubtful, format!("declined, but the intent is {:?}", seen.word));
                    return Err(Failure::last(with_id(doubt, reply)).with_refs(seen.refs));
                }
                if seen.word.as_deref() != Some("canceled") {
                    seen.status = Some(Status::Declined);
                }
                seen.reason = Some(reason(&fault));
                seen.action = None;
                Ok(Answer::Declined { error, seen: Box::new(seen) })
            }
        }
    }

    /// Ids in an error answer, if they are this draft's.
    fn refs_of(&self, draft: &Draft, fault: &crate::objects::Fault<'_>) -> Refs {
        let mut refs = Refs::new();
        if let Some(intent) = fault.payment_intent.as_deref()
            && self.check_intent(draft, intent).is_ok()
        {
            add_ref(&mut refs, "intent", "pi_", intent.id.as_deref());
            add_ref(&mut refs, "charge", "ch_", fault.charge.as_ref().and_then(|charge| charge.id()));
        }
        refs
    }
}

/// An error with Stripe's id of the exchange: what its support asks for.
pub(crate) fn with_id(error: Error, reply: &Reply) -> Error {
    error.with_request_id(reply.header("request-id").map(codes::shown))
}

/// An answer that cannot be read.
pub(crate) fn unintelligible(reply: &Reply, why: &str) -> Failure {
    Failure::last(with_id(
        Error::new(ErrorKind::Unintelligible, format!("Stripe's answer cannot be read: {}", codes::shown(why))),
        reply,
    ))
}

fn other(field: &str, what: &str) -> Error {
    Error::new(ErrorKind::Unintelligible, format!("the answer speaks of something else: {field} is {what}"))
}

/// An error answer without Stripe's error object: a proxy's, or cut off. It proves nothing.
fn unreadable(reply: &Reply) -> Failure {
    let status = reply.status.as_u16();
    let replayed = reply.header("idempotent-replayed") == Some("true");
    let (kind, again) = match status {
        500.. => (ErrorKind::Unavailable, !replayed && reply.header("stripe-should-retry") != Some("false")),
        429 => (ErrorKind::Doubtful, true),
        _ => (ErrorKind::Unintelligible, false),
    };
    let error = with_id(Error::new(kind, format!("Stripe's answer of status {status} holds no error of Stripe's")), reply);
    let again = if again { Again::SameKey { after: retry_after(reply), invalidate: None } } else { Again::No };
    Failure::again(error, again)
}

/// `Retry-After` in seconds. Stripe documents none, so a date is not read; an hour is the most that is believed.
fn retry_after(reply: &Reply) -> Option<Duration> {
    reply.header("retry-after")?.parse().ok().map(|seconds: u64| Duration::from_secs(seconds.min(3600)))
}
