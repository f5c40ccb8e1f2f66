//! A bad week in virtual time: random operations in a storm of faults; the laws hold for every seed, and a seed runs twice alike.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use paysluice::adapter::{Cancel, Capture, Query, Refund};
use paysluice::env::{Rng, SeededRng};
use paysluice::gateway::{Answer, PaymentChannel, ToldChange};
use paysluice::model::{AttemptNo, CaptureNo, Error, Fate, Payment, RefundNo, Status};
use paysluice_sandbox::{FaultTable, SandboxConfig};
use paysluice_tests::ear::Ear;
use paysluice_tests::{Setup, World, call, eur, fate, on_virtual_time, order, with_card};

const ORDERS: u64 = 6;
const STEPS: u32 = 30;
const METHODS: [&str; 6] = [
    "pm_card_visa",
    "pm_card_visa",
    "pm_card_chargeDeclined",
    "pm_card_threeDSecure2Required",
    "pm_card_processing",
    "pm_card_pendingRefund",
];

type Outcome = Result<Answer<Payment>, Error>;

/// What one order's teller was told, and what the application meant.
#[derive(Debug, Default)]
struct Told {
    charge_not_applied: bool,
    captures: BTreeMap<String, (i64, Fate)>,
    refunds: BTreeMap<String, (i64, Fate)>,
    canceled: bool,
}

/// One run: its trace, for comparison with the same seed's other run.
struct Run {
    world: World,
    ear: Arc<Ear>,
    rng: SeededRng,
    told: BTreeMap<u64, Told>,
    attempts: BTreeMap<u64, u32>,
    trace: String,
}

impl Run {
    fn draw(&self, below: u64) -> u64 {
        self.rng.next_u64() % below
    }

    fn note(&mut self, what: &str, told: &Outcome) {
        let shown = match told {
            Ok(answer) => format!("{} {} {}", answer.value.status, answer.value.captured, answer.value.refunded),
            Err(error) => error.to_string(),
        };
        writeln!(self.trace, "{:?} {what}: {shown}", self.world.env.now()).unwrap();
    }

    async fn step(&mut self) {
        let n = self.draw(ORDERS);
        let (no, gateway) = (order(&format!("o{n}")), self.world.gateway.clone());
        match self.draw(10) {
            0..=3 => self.charge(n).await,
            4 => {
                let number = format!("c{}", self.draw(2));
                let cents = 300 + 100 * (n % 3).cast_signed();
                let capture = Capture::new(no, CaptureNo::new(number.clone()).unwrap(), eur(cents));
                let told = gateway.capture(capture, call()).await;
                self.note(&format!("capture o{n} {number}"), &told);
                self.told.entry(n).or_default().captures.insert(number, (cents, fate(&told)));
            }
            5..=6 => {
                let number = format!("r{}", self.draw(4));
                let cents = 100 + 50 * i64::from(number.ends_with('1'));
                let refund = Refund::new(no, RefundNo::new(number.clone()).unwrap(), eur(cents));
                let told = gateway.refund(refund, call()).await;
                self.note(&format!("refund o{n} {number}"), &told);
                self.told.entry(n).or_default().refunds.insert(number, (cents, fate(&told)));
            }
            7 => {
                let told = gateway.cancel(Cancel::new(no), call()).await;
                self.note(&format!("cancel o{n}"), &told);
                self.told.entry(n).or_default().canceled |= told.is_ok();
            }
            8 => {
                let told = gateway.query(Query::new(no), call()).await;
                self.note(&format!("query o{n}"), &told);
            }
            _ => {
                let intents = self.world.sandbox.intents();
                if !intents.is_empty() {
                    let intent = &intents[usize::try_from(self.draw(intents.len() as u64)).unwrap()];
                    let answer = match self.draw(3) {
                        0 => self.world.sandbox.payer_declines(intent),
                        _ => self.world.sandbox.payer_approves(intent),
                    };
                    writeln!(self.trace, "{:?} payer {intent}: {answer:?}", self.world.env.now()).unwrap();
                }
            }
        }
    }

    /// The attempt that stands, or the next if it was declined: what an honest application asks for.
    async fn charge(&mut self, n: u64) {
        let no = format!("o{n}");
        let declined = self.world.gateway.payment(&order(&no)).await.is_ok_and(|payment| payment.status == Status::Declined);
        let attempt = self.attempts.entry(n).or_insert(1);
        *attempt += u32::from(declined);
        let attempt = *attempt;
        // The same attempt is asked for with the same method: another would be a conflict.
        let method = METHODS[usize::try_from((n * 7 + u64::from(attempt) * 5) % 6).unwrap()];
        let mut number = AttemptNo::FIRST;
        for _ in 1..attempt {
            number = number.next();
        }
        let mut charge = with_card(&no, method).attempt(number).return_url("https://shop.invalid");
        if n % 2 == 1 {
            charge = charge.capture_later();
        }
        let told = self.world.gateway.charge(charge, call()).await;
        self.note(&format!("charge {no} {number} {method}"), &told);
        self.told.entry(n).or_default().charge_not_applied = fate(&told) == Fate::NotApplied;
    }

