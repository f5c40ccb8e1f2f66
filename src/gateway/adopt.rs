//! Adopting: a payment that was made elsewhere is asked about, and kept as the order's first attempt, whole or not at all.

use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::apply::apply;
use super::ask::{Found, asked_at};
use super::channel::{Answer, Call};
use super::intent::{Intent, State};
use super::operator::{Deed, Word};
use super::order::{Attempt, Order, unknown};
use super::rows::{self, Versioned, part};
use super::settle::pick;
use super::told::By;
use super::verdict::Verdict;
use crate::adapter::{Kind, Operation, Query, Refs, Seed, WhenUp};
use crate::guard::{Class, Timing};
use crate::model::{AttemptNo, Block, Error, ErrorKind, IdempotencyKey, Invalid, Money, OrderNo, Payment, ProviderNo, Status};
use crate::store::{Commit, Expect, Key, Put};

/// The product of an attempt that was made elsewhere.
const ADOPTED: &str = "adopted";

/// Times between looks at one that has not ended: nobody waits at the till for it.
const CADENCE: [Duration; 4] =
    [Duration::from_secs(60), Duration::from_secs(300), Duration::from_secs(900), Duration::from_secs(3600)];

/// How long one look may take: less than the resolver's lease.
const PATIENCE: Duration = Duration::from_secs(40);

impl Inner {
    /// Takes over a payment that was made elsewhere. The same again asks again; an order that is known otherwise is a conflict.
    pub(crate) async fn adopt(
        self: &Arc<Self>,
        order_no: &OrderNo,
        provider_id: &str,
        money: Money,
        call: Call,
        word: Option<&Word>,
    ) -> Result<Answer<Payment>, Error> {
        let deadline = self.env.now() + call.timeout;
        let mut timing = Timing::default();
        let order = match self.load_order(order_no).await? {
            Some(order) => order.value,
            None => self.unadopted(order_no, provider_id, money)?,
        };
        let known = order.version > 0;
        self.is_adopted(&order, provider_id, money)?;
        let query = Query::new(order_no.clone()).on(AttemptNo::FIRST);
        let found = self.ask(&query, &order, AttemptNo::FIRST, None, Class::Query, deadline, &mut timing).await?;
        let Found::Seen(seen) = found else {
            return Err(Invalid::new("provider_id", "the id of a payment that the provider knows").into());
        };
        if known {
            self.observe(order_no, AttemptNo::FIRST, &seen, asked_at(&order)).await?;
        } else {
            self.alias(self.payment_ref, provider_id, order_no).await?;
            let (light, mut order) = (asked_at(&order), order);
            let applied = apply(&mut order, AttemptNo::FIRST, self.payment_ref, &seen, light);
            order.version = order.version.max(1);
            let mut puts = vec![self.rows.put_order(&order, Expect::Absent)?];
            puts.extend(self.watching(&query, &order)?);
            if let Some(word) = word {
                let (before, after) = ("unknown here".to_owned(), format!("payment {provider_id}, {money}"));
                let deed = Deed { act: "adopt", part: part(order_no), operation: None, before, after };
                puts.push(self.put_audit(word, deed)?);
            }
            for told in self.tolds(&order, AttemptNo::FIRST, applied, By::Query) {
                puts.push(self.rows.put_told(&told)?);
            }
            // Lost: somebody else was first, with the same or with another.
            match self.commit(&puts).await? {
                Commit::Done(_) => self.changed(),
                Commit::Lost { .. } => {
                    let first = self.load_order(order_no).await?.ok_or_else(|| unknown(order_no))?.value;
                    self.is_adopted(&first, provider_id, money)?;
                }
            }
        }
        let order = self.load_order(order_no).await?.ok_or_else(|| unknown(order_no))?.value;
        let payment = order.payment(&self.account, self.payment_ref, AttemptNo::FIRST).ok_or_else(|| unknown(order_no))?;
        match (payment.blocked.clone(), seen.status) {
            (Some(Block::Mismatch { expected, got }), _) => {
                let why = format!("asked for {expected}, the provider speaks of {got}");
                Err(Error::new(ErrorKind::Mismatch, why).with_payment(payment))
            }
            (_, Some(Status::Unrecognized(_)) | None) => {
                Err(Error::new(ErrorKind::Doubtful, "the provider does not say how it stands").with_payment(payment))
            }
            _ => Ok(Answer::new(payment, timing)),
        }
    }

