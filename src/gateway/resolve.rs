//! The resolver: doubt leaves only by evidence, and everything unfinished is looked at until it is finished.

use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::again::{End, Miss};
use super::apply::Light;
use super::ask::Found;
use super::channel::Call;
use super::intent::{Intent, State, StoredWhenUp};
use super::order::Attempt;
use super::plan::Planned;
use super::rows::{self, Versioned, read};
use super::send::{Send, Sent};
use super::settle::{Held, Outcome, pick};
use super::told::By;
use super::verdict::Told;
use crate::adapter::{
    Adapter, Again, Cancel, Capture, Charge, Codec, Confirm, Decoded, Draft, Kind, Moves, NotFound, Operation, Ready, Recovery,
    RecoveryStep, Refund, Reverse, Seen,
};
use crate::env::Mono;
use crate::guard::{Ask, Class, Timing};
use crate::model::{AttemptNo, Error, ErrorKind, Fate, IdempotencyKey, Money, OrderNo, RefundNo, Status};
use crate::store::{Row, SpaceKind};

/// How many intents one round takes.
const BATCH: usize = 32;

/// How long undoing a payment whose time is up may take.
const UNDO: Duration = Duration::from_secs(40);

/// What one recovery step came to.
enum Evidence {
    /// This was seen, and proves something.
    Seen(Box<Seen>, Light),
    /// It ended, proved.
    End(End),
    /// Nothing that proves anything.
    None,
}

impl Inner {
    /// Claims and works off what is due. Tells how many there were.
    pub(crate) async fn resolve_due(self: &Arc<Self>) -> Result<usize, Error> {
        let space = self.rows.space(SpaceKind::Intent);
        let deadline = self.env.now() + self.config.leases().patience;
        let claimed = self.store.claim_due(&space, BATCH, self.config.lease).await.map_err(rows::store_failed)?;
        let count = claimed.len();
        let work = claimed.into_iter().map(|row| self.resolve_row(row, deadline));
        futures_util::future::join_all(work).await;
        Ok(count)
    }

    /// Works off one claimed row. Nothing is begun after `deadline`, which was reckoned before the claim: a process that stood
    /// still since, or a store that answered late, may have let the lease pass to another.
    pub(super) async fn resolve_row(self: &Arc<Self>, row: Row, deadline: Mono) {
        if self.env.now() >= deadline {
            tracing::warn!(account = %self.account, part = %row.key.part, "a claim came too late to be used; it is looked at again");
            return;
        }
        let intent: Versioned<Intent> = match read(&row) {
            Ok(intent) => intent,
            Err(error) => {
                tracing::error!(account = %self.account, part = %row.key.part, id = %row.key.id, %error, "an intent cannot be read");
                return;
            }
        };
        let done = match intent.value.kind {
            Kind::Cancel if intent.value.state == State::Wished => self.grant(row.key, intent).await,
            Kind::Charge => self.resolve::<Charge>(row, intent, deadline).await,
            Kind::Confirm => self.resolve::<Confirm>(row, intent, deadline).await,
            Kind::Capture => self.resolve::<Capture>(row, intent, deadline).await,
            Kind::Cancel => self.resolve::<Cancel>(row, intent, deadline).await,
            Kind::Reverse => self.resolve::<Reverse>(row, intent, deadline).await,
            Kind::Refund => self.resolve::<Refund>(row, intent, deadline).await,
            Kind::Query => self.look_at_adopted(row.key, intent).await,
            Kind::QueryRefund => Ok(()),
        };
        if let Err(error) = done {
            tracing::warn!(account = %self.account, %error, "an intent stays open; it is looked at again");
        }
    }

    async fn resolve<Op: Planned>(self: &Arc<Self>, row: Row, intent: Versioned<Intent>, deadline: Mono) -> Result<(), Error> {
        let op: Op = self.rows.open_op(&row.key, &intent.value)?;
        let draft = self.rows.open_draft(&row.key, &intent.value)?;
        let attempt = intent.value.attempt;
        let order_no = op.order_no().clone();
        let (key, learned, by) = (row.key, Vec::new(), By::Query);
        let held = Held { op, order_no, attempt, key, intent, order: None, draft, learned, by, ruled: None };
        match held.intent.value.state.clone() {
            State::Sending => self.recover(held, true, deadline).await,
            State::Doubt { .. } => self.recover(held, false, deadline).await,
            State::Watched { looks, until, then, .. } => self.look_after(held, (looks, until, then), deadline).await,
            State::Wished | State::Settled(_) | State::Released { .. } => Ok(()),
        }
    }

