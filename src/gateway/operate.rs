//! The way of an operation that moves money: joined, planned, drafted, and handed to a task of the gateway's own.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::channel::{Answer, Call};
use super::flight::{Boarded, Flight, Landed, landing};
use super::intent::{Intent, State};
use super::order::{Order, unknown};
use super::plan::{Plan, Planned, Scope};
use super::rows::{self, Versioned};
use super::run::{Ran, Run};
use super::settle::Closed;
use super::verdict::{Told, Verdict};
use crate::adapter::{Adapter, Cancel, Draft, Kind, Ready, Seed};
use crate::env::{BoxFuture, Mono};
use crate::guard::Timing;
use crate::model::{AttemptNo, Error, ErrorKind, Fate, IdempotencyKey, Payment};
use crate::signing::sha256_hex;
use crate::store::{Commit, Expect, Key};

/// First and longest wait between looks at an operation that runs elsewhere.
const JOIN_FIRST: Duration = Duration::from_millis(20);
const JOIN_LAST: Duration = Duration::from_millis(500);

/// What looking at the rows came to.
enum Looked {
    /// It is known how it ended, or stands.
    Known(Verdict),
    /// It runs elsewhere or is in doubt.
    Elsewhere,
    /// To be run.
    Run(Box<Opening>),
    /// Another attempt must be canceled first.
    CancelFirst(AttemptNo),
    /// The rows changed while they were looked at.
    Changed,
}

/// How an intent is opened.
struct Opening {
    order: Order,
    order_expect: Expect,
    intent: Intent,
    intent_expect: Expect,
    draft: Draft,
}

impl Inner {
    /// Carries an operation out, or joins the one that is under way.
    pub(crate) async fn operate<Op: Planned>(self: &Arc<Self>, op: Op, call: Call) -> Result<Answer<Payment>, Error> {
        self.guards.check_not_holding(Op::KIND.name());
        if Op::codec(&**self.adapter()).is_none() {
            return Err(crate::adapter::unsupported(self.account.provider(), Op::KIND));
        }
        if self.is_closing() {
            return Err(Error::new(ErrorKind::Refused, "this process is draining").with_after(Duration::from_secs(5)));
        }
        let deadline = self.env.now() + call.timeout;
        let mut wait = JOIN_FIRST;
        loop {
            let order = self.load_order(op.order_no()).await?;
            let aimed = aim(&op, order.as_ref())?;
            let aimed = &*aimed;
            let Some(attempt) = aimed.attempt() else { return Err(unknown(op.order_no())) };
            let key = self.rows.intent_key(op.order_no(), &aimed.identity());
            let fingerprint = self.fingerprint(aimed);
            let landed = match self.flights.board(fingerprint.clone()) {
                Boarded::Join(joined) => self.bounded(joined, deadline).await,
                Boarded::Lead(flight) => match self.look(aimed, attempt, &key, fingerprint, order, deadline).await? {
                    Looked::Known(verdict) => return self.answer(aimed, attempt, verdict, Timing::default()).await,
                    Looked::Run(opening) => {
                        let joined = flight.joined();
                        self.launch(aimed.clone(), attempt, key, *opening, deadline, flight);
                        self.bounded(joined, deadline).await
                    }
                    Looked::CancelFirst(earlier) => {
                        drop(flight);
                        self.held_back::<Op>().await.map_or(Ok(()), |told| Err(told.error()))?;
                        self.cancel_first(aimed, earlier, deadline).await?;
                        continue;
                    }
                    Looked::Elsewhere => None,
                    Looked::Changed => Some(Landed::Again),
                },
            };
            match landed {
                Some(Landed::Verdict(verdict, timing, Some(payment))) => return answered(verdict, timing, *payment),
                Some(Landed::Verdict(verdict, timing, None)) => return self.answer(aimed, attempt, verdict, timing).await,
                Some(Landed::Unstarted(told)) => return Err(told.error()),
                Some(Landed::Again | Landed::Flying) if self.env.now() < deadline => {}
                _ if self.env.now() + wait < deadline => {
                    self.wake_resolver();
                    self.env.sleep(wait).await;
                    wait = (wait * 2).min(JOIN_LAST);
                }
                _ => return Err(self.in_flight(aimed, attempt).await),
            }
        }
    }

