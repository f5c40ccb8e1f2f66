//! A world for tests: the toy, its bank, a store that fails on command, an ear, and a gateway that can crash and come again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use super::bank::{Bank, Shared};
use super::toy::Toy;
use crate::adapter::*;
use crate::env::{BoxFuture, Clock, Env, SeededRng, Spawn, TokioClock};
use crate::gateway::*;
use crate::model::*;
use crate::store::{
    Commit, Depth, Durability, Key, MemoryStore, OpId, Put, Row, Space, SpaceKind, Store, StoreError, StoreErrorKind,
};

/// Tasks that end when the process does.
#[derive(Debug, Default)]
pub(super) struct Mortal(Mutex<Vec<tokio::task::AbortHandle>>);

impl Spawn for Mortal {
    #[allow(clippy::disallowed_methods, reason = "this is a home of tasks")]
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.lock().unwrap().push(tokio::spawn(task).abort_handle());
    }
}

/// What goes wrong with one commit.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trouble {
    Before,
    After,
}

/// A store that fails on command.
#[derive(Debug)]
pub(super) struct Flaky {
    store: MemoryStore,
    clock: Arc<dyn Clock>,
    /// For commits that begin with a row of that kind, or any.
    pub(super) troubles: Mutex<VecDeque<(Option<SpaceKind>, Trouble)>>,
    /// It answers nobody.
    pub(super) stands_still: AtomicBool,
    /// It does not say whether charges are paused; and how often it was asked.
    hides_the_pause: AtomicBool,
    pauses_read: AtomicUsize,
    /// The next claim of intents that finds something is answered so much later: the process stood still.
    pub(super) late_claim: Mutex<Option<Duration>>,
}

impl Flaky {
    pub(super) fn fail(&self, kind: Option<SpaceKind>, trouble: Trouble, times: usize) {
        self.troubles.lock().unwrap().extend(std::iter::repeat_n((kind, trouble), times));
    }

    pub(super) fn hides_the_pause(&self, hides: bool) {
        self.hides_the_pause.store(hides, Ordering::Relaxed);
    }

    pub(super) fn reads_of_the_pause(&self) -> usize {
        self.pauses_read.load(Ordering::Relaxed)
    }

    async fn answers(&self) {
        if self.stands_still.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }

    fn trouble(&self, puts: &[Put]) -> Option<Trouble> {
        let mut troubles = self.troubles.lock().unwrap();
        let hit = |kind: Option<SpaceKind>| kind.is_none_or(|kind| puts.iter().any(|put| put.key.space.kind == kind));
        let at = troubles.iter().position(|(kind, _)| hit(*kind))?;
        troubles.remove(at).map(|(_, trouble)| trouble)
    }
}

impl Store for Flaky {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        Box::pin(async move {
            self.answers().await;
            if key.space.kind == SpaceKind::Pause {
                self.pauses_read.fetch_add(1, Ordering::Relaxed);
                if self.hides_the_pause.load(Ordering::Relaxed) {
                    return Err(StoreError::new(StoreErrorKind::Unavailable, "down"));
                }
            }
            self.store.get(key).await
        })
    }
    fn commit<'a>(&'a self, op: OpId, puts: &'a [Put]) -> BoxFuture<'a, Result<Commit, StoreError>> {
        Box::pin(async move {
            self.answers().await;
            let down = || Err(StoreError::new(StoreErrorKind::Unavailable, "down"));
            match self.trouble(puts) {
                Some(Trouble::Before) => down(),
                Some(Trouble::After) => {
                    self.store.commit(op, puts).await?;
                    down()
                }
                None => self.store.commit(op, puts).await,
            }
        })
    }
    fn claim_due<'a>(&'a self, space: &'a Space, max: usize, lease: Duration) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(async move {
            let claimed = self.store.claim_due(space, max, lease).await?;
            let hit = space.kind == SpaceKind::Intent && !claimed.is_empty();
            let late = if hit { self.late_claim.lock().unwrap().take() } else { None };
            if let Some(late) = late {
                self.clock.sleep(late).await;
            }
            Ok(claimed)
        })
    }
    fn page<'a>(&'a self, space: &'a Space, after: Option<&'a Key>, max: usize) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        self.store.page(space, after, max)
    }
    fn page_due<'a>(
        &'a self,
        space: &'a Space,
        after: Option<&'a Key>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        self.store.page_due(space, after, max)
    }
    fn depth<'a>(&'a self, space: &'a Space) -> BoxFuture<'a, Result<Depth, StoreError>> {
        self.store.depth(space)
    }
    fn spaces(&self) -> BoxFuture<'_, Result<Vec<Space>, StoreError>> {
        self.store.spaces()
    }
    fn purge<'a>(&'a self, space: &'a Space, max: usize) -> BoxFuture<'a, Result<usize, StoreError>> {
        self.store.purge(space, max)
    }
    fn durability(&self) -> Durability {
        self.store.durability()
    }
}

