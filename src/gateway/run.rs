//! The one loop: guards, intent, send, decision, until an operation that moves money is answered, stopped or in doubt.

use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::again::{Circumstances, Decision, End, Miss, again};
use super::apply::apply;
use super::intent::{Intent, State};
use super::order::Order;
use super::plan::Planned;
use super::rows::{self, Versioned};
use super::send::{Send, Sent};
use super::settle::{Closed, Held, Outcome};
use super::told::By;
use super::verdict::{Told, Verdict};
use crate::adapter::{Codec, Decoded, Draft, Moves, RecoveryStep, Seen};
use crate::env::{BoxFuture, Mono};
use crate::guard::{Ask, Class, Loan, Refusal, Stage, Timing};
use crate::model::{AttemptNo, Error, ErrorKind, OrderNo};
use crate::store::{Commit, Expect, Key, StoreError, StoreErrorKind};

/// Time from a send's own end to when its intent is due for the resolver: covers the store's clock and a slow last commit.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// How often access may be missing at the moment of signing before it is called unobtainable.
pub(crate) const NEEDS: u32 = 2;

/// An operation on its way.
#[derive(Debug)]
pub(crate) struct Run<Op> {
    pub(crate) op: Op,
    pub(crate) order_no: OrderNo,
    pub(crate) attempt: AttemptNo,
    pub(crate) key: Key,
    /// The order as it will be committed, and what that commit expects.
    pub(crate) order: Order,
    pub(crate) order_expect: Expect,
    /// The intent as it will be committed, and what that commit expects.
    pub(crate) intent: Intent,
    pub(crate) intent_expect: Expect,
    pub(crate) draft: Draft,
    pub(crate) class: Class,
    pub(crate) deadline: Mono,
    /// Its decision to send is stored: from here on there is a row to settle.
    pub(crate) begun: bool,
    /// What earlier steps showed, and the order's row may not hold yet.
    pub(crate) learned: Vec<Seen>,
    /// The provider's id that is known to lead to the order.
    pub(crate) aliased: Option<String>,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) enum Ran {
    /// With this, and it is stored.
    Closed(Closed),
    /// Nothing was sent: the rows had changed. Look again.
    Changed,
    /// Nothing was sent and nothing stored.
    Unstarted(Error),
}

/// What committing the decision to send came to.
enum Begun {
    Go,
    Changed,
    Stopped(Told),
    StoreFailed(Error),
}