    /// Waits for a flight, at most until the deadline; `None` then.
    async fn bounded(&self, joined: tokio::sync::watch::Receiver<Landed>, deadline: Mono) -> Option<Landed> {
        crate::guard::timeout::run(&self.env, deadline, landing(joined)).await.ok()
    }

    /// Starts the task that owns the operation from here on.
    fn launch<Op: Planned>(
        self: &Arc<Self>,
        op: Op,
        attempt: AttemptNo,
        key: Key,
        opening: Opening,
        deadline: Mono,
        flight: Flight,
    ) {
        let inner = Arc::clone(self);
        // No send of a charge or a confirm begins after the charge's own time, however long the caller waits.
        let charge_by = opening.order.attempt(attempt).and_then(|attempt| attempt.charge_by);
        let left =
            charge_by.filter(|_| matches!(Op::KIND, Kind::Charge | Kind::Confirm)).map(|by| by.duration_since(self.env.wall()));
        let deadline = left.map_or(deadline, |left| deadline.min(self.env.now() + left.unwrap_or_default()));
        let run = Box::new(Run {
            order_no: op.order_no().clone(),
            op,
            attempt,
            key,
            order: opening.order,
            order_expect: opening.order_expect,
            intent: opening.intent,
            intent_expect: opening.intent_expect,
            draft: opening.draft,
            class: Op::CLASS,
            deadline,
            begun: false,
            learned: Vec::new(),
            aliased: None,
        });
        self.env.spawn(async move {
            let mut timing = Timing::default();
            let ran = inner.run(run, &mut timing).await;
            inner.totals.record(&timing);
            flight.land(match ran {
                Ran::Closed(Closed { verdict, payment }) => Landed::Verdict(verdict, timing, payment),
                Ran::Changed => Landed::Again,
                Ran::Unstarted(error) => Landed::Unstarted(Told::of(&error)),
            });
        });
    }

    /// What the rows say about an operation, and what to do.
    async fn look<Op: Planned>(
        &self,
        op: &Op,
        attempt: AttemptNo,
        key: &Key,
        fingerprint: String,
        order: Option<Versioned<Order>>,
        deadline: Mono,
    ) -> Result<Looked, Error> {
        let intent = self.load_intent(key).await?;
        if intent.as_ref().is_some_and(|intent| intent.value.fingerprint != fingerprint) {
            let why = format!("{} of order {} was asked for before, with other content", key.id, op.order_no());
            return Err(Error::new(ErrorKind::Conflict, why));
        }
        match intent.as_ref().map(|intent| &intent.value.state) {
            // It was answered; what has become of it since, the order's row says.
            Some(State::Settled(Verdict::Done) | State::Watched { verdict: Verdict::Done, .. }) => {
                let verdict = order.as_ref().map_or(Verdict::Done, |order| op.verdict(&order.value, attempt));
                return Ok(Looked::Known(verdict));
            }
            Some(State::Settled(verdict) | State::Watched { verdict, .. }) => return Ok(Looked::Known(verdict.clone())),
            Some(State::Sending | State::Doubt { .. }) => return Ok(Looked::Elsewhere),
            Some(State::Wished | State::Released { .. }) | None => {}
        }
        if Op::KIND == Kind::Cancel
            && let Some(order) = &order
            && self.charge_is_open(op.order_no(), &order.value, attempt).await?
        {
            self.wish(op, attempt, key, fingerprint, order.clone(), intent).await?;
            return Ok(Looked::Elsewhere);
        }
        if let Some(order) = &order
            && self.must_wait(op, &order.value, attempt).await?
        {
            return Ok(Looked::Elsewhere);
        }
        let adapter = self.adapter();
        let order_expect = Versioned::expected(order.as_ref());
        let intent_expect = Versioned::expected(intent.as_ref());
        let generation = intent.as_ref().map_or(1, |former| former.value.generation + 1);
        let former = intent.as_ref().map(|former| former.value.clone());
        let resumed = intent.and_then(|intent| self.resumable(op, key, intent.value));
        let (intent, draft) = match resumed {
            Some((intent, draft)) => (intent, Some(draft)),
            None => (self.fresh(op, attempt, key, fingerprint, generation, &**adapter)?, None),
        };
        let scope = Scope { account: &self.account, profile: adapter.profile(), now: self.env.wall() };
        let order = match op.reserve(order.map(|order| order.value), &intent.seed, scope)? {
            Plan::Send(order) => order,
            Plan::CancelFirst(earlier) => return Ok(Looked::CancelFirst(earlier)),
            Plan::Done(order) => {
                let verdict = op.verdict(&order, attempt);
                let former = former.map(|former| (key, former, intent_expect));
                return Ok(if self.done_at_once(&order, order_expect, former).await? {
                    Looked::Known(verdict)
                } else {
                    Looked::Changed
                });
            }
        };
        let (draft, intent) = match draft {
            Some(draft) => (draft, intent),
            None => self.drafted(op, &order, attempt, key, intent, deadline).await?,
        };
        let mut order = order;
        if let Some(attempt) = order.attempt_mut(attempt).filter(|_| Op::KIND == Kind::Charge) {
            attempt.closes_at = draft.closes_at;
        }
        if intent.seed.number.as_str() != op.order_no().as_str() && Op::KIND == Kind::Charge {
            self.alias("number", intent.seed.number.as_str(), op.order_no()).await?;
        }
        Ok(Looked::Run(Box::new(Opening { order, order_expect, intent, intent_expect, draft })))
    }

