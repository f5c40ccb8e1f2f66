//! Faults on command: scripted one by one, or drawn from a table by a seed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use paysluice::env::{Rng, SeededRng};
use serde::{Deserialize, Serialize};

/// What goes wrong with one request. "Lost" is what the client can honestly say.
///
/// In JSON: `{"fault": "close_after"}`, `{"fault": "slow", "by_ms": 90000}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fault")]
pub enum Fault {
    /// Nothing goes wrong: a place in a script.
    Pass,
    /// In process: no connection, proved unsent. Over HTTP the connection exists by now and is closed unanswered: lost. Not executed.
    Refuse,
    /// The request is read, the connection closed. Not executed. Lost.
    CloseBefore,
    /// Executed, then the connection is closed. Lost.
    CloseAfter,
    /// 500; not executed. The key replays the 500.
    ErrorBefore,
    /// Executed; 500. The key replays the 500.
    ErrorAfter,
    /// 503; not executed, nothing stored: the same key executes next time.
    Unavailable,
    /// 429; not executed, nothing stored.
    TooMany {
        /// The header `Retry-After`, in seconds; 0 leaves it out, and WeChat Pay has none.
        retry_after_s: u32,
    },
    /// Executed at once; the answer drips out and is whole after this time. The key is in use until then.
    Slow {
        /// How long the answer takes, in milliseconds.
        by_ms: u64,
    },
    /// 429 though it was executed, as WeChat Pay says of refunds; what no provider executes behind a 429 is not executed.
    TooManyAfter,
    /// 202 without a body, not executed: WeChat Pay's "repeat with the same parameters". Nothing goes wrong at a face that knows no such answer.
    Accepted,
    /// Executed; the body stops halfway. Lost, for an answer is whole or there is none.
    Truncated,
    /// Executed; 200 with a body that is no JSON.
    Garbage,
    /// Executed; 200 with the correct answer about another payment, rightly signed where answers are signed.
    OtherOrder,
    /// Executed; a good answer, rightly signed, in a node that is named after another operation. Nothing goes wrong at a face whose
    /// answers have no names: all but Alipay's.
    OtherNode,
    /// Executed; a good answer's node stands there twice, one with made-up content; the signature is of the true one. Else as
    /// `OtherNode`.
    DoubledNode,
    /// Executed under a clock that is off by so many seconds: `created`, `Date`, and the times that callbacks are signed with.
    ClockSkew {
        /// Seconds to add; negative is behind.
        seconds: i64,
    },
    /// Executed; a good answer's signature is broken. Nothing goes wrong at a face that signs no answers.
    BadSignature,
    /// Executed; a good answer carries WeChat Pay's sign probe, `WECHATPAY/SIGNTEST/…`, in place of its signature. Else as `BadSignature`.
    SignProbe,
    /// Executed; a good answer is signed with a key that is not the provider's, in the provider's name. Else as `BadSignature`.
    OtherKey,
    /// Executed; a good answer has no signature. Else as `BadSignature`.
    Unsigned,
    /// Executed; a good answer is signed under a certificate of the provider's own authority that names another: a merchant of
    /// UnionPay's has one. Else as `OtherKey`.
    OtherName,
    /// Executed; a good answer is signed under a certificate of the provider's that is no longer valid. Else as `OtherKey`.
    OutOfTime,
}

/// What goes wrong with one callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fault")]
pub enum CallbackFault {
    /// Nothing: a place in a script.
    Pass,
    /// Delivered once more after it was taken.
    Duplicate,
    /// Delivered late.
    Late {
        /// By this time, in milliseconds.
        by_ms: u64,
    },
    /// Delivered before the answer to the request that caused it.
    Early,
    /// Held back until the next callback has gone out, or for a minute if none comes.
    Reordered,
    /// Never delivered.
    Missing,
    /// The first delivery has a wrong signature; the next ones are right.
    BadSignature,
    /// The first delivery is signed with another endpoint's secret, or another's key; the next ones are right.
    OtherSecret,
    /// The first delivery carries WeChat Pay's sign probe in place of its signature (elsewhere a broken one); the next ones are right.
    SignProbe,
    /// The first delivery is signed under a certificate that names another, as by [`Fault::OtherName`]; the next ones are right.
    OtherName,
    /// The first delivery is signed under a certificate of the past, as by [`Fault::OutOfTime`]; the next ones are right.
    OutOfTime,
}

