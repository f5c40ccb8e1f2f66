//! WeChat Pay's face, API v3: verifies the merchant's signature, keeps WeChat Pay's rules, signs its answers.

mod auth;
mod book;
mod certificates;
mod config;
pub(crate) mod control;
mod errors;
mod face;
mod fields;
pub(crate) mod keys;
mod notices;
mod objects;
mod orders;
mod payer;
mod refunds;
mod reverse;
mod seal;
mod times;

use std::sync::OnceLock;

use http::{HeaderValue, Method, StatusCode};
use paysluice::adapter::{Reply, Request};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use self::auth::{Merchant, Nonces};
use self::book::{Book, Product};
use self::certificates::Certificate;
use self::config::Identity;
use self::errors::ApiError;
use self::notices::Told;
use self::seal::Seal;
use crate::config::SandboxConfig;
use crate::meddle::{Forgery, Meddle};
use crate::target;
use crate::world::World;

pub use config::{Trust, WechatPayConfig, WechatPayCredentials};
pub use face::WechatPayFace;
pub use keys::WechatPayKeys;

/// Something that is to happen by itself later; the numbers are places in the book.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Alarm {
    PayerPays(usize),
    PayerFails(usize),
    RefundEnds(usize),
}

/// What a request comes to: what its answer is about.
#[derive(Clone, Debug)]
enum Answer {
    /// A placed order: how it can be paid.
    Prepay(usize),
    Order(usize),
    Refund(usize),
    Plain(Value),
    /// 204.
    Nothing,
    /// 202: not processed.
    Later,
}

type Outcome = Result<Answer, ApiError>;

/// A request that was let in.
struct Call<'a> {
    method: &'a Method,
    /// After `/v3/`, decoded.
    path: Vec<String>,
    query: Vec<(String, String)>,
    body: Value,
    /// Whether it is a service provider's, for a sub-merchant.
    partner: bool,
}

/// WeChat Pay's memory.
#[derive(Debug)]
pub(crate) struct WechatPay {
    identity: Identity,
    /// Made when they are first needed.
    keys: OnceLock<WechatPayKeys>,
    certificates: Vec<Certificate>,
    nonces: Nonces,
    book: Book,
    told: Vec<Told>,
}

impl WechatPay {
    pub(crate) fn new(config: &SandboxConfig) -> Self {
        Self {
            identity: Identity::of(&config.wechatpay, config.seed),
            keys: config.wechatpay.keys.clone().map_or_else(OnceLock::new, OnceLock::from),
            certificates: Vec::new(),
            nonces: Nonces::default(),
            book: Book::default(),
            told: Vec::new(),
        }
    }

    /// Answers one request now.
    pub(crate) fn answer(&mut self, world: &mut World, request: &Request, meddle: Meddle) -> Reply {
        let request_id = world.letters(32);
        let mut reply = match self.admitted(world, request, meddle) {
            Err(error) => json_reply(error.status, &error.body()),
            Ok((answer, seal)) => {
                let reply = self.shown(world, answer, meddle);
                signed(world, reply, &seal, meddle)
            }
        };
        if let Ok(id) = HeaderValue::from_str(&request_id) {
            reply.headers.insert("request-id", id);
        }
        reply
    }

    fn admitted(&mut self, world: &mut World, request: &Request, meddle: Meddle) -> Result<(Answer, Seal), ApiError> {
        match meddle {
            Meddle::Unavailable => return Err(ApiError::unavailable()),
            Meddle::TooMany(_) => return Err(ApiError::too_many("频率超限，请降低请求频率")),
            _ => {}
        }
        self.verified(request, world)?;
        let seal = self.seal_for(world, auth::text(&request.headers, "wechatpay-serial")?)?;
        let call = Call::read(request)?;
        let refunding = call.path.first().is_some_and(|first| first == "refund") && *call.method == Method::POST;
        match meddle {
            Meddle::ErrorBefore => return Err(ApiError::system()),
            Meddle::Accepted => return Ok((Answer::Later, seal)),
            // "Not accepted", but for refunds, where a 429 says nothing.
            Meddle::TooManyAfter if !refunding => return Err(ApiError::too_many("频率超限，请降低请求频率")),
            _ => {}
        }
        let answer = self.route(world, &call)?;
        match meddle {
            Meddle::ErrorAfter => Err(ApiError::system()),
            Meddle::TooManyAfter => Err(ApiError::too_many("频率超限，请以原退款单号重试或查询退款")),
            _ => Ok((answer, seal)),
        }
    }

    fn verified(&mut self, request: &Request, world: &World) -> Result<(), ApiError> {
        let key = self.keys().merchant.clone();
        let serial = hex::encode_upper(key.serial(certificates::MERCHANT));
        let merchant = Merchant { mchid: &self.identity.mchid, serial: &serial, key: &key };
        auth::admit(request, &merchant, &mut self.nonces, world)
    }

    fn route(&mut self, world: &mut World, call: &Call<'_>) -> Outcome {
        let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
        let (post, get) = (*call.method == Method::POST, *call.method == Method::GET);
        match path.as_slice() {
            ["certificates"] if get => self.list_certificates(world, call),
            ["pay", "transactions", "out-trade-no", number] if get => self.find(call, number),
            ["pay", "transactions", "id", id] if get => self.find_transaction(call, id),
            ["pay", "transactions", "out-trade-no", number, "close"] if post => self.close(world, call, number),
            ["pay", "transactions", "out-trade-no", number, "reverse"] if post => self.reverse(world, call, number),
            ["pay", "transactions", word] => match Product::of(word) {
                Some(product) if post => self.create(world, call, product),
                Some(_) => Err(ApiError::method()),
                None => Err(no_route(&path)),
            },
            ["refund", "domestic", "refunds"] if post => self.refund(world, call),
            ["refund", "domestic", "refunds", number] if get => self.find_refund(call, number),
            ["certificates"]
            | ["refund", "domestic", "refunds"]
            | ["refund", "domestic", "refunds", _]
            | ["pay", "transactions", "id" | "out-trade-no", _]
            | ["pay", "transactions", "out-trade-no", _, "close" | "reverse"] => Err(ApiError::method()),
            _ => Err(no_route(&path)),
        }
    }

