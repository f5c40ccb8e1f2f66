//! Alipay's face, the gateway's v2 protocol: verifies the application's signature, keeps Alipay's rules, signs its answers.

mod amounts;
mod answer;
mod auth;
mod barcode;
mod book;
mod call;
mod certificates;
mod config;
pub(crate) mod control;
mod errors;
mod face;
mod fields;
mod keys;
mod notices;
mod objects;
mod orders;
mod payer;
mod refunds;
mod seal;
mod times;
mod trades;

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Method, StatusCode};
use paysluice::adapter::{Reply, Request};
use serde_json::json;

use self::answer::{Answer, Outcome};
use self::book::{Book, Product};
use self::call::Call;
use self::certificates::Chain;
use self::config::Identity;
use self::errors::Refusal;
use self::fields::Fields;
use self::notices::Told;
use self::seal::{Seal, Writing};
use crate::config::SandboxConfig;
use crate::meddle::Meddle;
use crate::target;
use crate::world::World;

pub use config::{AlipayConfig, AlipayCredentials, AlipayMode, AlipaySlashes};
pub use face::AlipayFace;
pub use keys::AlipayKeys;

/// The gateway's address.
pub(crate) const PATH: &str = "/gateway.do";

/// Something that is to happen by itself later; the numbers are places in the book.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Alarm {
    /// Of an offer.
    PayerComes(usize),
    /// Of a trade.
    PayerPays(usize),
    /// Of a trade.
    PayerFails(usize),
    RefundEnds(usize),
}

/// Alipay's memory.
#[derive(Debug)]
pub(crate) struct Alipay {
    identity: Identity,
    /// Made when they are first needed.
    keys: OnceLock<AlipayKeys>,
    chain: Option<Chain>,
    book: Book,
    told: Vec<Told>,
}

/// The path that faults are scoped by: the gateway's, with the method as one more segment. None for other faces' requests.
pub(crate) fn fault_path(request: &Request) -> Option<String> {
    let path = target::split(&request.url).0;
    let method = || Call::read(request).ok().and_then(|call| call.get("method").map(str::to_owned)).unwrap_or_default();
    (path == PATH).then(|| format!("{PATH}/{}", method()))
}

impl Alipay {
    pub(crate) fn new(config: &SandboxConfig) -> Self {
        Self {
            identity: Identity::of(&config.alipay, config.seed),
            keys: config.alipay.keys.clone().map_or_else(OnceLock::new, OnceLock::from),
            chain: None,
            book: Book::default(),
            told: Vec::new(),
        }
    }