    /// Finds out what became of a send: by the adapter's steps, in their order.
    async fn recover<Op: Planned>(self: &Arc<Self>, mut held: Held<Op>, abandoned: bool, deadline: Mono) -> Result<(), Error> {
        let adapter = self.adapter();
        let Some(codec) = Op::codec(&**adapter) else { return Ok(()) };
        held.intent.value.doubt |= abandoned && held.draft.moves == Moves::Money;
        if !held.intent.value.doubt {
            // The step that was being sent moves nothing, and nothing before it is in doubt: no money can have moved.
            let error = Error::new(ErrorKind::Unreachable, "the process ended before money was asked for");
            self.settle(held, Outcome::End(End::Released { resume: true, told: Told::of(&error) })).await;
            return Ok(());
        }
        if let Some(seen) = self.known_end(&held).await? {
            self.settle(held, Outcome::Seen(seen, By::Callback.into())).await;
            return Ok(());
        }
        let recovery = codec.recovery(&held.op, &held.draft);
        // What is paused and may still be sent again later is neither sent nor canceled now: it is only asked about.
        let may_replay = Op::TAKES && self.may_replay(&held.op, &held.draft, &held.intent.value, codec);
        let only_ask = may_replay && self.held_back::<Op>().await.is_some();
        for step in &recovery.steps {
            let evidence = match step {
                RecoveryStep::Replay { .. } | RecoveryStep::Cancel if only_ask => Evidence::None,
                RecoveryStep::Replay { .. } => self.replay(&held, codec, &**adapter, deadline).await?,
                RecoveryStep::Query => self.query_for(&held, codec, &recovery, deadline).await,
                RecoveryStep::Cancel => self.cancel_for(&held, codec, &**adapter, &recovery, deadline).await?,
                RecoveryStep::Reverse { after } => self.reverse_for(&held, *after),
                RecoveryStep::Callback | RecoveryStep::Human => Evidence::None,
            };
            match evidence {
                Evidence::Seen(seen, light) => {
                    self.settle(held, Outcome::Seen(seen, light)).await;
                    return Ok(());
                }
                Evidence::End(end) => {
                    self.settle(held, Outcome::End(end)).await;
                    return Ok(());
                }
                Evidence::None => {}
            }
        }
        let told = match &held.intent.value.state {
            State::Doubt { told: super::verdict::Verdict::Failed(told), .. } => told.clone(),
            _ => Told::of(&Error::new(ErrorKind::Lost, "the process ended while it was being sent")),
        };
        metrics::counter!("paysluice_doubt_unresolved_total", "kind" => Op::KIND.name()).increment(1);
        self.settle(held, Outcome::End(End::Doubt(told))).await;
        Ok(())
    }

    /// The same bytes under the same key. May be the first execution, so only while that is still wanted.
    async fn replay<Op: Planned>(
        &self,
        held: &Held<Op>,
        codec: &dyn Codec<Op>,
        adapter: &dyn Adapter,
        deadline: Mono,
    ) -> Result<Evidence, Error> {
        let order = self.load_order(&held.order_no).await?;
        let stopped = |attempt: &Attempt| attempt.stop || (Op::KIND == Kind::Confirm && attempt.is_late(self.env.wall()));
        let stop = order.is_none_or(|order| order.value.attempt(held.attempt).is_none_or(stopped));
        if (Op::TAKES && stop) || !self.may_replay(&held.op, &held.draft, &held.intent.value, codec) {
            return Ok(Evidence::None);
        }
        let sent = self.send_for(held, codec, adapter, &held.draft, deadline).await;
        Ok(match sent {
            Some(Sent::Answer(Decoded::Done(seen))) => match codec.judge(&held.op, &held.draft, &seen) {
                Some(_) => Evidence::Seen(seen, By::Replay.into()),
                None => Evidence::None,
            },
            // The step moved nothing, and the next would be the first send of a step that moves money: only the caller goes on.
            Some(Sent::Answer(Decoded::Then { .. })) if held.draft.moves == Moves::Nothing => {
                let error = Error::new(ErrorKind::Unreachable, "a step was answered late; the next was not sent");
                Evidence::End(End::Released { resume: false, told: Told::of(&error) })
            }
            Some(Sent::Miss(Miss::Failed(failure)))
                if failure.again == Again::NewKey && failure.error.fate() == Fate::NotApplied =>
            {
                Evidence::End(End::Released { resume: false, told: Told::of(&failure.error) })
            }
            Some(Sent::Miss(Miss::Failed(failure))) if failure.error.fate() == Fate::Applied => {
                Evidence::End(End::Applied(Told::of(&failure.error)))
            }
            _ => Evidence::None,
        })
    }