impl Inner {
    /// Runs an operation to an end that is stored. Owned by the gateway, not by the caller.
    pub(crate) async fn run<Op: Planned>(self: &Arc<Self>, mut run: Box<Run<Op>>, timing: &mut Timing) -> Ran {
        let (mut tries, mut needs) = (0, 0);
        let mut loan: Option<Loan> = None;
        loop {
            let adapter = self.adapter();
            let Some(codec) = Op::codec(&**adapter) else {
                return self.stop(run, end(ErrorKind::Unsupported, "the provider cannot do this")).await;
            };
            for want in adapter.profile().access {
                if let Err(error) = self.access.ensure(want, self.means(&**adapter), run.deadline).await {
                    return self.stop(run, End::Released { resume: true, told: Told::of(&error) }).await;
                }
            }
            let ask = Ask { class: run.class, deadline: run.deadline };
            let mut admitted = match self.guards.admit(&ask, timing).await {
                Ok(admitted) => admitted,
                Err(refusal) => return self.stop(run, refused(refusal)).await,
            };
            if let Some(loan) = loan.take() {
                admitted = admitted.paid_with(loan);
            }
            if let Some(told) = self.held_back::<Op>().await {
                return self.stop(run, End::Released { resume: true, told }).await;
            }
            let until = self.guards.until(run.class, self.env.now(), run.deadline);
            let before = self.env.now();
            let begun = self.begin(&mut run, until.since(before)).await;
            timing.add(Stage::StoreUse, self.env.now().since(before));
            match begun {
                Begun::Go => {}
                Begun::Changed => return Ran::Changed,
                Begun::Stopped(told) => return self.stop(run, End::Released { resume: false, told }).await,
                Begun::StoreFailed(error) if !run.begun && unwritten(&error) => return Ran::Unstarted(full(&error)),
                // The row may stand as Sending: nothing was sent, but whoever reads it cannot know. The resolver will find out.
                Begun::StoreFailed(error) => return Ran::Closed(Verdict::from(&error).into()),
            }
            let send = Send { draft: &run.draft, number: run.intent.sends, until, deadline: run.deadline };
            let sent = self.send(&**adapter, codec, send, &mut admitted, timing).await;
            admitted.report(sent.signal());
            let miss = match sent {
                Sent::Answer(Decoded::Done(seen)) | Sent::Presented(seen) => {
                    let (seen, light) = self.clarified(&run, codec, seen, timing).await;
                    return Ran::Closed(self.settle_run(run, Outcome::Seen(seen, light)).await);
                }
                // After a step that may have moved money, none that moves nothing may follow: its loss would read as "not applied".
                Sent::Answer(Decoded::Then { draft, .. }) if run.draft.moves == Moves::Money && draft.moves == Moves::Nothing => {
                    Miss::Failed(
                        Error::new(ErrorKind::Unintelligible, "the adapter went back to a step that moves nothing").into(),
                    )
                }
                Sent::Answer(Decoded::Then { draft, seen }) => {
                    self.note_id(&mut run, &seen).await;
                    apply(&mut run.order, run.attempt, self.payment_ref, &seen, By::Answer.into());
                    run.learned.push(*seen);
                    (run.draft, run.intent.doubt) = (*draft, false);
                    match self.rows.seal_draft(&run.key, &run.draft) {
                        Ok(sealed) => run.intent.draft = Some(sealed),
                        Err(error) => return self.stop(run, End::Released { resume: false, told: Told::of(&error) }).await,
                    }
                    tries = 0;
                    continue;
                }
                Sent::Need(want) => {
                    needs += 1;
                    let fetched = self.access.ensure(&want, self.means(&**adapter), run.deadline).await;
                    match fetched {
                        Ok(()) if needs <= NEEDS => continue,
                        Ok(()) => return self.stop(run, end(ErrorKind::Refused, "access was granted and not enough")).await,
                        Err(error) => return self.stop(run, End::Released { resume: true, told: Told::of(&error) }).await,
                    }
                }
                Sent::Answer(Decoded::Missing | Decoded::Need(_)) => Miss::Failed(
                    Error::new(ErrorKind::Unintelligible, "the adapter answered an operation as if it were a query").into(),
                ),
                Sent::Miss(miss) => miss,
            };
            let here = self.circumstances(&run, codec);
            note_doubt(&mut run, &miss);
            let (cause, asked, otherwise) = match again(&miss, here) {
                Decision::End(ended) => {
                    // Released here is the provider's own word on this key, which ends an earlier doubt too.
                    run.intent.doubt &= !matches!(ended, End::Released { .. });
                    return self.stop(run, ended).await;
                }
                Decision::Again { cause, asked, invalidate, otherwise } => {
                    if let Some(want) = invalidate {
                        self.access.invalidate(&want);
                    }
                    (cause, asked, otherwise)
                }
            };
            let wait = self.guards.backoff(run.class, tries, cause, asked);
            if self.env.now() + wait >= run.deadline {
                return self.stop(run, later(otherwise, wait)).await;
            }
            match self.guards.retry(run.class, cause) {
                Ok(paid) => loan = Some(paid),
                Err(_) => return self.stop(run, otherwise).await,
            }
            self.env.sleep(wait).await;
            tries += 1;
        }
    }

    /// Commits the decision to send: from here on the world may see it, and whoever reads the row knows.
    async fn begin<Op: Planned>(&self, run: &mut Run<Op>, send_for: Duration) -> Begun {
        let mut intent = run.intent.clone();
        intent.sends += 1;
        intent.state = State::Sending;
        for _ in 0..32 {
            let order = self.rows.put_order(&run.order, run.order_expect);
            let sending = rows::put_intent(run.key.clone(), &intent, run.intent_expect, Some(send_for + GRACE));
            let (Ok(order), Ok(sending)) = (order, sending) else {
                return Begun::StoreFailed(Error::new(ErrorKind::StoreFailed, "a row could not be written as JSON"));
            };
            match self.commit(&[order, sending]).await {
                Ok(Commit::Done(versions)) => {
                    let mut versions = versions.into_iter().map(Expect::Ver);
                    run.order_expect = versions.next().unwrap_or(run.order_expect);
                    run.intent_expect = versions.next().unwrap_or(run.intent_expect);
                    (run.intent, run.begun) = (intent, true);
                    run.learned.clear();
                    return Begun::Go;
                }
                Ok(Commit::Lost { .. }) if !run.begun => return Begun::Changed,
                Ok(Commit::Lost { index: 0, .. }) => match self.load_order(&run.order_no).await {
                    Ok(Some(fresh)) => {
                        if let Some(told) = stopped::<Op>(&fresh, run.attempt) {
                            return Begun::Stopped(told);
                        }
                        (run.order, run.order_expect) = (fresh.value, Expect::Ver(fresh.ver));
                        for seen in &run.learned {
                            apply(&mut run.order, run.attempt, self.payment_ref, seen, By::Answer.into());
                        }
                    }
                    Ok(None) => return Begun::Changed,
                    Err(error) => return Begun::StoreFailed(error),
                },
                Ok(Commit::Lost { .. }) => return Begun::Changed,
                Err(error) => return Begun::StoreFailed(error),
            }
        }
        Begun::Changed
    }

    /// What the decision depends on.
    fn circumstances<Op: Planned>(&self, run: &Run<Op>, codec: &dyn Codec<Op>) -> Circumstances {
        let may_replay = self.may_replay(&run.op, &run.draft, &run.intent, codec);
        Circumstances { moves: run.draft.moves, doubt: run.intent.doubt, may_replay, harmless: false }
    }

