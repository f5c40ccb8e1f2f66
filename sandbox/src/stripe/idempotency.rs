//! Stripe's idempotency keys: per account, the first answer once execution began, replayed for a day.

use std::collections::BTreeMap;
use std::time::Duration;

use http::StatusCode;
use paysluice::env::Mono;
use serde_json::Value;

use super::errors::ApiError;

/// A remembered answer.
#[derive(Clone, Debug)]
struct Kept {
    fingerprint: String,
    status: StatusCode,
    body: Value,
    request_id: String,
    born: Mono,
    /// The first request is answered then; until then the key is in use.
    ready: Mono,
}

/// All keys of all accounts.
#[derive(Debug, Default)]
pub(crate) struct Keys(BTreeMap<(String, String), Kept>);

/// An answer that comes from the store.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
    pub(crate) original: String,
}

impl Keys {
    /// What the key says about a request with this fingerprint: nothing yet, a replay, or why not.
    pub(crate) fn ask(
        &mut self,
        account: &str,
        key: &str,
        fingerprint: &str,
        now: Mono,
        window: Duration,
    ) -> Result<Option<Replay>, ApiError> {
        self.0.retain(|_, kept| now.since(kept.born) < window);
        let Some(kept) = self.0.get(&(account.to_owned(), key.to_owned())) else { return Ok(None) };
        if kept.fingerprint != fingerprint {
            return Err(ApiError::key_reused());
        }
        if now < kept.ready {
            return Err(ApiError::key_in_use());
        }
        Ok(Some(Replay { status: kept.status, body: kept.body.clone(), original: kept.request_id.clone() }))
    }

    /// Remembers an answer that is given at `ready`.
    #[allow(clippy::too_many_arguments, reason = "one row")]
    pub(crate) fn keep(
        &mut self,
        account: &str,
        key: &str,
        fingerprint: String,
        (status, body): (StatusCode, Value),
        request_id: &str,
        born: Mono,
        ready: Mono,
    ) {
        let kept = Kept { fingerprint, status, body, request_id: request_id.to_owned(), born, ready };
        self.0.insert((account.to_owned(), key.to_owned()), kept);
    }
}
