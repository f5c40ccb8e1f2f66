//! Drafts, and what is made of them at each send: the canonical string, its signature, the request, the signed parameters.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use paysluice::adapter::{Draft, Failure, Form, Granted, Moves, Probe, Ready, Refs, Reply, Request, Seed, Signed, Stamp};
use paysluice::model::{Error, ErrorKind};
use paysluice::signing::canonical;

use crate::envelope::Envelope;
use crate::objects::Node;
use crate::trust::Trust;
use crate::{Alipay, time};

/// The format of our drafts. Another is not guessed at.
pub(crate) const FORMAT: u16 = 1;

/// The one path.
const GATEWAY: &str = "/gateway.do";

const AGENT: &str = concat!("paysluice/", env!("CARGO_PKG_VERSION"));

/// The parameters that stand in a request's body; all others in its query, as the official SDKs have it. A token is no part of
/// an address: addresses are logged.
const IN_BODY: [&str; 2] = ["app_auth_token", "biz_content"];

/// A call of that method. Its body is the `biz_content`.
pub(crate) fn call(seed: &Seed, method: &str, biz: String, carry: Refs, moves: Moves) -> Result<Draft, Error> {
    let carry = carry.with("method", method).with("born", time::seconds(seed.born).to_string());
    Ok(Draft {
        format: FORMAT,
        step: 0,
        moves,
        method: Method::POST,
        path: GATEWAY.to_owned(),
        key: seed.key_of(0)?,
        closes_at: None,
        body: biz,
        carry,
    })
}

/// A draft of another format is never guessed at.
pub(crate) fn known_format(draft: &Draft) -> Result<(), Error> {
    if draft.format == FORMAT {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::Doubtful, format!("a draft of format {} is not known to this version", draft.format)))
    }
}

/// A body as JSON.
pub(crate) fn json(body: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(body).map_err(|_| Error::new(ErrorKind::Invalid, "the request cannot be written as JSON"))
}

/// The parameters of a request, signed.
pub(crate) struct Parameters(Vec<(&'static str, String)>);

impl Parameters {
    /// All of them, percent-encoded: an order string, or the query of a page.
    pub(crate) fn encoded(&self) -> String {
        self.form(|_| true)
    }

    fn form(&self, wanted: impl Fn(&str) -> bool) -> String {
        Form::encode(self.0.iter().filter(|(name, _)| wanted(name)).map(|(name, value)| (*name, value.as_str())))
    }
}

impl Alipay {
    /// The request of a draft: its own bytes, signed now.
    pub(crate) fn sign_draft(&self, draft: &Draft, stamp: &Stamp) -> Result<Ready<Signed>, Error> {
        known_format(draft)?;
        Ok(Ready::Done(Signed::Send(self.request(&self.parameters(draft, stamp)?)?)))
    }

    /// Where the payer's browser goes, or a request is sent: the gateway.
    pub(crate) fn gateway(&self) -> String {
        format!("{}{GATEWAY}", self.base_url)
    }

    fn request(&self, parameters: &Parameters) -> Result<Request, Error> {
        let query = parameters.form(|name| !IN_BODY.contains(&name));
        let body = parameters.form(|name| IN_BODY.contains(&name));
        let request = Request::new(Method::POST, format!("{}?{query}", self.gateway()))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded;charset=utf-8")?
            .header(ACCEPT, "application/json")?
            .header(USER_AGENT, AGENT)?;
        Ok(request.with_body(body))
    }

    /// The parameters of a draft, with this moment's timestamp and signature.
    pub(crate) fn parameters(&self, draft: &Draft, stamp: &Stamp) -> Result<Parameters, Error> {
        let carried = |name| draft.carry.get(name).map(str::to_owned);
        let method = carried("method").ok_or_else(|| Error::new(ErrorKind::Doubtful, "the draft names no method"))?;
        let more = [("notify_url", carried("notify_url")), ("return_url", carried("return_url"))];
        self.signed(method, draft.body.clone(), more, stamp)
    }

    /// The parameters of a method and its `biz_content`. What has no value is not sent, and not signed.
    pub(crate) fn signed(
        &self,
        method: String,
        biz: String,
        more: impl IntoIterator<Item = (&'static str, Option<String>)>,
        stamp: &Stamp,
    ) -> Result<Parameters, Error> {
        let timestamp = time::written(stamp.now).ok_or_else(|| Error::new(ErrorKind::Invalid, "the clock is out of its mind"))?;
        let token = self.app_auth_token.as_ref().and_then(|token| token.expose_str()).map(str::to_owned);
        let mut fields = vec![
            ("app_id", self.account.merchant().to_owned()),
            ("method", method),
            ("format", "JSON".to_owned()),
            ("charset", "utf-8".to_owned()),
            ("sign_type", "RSA2".to_owned()),
            ("timestamp", timestamp),
            ("version", "1.0".to_owned()),
        ];
        if let Trust::Certificates(held) = &self.trust {
            fields.extend(self.app_cert_sn.clone().map(|sn| ("app_cert_sn", sn)));
            fields.push(("alipay_root_cert_sn", held.root_sn.clone()));
        }
        fields.extend(token.map(|token| ("app_auth_token", token)));
        fields.extend(more.into_iter().filter_map(|(name, value)| Some((name, value?))));
        fields.push(("biz_content", biz));
        fields.retain(|(_, value)| !value.is_empty());
        let text = canonical(fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        let key = self.app_key.as_ref().ok_or_else(|| {
            Error::new(ErrorKind::Unauthorized, "this adapter only reads notices: it holds no private key of the application")
        })?;
        fields.push(("sign", STANDARD.encode(key.sign(&[&text])?)));
        Ok(Parameters(fields))
    }

    /// A request of a method that no draft stands for.
    pub(crate) fn asking(&self, method: &str, biz: String, stamp: &Stamp) -> Result<Request, Error> {
        self.request(&self.signed(method.to_owned(), biz, [], stamp)?)
    }
}

const PROBED: &str = "alipay.trade.query";

/// A query for an order that never is: cheap, changes nothing. "Not found" shows an Alipay at work.
impl Probe for Alipay {
    fn request(&self, stamp: &Stamp, _: &Granted) -> Result<Request, Error> {
        self.asking(PROBED, r#"{"out_trade_no":"paysluice_probe"}"#.to_owned(), stamp)
    }

    fn read(&self, reply: &Reply, _: &Stamp) -> Result<(), Failure> {
        let fail = |kind, what: String| Err(Failure::last(Error::new(kind, what)));
        let status = reply.status.as_u16();
        let envelope = Envelope::read(&reply.body, PROBED).ok();
        let node = envelope.and_then(|envelope| serde_json::from_str::<Node<'_>>(envelope.node.get()).ok());
        match (status, node.as_ref().and_then(|node| node.code.as_deref())) {
            (429, _) | (200, Some("40005")) => fail(ErrorKind::Throttled, "Alipay has too many requests".to_owned()),
            (500..=599, _) | (200, Some("20000")) => {
                fail(ErrorKind::Unavailable, format!("Alipay answered the probe with {status}"))
            }
            (200, Some(_)) => Ok(()),
            _ => fail(ErrorKind::Unintelligible, format!("the probe's answer ({status}) is not Alipay's")),
        }
    }
}
