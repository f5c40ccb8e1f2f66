//! Notices: checked to be for us, proved by their signature, told as events.

use std::time::SystemTime;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use paysluice::adapter::{About, Callbacks, Change, Event, Granted, Item, Opened, Refs, Reply, Request, Seen, Trust};
use paysluice::model::{Currency, Error, ErrorKind, Money, PartStatus, ProviderNo, Status};
use paysluice::signing::Proof;

use crate::notice::{Notice, refused};
use crate::seen::{is_id, part, unread};
use crate::verify::Unproved;
use crate::{Alipay, codes, time};

impl Callbacks for Alipay {
    fn open(&self, raw: &Request, now: SystemTime, granted: &Granted) -> Result<Opened, Error> {
        let notice = Notice::read(&raw.body)?;
        // Before a certificate is fetched for somebody else's.
        self.check_whose(&notice)?;
        let proof = match self.prove_notice(&notice, now, granted) {
            Ok(proof) => proof,
            Err(Unproved::Need(want)) => return Ok(Opened::Need(want)),
            Err(Unproved::No(why)) => return Err(refused(why)),
        };
        // The parameters that a payer's browser brings back are signed too, and say nothing of a payment's status.
        let id = notice.text("notify_id")?.filter(|id| id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_graphic()));
        let delivery_key = id.ok_or_else(|| unread("notify_id"))?.to_owned();
        let verdict = match notice.text("trade_status")? {
            Some(word) => trade(&notice, word, proof, raw.body.clone()),
            None => other(&notice, proof, raw.body.clone()),
        };
        Ok(Opened::Items(vec![Item { delivery_key, raw: raw.body.clone(), verdict }]))
    }

    /// "Exactly the seven characters `success`, nothing before or after."
    fn accepted(&self) -> Reply {
        said(StatusCode::OK, "success")
    }

    /// Anything else makes Alipay try again, 8 times within 25 hours. The reason is for our log, not for the sender.
    fn refused(&self, why: &Error) -> Reply {
        let ours = matches!(why.kind(), ErrorKind::StoreFailed | ErrorKind::Refused | ErrorKind::InFlight);
        said(if ours { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::BAD_REQUEST }, "failure")
    }
}

fn said(status: StatusCode, word: &'static str) -> Reply {
    let mut reply = Reply::new(status, word);
    reply.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    reply
}

impl Alipay {
    /// Whether a notice is for this app, and about the merchant it acts for. Another's refuses the whole message.
    fn check_whose(&self, notice: &Notice<'_>) -> Result<(), Error> {
        let not_ours = |field: &str| Err(refused(format!("{field} is not ours: the account is {}", self.account)));
        let app = self.account.merchant();
        if notice.text("app_id")? != Some(app) {
            return not_ours("app_id");
        }
        let acts_for = notice.text("auth_app_id")?;
        match self.account.sub() {
            Some(sub) if acts_for != Some(sub) => return not_ours("auth_app_id"),
            None if acts_for.is_some_and(|other| other != app) => return not_ours("auth_app_id"),
            _ => {}
        }
        let seller = notice.text("seller_id")?;
        let of_trade = notice.text("trade_status")?.is_some();
        match &self.seller_id {
            Some(ours) if seller.is_some_and(|theirs| theirs != ours) || (of_trade && seller.is_none()) => not_ours("seller_id"),
            _ => Ok(()),
        }
    }
}

/// A trade, and perhaps a refund of it: the same kind of notice tells both.
fn trade(notice: &Notice<'_>, word: &str, proof: Proof, raw: Bytes) -> Result<Event, Error> {
    let id = |field| match notice.text(field)? {
        Some(id) if is_id(id) => Ok(id),
        _ => Err(unread(field)),
    };
    let (number, trade_no) = (id("out_trade_no")?, id("trade_no")?);
    let money = yuan(notice, "total_amount")?.ok_or_else(|| unread("total_amount"))?;
    let refunded = yuan(notice, "refund_fee")?.filter(|fee| !fee.is_zero());
    let (paid_at, refunded_at) = (notice.text("gmt_payment")?, notice.text("gmt_refund")?);
    // What was paid once is not "closed unpaid" when all of it has gone back.
    let status = codes::status(word, refunded.is_some() || paid_at.is_some());
    let paid = status == Status::Paid;
    let mut refs = Refs::new().with("trade", trade_no).with("out_trade_no", number);
    if paid {
        refs.add("paid_at", codes::shown(paid_at.unwrap_or("yes")));
    }
    // `refund_fee` is the sum of all refunds; the number is that of the one that is told.
    let told = refunded.and(refunded_at).and(notice.text("out_biz_no")?).filter(|number| is_id(number));
    let about = About { order: None, number: ProviderNo::new(number).ok(), refs: refs.clone() };
    let seen = Seen {
        word: Some(codes::shown(word)),
        money: Some(money),
        captured: paid.then_some(money),
        refunded,
        refs,
        refunds: told.map(|number| part(number, None, PartStatus::Succeeded)).into_iter().collect(),
        raw,
        ..Seen::status(status)
    };
    let change = if refunded.is_some() { Change::Refund } else { Change::Payment };
    // Closed, and nothing about what went back: it is asked for.
    let trust = if word == "TRADE_CLOSED" && refunded.is_none() { Trust::AskFirst } else { Trust::Enough };
    let at = refunded_at.or(notice.text("gmt_close")?).or(paid_at).or(notice.text("notify_time")?).and_then(time::read);
    Ok(Event::new(proof, codes::shown(word), about, change, seen, trust).at(at))
}

/// Told as it is, changes nothing we keep.
fn other(notice: &Notice<'_>, proof: Proof, raw: Bytes) -> Result<Event, Error> {
    let method = notice.text("msg_method")?.or(notice.text("method")?).or(notice.text("notify_type")?);
    let name = method.filter(|name| name.len() <= 100 && name.bytes().all(|byte| byte.is_ascii_graphic()));
    let name = name.ok_or_else(|| unread("trade_status or method"))?;
    let at = notice.text("notify_time")?.and_then(time::read);
    let seen = Seen { raw, ..Seen::default() };
    Ok(Event::new(proof, name, About::default(), Change::Other, seen, Trust::Enough).at(at))
}

fn yuan(notice: &Notice<'_>, field: &str) -> Result<Option<Money>, Error> {
    let read = |text| Money::parse(text, Currency::CNY).map_err(|_| unread(field));
    notice.text(field)?.map(read).transpose()
}