    /// Whether the same bytes may be sent again although the first may have arrived: the provider remembers the key, and the
    /// charge's time is not up. Replay may be the first execution.
    pub(crate) fn may_replay<Op: Planned>(&self, op: &Op, draft: &Draft, intent: &Intent, codec: &dyn Codec<Op>) -> bool {
        let now = self.env.wall();
        let within = codec.recovery(op, draft).steps.iter().find_map(|step| match step {
            RecoveryStep::Replay { within } => Some(*within),
            _ => None,
        });
        let remembered = within.is_some_and(|within| now < intent.seed.born + within);
        remembered && op.charge_by().is_none_or(|by| now < by)
    }

    /// Ends a run without an answer. Before the first commit there is no row, and none is made.
    fn stop<Op: Planned>(self: &Arc<Self>, run: Box<Run<Op>>, ended: End) -> BoxFuture<'_, Ran> {
        Box::pin(async move {
            if !run.begun {
                return match ended {
                    End::Released { told, .. } | End::Doubt(told) | End::Applied(told) => Ran::Unstarted(told.error()),
                };
            }
            let ended = match ended {
                End::Released { told, .. } if run.intent.doubt => End::Doubt(told.in_doubt()),
                ended => ended,
            };
            Ran::Closed(self.settle_run(run, Outcome::End(ended)).await)
        })
    }

    /// Makes the provider's id lead to the order, once.
    async fn note_id<Op>(&self, run: &mut Run<Op>, seen: &Seen) {
        let id = seen.refs.get(self.payment_ref);
        if id.is_none() || id == run.aliased.as_deref() {
            return;
        }
        match self.alias_refs(&run.order_no, seen).await {
            Ok(()) => run.aliased = id.map(str::to_owned),
            Err(error) => tracing::warn!(order = %run.order_no, %error, "an id could not be noted"),
        }
    }

    async fn settle_run<Op: Planned>(self: &Arc<Self>, mut run: Box<Run<Op>>, outcome: Outcome) -> Closed {
        let Expect::Ver(ver) = run.intent_expect else {
            return Verdict::from(&Error::new(ErrorKind::StoreFailed, "an intent without a row was settled")).into();
        };
        if let Outcome::Seen(seen, _) = &outcome {
            self.note_id(&mut run, seen).await;
        }
        let run = *run;
        // With something learned since, it is more than the row holds.
        let order = match run.order_expect {
            Expect::Ver(ver) if run.learned.is_empty() => Some(Versioned { ver, value: run.order }),
            _ => None,
        };
        let held = Held {
            op: run.op,
            order_no: run.order_no,
            attempt: run.attempt,
            key: run.key,
            intent: Versioned { ver, value: run.intent },
            order,
            draft: run.draft,
            learned: run.learned,
            by: By::Answer,
            ruled: None,
        };
        self.settle(held, outcome).await
    }
}

/// From a lost send of money on, only the provider's verdict on that key proves that nothing happened.
fn note_doubt<Op>(run: &mut Run<Op>, miss: &Miss) {
    let unknown = match miss {
        Miss::Wire(error) => matches!(error, crate::transport::TransportError::Lost(_)),
        Miss::Failed(failure) => failure.error.fate() == crate::model::Fate::Unknown,
        Miss::Unverified(_) => true,
    };
    run.intent.doubt |= unknown && run.draft.moves == Moves::Money;
}

/// A cancel that came meanwhile forbids further sends of what takes money.
fn stopped<Op: Planned>(fresh: &Versioned<Order>, attempt: AttemptNo) -> Option<Told> {
    let stop = fresh.value.attempt(attempt).is_some_and(|attempt| attempt.stop);
    (Op::TAKES && stop).then(|| Told::of(&Error::new(ErrorKind::Conflict, "the attempt is being canceled")))
}

/// Whether the store says that it wrote nothing, and will not.
fn unwritten(error: &Error) -> bool {
    let store = std::error::Error::source(error).and_then(|source| source.downcast_ref::<StoreError>());
    store.is_some_and(|store| matches!(store.kind(), StoreErrorKind::Full | StoreErrorKind::Refused))
}

/// Nothing was written, so nothing was sent.
fn full(error: &Error) -> Error {
    Error::new(ErrorKind::Refused, format!("nothing was sent: {}", error.message())).with_after(Duration::from_secs(30))
}

fn refused(refusal: Refusal) -> End {
    let mut error = Error::new(ErrorKind::Refused, refusal.to_string());
    if let Some(after) = refusal.after {
        error = error.with_after(after);
    }
    End::Released { resume: true, told: Told::of(&error) }
}

fn end(kind: ErrorKind, why: &str) -> End {
    End::Released { resume: false, told: Told::of(&Error::new(kind, why)) }
}

/// Too late for another try within this call: the caller is told how long it would have been.
fn later(ended: End, wait: Duration) -> End {
    match ended {
        End::Released { resume, told } => End::Released { resume, told: told.after(wait) },
        ended => ended,
    }
}