/// Which requests take a fault from a script or a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "scope")]
pub enum Scope {
    /// Every request.
    #[default]
    All,
    /// Every request that changes something: POST and DELETE.
    Changing,
    /// Those of a method and path.
    Matching {
        /// The method in capitals; absent is any.
        #[serde(default)]
        method: Option<String>,
        /// The path's segments: `*` is any one, `**` at the end any number, none included. `/v1/payment_intents/*/confirm`.
        /// All of Alipay's go to one address: here its method is one more segment, `/gateway.do/alipay.trade.refund`.
        path: String,
    },
}

impl Scope {
    /// Requests of a method and path (see [`Scope::Matching`]).
    pub fn matching(method: &str, path: &str) -> Self {
        Self::Matching { method: Some(method.to_owned()), path: path.to_owned() }
    }

    fn covers(&self, method: &str, path: &str) -> bool {
        match self {
            Self::All => true,
            Self::Changing => matches!(method, "POST" | "DELETE"),
            Self::Matching { method: wanted, path: pattern } => {
                wanted.as_deref().is_none_or(|wanted| wanted == method) && path_fits(pattern, path)
            }
        }
    }
}

fn path_fits(pattern: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    for wanted in pattern.split('/') {
        match (wanted, segments.next()) {
            ("**", _) => return true,
            ("*", Some(_)) => {}
            (wanted, Some(segment)) if wanted == segment => {}
            _ => return false,
        }
    }
    segments.next().is_none()
}

/// How often which fault is drawn, in per mille of the requests (and callbacks) in scope.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FaultTable {
    /// Which requests.
    #[serde(default)]
    pub scope: Scope,
    /// Faults of requests with their share; the sum should not exceed 1000.
    #[serde(default)]
    pub requests: Vec<(Fault, u16)>,
    /// Faults of callbacks with their share.
    #[serde(default)]
    pub callbacks: Vec<(CallbackFault, u16)>,
}

impl FaultTable {
    /// A bad day: every fault that any provider may show, a fifth of the requests and a third of the callbacks.
    pub fn storm() -> Self {
        Self {
            scope: Scope::All,
            requests: vec![
                (Fault::Refuse, 20),
                (Fault::CloseBefore, 20),
                (Fault::CloseAfter, 40),
                (Fault::ErrorBefore, 10),
                (Fault::ErrorAfter, 20),
                (Fault::Unavailable, 20),
                (Fault::TooMany { retry_after_s: 1 }, 20),
                (Fault::Slow { by_ms: 90_000 }, 10),
                (Fault::Truncated, 20),
                (Fault::Garbage, 10),
                (Fault::OtherOrder, 10),
            ],
            callbacks: vec![
                (CallbackFault::Duplicate, 60),
                (CallbackFault::Late { by_ms: 120_000 }, 60),
                (CallbackFault::Early, 60),
                (CallbackFault::Reordered, 60),
                (CallbackFault::Missing, 40),
                (CallbackFault::BadSignature, 20),
                (CallbackFault::OtherSecret, 20),
            ],
        }
    }

    /// A storm with the faults of a provider that signs its answers: WeChat Pay.
    pub fn storm_of_signatures() -> Self {
        let mut table = Self::storm();
        table.requests.extend([
            (Fault::TooManyAfter, 10),
            (Fault::Accepted, 10),
            (Fault::BadSignature, 10),
            (Fault::SignProbe, 20),
            (Fault::OtherKey, 10),
            (Fault::Unsigned, 10),
        ]);
        table.callbacks.push((CallbackFault::SignProbe, 20));
        table
    }

    /// A storm with the faults of a provider that sends its certificate along: UnionPay.
    pub fn storm_of_certificates() -> Self {
        let mut table = Self::storm_of_signatures();
        table.requests.extend([(Fault::OtherName, 10), (Fault::OutOfTime, 10)]);
        table.callbacks.extend([(CallbackFault::OtherName, 20), (CallbackFault::OutOfTime, 20)]);
        table
    }