    /// One send by the resolver, with its own permits; `None` if the guards refuse.
    async fn send_for<Op: Planned>(
        &self,
        held: &Held<Op>,
        codec: &dyn Codec<Op>,
        adapter: &dyn Adapter,
        draft: &Draft,
        deadline: Mono,
    ) -> Option<Sent> {
        for want in adapter.profile().access {
            self.access.ensure(want, self.means(adapter), deadline).await.ok()?;
        }
        let mut timing = Timing::default();
        let ask = Ask { class: Class::Resolve, deadline };
        let mut admitted = self.guards.admit(&ask, &mut timing).await.ok()?;
        let until = self.guards.until(Class::Resolve, self.env.now(), deadline).min(deadline + self.config.leases().last_send);
        let number = held.intent.value.sends + 1;
        let send = Send { draft, number, until, deadline };
        let sent = self.send(adapter, codec, send, &mut admitted, &mut timing).await;
        admitted.report(sent.signal());
        Some(sent)
    }

    /// Asks by number or id.
    async fn query_for<Op: Planned>(
        &self,
        held: &Held<Op>,
        codec: &dyn Codec<Op>,
        recovery: &Recovery,
        deadline: Mono,
    ) -> Evidence {
        match self.question(held, deadline).await {
            Ok((Found::Seen(seen), light)) => match codec.judge(&held.op, &held.draft, &seen) {
                Some(_) => Evidence::Seen(seen, light),
                None if uncaptured(Op::KIND, &seen) => self.missing(recovery),
                None => Evidence::None,
            },
            Ok((Found::Missing, _)) => self.missing(recovery),
            Err(_) => Evidence::None,
        }
    }

    /// What it proves that nothing was found.
    fn missing(&self, recovery: &Recovery) -> Evidence {
        let proved = match recovery.not_found {
            NotFound::Proof => true,
            NotFound::ProofAfter(at) => self.env.wall() > at,
            NotFound::Nothing => false,
        };
        if !proved {
            return Evidence::None;
        }
        let error = Error::new(ErrorKind::Unreachable, "the provider does not know it: it never arrived");
        Evidence::End(End::Released { resume: false, told: Told::of(&error) })
    }

    /// Cancels the payment at the provider, then asks: it can take no more money after.
    async fn cancel_for<Op: Planned>(
        &self,
        held: &Held<Op>,
        codec: &dyn Codec<Op>,
        adapter: &dyn Adapter,
        recovery: &Recovery,
        deadline: Mono,
    ) -> Result<Evidence, Error> {
        let (Some(cancel), Some(order)) = (adapter.cancel(), self.load_order(&held.order_no).await?) else {
            return Ok(Evidence::None);
        };
        let Some(attempt) = order.value.attempt(held.attempt) else { return Ok(Evidence::None) };
        let op = Cancel::new(held.order_no.clone()).on(held.attempt);
        let mut seed = held.intent.value.seed.clone();
        // A fresh key each time: one that keeps a failure would keep it for ever, and a second cancel is harmless.
        seed.key = IdempotencyKey::new(format!("{:032x}", self.env.rng().next_u128()))?;
        let Ok(Ready::Done(draft)) = cancel.draft(&op, &attempt.known(&order.value, None), &seed, &self.access.granted()) else {
            return Ok(Evidence::None);
        };
        let mut timing = Timing::default();
        let ask = Ask { class: Class::Resolve, deadline };
        if let Ok(mut admitted) = self.guards.admit(&ask, &mut timing).await {
            let until =
                self.guards.until(Class::Resolve, self.env.now(), deadline).min(deadline + self.config.leases().last_send);
            let sent =
                self.send(adapter, cancel, Send { draft: &draft, number: 1, until, deadline }, &mut admitted, &mut timing).await;
            admitted.report(sent.signal());
        }
        Ok(self.query_for(held, codec, recovery, deadline).await)
    }

    /// Has a charge in doubt taken back, once its time is over. The reversal is an operation of its own, with its own evidence:
    /// what it comes to stands on the order's row, where the charge's end is found.
    fn reverse_for<Op: Planned>(self: &Arc<Self>, held: &Held<Op>, after: Duration) -> Evidence {
        let age = self.env.wall().duration_since(held.intent.value.seed.born).unwrap_or_default();
        if Op::KIND == Kind::Charge && age >= after {
            self.undo(held.order_no.clone(), held.attempt, StoredWhenUp::Reverse);
        }
        Evidence::None
    }

    /// Begins to cancel or reverse an attempt whose time is up.
    fn undo(self: &Arc<Self>, order_no: OrderNo, attempt: AttemptNo, how: StoredWhenUp) {
        let inner = Arc::clone(self);
        self.env.spawn(async move {
            let call = Call::within(UNDO);
            let undone = match how {
                StoredWhenUp::Leave => return,
                StoredWhenUp::Cancel => inner.operate(Cancel::new(order_no).on(attempt), call).await,
                StoredWhenUp::Reverse => match RefundNo::new(format!("reverse-{attempt}")) {
                    Ok(number) => inner.operate(Reverse::new(order_no, number).on(attempt), call).await,
                    Err(invalid) => Err(invalid.into()),
                },
            };
            if let Err(error) = undone {
                tracing::warn!(account = %inner.account, %error, "a payment whose time is up could not be undone yet");
            }
        });
    }

