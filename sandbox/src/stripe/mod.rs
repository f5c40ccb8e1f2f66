//! Stripe's face: reads requests as Stripe does, keeps its rules, and answers in its words.

mod amounts;
mod auth;
mod book;
mod charges;
mod errors;
pub(crate) mod events;
mod form;
mod idempotency;
mod intents;
mod listing;
mod methods;
mod objects;
mod refunds;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode};
use paysluice::adapter::{Reply, Request};
use paysluice::env::Mono;
use serde_json::Value;

use self::book::Book;
use self::errors::ApiError;
use self::form::Form;
use self::idempotency::Keys;
use crate::config::Credentials;
use crate::letter::News;
use crate::meddle::Meddle;
use crate::target::split;
use crate::world::World;

/// Something that is to happen by itself later.
#[derive(Clone, Debug)]
pub(crate) enum Alarm {
    /// An asynchronous payment ends.
    Settle { intent: String, charge: String, well: bool },
    /// A pending refund ends well.
    RefundSettles(String),
    /// A refund bounces.
    RefundBounces(String),
    /// An authorisation that nobody captured runs out.
    HoldExpires(String),
}

/// Why something changes: the request, its key, and the connected account, for events.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cause {
    pub(crate) request: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) connected: Option<String>,
}

/// Stripe's memory.
#[derive(Debug)]
pub(crate) struct Stripe {
    credentials: Credentials,
    book: Book,
    keys: Keys,
}

/// A request that was let in.
struct Call<'a> {
    method: &'a Method,
    path: Vec<&'a str>,
    form: Form,
    account: String,
    cause: Cause,
}

type Answer = Result<Value, ApiError>;

impl Stripe {
    pub(crate) fn new(credentials: Credentials) -> Self {
        Self { book: Book::new(credentials.webhook_secret.clone()), credentials, keys: Keys::default() }
    }

    /// Answers one request now; the answer reaches the caller after `busy`, and until then the key is in use.
    pub(crate) fn answer(&mut self, world: &mut World, request: &Request, meddle: Meddle, busy: Duration) -> Reply {
        let request_id = world.id("req_");
        let mut marks = Vec::new();
        let result = self.admitted(world, request, meddle, &request_id, busy, &mut marks);
        let (status, body) = match result {
            Ok(answer) => answer,
            Err(error) => (error.status, error.body()),
        };
        let mut reply = Reply::new(status, serde_json::to_vec_pretty(&body).unwrap_or_default());
        marks.push(("request-id", request_id));
        marks.push(("content-type", "application/json".to_owned()));
        for (name, value) in marks {
            if let Ok(value) = HeaderValue::from_str(&value) {
                reply.headers.insert(name, value);
            }
        }
        reply
    }

