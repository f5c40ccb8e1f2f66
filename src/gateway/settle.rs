//! Settling: what was seen becomes the order's row, the intent's end and what is told, in one commit.

use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::again::End;
use super::apply::{Applied, Light, apply};
use super::intent::{Intent, State};
use super::order::Order;
use super::plan::{Planned, book};
use super::rows::{self, Versioned, read};
use super::told::{By, Told, ToldChange, effect_key};
use super::verdict::{self, Verdict};
use crate::adapter::{Codec, Draft, Follow, Kind, Moves, Seen};
use crate::model::{AttemptNo, Error, ErrorKind, Fate, OrderNo, Payment};
use crate::store::{Commit, Expect, Key, Put};

/// How often a commit that lost a race is tried on the fresh rows: each loss is somebody else's progress.
const RACES: u32 = 32;

/// First look of the resolver at a new doubt, where the recovery names none.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// What an operation came to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It was seen.
    Seen(Box<Seen>, Light),
    /// It ended without being seen.
    End(End),
}

/// An operation at its intent, with what is needed to settle it.
#[derive(Debug)]
pub(crate) struct Held<Op> {
    pub(crate) op: Op,
    pub(crate) order_no: OrderNo,
    pub(crate) attempt: AttemptNo,
    pub(crate) key: Key,
    pub(crate) intent: Versioned<Intent>,
    /// The order's row as it was last committed or read, if it was: tried first, and read again if it is not the row any more.
    pub(crate) order: Option<Versioned<Order>>,
    pub(crate) draft: Draft,
    /// What earlier steps showed, and the order's row may not hold yet.
    pub(crate) learned: Vec<Seen>,
    /// What brings the end to light, where nothing was seen.
    pub(crate) by: By,
    /// Its fate, where an operator's word says it.
    pub(crate) ruled: Option<Fate>,
}

impl Inner {
    /// Settles. The verdict is true even if the store fails now: the commit is repeated in the background. Only what shows the payer
    /// how to pay is not told before it is stored.
    pub(crate) async fn settle<Op: Planned>(self: &Arc<Self>, mut held: Held<Op>, outcome: Outcome) -> Closed {
        match self.try_settle(&mut held, &outcome).await {
            Ok(closed) => closed,
            Err(Settling { verdict, payment, error }) => {
                tracing::error!(account = %self.account, order = %held.order_no, %error, "settling is repeated");
                let inner = Arc::clone(self);
                let moves = held.draft.moves;
                self.env.spawn(async move { inner.settle_later(held, outcome).await });
                match (verdict, payment) {
                    // The row still shows how it stood before: nobody is told that for the answer.
                    (Verdict::Done, None) => Verdict::from(&error).into(),
                    // If this process ends now, the row says that nothing was asked that could take money: that must stay true, so
                    // nobody is shown how to pay before it is written down.
                    (Verdict::Done, Some(payment)) if moves == Moves::Nothing && payment.next_action.is_some() => {
                        Verdict::from(&error).into()
                    }
                    (verdict, payment) => Closed { verdict, payment },
                }
            }
        }
    }

    /// Repeats a settle until the store takes it; if the process ends first, the intent's due row brings the resolver.
    async fn settle_later<Op: Planned>(self: Arc<Self>, mut held: Held<Op>, outcome: Outcome) {
        for tries in 0..20_u32 {
            self.env.sleep(Duration::from_millis(100).saturating_mul(1 << tries.min(7))).await;
            if self.try_settle(&mut held, &outcome).await.is_ok() {
                return;
            }
        }
    }

