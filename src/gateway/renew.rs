//! A fresh action for a payer who took his time: by asking, by signing again, or by the same bytes under the same key.

use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::channel::{Answer, Call};
use super::intent::State;
use super::order::{Order, unknown};
use super::rows;
use super::run::{GRACE, NEEDS};
use super::send::{Send, Sent};
use super::told::By;
use crate::adapter::{Charge, Decoded, Draft, Renewal, Seen};
use crate::env::Mono;
use crate::guard::{Ask, Class, Timing};
use crate::model::{AttemptNo, Error, ErrorKind, OrderNo, Payment, Status};
use crate::store::{Commit, Expect, Key};

/// A charge whose action is made fresh.
struct Stale {
    order_no: OrderNo,
    attempt: AttemptNo,
    key: Key,
    draft: Draft,
    renewal: Renewal,
}

impl Inner {
    /// A fresh action for the same payment.
    pub(crate) async fn renew_action(self: &Arc<Self>, order_no: &OrderNo, call: Call) -> Result<Answer<Payment>, Error> {
        let deadline = self.env.now() + call.timeout;
        let order = self.load_order(order_no).await?.ok_or_else(|| unknown(order_no))?.value;
        let no = order.latest().ok_or_else(|| unknown(order_no))?.no;
        waits_for_its_payer(&order, no)?;
        let mut timing = Timing::default();
        let seen = match self.stale(&order, no).await? {
            None => self.refresh(order_no, no, Class::Query, deadline).await?,
            Some(stale) => {
                let seen = self.present_again(&stale, deadline, &mut timing).await?;
                self.observe(order_no, no, &seen, By::Replay).await?;
                Some(seen)
            }
        };
        let waits = |seen: &Seen| seen.status == Some(Status::AwaitingPayer) && seen.action.is_none();
        if seen.as_deref().is_none_or(waits) {
            return Err(none_fresh());
        }
        let order: Order = self.load_order(order_no).await?.ok_or_else(|| unknown(order_no))?.value;
        let payment = order.payment(&self.account, self.payment_ref, no).ok_or_else(|| unknown(order_no))?;
        Ok(Answer::new(payment, timing))
    }

    /// The charge to send or sign again; none where the provider is asked. One that was adopted has no draft.
    async fn stale(&self, order: &Order, attempt: AttemptNo) -> Result<Option<Stale>, Error> {
        let key = self.rows.intent_key(&order.order_no, &format!("charge/{attempt}"));
        let Some(intent) = self.load_intent(&key).await?.filter(|intent| intent.value.draft.is_some()) else { return Ok(None) };
        let (op, draft) = (self.rows.open_op::<Charge>(&key, &intent.value)?, self.rows.open_draft(&key, &intent.value)?);
        let adapter = self.adapter();
        let renewal = adapter.charge().renewal(&op, &draft);
        match renewal {
            Renewal::Query => Ok(None),
            Renewal::Never => Err(unrenewable()),
            Renewal::Resend if !self.may_replay(&op, &draft, &intent.value, adapter.charge()) => Err(unrenewable()),
            Renewal::Sign | Renewal::Resend => Ok(Some(Stale { order_no: order.order_no.clone(), attempt, key, draft, renewal })),
        }
    }

    /// Signs the draft again and sends it, if it is one to send, fetching what access that needs.
    async fn present_again(&self, stale: &Stale, deadline: Mono, timing: &mut Timing) -> Result<Box<Seen>, Error> {
        for _ in 0..=NEEDS {
            let adapter = self.adapter();
            for want in adapter.profile().access {
                self.access.ensure(want, self.means(&**adapter), deadline).await?;
            }
            let ask = Ask { class: Class::Charge, deadline };
            let mut admitted = self.guards.admit(&ask, timing).await.map_err(|refusal| {
                let error = Error::new(ErrorKind::Refused, refusal.to_string());
                match refusal.after {
                    Some(after) => error.with_after(after),
                    None => error,
                }
            })?;
            let now = self.env.now();
            let until = self.guards.until(Class::Charge, now, deadline);
            let number = self.renewing(stale, until.since(now)).await?;
            let send = Send { draft: &stale.draft, number, until, deadline };
            let sent = self.send(&**adapter, adapter.charge(), send, &mut admitted, timing).await;
            admitted.report(sent.signal());
            match sent {
                Sent::Presented(seen) | Sent::Answer(Decoded::Done(seen)) => return Ok(seen),
                Sent::Need(want) => self.access.ensure(&want, self.means(&**adapter), deadline).await?,
                Sent::Answer(_) | Sent::Miss(_) => return Err(none_fresh()),
            }
        }
        Err(Error::new(ErrorKind::Refused, "access was granted and not enough"))
    }

    /// Stores that the charge is sent again, over the order's row as it stands: a cancel that came meanwhile forbids it, and one
    /// that comes later knows. If the answer is lost, whoever works off what is due looks at the payment soon.
    async fn renewing(&self, stale: &Stale, send_for: Duration) -> Result<u32, Error> {
        let order = self.load_order(&stale.order_no).await?.ok_or_else(|| unknown(&stale.order_no))?;
        waits_for_its_payer(&order.value, stale.attempt)?;
        let Some(mut intent) = self.load_intent(&stale.key).await? else { return Err(none_fresh()) };
        let number = intent.value.sends.saturating_add(1);
        if stale.renewal == Renewal::Sign {
            return Ok(number);
        }
        if !matches!(intent.value.state, State::Watched { .. }) {
            return Err(none_fresh());
        }
        intent.value.sends = number;
        let due = Some(send_for + GRACE);
        let order = self.rows.put_order(&order.value, Expect::Ver(order.ver))?;
        let sending = rows::put_intent(stale.key.clone(), &intent.value, Expect::Ver(intent.ver), due)?;
        match self.commit(&[order, sending]).await? {
            Commit::Done(_) => Ok(number),
            Commit::Lost { .. } => Err(none_fresh()),
        }
    }
}

fn waits_for_its_payer(order: &Order, no: AttemptNo) -> Result<(), Error> {
    match order.attempt(no) {
        Some(attempt) if attempt.status == Some(Status::AwaitingPayer) && !attempt.stop => Ok(()),
        _ => Err(Error::new(ErrorKind::Conflict, "the payment does not wait for its payer")),
    }
}

fn unrenewable() -> Error {
    Error::new(ErrorKind::Unsupported, "the action cannot be renewed; cancel and charge again")
}

fn none_fresh() -> Error {
    Error::new(ErrorKind::NotNow, "the provider gave no fresh action").with_cause("try again in a moment")
}
