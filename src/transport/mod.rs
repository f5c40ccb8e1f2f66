//! The network, as the gateway sees it: one request, one whole answer, or the truth about whether it was sent.

#[cfg(feature = "reqwest")]
mod network;

use std::fmt;
use std::time::Duration;

use crate::adapter::{Reply, Request};
use crate::env::BoxFuture;

#[cfg(feature = "reqwest")]
pub use network::{NetworkConfig, NetworkTransport, Pem};

/// Limits of one send.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Time for the whole exchange, to the last byte of the body. At its end the transport stops and answers `Lost`.
    pub timeout: Duration,
    /// The largest body that is read, in bytes; a larger one is `Lost`.
    pub reply_cap: usize,
}

/// Sends one request and reads one answer.
///
/// * Sends once: no retries, no redirects of its own.
/// * The answer is whole, or there is none.
/// * `Unsent` is proof: no byte of the request can have reached the provider. Everything else is `Lost`.
/// * Dropping the future may leave the request half sent: the caller treats it as `Lost`.
pub trait Transport: Send + Sync + fmt::Debug + 'static {
    /// Sends `request`.
    fn send(&self, request: Request, limits: Limits) -> BoxFuture<'_, Result<Reply, TransportError>>;
}

/// Why there is no answer.
#[derive(Debug)]
pub enum TransportError {
    /// Proved: nothing reached the provider.
    Unsent(String),
    /// Unknown: it may have arrived, and the provider may act on it.
    Lost(String),
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsent(why) => write!(f, "not sent: {why}"),
            Self::Lost(why) => write!(f, "no answer: {why}"),
        }
    }
}

impl std::error::Error for TransportError {}