    async fn try_settle<Op: Planned>(&self, held: &mut Held<Op>, outcome: &Outcome) -> Result<Closed, Settling> {
        let adapter = self.adapter();
        let codec = Op::codec(&**adapter);
        let mut verdict = first_verdict(held, outcome, codec);
        let mut intent = held.intent.clone();
        for _ in 0..RACES {
            let failed = |verdict: &Verdict, error| Settling { verdict: verdict.clone(), payment: None, error };
            let at_hand = held.order.take();
            let guessed = at_hand.is_some();
            let order = match at_hand {
                Some(order) => Some(order),
                None => self.load_order(&held.order_no).await.map_err(|error| failed(&verdict, error))?,
            };
            let Some(order) = order else { return Ok(verdict.into()) };
            let settled = self.settled_rows(held, &intent, order, outcome, codec).map_err(|error| failed(&verdict, error))?;
            if guessed && settled.intent_at == 0 {
                // It would not be compared with the row, and the verdict may rest on what is not so any more.
                continue;
            }
            verdict = settled.verdict;
            let payment = || settled.order.payment(&self.account, self.payment_ref, held.attempt).map(Box::new);
            let committed = self.commit_settled(settled.puts, settled.intent_at).await;
            match committed.map_err(|error| Settling { verdict: verdict.clone(), payment: payment(), error })? {
                Commit::Done(_) => {
                    self.changed();
                    return Ok(Closed { verdict, payment: payment() });
                }
                Commit::Lost { index, .. } if index < settled.intent_at => {}
                Commit::Lost { current, .. } => match current.as_ref().map(read::<Intent>) {
                    // Somebody else has moved the intent on: what we saw still counts for the order.
                    Some(Ok(newer))
                        if newer.value.generation != intent.value.generation
                            || matches!(newer.value.state, State::Settled(_)) =>
                    {
                        if let Outcome::Seen(seen, light) = outcome {
                            let applied = self.observe(&held.order_no, held.attempt, seen, *light).await;
                            applied.map_err(|error| failed(&verdict, error))?;
                        }
                        return Ok(verdict.into());
                    }
                    // Somebody else has found evidence meanwhile: that we have none takes nothing away from it.
                    Some(Ok(newer)) => match (outcome, newer.value.state.found()) {
                        (Outcome::End(_), Some(found)) => return Ok(found.clone().into()),
                        _ => intent = newer,
                    },
                    Some(Err(error)) => return Err(failed(&verdict, error)),
                    None => return Ok(verdict.into()),
                },
            }
        }
        let error = Error::new(ErrorKind::StoreFailed, "too many writers on one order");
        Err(Settling { verdict, payment: None, error })
    }

    /// The rows as the outcome leaves them. The state machine: whatever settles an intent comes through here.
    pub(super) fn settled_rows<Op: Planned>(
        &self,
        held: &Held<Op>,
        intent: &Versioned<Intent>,
        order: Versioned<Order>,
        outcome: &Outcome,
        codec: Option<&dyn Codec<Op>>,
    ) -> Result<Settled, Error> {
        let (order_ver, mut order) = (order.ver, order.value);
        let mut next = intent.value.clone();
        let before = order.version;
        let mut tolds = Vec::new();
        for seen in &held.learned {
            let applied = apply(&mut order, held.attempt, self.payment_ref, seen, held.by.into());
            tolds.extend(self.tolds(&order, held.attempt, applied, held.by));
        }
        let (verdict, due) = match outcome {
            Outcome::Seen(seen, light) => {
                book(&held.op, &mut order, held.attempt, &next.seed, seen);
                let applied = apply(&mut order, held.attempt, self.payment_ref, seen, *light);
                tolds.extend(self.tolds(&order, held.attempt, applied, light.by));
                let fate = held.ruled.or_else(|| codec.and_then(|codec| codec.judge(&held.op, &held.draft, seen)));
                self.seen_state(held, &mut next, &mut order, seen, fate, codec)
            }
            Outcome::End(End::Released { resume, told }) => {
                held.op.release(&mut order, held.attempt, told);
                let verdict = Verdict::Failed(told.clone());
                tolds.extend(self.tolds(&order, held.attempt, released::<Op>(&held.op, told), held.by));
                next.state = State::Released { resume: *resume, verdict: verdict.clone() };
                next.doubt = false;
                if !resume {
                    (next.op, next.draft) = (None, None);
                }
                (verdict, None)
            }
            Outcome::End(End::Doubt(told)) => {
                let verdict = Verdict::Failed(told.clone());
                let tries = if let State::Doubt { tries, .. } = next.state { tries + 1 } else { 0 };
                next.state = State::Doubt { tries, told: verdict.clone() };
                next.doubt = true;
                (verdict, Some(doubt_due(codec, held, tries)))
            }
            Outcome::End(End::Applied(told)) => {
                let verdict = Verdict::Failed(told.clone());
                // That it is paid, an error has said; how, the provider is asked, so that the order's row knows.
                let asked = matches!(Op::KIND, Kind::Charge | Kind::Confirm) && self.adapter().query().is_some();
                next.state = if asked { State::looked_at(verdict.clone()) } else { State::Settled(verdict.clone()) };
                (verdict, asked.then_some(Duration::ZERO))
            }
        };
        if matches!(next.state, State::Settled(_)) {
            (next.op, next.draft, next.doubt) = (None, None, false);
        }
        let mut puts = Vec::with_capacity(2 + tolds.len());
        if order.version != before {
            puts.push(self.rows.put_order(&order, Expect::Ver(order_ver))?);
        }
        let intent_at = puts.len();
        puts.push(rows::put_intent(held.key.clone(), &next, Expect::Ver(intent.ver), due)?);
        for told in &tolds {
            puts.push(self.rows.put_told(told)?);
        }
        Ok(Settled { puts, intent_at, verdict, order })
    }