/// What the application was told, and how often it asked to be told again.
#[derive(Debug, Default)]
pub(super) struct Ear {
    pub(super) told: Mutex<Vec<Told>>,
    pub(super) again: Mutex<u32>,
    /// Where it marks by itself what it is told, before it answers.
    pub(super) marks_in: Mutex<Option<Arc<Flaky>>>,
}

impl Ear {
    /// What was told, as change and status.
    pub(super) fn heard(&self) -> Vec<(ToldChange, Status)> {
        self.told.lock().unwrap().iter().map(|told| (told.change.clone(), told.payment.status.clone())).collect()
    }

    pub(super) fn count(&self, wanted: impl Fn(&ToldChange) -> bool) -> usize {
        self.told.lock().unwrap().iter().filter(|told| wanted(&told.change)).count()
    }
}

impl Handler for Ear {
    fn handle<'a>(&'a self, told: &'a Told) -> BoxFuture<'a, Result<(), TellAgain>> {
        self.told.lock().unwrap().push(told.clone());
        let mut again = self.again.lock().unwrap();
        let answer = if *again > 0 { Err(TellAgain { after: Duration::from_secs(7) }) } else { Ok(()) };
        *again = again.saturating_sub(1);
        let store = self.marks_in.lock().unwrap().clone();
        Box::pin(async move {
            if let Some(store) = store {
                let marked =
                    store.store.commit(OpId(told.payment.version.into()), &[told.hold().unwrap().handled().clone()]).await;
                assert!(matches!(marked, Ok(Commit::Done(_))), "{marked:?}");
            }
            answer
        })
    }
}

/// All of it.
#[derive(Debug)]
pub(super) struct World {
    pub(super) env: Env,
    mortal: Arc<Mortal>,
    pub(super) toy: Toy,
    pub(super) bank: Shared,
    pub(super) store: Arc<Flaky>,
    pub(super) ear: Arc<Ear>,
    pub(super) gateway: Gateway,
}

pub(super) const START: SystemTime = SystemTime::UNIX_EPOCH;

impl World {
    pub(super) fn new() -> Self {
        Self::of(Toy::new(), 1)
    }

    pub(super) fn of(toy: Toy, seed: u64) -> Self {
        let mortal = Arc::new(Mortal::default());
        let clock = Arc::new(TokioClock::starting_at(START + Duration::from_secs(1_700_000_000)));
        let env = Env::new(clock, Arc::new(SeededRng::new(seed)), mortal.clone());
        let bank = Arc::new(Bank::new(&env, seed));
        let store = Arc::new(Flaky {
            store: MemoryStore::new(env.clock().clone()),
            clock: env.clock().clone(),
            troubles: Mutex::default(),
            stands_still: AtomicBool::default(),
            hides_the_pause: AtomicBool::default(),
            pauses_read: AtomicUsize::default(),
            late_claim: Mutex::default(),
        });
        let ear = Arc::new(Ear::default());
        let gateway = built(&toy, &bank, &store, &ear, &env);
        Self { env, mortal, toy, bank, store, ear, gateway }
    }

    /// The process dies with all its tasks, and another takes its place.
    pub(super) fn crash(&mut self) {
        self.mortal.0.lock().unwrap().drain(..).for_each(|task| task.abort());
        self.gateway = self.another();
    }

    /// A second process on the same store.
    pub(super) fn another(&self) -> Gateway {
        built(&self.toy, &self.bank, &self.store, &self.ear, &self.env)
    }

    pub(super) async fn pass(&self, secs: u64) {
        self.env.sleep(Duration::from_secs(secs)).await;
    }

