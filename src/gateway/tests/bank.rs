//! The toy's provider: a ledger in memory, faults on command, an answer for every request.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::toy::{KEY, SIGNATURE, Toy};
use crate::adapter::{Reply, Request};
use crate::env::{BoxFuture, Env, Rng};
use crate::transport::{Limits, Transport, TransportError};

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Unsent,
    LostBefore,
    LostAfter,
    /// Not executed, and not stored under the key.
    Throttled,
    /// Executed, and 500 is answered once.
    ErrorAfter,
    /// Executed, and what is answered cannot be read.
    Garbage,
    /// Executed at once, answered after that long.
    Slow(Duration),
    Unauthorized,
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) payments: BTreeMap<String, Value>,
    answers: BTreeMap<String, (StatusCode, String)>,
    /// The next request whose path ends so meets this.
    faults: VecDeque<(&'static str, Fault)>,
    /// Chance of a fault for any request, in thousandths.
    pub(super) chaos: u64,
    /// Refunds wait.
    pub(super) slow_refunds: bool,
    /// A payment shows this amount instead of its own.
    pub(super) misread: Option<i64>,
    /// The same asking again gives a fresh link.
    pub(super) fresh_links: bool,
    pub(super) log: Vec<String>,
    tokens: u32,
    events: u32,
}

#[derive(Debug)]
pub(super) struct Bank {
    env: Env,
    chance: crate::env::SeededRng,
    ledger: Mutex<Ledger>,
    /// What callbacks are signed with.
    secret: crate::signing::HmacKey,
}

impl Bank {
    pub(super) fn new(env: &Env, seed: u64) -> Self {
        Self {
            env: env.clone(),
            chance: crate::env::SeededRng::new(seed ^ 0xbad),
            ledger: Mutex::default(),
            secret: Toy::new().secret,
        }
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap()
    }

    /// The next request whose path holds `path` meets this.
    pub(super) fn fail(&self, path: &'static str, fault: Fault) {
        self.ledger().faults.push_back((path, fault));
    }

    /// How many requests had a path that holds this.
    pub(super) fn requests(&self, path: &str) -> usize {
        self.ledger().log.iter().filter(|line| line.contains(path)).count()
    }

    /// The payments of that order in one of those states.
    pub(super) fn of(&self, order: &str, states: &[&str]) -> Vec<Value> {
        let ledger = self.ledger();
        let mine = ledger.payments.values().filter(|payment| payment["order"] == order);
        mine.filter(|payment| states.is_empty() || states.contains(&payment["state"].as_str().unwrap())).cloned().collect()
    }

    /// The payer acts, or the bank does: the payment moves to that state.
    pub(super) fn moves_to(&self, order: &str, state: &str) {
        let mut ledger = self.ledger();
        let payment = ledger.payments.values_mut().rfind(|payment| payment["order"] == order).unwrap();
        payment["state"] = state.into();
        if state == "paid" {
            payment["captured"] = payment["amount"].clone();
        }
    }

    /// The payer of the order's waiting payment pays.
    pub(super) fn pays(&self, order: &str) {
        let mut ledger = self.ledger();
        let waits = |payment: &&mut Value| payment["order"] == order && payment["state"] == "awaiting";
        for payment in ledger.payments.values_mut().filter(waits) {
            payment["state"] = "paid".into();
            payment["captured"] = payment["amount"].clone();
        }
    }

    /// The order's pending refunds fail: their money is not given back.
    pub(super) fn refund_fails(&self, order: &str) {
        let mut ledger = self.ledger();
        let payment = ledger.payments.values_mut().rfind(|payment| payment["order"] == order).unwrap();
        payment["refunds"].as_array_mut().unwrap().iter_mut().for_each(|part| part["state"] = "failed".into());
        payment["refunded"] = 0.into();
    }

    /// A callback that shows this payment.
    pub(super) fn callback(&self, event: &str, payment: &Value) -> Request {
        self.signed(&json!({ "event": event, "name": "payment.changed", "payment": payment }))
    }

    /// A callback that tells of a dispute about the order's last payment.
    pub(super) fn dispute(&self, event: &str, order: &str) -> Request {
        let payment = self.of(order, &[]).pop().unwrap();
        self.signed(&json!({ "event": event, "name": "dispute.updated", "payment": payment }))
    }

    /// The same, and before it an item that cannot be read.
    pub(super) fn callback_with_a_bad_item(&self, event: &str, bad: &str, payment: &Value) -> Request {
        self.signed(&json!({ "bad": bad, "event": event, "name": "payment.changed", "payment": payment }))
    }

