//! What the demo's shop does with an order: exactly what each error says may be done, and a diary of what it was told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use paysluice::adapter::{Cancel, Capture, Charge, Method, Query, Refund};
use paysluice::env::{Env, Mono, Rng, SeededRng};
use paysluice::gateway::{Answer, Call, Gateway, Outcome, PaymentChannel};
use paysluice::guard::Timing;
use paysluice::model::{
    AttemptNo, CaptureNo, Currency, Error, ErrorKind, Fate, Invalid, Money, Next, OrderNo, Payment, RefundNo, Status,
};
use paysluice_sandbox::Sandbox;

use super::world::World;

/// How long one call may take: longer than a slow answer, so that most faults are overcome within it.
const CALL: Duration = Duration::from_secs(4);

/// Attempts of one order before the shop gives up.
const ATTEMPTS: u32 = 5;

/// What is wanted of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Its money, at once.
    Pay,
    /// Its money reserved, and then all or a part of it taken.
    Capture { all: bool },
    /// Its money, and then a part or two of it given back.
    Refund { twice: bool },
    /// Its money reserved, and let go.
    Cancel,
    /// A first card that is declined, and then a good one.
    Decline,
    /// A card whose bank wants to see the payer.
    Challenge,
}

/// An order of the demo.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) no: OrderNo,
    money: Money,
    wish: Wish,
    /// Two clerks ask for its payment at once.
    by_two: bool,
}

/// The orders that a seed makes.
pub(crate) fn orders(count: u32, seed: u64) -> Result<Vec<Order>, String> {
    let rng = SeededRng::new(seed);
    let order = |index: u32| {
        let wish = match rng.next_u64() % 100 {
            0..70 => Wish::Pay,
            70..78 => Wish::Capture { all: rng.next_u64().is_multiple_of(2) },
            78..86 => Wish::Refund { twice: rng.next_u64().is_multiple_of(2) },
            86..91 => Wish::Cancel,
            91..97 => Wish::Decline,
            _ => Wish::Challenge,
        };
        let cents = 1_000 + i64::try_from(rng.next_u64() % 99_000).unwrap_or(0);
        let money = Money::new(cents, Currency::USD)?;
        let by_two = rng.next_u64().is_multiple_of(20);
        Ok(Order { no: OrderNo::new(format!("demo-{seed}-{index:05}"))?, money, wish, by_two })
    };
    (0..count).map(order).collect::<Result<_, Invalid>>().map_err(|invalid| invalid.to_string())
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Charge(AttemptNo),
    Capture(Money),
    Cancel,
    Refund(Money),
}

/// What the shop was told, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) asked: Asked,
    pub(crate) fate: Fate,
    pub(crate) at: SystemTime,
}

/// Everything about one order.
#[derive(Debug, Default)]
pub(crate) struct Diary {
    pub(crate) lines: Vec<Line>,
    /// Operations with different numbers.
    pub(crate) operations: u64,
    /// Operations of which the shop was told that nobody knows.
    pub(crate) doubted: u64,
    /// Those of them whose fate came to be known.
    pub(crate) resolved: u64,
    /// Calls that were answered, and their times.
    pub(crate) calls: u32,
    pub(crate) timing: Timing,
    /// The bank's names of the attempts' payments, as far as they were told.
    pub(crate) ids: BTreeMap<AttemptNo, String>,
    /// Why the order did not come to the end it should have.
    pub(crate) stuck: Option<String>,
}

impl Diary {
    fn note(&mut self, asked: Asked, fate: Fate, at: SystemTime, payment: Option<&Payment>) {
        self.lines.push(Line { asked, fate, at });
        if let Some((payment, id)) = payment.and_then(|payment| Some((payment, payment.provider_id.as_ref()?))) {
            self.ids.insert(payment.attempt, id.clone());
        }
    }
}

/// One clerk.
#[derive(Clone, Debug)]
pub(crate) struct Shop {
    env: Env,
    gateway: Gateway,
    sandbox: Sandbox,
    until: Mono,
}

impl Shop {
    pub(crate) fn new(env: Env, world: &World, until: Mono) -> Arc<Self> {
        Arc::new(Self { env, gateway: world.gateway.clone(), sandbox: world.sandbox.clone(), until })
    }

    /// Brings an order to its end.
    pub(crate) async fn serve(&self, order: &Order) -> Diary {
        let mut diary = Diary::default();
        if let Err(error) = self.fulfil(order, &mut diary).await {
            diary.stuck = Some(format!("{}: {error}", order.no));
        }
        diary
    }

