//! What each operation may do to its order: checked and reserved on the order's row before anything is sent.

mod back;

use std::time::SystemTime;

pub(crate) use back::book;

use super::apply;
use super::order::{Attempt, Order, unknown};
use super::parts::{done_or_not, reserve_part};
use super::verdict::{Told, Verdict};
use crate::adapter::{Capture, Charge, Confirm, Operation, Profile, Seed};
use crate::guard::Class;
use crate::model::{AccountRef, AttemptNo, Error, ErrorKind, Invalid, OrderNo, ProviderNo, Status};

/// What planning may look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) account: &'a AccountRef,
    pub(crate) profile: &'a Profile,
    pub(crate) now: SystemTime,
}

/// What planning came to.
#[derive(Debug)]
pub(crate) enum Plan {
    /// Commit this with the intent, then send.
    Send(Order),
    /// Another attempt was declined and can still be paid: cancel that one, then plan again.
    CancelFirst(AttemptNo),
    /// There is nothing to send: commit this, it is done.
    Done(Order),
}

/// An operation that changes something, and so has an intent.
pub(crate) trait Planned: Operation {
    /// Whose permits and breaker it uses.
    const CLASS: Class;
    /// Whether it takes money: what a wanted cancel forbids.
    const TAKES: bool;

    /// The number the provider is told.
    fn number(&self, scope: Scope<'_>, attempt: AttemptNo) -> Result<ProviderNo, Invalid>;
    /// Checks the operation against the order and reserves what it needs.
    fn reserve(&self, order: Option<Order>, seed: &Seed, scope: Scope<'_>) -> Result<Plan, Error>;
    /// Gives back what was reserved: it was proved not applied.
    fn release(&self, order: &mut Order, attempt: AttemptNo, told: &Told);
    /// How it ended, as the order's row stands after the answer was applied.
    fn verdict(&self, order: &Order, attempt: AttemptNo) -> Verdict;
    /// No money may be taken after this. Only a charge has such a time.
    fn charge_by(&self) -> Option<SystemTime> {
        None
    }
}

impl Planned for Charge {
    const CLASS: Class = Class::Charge;
    const TAKES: bool = true;

    fn number(&self, scope: Scope<'_>, attempt: AttemptNo) -> Result<ProviderNo, Invalid> {
        scope.profile.order_number.form(scope.account, &self.order_no, attempt)
    }

    fn reserve(&self, order: Option<Order>, seed: &Seed, scope: Scope<'_>) -> Result<Plan, Error> {
        if self.charge_by.is_some_and(|by| by <= scope.now) {
            return Err(Invalid::new("charge.charge_by", "in the future").into());
        }
        let mut order = order.unwrap_or_else(|| Order::new(self.order_no.clone(), self.money));
        if order.money != self.money {
            let why = format!("order {} asks for {}, not {}", order.order_no, order.money, self.money);
            return Err(Error::new(ErrorKind::Conflict, why));
        }
        for earlier in order.attempts.iter().filter(|attempt| attempt.no != self.attempt && attempt.may_take(scope.profile)) {
            match still_payable(earlier) {
                None => return Ok(Plan::CancelFirst(earlier.no)),
                // With open eyes. What has the money, and what may be taking it now, is never overlapped.
                Some(_) if self.overlap && earlier.status == Some(Status::AwaitingPayer) => {}
                Some(error) => return Err(error),
            }
        }
        let next = order.latest().map_or(AttemptNo::FIRST, |attempt| attempt.no.next());
        if let Some(attempt) = order.attempt_mut(self.attempt) {
            if attempt.stop {
                return Err(Error::new(ErrorKind::Conflict, format!("attempt {} was canceled", attempt.no)));
            }
            // It was adopted, or evidence came after it was told as not applied: it stands, and is not charged once more.
            if attempt.released.is_none() {
                return match &attempt.status {
                    Some(_) => Ok(Plan::Done(order)),
                    None => Err(unsettled(attempt)),
                };
            }
            attempt.open_again(seed);
            attempt.charge_by = self.charge_by;
        } else if self.attempt == next {
            let opened = Attempt::new(self.attempt, seed.clone(), self.method.kind(), self.money);
            order.attempts.push(Attempt { charge_by: self.charge_by, ..opened });
        } else {
            return Err(Invalid::new("charge.attempt", format!("{next}, the one after the last")).into());
        }
        Ok(Plan::Send(order))
    }

    fn release(&self, order: &mut Order, attempt: AttemptNo, told: &Told) {
        apply::release(order, attempt, told);
    }

    fn verdict(&self, order: &Order, attempt: AttemptNo) -> Verdict {
        paid_or_not(order, attempt)
    }

    fn charge_by(&self) -> Option<SystemTime> {
        self.charge_by
    }
}

/// Why another attempt may not open while this one lives; `None` if it was declined and only needs to be canceled.
fn still_payable(earlier: &Attempt) -> Option<Error> {
    let no = earlier.no;
    match &earlier.status {
        Some(Status::Declined) => None,
        Some(status) if status.is_success() => Some(Error::new(ErrorKind::AlreadyDone, format!("attempt {no} is {status}"))),
        Some(status) => Some(
            Error::new(ErrorKind::StillPayable, format!("attempt {no} is {status}; cancel it first"))
                .with_until(earlier.closes_at),
        ),
        None => Some(unsettled(earlier)),
    }
}

fn unsettled(attempt: &Attempt) -> Error {
    let why = format!("attempt {} is not settled; cancel it or wait", attempt.no);
    Error::new(ErrorKind::StillPayable, why).with_until(attempt.closes_at)
}

/// The verdict on an operation that takes money.
fn paid_or_not(order: &Order, no: AttemptNo) -> Verdict {
    let Some(attempt) = order.attempt(no) else { return Verdict::Done };
    if let Some(crate::model::Block::Mismatch { expected, got }) = &attempt.blocked {
        let error = Error::new(ErrorKind::Mismatch, format!("asked for {expected}, the provider speaks of {got}"));
        return Verdict::from(&error);
    }
    match &attempt.status {
        Some(status) if status.is_unpaid_end() => {
            let reason = attempt.reason.as_ref();
            let sentence = reason.and_then(|reason| reason.message.clone()).unwrap_or_else(|| format!("the payment is {status}"));
            let code = reason.map_or_else(|| status.to_string(), |reason| reason.code.clone());
            Verdict::from(&Error::new(ErrorKind::Declined, sentence).with_code(code))
        }
        _ => Verdict::Done,
    }
}

/// The attempt an operation is about, which must exist.
fn found(order: Option<Order>, order_no: &OrderNo, attempt: Option<AttemptNo>) -> Result<(Order, AttemptNo), Error> {
    let order = order.ok_or_else(|| unknown(order_no))?;
    match attempt.filter(|no| order.attempt(*no).is_some()) {
        Some(no) => Ok((order, no)),
        None => Err(Invalid::new("attempt", "one that was charged").into()),
    }
}

pub(super) fn conflict(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Conflict, why)
}

fn attempt_of(order: &mut Order, no: AttemptNo) -> Result<&mut Attempt, Error> {
    order.attempt_mut(no).ok_or_else(|| Error::from(Invalid::new("attempt", "one that was charged")))
}

impl Planned for Confirm {
    const CLASS: Class = Class::Charge;
    const TAKES: bool = true;

