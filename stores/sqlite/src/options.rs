//! How a SQLite store works: threads or inline, how long its lines are, how long it waits for other processes.

use std::time::Duration;

/// How a store works. The defaults fit a payment service; change a field with `Options { field, ..Options::default() }`.
#[derive(Clone, Debug)]
pub struct Options {
    /// Work on the calling task, without threads: for simulation, where one seed must give one run. Blocks the caller.
    pub inline: bool,
    /// Most writes that wait (and as many reads, in a line of their own) before the store answers `Unavailable` at once.
    /// 1024: at 10,000 commits/s a tenth of a second.
    pub line: usize,
    /// Most writes that share one transaction. 256 keeps a transaction within a few milliseconds.
    pub group: usize,
    /// Threads that read, each with a connection. 2: a slow page does not stop a `get`.
    pub readers: usize,
    /// How long a write waits for another process's transaction before `Unavailable`. 5 s.
    pub busy: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { inline: false, line: 1024, group: 256, readers: 2, busy: Duration::from_secs(5) }
    }
}
