//! What a worker does with an order: exactly what each error says may be done, and every asking and every answer written down.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use paysluice::adapter::{Cancel, Capture, Refund};
use paysluice::env::{Env, Mono};
use paysluice::gateway::{Call, Gateway, PaymentChannel};
use paysluice::model::{AttemptNo, CaptureNo, Error, ErrorKind, Money, Next, Payment, RefundNo, Status};

use super::channels::WAYS;
use super::journal::{Journal, Line, Note, Word, millis};
use super::orders::{Asked, Order, Wish};

/// How long one call may take.
const CALL: Duration = Duration::from_secs(4);

/// A worker at work.
#[derive(Debug)]
pub(super) struct Clerk {
    pub(super) env: Env,
    /// By place in [`WAYS`].
    pub(super) gateways: Vec<Gateway>,
    pub(super) journal: Journal,
    pub(super) askings: AtomicU64,
}

impl Clerk {
    /// Does with an order what that worker does, at most so long.
    pub(super) async fn serve(&self, order: &Order, worker: usize, patience: Duration) {
        // Whatever ends it early has been written down; who comes later goes on.
        let _ = self.fulfil(order, worker, self.env.now() + patience).await;
    }

    /// Brings an order to its end, whatever became of it before.
    pub(super) async fn close(&self, order: &Order, patience: Duration) {
        for worker in &order.askers {
            self.serve(order, *worker, patience).await;
        }
        let Some(gateway) = self.gateways.get(order.way) else { return };
        let waits = |payment: &Payment| matches!(payment.status, Status::AwaitingPayer | Status::Authorized);
        if gateway.payment(&order.no).await.is_ok_and(|payment| waits(&payment)) {
            let _ = self.ask(order, Asked::Cancel, self.env.now() + patience).await;
        }
    }

    async fn fulfil(&self, order: &Order, worker: usize, until: Mono) -> Result<(), Error> {
        let payment = self.charged(order, until).await?;
        match order.wish {
            Wish::Fork if worker.is_multiple_of(2) => {
                self.ask(order, Asked::Capture(order.money.minor()), until).await?;
            }
            Wish::Fork | Wish::Leave => {
                self.ask(order, Asked::Cancel, until).await?;
            }
            Wish::Late => {
                self.env.sleep(order.payer).await;
                self.ask(order, Asked::Cancel, until).await?;
            }
            Wish::Refunds | Wish::Rivals if payment.status == Status::Paid => {
                for (number, minor) in order.refunds(worker) {
                    self.ask(order, Asked::Refund(number, minor), until).await?;
                }
            }
            Wish::Pay | Wish::Decline | Wish::Refunds | Wish::Rivals => {}
        }
        Ok(())
    }

    /// Charges, by a second attempt where the first was declined, and waits for its end where there is one to wait for.
    async fn charged(&self, order: &Order, until: Mono) -> Result<Payment, Error> {
        let charged = match self.ask(order, Asked::Charge(1), until).await {
            Err(error) if error.kind() == ErrorKind::Declined && order.wish == Wish::Decline => {
                self.ask(order, Asked::Charge(2), until).await
            }
            charged => charged,
        }?;
        if charged.status.is_settled() || matches!(order.wish, Wish::Leave | Wish::Late) {
            return Ok(charged);
        }
        let gateway = self.gateways.get(order.way).ok_or_else(nowhere)?;
        let settled = gateway.settled(order.no.clone(), Call::within(until.since(self.env.now()))).await;
        settled.map(|answer| answer.value)
    }

    /// Asks until it is known what became of it.
    async fn ask(&self, order: &Order, asked: Asked, until: Mono) -> Result<Payment, Error> {
        loop {
            let asking = self.askings.fetch_add(1, Ordering::Relaxed);
            let line = Line { order: order.no.to_string(), asked: asked.clone(), asking, from: millis(self.env.wall()) };
            self.journal.note(&Note::Asks(line.clone()));
            let answer = self.once(order, &asked).await;
            self.journal.note(&Note::Told(line, Word::of(&asked, &answer, &self.env)));
            let error = match answer {
                Ok(answer) => return Ok(answer.value),
                Err(error) => error,
            };
            let wait = match error.next() {
                Next::Resend { after } => after.min(Duration::from_millis(300)),
                Next::Query => Duration::from_millis(100),
                Next::Fix if error.kind() == ErrorKind::StillPayable => Duration::from_millis(200),
                Next::Fix | Next::Later | Next::Stop => return Err(error),
            };
            if self.env.now() + wait >= until {
                return Err(error);
            }
            self.env.sleep(wait).await;
        }
    }

    async fn once(&self, order: &Order, asked: &Asked) -> Result<paysluice::gateway::Answer<Payment>, Error> {
        let (gateway, way) = self.gateways.get(order.way).zip(WAYS.get(order.way)).ok_or_else(nowhere)?;
        let (no, call) = (order.no.clone(), Call::within(CALL));
        let money = |minor: i64| Money::new(minor, order.money.currency());
        match asked {
            Asked::Charge(attempt) => gateway.charge(way.charge(order, AttemptNo::new(*attempt)?), call).await,
            Asked::Capture(minor) => gateway.capture(Capture::new(no, CaptureNo::new("c1")?, money(*minor)?), call).await,
            Asked::Refund(number, minor) => {
                gateway.refund(Refund::new(no, RefundNo::new(number.as_str())?, money(*minor)?), call).await
            }
            Asked::Cancel => gateway.cancel(Cancel::new(no), call).await,
        }
    }
}

fn nowhere() -> Error {
    Error::new(ErrorKind::Invalid, "no such way to pay")
}
