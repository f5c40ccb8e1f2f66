//! Reads any answer of Alipay's: the proved bytes of a success, or the refusal it is.

use std::time::Duration;

use bytes::Bytes;
use paysluice::adapter::{Again, Draft, Failure, Granted, Reply, Seen, Stamp, Want};
use paysluice::model::{Error, ErrorKind, Reason, Status};

use crate::Alipay;
use crate::codes::{self, Call, Resend, Row, Verdict};
use crate::envelope::Envelope;
use crate::objects::Node;
use crate::seen::given;
use crate::sign::known_format;
use crate::verify::Unproved;

/// An answer as far as all operations read it alike.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Code 10000, the node proved.
    Proved(Bytes),
    /// Code 10003, the node proved: the payer must act.
    Waiting(Bytes),
    /// Declined; or nothing is shown that proves anything of the call.
    Seen(Box<Seen>),
    /// Proved: there is no such thing.
    Missing(Bytes),
    /// It cannot be verified without this.
    Need(Want),
}

impl Alipay {
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
        if reply.status.as_u16() != 200 {
            return Err(not_ok(call, reply));
        }
        let method = draft.carry.get("method").unwrap_or_default();
        let envelope =
            Envelope::read(&reply.body, method).map_err(|error| unreadable(call, reply, &self.shown(&error.to_string())))?;
        let sent = reply.body.slice_ref(envelope.node.get().as_bytes());
        let (node, proved) = match given(envelope.sign.as_ref()) {
            None => (sent, false),
            Some(sign) => {
                let key = self.key(given(envelope.alipay_cert_sn.as_ref()), granted, received.now);
                match key.and_then(|key| Self::prove_node(&sent, sign, key)) {
                    Ok(proof) => (proof.covered().clone(), true),
                    Err(Unproved::Need(want)) => return Ok(Answer::Need(want)),
                    Err(Unproved::No(why)) => {
                        let error = Error::new(ErrorKind::Unintelligible, format!("the answer is not proved: {why}"));
                        return Err(Failure::again(with_id(error, reply), again(call, Resend::Same)));
                    }
                }
            }
        };
        self.judged(call, node, proved && !envelope.of_gateway, reply)
    }

    /// `proved`: signed, and by the node of the method itself. Without that an answer may refuse, and say nothing else.
    fn judged(&self, call: Call, bytes: Bytes, proved: bool, reply: &Reply) -> Result<Answer, Failure> {
        let node = self.node(&bytes, reply)?;
        let code = given(node.code.as_ref()).ok_or_else(|| unreadable(call, reply, "it has no code"))?;
        match code {
            "10000" if proved => return Ok(Answer::Proved(bytes.clone())),
            "10003" if proved && call == Call::Barcode => return Ok(Answer::Waiting(bytes.clone())),
            "10000" | "10003" => {
                let why = "a success that is not signed is none: not from Alipay, or altered on the way";
                return Err(unreadable(call, reply, why));
            }
            _ => {}
        }
        let row = codes::verdict(call, code, given(node.sub_code.as_ref()).unwrap_or_default());
        match row.verdict {
            Verdict::Missing if proved => Ok(Answer::Missing(bytes.clone())),
            Verdict::Missing | Verdict::Fails(ErrorKind::AlreadyDone) if !proved => {
                Err(Failure::last(self.error(ErrorKind::Doubtful, row, &node, reply)))
            }
            Verdict::Missing => Ok(Answer::Missing(bytes.clone())),
            Verdict::Query => {
                let word = Some(self.code(&node));
                Ok(Answer::Seen(Box::new(Seen { word, raw: bytes.clone(), ..Seen::default() })))
            }
            Verdict::Fails(kind) => Err(Failure::again(self.error(kind, row, &node, reply), again(call, row.resend))),
            Verdict::Declines(advice) => {
                let reason = Reason { code: self.code(&node), message: Some(self.sentence(row, &node)), advice };
                let seen = Seen { reason: Some(reason), raw: bytes.clone(), ..Seen::status(Status::Declined) };
                Ok(Answer::Seen(Box::new(seen)))
            }
        }
    }

    fn error(&self, kind: ErrorKind, row: &Row, node: &Node<'_>, reply: &Reply) -> Error {
        let mut error = Error::new(kind, self.sentence(row, node)).with_code(self.code(node));
        if kind == ErrorKind::NotNow {
            error = error.with_cause("the merchant's balance does not cover it: fund it, then refund under the same number");
        }
        if let Resend::After(after) = row.resend {
            error = error.with_after(after);
        }
        with_id(error, reply)
    }

    /// The most telling of their codes.
    fn code(&self, node: &Node<'_>) -> String {
        self.shown(given(node.sub_code.as_ref()).or(given(node.code.as_ref())).unwrap_or_default())
    }

    fn sentence(&self, row: &Row, node: &Node<'_>) -> String {
        let theirs = given(node.sub_msg.as_ref()).or(given(node.msg.as_ref())).and_then(|text| self.printable(text));
        theirs.unwrap_or_else(|| row.says.to_owned())
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

/// An error with Alipay's id of the exchange: what its support asks for.
pub(crate) fn with_id(error: Error, reply: &Reply) -> Error {
    error.with_request_id(reply.header("trace_id").map(codes::shown))
}

/// An answer that cannot be read.
pub(crate) fn unintelligible(reply: &Reply, why: &str) -> Failure {
    Failure::last(with_id(Error::new(ErrorKind::Unintelligible, format!("Alipay's answer cannot be read: {why}")), reply))
}

/// The same of an answer to that call. The number stands for good: the same bytes are understood, another draft would be refused.
pub(crate) fn unreadable(call: Call, reply: &Reply, why: &str) -> Failure {
    Failure::again(unintelligible(reply, why).error, again(call, Resend::Same))
}

/// The same of one that speaks of something else.
pub(crate) fn misread(call: Call, reply: &Reply, error: Error) -> Failure {
    Failure::again(with_id(error, reply), again(call, Resend::Same))
}

/// Alipay answers business failures with 200 too: any other status is a proxy's or a failing front's, and proves nothing.
fn not_ok(call: Call, reply: &Reply) -> Failure {
    let status = reply.status.as_u16();
    let (kind, resend) = match status {
        500.. => (ErrorKind::Unavailable, Resend::Same),
        429 => (ErrorKind::Doubtful, Resend::Same),
        _ => (ErrorKind::Unintelligible, Resend::No),
    };
    let mut error = Error::new(kind, format!("status {status} instead of 200: it proves nothing, whatever it says"));
    if let Some(seconds) = reply.header("retry-after").and_then(|text| text.parse().ok()) {
        error = error.with_after(Duration::from_secs(u64::min(seconds, 3600)));
    }
    Failure::again(with_id(error, reply), again(call, resend))
}