    /// Nothing has to be sent; the order's row may still have to say so, and an intent of it has come to its end.
    async fn done_at_once(&self, order: &Order, expect: Expect, former: Option<(&Key, Intent, Expect)>) -> Result<bool, Error> {
        let mut puts = vec![self.rows.put_order(order, expect)?];
        if let Some((key, mut intent, expect)) = former {
            intent.state = State::Settled(Verdict::Done);
            (intent.op, intent.draft) = (None, None);
            puts.push(rows::put_intent(key.clone(), &intent, expect, None)?);
        }
        Ok(matches!(self.commit(&puts).await?, Commit::Done(_)))
    }

    /// An operation that was proved not applied and whose draft may be sent under its key once more.
    fn resumable<Op: Planned>(&self, op: &Op, key: &Key, intent: Intent) -> Option<(Intent, Draft)> {
        if !matches!(intent.state, State::Released { resume: true, .. }) {
            return None;
        }
        let adapter = self.adapter();
        let codec = Op::codec(&**adapter)?;
        let draft = self.rows.open_draft(key, &intent).ok()?;
        self.may_replay(op, &draft, &intent, codec).then_some((intent, draft))
    }

    /// A new generation: new key, new birth, the same number.
    pub(super) fn fresh<Op: Planned>(
        &self,
        op: &Op,
        attempt: AttemptNo,
        key: &Key,
        fingerprint: String,
        generation: u32,
        adapter: &dyn Adapter,
    ) -> Result<Intent, Error> {
        let scope = Scope { account: &self.account, profile: adapter.profile(), now: self.env.wall() };
        let number = op.number(scope, attempt)?;
        let seed =
            Seed { number, key: IdempotencyKey::new(format!("{:032x}", self.env.rng().next_u128()))?, born: self.env.wall() };
        Ok(Intent {
            v: 1,
            kind: Op::KIND,
            attempt,
            fingerprint,
            generation,
            seed,
            state: State::Sending,
            sends: 0,
            doubt: false,
            op: Some(self.rows.seal_op(key, op)?),
            draft: None,
        })
    }

    /// Drafts an operation, once per generation, with whatever access the drafting needs.
    async fn drafted<Op: Planned>(
        &self,
        op: &Op,
        order: &Order,
        attempt: AttemptNo,
        key: &Key,
        mut intent: Intent,
        deadline: Mono,
    ) -> Result<(Draft, Intent), Error> {
        let adapter = self.adapter();
        let codec = Op::codec(&**adapter).ok_or_else(|| crate::adapter::unsupported(self.account.provider(), Op::KIND))?;
        let known =
            order.attempt(attempt).map(|attempt| attempt.known(order, Some(intent.seed.number.clone()))).unwrap_or_default();
        for _ in 0..3 {
            match codec.draft(op, &known, &intent.seed, &self.access.granted())? {
                Ready::Done(draft) => {
                    intent.draft = Some(self.rows.seal_draft(key, &draft)?);
                    return Ok((draft, intent));
                }
                Ready::Need(want) => self.access.ensure(&want, self.means(&**adapter), deadline).await?,
            }
        }
        Err(Error::new(ErrorKind::Refused, "access was granted and not enough"))
    }

