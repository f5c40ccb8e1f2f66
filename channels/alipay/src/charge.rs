//! A charge: a trade for a QR code or a mini program; money at once from a barcode; or parameters that the payer carries.

use std::time::{Duration, SystemTime};

use paysluice::adapter::{
    CaptureMode, Charge, Codec, Decoded, Draft, Failure, Follow, Granted, Known, Method, Moves, Ready, Recovery, Refs, Renewal,
    Reply, Seed, Seen, Signed, Stamp, Surface,
};
use paysluice::model::{Error, ErrorKind, Fate, Invalid, NextAction, Status};

use crate::answer::{Answer, misread, unintelligible, with_id};
use crate::codes::Call;
use crate::config::check_url;
use crate::fields::{self, Body};
use crate::objects::Node;
use crate::present::payable;
use crate::recovery::{self, BARCODE_CLOSES, PAYER_TIME};
use crate::seen::{check_trade, given, is_id, other, refs};
use crate::sign::{call, json};
use crate::{Alipay, time};

/// "1m to 15d."
const SOONEST: Duration = Duration::from_secs(60);
const LATEST: Duration = Duration::from_secs(15 * 24 * 3600);

/// One way to pay: its method, its `product_code`, and whether its parameters are only shown.
struct Product {
    method: &'static str,
    code: &'static str,
    shown: bool,
}

const fn product(method: &'static str, code: &'static str, shown: bool) -> Product {
    Product { method, code, shown }
}

const PAGE: Product = product("alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY", true);
const WAP: Product = product("alipay.trade.wap.pay", "QUICK_WAP_WAY", true);
const APP: Product = product("alipay.trade.app.pay", "QUICK_MSECURITY_PAY", true);
const QR: Product = product("alipay.trade.precreate", "FACE_TO_FACE_PAYMENT", false);
const MINI: Product = product("alipay.trade.create", "JSAPI_PAY", false);
const PAY: Product = product("alipay.trade.pay", "FACE_TO_FACE_PAYMENT", false);

impl Codec<Charge> for Alipay {
    fn draft(&self, op: &Charge, _: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        let product = by(&op.method)?;
        if op.capture == CaptureMode::Later {
            return Err(Error::new(ErrorKind::Unsupported, "capture: Alipay takes the money with the charge, never later"));
        }
        self.profile.to_provider(op.money)?;
        let (number, closes_at) = (seed.number.as_str(), closes_at(op, seed)?);
        let amount = op.money.to_decimal();
        let body = Body {
            out_trade_no: number,
            total_amount: &amount,
            subject: fields::subject(op, number)?,
            product_code: product.code,
            time_expire: time::written(closes_at),
            payer: fields::payer(&op.method)?,
            more: fields::more(op, self.account.sub().unwrap_or(self.account.merchant()))?,
        };
        let mut carry = Refs::new().with("number", number).with("product", op.method.kind()).with("money", op.money.to_string());
        if let Some(url) = op.callback_url.as_deref().or(self.notify_url.as_deref()) {
            check_url("callback_url", url, self.loopback)?;
            carry.add("notify_url", url);
        }
        if let Some(url) = op.return_url.as_deref().filter(|_| matches!(op.method, Method::Redirect(_))) {
            check_url("return_url", url, self.loopback)?;
            carry.add("return_url", url);
        }
        // A QR code that nobody has been shown cannot be paid; a trade with its buyer stands in the buyer's own list.
        let moves = if op.method == Method::Qr { Moves::Nothing } else { Moves::Money };
        let draft = call(seed, product.method, json(&body)?, carry, moves)?;
        let path = if product.shown { String::new() } else { draft.path };
        Ok(Ready::Done(Draft { closes_at: Some(closes_at), path, ..draft }))
    }

    fn sign(&self, draft: &Draft, stamp: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        if draft.path.is_empty() { self.present(draft, stamp) } else { self.sign_draft(draft, stamp) }
    }

