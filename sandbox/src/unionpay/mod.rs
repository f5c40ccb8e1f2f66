//! UnionPay's face, ACP 5.1.0: verifies the merchant's form, keeps UnionPay's rules, signs its answers with its certificate.

mod auth;
mod back;
mod book;
mod chain;
mod codes;
mod config;
mod consume;
pub(crate) mod control;
mod face;
mod fields;
mod notices;
mod objects;
mod page;
mod payer;
mod query;
mod reverse;
mod seal;
mod times;

use std::sync::{Arc, OnceLock};

use http::{HeaderValue, Method, StatusCode};
use paysluice::adapter::{Reply, Request};

use self::book::{Book, Kind, Trade};
use self::chain::{Chain, Signer};
use self::codes::Refusal;
use self::config::Merchant;
use self::fields::said;
use self::notices::Told;
use self::seal::Fields;
use crate::config::SandboxConfig;
use crate::meddle::{Forgery, Meddle};
use crate::target;
use crate::world::World;

pub use config::{UnionPayConfig, UnionPayCredentials, UnionPayMerchant};
pub use face::UnionPayFace;

/// Something that is to happen by itself later; the numbers are places in the book.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Alarm {
    PayerBegins(usize),
    PayerPays(usize),
    PayerFails(usize, &'static str),
    GivesBack(usize),
    BackFails(usize, &'static str),
    LateGoesBack(usize),
}

/// Where a request is addressed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    Front,
    App,
    Back,
    Query,
    /// The page of this sandbox on which a payer pays: not UnionPay's.
    Payer,
}

