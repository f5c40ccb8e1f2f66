//! The world on tokio: its clock (real or paused) and its tasks.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::{BoxFuture, Clock, Mono, Spawn};

/// A clock on tokio's: wall time from the system, or for simulation from a start and the time that tokio says has passed.
#[derive(Debug)]
pub struct TokioClock {
    origin: Instant,
    wall_at_origin: Option<SystemTime>,
}

impl TokioClock {
    /// The system's wall time, tokio's monotonic time.
    #[allow(clippy::disallowed_methods, reason = "the one home of the real clock")]
    pub fn system() -> Self {
        Self { origin: Instant::now(), wall_at_origin: None }
    }

    /// Wall time begins at `start` and passes as tokio's clock does.
    #[allow(clippy::disallowed_methods, reason = "the one home of the real clock")]
    pub fn starting_at(start: SystemTime) -> Self {
        Self { origin: Instant::now(), wall_at_origin: Some(start) }
    }
}

impl Clock for TokioClock {
    #[allow(clippy::disallowed_methods, reason = "the one home of the real clock")]
    fn wall(&self) -> SystemTime {
        match self.wall_at_origin {
            Some(start) => start + self.monotonic().since_origin(),
            None => SystemTime::now(),
        }
    }

    #[allow(clippy::disallowed_methods, reason = "the one home of the real clock")]
    fn monotonic(&self) -> Mono {
        Mono::from_origin(Instant::now().duration_since(self.origin))
    }

    #[allow(clippy::disallowed_methods, reason = "the one home of waiting")]
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

/// Tasks on the current tokio runtime.
#[derive(Debug)]
pub(super) struct TokioSpawn;

impl Spawn for TokioSpawn {
    #[allow(clippy::disallowed_methods, reason = "the one home of tasks")]
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn virtual_time_passes_without_waiting() {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let clock = TokioClock::starting_at(start);
        clock.sleep(Duration::from_secs(3600)).await;
        assert_eq!(clock.wall(), start + Duration::from_secs(3600));
        assert_eq!(clock.monotonic().since(Mono::ORIGIN), Duration::from_secs(3600));
    }
}
