//! A charge: a form for the payer's browser, an order for UnionPay's app or for a QR code, or money at once from the payer's code.

use std::time::{Duration, SystemTime};

use paysluice::adapter::{
    CaptureMode, Charge, Codec, Decoded, Draft, Failure, Follow, Granted, Known, Method, Moves, Ready, Recovery, Renewal, Reply,
    Seed, Seen, Signed, Stamp, Surface,
};
use paysluice::model::{Error, ErrorKind, Fate, Invalid, Status};

use crate::answer::{Answer, carried, unread};
use crate::codes::{Call, shown};
use crate::config::check_url;
use crate::order::{BIZ_TYPE, default_biz_type, more};
use crate::recovery::{self, BARCODE, BARCODE_TIME, PAYER_TIME};
use crate::seen::check_money;
use crate::sign::{APP, BACK, Pairs, Trade, draft};
use crate::{UnionPay, time};

/// A payer needs time, and an order that stays payable for months is a mistake. No page names limits.
const SOONEST: Duration = Duration::from_secs(60);
const LATEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// 消费, consumption.
const TYPES: &[&str] = &["01"];

impl Codec<Charge> for UnionPay {
    fn draft(&self, op: &Charge, _: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        let product = Product::of(&op.method)?;
        if op.capture == CaptureMode::Later {
            return Err(Error::new(ErrorKind::Unsupported, "capture: UnionPay's pre-authorizations are not spoken here"));
        }
        let amount = self.profile.to_provider(op.money)?.to_string();
        let closes_at = closes_at(op, seed)?;
        let trade = Trade::of(seed)?;
        let kind = op.method.kind();
        let mut fields = self.common(&trade, ("01", product.sub_type), default_biz_type(kind), product.channel);
        fields.extend([
            ("txnAmt", amount.clone()),
            ("currencyCode", "156".to_owned()),
            ("payTimeout", time::written(closes_at).unwrap_or_default()),
            ("backUrl", self.notified_at(op.callback_url.as_deref())?.to_owned()),
        ]);
        if product.path.is_empty() {
            let url = op.return_url.as_deref().or(self.return_url.as_deref());
            let url = url.ok_or_else(|| Invalid::new("return_url", "given, since no return_url is configured"))?;
            check_url("return_url", url)?;
            fields.push(("frontUrl", url.to_owned()));
        }
        if let Method::Barcode(code) = &op.method {
            fields.push(("qrNo", scanned(code)?.to_owned()));
        }
        more(op, &mut fields)?;
        let carry = carried(&trade).with("amount", amount).with("product", kind).with(BIZ_TYPE, biz_type(&fields));
        let draft = draft(seed, product.path, product.moves, fields, carry)?;
        Ok(Ready::Done(Draft { closes_at: Some(closes_at), ..draft }))
    }

    fn sign(&self, draft: &Draft, _: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        if is_front(draft) { self.present_draft(draft) } else { self.send_draft(draft) }
    }

    fn decode(&self, draft: &Draft, reply: &Reply, received: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        let barcode = draft.carry.get("product") == Some(BARCODE);
        let call = if barcode { Call::Barcode } else { Call::Order };
        match self.answer(call, TYPES, draft, reply, received)? {
            Answer::Good(_) if is_front(draft) => Err(unread("reason to come: nothing was sent").into()),
            Answer::Good(message) if barcode => {
                check_money(draft, &message.fields)?;
                // "00 is no success, only that the request was accepted."
                let word = message.fields.text("respCode").map(shown);
                Ok(Decoded::Done(Box::new(Seen { word, raw: reply.body.clone(), ..Seen::status(Status::Processing) })))
            }
            Answer::Good(message) => Ok(Decoded::Done(Box::new(self.made(draft, &message.fields, reply.body.clone())?))),
            Answer::Declined(seen) => Ok(Decoded::Done(seen)),
            Answer::Missing => Err(unread("answer to a charge").into()),
        }
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

    /// The same form may be shown again. A tn or a QR code lives as long as its order, and no call gives another.
    fn renewal(&self, _: &Charge, draft: &Draft) -> Renewal {
        if is_front(draft) { Renewal::Sign } else { Renewal::Never }
    }
}

/// How a method is said.
struct Product {
    sub_type: &'static str,
    channel: &'static str,
    path: &'static str,
    moves: Moves,
}

impl Product {
    fn of(method: &Method) -> Result<Self, Error> {
        let product = |sub_type, channel, path, moves| Ok(Self { sub_type, channel, path, moves });
        match method {
            Method::Redirect(Surface::Web) => product("01", "07", "", Moves::Money),
            Method::Redirect(Surface::Wap) => product("01", "08", "", Moves::Money),
            // An order nobody has been shown cannot be paid: making it moves nothing.
            Method::App => product("01", "08", APP, Moves::Nothing),
            Method::Qr => product("07", "08", BACK, Moves::Nothing),
            Method::Barcode(_) => product("06", "08", BACK, Moves::Money),
            other => Err(Error::new(
                ErrorKind::Unsupported,
                format!("method: unionpay takes web, wap, app, qr and {BARCODE}, not {}", other.kind()),
            )),
        }
    }
}

/// Whether the payer's browser carries it.
fn is_front(draft: &Draft) -> bool {
    draft.path.is_empty()
}

/// `payTimeout`, always set: nothing else ends an order. Whole seconds.
fn closes_at(op: &Charge, seed: &Seed) -> Result<SystemTime, Error> {
    let invalid = || Error::from(Invalid::new("charge_by", "one minute to 30 days ahead"));
    let default = if matches!(op.method, Method::Barcode(_)) { BARCODE_TIME } else { PAYER_TIME };
    let at = match op.charge_by {
        None => seed.born.checked_add(default).ok_or_else(invalid)?,
        Some(at) => {
            let ahead = at.duration_since(seed.born).unwrap_or_default();
            Some(at).filter(|_| (SOONEST..=LATEST).contains(&ahead)).ok_or_else(invalid)?
        }
    };
    time::whole(at).filter(|at| time::written(*at).is_some()).ok_or_else(invalid)
}

/// "The payer's code: 1 to 20 digits."
fn scanned(code: &str) -> Result<&str, Error> {
    if (1..=20).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(code)
    } else {
        Err(Invalid::new("method.barcode", "the digits of the payer's code, at most 20").into())
    }
}

fn biz_type(fields: &Pairs) -> &str {
    fields.iter().find(|(name, _)| *name == "bizType").map_or("", |(_, value)| value.as_str())
}

impl UnionPay {
    /// `backUrl`.
    pub(crate) fn notified_at<'a>(&'a self, own: Option<&'a str>) -> Result<&'a str, Error> {
        let url = own.or(self.notify_url.as_deref());
        let url = url.ok_or_else(|| Invalid::new("callback_url", "given, since no notify_url is configured"))?;
        check_url("callback_url", url)?;
        Ok(url)
    }
}
