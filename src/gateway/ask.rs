//! Asking: queries, which move nothing, are sent freely, and whose answers are applied to the order.

use std::sync::Arc;

use super::Inner;
use super::again::{Circumstances, Decision, End, again};
use super::apply::Light;
use super::channel::{Answer, Call};
use super::order::{Attempt, Order, unknown};
use super::plan::Planned;
use super::run::Run;
use super::send::{Send, Sent};
use super::settle::{Held, Observed};
use super::told::By;
use crate::adapter::{
    Codec, Decoded, Draft, Kind, Moves, Operation, Query, QueryRefund, Ready, Recovery, RecoveryStep, Seed, Seen, unsupported,
};
use crate::env::Mono;
use crate::guard::{Ask, Class, Timing};
use crate::model::{AttemptNo, Error, ErrorKind, OrderNo, Payment, RefundNo};

/// What a question found.
#[derive(Debug)]
pub(crate) enum Found {
    /// This.
    Seen(Box<Seen>),
    /// Nothing.
    Missing,
}

/// Steps of one question (pages, mostly) before it is given up: a provider that pages for ever is not followed for ever.
const STEPS: u32 = 16;

impl Inner {
    /// Queries a payment for a caller, and applies the answer.
    pub(crate) async fn query(self: &Arc<Self>, query: Query, call: Call) -> Result<Answer<Payment>, Error> {
        self.asked(query.order_no.clone(), query.attempt, None, query, call).await
    }

    /// Queries a refund for a caller, and applies the answer.
    pub(crate) async fn query_refund(self: &Arc<Self>, query: QueryRefund, call: Call) -> Result<Answer<Payment>, Error> {
        let number = query.refund_no.as_str().to_owned();
        self.asked(query.order_no.clone(), query.attempt, Some(number), query, call).await
    }

    async fn asked<Op: Operation>(
        self: &Arc<Self>,
        order_no: OrderNo,
        attempt: Option<AttemptNo>,
        part: Option<String>,
        op: Op,
        call: Call,
    ) -> Result<Answer<Payment>, Error> {
        self.guards.check_not_holding(Op::KIND.name());
        let deadline = self.env.now() + call.timeout;
        let order = self.load_order(&order_no).await?.ok_or_else(|| unknown(&order_no))?.value;
        // A refund is its order's: without an attempt the one it was made on is meant, whichever holds money now.
        let made_on = part.as_deref().and_then(|no| order.refunded_on(no));
        let attempt = attempt.or(made_on).or_else(|| order.meant()).ok_or_else(|| unknown(&order_no))?;
        let mut timing = Timing::default();
        let found = self.ask(&op.on(attempt), &order, attempt, part.as_deref(), Class::Query, deadline, &mut timing).await?;
        if let Found::Seen(seen) = found {
            self.observe(&order_no, attempt, &seen, asked_at(&order)).await?;
            self.wake_resolver();
        } else if part.is_some() {
            let error = Error::new(ErrorKind::Doubtful, "the provider does not know this number; that alone proves nothing");
            return Err(self.with_payment(error, &order_no, attempt).await);
        }
        let order = self.load_order(&order_no).await?.ok_or_else(|| unknown(&order_no))?.value;
        let payment = order.payment(&self.account, self.payment_ref, attempt).ok_or_else(|| unknown(&order_no))?;
        Ok(Answer::new(payment, timing))
    }

    async fn with_payment(&self, error: Error, order_no: &OrderNo, attempt: AttemptNo) -> Error {
        match self.load_order(order_no).await {
            Ok(Some(order)) => match order.value.payment(&self.account, self.payment_ref, attempt) {
                Some(payment) => error.with_payment(payment),
                None => error,
            },
            _ => error,
        }
    }

