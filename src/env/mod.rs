//! Time, chance and tasks: the only home of clocks, random numbers and spawning, so that everything else can be simulated.

mod clock;
mod rng;
#[cfg(feature = "gateway")]
mod tokio;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub use clock::{Clock, Mono};
pub use rng::{Rng, SeededRng, SystemRng};
#[cfg(feature = "gateway")]
pub use self::tokio::TokioClock;

/// A boxed future that can be sent between threads; what object-safe async traits return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Starts a task that outlives its caller.
pub trait Spawn: Send + Sync + fmt::Debug + 'static {
    /// Runs `task` to its end on its own. Dropping the caller's future must not stop it.
    fn spawn(&self, task: BoxFuture<'static, ()>);
}

/// The world a gateway lives in: a clock, a source of chance, and a way to start tasks.
///
/// `Env::system()` is the real one. `Env::simulated(seed, start)` takes its time from tokio's clock, so that a test with
/// a paused clock runs hours in milliseconds, and the same seed gives the same run.
#[derive(Clone, Debug)]
pub struct Env {
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    spawn: Arc<dyn Spawn>,
}

impl Env {
    /// Puts a world together from its parts.
    pub fn new(clock: Arc<dyn Clock>, rng: Arc<dyn Rng>, spawn: Arc<dyn Spawn>) -> Self {
        Self { clock, rng, spawn }
    }

    /// The real world: system time, the operating system's randomness, tokio tasks.
    #[cfg(feature = "gateway")]
    pub fn system() -> Self {
        Self::new(Arc::new(TokioClock::system()), Arc::new(SystemRng::new()), Arc::new(self::tokio::TokioSpawn))
    }

    /// A world for tests: wall time starts at `start` and moves with tokio's (pausable) clock; chance comes from `seed`.
    #[cfg(feature = "gateway")]
    pub fn simulated(seed: u64, start: SystemTime) -> Self {
        Self::new(Arc::new(TokioClock::starting_at(start)), Arc::new(SeededRng::new(seed)), Arc::new(self::tokio::TokioSpawn))
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The source of chance.
    pub fn rng(&self) -> &Arc<dyn Rng> {
        &self.rng
    }

    /// Wall time: for timestamps that others read. May jump.
    pub fn wall(&self) -> SystemTime {
        self.clock.wall()
    }

    /// Monotonic time: for every duration and deadline.
    pub fn now(&self) -> Mono {
        self.clock.monotonic()
    }

    /// Waits.
    pub fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        self.clock.sleep(time)
    }

    /// Starts a task of its own.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn.spawn(Box::pin(task));
    }
}
