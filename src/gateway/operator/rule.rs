//! A person's word on an operation in doubt: checked against the rows and the provider, settled like any other outcome, audited.

use std::sync::Arc;

use http::Method;

use super::view::{Standing, held as is_held};
use super::word::{Ruled, judged, payment_id, with_id};
use super::{Deed, Word};
use crate::adapter::{Cancel, Capture, Charge, Codec, Confirm, Draft, Kind, Moves, Refs, Refund, Reverse, Seen};
use crate::env::Mono;
use crate::gateway::Inner;
use crate::gateway::again::End;
use crate::gateway::apply::Light;
use crate::gateway::ask::Found;
use crate::gateway::channel::{Answer, Call};
use crate::gateway::intent::{Intent, State};
use crate::gateway::order::{Attempt, Order, unknown};
use crate::gateway::rows::{Versioned, read, store_failed};
use crate::gateway::settle::{Held, Outcome};
use crate::gateway::told::By;
use crate::gateway::verdict::Told;
use crate::guard::Timing;
use crate::model::{AttemptNo, Error, ErrorKind, Fate, IdempotencyKey, Invalid, Money, OrderNo, Payment, Status};
use crate::store::{Commit, Key, Row};

/// How often it is decided anew when the rows have changed meanwhile.
const RACES: u32 = 8;

/// How often what cannot be opened here was taken up in vain before it counts as given up by everybody.
const IN_VAIN: u32 = 3;

/// What a person says became of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ruling {
    /// It did not take effect, and will not.
    NotApplied,
    /// It did.
    Applied,
    /// It did, as this at the provider, for this money. A charge needs both.
    AppliedAs {
        /// The provider's id: of the payment, for a charge or a confirm; else of the capture or refund.
        provider_id: String,
        /// How much.
        money: Money,
    },
}

impl Ruling {
    /// The fate it says.
    pub fn fate(&self) -> Fate {
        if *self == Self::NotApplied { Fate::NotApplied } else { Fate::Applied }
    }
}

/// How a word is taken.
#[derive(Clone, Copy)]
struct Taking<'a> {
    ruling: &'a Ruling,
    word: &'a Word,
    act: &'static str,
    /// Until when the provider may be asked; without it, the word stands alone.
    ask: Option<Mono>,
}

impl Inner {
    /// Decides one operation of an order that is in doubt.
    pub(super) async fn settle_by(
        self: &Arc<Self>,
        order_no: &OrderNo,
        operation: &str,
        ruling: &Ruling,
        word: &Word,
        call: Call,
    ) -> Result<Answer<Payment>, Error> {
        let taking = Taking { ruling, word, act: "settle", ask: Some(self.env.now() + call.timeout) };
        let known =
            if operation.is_empty() { None } else { self.load_intent(&self.rows.intent_key(order_no, operation)).await? };
        match known.ok_or_else(|| no_operation(order_no))?.value.kind {
            Kind::Charge => self.rule::<Charge>(order_no, operation, taking).await,
            Kind::Confirm => self.rule::<Confirm>(order_no, operation, taking).await,
            Kind::Capture => self.rule::<Capture>(order_no, operation, taking).await,
            Kind::Cancel => self.rule::<Cancel>(order_no, operation, taking).await,
            Kind::Reverse => self.rule::<Reverse>(order_no, operation, taking).await,
            Kind::Refund => self.rule::<Refund>(order_no, operation, taking).await,
            Kind::Query | Kind::QueryRefund => Err(Error::new(ErrorKind::Conflict, format!("{operation} is only looked at"))),
        }
    }

    /// Gives the latest attempt's charge up, on nothing but a word.
    pub(super) async fn abandon(self: &Arc<Self>, order_no: &OrderNo, word: &Word) -> Result<Answer<Payment>, Error> {
        let order = self.load_order(order_no).await?.ok_or_else(|| unknown(order_no))?.value;
        let attempt = order.latest().ok_or_else(|| unknown(order_no))?.no;
        let taking = Taking { ruling: &Ruling::NotApplied, word, act: "abandon", ask: None };
        self.rule::<Charge>(order_no, &format!("charge/{attempt}"), taking).await
    }