    /// Asks the provider, through all steps of the question. Applies nothing.
    #[allow(clippy::too_many_arguments, reason = "each is the caller's own intent")]
    pub(crate) async fn ask<Op: Operation>(
        &self,
        op: &Op,
        order: &Order,
        attempt: AttemptNo,
        part: Option<&str>,
        class: Class,
        deadline: Mono,
        timing: &mut Timing,
    ) -> Result<Found, Error> {
        let adapter = self.adapter();
        let codec = Op::codec(&**adapter).ok_or_else(|| unsupported(self.account.provider(), Op::KIND))?;
        let row = order.attempt(attempt).ok_or_else(|| unknown(&order.order_no))?;
        // A question is asked under the seed of what it is about: its number and its business time may be its name.
        let seed = part.map_or_else(|| Ok(row.seed.clone()), |no| part_seed(row, no))?;
        let known = row.known(order, part.map(|_| seed.number.clone()));
        for want in adapter.profile().access {
            self.access.ensure(want, self.means(&**adapter), deadline).await?;
        }
        let mut draft = match codec.draft(op, &known, &seed, &self.access.granted())? {
            Ready::Done(draft) => draft,
            Ready::Need(want) => {
                self.access.ensure(&want, self.means(&**adapter), deadline).await?;
                match codec.draft(op, &known, &seed, &self.access.granted())? {
                    Ready::Done(draft) => draft,
                    Ready::Need(_) => return Err(Error::new(ErrorKind::Refused, "access was granted and not enough")),
                }
            }
        };
        for _ in 0..STEPS {
            match self.put_question(codec, &draft, class, deadline, timing).await? {
                Decoded::Done(seen) => return Ok(Found::Seen(seen)),
                Decoded::Missing => return Ok(Found::Missing),
                Decoded::Then { draft: next, .. } => draft = *next,
                Decoded::Need(_) => break,
            }
        }
        Err(Error::new(ErrorKind::Unintelligible, "the question came to no end"))
    }

    /// An answer that proves nothing about its own operation (a close that says 204 to anything) is asked about at once, where the
    /// provider can be asked: the caller is to hear how it stands, not that nobody knows yet.
    pub(crate) async fn clarified<Op: Planned>(
        &self,
        run: &Run<Op>,
        codec: &dyn Codec<Op>,
        seen: Box<Seen>,
        timing: &mut Timing,
    ) -> (Box<Seen>, Light) {
        let answered = Light::from(By::Answer);
        let asks = |recovery: Recovery| recovery.steps.contains(&RecoveryStep::Query);
        if codec.judge(&run.op, &run.draft, &seen).is_some() || !asks(codec.recovery(&run.op, &run.draft)) {
            return (seen, answered);
        }
        let query = Query::new(run.order_no.clone()).on(run.attempt);
        match self.ask(&query, &run.order, run.attempt, None, Class::Query, run.deadline, timing).await {
            Ok(Found::Seen(found)) if codec.judge(&run.op, &run.draft, &found).is_some() => (found, asked_at(&run.order)),
            _ => (seen, answered),
        }
    }

    /// The question that fits an operation in doubt or under watch: for its refund, or for its payment.
    pub(crate) async fn question<Op: Planned>(&self, held: &Held<Op>, deadline: Mono) -> Result<(Found, Light), Error> {
        let order = self.load_order(&held.order_no).await?.ok_or_else(|| unknown(&held.order_no))?.value;
        Ok((self.question_of(held, &order, deadline).await?, asked_at(&order)))
    }

    /// The same, of the order as it is given. What became of a reversal, the payment mostly shows; where it does not, the refund
    /// that the reversal was booked as may.
    pub(crate) async fn question_of<Op: Planned>(&self, held: &Held<Op>, order: &Order, deadline: Mono) -> Result<Found, Error> {
        let mut timing = Timing::default();
        let identity = held.op.identity();
        let booked = matches!(Op::KIND, Kind::Refund | Kind::Reverse).then(|| identity.split_once('/')).flatten();
        let booked = booked.map(|(_, no)| no).filter(|no| {
            let row = order.attempt(held.attempt);
            self.adapter().query_refund().is_some()
                && row.is_some_and(|row| row.refunds.iter().any(|part| part.no.as_deref() == Some(*no)))
        });
        if Op::KIND != Kind::Refund || booked.is_none() {
            let query = Query::new(held.order_no.clone()).on(held.attempt);
            let found = self.ask(&query, order, held.attempt, None, Class::Resolve, deadline, &mut timing).await?;
            let adapter = self.adapter();
            let proves = |seen: &Seen| Op::codec(&**adapter).and_then(|codec| codec.judge(&held.op, &held.draft, seen)).is_some();
            if booked.is_none() || matches!(&found, Found::Seen(seen) if proves(seen)) {
                return Ok(found);
            }
        }
        let no = booked.unwrap_or_default();
        let query = QueryRefund::new(held.order_no.clone(), RefundNo::new(no)?).on(held.attempt);
        self.ask(&query, order, held.attempt, Some(no), Class::Resolve, deadline, &mut timing).await
    }

