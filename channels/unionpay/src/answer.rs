//! Reads any answer of UnionPay's: proved, about the trade that was asked about, and then what its code means.

use paysluice::adapter::{Again, Draft, Failure, Refs, Reply, Seen, Stamp};
use paysluice::model::{Error, ErrorKind, Reason, Status};

use crate::codes::{self, Call, Row, Verdict};
use crate::fields::Fields;
use crate::message::{Message, Refused};
use crate::sign::{Trade, known_format};
use crate::{UnionPay, codes::shown};

/// What was asked.
pub(crate) struct Asked<'a> {
    pub(crate) call: Call,
    /// Whose answer it must be; none for a probe.
    pub(crate) draft: Option<&'a Draft>,
    /// The types of trade that the answer may name: the one asked for; to a question, the one asked about too.
    pub(crate) types: &'static [&'static str],
}

/// An answer as far as all operations read it alike.
pub(crate) enum Answer<'a> {
    /// Accepted, by an answer that names our trade.
    Good(Message<'a>),
    /// The payment was refused.
    Declined(Box<Seen>),
    /// There is no such trade.
    Missing,
}

/// What a draft carries about the trade that its answer must name.
pub(crate) fn carried(trade: &Trade) -> Refs {
    Refs::new().with("order_id", trade.order_id.as_str()).with("txn_time", trade.txn_time.as_str())
}

impl UnionPay {
    /// Reads the answer to a draft.
    pub(crate) fn answer<'r>(
        &self,
        call: Call,
        types: &'static [&'static str],
        draft: &Draft,
        reply: &'r Reply,
        received: &Stamp,
    ) -> Result<Answer<'r>, Failure> {
        known_format(draft)?;
        let asked = Asked { call, draft: Some(draft), types };
        let (row, message) = self.heard(&asked, reply, received)?;
        let code = message.fields.text("respCode").unwrap_or_default();
        match codes::verdict(call, code) {
            Verdict::Good => Ok(Answer::Good(message)),
            Verdict::Missing => Ok(Answer::Missing),
            Verdict::Declines(advice) => {
                let message = sentence(&message.fields, "respMsg", row);
                let reason = Some(Reason { code: shown(code), message: Some(message), advice });
                let seen = Seen { reason, word: Some(shown(code)), raw: reply.body.clone(), ..Seen::status(Status::Declined) };
                Ok(Answer::Declined(Box::new(seen)))
            }
            Verdict::Fails(kind) => {
                let mut error = Error::new(kind, sentence(&message.fields, "respMsg", row)).with_code(shown(code));
                if kind == ErrorKind::NotNow {
                    error = error.with_cause("UnionPay does not accept it at this time");
                }
                if kind == ErrorKind::Conflict {
                    error = error.with_cause("the order of this number was never shown to anybody; charge the next attempt");
                }
                Err(Failure::again(error, again(call, kind)))
            }
        }
    }

    /// Proves an answer and sees that it is one to what was asked; tells the row of its code.
    pub(crate) fn heard<'r>(
        &self,
        asked: &Asked<'_>,
        reply: &'r Reply,
        received: &Stamp,
    ) -> Result<(&'static Row, Message<'r>), Failure> {
        let call = asked.call;
        let status = reply.status.as_u16();
        if status != 200 {
            // "Any other status counts as no answer."
            let kind = if matches!(status, 429 | 500..) { ErrorKind::Unavailable } else { ErrorKind::Unintelligible };
            let error = Error::new(kind, format!("UnionPay answered with status {status}, which is no answer"));
            return Err(Failure::again(error, again(call, kind)));
        }
        let unproved = |why: &str| {
            let error = Error::new(ErrorKind::Unintelligible, format!("the answer is not proved: {why}"));
            Failure::again(error, again(call, ErrorKind::Unintelligible))
        };
        let fields = Fields::read(&reply.body).map_err(unproved)?;
        let message = self.proved(fields, received.now, false).map_err(|refused| match refused {
            Refused::Unproved(why) => unproved(&why),
            Refused::NotOurs => Failure::last(other("merId", "not ours")),
        })?;
        let code = message.fields.text("respCode").ok_or_else(|| unread("respCode"))?;
        let proves = matches!(codes::verdict(call, code), Verdict::Good | Verdict::Missing | Verdict::Declines(_));
        self.check_trade(asked, &message.fields, proves)?;
        Ok((codes::listed(code), message))
    }

    /// Whether an answer is about the trade that the draft speaks of. One that `proves` something must name it; a refusal may name
    /// nothing, where nothing could be read, but never another.
    fn check_trade(&self, asked: &Asked<'_>, fields: &Fields<'_>, proves: bool) -> Result<(), Error> {
        let Some(draft) = asked.draft else { return Ok(()) };
        let is = |name: &str, ours: Option<&str>| match (fields.text(name), ours) {
            (_, None) => Ok(()),
            (Some(theirs), Some(ours)) if theirs == ours => Ok(()),
            (None, Some(_)) if !proves => Ok(()),
            _ => Err(other(name, "not what was asked about")),
        };
        is("merId", Some(self.account.merchant()))?;
        is("orderId", draft.carry.get("order_id"))?;
        is("txnTime", draft.carry.get("txn_time"))?;
        let code = fields.text("respCode").unwrap_or_default();
        if codes::verdict(asked.call, code) == Verdict::Good {
            // A question for an id finds that one, or nothing.
            is("queryId", draft.carry.get("asked_id"))?;
        }
        let kind = fields.text("txnType");
        if kind.is_some_and(|kind| !asked.types.contains(&kind)) {
            return Err(other("txnType", "not what was asked about"));
        }
        Ok(())
    }
}

/// Whether the same may go again by itself. A question may; so may an order that nobody was shown. What takes money, or gives it
/// back, is asked about first: the library's own rule.
fn again(call: Call, kind: ErrorKind) -> Again {
    let transient = matches!(kind, ErrorKind::Throttled | ErrorKind::Unavailable | ErrorKind::Unintelligible);
    match call {
        Call::Query | Call::Order | Call::Reverse if transient => Again::SameKey { after: None, invalidate: None },
        _ if kind == ErrorKind::Throttled => Again::SameKey { after: None, invalidate: None },
        _ => Again::No,
    }
}

/// UnionPay's sentence, or the table's.
pub(crate) fn sentence(fields: &Fields<'_>, name: &str, row: &Row) -> String {
    let text = fields.bytes(name).map(String::from_utf8_lossy);
    let text: Option<String> = text.map(|text| text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect());
    text.unwrap_or_else(|| row.says.to_owned())
}

/// An answer that lacks what it must say, or says it in a way that cannot be.
pub(crate) fn unread(field: &str) -> Error {
    Error::new(ErrorKind::Unintelligible, format!("UnionPay's message has no {field} that can be read"))
}

/// An answer about something else than was asked.
pub(crate) fn other(field: &str, what: &str) -> Error {
    Error::new(ErrorKind::Unintelligible, format!("it speaks of something else: {field} is {what}"))
}