/// What a request comes to: what its answer is about.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// A placed trade, answered by this code.
    Placed(usize, &'static str),
    Found(usize),
    /// Nothing was placed: a reversal, or what never arrived.
    Plain(&'static str),
}

type Outcome = Result<Answer, Refusal>;

/// UnionPay's memory.
#[derive(Debug)]
pub(crate) struct UnionPay {
    config: UnionPayConfig,
    /// Made when it is first needed.
    merchant: OnceLock<Merchant>,
    /// The place of the certificate in use.
    place: u8,
    book: Book,
    told: Vec<Told>,
    /// Every refund and revocation from now on fails at its end.
    back_fails: bool,
}

impl UnionPay {
    pub(crate) fn new(config: &SandboxConfig) -> Self {
        Self {
            config: config.unionpay.clone(),
            merchant: OnceLock::new(),
            place: 0,
            book: Book::default(),
            told: Vec::new(),
            back_fails: false,
        }
    }

    /// Answers one request now.
    pub(crate) fn answer(&mut self, world: &mut World, request: &Request, meddle: Meddle) -> Reply {
        let Some(endpoint) = Endpoint::of(target::split(&request.url).0) else { return page::failed(StatusCode::NOT_FOUND) };
        match meddle {
            Meddle::Unavailable => return page::failed(StatusCode::SERVICE_UNAVAILABLE),
            Meddle::ErrorBefore => return page::failed(StatusCode::INTERNAL_SERVER_ERROR),
            _ if request.method != Method::POST => return page::failed(StatusCode::METHOD_NOT_ALLOWED),
            _ => {}
        }
        if endpoint == Endpoint::Payer {
            return self.payer_answers(world, request);
        }
        let asked = auth::read(request);
        let outcome = asked.as_ref().map_err(Refusal::clone).and_then(|asked| self.admitted(world, asked, endpoint, meddle));
        if meddle == Meddle::ErrorAfter {
            return page::failed(StatusCode::INTERNAL_SERVER_ERROR);
        }
        let asked = asked.unwrap_or_default();
        if endpoint == Endpoint::Front {
            return page::shown(&outcome.map(|answer| self.book_of(answer)), &world.public_url);
        }
        let anonymous = outcome.as_ref().is_err_and(|refusal| refusal.anonymous);
        let fields = match outcome {
            Ok(answer) => self.shown(world, &asked, answer, meddle),
            Err(refusal) => objects::refused(&asked, &refusal),
        };
        let fields = if anonymous { fields } else { seal::sealed(fields, &self.signer(), forgery(meddle)) };
        html(StatusCode::OK, seal::body(&fields))
    }

    fn admitted(&mut self, world: &mut World, asked: &Fields, endpoint: Endpoint, meddle: Meddle) -> Outcome {
        auth::admit(asked, &self.config.mer_id, self.merchant())?;
        if matches!(meddle, Meddle::TooMany(_) | Meddle::TooManyAfter) {
            return Err(Refusal::new("37", "[2060003]"));
        }
        fields::formed(asked)?;
        fields::access(asked)?;
        self.route(world, asked, endpoint)
    }

    fn route(&mut self, world: &mut World, asked: &Fields, endpoint: Endpoint) -> Outcome {
        fields::need(asked, &["txnType", "txnSubType", "bizType"])?;
        match (endpoint, said(asked, "txnType"), said(asked, "txnSubType")) {
            (Endpoint::Front, "01", "01") => self.consume(world, asked, Kind::Web),
            (Endpoint::App, "01", "01") => self.consume(world, asked, Kind::App),
            (Endpoint::Back, "01", "07") => self.consume(world, asked, Kind::QrShown),
            (Endpoint::Back, "01", "06") => self.consume(world, asked, Kind::QrScanned),
            (Endpoint::Back, "31", "00") => self.give_back(world, asked, Kind::Revoke),
            (Endpoint::Back, "04", "00") => self.give_back(world, asked, Kind::Refund),
            (Endpoint::Back, "99", "01") => self.reverse(world, asked),
            (Endpoint::Query, "00", "00" | "02") => self.find(asked),
            _ => Err(Refusal::new("32", "[6130001]no such trade at this address")),
        }
    }

    /// The fields of a good answer: this trade's, or another's.
    fn shown(&self, world: &mut World, asked: &Fields, answer: Answer, meddle: Meddle) -> Fields {
        let other = meddle == Meddle::OtherOrder;
        let like = |one: &Trade, fits: &dyn Fn(&Trade) -> bool| {
            let mut others = self.book.trades.iter().filter(|trade| trade.query_id != one.query_id && fits(trade));
            others.next_back().cloned()
        };
        let trade = match answer {
            Answer::Plain(_) => None,
            Answer::Placed(at, _) | Answer::Found(at) => self.book.trades.get(at),
        };
        match (answer, trade) {
            (Answer::Plain(code), _) if !other => objects::plain(asked, code),
            (Answer::Placed(_, code), Some(trade)) if !other => objects::placed(trade, code, self.orig(trade)),
            (Answer::Found(_), Some(trade)) if !other => objects::found(asked, trade, self.orig(trade)),
            (Answer::Placed(_, code), Some(trade)) => match like(trade, &|one| one.kind == trade.kind) {
                Some(another) => objects::placed(&another, code, self.orig(&another)),
                None => objects::stranger(world, asked),
            },
            (Answer::Found(_), Some(trade)) => match like(trade, &|one| query::code(one.state).is_some()) {
                Some(another) => objects::found(asked, &another, self.orig(&another)),
                None => objects::stranger(world, asked),
            },
            _ => objects::stranger(world, asked),
        }
    }

    /// The consumption that a trade gives back from.
    fn orig(&self, trade: &Trade) -> Option<&Trade> {
        self.book.trades.get(trade.of?)
    }

    fn book_of(&self, answer: Answer) -> Option<&Trade> {
        match answer {
            Answer::Placed(at, _) | Answer::Found(at) => self.book.trades.get(at),
            Answer::Plain(_) => None,
        }
    }

    /// Lets something happen whose time has come.
    pub(crate) fn ring(&mut self, world: &mut World, alarm: Alarm) {
        match alarm {
            Alarm::PayerBegins(at) => self.payer_goes_to_bank(world, at),
            Alarm::PayerPays(at) => self.payer_is_done(world, at),
            Alarm::PayerFails(at, code) => self.try_fails(world, at, code),
            Alarm::GivesBack(at) => self.gives_back(world, at),
            Alarm::BackFails(at, code) => self.back_ends(world, at, Err(code)),
            Alarm::LateGoesBack(at) => self.late_goes_back(world, at),
        }
    }

    /// Puts a notice on its way again: false if there is none of that id.
    pub(crate) fn resend(&self, world: &mut World, id: &str) -> bool {
        let found = self.told.iter().find(|told| told.id == id);
        world.news.extend(found.map(Told::again));
        found.is_some()
    }

    fn merchant(&self) -> &Merchant {
        self.merchant.get_or_init(|| Merchant::of(&self.config))
    }

    /// Who signs now.
    fn signer(&self) -> Arc<Signer> {
        Chain::get().signer(self.place)
    }
}

impl Endpoint {
    fn of(path: &str) -> Option<Self> {
        Some(match path.strip_prefix("/gateway/api/")? {
            "frontTransReq.do" => Self::Front,
            "appTransReq.do" => Self::App,
            "backTransReq.do" => Self::Back,
            "queryTrans.do" => Self::Query,
            "sandboxPayer.do" => Self::Payer,
            _ => return None,
        })
    }
}

fn forgery(meddle: Meddle) -> Option<Forgery> {
    match meddle {
        Meddle::Signature(forgery) => Some(forgery),
        _ => None,
    }
}

fn html(status: StatusCode, body: String) -> Reply {
    let mut reply = Reply::new(status, body);
    reply.headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("text/html;charset=UTF-8"));
    reply
}