    /// Sends one step of a question until it is answered.
    async fn put_question<Op: Operation>(
        &self,
        codec: &dyn Codec<Op>,
        draft: &Draft,
        class: Class,
        deadline: Mono,
        timing: &mut Timing,
    ) -> Result<Decoded, Error> {
        let adapter = self.adapter();
        let mut loan = None;
        for tries in 0_u32.. {
            let ask = Ask { class, deadline };
            let mut admitted = self.guards.admit(&ask, timing).await.map_err(|refusal| {
                let error = Error::new(ErrorKind::Refused, refusal.to_string());
                refusal.after.map_or_else(|| Error::new(ErrorKind::Refused, refusal.to_string()), |after| error.with_after(after))
            })?;
            if let Some(loan) = loan.take() {
                admitted = admitted.paid_with(loan);
            }
            let until = self.guards.until(class, self.env.now(), deadline);
            let send = Send { draft, number: tries + 1, until, deadline };
            let sent = self.send(&**adapter, codec, send, &mut admitted, timing).await;
            admitted.report(sent.signal());
            let miss = match sent {
                Sent::Answer(decoded) => return Ok(decoded),
                Sent::Presented(seen) => return Ok(Decoded::Done(seen)),
                Sent::Need(want) if tries < 3 => {
                    self.access.ensure(&want, self.means(&**adapter), deadline).await?;
                    continue;
                }
                Sent::Need(_) => return Err(Error::new(ErrorKind::Refused, "access was granted and not enough")),
                Sent::Miss(miss) => miss,
            };
            let here = Circumstances { moves: Moves::Nothing, doubt: false, may_replay: true, harmless: true };
            let (cause, asked, otherwise) = match again(&miss, here) {
                Decision::End(ended) => return Err(failed(ended)),
                Decision::Again { cause, asked, invalidate, otherwise } => {
                    if let Some(want) = invalidate {
                        self.access.invalidate(&want);
                    }
                    (cause, asked, otherwise)
                }
            };
            let wait = self.guards.backoff(class, tries, cause, asked);
            let paid = self.guards.retry(class, cause);
            match paid {
                Ok(paid) if self.env.now() + wait < deadline => loan = Some(paid),
                _ => return Err(failed(otherwise)),
            }
            self.env.sleep(wait).await;
        }
        Err(Error::new(ErrorKind::Lost, "the question was not answered"))
    }

    /// Asks how an attempt stands and applies it; for whoever must know before going on.
    pub(crate) async fn refresh(
        &self,
        order_no: &OrderNo,
        attempt: AttemptNo,
        class: Class,
        deadline: Mono,
    ) -> Result<Option<Box<Seen>>, Error> {
        let order = self.load_order(order_no).await?.ok_or_else(|| unknown(order_no))?.value;
        let query = Query::new(order_no.clone()).on(attempt);
        match self.ask(&query, &order, attempt, None, class, deadline, &mut Timing::default()).await? {
            Found::Seen(seen) => {
                let _: Observed = self.observe(order_no, attempt, &seen, asked_at(&order)).await?;
                Ok(Some(seen))
            }
            Found::Missing => Ok(None),
        }
    }
}

/// A question that was not answered changed nothing, but what it asked about stays unknown.
fn failed(ended: End) -> Error {
    let (End::Released { told, .. } | End::Doubt(told) | End::Applied(told)) = ended;
    told.error()
}

/// The light of an answer to a question that was put while the order stood so.
pub(crate) fn asked_at(order: &Order) -> Light {
    Light { by: By::Query, asked: Some(order.version) }
}

/// The seed that a capture or refund was sent under.
fn part_seed(row: &Attempt, no: &str) -> Result<Seed, Error> {
    let known = row.refunds.iter().chain(&row.captures).find(|part| part.no.as_deref() == Some(no));
    let seed = known.and_then(|part| part.seed.clone());
    seed.ok_or_else(|| Error::new(ErrorKind::Invalid, format!("{no}: must be a number that was asked for")))
}
