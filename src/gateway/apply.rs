//! The one way an observation changes an order: answers, callbacks, queries, replays and operators all come through here.
//!
//! Pure: the row and what was seen go in, the changes come out. Applying the same observation again changes nothing, and what
//! is stale or out of order changes nothing either.

use super::order::{Attempt, Order, Part};
use super::told::{By, ToldChange};
use super::verdict;
use crate::adapter::{Refs, Seen, SeenPart};
use crate::model::{Advice, AttemptNo, Block, Money, PartStatus, Reason, Reversal, Status, Transition};

/// In what light something was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Light {
    /// What brought it to light.
    pub(crate) by: By,
    /// For the answer to a question: the version of the order's row when the question was put.
    pub(crate) asked: Option<u64>,
}

impl Light {
    /// Whether it shows the provider as it is now: nothing has happened to the order since the question was put.
    fn shows_now(self, version: u64) -> bool {
        self.by == By::Operator || self.asked == Some(version)
    }
}

impl From<By> for Light {
    fn from(by: By) -> Self {
        Self { by, asked: None }
    }
}

/// What applying an observation came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Applied {
    /// What is to be told, with the state that makes it the same effect.
    pub(crate) changes: Vec<(ToldChange, String)>,
    /// The row differs, even if there is nothing to tell.
    pub(crate) dirty: bool,
    /// The observation turns something back, and may only be stale: ask the provider before believing it.
    pub(crate) ask_first: bool,
}

impl Applied {
    fn tell(&mut self, change: ToldChange, state: impl Into<String>) {
        self.dirty = true;
        self.changes.push((change, state.into()));
    }
}

/// Applies what was seen of an attempt to its order.
///
/// `payment_ref` names the ref that is the provider's id of the payment: another id there is another payment.
pub(crate) fn apply(order: &mut Order, no: AttemptNo, payment_ref: &str, seen: &Seen, light: Light) -> Applied {
    let mut applied = Applied::default();
    let (expected, version) = (order.money, order.version);
    let Some(attempt) = order.attempt_mut(no) else { return applied };
    if contradicts(&attempt.refs, &seen.refs, payment_ref) {
        if !replaces(attempt, light.by) {
            former(order, no, seen, &mut applied);
            return applied;
        }
        attempt.former.push(std::mem::take(&mut attempt.refs));
    }
    let may_be_stale = turns_back(attempt, seen) || (light.by == By::Callback && raises_again(attempt, seen));
    if may_be_stale && !light.shows_now(version) {
        applied.ask_first = light.by == By::Callback;
        return applied;
    }
    applied.dirty |= attempt.refs.merge(&seen.refs);
    mismatch(attempt, expected, seen, &mut applied);
    status(attempt, seen, &mut applied);
    totals(attempt, seen, &mut applied);
    for part in &seen.captures {
        self::part(&mut attempt.captures, part, expected, ToldChange::Capture, &mut applied);
    }
    let held = holding(&attempt.refunds);
    for part in &seen.refunds {
        self::part(&mut attempt.refunds, part, expected, ToldChange::Refund, &mut applied);
    }
    failed_back(attempt, &held, seen);
    duplicate(order, no, &mut applied);
    if applied.dirty {
        order.version += 1;
    }
    applied
}

/// Whether two sets of ids name different payments.
fn contradicts(known: &Refs, seen: &Refs, payment_ref: &str) -> bool {
    matches!((known.get(payment_ref), seen.get(payment_ref)), (Some(known), Some(seen)) if known != seen)
}

/// Whether a payment that the attempt's own send was answered with stands for it from now on, and not the one known so far.
///
/// A callback may make a payment known whose making was given up (its answer was lost, its key burnt, nothing was taken) while
/// the next generation is under way. What that generation is answered with is the attempt's payment, unless money is on the other.
fn replaces(attempt: &Attempt, by: By) -> bool {
    matches!(by, By::Answer | By::Replay) && !attempt.status.as_ref().is_some_and(Status::is_success)
}

/// Something was seen of an earlier generation, which was proved dead. Money on it is a second success.
fn former(order: &mut Order, no: AttemptNo, seen: &Seen, applied: &mut Applied) {
    let success = seen.status.as_ref().is_some_and(Status::is_success);
    let Some(attempt) = order.attempt_mut(no) else { return };
    if success && attempt.blocked.is_none() {
        attempt.blocked = Some(Block::DuplicatePaid);
        applied.tell(ToldChange::DuplicatePaid, "former");
        order.version += 1;
    }
}