    async fn rule<Op: Ruled>(
        self: &Arc<Self>,
        order_no: &OrderNo,
        operation: &str,
        taking: Taking<'_>,
    ) -> Result<Answer<Payment>, Error> {
        let key = self.rows.intent_key(order_no, operation);
        for _ in 0..RACES {
            let row = self.store.get(&key).await.map_err(store_failed)?.ok_or_else(|| no_operation(order_no))?;
            let intent = read::<Intent>(&row)?;
            if intent.value.state.found().is_some() && !is_watched(&intent.value.state) {
                return Err(not_in_doubt(operation, &intent.value.state));
            }
            let order = self.load_order(order_no).await?.ok_or_else(|| unknown(order_no))?;
            let before = stands(&order.value, &intent.value);
            let (held, readable) = self.held::<Op>(order_no, &order.value, key.clone(), intent, taking.ruling.fate())?;
            if !in_doubt(&row, &held.intent.value.state, readable) {
                return Err(not_in_doubt(operation, &held.intent.value.state));
            }
            let outcome = match taking.ask {
                Some(deadline) => {
                    not_taken_up(&row, readable)?;
                    self.checked(&held, &order.value, readable, taking, deadline).await?
                }
                None => Outcome::End(released(&held.op, taking)),
            };
            if let Some(payment) = self.ruled(held, readable, order, before, &outcome, taking).await? {
                self.changed();
                self.wake_resolver();
                return Ok(Answer::new(payment, Timing::default()));
            }
        }
        Err(Error::new(ErrorKind::Conflict, "others are changing this order at the same time; look again"))
    }

    /// The operation at its intent; from the rows, where what is sealed cannot be opened.
    fn held<Op: Ruled>(
        &self,
        order_no: &OrderNo,
        order: &Order,
        key: Key,
        intent: Versioned<Intent>,
        fate: Fate,
    ) -> Result<(Held<Op>, bool), Error> {
        let no = intent.value.attempt;
        let opened =
            self.rows.open_op::<Op>(&key, &intent.value).and_then(|op| Ok((op, self.rows.open_draft(&key, &intent.value)?)));
        let readable = opened.is_ok();
        let (op, draft) = if let Ok(opened) = opened {
            opened
        } else {
            let name = key.id.split_once('/').map_or("", |(_, name)| name);
            (Op::rebuilt(order, attempt(order, no)?, name)?, unread(&intent.value.seed.key))
        };
        let (order_no, learned, by, ruled) = (order_no.clone(), Vec::new(), By::Operator, Some(fate));
        Ok((Held { op, order_no, attempt: no, key, intent, order: None, draft, learned, by, ruled }, readable))
    }