    fn signed(&self, message: &Value) -> Request {
        let body = message.to_string();
        let code = hex::encode(self.secret.sign(&[body.as_bytes()]));
        let name = http::HeaderName::from_static(SIGNATURE);
        Request::new(Method::POST, "/callbacks").header(name, &code).unwrap().with_body(body)
    }

    /// A fresh callback that shows the order's last payment as it is.
    pub(super) fn callback_for(&self, order: &str) -> Request {
        let payment = self.of(order, &[]).pop().unwrap();
        let event = {
            let mut ledger = self.ledger();
            ledger.events += 1;
            format!("ev-{}", ledger.events)
        };
        self.callback(&event, &payment)
    }

    fn fault(&self, path: &str) -> Option<Fault> {
        let mut ledger = self.ledger();
        if let Some(at) = ledger.faults.iter().position(|(wanted, _)| path.contains(wanted)) {
            return ledger.faults.remove(at).map(|(_, fault)| fault);
        }
        if ledger.chaos == 0 || self.chance.next_u64() % 1000 >= ledger.chaos {
            return None;
        }
        let all = [
            Fault::Unsent,
            Fault::LostBefore,
            Fault::LostAfter,
            Fault::Throttled,
            Fault::ErrorAfter,
            Fault::Garbage,
            Fault::Slow(Duration::from_secs(3)),
            Fault::Slow(Duration::from_secs(50)),
        ];
        Some(all[usize::try_from(self.chance.next_u64() % 8).unwrap()])
    }

    async fn answer(&self, request: Request, limits: Limits) -> Result<Reply, TransportError> {
        let path = request.url.strip_prefix("https://toy.test").unwrap().to_owned();
        let fault = self.fault(&path);
        let key = request.headers.get(KEY).map(|key| key.to_str().unwrap().to_owned()).unwrap_or_default();
        let line = format!("{:?} {} {path} {key} {fault:?}", self.env.now().since_origin(), request.method);
        self.ledger().log.push(line);
        let lost = || Err(TransportError::Lost("the connection broke".to_owned()));
        self.env.sleep(Duration::from_millis(20)).await;
        match fault {
            Some(Fault::Unsent) => return Err(TransportError::Unsent("connection refused".to_owned())),
            Some(Fault::LostBefore) => return lost(),
            Some(Fault::Throttled) => return Ok(Reply::new(StatusCode::TOO_MANY_REQUESTS, "{}")),
            Some(Fault::Unauthorized) => return Ok(Reply::new(StatusCode::UNAUTHORIZED, "{}")),
            _ => {}
        }
        let (status, body) = self.ledger().execute(&request, &path, &key);
        self.env.sleep(Duration::from_millis(30)).await;
        match fault {
            Some(Fault::LostAfter) => lost(),
            Some(Fault::ErrorAfter) => Ok(Reply::new(StatusCode::INTERNAL_SERVER_ERROR, "oops")),
            Some(Fault::Garbage) => Ok(Reply::new(StatusCode::OK, "<html>")),
            Some(Fault::Slow(time)) if time > limits.timeout => {
                self.env.sleep(limits.timeout).await;
                lost()
            }
            Some(Fault::Slow(time)) => {
                self.env.sleep(time).await;
                Ok(Reply::new(status, body))
            }
            _ => Ok(Reply::new(status, body)),
        }
    }
}

impl Transport for Bank {
    fn send(&self, request: Request, limits: Limits) -> BoxFuture<'_, Result<Reply, TransportError>> {
        Box::pin(self.answer(request, limits))
    }
}

impl Ledger {
    /// Nothing goes wrong any more.
    pub(super) fn clear_faults(&mut self) {
        self.faults.clear();
        self.chaos = 0;
    }

