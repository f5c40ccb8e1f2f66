//! Reads: on threads and connections of their own, so that they never wait behind writes.

use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};

use paysluice::env::Clock;
use rusqlite::Connection;

use crate::instant::Now;

/// A read in line; it answers its caller itself.
pub(crate) type Read = Box<dyn FnOnce(&Connection, Now) + Send>;

/// Serves the line, which several readers share, until its last sender is gone and it is empty.
pub(crate) fn serve(connection: Connection, line: Arc<Mutex<Receiver<Read>>>, clock: Arc<dyn Clock>) {
    loop {
        // Waiting holds the lock; the others wait for the lock instead of the line, which is the same.
        let next = line.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(read) = next else { return };
        read(&connection, Now::at(clock.wall()));
    }
}