    /// Cancels an earlier attempt that was declined, and sees it dead.
    fn cancel_first<'a, Op: Planned>(
        self: &'a Arc<Self>,
        op: &'a Op,
        earlier: AttemptNo,
        deadline: Mono,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let mut cancel = Cancel::new(op.order_no().clone());
            cancel.attempt = Some(earlier);
            let call = Call::within(deadline.since(self.env.now()));
            let failed = match self.operate(cancel, call).await {
                Ok(_) => {
                    let order = self.load_order(op.order_no()).await?;
                    let live =
                        order.as_ref().and_then(|order| order.value.attempt(earlier)).is_none_or(super::order::Attempt::is_live);
                    if !live {
                        return Ok(());
                    }
                    "its cancel has not been proved yet".to_owned()
                }
                Err(error) => error.to_string(),
            };
            let why = format!("attempt {earlier} was declined and may still be paid: {failed}");
            Err(Error::new(ErrorKind::StillPayable, why))
        })
    }

    /// The answer to a caller: the payment, or the error with the payment inside.
    pub(crate) async fn answer<Op: Planned>(
        &self,
        op: &Op,
        attempt: AttemptNo,
        verdict: Verdict,
        timing: Timing,
    ) -> Result<Answer<Payment>, Error> {
        let order = self.load_order(op.order_no()).await;
        let payment = order.ok().flatten().and_then(|order| order.value.payment(&self.account, self.payment_ref, attempt));
        match (verdict, payment) {
            (verdict, Some(payment)) => answered(verdict, timing, payment),
            (Verdict::Done, None) => Err(Error::new(ErrorKind::StoreFailed, "it is done; the store cannot be read now")),
            (Verdict::Failed(told), None) => Err(told.error()),
        }
    }

    /// The deadline came first. What is in doubt says why.
    async fn in_flight<Op: Planned>(&self, op: &Op, attempt: AttemptNo) -> Error {
        let key = self.rows.intent_key(op.order_no(), &op.identity());
        let why = match self.load_intent(&key).await {
            Ok(Some(intent)) => match intent.value.state {
                State::Doubt { told: Verdict::Failed(told), .. } if told.kind.fate() == Fate::Unknown => told,
                _ => Told::of(&Error::new(ErrorKind::InFlight, "it is still under way")),
            },
            _ => Told::of(&Error::new(ErrorKind::InFlight, "it is still under way")),
        };
        match self.answer(op, attempt, Verdict::Failed(why.clone()), Timing::default()).await {
            Err(error) => error,
            Ok(_) => why.error(),
        }
    }

    /// What must be equal for two askings to be one.
    fn fingerprint<Op: Planned>(&self, op: &Op) -> String {
        let mut framed = String::with_capacity(160);
        let mut frame = |part: &str| {
            framed.push_str(&part.len().to_string());
            framed.push(':');
            framed.push_str(part);
        };
        frame(&self.account.to_string());
        frame(op.order_no().as_str());
        frame(Op::KIND.name());
        frame(&op.identity());
        op.essence().iter().for_each(|part| frame(part));
        sha256_hex(&[framed.as_bytes()])
    }
}

/// The answer to a caller who knows the payment.
fn answered(verdict: Verdict, timing: Timing, payment: Payment) -> Result<Answer<Payment>, Error> {
    match verdict {
        Verdict::Done => Ok(Answer::new(payment, timing)),
        Verdict::Failed(told) => Err(told.error().with_payment(payment)),
    }
}

/// The operation with its attempt named.
fn aim<'a, Op: Planned>(op: &'a Op, order: Option<&Versioned<Order>>) -> Result<Cow<'a, Op>, Error> {
    if op.attempt().is_some() {
        return Ok(Cow::Borrowed(op));
    }
    let meant = order.and_then(|order| order.value.meant()).ok_or_else(|| unknown(op.order_no()))?;
    Ok(Cow::Owned(op.clone().on(meant)))
}