    /// Carries a request out, or answers as it did before under this key.
    fn execute(&mut self, request: &Request, path: &str, key: &str) -> (StatusCode, String) {
        if path == "/token" {
            self.tokens += 1;
            return (StatusCode::OK, json!({ "id": format!("token-{}", self.tokens) }).to_string());
        }
        if request.method == Method::GET {
            return self.look_up(path);
        }
        if let Some(answer) = self.answers.get(key).cloned() {
            return if self.fresh_links { self.with_fresh_link(&answer.1) } else { answer };
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let answer = self.perform(path, &body);
        self.answers.insert(key.to_owned(), answer.clone());
        answer
    }

    /// A provider that keeps no answers: the same asking shows the same payment as it is now, with another link.
    fn with_fresh_link(&mut self, answer: &str) -> (StatusCode, String) {
        let answer: Value = serde_json::from_str(answer).unwrap();
        let payment = self.payments.get_mut(answer["id"].as_str().unwrap()).unwrap();
        payment["link"] = (payment["link"].as_i64().unwrap() + 1).into();
        (StatusCode::OK, payment.to_string())
    }

    fn look_up(&self, path: &str) -> (StatusCode, String) {
        let (head, query) = path.split_once('?').unwrap_or((path, ""));
        let found = match query.split_once('=') {
            Some(("number", number)) => self.payments.values().rfind(|payment| payment["number"] == number),
            Some((_, refund)) => self
                .payments
                .get(head.trim_start_matches("/payments/"))
                .filter(|payment| payment["refunds"].as_array().unwrap().iter().any(|part| part["number"] == refund)),
            None => self.payments.get(head.trim_start_matches("/payments/")),
        };
        found.map_or((StatusCode::NOT_FOUND, "{}".to_owned()), |payment| (StatusCode::OK, payment.to_string()))
    }

    fn perform(&mut self, path: &str, body: &Value) -> (StatusCode, String) {
        let amount = body["amount"].as_i64().unwrap_or_default();
        let mut words = path.trim_start_matches("/payments").split('/').skip(1);
        let (Some(id), Some(verb)) = (words.next(), words.next()) else {
            let id = format!("pay_{:03}", self.payments.len() + 1);
            let amount = self.misread.unwrap_or(amount);
            let (state, captured) = match body["code"].as_str() {
                None => ("created", 0),
                Some("payer") => ("awaiting", 0),
                Some("slow") => ("processing", 0),
                Some(_) => ("paid", amount),
            };
            let payment = json!({ "id": id, "number": body["number"], "order": body["order"], "attempt": body["attempt"],
                "amount": amount, "later": body["later"], "state": state, "captured": captured, "link": 1,
                "refunded": 0, "captures": [], "refunds": [] });
            self.payments.insert(id, payment.clone());
            return (StatusCode::OK, payment.to_string());
        };
        let count = self.answers.len();
        let slow = self.slow_refunds;
        let named = |payment: &&mut Value| id.strip_prefix('@').map_or(payment["id"] == id, |number| payment["number"] == number);
        let Some(payment) = self.payments.values_mut().rfind(named) else { return (StatusCode::NOT_FOUND, "{}".to_owned()) };
        let (state, later) = (payment["state"].as_str().unwrap().to_owned(), payment["later"] == true);
        let total = payment["amount"].as_i64().unwrap();
        let (captured, refunded) = (payment["captured"].as_i64().unwrap(), payment["refunded"].as_i64().unwrap());
        let part =
            |state: &str| json!({ "number": body["number"], "id": format!("part_{count}"), "amount": amount, "state": state });
        match (verb, state.as_str()) {
            ("confirm", "created" | "declined") => {
                payment["state"] = match body["token"].as_str().unwrap() {
                    "declined" => "declined",
                    "payer" => "awaiting",
                    _ if later => "authorized",
                    _ => "paid",
                }
                .into();
                if payment["state"] == "paid" {
                    payment["captured"] = total.into();
                }
            }
            ("answer", "awaiting") => match body["code"].as_str().unwrap_or_default() {
                "more" => payment["link"] = (payment["link"].as_i64().unwrap() + 1).into(),
                "no" => payment["state"] = "declined".into(),
                _ if later => payment["state"] = "authorized".into(),
                _ => (payment["state"], payment["captured"]) = ("paid".into(), total.into()),
            },
            ("reverse", "canceled") => {}
            ("reverse", "paid") => {
                let mut part = part("succeeded");
                part["amount"] = (captured - refunded).into();
                payment["refunded"] = captured.into();
                payment["refunds"].as_array_mut().unwrap().push(part);
            }
            ("reverse", _) | ("cancel", "created" | "awaiting" | "authorized" | "declined") => {
                payment["state"] = "canceled".into();
            }
            ("capture", "authorized") if amount <= total - captured => {
                payment["captured"] = (captured + amount).into();
                payment["state"] = if body["last"] == true { "paid" } else { "authorized" }.into();
                payment["captures"].as_array_mut().unwrap().push(part("succeeded"));
            }
            ("refund", "paid") if amount <= captured - refunded => {
                payment["refunded"] = (refunded + amount).into();
                payment["refunds"].as_array_mut().unwrap().push(part(if slow { "pending" } else { "succeeded" }));
            }
            // Refused for good under this key: nothing was captured or given back.
            ("capture" | "refund", _) => return (StatusCode::UNPROCESSABLE_ENTITY, "{}".to_owned()),
            _ => return (StatusCode::CONFLICT, "{}".to_owned()),
        }
        (StatusCode::OK, payment.to_string())
    }
}

/// Everyone's view of one bank.
pub(super) type Shared = Arc<Bank>;