    /// Where an intent stands after its operation was seen: at its end, watched, or still in doubt.
    fn seen_state<Op: Planned>(
        &self,
        held: &Held<Op>,
        next: &mut Intent,
        order: &mut Order,
        seen: &Seen,
        fate: Option<Fate>,
        codec: Option<&dyn Codec<Op>>,
    ) -> (Verdict, Option<Duration>) {
        let Some(fate) = fate else {
            let word = seen.word.as_deref().unwrap_or("nothing that is known");
            let error = Error::new(ErrorKind::Doubtful, format!("the provider says {word}, which proves nothing about this"));
            let verdict = Verdict::from(&error);
            let tries = if let State::Doubt { tries, .. } = next.state { tries + 1 } else { 0 };
            next.state = State::Doubt { tries, told: verdict.clone() };
            next.doubt = true;
            return (verdict, Some(doubt_due(codec, held, tries)));
        };
        next.doubt = false;
        let verdict = held.op.verdict(order, held.attempt);
        // A cancel that was not carried out may be asked for again, and no longer stands in a capture's way.
        if fate == Fate::NotApplied && (verdict == Verdict::Done || Op::KIND == Kind::Cancel) {
            let error = Error::new(ErrorKind::NotNow, "the provider did not carry it out").with_cause("see the payment");
            let told = if let Verdict::Failed(told) = verdict { told } else { verdict::Told::of(&error) };
            held.op.release(order, held.attempt, &told);
            let verdict = Verdict::Failed(told);
            next.state = State::Released { resume: false, verdict: verdict.clone() };
            (next.op, next.draft) = (None, None);
            return (verdict, None);
        }
        let now = self.env.wall();
        let follow = codec.and_then(|codec| codec.follow(&held.op, &held.draft, seen, now));
        let Some(Follow { cadence, until, then }) = follow else {
            next.state = State::Settled(verdict.clone());
            return (verdict, None);
        };
        let looks = if let State::Watched { looks, .. } = next.state { looks + 1 } else { 0 };
        next.state = State::Watched { looks, until, then: then.into(), verdict: verdict.clone() };
        (verdict, Some(pick(&cadence, looks)))
    }

    /// Applies what was seen outside of an intent's own send: a query's answer, a callback, an operator's word.
    pub(crate) async fn observe(
        &self,
        order_no: &OrderNo,
        attempt: AttemptNo,
        seen: &Seen,
        light: impl Into<Light>,
    ) -> Result<Observed, Error> {
        let mut light = light.into();
        for _ in 0..RACES {
            let Some(order) = self.load_order(order_no).await? else { return Ok(Observed::UnknownOrder) };
            let (ver, mut order) = (order.ver, order.value);
            if light.by == By::Callback && self.adapter().query().is_none() {
                // Nobody can be asked: what the provider has signed is all there is.
                light.asked = Some(order.version);
            }
            let mut applied = apply(&mut order, attempt, self.payment_ref, seen, light);
            if applied.ask_first {
                return Ok(Observed::AskFirst);
            }
            if !applied.dirty {
                return Ok(Observed::Nothing);
            }
            let changes = std::mem::take(&mut applied.changes);
            let tolds = self.tolds(&order, attempt, Applied { changes, ..Applied::default() }, light.by);
            let mut puts = vec![self.rows.put_order(&order, Expect::Ver(ver))?];
            for told in &tolds {
                puts.push(self.rows.put_told(told)?);
            }
            if let Commit::Done(_) = self.commit(&puts).await? {
                self.alias_refs(order_no, seen).await?;
                self.changed();
                return Ok(Observed::Changed);
            }
        }
        Err(Error::new(ErrorKind::StoreFailed, "too many writers on one order"))
    }

