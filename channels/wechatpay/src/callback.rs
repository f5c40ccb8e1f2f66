//! Callbacks: proved by their signature, opened with the APIv3 key, checked to be ours, told as events.

use std::time::SystemTime;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use paysluice::adapter::{About, Callbacks, Change, Event, Granted, Item, Opened, Reply, Request, Seen, Trust};
use paysluice::model::{Error, ErrorKind, ProviderNo, Status};
use paysluice::signing::Proof;

use crate::objects::{Envelope, Object};
use crate::seen::{given, unread};
use crate::verify::Unproved;
use crate::{WeChatPay, codes, time};

impl Callbacks for WeChatPay {
    fn open(&self, raw: &Request, now: SystemTime, granted: &Granted) -> Result<Opened, Error> {
        let proof = match self.prove(&raw.headers, &raw.body, now, granted) {
            Ok(proof) => proof,
            Err(Unproved::Need(want)) => return Ok(Opened::Need(want)),
            Err(Unproved::No(why)) => return Err(refused(why)),
            Err(Unproved::Probe) => {
                let why = "a sign probe: WeChat Pay signs wrongly on purpose (WECHATPAY/SIGNTEST/) to see it refused; the real \
                           message comes again";
                return Err(refused(why));
            }
        };
        let envelope: Envelope<'_> = serde_json::from_slice(proof.covered()).map_err(|error| {
            Error::new(
                ErrorKind::Unintelligible,
                format!("signed by WeChat Pay, but no notification: {}", self.shown(&error.to_string())),
            )
        })?;
        if !(1..=64).contains(&envelope.id.len()) || !envelope.id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(unread("id"));
        }
        let name = &*envelope.event_type;
        if name.is_empty() || name.len() > 100 || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(unread("event_type"));
        }
        if envelope.resource_type.as_deref().is_some_and(|kind| kind != "encrypt-resource") {
            return Err(unread("resource_type"));
        }
        // Kept shut, it would be lost to whoever acknowledges it: refused, it comes again when the key is right.
        let content = self.opened(&envelope.resource)?;
        let at = envelope.create_time.as_deref().and_then(time::read);
        let verdict = match name {
            "TRANSACTION.SUCCESS" => self.payment(name, content, at)?,
            "REFUND.SUCCESS" | "REFUND.ABNORMAL" | "REFUND.CLOSED" => self.refund(name, content, at)?,
            _ => Ok(other(name, content, at)),
        };
        let delivery_key = (*envelope.id).to_owned();
        Ok(Opened::Items(vec![Item { delivery_key, raw: raw.body.clone(), verdict }]))
    }

    /// "HTTP 200 or 204, a body is not needed."
    fn accepted(&self) -> Reply {
        Reply::new(StatusCode::NO_CONTENT, "")
    }

    /// 4xx or 5xx makes WeChat Pay try again, 15 times within a day. The reason is for our log, not for the sender.
    fn refused(&self, why: &Error) -> Reply {
        let ours = matches!(why.kind(), ErrorKind::StoreFailed | ErrorKind::Refused | ErrorKind::InFlight);
        let status = if ours { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::BAD_REQUEST };
        let mut reply = Reply::new(status, r#"{"code":"FAIL","message":"not accepted"}"#);
        reply.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        reply
    }
}

/// An item's verdict, within that of the whole message.
type Verdict = Result<Result<Event, Error>, Error>;

impl WeChatPay {
    /// A payment. Only success is ever notified.
    fn payment(&self, name: &str, content: Proof, at: Option<SystemTime>) -> Verdict {
        let raw = content.covered().clone();
        let object = match self.ours(name, &raw)? {
            Ok(object) => object,
            Err(error) => return Ok(Err(error)),
        };
        let app = given(object.appid.as_ref()).or(given(object.sp_appid.as_ref()));
        let read = app.ok_or_else(|| unread("appid")).and_then(|_| self.see_payment(&object, raw.clone())).and_then(|seen| {
            if seen.status != Some(Status::Paid) {
                return Err(unread("trade_state of a success"));
            }
            given(object.transaction_id.as_ref()).ok_or_else(|| unread("transaction_id"))?;
            Ok(seen)
        });
        let happened = object.success_time.as_deref().and_then(time::read).or(at);
        Ok(read.and_then(|seen| told(name, &object, content, Change::Payment, seen, happened)))
    }

    fn refund(&self, name: &str, content: Proof, at: Option<SystemTime>) -> Verdict {
        let raw = content.covered().clone();
        let object = match self.ours(name, &raw)? {
            Ok(object) => object,
            Err(error) => return Ok(Err(error)),
        };
        let read = self.see_refund(&object, raw.clone()).and_then(|seen| {
            let says = name.strip_prefix("REFUND.");
            if seen.word.as_deref() != says {
                return Err(unread(&format!("refund_status of {name}")));
            }
            Ok(seen)
        });
        let happened = object.success_time.as_deref().and_then(time::read).or(at);
        Ok(read.and_then(|seen| told(name, &object, content, Change::Refund, seen, happened)))
    }

    /// The content as an object. One of another merchant or app refuses the whole message: it is not for this endpoint.
    fn ours<'a>(&self, name: &str, raw: &'a [u8]) -> Result<Result<Object<'a>, Error>, Error> {
        let object: Object<'a> = match serde_json::from_slice(raw) {
            Ok(object) => object,
            Err(error) => {
                let why = self.shown(&error.to_string());
                return Ok(Err(Error::new(ErrorKind::Unintelligible, format!("the content of {name} cannot be read: {why}"))));
            }
        };
        self.check_whose(&object).map_err(|error| {
            refused(format!("{}: the account is {}, its app {}", error.message(), self.account, codes::shown(&self.appid)))
        })?;
        Ok(Ok(object))
    }
}

/// An event about the payment of that number.
fn told(
    name: &str,
    object: &Object<'_>,
    content: Proof,
    change: Change,
    seen: Seen,
    at: Option<SystemTime>,
) -> Result<Event, Error> {
    let number = given(object.out_trade_no.as_ref()).ok_or_else(|| unread("out_trade_no"))?;
    let number = ProviderNo::new(number).map_err(|_| unread("out_trade_no"))?;
    let about = About { order: None, number: Some(number), refs: seen.refs.clone() };
    Ok(Event::new(content, name, about, change, seen, Trust::Enough).at(at))
}

/// Told as it is, changes nothing we keep.
fn other(name: &str, content: Proof, at: Option<SystemTime>) -> Event {
    let seen = Seen { raw: content.covered().clone(), ..Seen::default() };
    Event::new(content, name, About::default(), Change::Other, seen, Trust::Enough).at(at)
}

/// An error of a callback that is not proved, or not for us.
fn refused(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unauthorized, why)
}