    /// What the word comes to, once the rows and the provider had a say.
    async fn checked<Op: Ruled>(
        &self,
        held: &Held<Op>,
        order: &Order,
        readable: bool,
        taking: Taking<'_>,
        deadline: Mono,
    ) -> Result<Outcome, Error> {
        let (attempt, fate) = (attempt(order, held.attempt)?, taking.ruling.fate());
        if let Some(known) = held.op.contradicted(attempt, fate) {
            return Err(Error::new(ErrorKind::Conflict, format!("{known}: your word contradicts it, and nothing was changed")));
        }
        let id = payment_id(order, attempt, self.payment_ref, Op::KIND, taking.ruling)?;
        let takes = matches!(Op::KIND, Kind::Charge | Kind::Confirm);
        let (charged, light) = (takes && fate == Fate::Applied, Light { by: By::Operator, asked: Some(order.version) });
        let found = match self.consult(held, order, id, deadline).await {
            Some(Err(error)) if takes || fate == Fate::NotApplied => return Err(unasked(&error, Op::KIND)),
            Some(found) => found.ok(),
            None => None,
        };
        let seen = match found {
            Some(Found::Seen(seen)) => match self.judged(held, readable, &seen) {
                Some(says) if says == fate => Some(seen),
                // It shows neither. A word it does not know may be one for money taken.
                None if !(charged || takes && matches!(seen.status, Some(Status::Unrecognized(_)))) => None,
                _ => return Err(otherwise(&seen)),
            },
            Some(Found::Missing) if charged => {
                return Err(Invalid::new("provider_id", "the id of a payment that the provider knows").into());
            }
            // It may not be known because its payer has not come yet.
            Some(Found::Missing) if takes && self.is_payable(attempt, &held.draft) => {
                let why = "the provider does not know it yet, and it may still be paid: cancel it, or wait until its time is up";
                return Err(Error::new(ErrorKind::Conflict, why));
            }
            None if charged && !readable => {
                let why = "what is sealed of it cannot be opened, and this provider answers no questions: nothing was changed";
                return Err(Error::new(ErrorKind::Conflict, why));
            }
            Some(Found::Missing) | None => None,
        };
        let seen = match seen {
            Some(seen) => seen,
            None if fate == Fate::NotApplied => return Ok(Outcome::End(released(&held.op, taking))),
            None => {
                let seen = held.op.applied(order, attempt, &held.intent.value.seed, taking.ruling)?;
                Box::new(with_id(seen, self.payment_ref, id))
            }
        };
        if let Some(id) = id {
            self.alias(self.payment_ref, id, &order.order_no).await?;
        }
        Ok(Outcome::Seen(seen, light))
    }

    fn is_payable(&self, attempt: &Attempt, draft: &Draft) -> bool {
        let now = self.env.wall();
        attempt.closes_at.or(draft.closes_at).is_some_and(|at| now < at)
    }

    /// Asks the provider, by the id that was named or by what is known; none if it answers no questions.
    async fn consult<Op: Ruled>(
        &self,
        held: &Held<Op>,
        order: &Order,
        id: Option<&str>,
        deadline: Mono,
    ) -> Option<Result<Found, Error>> {
        self.adapter().query()?;
        let mut asked = order.clone();
        if let (Some(id), Some(attempt)) = (id, asked.attempt_mut(held.attempt)) {
            attempt.refs.add(self.payment_ref, id);
        }
        Some(self.question_of(held, &asked, deadline).await)
    }

    fn judged<Op: Ruled>(&self, held: &Held<Op>, readable: bool, seen: &Seen) -> Option<Fate> {
        let adapter = self.adapter();
        match Op::codec(&**adapter).filter(|_| readable) {
            Some(codec) => codec.judge(&held.op, &held.draft, seen),
            None => judged(Op::KIND, &held.intent.value.seed, seen),
        }
    }

    /// Commits what the word came to, with its entry in the audit trail; none if the rows have changed meanwhile.
    async fn ruled<Op: Ruled>(
        &self,
        held: Held<Op>,
        readable: bool,
        order: Versioned<Order>,
        before: String,
        outcome: &Outcome,
        taking: Taking<'_>,
    ) -> Result<Option<Payment>, Error> {
        let adapter = self.adapter();
        let codec: Option<&dyn Codec<Op>> = Op::codec(&**adapter).filter(|_| readable);
        let settled = self.settled_rows(&held, &held.intent, order, outcome, codec)?;
        let (mut puts, audit_at) = (settled.puts, settled.intent_at + 1);
        let after = puts.get(settled.intent_at).and_then(|put| serde_json::from_slice::<Intent>(&put.body).ok());
        let after = after.map(|intent| stands(&settled.order, &intent)).unwrap_or_default();
        let (part, operation) = (held.key.part.clone(), Some(held.key.id.clone()));
        puts.insert(audit_at, self.put_audit(taking.word, Deed { act: taking.act, part, operation, before, after })?);
        match self.commit_settled(puts, audit_at).await? {
            Commit::Done(_) => {
                let payment = settled.order.payment(&self.account, self.payment_ref, held.attempt);
                payment.map(Some).ok_or_else(|| unknown(&held.order_no))
            }
            Commit::Lost { .. } => Ok(None),
        }
    }
}

