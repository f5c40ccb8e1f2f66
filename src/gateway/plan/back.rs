//! What ends a payment or gives it back: cancel, reverse, refund, checked and reserved like all others.

use super::{Plan, Planned, Scope, attempt_of, conflict, done_or_not, found, reserve_part};
use crate::adapter::{Cancel, Kind, Operation, Refs, Refund, Reverse, Seed, Seen};
use crate::gateway::apply;
use crate::gateway::order::{Order, Part};
use crate::gateway::verdict::{Told, Verdict};
use crate::guard::Class;
use crate::model::{AttemptNo, Error, Invalid, Money, ProviderNo, Status};

impl Planned for Cancel {
    const CLASS: Class = Class::Return;
    const TAKES: bool = false;

    fn number(&self, scope: Scope<'_>, attempt: AttemptNo) -> Result<ProviderNo, Invalid> {
        scope.profile.order_number.form(scope.account, &self.order_no, attempt)
    }

    fn reserve(&self, order: Option<Order>, _: &Seed, _: Scope<'_>) -> Result<Plan, Error> {
        let (mut order, no) = found(order, &self.order_no, self.attempt)?;
        let attempt = attempt_of(&mut order, no)?;
        if attempt.status == Some(Status::Paid) {
            return Err(conflict(format!("attempt {no} is paid; refund it")));
        }
        if attempt.captures.iter().any(|part| !part.status.is_settled()) {
            return Err(conflict(format!("a capture of attempt {no} is under way")));
        }
        attempt.stop = true;
        let untouched = attempt.status.is_none() && attempt.released.is_some() && attempt.refs == Refs::new();
        if attempt.dead && !untouched {
            return Ok(Plan::Done(order));
        }
        if untouched {
            attempt.status = Some(Status::Canceled);
            attempt.dead = true;
            order.version += 1;
            return Ok(Plan::Done(order));
        }
        Ok(Plan::Send(order))
    }

    fn release(&self, order: &mut Order, attempt: AttemptNo, _: &Told) {
        if let Some(attempt) = order.attempt_mut(attempt) {
            attempt.stop = false;
        }
        order.version += 1;
    }

    fn verdict(&self, order: &Order, attempt: AttemptNo) -> Verdict {
        match order.attempt(attempt).and_then(|attempt| attempt.status.as_ref()) {
            Some(Status::Paid) => Verdict::from(&conflict("the payment was made before it could be canceled; refund it")),
            Some(Status::Authorized) => Verdict::from(&conflict("the provider still holds the authorization")),
            _ => Verdict::Done,
        }
    }
}

impl Planned for Reverse {
    const CLASS: Class = Class::Return;
    const TAKES: bool = false;

    fn number(&self, scope: Scope<'_>, _: AttemptNo) -> Result<ProviderNo, Invalid> {
        scope.profile.part_number.form_part(scope.account, &self.order_no, self.refund_no.as_str())
    }

    fn reserve(&self, order: Option<Order>, seed: &Seed, _: Scope<'_>) -> Result<Plan, Error> {
        let (mut order, no) = found(order, &self.order_no, self.attempt)?;
        let attempt = attempt_of(&mut order, no)?;
        let held = attempt.refunds_held()?;
        let rest = attempt.captured.checked_sub(held).unwrap_or_else(|_| Money::zero(held.currency()));
        if rest.is_zero() && attempt.status == Some(Status::Paid) {
            // All of it is given back, or is being: more could only be given from other money.
            return Ok(Plan::Done(order));
        }
        attempt.stop = true;
        if !rest.is_zero() {
            let captured = attempt.captured;
            reserve_part(&mut attempt.refunds, self.refund_no.as_str(), seed, rest, held, captured, "reverse")?;
        }
        Ok(Plan::Send(order))
    }

    fn release(&self, order: &mut Order, attempt: AttemptNo, told: &Told) {
        if let Some(attempt) = order.attempt_mut(attempt) {
            attempt.stop = false;
            apply::release_part(&mut attempt.refunds, self.refund_no.as_str(), told);
        }
        order.version += 1;
    }

    fn verdict(&self, order: &Order, attempt: AttemptNo) -> Verdict {
        order.attempt(attempt).map_or(Verdict::Done, |attempt| done_or_not(&attempt.refunds, self.refund_no.as_str()))
    }
}

impl Planned for Refund {
    const CLASS: Class = Class::Return;
    const TAKES: bool = false;

    fn number(&self, scope: Scope<'_>, _: AttemptNo) -> Result<ProviderNo, Invalid> {
        scope.profile.part_number.form_part(scope.account, &self.order_no, self.refund_no.as_str())
    }

    fn reserve(&self, order: Option<Order>, seed: &Seed, _: Scope<'_>) -> Result<Plan, Error> {
        let (mut order, no) = found(order, &self.order_no, self.attempt)?;
        let attempt = attempt_of(&mut order, no)?;
        if attempt.status != Some(Status::Paid) {
            return Err(conflict(format!("attempt {no} is not paid; there is nothing to refund")));
        }
        let (held, captured) = (attempt.refunds_held()?, attempt.captured);
        reserve_part(&mut attempt.refunds, self.refund_no.as_str(), seed, self.money, held, captured, "refund.money")?;
        Ok(Plan::Send(order))
    }

    fn release(&self, order: &mut Order, attempt: AttemptNo, told: &Told) {
        if let Some(attempt) = order.attempt_mut(attempt) {
            apply::release_part(&mut attempt.refunds, self.refund_no.as_str(), told);
        }
        order.version += 1;
    }

    fn verdict(&self, order: &Order, attempt: AttemptNo) -> Verdict {
        order.attempt(attempt).map_or(Verdict::Done, |attempt| done_or_not(&attempt.refunds, self.refund_no.as_str()))
    }
}

/// Books what a reversal has given back, though it was not known here that it had been taken, under the number that was asked for.
pub(crate) fn book<Op: Operation>(op: &Op, order: &mut Order, attempt: AttemptNo, seed: &Seed, seen: &Seen) {
    let identity = op.identity();
    let number = identity.split_once('/').map(|(_, number)| number).filter(|_| Op::KIND == Kind::Reverse);
    let given = seen.refunds.iter().find(|given| given.number.as_deref() == Some(seed.number.as_str()));
    let (Some(number), Some(given), Some(attempt)) = (number, given, order.attempt_mut(attempt)) else { return };
    if attempt.refunds.iter().any(|part| part.no.as_deref() == Some(number)) {
        return;
    }
    match attempt.refunds.iter_mut().find(|part| part.no.is_none() && part.id.is_some() && part.id == given.id) {
        Some(part) => (part.no, part.seed) = (Some(number.to_owned()), Some(seed.clone())),
        None => attempt.refunds.push(Part::reserved(number, seed, given.money.unwrap_or(attempt.captured))),
    }
    order.version += 1;
}
