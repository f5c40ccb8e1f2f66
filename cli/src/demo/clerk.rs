//! What the demo's shop does with an order: exactly what each error says may be done.

use std::sync::Arc;
use std::time::Duration;

use paysluice::adapter::{Charge, Query};
use paysluice::env::{Env, Mono};
use paysluice::gateway::{Answer, Call, Gateway, Outcome, PaymentChannel};
use paysluice::model::{AttemptNo, Error, ErrorKind, Fate, Next, PartStatus, Payment, RefundNo, Status};

use super::channel::Channel;
use super::diary::{Asked, Diary};
use super::order::Order;
use super::till::Till;

/// How long one call may take: longer than a slow answer, so that most faults are overcome within it.
const CALL: Duration = Duration::from_secs(4);

/// How long the shop waits for a callback before it asks.
const NOTICE: Duration = Duration::from_millis(400);

/// Attempts of one order before the shop gives up.
pub(crate) const ATTEMPTS: u32 = 5;

/// One clerk at one channel's till.
#[derive(Clone, Debug)]
pub(crate) struct Clerk {
    pub(crate) env: Env,
    pub(crate) gateway: Gateway,
    channel: Arc<dyn Channel>,
    until: Mono,
}

impl Clerk {
    pub(crate) fn new(env: Env, till: &Till, until: Mono) -> Self {
        Self { env, gateway: till.gateway.clone(), channel: Arc::clone(&till.channel), until }
    }

    /// Brings an order to its end.
    pub(crate) async fn serve(&self, order: &Order) -> Diary {
        let mut diary = Diary::default();
        if let Err(error) = self.channel.serve(self, order, &mut diary).await {
            diary.stuck = Some(format!("{} by {}: {error}", order.no, self.channel.name()));
        }
        diary
    }

    /// Charges, by one attempt after the other, until one has the money.
    pub(crate) async fn pay(&self, order: &Order, diary: &mut Diary) -> Result<Payment, Error> {
        let mut attempt = AttemptNo::FIRST;
        while attempt.get() <= ATTEMPTS {
            let payment = match self.charge(order, self.channel.charge(order, attempt), diary).await {
                Ok(payment) if payment.status == Status::AwaitingPayer => {
                    self.channel.payer_acts(&payment)?;
                    self.paid(order, diary).await?
                }
                Ok(payment) if !payment.status.is_settled() => self.settled(order, diary).await?,
                Ok(payment) => payment,
                // A number that can bring nothing any more says so as a conflict.
                Err(error) if matches!(error.kind(), ErrorKind::Declined | ErrorKind::Conflict) => {
                    attempt = attempt.next();
                    continue;
                }
                Err(error) => return Err(error),
            };
            if payment.status.is_success() {
                return Ok(payment);
            }
            attempt = attempt.next();
        }
        Err(Error::new(ErrorKind::Declined, "every attempt was in vain"))
    }

    /// One attempt's charge, asked for by one clerk or by two at once.
    pub(crate) async fn charge(&self, order: &Order, charge: Charge, diary: &mut Diary) -> Result<Payment, Error> {
        let asked = Asked::Charge(charge.attempt);
        let ask = self.ask(diary, asked, |clerk, call| {
            let (gateway, charge, by_two) = (&clerk.gateway, charge.clone(), order.by_two);
            Box::pin(async move {
                if !by_two {
                    return gateway.charge(charge, call).await;
                }
                let (one, other) = tokio::join!(gateway.charge(charge.clone(), call), gateway.charge(charge, call));
                one.or(other)
            })
        });
        match ask.await {
            Err(error) if error.fate() == Fate::Unknown => self.settled(order, diary).await,
            answer => answer,
        }
    }

    /// The payer has acted: waits for the callback that says so, and asks where none comes.
    pub(crate) async fn paid(&self, order: &Order, diary: &mut Diary) -> Result<Payment, Error> {
        while self.env.now() + NOTICE < self.until {
            match self.gateway.settled(order.no.clone(), Call::within(NOTICE)).await {
                Err(error) if error.kind() == ErrorKind::InFlight => {}
                _ => break,
            }
            // Whatever it answers, `settled` knows more: a callback may have come meanwhile.
            let _ = self.gateway.query(Query::new(order.no.clone()), Call::within(CALL)).await;
        }
        self.settled(order, diary).await
    }

    /// Waits for the end of an order's payment, and notes it.
    pub(crate) async fn settled(&self, order: &Order, diary: &mut Diary) -> Result<Payment, Error> {
        let left = self.until.since(self.env.now());
        let payment = self.gateway.settled(order.no.clone(), Call::within(left)).await?.value;
        let fate = if payment.status.is_success() { Fate::Applied } else { Fate::NotApplied };
        diary.note(Asked::Charge(payment.attempt), fate, self.env.wall(), Some(&payment));
        Ok(payment)
    }

    /// Waits for the end of a refund that was accepted, and asks where nobody tells it.
    pub(crate) async fn returned(&self, order: &Order, number: &RefundNo) -> Result<PartStatus, Error> {
        loop {
            let payment = self.gateway.payment(&order.no).await?;
            let part = payment.refunds.iter().find(|part| part.refund_no.as_ref() == Some(number));
            let status = part.map_or(PartStatus::Pending, |part| part.status.clone());
            if status.is_settled() || self.env.now() + NOTICE >= self.until {
                return Ok(status);
            }
            self.env.sleep(Duration::from_millis(50)).await;
        }
    }

    /// Asks until the fate is known, doing what each error says may be done.
    pub(crate) async fn ask<F>(&self, diary: &mut Diary, asked: Asked, operation: F) -> Result<Payment, Error>
    where
        F: for<'a> Fn(&'a Self, Call) -> Outcome<'a>,
    {
        diary.operations += 1;
        let mut doubted = false;
        loop {
            let answer: Result<Answer<Payment>, Error> = operation(self, Call::within(CALL)).await;
            let at = self.env.wall();
            let error = match answer {
                Ok(answer) => {
                    diary.calls += 1;
                    diary.timing.merge(&answer.timing);
                    // A charge that waits for its payer or its bank is made, but no money has moved yet; nor by what is only accepted.
                    let moved = match asked {
                        Asked::Charge(_) => answer.value.status.is_success(),
                        Asked::Return(_) => false,
                        _ => true,
                    };
                    let fate = if moved { Fate::Applied } else { Fate::Unknown };
                    diary.note(asked, fate, at, Some(&answer.value));
                    diary.resolved += u64::from(doubted);
                    return Ok(answer.value);
                }
                Err(error) => error,
            };
            diary.note(asked, error.fate(), at, error.payment());
            if error.fate() == Fate::Unknown && !doubted {
                doubted = true;
                diary.doubted += 1;
            } else if error.fate() != Fate::Unknown && doubted {
                (doubted, diary.resolved) = (false, diary.resolved + 1);
            }
            let wait = match error.next() {
                Next::Resend { after } => after.min(Duration::from_millis(200)),
                // The same numbers again are a question: they join what is under way, or get its answer.
                Next::Query => Duration::from_millis(50),
                // The attempt before is being ended; what is to be changed changes by itself.
                Next::Fix if error.kind() == ErrorKind::StillPayable => Duration::from_millis(200),
                Next::Fix | Next::Later | Next::Stop => return Err(error),
            };
            if self.env.now() + wait >= self.until {
                return Err(error);
            }
            self.env.sleep(wait).await;
        }
    }
}