    fn number(&self, scope: Scope<'_>, attempt: AttemptNo) -> Result<ProviderNo, Invalid> {
        scope.profile.order_number.form(scope.account, &self.order_no, attempt)
    }

    fn reserve(&self, order: Option<Order>, _: &Seed, scope: Scope<'_>) -> Result<Plan, Error> {
        let (mut order, no) = found(order, &self.order_no, self.attempt)?;
        let attempt = attempt_of(&mut order, no)?;
        if attempt.stop || !attempt.is_live() {
            return Err(conflict(format!("attempt {no} was canceled or has ended")));
        }
        // A callback was first: there is nothing to confirm any more.
        if attempt.status.as_ref().is_some_and(Status::is_success) {
            return Ok(Plan::Done(order));
        }
        if attempt.is_late(scope.now) {
            return Err(conflict(format!("attempt {no} was to be charged by a time that is over")));
        }
        attempt.rounds = attempt.rounds.max(self.round);
        Ok(Plan::Send(order))
    }

    /// The tell of it is a change, as those of all others are: the same one twice at one version could not be stored.
    fn release(&self, order: &mut Order, _: AttemptNo, _: &Told) {
        order.version += 1;
    }

    fn verdict(&self, order: &Order, attempt: AttemptNo) -> Verdict {
        paid_or_not(order, attempt)
    }
}

impl Planned for Capture {
    const CLASS: Class = Class::Charge;
    const TAKES: bool = true;

    fn number(&self, scope: Scope<'_>, _: AttemptNo) -> Result<ProviderNo, Invalid> {
        scope.profile.part_number.form_part(scope.account, &self.order_no, self.capture_no.as_str())
    }

    fn reserve(&self, order: Option<Order>, seed: &Seed, _: Scope<'_>) -> Result<Plan, Error> {
        let (mut order, no) = found(order, &self.order_no, self.attempt)?;
        let asked = order.money;
        let attempt = attempt_of(&mut order, no)?;
        if attempt.stop {
            return Err(conflict(format!("attempt {no} is being canceled")));
        }
        let capturable = matches!(attempt.status, Some(Status::Authorized | Status::Paid)) && attempt.blocked.is_none();
        if !capturable {
            return Err(conflict(format!("attempt {no} is not authorized")));
        }
        let no = self.capture_no.as_str();
        if let Some(last) = attempt.captures.iter().find(|part| part.closes() && part.no.as_deref() != Some(no)) {
            let name = last.no.as_deref().unwrap_or_default();
            return Err(conflict(format!("capture {name} was the last: it lets go of what it leaves")));
        }
        let held = attempt.captures_held()?;
        reserve_part(&mut attempt.captures, no, seed, self.money, held, asked, "capture.money")?;
        if let Some(part) = attempt.captures.iter_mut().find(|part| part.no.as_deref() == Some(no)) {
            part.last = self.last;
        }
        Ok(Plan::Send(order))
    }

    fn release(&self, order: &mut Order, attempt: AttemptNo, told: &Told) {
        if let Some(attempt) = order.attempt_mut(attempt) {
            apply::release_part(&mut attempt.captures, self.capture_no.as_str(), told);
        }
        order.version += 1;
    }

    fn verdict(&self, order: &Order, attempt: AttemptNo) -> Verdict {
        order.attempt(attempt).map_or(Verdict::Done, |attempt| done_or_not(&attempt.captures, self.capture_no.as_str()))
    }
}