    /// What is told of the changes; nothing if nobody listens.
    pub(crate) fn tolds(&self, order: &Order, attempt: AttemptNo, applied: Applied, by: By) -> Vec<Told> {
        if self.handler.is_none() {
            return Vec::new();
        }
        let Some(payment) = order.payment(&self.account, self.payment_ref, attempt) else { return Vec::new() };
        let told = |(change, state): (ToldChange, String)| Told {
            effect_key: effect_key(&self.rows, order, attempt, &change, &state),
            account: self.account.clone(),
            payment: payment.clone(),
            change,
            by,
            at: self.env.wall(),
            hold: None,
        };
        applied.changes.into_iter().map(told).collect()
    }
}

/// What an observation came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Observed {
    /// The row has changed.
    Changed,
    /// It was known.
    Nothing,
    /// It turns something back: the provider must be asked.
    AskFirst,
    /// No such order here.
    UnknownOrder,
}

/// How an operation stands, and the payment as the commit left it, if it was this commit.
#[derive(Debug)]
pub(crate) struct Closed {
    pub(crate) verdict: Verdict,
    pub(crate) payment: Option<Box<Payment>>,
}

impl From<Verdict> for Closed {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, payment: None }
    }
}

/// The rows of a settled intent, to be committed together.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) puts: Vec<Put>,
    /// Which put is the intent's.
    pub(super) intent_at: usize,
    pub(super) verdict: Verdict,
    pub(super) order: Order,
}

/// The store failed while settling; the verdict holds all the same.
#[derive(Debug)]
struct Settling {
    verdict: Verdict,
    /// The payment as the commit would have left it, if it came so far.
    payment: Option<Box<Payment>>,
    error: Error,
}

/// What holds before the order's row could be read: an answer is an answer, a decline too.
fn first_verdict<Op: Planned>(held: &Held<Op>, outcome: &Outcome, codec: Option<&dyn Codec<Op>>) -> Verdict {
    let seen = match outcome {
        Outcome::Seen(seen, _) => seen,
        Outcome::End(End::Released { told, .. } | End::Doubt(told) | End::Applied(told)) => return Verdict::Failed(told.clone()),
    };
    match codec.and_then(|codec| codec.judge(&held.op, &held.draft, seen)) {
        Some(Fate::NotApplied) => {
            let reason = seen.reason.as_ref();
            let sentence = reason.and_then(|reason| reason.message.as_deref()).unwrap_or("the provider did not carry it out");
            let error = Error::new(ErrorKind::Declined, sentence);
            Verdict::from(&match reason {
                Some(reason) => error.with_code(&reason.code),
                None => error,
            })
        }
        _ => Verdict::Done,
    }
}

fn released<Op: Planned>(op: &Op, told: &verdict::Told) -> Applied {
    let change = match Op::KIND {
        Kind::Capture => ToldChange::Capture(last_name(op)),
        Kind::Refund | Kind::Reverse => ToldChange::Refund(last_name(op)),
        _ => ToldChange::Payment,
    };
    Applied { changes: vec![(change, format!("released {}", told.kind.name()))], ..Applied::default() }
}

/// The application's number in an identity: `refund/<number>`.
fn last_name<Op: Planned>(op: &Op) -> String {
    op.identity().split_once('/').map(|(_, number)| number.to_owned()).unwrap_or_default()
}

fn doubt_due<Op: Planned>(codec: Option<&dyn Codec<Op>>, held: &Held<Op>, tries: u32) -> Duration {
    codec.map_or(FIRST_LOOK, |codec| pick(&codec.recovery(&held.op, &held.draft).cadence, tries))
}

/// The cadence's entry for that try; the last repeats.
pub(crate) fn pick(cadence: &[Duration], tries: u32) -> Duration {
    let index = usize::try_from(tries).unwrap_or(usize::MAX).min(cadence.len().saturating_sub(1));
    cadence.get(index).copied().unwrap_or(FIRST_LOOK)
}