    fn admitted(
        &mut self,
        world: &mut World,
        request: &Request,
        meddle: Meddle,
        request_id: &str,
        busy: Duration,
        marks: &mut Vec<(&'static str, String)>,
    ) -> Result<(StatusCode, Value), ApiError> {
        match meddle {
            Meddle::Unavailable => return Err(ApiError::internal(StatusCode::SERVICE_UNAVAILABLE)),
            Meddle::TooMany(after) => {
                marks.push(("stripe-rate-limited-reason", "global-rate".to_owned()));
                if after > 0 {
                    marks.push(("retry-after", after.to_string()));
                }
                return Err(ApiError::too_many());
            }
            // Here a 429 is never an executed request's.
            Meddle::TooManyAfter => return Err(ApiError::too_many()),
            // No 202, no named nodes, and no signature to spoil.
            Meddle::Plain
            | Meddle::ErrorBefore
            | Meddle::ErrorAfter
            | Meddle::OtherOrder
            | Meddle::OtherNode
            | Meddle::DoubledNode
            | Meddle::Accepted
            | Meddle::Signature(_) => {}
        }
        let account = auth::account(&request.headers, &self.credentials)?;
        let version = auth::version(&request.headers, world.config.require_version)?;
        marks.push(("stripe-version", version.unwrap_or_else(|| events::API_VERSION.to_owned())));
        auth::content_type(request)?;
        let (path, query) = split(&request.url);
        let form = read_form(request, query)?;
        let key = auth::text(&request.headers, "idempotency-key")?.map(str::to_owned);
        let connected = (account != self.credentials.account).then(|| account.clone());
        let cause = Cause { request: Some(request_id.to_owned()), key: key.clone(), connected };
        let segments = path.trim_matches('/').split('/').collect();
        let fingerprint = format!("{} {path} {}", request.method, form.canonical());
        let call = Call { method: &request.method, path: segments, form, account: account.clone(), cause };
        let Some(key) = key.filter(|_| request.method == Method::POST) else {
            return self.execute(world, &call, meddle).map(|body| (StatusCode::OK, body));
        };
        if key.is_empty() || key.chars().count() > 255 {
            return Err(ApiError::bad_request("Idempotency-Key must be between 1 and 255 characters long."));
        }
        marks.push(("idempotency-key", key.clone()));
        if let Some(replay) = self.keys.ask(&account, &key, &fingerprint, world.now, world.config.key_window)? {
            marks.push(("idempotent-replayed", "true".to_owned()));
            marks.push(("original-request", replay.original));
            return match meddle {
                Meddle::ErrorBefore | Meddle::ErrorAfter => Err(ApiError::internal(StatusCode::INTERNAL_SERVER_ERROR)),
                _ => Ok((replay.status, self.swapped(world, replay.body, meddle))),
            };
        }
        let (born, ready) = (world.now, world.now + busy);
        // What the key remembers is the true answer, even where the wire carries another payment's.
        let result = self.execute(world, &call, if meddle == Meddle::OtherOrder { Meddle::Plain } else { meddle });
        let (status, body) = match result {
            Ok(body) => (StatusCode::OK, body),
            Err(error) if error.began => (error.status, error.body()),
            Err(error) => return Err(error),
        };
        self.keys.keep(&account, &key, fingerprint, (status, body.clone()), request_id, born, ready);
        Ok((status, self.swapped(world, body, meddle)))
    }

    fn execute(&mut self, world: &mut World, call: &Call<'_>, meddle: Meddle) -> Answer {
        if meddle == Meddle::ErrorBefore {
            return Err(ApiError::internal(StatusCode::INTERNAL_SERVER_ERROR));
        }
        let answer = self.route(world, call);
        match (meddle, &answer) {
            (Meddle::ErrorAfter, Err(error)) if !error.began => answer,
            (Meddle::ErrorAfter, _) => Err(ApiError::internal(StatusCode::INTERNAL_SERVER_ERROR)),
            (Meddle::OtherOrder, Ok(body)) => Ok(self.swapped(world, body.clone(), meddle)),
            _ => answer,
        }
    }

    fn route(&mut self, world: &mut World, call: &Call<'_>) -> Answer {
        let post = *call.method == Method::POST;
        let get = *call.method == Method::GET;
        match call.path.as_slice() {
            ["v1", "payment_intents"] if post => self.create_intent(world, call),
            ["v1", "payment_intents"] if get => self.list_intents(world, call),
            ["v1", "payment_intents", "search"] if get => self.search_intents(world, call),
            ["v1", "payment_intents", id] if get => self.get_intent(world, call, id),
            ["v1", "payment_intents", id] if post => self.update_intent(world, call, id),
            ["v1", "payment_intents", id, "confirm"] if post => self.confirm_intent(world, call, id),
            ["v1", "payment_intents", id, "capture"] if post => self.capture_intent(world, call, id),
            ["v1", "payment_intents", id, "cancel"] if post => self.cancel_intent(world, call, id),
            ["v1", "refunds"] if post => self.create_refund(world, call),
            ["v1", "refunds"] if get => self.list_refunds(world, call),
            ["v1", "refunds", id] if get => self.get_refund(world, call, id),
            ["v1", "charges", id] if get => self.get_charge(call, id),
            ["v1", "balance"] if get => Ok(balance(world)),
            ["v1", "events"] if get => self.list_events(call),
            ["v1", "events", id] if get => self.get_event(id),
            _ => Err(ApiError::no_route(call.method.as_str(), &format!("/{}", call.path.join("/")))),
        }
    }

    /// Another payment's answer in place of this one.
    fn swapped(&self, world: &World, body: Value, meddle: Meddle) -> Value {
        if meddle != Meddle::OtherOrder {
            return body;
        }
        let id = body.get("id").and_then(Value::as_str).unwrap_or_default();
        let none = objects::Expand::default();
        let other = match body.get("object").and_then(Value::as_str) {
            Some("payment_intent") => {
                let other = self.book.intents.iter().rev().find(|intent| intent.id != id);
                other.map(|found| objects::intent(&self.book, world, found, &none))
            }
            Some("refund") => {
                let other = self.book.refunds.iter().rev().find(|refund| refund.id != id);
                other.map(|found| objects::refund(&self.book, world, found, &none))
            }
            _ => None,
        };
        other.unwrap_or_else(|| objects::stranger(&body))
    }

    /// Lets something happen whose time has come.
    pub(crate) fn ring(&mut self, world: &mut World, alarm: Alarm) {
        match alarm {
            Alarm::Settle { intent, charge, well } => self.settle(world, &intent, &charge, well),
            Alarm::RefundSettles(id) => self.refund_settles(world, &id),
            Alarm::RefundBounces(id) => self.refund_bounces(world, &id),
            Alarm::HoldExpires(id) => self.hold_expires(world, &id),
        }
    }

    /// An intent, charge or refund as its endpoint would show it.
    pub(crate) fn object(&self, world: &World, id: &str) -> Option<Value> {
        let none = objects::Expand::default();
        if let Some(intent) = self.book.peek(id) {
            return Some(objects::intent(&self.book, world, intent, &none));
        }
        if let Some(charge) = self.book.charge(id) {
            return Some(objects::charge(&self.book, charge, &none));
        }
        let refund = self.book.refunds.iter().find(|refund| refund.id == id)?;
        Some(objects::refund(&self.book, world, refund, &none))
    }

    /// The ids of all intents, oldest first.
    pub(crate) fn intent_ids(&self) -> Vec<String> {
        self.book.intents.iter().map(|intent| intent.id.clone()).collect()
    }

    /// Puts an event on its way again: false if there is none of that id.
    pub(crate) fn resend(&self, world: &mut World, id: &str) -> bool {
        let Some(event) = self.book.events.iter().find(|event| event["id"] == id) else { return false };
        let letter = Arc::new(events::Webhook::of(event, &self.book, world));
        world.news.push(News { id: id.to_owned(), skew: 0, letter });
        true
    }

    /// Every event so far, oldest first.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.book.events.clone()
    }

    fn found_from(world: &World) -> Mono {
        world.now + world.config.search_lag
    }
}

fn balance(world: &World) -> Value {
    let line = |(currency, amount): (&String, &i64)| serde_json::json!({"amount": amount, "currency": currency, "source_types": {"card": amount}});
    let mut available: Vec<Value> = world.bank.balances().iter().map(line).collect();
    if available.is_empty() {
        available.push(line((&"usd".to_owned(), &0)));
    }
    let pending: Vec<Value> = available
        .iter()
        .map(|line| serde_json::json!({"amount": 0, "currency": line["currency"], "source_types": {"card": 0}}))
        .collect();
    serde_json::json!({"object": "balance", "available": available, "livemode": false, "pending": pending})
}

fn read_form(request: &Request, query: &str) -> Result<Form, ApiError> {
    if request.method != Method::POST {
        return Form::parse(query);
    }
    let body = std::str::from_utf8(&request.body).map_err(|_| ApiError::bad_request("Invalid UTF-8 in the body"))?;
    Form::parse(if query.is_empty() {
        body
    } else {
        return Err(ApiError::bad_request("Parameters of a POST belong into its body"));
    })
}