    pub(super) async fn charge(&self, order: &str, token: &str) -> Result<Payment, Error> {
        self.send(charge(order, token)).await
    }

    pub(super) async fn send(&self, charge: Charge) -> Result<Payment, Error> {
        self.gateway.charge(charge, Call::default()).await.map(|answer| answer.value)
    }

    pub(super) async fn refund(&self, order: &str, no: &str, minor: i64) -> Result<Payment, Error> {
        let refund = Refund::new(order_no(order), RefundNo::new(no).unwrap(), eur(minor));
        self.gateway.refund(refund, Call::default()).await.map(|answer| answer.value)
    }

    pub(super) async fn capture(&self, order: &str, no: &str, minor: i64) -> Result<Payment, Error> {
        let capture = Capture::new(order_no(order), CaptureNo::new(no).unwrap(), eur(minor));
        self.gateway.capture(capture, Call::default()).await.map(|answer| answer.value)
    }

    pub(super) async fn cancel(&self, order: &str) -> Result<Payment, Error> {
        self.gateway.cancel(Cancel::new(order_no(order)), Call::default()).await.map(|answer| answer.value)
    }

    pub(super) async fn confirm(&self, order: &str, round: u32, code: &str) -> Result<Payment, Error> {
        self.gateway.confirm(confirm(order, round, code), Call::default()).await.map(|answer| answer.value)
    }

    pub(super) async fn reverse(&self, order: &str, no: &str) -> Result<Payment, Error> {
        self.gateway.reverse(reverse(order, no), Call::default()).await.map(|answer| answer.value)
    }

    pub(super) async fn renew(&self, order: &str) -> Result<Payment, Error> {
        self.gateway.renew_action(order_no(order), Call::default()).await.map(|answer| answer.value)
    }

    pub(super) async fn adopt(&self, order: &str, id: &str, minor: i64) -> Result<Payment, Error> {
        self.gateway.adopt(&order_no(order), id, eur(minor), Call::default()).await.map(|answer| answer.value)
    }

    pub(super) async fn payment(&self, order: &str) -> Payment {
        self.gateway.payment(&order_no(order)).await.unwrap()
    }

    /// How many rows of that kind there are.
    pub(super) async fn rows(&self, kind: SpaceKind) -> usize {
        self.store.page(&Space::new(kind, &self.toy.account), None, 1000).await.unwrap().len()
    }

    pub(super) async fn doubts(&self) -> Vec<Doubt> {
        self.gateway.doubts(100).await.unwrap()
    }
}

fn built(toy: &Toy, bank: &Shared, store: &Arc<Flaky>, ear: &Arc<Ear>, env: &Env) -> Gateway {
    Gateway::builder(Arc::new(toy.clone()), bank.clone(), store.clone(), env.clone())
        .handler(ear.clone())
        .unsealed()
        .accept_durability(Durability::Process)
        .build()
        .unwrap()
}

pub(super) fn order_no(order: &str) -> OrderNo {
    OrderNo::new(order).unwrap()
}

pub(super) fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::parse("EUR").unwrap()).unwrap()
}

/// A charge of 1.00 EUR.
pub(super) fn charge(order: &str, token: &str) -> Charge {
    Charge::new(order_no(order), eur(100), Method::Token(token.to_owned()))
}

/// A charge of 1.00 EUR by the barcode that the payer shows.
pub(super) fn at_the_till(order: &str, code: &str) -> Charge {
    Charge::new(order_no(order), eur(100), Method::Barcode(code.to_owned()))
}

pub(super) fn confirm(order: &str, round: u32, code: &str) -> Confirm {
    Confirm::new(order_no(order), round).with("code", code)
}

pub(super) fn reverse(order: &str, no: &str) -> Reverse {
    Reverse::new(order_no(order), RefundNo::new(no).unwrap())
}

/// Where the payer is sent.
pub(super) fn link(payment: &Payment) -> &str {
    match payment.next_action.as_ref().map(|action| &action.what) {
        Some(NextAction::Redirect(url)) => url.rsplit('/').next().unwrap(),
        _ => "",
    }
}

pub(super) fn attempt(no: u32) -> AttemptNo {
    AttemptNo::new(no).unwrap()
}
