//! Waiting for the end of a payment.

use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::channel::{Answer, Call};
use super::order::{Attempt, Part, unknown};
use crate::adapter::{Cancel, Confirm, Operation};
use crate::guard::Timing;
use crate::model::{Error, ErrorKind, OrderNo, Payment};

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