    /// The answer as the wire carries it: this one's, or another's.
    fn shown(&self, world: &mut World, answer: Answer, meddle: Meddle) -> Reply {
        let other = meddle == Meddle::OtherOrder;
        let body = match answer {
            Answer::Nothing => return Reply::new(StatusCode::NO_CONTENT, ""),
            Answer::Later => return Reply::new(StatusCode::ACCEPTED, ""),
            Answer::Plain(body) => Some(body),
            Answer::Prepay(at) => {
                let product = self.book.orders.get(at).map(|order| order.product);
                let orders = self.book.orders.iter().map(|order| Some(order.product) == product);
                picked(at, other, orders).and_then(|at| self.book.orders.get(at)).map(objects::prepaid)
            }
            Answer::Order(at) => {
                picked(at, other, self.book.orders.iter().map(|_| true)).and_then(|at| self.order_shown(world, at))
            }
            Answer::Refund(at) => picked(at, other, self.book.refunds.iter().map(|_| true)).and_then(|at| self.refund_shown(at)),
        };
        json_reply(StatusCode::OK, &body.unwrap_or_else(|| objects::stranger(world)))
    }

    fn order_shown(&self, world: &World, at: usize) -> Option<Value> {
        let order = self.book.orders.get(at)?;
        Some(objects::order(order, order.state_at(world.unix(), world.config.wechatpay.closes_after_expiry)))
    }

    fn refund_shown(&self, at: usize) -> Option<Value> {
        let refund = self.book.refunds.get(at)?;
        Some(objects::refund(refund, self.book.orders.get(refund.order)?))
    }

    /// Lets something happen whose time has come.
    pub(crate) fn ring(&mut self, world: &mut World, alarm: Alarm) {
        match alarm {
            Alarm::PayerPays(order) => self.payer_is_done(world, order),
            Alarm::PayerFails(order) => self.payer_fails(order),
            Alarm::RefundEnds(refund) => self.refund_ends(world, refund),
        }
    }

    /// Puts a notice on its way again: false if there is none of that id.
    pub(crate) fn resend(&self, world: &mut World, id: &str) -> bool {
        let found = self.told.iter().find(|told| told.id == id);
        world.news.extend(found.map(Told::again));
        found.is_some()
    }

    fn keys(&self) -> &WechatPayKeys {
        self.keys.get_or_init(WechatPayKeys::generated)
    }
}

impl<'a> Call<'a> {
    fn read(request: &'a Request) -> Result<Self, ApiError> {
        let (path, query) = target::split(&request.url);
        let decoded = |text: &str| {
            let text = percent_decode_str(text).decode_utf8().map_err(|_| ApiError::bad_param("the address must be UTF-8"))?;
            Ok(text.into_owned())
        };
        let mut path = path.trim_start_matches("/v3/").split('/').map(decoded).collect::<Result<Vec<String>, _>>()?;
        let partner = path.get(1).is_some_and(|second| second == "partner");
        if partner {
            path.remove(1);
        }
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let query = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name)?, decoded(value)?))
        });
        let query = query.collect::<Result<Vec<_>, _>>()?;
        if request.method == Method::POST && !query.is_empty() {
            return Err(ApiError::bad_param("parameters of a POST belong into its body"));
        }
        let body = match request.method {
            Method::POST => serde_json::from_slice(&request.body).map_err(|_| ApiError::bad_param("the body must be JSON"))?,
            _ => Value::Null,
        };
        Ok(Self { method: &request.method, path, query, body, partner })
    }

    /// A parameter of the query.
    fn asks(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(asked, _)| asked == name).map(|(_, value)| value.as_str())
    }

    fn only_asks(&self, known: &[&str]) -> Result<(), ApiError> {
        match self.query.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => Err(ApiError::bad_param(format!("{name}: is no parameter of this query"))),
            None => Ok(()),
        }
    }

    /// The body with one more field.
    fn body_with(&self, name: &str, value: &str) -> Value {
        let mut body = self.body.clone();
        if let Value::Object(fields) = &mut body {
            fields.insert(name.to_owned(), json!(value));
        }
        body
    }
}

/// The place that is asked for, or the last other one that fits.
fn picked(at: usize, other: bool, fits: impl Iterator<Item = bool>) -> Option<usize> {
    if !other {
        return Some(at);
    }
    fits.enumerate().filter(|(place, fits)| *fits && *place != at).map(|(place, _)| place).last()
}

fn no_route(path: &[&str]) -> ApiError {
    ApiError::not_found("NOT_FOUND", format!("there is no /v3/{} here", path.join("/")))
}

fn json_reply(status: StatusCode, body: &Value) -> Reply {
    let mut reply = Reply::new(status, body.to_string());
    reply.headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    reply
}

/// Signs a 2xx; a forgery is asked for by the fault.
fn signed(world: &mut World, mut reply: Reply, seal: &Seal, meddle: Meddle) -> Reply {
    let forgery: Option<Forgery> = match meddle {
        Meddle::Signature(forgery) => Some(forgery),
        _ => None,
    };
    let nonce = world.letters(32);
    for (name, value) in seal.headers(world.unix(), nonce, &reply.body, forgery) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            reply.headers.insert(name, value);
        }
    }
    reply
}