/// A payment turns back when a capture fails, and seems to when old news comes late. That it is paid is never old news.
fn turns_back(attempt: &Attempt, seen: &Seen) -> bool {
    let (Some(from), Some(to)) = (&attempt.status, &seen.status) else { return false };
    matches!(from.transition(to), Transition::Reversal(_)) && *to != Status::Paid
}

/// A total of refunds that was told before one of them failed raises what has sunk since.
fn raises_again(attempt: &Attempt, seen: &Seen) -> bool {
    let raises = seen.refunded.is_some_and(|seen| attempt.refunded.cmp_same(seen).is_ok_and(std::cmp::Ordering::is_lt));
    raises
        && attempt
            .refunds
            .iter()
            .any(|part| matches!(part.status, PartStatus::Failed | PartStatus::Canceled) && part.id.is_some())
}

fn mismatch(attempt: &mut Attempt, expected: Money, seen: &Seen, applied: &mut Applied) {
    let Some(got) = seen.money.filter(|got| *got != expected) else { return };
    let block = Block::Mismatch { expected, got };
    // What was paid twice stays so: two reasons that took turns would be told for ever.
    if attempt.blocked.as_ref() != Some(&block) && attempt.blocked != Some(Block::DuplicatePaid) {
        attempt.blocked = Some(block);
        applied.tell(ToldChange::Mismatch { expected, got }, got.to_string());
    }
}

/// Where an attempt stands. One whose charge was proved not applied, or was given up, was told as canceled: money on it is late.
fn stands(attempt: &Attempt) -> Option<&Status> {
    let told_dead = attempt.released.is_some() && attempt.dead;
    attempt.status.as_ref().or(told_dead.then_some(&Status::Canceled))
}

fn status(attempt: &mut Attempt, seen: &Seen, applied: &mut Applied) {
    let Some(to) = &seen.status else { return };
    let transition = stands(attempt).map_or(Transition::Forward, |from| from.transition(to));
    match transition {
        Transition::Refused => {
            // A declined attempt that was canceled keeps its status and takes no money any more.
            let ended =
                matches!(to, Status::Canceled | Status::Expired) && attempt.status.as_ref().is_some_and(Status::is_unpaid_end);
            applied.dirty |= ended && !attempt.dead;
            attempt.dead |= ended;
            return;
        }
        Transition::Same => {
            if *to == Status::AwaitingPayer && seen.action.is_some() && seen.action != attempt.action {
                attempt.action.clone_from(&seen.action);
                applied.dirty = true;
            }
            return;
        }
        Transition::Forward => applied.tell(ToldChange::Payment, to.to_string()),
        Transition::Reversal(reversal) => {
            match reversal {
                Reversal::CaptureFailed => attempt.captured = Money::zero(attempt.captured.currency()),
                Reversal::LateSuccess => attempt.blocked = attempt.blocked.take().or(Some(Block::LateSuccess)),
            }
            applied.tell(ToldChange::Reversed(reversal), to.to_string());
        }
    }
    attempt.status = Some(to.clone());
    attempt.action.clone_from(&seen.action);
    attempt.reason.clone_from(&seen.reason);
    attempt.released = None;
    attempt.dead = matches!(to, Status::Canceled | Status::Expired);
}

/// Totals only grow: an older observation knows of less. What was seen with a status that was not believed is not believed.
fn totals(attempt: &mut Attempt, seen: &Seen, applied: &mut Applied) {
    let believed = seen.status.is_none() || seen.status == attempt.status;
    if let Some(captured) = seen.captured.filter(|_| believed) {
        raise(&mut attempt.captured, captured, applied);
    }
    if let Some(refunded) = seen.refunded {
        raise(&mut attempt.refunded, refunded, applied);
    }
}

/// The refunds that hold money.
fn holding(parts: &[Part]) -> Vec<usize> {
    parts.iter().enumerate().filter(|(_, part)| part.status.holds_money()).map(|(index, _)| index).collect()
}