    /// A storm with the faults of a provider that signs one named part of its answers: Alipay.
    pub fn storm_of_nodes() -> Self {
        let mut table = Self::storm_of_signatures();
        table.requests.extend([(Fault::ErrorBefore, 10), (Fault::OtherNode, 10), (Fault::DoubledNode, 20)]);
        table
    }
}

#[derive(Debug, Default)]
struct Plan {
    scripts: Vec<(Scope, VecDeque<Fault>)>,
    callbacks: VecDeque<CallbackFault>,
    tables: Vec<(FaultTable, SeededRng)>,
    drawn: Vec<(String, Fault)>,
}

/// The handle on faults; clones share the plan. Scripts go before tables.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

impl Faults {
    /// Appends a script for every request: one fault each, then none.
    pub fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        self.script_in(Scope::All, faults);
    }

    /// Appends a script for the requests in `scope`. Of several scripts in scope the oldest unfinished one is used.
    pub fn script_in(&self, scope: Scope, faults: impl IntoIterator<Item = Fault>) {
        self.plan(|plan| plan.scripts.push((scope, faults.into_iter().collect())));
    }

    /// Appends a script for callbacks: one fault per event, in the order in which events arise.
    pub fn script_callbacks(&self, faults: impl IntoIterator<Item = CallbackFault>) {
        self.plan(|plan| plan.callbacks.extend(faults));
    }

    /// Draws from a table from now on, in place of an older one of the same scope. Of several tables in scope the oldest is used,
    /// and for callbacks the oldest that names any. The same seed and requests, the same faults.
    pub fn random(&self, seed: u64, table: FaultTable) {
        let chance = SeededRng::new(seed);
        self.plan(|plan| match plan.tables.iter_mut().find(|(older, _)| older.scope == table.scope) {
            Some(older) => *older = (table, chance),
            None => plan.tables.push((table, chance)),
        });
    }

    /// Forgets scripts and tables: nothing goes wrong from now on.
    pub fn none(&self) {
        self.plan(|plan| *plan = Plan { drawn: std::mem::take(&mut plan.drawn), ..Plan::default() });
    }

    /// How many scripted faults of requests are still to come.
    pub fn pending(&self) -> usize {
        self.plan(|plan| plan.scripts.iter().map(|(_, script)| script.len()).sum())
    }

    /// The faults that requests met so far, with the method and path of each: a run's trace.
    pub fn drawn(&self) -> Vec<(String, Fault)> {
        self.plan(|plan| plan.drawn.clone())
    }

    pub(crate) fn of_request(&self, method: &str, path: &str) -> Fault {
        self.plan(|plan| {
            let fault = plan.scripted(method, path).unwrap_or_else(|| plan.by_chance(method, path));
            if fault != Fault::Pass {
                plan.drawn.push((format!("{method} {path}"), fault));
            }
            fault
        })
    }

    pub(crate) fn of_callback(&self) -> CallbackFault {
        self.plan(|plan| {
            let scripted = plan.callbacks.pop_front();
            scripted.unwrap_or_else(|| {
                let table = plan.tables.iter().find(|(table, _)| !table.callbacks.is_empty());
                table.and_then(|(table, rng)| drawn(rng, &table.callbacks)).unwrap_or(CallbackFault::Pass)
            })
        })
    }

    fn plan<T>(&self, f: impl FnOnce(&mut Plan) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Plan {
    fn scripted(&mut self, method: &str, path: &str) -> Option<Fault> {
        let open = self.scripts.iter_mut().find(|(scope, script)| !script.is_empty() && scope.covers(method, path));
        open.and_then(|(_, script)| script.pop_front())
    }

    fn by_chance(&self, method: &str, path: &str) -> Fault {
        let table = self.tables.iter().find(|(table, _)| table.scope.covers(method, path));
        table.and_then(|(table, rng)| drawn(rng, &table.requests)).unwrap_or(Fault::Pass)
    }
}

/// Draws one of `shares` (per mille each), or none for the rest. Always takes one number, so that runs stay comparable.
fn drawn<T: Copy>(rng: &SeededRng, shares: &[(T, u16)]) -> Option<T> {
    let mut ticket = rng.next_u64() % 1000;
    for (value, share) in shares {
        match ticket.checked_sub(u64::from(*share)) {
            Some(rest) => ticket = rest,
            None => return Some(*value),
        }
    }
    None
}

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[cfg(test)]
mod tests;