    /// Answers one request now.
    pub(crate) fn answer(&mut self, world: &mut World, request: &Request, meddle: Meddle) -> Reply {
        let trace_id = world.letters(32);
        let mut reply = match (meddle, &request.method) {
            (Meddle::Unavailable, _) => {
                Reply::new(StatusCode::SERVICE_UNAVAILABLE, "<h1>503 Service Temporarily Unavailable</h1>")
            }
            (_, &Method::GET | &Method::POST) => Reply::new(StatusCode::OK, self.text(world, request, meddle)),
            _ => Reply::new(StatusCode::METHOD_NOT_ALLOWED, "<h1>405 Not Allowed</h1>"),
        };
        // In truth too: JSON under the name of HTML.
        reply.headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("text/html;charset=utf-8"));
        if let Ok(id) = HeaderValue::from_str(&trace_id) {
            reply.headers.insert("trace_id", id);
        }
        reply
    }

    fn text(&mut self, world: &mut World, request: &Request, meddle: Meddle) -> String {
        let slashes = world.config.alipay.slashes;
        let call = match Call::read(request) {
            Ok(call) => call,
            Err(refusal) => return seal::unsigned("error_response", &refusal.node(), slashes),
        };
        let known = call.get("method").filter(|method| auth::METHODS.contains(method));
        let name = known.map_or_else(|| "error_response".to_owned(), |method| format!("{}_response", method.replace('.', "_")));
        let outcome = self.admitted(world, &call, meddle);
        let carried = known.and_then(Product::of).is_some_and(Product::is_carried);
        let seal = self.seal(call.get("app_cert_sn").is_some());
        let true_first = world.digits(1).as_str() < "5";
        let writing = |meddle| Writing { name: &name, slashes, meddle, true_first };
        match outcome {
            Ok(Answer::Page(page)) => page,
            Ok(Answer::Public(node)) => seal::unsigned(&name, &node, slashes),
            Ok(answer) => seal.answer(&self.shown(world, &call, answer, meddle), &writing(meddle)),
            Err(refusal) if carried => refusal.page(),
            Err(refusal) if refusal.signed => seal.answer(&refusal.node(), &writing(Meddle::Plain)),
            Err(refusal) if refusal.is_nameless() => seal::unsigned("error_response", &refusal.node(), slashes),
            Err(refusal) => seal::unsigned(&name, &refusal.node(), slashes),
        }
    }

    fn admitted(&mut self, world: &mut World, call: &Call, meddle: Meddle) -> Outcome {
        if matches!(meddle, Meddle::TooMany(_) | Meddle::TooManyAfter) {
            return Err(Refusal::limited());
        }
        let method = auth::introduced(call, &self.identity.app_id)?;
        let carried = Product::of(method).is_some_and(Product::is_carried);
        self.verified(world, call, carried)?;
        if meddle == Meddle::ErrorBefore {
            return Err(in_doubt(world, method));
        }
        let answer = self.route(world, call, method)?;
        if meddle == Meddle::ErrorAfter { Err(in_doubt(world, method)) } else { Ok(answer) }
    }

    fn route(&mut self, world: &mut World, call: &Call, method: &str) -> Outcome {
        match method {
            "alipay.trade.page.pay" => self.page(world, call, Product::Page),
            "alipay.trade.wap.pay" => self.page(world, call, Product::Wap),
            "alipay.trade.precreate" => self.precreate(world, call),
            "alipay.trade.create" => self.create(world, call),
            "alipay.trade.pay" => self.pay(world, call),
            "alipay.trade.query" => self.query(call),
            "alipay.trade.close" => self.close(world, call),
            "alipay.trade.cancel" => self.cancel(world, call),
            "alipay.trade.refund" => self.refund(world, call),
            "alipay.trade.fastpay.refund.query" => self.query_refund(call),
            "alipay.open.app.alipaycert.download" => self.download(call),
            // An order string is for the payer's app; the gateway answers nobody else.
            _ => Err(Refusal::wrong("isv.invalid-method", "不存在的方法名")),
        }
    }

    /// A certificate of Alipay's by its serial name, old ones too.
    fn download(&mut self, call: &Call) -> Outcome {
        let fields = Fields::of(call)?;
        let sn = fields.need("alipay_cert_sn", 64)?;
        let found = self.chain().alipay.iter().find(|one| one.sn == sn);
        // UNVERIFIED: what an unknown name is answered by.
        let found = found.ok_or_else(|| Refusal::wrong("isv.alipay-cert-not-exist", "支付宝公钥证书不存在"))?;
        let content = STANDARD.encode(&found.pem);
        Ok(Answer::Public(json!({"code": "10000", "msg": "Success", "alipay_cert_content": content})))
    }

    /// Lets something happen whose time has come.
    pub(crate) fn ring(&mut self, world: &mut World, alarm: Alarm) {
        match alarm {
            Alarm::PayerComes(offer) => self.payer_comes(world, offer),
            Alarm::PayerPays(trade) => self.payer_is_done(world, trade),
            Alarm::PayerFails(trade) => self.payer_fails(world, trade),
            Alarm::RefundEnds(refund) => self.refund_ends(world, refund),
        }
    }

    /// Puts a notice on its way again: false if there is none of that id.
    pub(crate) fn resend(&self, world: &mut World, id: &str) -> bool {
        let found = self.told.iter().find(|told| told.id == id);
        world.news.extend(found.map(Told::again));
        found.is_some()
    }

    fn keys(&self) -> &AlipayKeys {
        self.keys.get_or_init(AlipayKeys::generated)
    }

    fn chain(&mut self) -> &mut Chain {
        let keys = self.keys().clone();
        self.chain.get_or_insert_with(|| Chain::new(&keys))
    }

    /// What an answer or a notice is signed with.
    fn seal(&mut self, certified: bool) -> Seal {
        let public = Seal { key: self.keys().public.clone(), cert_sn: None };
        let current = if certified { self.chain().current() } else { None };
        current.map_or(public, |one| Seal { key: one.key.clone(), cert_sn: Some(one.sn.clone()) })
    }
}

/// The three words for "nobody knows": the gateway's, which is not signed, that of what stands behind it, and the trade system's own.
fn in_doubt(world: &mut World, method: &str) -> Refusal {
    match world.digits(1).as_str() {
        "0" | "1" | "2" => Refusal::unknown(errors::GATEWAY),
        "3" | "4" | "5" => Refusal::unknown("isp.unknow-error"),
        // Misspelt in truth.
        _ if method == "alipay.trade.cancel" => Refusal::business("AQC.SYSTEM_ERROR", "系统错误").with("retry_flag", json!("Y")),
        _ => Refusal::system(),
    }
}