    /// The end, if a callback or another operation has brought it to the order's row already: nobody needs to be asked.
    async fn known_end<Op: Planned>(&self, held: &Held<Op>) -> Result<Option<Box<Seen>>, Error> {
        let Some(order) = self.load_order(&held.order_no).await? else { return Ok(None) };
        let Some(attempt) = order.value.attempt(held.attempt) else { return Ok(None) };
        let ended = match Op::KIND {
            Kind::Charge => attempt.status.clone().filter(Status::is_settled).map(Seen::status),
            // An authorization or a decline may be older than the send in doubt, and then says nothing of it.
            Kind::Confirm | Kind::Cancel => {
                let ended = |status: &Status| matches!(status, Status::Paid | Status::Canceled | Status::Expired);
                attempt.status.clone().filter(ended).map(Seen::status)
            }
            Kind::Refund => {
                let identity = held.op.identity();
                let no = identity.split_once('/').map(|(_, no)| no);
                let part = attempt.refunds.iter().find(|part| part.no.as_deref() == no && part.status.is_settled());
                part.map(|part| Seen { refunds: vec![part.seen()], ..Seen::default() })
            }
            _ => None,
        };
        let codec_says = |seen: &Seen| {
            let adapter = self.adapter();
            Op::codec(&**adapter).and_then(|codec| codec.judge(&held.op, &held.draft, seen)).is_some()
        };
        Ok(ended.filter(codec_says).map(Box::new))
    }

    /// Looks at something that waits: for the payer, the bank, a slow refund.
    async fn look_after<Op: Planned>(
        self: &Arc<Self>,
        held: Held<Op>,
        (looks, until, then): (u32, Option<std::time::SystemTime>, StoredWhenUp),
        deadline: Mono,
    ) -> Result<(), Error> {
        if let Some(seen) = self.known_end(&held).await? {
            self.settle(held, Outcome::Seen(seen, By::Callback.into())).await;
            return Ok(());
        }
        let up = until.is_some_and(|until| self.env.wall() >= until);
        let order_no: OrderNo = held.order_no.clone();
        let attempt = held.attempt;
        let found = self.question(&held, deadline).await;
        let unpaid = match found {
            Ok((Found::Seen(seen), light)) => {
                let waiting = matches!(seen.status, Some(Status::AwaitingPayer | Status::Processing));
                self.settle(held, Outcome::Seen(seen, light)).await;
                waiting
            }
            // Presented, and the payer has not come: it does not exist at the provider yet. After its time it never will, and what
            // waited for its payer has ended unpaid.
            Ok((Found::Missing, light)) => {
                let adapter = self.adapter();
                let recovery = Op::codec(&**adapter).map(|codec| codec.recovery(&held.op, &held.draft));
                if let Some(Evidence::End(end)) = recovery.map(|recovery| self.missing(&recovery)) {
                    let expired = || Outcome::Seen(Box::new(Seen::status(Status::Expired)), light);
                    let outcome = if Op::KIND == Kind::Charge { expired() } else { Outcome::End(end) };
                    self.settle(held, outcome).await;
                    return Ok(());
                }
                self.put_back(&held, looks).await?;
                true
            }
            Err(_) => return self.put_back(&held, looks).await,
        };
        if up && unpaid && Op::TAKES {
            self.undo(order_no, attempt, then);
        }
        Ok(())
    }

    /// Nothing was learned: it is looked at again, less and less often.
    async fn put_back<Op: Planned>(&self, held: &Held<Op>, looks: u32) -> Result<(), Error> {
        let mut intent = held.intent.value.clone();
        let next = looks.saturating_add(1);
        if let State::Watched { looks, .. } = &mut intent.state {
            *looks = next;
        }
        let adapter = self.adapter();
        let cadence = Op::codec(&**adapter).map(|codec| codec.recovery(&held.op, &held.draft).cadence).unwrap_or_default();
        let due = pick(&cadence, next);
        let put = rows::put_intent(held.key.clone(), &intent, crate::store::Expect::Ver(held.intent.ver), Some(due))?;
        self.commit(&[put]).await.map(|_| ())
    }
}

/// Whether an answer shows the payment as it was before a capture: all of the money still reserved, and none taken.
fn uncaptured(kind: Kind, seen: &Seen) -> bool {
    let nothing = seen.captured.is_none_or(Money::is_zero) && seen.captures.is_empty();
    kind == Kind::Capture && seen.status == Some(Status::Authorized) && nothing
}
