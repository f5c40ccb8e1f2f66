//! The database-pool guard: finds the payment that is made while its task holds a database connection.
//!
//! A connection held across a provider's call turns the provider's latency into the pool's exhaustion: 50 payments a second that
//! hold one of 10 connections for 200 ms wait 2.6 s for it; when the provider slows to 2 s, a third of them fail, with unrelated
//! reads. Commit, give the connection back, call, take one again.
//!
//! The application says when it holds one: [`holding_connection`] around the work that does, or [`watched`] around a request's
//! whole work and a [`Held`] beside each connection taken in it. The gateway asks before each call.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::config::OnHeld;

tokio::task_local! {
    static HELD: Arc<AtomicUsize>;
}

/// Runs work during which the task holds a database connection.
pub async fn holding_connection<F: Future>(work: F) -> F::Output {
    watched(async {
        let _held = Held::now();
        work.await
    })
    .await
}

/// Runs work within which a [`Held`] is seen: a request's handler. Inside another it joins that one.
pub async fn watched<F: Future>(work: F) -> F::Output {
    let count = HELD.try_with(Arc::clone).unwrap_or_default();
    HELD.scope(count, work).await
}

/// Marks a connection as held, from [`now`](Self::now) until dropped, wherever it is dropped.
#[derive(Debug)]
#[must_use = "it marks the connection as held until it is dropped"]
pub struct Held(Option<Arc<AtomicUsize>>);

impl Held {
    /// The task takes a connection. Outside [`watched`] it marks nothing.
    pub fn now() -> Self {
        let count = HELD.try_with(Arc::clone).ok();
        if let Some(count) = &count {
            count.fetch_add(1, Ordering::Relaxed);
        }
        Self(count)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(count) = &self.0 {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Whether the task holds a marked connection.
pub fn is_holding() -> bool {
    HELD.try_with(|count| count.load(Ordering::Relaxed) > 0).unwrap_or(false)
}

/// Reports a call that begins while the task holds a database connection; tells whether it does.
///
/// # Panics
/// With [`OnHeld::Panic`], the default of debug builds, if it does.
pub fn check_not_holding(operation: &'static str, on_held: OnHeld) -> bool {
    if !is_holding() {
        return false;
    }
    metrics::counter!("paysluice_held_connection_total", "operation" => operation).increment(1);
    tracing::error!(operation, "a database connection is held across a payment call; give it back before the call");
    assert!(on_held != OnHeld::Panic, "{operation}: a database connection is held across a payment call");
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_with_a_connection_held_is_found_and_one_without_is_not() {
        assert!(!check_not_holding("charge", OnHeld::Report));
        holding_connection(async { assert!(check_not_holding("charge", OnHeld::Report)) }).await;
        assert!(!check_not_holding("charge", OnHeld::Panic));
    }

    #[tokio::test]
    #[should_panic(expected = "charge: a database connection is held")]
    async fn in_a_debug_build_it_panics() {
        holding_connection(async { check_not_holding("charge", OnHeld::default()) }).await;
    }

    #[tokio::test]
    async fn a_connection_given_back_is_not_held() {
        watched(async {
            let (first, second) = (Held::now(), Held::now());
            drop(first);
            assert!(is_holding());
            drop(second);
            assert!(!is_holding());
        })
        .await;
    }

    #[tokio::test]
    async fn scopes_nest_and_a_mark_may_leave_them() {
        watched(async {
            let held = watched(async { Held::now() }).await;
            assert!(is_holding(), "still held after the inner scope");
            holding_connection(async { assert!(is_holding()) }).await;
            drop(held);
            assert!(!is_holding());
        })
        .await;
    }

    #[tokio::test]
    async fn another_task_holds_nothing() {
        holding_connection(async {
            #[allow(clippy::disallowed_methods, reason = "the test is about a task")]
            let elsewhere = tokio::spawn(async { is_holding() }).await.unwrap();
            assert!(!elsewhere);
        })
        .await;
    }
}