    async fn fulfil(&self, order: &Order, diary: &mut Diary) -> Result<(), Error> {
        let payment = self.pay(order, diary).await?;
        let no = || order.no.clone();
        match order.wish {
            Wish::Pay | Wish::Decline | Wish::Challenge => {}
            Wish::Capture { all } => {
                let money = if all { order.money } else { part(order.money, 2)? };
                let capture = Capture::new(no(), CaptureNo::new("c1")?, money);
                self.ask(diary, Asked::Capture(money), |shop, call| shop.gateway.capture(capture.clone(), call)).await?;
            }
            Wish::Cancel => {
                let cancel = Cancel::new(no());
                self.ask(diary, Asked::Cancel, |shop, call| shop.gateway.cancel(cancel.clone(), call)).await?;
            }
            Wish::Refund { twice } => {
                for (number, share) in [("r1", 3), ("r2", 4)].into_iter().take(1 + usize::from(twice)) {
                    let money = part(payment.money, share)?;
                    let refund = Refund::new(no(), RefundNo::new(number)?, money);
                    self.ask(diary, Asked::Refund(money), |shop, call| shop.gateway.refund(refund.clone(), call)).await?;
                }
            }
        }
        Ok(())
    }

    /// Charges, by one attempt after the other, until one has the money.
    async fn pay(&self, order: &Order, diary: &mut Diary) -> Result<Payment, Error> {
        let mut attempt = AttemptNo::FIRST;
        while attempt.get() <= ATTEMPTS {
            let charge = charge(order, attempt);
            let payment = match self.charge(order, charge, diary).await {
                Ok(payment) if payment.status == Status::AwaitingPayer => self.authenticate(order, &payment, diary).await?,
                Ok(payment) if !payment.status.is_settled() => self.settled(order, diary).await?,
                Ok(payment) => payment,
                Err(error) if error.kind() == ErrorKind::Declined => {
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

    async fn charge(&self, order: &Order, charge: Charge, diary: &mut Diary) -> Result<Payment, Error> {
        let ask = self.ask(diary, Asked::Charge(charge.attempt), |shop, call| {
            let (gateway, charge, by_two) = (&shop.gateway, charge.clone(), order.by_two);
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

    /// The payer comes to the bank's page and agrees; then the shop asks, as it would when the browser comes back.
    async fn authenticate(&self, order: &Order, payment: &Payment, diary: &mut Diary) -> Result<Payment, Error> {
        if let Some(id) = &payment.provider_id {
            self.sandbox.payer_approves(id).map_err(|why| Error::new(ErrorKind::Conflict, why))?;
        }
        // Whatever it answers, `settled` knows more: a callback may have come meanwhile.
        let _ = self.gateway.query(Query::new(order.no.clone()), Call::within(CALL)).await;
        self.settled(order, diary).await
    }

    /// Waits for the end of an order's payment, and notes it.
    async fn settled(&self, order: &Order, diary: &mut Diary) -> Result<Payment, Error> {
        let left = self.until.since(self.env.now());
        let payment = self.gateway.settled(order.no.clone(), Call::within(left)).await?.value;
        let fate = if payment.status.is_success() { Fate::Applied } else { Fate::NotApplied };
        diary.note(Asked::Charge(payment.attempt), fate, self.env.wall(), Some(&payment));
        Ok(payment)
    }

    /// Asks until the fate is known, doing what each error says may be done.
    async fn ask<F>(&self, diary: &mut Diary, asked: Asked, operation: F) -> Result<Payment, Error>
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
                    // A charge that waits for its payer or its bank is made, but no money has moved yet.
                    let moved = !matches!(asked, Asked::Charge(_)) || answer.value.status.is_success();
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

fn charge(order: &Order, attempt: AttemptNo) -> Charge {
    let card = match (order.wish, attempt == AttemptNo::FIRST) {
        (Wish::Decline, true) => "pm_card_chargeDeclined",
        (Wish::Challenge, _) => "pm_card_authenticationRequired",
        _ => "pm_card_visa",
    };
    let charge = Charge::new(order.no.clone(), order.money, Method::Token(card.to_owned())).attempt(attempt);
    let charge = charge.return_url("https://shop.example/back");
    if matches!(order.wish, Wish::Capture { .. } | Wish::Cancel) { charge.capture_later() } else { charge }
}

/// One part of `of`, rounded down to the cent.
fn part(money: Money, of: i64) -> Result<Money, Error> {
    Ok(Money::new(money.minor().checked_div(of).unwrap_or(0), money.currency())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_orders_in_the_mix_promised() {
        let (a, b) = (orders(1000, 7).unwrap(), orders(1000, 7).unwrap());
        assert!(a.iter().zip(&b).all(|(a, b)| (&a.no, a.money, a.wish) == (&b.no, b.money, b.wish)));
        let share = |fits: fn(Wish) -> bool| a.iter().filter(|order| fits(order.wish)).count();
        assert!((650..750).contains(&share(|wish| wish == Wish::Pay)));
        assert!((30..100).contains(&share(|wish| wish == Wish::Decline)));
        assert!((10..60).contains(&share(|wish| wish == Wish::Challenge)));
        assert!((50..110).contains(&share(|wish| matches!(wish, Wish::Refund { .. }))));
    }
}
