//! An ear for tests: writes down what it is told, and can ask to be told again.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use paysluice::env::BoxFuture;
use paysluice::gateway::{Handler, TellAgain, Told, ToldChange};
use paysluice::model::Status;

/// Hears everything.
#[derive(Debug, Default)]
pub struct Ear {
    heard: Mutex<Vec<Told>>,
    deaf_for: Mutex<u32>,
}

impl Ear {
    /// An ear that takes note at once.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// An ear that asks to be told again so many times, after it has heard.
    pub fn forgetful(times: u32) -> Arc<Self> {
        Arc::new(Self { deaf_for: Mutex::new(times), ..Self::default() })
    }

    /// All it was told, in the order in which it was told.
    pub fn heard(&self) -> Vec<Told> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many different effects it was told of.
    pub fn effects(&self) -> BTreeSet<String> {
        self.heard().into_iter().map(|told| told.effect_key).collect()
    }

    /// How many different effects of an order bear out `wanted`.
    pub fn count(&self, order: &str, wanted: impl Fn(&Told) -> bool) -> usize {
        let of_order = self.heard().into_iter().filter(|told| told.payment.order_no.as_str() == order && wanted(told));
        of_order.map(|told| told.effect_key).collect::<BTreeSet<_>>().len()
    }

    /// How many different effects bring an order to that status.
    pub fn told_status(&self, order: &str, status: &Status) -> usize {
        self.count(order, |told| matches!(told.change, ToldChange::Payment) && told.payment.status == *status)
    }
}

impl Handler for Ear {
    fn handle<'a>(&'a self, told: &'a Told) -> BoxFuture<'a, Result<(), TellAgain>> {
        Box::pin(async move {
            self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(told.clone());
            let mut deaf_for = self.deaf_for.lock().unwrap_or_else(PoisonError::into_inner);
            if *deaf_for > 0 {
                *deaf_for -= 1;
                return Err(TellAgain { after: Duration::from_secs(3) });
            }
            Ok(())
        })
    }
}
