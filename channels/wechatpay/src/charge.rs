//! A charge: an order for a QR code, a phone's browser, a mini program or an app; or money at once from a barcode.

use std::time::{Duration, SystemTime};

use paysluice::adapter::{
    CaptureMode, Charge, Codec, Decoded, Draft, Failure, Follow, Granted, Known, Method, Moves, Ready, Recovery, Refs, Renewal,
    Reply, Seed, Seen, Signed, Stamp, Surface,
};
use paysluice::model::{Error, ErrorKind, Fate, Invalid};

use crate::answer::{Answer, unintelligible, with_id};
use crate::codes::Call;
use crate::config::check_notify_url;
use crate::fields::{self, Body, Payer, Total, limited};
use crate::recovery::{self, BARCODE, PAYER_TIME};
use crate::sign::{json, post};
use crate::{WeChatPay, time};

/// "Not earlier than a minute from now (it would be raised), not later than 90 days (it would be lowered)."
const SOONEST: Duration = Duration::from_secs(60);
const LATEST: Duration = Duration::from_secs(90 * 24 * 3600);

impl Codec<Charge> for WeChatPay {
    fn draft(&self, op: &Charge, _: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        let product = product(&op.method)?;
        if op.capture == CaptureMode::Later {
            return Err(Error::new(ErrorKind::Unsupported, "capture: WeChat Pay takes the money with the charge, never later"));
        }
        let total = self.profile.to_provider(op.money)?;
        let barcode = product == "codepay";
        let closes_at = if barcode { None } else { Some(closes_at(op, seed)?) };
        let number = seed.number.as_str();
        let body = Body {
            app: self.app(),
            merchant: self.merchant(),
            description: limited("description", op.description.as_deref().unwrap_or(op.order_no.as_str()), 127)?,
            out_trade_no: number,
            time_expire: closes_at.and_then(time::written),
            notify_url: if barcode { None } else { Some(self.notified_at(op)?) },
            amount: Total { total, currency: "CNY" },
            payer: self.payer(&op.method)?,
            scene_info: self.scene(op, product)?,
            more: fields::more(op)?,
        };
        let carry = Refs::new()
            .with("number", number)
            .with("order", op.order_no.as_str())
            .with("attempt", op.attempt.to_string())
            .with("amount", total.to_string())
            .with("product", op.method.kind());
        // An order nobody has been shown cannot be paid: making it moves nothing.
        let moves = if barcode { Moves::Money } else { Moves::Nothing };
        let draft = post(seed, format!("{}/{product}", self.root()), json(&body)?, carry, moves)?;
        Ok(Ready::Done(Draft { closes_at, ..draft }))
    }

    fn sign(&self, draft: &Draft, stamp: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        self.sign_draft(draft, stamp)
    }