/// A refund that failed after all is not given back: the total sinks by it, else nobody could ever give that money back. Not
/// below what the provider says now, nor below what has succeeded: it may not have counted the refund before.
fn failed_back(attempt: &mut Attempt, held: &[usize], seen: &Seen) {
    let now = holding(&attempt.refunds);
    let failed = held.iter().filter(|index| !now.contains(index)).filter_map(|index| attempt.refunds.get(*index));
    let zero = Money::zero(attempt.refunded.currency());
    let sum = |sum: Money, part: &Part| sum.checked_add(part.money).unwrap_or(sum);
    let failed = failed.fold(zero, sum);
    if failed.is_zero() {
        return;
    }
    let succeeded = attempt.refunds.iter().filter(|part| part.status == PartStatus::Succeeded).fold(zero, sum);
    let mut total = attempt.refunded.checked_sub(failed).unwrap_or(zero);
    for least in [Some(succeeded), seen.refunded].into_iter().flatten() {
        if total.cmp_same(least).is_ok_and(std::cmp::Ordering::is_lt) {
            total = least;
        }
    }
    attempt.refunded = total;
}

fn raise(total: &mut Money, seen: Money, applied: &mut Applied) {
    if total.cmp_same(seen).is_ok_and(std::cmp::Ordering::is_lt) {
        *total = seen;
        applied.dirty = true;
    }
}

/// Applies one capture or refund: the one of that number or id, or one that was made elsewhere.
fn part(parts: &mut Vec<Part>, seen: &SeenPart, expected: Money, change: fn(String) -> ToldChange, applied: &mut Applied) {
    let same = |part: &&mut Part| {
        let by_id = part.id.is_some() && part.id == seen.id;
        let by_number = part.seed.as_ref().is_some_and(|seed| Some(seed.number.as_str()) == seen.number.as_deref());
        by_id || by_number
    };
    let Some(part) = parts.iter_mut().find(same) else {
        let Some(name) = seen.id.clone().or_else(|| seen.number.clone()) else { return };
        let money = seen.money.unwrap_or_else(|| Money::zero(expected.currency()));
        applied.tell(change(name), format!("{:?}", seen.status));
        parts.push(Part {
            no: None,
            seed: None,
            id: seen.id.clone(),
            money,
            status: seen.status.clone(),
            last: false,
            reason: seen.reason.clone(),
        });
        return;
    };
    if part.id.is_none() && seen.id.is_some() {
        part.id.clone_from(&seen.id);
        applied.dirty = true;
    }
    if !moves(&part.status, &seen.status) {
        return;
    }
    part.status = seen.status.clone();
    part.reason.clone_from(&seen.reason);
    let name = part.no.clone().or_else(|| part.id.clone()).unwrap_or_default();
    applied.tell(change(name), format!("{:?}", part.status));
}

/// Whether a report of `to` moves a part on. A done one can still fail later; a failed one stays so.
fn moves(from: &PartStatus, to: &PartStatus) -> bool {
    use PartStatus::{Canceled, Failed, NeedsAction, Pending, Succeeded, Unrecognized};
    let known = !matches!(to, Unrecognized(_));
    let forward = matches!(
        (from, to),
        (Unrecognized(_), _)
            | (Pending, NeedsAction | Succeeded | Failed | Canceled)
            | (NeedsAction, Succeeded | Failed | Canceled | Pending)
            | (Succeeded, Failed | Canceled)
    );
    known && forward
}

/// A second attempt with money is told, on both.
fn duplicate(order: &mut Order, no: AttemptNo, applied: &mut Applied) {
    let has_money = |attempt: &Attempt| attempt.status.as_ref().is_some_and(Status::is_success);
    let Some(this) = order.attempt(no).filter(|attempt| has_money(attempt)) else { return };
    if this.blocked == Some(Block::DuplicatePaid) || !order.attempts.iter().any(|other| other.no != no && has_money(other)) {
        return;
    }
    applied.tell(ToldChange::DuplicatePaid, no.to_string());
    for attempt in order.attempts.iter_mut().filter(|attempt| has_money(attempt)) {
        attempt.blocked = Some(Block::DuplicatePaid);
    }
}

/// Notes that an attempt's charge was proved not applied.
pub(crate) fn release(order: &mut Order, no: AttemptNo, why: &verdict::Told) {
    if let Some(attempt) = order.attempt_mut(no) {
        attempt.released = Some(why.clone());
        attempt.dead = attempt.status.is_none();
        order.version += 1;
    }
}

/// Frees what a part had reserved: its operation was proved not applied.
pub(crate) fn release_part(parts: &mut [Part], no: &str, why: &verdict::Told) {
    if let Some(part) = parts.iter_mut().find(|part| part.no.as_deref() == Some(no)) {
        part.status = PartStatus::Failed;
        part.reason = Some(Reason {
            code: why.code().unwrap_or(why.kind.name()).to_owned(),
            message: Some(why.message().to_owned()),
            advice: Advice::Later,
        });
    }
}

#[cfg(test)]
mod tests;
