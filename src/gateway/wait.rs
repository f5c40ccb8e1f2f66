//! Waiting for the end of a payment, and a fresh action for a payer who took his time.

use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::channel::{Answer, Call};
use super::order::{Attempt, Order, Part, unknown};
use super::send::{Send, Sent};
use super::told::By;
use crate::adapter::{Cancel, Charge, Codec, Confirm, Decoded, Operation, Renewal, Seen};
use crate::env::Mono;
use crate::guard::{Ask, Class, Timing};
use crate::model::{Error, ErrorKind, OrderNo, Payment, Status};

/// Longest pause between looks at an order that other processes may change.
const LOOK: Duration = Duration::from_millis(500);

impl Inner {
    /// Waits until the latest attempt has ended one way or the other and nothing of it is in doubt.
    pub(crate) async fn settled(self: &Arc<Self>, order_no: &OrderNo, call: Call) -> Result<Answer<Payment>, Error> {
        let deadline = self.env.now() + call.timeout;
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            let order = self.load_order(order_no).await?.ok_or_else(|| unknown(order_no))?.value;
            let attempt = order.latest().ok_or_else(|| unknown(order_no))?;
            let payment = order.payment(&self.account, self.payment_ref, attempt.no).ok_or_else(|| unknown(order_no))?;
            if payment.status.is_settled() && !self.is_open(order_no, attempt).await? {
                return Ok(Answer::new(payment, Timing::default()));
            }
            let left = deadline.since(self.env.now());
            if left.is_zero() {
                return Err(Error::new(ErrorKind::InFlight, "it has not come to an end yet").with_payment(payment));
            }
            self.wake_resolver();
            tokio::select! {
                biased;
                _ = changes.changed() => {}
                () = self.env.sleep(left.min(LOOK)) => {}
            }
        }
    }

    /// Whether anything that was asked of an attempt is under way or in doubt.
    async fn is_open(&self, order_no: &OrderNo, attempt: &Attempt) -> Result<bool, Error> {
        for identity in askings(order_no, attempt) {
            let intent = self.load_intent(&self.rows.intent_key(order_no, &identity)).await?;
            if intent.is_some_and(|intent| intent.value.state.is_open()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A fresh action for the same payment.
    pub(crate) async fn renew_action(self: &Arc<Self>, order_no: &OrderNo, call: Call) -> Result<Answer<Payment>, Error> {
        let deadline = self.env.now() + call.timeout;
        let order = self.load_order(order_no).await?.ok_or_else(|| unknown(order_no))?.value;
        let attempt = order.latest().ok_or_else(|| unknown(order_no))?;
        if attempt.status != Some(Status::AwaitingPayer) || attempt.stop {
            return Err(Error::new(ErrorKind::Conflict, "the payment does not wait for its payer"));
        }
        let no = attempt.no;
        let mut timing = Timing::default();
        let key = self.rows.intent_key(order_no, &format!("charge/{no}"));
        let intent = self.load_intent(&key).await?.ok_or_else(|| unknown(order_no))?.value;
        let (op, draft) = (self.rows.open_op::<Charge>(&key, &intent)?, self.rows.open_draft(&key, &intent)?);
        let adapter = self.adapter();
        let codec = adapter.charge();
        let renewal = codec.renewal(&op, &draft);
        let may_resend = self.may_replay(&op, &draft, &intent, codec);
        match renewal {
            Renewal::Query => {
                self.refresh(order_no, no, Class::Query, deadline).await?;
            }
            Renewal::Sign | Renewal::Resend if renewal == Renewal::Sign || may_resend => {
                let seen = self.present_again(codec, &draft, intent.sends + 1, deadline, &mut timing).await?;
                self.observe(order_no, no, &seen, By::Replay).await?;
            }
            _ => return Err(Error::new(ErrorKind::Unsupported, "the action cannot be renewed; cancel and charge again")),
        }
        let order: Order = self.load_order(order_no).await?.ok_or_else(|| unknown(order_no))?.value;
        let payment = order.payment(&self.account, self.payment_ref, no).ok_or_else(|| unknown(order_no))?;
        Ok(Answer::new(payment, timing))
    }

    async fn present_again(
        &self,
        codec: &dyn Codec<Charge>,
        draft: &crate::adapter::Draft,
        number: u32,
        deadline: Mono,
        timing: &mut Timing,
    ) -> Result<Box<Seen>, Error> {
        let adapter = self.adapter();
        let ask = Ask { class: Class::Charge, deadline };
        let admitted = self.guards.admit(&ask, timing).await;
        let mut admitted = admitted.map_err(|refusal| Error::new(ErrorKind::Refused, refusal.to_string()))?;
        let until = self.guards.until(Class::Charge, self.env.now(), deadline);
        let sent = self.send(&**adapter, codec, Send { draft, number, until, deadline }, &mut admitted, timing).await;
        admitted.report(sent.signal());
        match sent {
            Sent::Presented(seen) | Sent::Answer(Decoded::Done(seen)) => Ok(seen),
            _ => Err(Error::new(ErrorKind::NotNow, "the provider gave no fresh action").with_cause("try again in a moment")),
        }
    }
}

/// The names of whatever may have been asked of an attempt and not come to its end.
fn askings(order_no: &OrderNo, attempt: &Attempt) -> Vec<String> {
    let mut names = vec![format!("charge/{}", attempt.no)];
    if attempt.rounds > 0 {
        names.push(Confirm::new(order_no.clone(), attempt.rounds).on(attempt.no).identity());
    }
    if attempt.stop {
        names.push(Cancel::new(order_no.clone()).on(attempt.no).identity());
    }
    let pending = |parts: &[Part]| -> Vec<String> {
        let pending = parts.iter().filter(|part| !part.status.is_settled());
        pending.filter_map(|part| part.no.clone()).collect()
    };
    names.extend(pending(&attempt.captures).iter().map(|no| format!("capture/{no}")));
    names.extend(pending(&attempt.refunds).iter().flat_map(|no| [format!("refund/{no}"), format!("reverse/{no}")]));
    names
}
