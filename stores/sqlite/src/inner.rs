//! Where the work is done: on the store's threads, or inline on the caller's task.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use paysluice::env::Clock;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::errors::{Failure, Outcome};
use crate::instant::Now;
use crate::options::Options;
use crate::reader::Read;
use crate::writer::{Waiting, Write, Written};
use crate::{reader, schema, writer};

/// A store's connections and who drives them.
#[derive(Debug)]
pub(crate) enum Inner {
    Threads(Threads),
    Inline { connection: Mutex<Connection>, clock: Arc<dyn Clock> },
}

/// The threads of a store and the lines to them. `lines` is `None` only while the store is being dropped.
#[derive(Debug)]
pub(crate) struct Threads {
    lines: Option<Lines>,
    joined_at_drop: Vec<JoinHandle<()>>,
}

struct Lines {
    writes: SyncSender<Waiting>,
    reads: SyncSender<Read>,
}

impl Inner {
    pub(crate) fn open(path: &Path, clock: Arc<dyn Clock>, options: &Options) -> Outcome<Self> {
        let connection = schema::open(path, options.busy)?;
        if options.inline {
            return Ok(Self::Inline { connection: Mutex::new(connection), clock });
        }
        Threads::start(path, connection, &clock, options).map(Self::Threads)
    }

    pub(crate) async fn write(&self, write: Write) -> Outcome<Written> {
        match self {
            Self::Inline { connection, clock } => {
                let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                let written = writer::write_together(&mut connection, &[write], clock).pop();
                written.unwrap_or_else(|| Err(Failure::unavailable("no answer")))
            }
            Self::Threads(threads) => {
                let (caller, answer) = oneshot::channel();
                threads.lines()?.writes.try_send((write, caller)).map_err(|error| refused(&error, "write"))?;
                answer.await.unwrap_or_else(|_| Err(Failure::unavailable("the writing thread ended before it answered")))
            }
        }
    }

    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection, Now) -> Outcome<T> + Send + 'static,
    ) -> Outcome<T> {
        match self {
            Self::Inline { connection, clock } => {
                let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                read(&connection, Now::at(clock.wall()))
            }
            Self::Threads(threads) => {
                let (caller, answer) = oneshot::channel();
                let read: Read = Box::new(move |connection, now| drop(caller.send(read(connection, now))));
                threads.lines()?.reads.try_send(read).map_err(|error| refused(&error, "read"))?;
                answer.await.unwrap_or_else(|_| Err(Failure::unavailable("the reading thread ended before it answered")))
            }
        }
    }
}

fn refused<T>(error: &TrySendError<T>, line: &str) -> Failure {
    match error {
        TrySendError::Full(_) => Failure::unavailable(format!("the {line} line is full; nothing was done")),
        TrySendError::Disconnected(_) => Failure::unavailable(format!("the {line} thread has ended; nothing was done")),
    }
}

impl Threads {
    fn start(path: &Path, connection: Connection, clock: &Arc<dyn Clock>, options: &Options) -> Outcome<Self> {
        let (writes, line) = sync_channel(options.line);
        let (reads, reads_line) = sync_channel(options.line);
        let mut threads = Self { lines: Some(Lines { writes, reads }), joined_at_drop: Vec::new() };
        let (group, its_clock) = (options.group, clock.clone());
        threads.spawn("paysluice-write", move || writer::serve(connection, line, its_clock, group))?;
        let reads_line: Arc<Mutex<Receiver<Read>>> = Arc::new(Mutex::new(reads_line));
        for _ in 0..options.readers.max(1) {
            let (line, clock) = (reads_line.clone(), clock.clone());
            let connection = schema::open_to_read(path, options.busy)?;
            threads.spawn("paysluice-read", move || reader::serve(connection, line, clock))?;
        }
        Ok(threads)
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> Outcome<()> {
        let thread = Builder::new().name(name.to_owned()).spawn(work);
        self.joined_at_drop.push(thread.map_err(|error| Failure::unavailable(format!("no thread: {error}")))?);
        Ok(())
    }

    fn lines(&self) -> Outcome<&Lines> {
        self.lines.as_ref().ok_or_else(|| Failure::unavailable("the store is closed"))
    }
}

impl Drop for Threads {
    /// Closes the lines; the threads serve what waits in them, then end.
    fn drop(&mut self) {
        self.lines = None;
        for thread in self.joined_at_drop.drain(..) {
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lines")
    }
}
