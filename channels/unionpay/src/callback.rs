//! Notices (后台通知): proved by the certificate within, checked to be ours, told as events that are asked about before they count.

use std::time::SystemTime;

use http::StatusCode;
use paysluice::adapter::{About, Callbacks, Change, Event, Form, Granted, Item, Opened, Reply, Request, Seen, Trust};
use paysluice::model::{Error, ErrorKind, ProviderNo, Status};

use crate::answer::unread;
use crate::codes::{self, State, shown};
use crate::fields::Fields;
use crate::message::{Message, Refused};
use crate::profile::QUERY_ID;
use crate::seen::{is_id, refs};
use crate::{UnionPay, time};

impl Callbacks for UnionPay {
    /// A form, decoded once, of the body alone: "a `?` in backUrl mixes fields in that were never signed".
    fn open(&self, raw: &Request, now: SystemTime, _: &Granted) -> Result<Opened, Error> {
        let unproved = |why: String| Error::new(ErrorKind::Unauthorized, format!("not proved to be UnionPay's: {why}"));
        let form = Form::read(&raw.body).map_err(|invalid| unproved(shown(&invalid.to_string())))?;
        let message = self.proved(Fields::of(&form), now, true).map_err(|refused| match refused {
            Refused::Unproved(why) => unproved(why),
            Refused::NotOurs => {
                Error::new(ErrorKind::Unauthorized, format!("merId is not ours: the account is {}", self.account))
            }
        })?;
        let word = |name: &str| message.fields.text(name).filter(|text| is_id(text)).ok_or_else(|| unread(name));
        let (number, time, kind, code) = (word("orderId")?, word("txnTime")?, word("txnType")?, word("respCode")?);
        let delivery_key = format!("{number}:{time}:{kind}:{code}");
        let verdict = self.told(&message, number, kind, code);
        Ok(Opened::Items(vec![Item { delivery_key, raw: raw.body.clone(), verdict }]))
    }

    /// "HTTP 200 within 10 s, the body is not read."
    fn accepted(&self) -> Reply {
        Reply::new(StatusCode::OK, "ok")
    }

    /// Anything but 200 and 302 is sent again, five times in all. The reason is for our log, not for the sender.
    fn refused(&self, why: &Error) -> Reply {
        let ours = matches!(why.kind(), ErrorKind::StoreFailed | ErrorKind::Refused | ErrorKind::InFlight);
        Reply::new(if ours { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::BAD_REQUEST }, "")
    }
}

impl UnionPay {
    /// The event. "Confirm with a query before booking": nothing of it is applied unasked.
    fn told(&self, message: &Message<'_>, number: &str, kind: &str, code: &str) -> Result<Event, Error> {
        let (fields, raw) = (&message.fields, message.proof.covered().clone());
        let ours = || ProviderNo::new(number).map_err(|_| unread("orderId"));
        let (change, about, seen) = match kind {
            "01" => {
                let paid = codes::state(code) == State::Done;
                let money = self.money(fields)?;
                if paid && money.is_none() {
                    return Err(unread("txnAmt"));
                }
                let refs = refs(fields, paid)?;
                let about = About { order: None, number: Some(ours()?), refs: refs.clone() };
                // A failure is told of a QR code too; whether it is final, the question finds out.
                let seen = Seen {
                    status: paid.then_some(Status::Paid),
                    word: Some(shown(code)),
                    money,
                    captured: money.filter(|_| paid),
                    refs,
                    raw,
                    ..Seen::default()
                };
                (Change::Payment, about, seen)
            }
            "04" | "31" => {
                let seen = self.see_refund(fields, Some((code, "respMsg")), raw)?;
                // The payment that it gives money back of; the number is the refund's own.
                let about = match fields.text("origQryId").filter(|id| is_id(id)) {
                    Some(of) => About { refs: paysluice::adapter::Refs::new().with(QUERY_ID, of), ..About::default() },
                    None => About { number: Some(ours()?), ..About::default() },
                };
                (Change::Refund, about, seen)
            }
            _ => {
                let seen = Seen { word: Some(shown(code)), raw, ..Seen::default() };
                (Change::Other, About { number: Some(ours()?), ..About::default() }, seen)
            }
        };
        let at = fields.text("txnTime").and_then(time::read);
        Ok(Event::new(message.proof.clone(), format!("{kind}.{code}"), about, change, seen, Trust::AskFirst).at(at))
    }
}
