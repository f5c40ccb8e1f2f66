//! The rate limit: GCRA on our own clock, several limits at once, first come first served, and no wait past a deadline.
//!
//! A call takes a cell of the account's limit and of its class's limit, both or neither. If none is free it waits in its class's
//! line; if it would be served only after its deadline it is refused *now*, with the time to come back. When the provider pushes
//! back, everybody pauses. A cell that was not used (a later guard refused, the future was dropped) is given back.
//!
//! governor, the usual crate, has no order among waiters, no refund, no live change of quota, and sleeps on a clock of its own;
//! it is the oracle of this module's tests.

mod gcra;
mod line;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::gcra::Run;
use self::line::{Place, State, Step};
use super::config::RateConfig;
use super::{Ask, Class, Guard, Refusal};
use crate::env::{BoxFuture, Env, Mono};

/// Limits how fast calls go. In this process ([`RateLimit`]), or behind the same face in many at once.
pub trait Limiter: Send + Sync + fmt::Debug + 'static {
    /// Takes one cell of every limit that holds for the call, or none of any. `now` is the monotonic now.
    ///
    /// * First come, first served, within a class.
    /// * `Refused` at once if the wait would pass the deadline or the line is full.
    /// * A dropped `Wait` leaves the line and takes nothing.
    fn acquire(&self, ask: &Ask, now: Mono) -> Admission;

    /// The provider has pushed back: nobody goes for so long (or for the configured time, if it did not say).
    fn pause(&self, after: Option<Duration>);

    /// Changes the limits for who waits and who comes.
    fn reconfigure(&self, config: &RateConfig);
}

/// What a limiter says to a call.
pub enum Admission {
    /// Go. The way of a call that need not wait; costs no allocation.
    Ready(RatePermit),
    /// Wait for this.
    Wait(BoxFuture<'static, Result<RatePermit, Refusal>>),
    /// Not now.
    Refused(Refusal),
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(permit) => f.debug_tuple("Ready").field(permit).finish(),
            Self::Wait(_) => f.write_str("Wait"),
            Self::Refused(refusal) => f.debug_tuple("Refused").field(refusal).finish(),
        }
    }
}

/// A cell that a call may use. Dropped before [`spend`](Self::spend), it is given back.
#[derive(Debug)]
#[must_use = "a dropped cell is given back"]
pub struct RatePermit(Option<Cell>);

#[derive(Debug)]
enum Cell {
    Local { core: Arc<Core>, taken: Taken },
    Other(Box<dyn GiveBack>),
}

/// A cell of somebody else's limiter that can be given back; dropped, it counts as used.
pub trait GiveBack: Send + Sync + fmt::Debug {
    /// The cell was not used.
    fn give_back(self: Box<Self>);
}

/// Which cells were taken, so that they can be given back to the limits as they were.
#[derive(Clone, Copy, Debug)]
struct Taken {
    class: Class,
    account: Run,
    own: Run,
}

impl RatePermit {
    /// A permit of another limiter.
    pub fn of(cell: Box<dyn GiveBack>) -> Self {
        Self(Some(Cell::Other(cell)))
    }

    /// A permit that needs no cell.
    pub fn free() -> Self {
        Self(None)
    }

    /// The call goes out: the cell is used, whatever comes.
    pub fn spend(&mut self) {
        self.0 = None;
    }
}

impl Drop for RatePermit {
    fn drop(&mut self) {
        match self.0.take() {
            Some(Cell::Local { core, taken }) => core.give_back(taken),
            Some(Cell::Other(cell)) => cell.give_back(),
            None => {}
        }
    }
}

/// The limiter of one process: the account's and the classes' limits; clones share them.
#[derive(Clone, Debug)]
pub struct RateLimit(Arc<Core>);

#[derive(Debug)]
struct Core {
    env: Env,
    state: Mutex<State>,
}

impl RateLimit {
    /// Limits as configured, nothing used yet.
    pub fn new(env: &Env, config: &RateConfig) -> Self {
        Self(Arc::new(Core { env: env.clone(), state: Mutex::new(State::new(config, env.now())) }))
    }

    /// Takes a cell, waiting in line if it must and may.
    pub async fn admit(&self, ask: &Ask) -> Result<RatePermit, Refusal> {
        match self.acquire(ask, self.0.env.now()) {
            Admission::Ready(permit) => Ok(permit),
            Admission::Wait(wait) => wait.await,
            Admission::Refused(refusal) => Err(refusal),
        }
    }

    /// Calls that wait now.
    pub fn waiting(&self) -> usize {
        self.0.lock().waiting()
    }
}

impl Limiter for RateLimit {
    fn acquire(&self, ask: &Ask, now: Mono) -> Admission {
        let mut state = self.0.lock();
        if let Some(taken) = state.take(ask.class, now) {
            drop(state);
            return Admission::Ready(self.0.permit(taken));
        }
        match state.enter(ask, now) {
            Ok(place) => {
                drop(state);
                Admission::Wait(Box::pin(Waiting { core: Arc::clone(&self.0), place, served: false }.served()))
            }
            Err(after) => Admission::Refused(refused(after)),
        }
    }

    fn pause(&self, after: Option<Duration>) {
        let now = self.0.env.now();
        self.0.lock().pause(after, now);
    }

    fn reconfigure(&self, config: &RateConfig) {
        let now = self.0.env.now();
        self.0.lock().reconfigure(config, now);
    }
}

fn refused(after: Duration) -> Refusal {
    Refusal { guard: Guard::Rate, after: Some(after) }
}

impl Core {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn permit(self: &Arc<Self>, taken: Taken) -> RatePermit {
        RatePermit(Some(Cell::Local { core: Arc::clone(self), taken }))
    }

    fn give_back(&self, taken: Taken) {
        let now = self.env.now();
        self.lock().give_back(taken, now);
    }
}

/// A place in the line that is left when dropped; a cell granted meanwhile is given back.
#[derive(Debug)]
struct Waiting {
    core: Arc<Core>,
    place: Arc<Place>,
    served: bool,
}

impl Waiting {
    async fn served(mut self) -> Result<RatePermit, Refusal> {
        loop {
            let now = self.core.env.now();
            let step = self.core.lock().step(&self.place, now);
            match step {
                Step::Granted(taken) => {
                    self.served = true;
                    return Ok(self.core.permit(taken));
                }
                Step::Refused { after } => return Err(refused(after)),
                Step::Sleep(time) => tokio::select! {
                    biased;
                    () = self.place.moved() => {}
                    () = self.core.env.sleep(time) => {}
                },
            }
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.served {
            let now = self.core.env.now();
            self.core.lock().leave(&self.place, now);
        }
    }
}

#[cfg(test)]
mod tests;