    fn decode(&self, draft: &Draft, reply: &Reply, received: &Stamp, granted: &Granted) -> Result<Decoded, Failure> {
        let barcode = recovery::is_barcode(draft);
        let call = if barcode { Call::Barcode } else { Call::Order };
        match self.answer(call, draft, reply, received, granted)? {
            Answer::Proved(body) if barcode => {
                let object = self.object(&body, reply)?;
                let seen = self.payment_of(draft, &object, body.clone()).map_err(|error| with_id(error, reply))?;
                Ok(Decoded::Done(Box::new(seen)))
            }
            Answer::Proved(body) => Ok(Decoded::Done(Box::new(self.made(draft, &body, reply, received)?))),
            Answer::Seen(seen) => Ok(Decoded::Done(seen)),
            Answer::Need(want) => Ok(Decoded::Need(want)),
            Answer::Missing => Err(unintelligible(reply, "it answers another call")),
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

    /// "The same parameters may be sent again": the answer has a fresh link for the same order.
    fn renewal(&self, _: &Charge, draft: &Draft) -> Renewal {
        if recovery::is_barcode(draft) { Renewal::Never } else { Renewal::Resend }
    }
}

/// The last part of the path.
fn product(method: &Method) -> Result<&'static str, Error> {
    match method {
        Method::Qr => Ok("native"),
        Method::Redirect(Surface::Wap) => Ok("h5"),
        Method::MiniProgram { .. } => Ok("jsapi"),
        Method::App => Ok("app"),
        Method::Barcode(_) => Ok("codepay"),
        other => Err(Error::new(
            ErrorKind::Unsupported,
            format!("method: wechatpay takes qr, wap, mini_program, app and {BARCODE}, not {}", other.kind()),
        )),
    }
}

/// When WeChat Pay stops taking payment: whole seconds, within what it does not silently change.
fn closes_at(op: &Charge, seed: &Seed) -> Result<SystemTime, Error> {
    let Some(at) = op.charge_by else {
        return seed.born.checked_add(PAYER_TIME).ok_or_else(|| Invalid::new("charge_by", "a time that can be written").into());
    };
    let ahead = at.duration_since(seed.born).unwrap_or_default();
    if !(SOONEST..=LATEST).contains(&ahead) {
        return Err(Invalid::new("charge_by", "one minute to 90 days ahead: WeChat Pay would move any other time").into());
    }
    time::from_seconds(&time::seconds(at).to_string())
        .ok_or_else(|| Invalid::new("charge_by", "a time that can be written").into())
}

impl WeChatPay {
    fn notified_at<'a>(&'a self, op: &'a Charge) -> Result<&'a str, Error> {
        let url = op.callback_url.as_deref().or(self.notify_url.as_deref());
        let url = url.ok_or_else(|| Invalid::new("callback_url", "given, since no notify_url is configured"))?;
        check_notify_url("callback_url", url, self.loopback)?;
        Ok(url)
    }

    fn payer<'a>(&self, method: &'a Method) -> Result<Option<Payer<'a>>, Error> {
        Ok(match method {
            Method::MiniProgram { payer } => {
                let openid = limited("method.payer", payer, 128)?;
                Some(match (self.account.sub(), &self.sub_appid) {
                    (None, _) => Payer::Openid(openid),
                    (Some(_), None) => Payer::SpOpenid(openid),
                    (Some(_), Some(_)) => Payer::SubOpenid(openid),
                })
            }
            Method::Barcode(code) => {
                if !(1..=32).contains(&code.len()) || !code.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(Invalid::new("method.barcode", "the digits of the payer's code, at most 32").into());
                }
                Some(Payer::AuthCode(code))
            }
            _ => None,
        })
    }

    fn scene<'a>(&'a self, op: &'a Charge, product: &str) -> Result<Option<fields::Scene<'a>>, Error> {
        let mut scene = fields::scene(op)?;
        match product {
            "h5" if scene.payer_client_ip.is_none() => {
                return Err(Invalid::new("payer_ip", "given for method wap: WeChat Pay checks it").into());
            }
            "h5" => scene.h5_info = Some(fields::h5(op)?),
            "codepay" => {
                // Pages list no address of the payer here: the payer stands at the counter.
                scene.payer_client_ip = None;
                let store = scene.store_info.get_or_insert_default();
                if store.id.is_none() && store.out_id.is_none() {
                    store.out_id = self.store_out_id.as_deref();
                }
                if store.id.is_none() && store.out_id.is_none() {
                    let field = "extra.scene_info.store_info.out_id";
                    return Err(Invalid::new(field, "given for method barcode, unless store_out_id is configured").into());
                }
            }
            // Elsewhere the object demands the payer's address.
            _ if scene.payer_client_ip.is_none() => {
                if scene.device_id.is_some() || scene.store_info.is_some() {
                    return Err(Invalid::new("payer_ip", "given where scene_info is").into());
                }
                return Ok(None);
            }
            _ => {}
        }
        Ok(Some(scene))
    }

    /// What a proved payment shows, checked to be the draft's.
    pub(crate) fn payment_of(
        &self,
        draft: &Draft,
        object: &crate::objects::Object<'_>,
        raw: bytes::Bytes,
    ) -> Result<Seen, Error> {
        self.check_whose(object)?;
        Self::check_order(draft, object)?;
        self.see_payment(object, raw)
    }
}