    fn decode(&self, draft: &Draft, reply: &Reply, received: &Stamp, granted: &Granted) -> Result<Decoded, Failure> {
        let call = match draft.carry.get("product") {
            Some(recovery::BARCODE) => Call::Barcode,
            Some("mini_program") => Call::Create,
            _ => Call::Order,
        };
        let body = match self.answer(call, draft, reply, received, granted)? {
            Answer::Proved(body) => body,
            Answer::Waiting(body) => {
                let node = self.node(&body, reply)?;
                if given(node.out_trade_no.as_ref()).is_some_and(|theirs| draft.carry.get("number") != Some(theirs)) {
                    return Err(with_id(other("out_trade_no", "another order's"), reply).into());
                }
                let word = Some("10003".to_owned());
                let seen = Seen { word, refs: refs(&node)?, raw: body.clone(), ..Seen::status(Status::AwaitingPayer) };
                return Ok(Decoded::Done(Box::new(seen)));
            }
            Answer::Seen(seen) => return Ok(Decoded::Done(seen)),
            Answer::Need(want) => return Ok(Decoded::Need(want)),
            Answer::Missing(_) => return Err(unintelligible(reply, "it answers another call")),
        };
        if draft.path.is_empty() {
            return Err(unintelligible(reply, "nothing was sent that it could answer"));
        }
        let node = self.node(&body, reply)?;
        let read = check_trade(draft, &node).and_then(|()| match call {
            Call::Barcode => Self::see_payment(&node, Status::Paid, "10000", body.clone()),
            _ => made(draft, &node, body.clone()),
        });
        read.map(|seen| Decoded::Done(Box::new(seen))).map_err(|error| misread(call, reply, error))
    }

    fn recovery(&self, _: &Charge, draft: &Draft) -> Recovery {
        recovery::charge(draft)
    }

    fn judge(&self, _: &Charge, _: &Draft, seen: &Seen) -> Option<Fate> {
        recovery::judge_payment(seen)
    }

    fn follow(&self, _: &Charge, draft: &Draft, seen: &Seen, _: SystemTime) -> Option<Follow> {
        recovery::follow_payment(draft, seen)
    }

    /// What is shown is signed again for the same order, which is harmless; an order's same bytes bring the same code again.
    fn renewal(&self, _: &Charge, draft: &Draft) -> Renewal {
        match draft.path.is_empty() {
            true => Renewal::Sign,
            false if recovery::is_barcode(draft) => Renewal::Never,
            false => Renewal::Resend,
        }
    }
}

fn by(method: &Method) -> Result<Product, Error> {
    match method {
        Method::Redirect(Surface::Web) => Ok(PAGE),
        Method::Redirect(Surface::Wap) => Ok(WAP),
        Method::App => Ok(APP),
        Method::Qr => Ok(QR),
        Method::MiniProgram { .. } => Ok(MINI),
        Method::Barcode(_) => Ok(PAY),
        other => Err(Error::new(
            ErrorKind::Unsupported,
            format!("method: alipay takes web, wap, app, qr, mini_program and barcode, not {}", other.kind()),
        )),
    }
}

/// When Alipay stops taking payment: always said, so that there is a time after which a trade that is not there never will be.
fn closes_at(op: &Charge, seed: &Seed) -> Result<SystemTime, Error> {
    let invalid = || Error::from(Invalid::new("charge_by", "one minute to 15 days ahead, as Alipay takes it"));
    let at = match (op.charge_by, &op.method) {
        (Some(at), _) => at,
        (None, Method::Barcode(_)) => seed.born.checked_add(BARCODE_CLOSES).ok_or_else(invalid)?,
        (None, _) => seed.born.checked_add(PAYER_TIME).ok_or_else(invalid)?,
    };
    let ahead = at.duration_since(seed.born).unwrap_or_default();
    // Alipay counts in whole seconds.
    let whole = time::from_seconds(&time::seconds(at).to_string()).filter(|_| (SOONEST..=LATEST).contains(&ahead));
    whole.filter(|at| time::written(*at).is_some()).ok_or_else(invalid)
}

/// A trade, or the QR code of one to be: it waits for its payer.
fn made(draft: &Draft, node: &Node<'_>, raw: bytes::Bytes) -> Result<Seen, Error> {
    let what = if draft.carry.get("product") == Some("qr") {
        let code = given(node.qr_code.as_ref()).filter(|code| code.len() <= 1024 && code.contains("://"));
        NextAction::Qr(code.ok_or_else(|| crate::seen::unread("qr_code"))?.to_owned())
    } else {
        let trade = given(node.trade_no.as_ref()).filter(|id| is_id(id)).ok_or_else(|| crate::seen::unread("trade_no"))?;
        NextAction::Invoke([("tradeNO".to_owned(), trade.to_owned())].into())
    };
    let action = payable(what, draft);
    Ok(Seen { action: Some(action), refs: refs(node)?, raw, ..Seen::status(Status::AwaitingPayer) })
}
