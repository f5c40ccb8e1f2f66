//! Flights: operations under way in this process, so that a second asking joins the first instead of making its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::verdict::{Told, Verdict};
use crate::guard::Timing;
use crate::model::Payment;

/// How a flight landed.
#[derive(Clone, Debug)]
pub(crate) enum Landed {
    /// Still in the air.
    Flying,
    /// With this, and the payment as the commit left it, if it is known.
    Verdict(Verdict, Timing, Option<Box<Payment>>),
    /// Nothing was sent and nothing stored; whoever joined may try for himself, or take this for an answer.
    Unstarted(Told),
    /// Nothing was sent: look again.
    Again,
}

/// All flights of a gateway, by the fingerprint of what was asked: who asks for other money does not join, and is told so.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flights(Arc<Mutex<HashMap<String, watch::Receiver<Landed>>>>);

/// Leads a flight, or joins one.
pub(crate) enum Boarded {
    /// Nobody flies: you do.
    Lead(Flight),
    /// Wait for this.
    Join(watch::Receiver<Landed>),
}

/// A flight that is being led. Dropped without landing, it tells those who joined to look again.
#[derive(Debug)]
pub(crate) struct Flight {
    name: String,
    flights: Flights,
    landed: watch::Sender<Landed>,
}

impl Flights {
    /// Leads or joins the flight of that name.
    pub(crate) fn board(&self, name: String) -> Boarded {
        let mut flights = self.lock();
        if let Some(flight) = flights.get(&name) {
            return Boarded::Join(flight.clone());
        }
        let (landed, joined) = watch::channel(Landed::Flying);
        flights.insert(name.clone(), joined);
        Boarded::Lead(Flight { name, flights: self.clone(), landed })
    }

    /// How many are in the air.
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, watch::Receiver<Landed>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    /// Something to wait for this flight with.
    pub(crate) fn joined(&self) -> watch::Receiver<Landed> {
        self.landed.subscribe()
    }

    /// Lands it.
    pub(crate) fn land(self, landed: Landed) {
        self.flights.lock().remove(&self.name);
        self.landed.send_replace(landed);
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if matches!(*self.landed.borrow(), Landed::Flying) {
            self.flights.lock().remove(&self.name);
            self.landed.send_replace(Landed::Again);
        }
    }
}

/// Waits until it has landed.
pub(crate) async fn landing(mut joined: watch::Receiver<Landed>) -> Landed {
    match joined.wait_for(|landed| !matches!(landed, Landed::Flying)).await {
        Ok(landed) => landed.clone(),
        Err(_) => Landed::Again,
    }
}