/// How an operation and its attempt stand, in one line.
fn stands(order: &Order, intent: &Intent) -> String {
    let status = order.attempt(intent.attempt).and_then(|attempt| attempt.status.as_ref());
    let status = status.map_or_else(|| "not known".to_owned(), Status::to_string);
    format!("{}; payment {status}", Standing::of(&intent.state).name())
}

fn attempt(order: &Order, no: AttemptNo) -> Result<&Attempt, Error> {
    order.attempt(no).ok_or_else(|| unknown(&order.order_no))
}

fn no_operation(order_no: &OrderNo) -> Error {
    Invalid::new("operation", format!("one of order {order_no}, such as charge/1")).into()
}

fn is_watched(state: &State) -> bool {
    matches!(state, State::Watched { .. })
}

/// What nobody can open any more is in doubt too, wherever it stood: those who take it up do so in vain.
fn in_doubt(row: &Row, state: &State, readable: bool) -> bool {
    let in_vain = !readable && row.tries >= IN_VAIN;
    matches!(state, State::Doubt { .. }) || (in_vain && (is_watched(state) || *state == State::Sending))
}

fn not_in_doubt(operation: &str, state: &State) -> Error {
    Error::new(ErrorKind::Conflict, format!("{operation} is not in doubt: it is {}", Standing::of(state).name()))
}

/// While somebody is looking at it, his send may be on its way. Whoever cannot open it sends nothing, however often he takes it up.
fn not_taken_up(row: &Row, readable: bool) -> Result<(), Error> {
    if !is_held(row) || (!readable && row.tries >= IN_VAIN) {
        return Ok(());
    }
    let left = row.due_in.unwrap_or_default();
    Err(Error::new(ErrorKind::Refused, "it is being looked at right now, and may be sent again: nothing was changed")
        .with_after(left))
}

fn released<Op: Ruled>(op: &Op, taking: Taking<'_>) -> End {
    let Word { by, evidence } = taking.word;
    let what = if taking.act == "abandon" { "given up by" } else { "not applied, by the word of" };
    let why = format!("{what} {by}: {evidence}");
    tracing::warn!(order = %op.order_no(), operation = %op.identity(), by = %by, "{}", taking.act);
    End::Released { resume: false, told: Told::of(&Error::new(ErrorKind::Unreachable, why)) }
}

fn otherwise(seen: &Seen) -> Error {
    let says = seen.word.clone().or_else(|| seen.status.as_ref().map(Status::to_string)).unwrap_or_else(|| "nothing".to_owned());
    Error::new(ErrorKind::Conflict, format!("the provider was asked, and says {says}: nothing was changed by your word"))
}

/// The provider must be asked and could not be: what is in doubt stays so.
fn unasked(error: &Error, kind: Kind) -> Error {
    let way = if kind == Kind::Charge { "; what can never be asked can be abandoned" } else { "" };
    let why = format!("the provider must be asked first, and could not be ({error}): nothing was changed{way}");
    let refused = Error::new(ErrorKind::Refused, why);
    match error.after() {
        Some(after) => refused.with_after(after),
        None => refused,
    }
}

/// Stands for a draft that cannot be opened: nothing is ever sent of it, and no codec sees it.
fn unread(key: &IdempotencyKey) -> Draft {
    Draft {
        format: 0,
        step: 0,
        moves: Moves::Money,
        method: Method::GET,
        path: String::new(),
        key: key.clone(),
        closes_at: None,
        body: String::new(),
        carry: Refs::new(),
    }
}
