//! Signs requests: the fields of a draft, with `certId` and `signature` put beside them, to be sent or to be shown as a form.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::{CONTENT_TYPE, USER_AGENT};
use paysluice::adapter::{Draft, Failure, Form, Granted, Moves, Probe, Ready, Refs, Reply, Request, Seed, Seen, Signed, Stamp};
use paysluice::model::{Action, Error, ErrorKind, Invalid, NextAction, Status};
use paysluice::signing::canonical;

use crate::answer::Asked;
use crate::codes::Call;
use crate::message::{SIGN_METHOD, VERSION};
use crate::order::BIZ_TYPE;
use crate::{Merchant, UnionPay, time};

/// The format of our drafts. Another is not guessed at.
pub(crate) const FORMAT: u16 = 1;

const AGENT: &str = concat!("paysluice/", env!("CARGO_PKG_VERSION"));

/// Where a payer's browser goes.
const FRONT: &str = "/gateway/api/frontTransReq.do";
/// Where an order for UnionPay's app is made.
pub(crate) const APP: &str = "/gateway/api/appTransReq.do";
/// Where everything else is done.
pub(crate) const BACK: &str = "/gateway/api/backTransReq.do";
/// Where a trade is asked for.
pub(crate) const QUERY: &str = "/gateway/api/queryTrans.do";

/// Fields in the order they are put in; a draft holds them sorted.
pub(crate) type Pairs = Vec<(&'static str, String)>;

/// Which trade a request is about: number and time, which name it only together.
#[derive(Clone, Debug)]
pub(crate) struct Trade {
    pub(crate) order_id: String,
    pub(crate) txn_time: String,
}

impl Trade {
    /// The trade of a seed.
    pub(crate) fn of(seed: &Seed) -> Result<Self, Error> {
        let txn_time = time::written(seed.born).ok_or_else(|| Invalid::new("born", "a time that can be written"))?;
        Ok(Self { order_id: seed.number.as_str().to_owned(), txn_time })
    }
}

/// A draft of a request about a trade, without what belongs to the signature.
pub(crate) fn draft(seed: &Seed, path: &str, moves: Moves, mut fields: Pairs, carry: Refs) -> Result<Draft, Error> {
    fields.retain(|(_, value)| !value.is_empty());
    fields.sort_unstable_by_key(|(name, _)| *name);
    let body = Form::encode(fields.iter().map(|(name, value)| (*name, value.as_str())));
    let carry = carry.with("born", time::seconds(seed.born).to_string());
    let (method, path) = (Method::POST, path.to_owned());
    Ok(Draft { format: FORMAT, step: 0, moves, method, path, key: seed.key_of(0)?, closes_at: None, body, carry })
}

/// A draft of another format is never guessed at.
pub(crate) fn known_format(draft: &Draft) -> Result<(), Error> {
    if draft.format == FORMAT {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::Doubtful, format!("a draft of format {} is not known to this version", draft.format)))
    }
}

impl UnionPay {
    /// The fields that every request has.
    pub(crate) fn common(&self, trade: &Trade, txn: (&str, &str), biz_type: &str, channel: &str) -> Pairs {
        let (txn_type, txn_sub_type) = txn;
        vec![
            ("version", VERSION.to_owned()),
            ("encoding", "UTF-8".to_owned()),
            ("signMethod", SIGN_METHOD.to_owned()),
            ("txnType", txn_type.to_owned()),
            ("txnSubType", txn_sub_type.to_owned()),
            ("bizType", biz_type.to_owned()),
            ("channelType", channel.to_owned()),
            ("accessType", "0".to_owned()),
            ("merId", self.account.merchant().to_owned()),
            ("orderId", trade.order_id.clone()),
            ("txnTime", trade.txn_time.clone()),
        ]
    }

    /// The request of a draft: its own bytes, then what signs them. The same at every send, for nothing of a send is signed.
    pub(crate) fn send_draft(&self, draft: &Draft) -> Result<Ready<Signed>, Error> {
        known_format(draft)?;
        Ok(Ready::Done(Signed::Send(self.request(&draft.path, &draft.body)?)))
    }

    fn request(&self, path: &str, body: &str) -> Result<Request, Error> {
        let merchant = self.merchant()?;
        let form = read(body)?;
        let signature = merchant.signature(form.fields())?;
        let proof = Form::encode([("certId", merchant.cert_id.as_str()), ("signature", signature.as_str())]);
        Request::new(Method::POST, format!("{}{path}", self.base_url))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded; charset=UTF-8")?
            .header(USER_AGENT, AGENT)
            .map(|request| request.with_body(format!("{body}&{proof}")))
    }

    /// The form that the payer's browser carries: signed, nothing sent.
    pub(crate) fn present_draft(&self, draft: &Draft) -> Result<Ready<Signed>, Error> {
        known_format(draft)?;
        let (merchant, form) = (self.merchant()?, read(&draft.body)?);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut fields: Vec<(String, String)> = form.fields().map(|(name, value)| (text(name), text(value))).collect();
        fields.push(("certId".to_owned(), merchant.cert_id.clone()));
        fields.push(("signature".to_owned(), merchant.signature(form.fields())?));
        let action = Action::new(NextAction::Form { url: format!("{}{FRONT}", self.base_url), fields });
        let action = draft.closes_at.map_or_else(|| action.clone(), |at| action.clone().until(at));
        let mut seen = Seen { action: Some(action), ..Seen::status(Status::AwaitingPayer) };
        if let Some(biz_type) = form.text("bizType")? {
            seen.refs.add(BIZ_TYPE, biz_type);
        }
        Ok(Ready::Done(Signed::Present(Box::new(seen))))
    }

    fn merchant(&self) -> Result<&Merchant, Error> {
        let none = || Error::new(ErrorKind::Unauthorized, "this adapter only reads notices: it holds no signing key");
        self.merchant.as_ref().ok_or_else(none)
    }
}

impl Merchant {
    /// The signature over fields and `certId`, in base64.
    pub(crate) fn signature<'a>(&'a self, fields: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Result<String, Error> {
        let cert_id: (&[u8], &[u8]) = (b"certId", self.cert_id.as_bytes());
        Ok(STANDARD.encode(self.key.sign_hashed(&canonical(fields.chain([cert_id])))?))
    }
}

fn read(body: &str) -> Result<Form<'_>, Error> {
    Form::read(body.as_bytes()).map_err(|_| Error::new(ErrorKind::Doubtful, "the draft cannot be read: it was altered at rest"))
}

/// A question for a trade that never was: cheap, changes nothing. "No such trade" shows a UnionPay at work.
impl Probe for UnionPay {
    fn request(&self, stamp: &Stamp, _: &Granted) -> Result<Request, Error> {
        let txn_time = time::written(stamp.now).unwrap_or_default();
        let trade = Trade { order_id: "paysluiceprobe".to_owned(), txn_time };
        let mut fields = self.common(&trade, ("00", "00"), "000000", "");
        fields.retain(|(_, value)| !value.is_empty());
        fields.sort_unstable_by_key(|(name, _)| *name);
        self.request(QUERY, &Form::encode(fields.iter().map(|(name, value)| (*name, value.as_str()))))
    }

    fn read(&self, reply: &Reply, received: &Stamp) -> Result<(), Failure> {
        let asked = Asked { call: Call::Query, draft: None, types: &[] };
        let (row, _) = self.heard(&asked, reply, received)?;
        match row.code {
            "02" | "37" | "99" => Err(Failure::last(Error::new(ErrorKind::Unavailable, row.says).with_code(row.code))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