    /// An order with the payment as its first attempt, of which nothing is known yet.
    fn unadopted(&self, order_no: &OrderNo, provider_id: &str, money: Money) -> Result<Order, Error> {
        let number = ProviderNo::new(order_no.as_str())?;
        let key = IdempotencyKey::new(format!("{:032x}", self.env.rng().next_u128()))?;
        let seed = Seed { number, key, born: self.env.wall() };
        let mut attempt = Attempt::new(AttemptNo::FIRST, seed, ADOPTED, money);
        attempt.refs = Refs::new().with(self.payment_ref, provider_id);
        let mut order = Order::new(order_no.clone(), money);
        order.attempts.push(attempt);
        Ok(order)
    }

    /// A row that is due until the payment has come to its end: nobody else would look.
    fn watching(&self, query: &Query, order: &Order) -> Result<Option<Put>, Error> {
        let Some(first) = order.attempt(AttemptNo::FIRST).filter(|first| !has_ended(first)) else { return Ok(None) };
        let key = self.rows.intent_key(&order.order_no, "adopted/1");
        let intent = Intent {
            v: 1,
            kind: Kind::Query,
            attempt: AttemptNo::FIRST,
            fingerprint: String::new(),
            generation: 1,
            seed: first.seed.clone(),
            state: watched(0),
            sends: 0,
            doubt: false,
            op: Some(self.rows.seal_op(&key, query)?),
            draft: None,
        };
        rows::put_intent(key, &intent, Expect::Absent, Some(pick(&CADENCE, 0))).map(Some)
    }

    /// Looks at an adopted payment that has not ended.
    pub(crate) async fn look_at_adopted(self: &Arc<Self>, key: Key, intent: Versioned<Intent>) -> Result<(), Error> {
        let (query, mut next) = (self.rows.open_op::<Query>(&key, &intent.value)?, intent.value);
        let State::Watched { looks, .. } = next.state else { return Ok(()) };
        let order = self.load_order(&query.order_no).await?.ok_or_else(|| unknown(&query.order_no))?.value;
        let mut ended = order.attempt(next.attempt).is_none_or(has_ended);
        if !ended {
            let seen = self.refresh(&query.order_no, next.attempt, Class::Resolve, self.env.now() + PATIENCE).await;
            ended = seen.ok().flatten().and_then(|seen| seen.status).is_some_and(|status| status.is_settled());
        }
        next.state = if ended { State::Settled(Verdict::Done) } else { watched(looks.saturating_add(1)) };
        let due = (!ended).then(|| pick(&CADENCE, looks.saturating_add(1)));
        let put = rows::put_intent(key, &next, Expect::Ver(intent.ver), due)?;
        self.commit(&[put]).await.map(|_| ())
    }

    /// Whether the order was adopted as this very payment, for this money.
    fn is_adopted(&self, order: &Order, provider_id: &str, money: Money) -> Result<(), Error> {
        let first = order.attempt(AttemptNo::FIRST).filter(|first| first.product == ADOPTED && order.money == money);
        match first.and_then(|first| first.refs.get(self.payment_ref)) {
            Some(id) if id == provider_id => Ok(()),
            _ => Err(Error::new(ErrorKind::Conflict, format!("order {} is known here", order.order_no))),
        }
    }
}

fn has_ended(attempt: &Attempt) -> bool {
    attempt.status.as_ref().is_some_and(Status::is_settled)
}

fn watched(looks: u32) -> State {
    State::Watched { looks, until: None, then: WhenUp::Leave.into(), verdict: Verdict::Done }
}