    async fn ended(&mut self, seed: u64) {
        let (world, ledger) = (&self.world, self.world.sandbox.ledger());
        let context = || format!("seed {seed}:\n{}\n{:?}", self.trace, ledger.entries());
        assert!(ledger.audit().is_empty(), "{:?} in {}", ledger.audit(), context());
        let doubts = world.gateway.doubts(99).await.unwrap();
        assert!(doubts.is_empty(), "{doubts:?} in {}", context());
        let mut state = String::new();
        for n in 0..ORDERS {
            let no = format!("o{n}");
            let (taken, refunded, held) = (ledger.taken(&no), ledger.refunded(&no), ledger.held(&no));
            let Ok(payment) = world.gateway.payment(&order(&no)).await else {
                assert_eq!((taken, held), (0, 0), "{no} is not known in {}", context());
                continue;
            };
            writeln!(state, "{payment:?}").unwrap();
            let ours = |wanted: &dyn Fn(&Status) -> bool| wanted(&payment.status);
            assert_eq!(payment.captured.minor(), taken, "{no} captured: {payment:?} in {}", context());
            let given: i64 = payment.refunds.iter().filter(|part| part.status.holds_money()).map(|part| part.money.minor()).sum();
            assert_eq!(given, refunded, "{no} refunded: {payment:?} in {}", context());
            assert_eq!(ours(&|status| *status == Status::Authorized), held > 0, "{no}: {payment:?} in {}", context());
            assert_eq!(ours(&|status| *status == Status::Paid), taken > 0, "{no}: {payment:?} in {}", context());
            assert!(payment.blocked.is_none(), "{no}: {payment:?} in {}", context());
            self.fates_are_true(n, &no, &payment, &context);
            self.told_agrees(&no, &payment, &context);
        }
        writeln!(self.trace, "{state}{:?}{:?}", self.ear.effects(), world.sandbox.faults().drawn()).unwrap();
    }

    fn fates_are_true(&self, n: u64, no: &str, payment: &Payment, context: &dyn Fn() -> String) {
        let Some(told) = self.told.get(&n) else { return };
        if told.canceled {
            assert!(!payment.status.is_success() || self.attempts[&n] > 1, "{no} told canceled: {payment:?} in {}", context());
        }
        for (number, (cents, fate)) in &told.refunds {
            let part = payment.refunds.iter().find(|part| part.refund_no.as_ref().is_some_and(|no| no.as_str() == number));
            let given = part.is_some_and(|part| part.status.holds_money() && part.money.minor() == *cents);
            assert!(
                *fate == Fate::Unknown || given == (*fate == Fate::Applied),
                "{no} {number} told {fate:?}: {part:?} in {}",
                context()
            );
        }
        for (number, (cents, fate)) in &told.captures {
            let part = payment.captures.iter().find(|part| part.capture_no.as_ref().is_some_and(|no| no.as_str() == number));
            let taken = part.is_some_and(|part| part.status.holds_money() && part.money.minor() == *cents);
            assert!(
                *fate == Fate::Unknown || taken == (*fate == Fate::Applied),
                "{no} {number} told {fate:?}: {part:?} in {}",
                context()
            );
        }
    }

    /// Of each order the newest that was told of its status is its status, and money that was taken was told.
    fn told_agrees(&self, no: &str, payment: &Payment, context: &dyn Fn() -> String) {
        let heard: Vec<_> = self.ear.heard().into_iter().filter(|told| told.payment.order_no.as_str() == no).collect();
        if payment.status.is_success() {
            let told =
                self.ear.count(no, |told| matches!(told.change, ToldChange::Payment) && told.payment.status == payment.status);
            assert!(told >= 1, "{no} is {} and nobody was told in {}", payment.status, context());
        }
        if let Some(newest) =
            heard.iter().filter(|told| told.payment.attempt == payment.attempt).max_by_key(|told| told.payment.version)
        {
            assert!(newest.payment.version <= payment.version, "{no}");
            let agrees = newest.payment.status == payment.status || !payment.status.is_settled();
            assert!(agrees, "{no} is {}, told {} in {}", payment.status, newest.payment.status, context());
        }
    }
}

/// Runs a seed; its trace.
fn run(seed: u64) -> String {
    on_virtual_time(async {
        let ear = Ear::new();
        let sandbox = SandboxConfig { refunds_pending: seed.is_multiple_of(3), ..SandboxConfig::default() };
        let every = Some(Duration::from_secs(10));
        let world = World::with(Setup { seed, sandbox, background: true, handler: Some(ear.clone()), every, ..Setup::default() });
        world.hears();
        world.sandbox.faults().random(seed, FaultTable::storm());
        let (rng, trace) = (SeededRng::new(seed ^ 0xabcd), String::new());
        let mut run = Run { world, ear, rng, told: BTreeMap::new(), attempts: BTreeMap::new(), trace };
        for _ in 0..STEPS {
            run.step().await;
            run.world.env.sleep(run.rng.up_to(Duration::from_secs(8))).await;
        }
        run.world.sandbox.faults().none();
        run.world.sleep(3 * 3600).await;
        // A key that keeps a 500 proves nothing before it dies: what it stood for is known a day later.
        if !run.world.gateway.doubts(1).await.unwrap().is_empty() {
            run.world.sleep(26 * 3600).await;
        }
        run.ended(seed).await;
        run.trace
    })
}

fn hash(trace: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    trace.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn every_seed_of_a_storm_keeps_the_laws_and_runs_twice_alike() {
    // Two halves side by side: each world has its own virtual time.
    let half = |from: u64, to: u64| {
        std::thread::spawn(move || {
            for seed in from..to {
                let (first, second) = (run(seed), run(seed));
                assert_eq!(hash(&first), hash(&second), "seed {seed} differs:\n{}", difference(&first, &second));
            }
        })
    };
    for half in [half(0, 75), half(75, 150)] {
        half.join().unwrap();
    }
}

fn difference(first: &str, second: &str) -> String {
    let pair = first.lines().zip(second.lines()).find(|(first, second)| first != second);
    pair.map_or_else(|| "one is longer".to_owned(), |(first, second)| format!("{first}\n{second}"))
}
