//! An order that was paid more than once: what came after the first is given back, when somebody says so.

use std::sync::Arc;

use super::Inner;
use super::channel::{Answer, Call};
use super::order::{Attempt, unknown};
use crate::adapter::{Cancel, Operation, Refund};
use crate::model::{Error, ErrorKind, OrderNo, Payment, RefundNo, Status};

impl Inner {
    /// Gives back the money of every attempt but the first that holds any. The same refund number each time, so that it can be
    /// repeated until it is through.
    pub(crate) async fn return_duplicates(self: &Arc<Self>, order_no: &OrderNo, call: Call) -> Result<Answer<Payment>, Error> {
        let deadline = self.env.now() + call.timeout;
        let order = self.load_order(order_no).await?.ok_or_else(|| unknown(order_no))?.value;
        let holds = |attempt: &&Attempt| attempt.status.as_ref().is_some_and(Status::is_success);
        let mut answer = None;
        for attempt in order.attempts.iter().filter(holds).skip(1) {
            let call = Call::within(deadline.since(self.env.now()));
            let given = if attempt.status == Some(Status::Authorized) {
                self.operate(Cancel::new(order_no.clone()).on(attempt.no), call).await?
            } else {
                let number = RefundNo::new(format!("duplicate-{}", attempt.no))?;
                let refund = Refund::new(order_no.clone(), number, attempt.captured).reason("duplicate").on(attempt.no);
                self.operate(refund, call).await?
            };
            answer = Some(given);
        }
        answer.ok_or_else(|| Error::new(ErrorKind::Conflict, format!("order {order_no} was not paid by a second attempt")))
    }
}
