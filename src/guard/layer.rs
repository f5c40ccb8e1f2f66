//! Each guard as a tower layer of its own, and all of them in one, in THE order.
//!
//! A layer learns from two functions what it must know: `ask` reads a request's class and deadline, `signal` reads from the
//! outcome how the provider did. The guard is passed first and the inner service made ready after, so that no caller waits at a
//! guard while it holds what the inner service lends (a permit, a connection). Permits are held until the inner future is done:
//! where the response's body is still to be read then, read it inside.
//!
//! There is no retry layer: sending money again needs the decoded outcome, the key and the doubt. That is the gateway's loop.

use std::fmt;
use std::future::Future;
use std::task::{Context, Poll};

use tower::ServiceExt as _;
use tower_layer::Layer;
use tower_service::Service;

use super::breaker::{Breaker, BreakerPermit};
use super::bulkhead::{Bulkhead, BulkheadPermit};
use super::config::TimeoutConfig;
use super::guards::{Admitted, Guards};
use super::rate::{RateLimit, RatePermit};
use super::timing::Timing;
use super::{Ask, Refusal, Signal, timeout};
use crate::env::{BoxFuture, Env};

/// Why a guarded service gave no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuardError<E> {
    /// A guard refused: nothing was sent.
    Refused(Refusal),
    /// The send was ended at its time: whether it took effect is unknown.
    Elapsed,
    /// The service's own error.
    Inner(E),
}

impl<E: fmt::Display> fmt::Display for GuardError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Elapsed => f.write_str("no answer in time; whether it took effect is unknown"),
            Self::Inner(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for GuardError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Elapsed => None,
            Self::Inner(error) => Some(error),
        }
    }
}

/// A guard that a layer can put in front of a service.
pub trait Gate: Clone + Send + Sync + 'static {
    /// What a call holds while it is inside.
    type Permit: Send + 'static;

    /// Lets the call through, or refuses it.
    fn pass(&self, ask: Ask) -> impl Future<Output = Result<Self::Permit, Refusal>> + Send;

    /// The call goes out now.
    fn sending(permit: &mut Self::Permit);

    /// The call went so.
    fn report(permit: Self::Permit, signal: Signal);
}

/// The circuit breaker as a layer.
pub type BreakerLayer<Req, Resp, E> = GateLayer<Breaker, Req, Resp, E>;
/// The rate limit as a layer.
pub type RateLayer<Req, Resp, E> = GateLayer<RateLimit, Req, Resp, E>;
/// The bulkhead as a layer.
pub type BulkheadLayer<Req, Resp, E> = GateLayer<Bulkhead, Req, Resp, E>;

/// How a layer reads requests and outcomes.
pub struct Reading<Req, Resp, E> {
    /// What a request asks.
    pub ask: fn(&Req) -> Ask,
    /// How the provider did.
    pub signal: fn(&Result<Resp, E>) -> Signal,
}

impl<Req, Resp, E> Clone for Reading<Req, Resp, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Req, Resp, E> Copy for Reading<Req, Resp, E> {}

impl<Req, Resp, E> fmt::Debug for Reading<Req, Resp, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reading")
    }
}

/// One guard as a layer. Services made by it share the guard.
#[derive(Debug)]
pub struct GateLayer<G, Req, Resp, E> {
    gate: G,
    reading: Reading<Req, Resp, E>,
}

impl<G: Clone, Req, Resp, E> Clone for GateLayer<G, Req, Resp, E> {
    fn clone(&self) -> Self {
        Self { gate: self.gate.clone(), reading: self.reading }
    }
}

impl<G: Gate, Req, Resp, E> GateLayer<G, Req, Resp, E> {
    /// The guard in front of whatever this is laid over.
    pub fn new(gate: G, ask: fn(&Req) -> Ask, signal: fn(&Result<Resp, E>) -> Signal) -> Self {
        Self { gate, reading: Reading { ask, signal } }
    }
}

impl<S, G: Gate, Req, Resp, E> Layer<S> for GateLayer<G, Req, Resp, E> {
    type Service = Gated<S, G, Req, Resp, E>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated { inner, layer: self.clone() }
    }
}

/// A service behind one guard.
#[derive(Debug)]
pub struct Gated<S, G, Req, Resp, E> {
    inner: S,
    layer: GateLayer<G, Req, Resp, E>,
}

impl<S: Clone, G: Clone, Req, Resp, E> Clone for Gated<S, G, Req, Resp, E> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, G, Req> Service<Req> for Gated<S, G, Req, S::Response, S::Error>
where
    S: Service<Req> + Clone + Send + 'static,
    S::Future: Send,
    S::Response: Send + 'static,
    S::Error: Send + 'static,
    G: Gate,
    Req: Send + 'static,
{
    type Response = S::Response;
    type Error = GuardError<S::Error>;
    type Future = BoxFuture<'static, Result<S::Response, GuardError<S::Error>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let (mut inner, gate, reading) = (self.inner.clone(), self.layer.gate.clone(), self.layer.reading);
        Box::pin(async move {
            let mut permit = gate.pass((reading.ask)(&request)).await.map_err(GuardError::Refused)?;
            let service = inner.ready().await.map_err(GuardError::Inner)?;
            G::sending(&mut permit);
            let result = service.call(request).await;
            G::report(permit, (reading.signal)(&result));
            result.map_err(GuardError::Inner)
        })
    }
}

impl Gate for Breaker {
    type Permit = BreakerPermit;

    async fn pass(&self, ask: Ask) -> Result<BreakerPermit, Refusal> {
        self.admit(ask.class, self.now())
    }

    fn sending(_: &mut BreakerPermit) {}

    fn report(permit: BreakerPermit, signal: Signal) {
        permit.report(signal);
    }
}

impl Gate for RateLimit {
    type Permit = (Self, RatePermit);

    async fn pass(&self, ask: Ask) -> Result<(Self, RatePermit), Refusal> {
        self.admit(&ask).await.map(|permit| (self.clone(), permit))
    }

    fn sending((_, permit): &mut (Self, RatePermit)) {
        permit.spend();
    }

    fn report((limit, _): (Self, RatePermit), signal: Signal) {
        if let Signal::Pushback { after } = signal {
            super::rate::Limiter::pause(&limit, after);
        }
    }
}

impl Gate for Bulkhead {
    type Permit = BulkheadPermit;

    async fn pass(&self, ask: Ask) -> Result<BulkheadPermit, Refusal> {
        self.admit(&ask).await
    }

    fn sending(_: &mut BulkheadPermit) {}

    fn report(permit: BulkheadPermit, _: Signal) {
        drop(permit);
    }
}

impl Gate for Guards {
    type Permit = Admitted;

    async fn pass(&self, ask: Ask) -> Result<Admitted, Refusal> {
        self.admit(&ask, &mut Timing::default()).await
    }

    fn sending(permit: &mut Admitted) {
        permit.sending();
    }

    fn report(permit: Admitted, signal: Signal) {
        permit.report(signal);
    }
}

/// The send's timeout as a layer.
#[derive(Debug)]
pub struct TimeoutLayer<Req> {
    env: Env,
    config: TimeoutConfig,
    ask: fn(&Req) -> Ask,
}

impl<Req> Clone for TimeoutLayer<Req> {
    fn clone(&self) -> Self {
        Self { env: self.env.clone(), config: self.config.clone(), ask: self.ask }
    }
}

impl<Req> TimeoutLayer<Req> {
    /// Ends each call where [`TimeoutConfig::until`] says.
    pub fn new(env: &Env, config: &TimeoutConfig, ask: fn(&Req) -> Ask) -> Self {
        Self { env: env.clone(), config: config.clone(), ask }
    }
}

impl<S, Req> Layer<S> for TimeoutLayer<Req> {
    type Service = Timed<S, Req>;

    fn layer(&self, inner: S) -> Self::Service {
        Timed { inner, layer: self.clone() }
    }
}

/// A service whose calls end in time.
#[derive(Debug)]
pub struct Timed<S, Req> {
    inner: S,
    layer: TimeoutLayer<Req>,
}

impl<S: Clone, Req> Clone for Timed<S, Req> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, Req> Service<Req> for Timed<S, Req>
where
    S: Service<Req>,
    S::Future: Send + 'static,
    S::Response: 'static,
    S::Error: 'static,
{
    type Response = S::Response;
    type Error = GuardError<S::Error>;
    type Future = BoxFuture<'static, Result<S::Response, GuardError<S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(GuardError::Inner)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let Ask { class, deadline } = (self.layer.ask)(&request);
        let env = self.layer.env.clone();
        let until = self.layer.config.until(class, env.now(), deadline);
        let work = self.inner.call(request);
        Box::pin(async move {
            timeout::run(&env, until, work).await.map_or(Err(GuardError::Elapsed), |r| r.map_err(GuardError::Inner))
        })
    }
}

/// All guards of an account in front of a service, in THE order: breaker, rate, bulkhead, timeout. A call that ends at its
/// timeout is a fault.
#[derive(Debug)]
pub struct GuardLayer<Req, Resp, E> {
    guards: Guards,
    reading: Reading<Req, Resp, E>,
}

impl<Req, Resp, E> Clone for GuardLayer<Req, Resp, E> {
    fn clone(&self) -> Self {
        Self { guards: self.guards.clone(), reading: self.reading }
    }
}

impl<Req, Resp, E> GuardLayer<Req, Resp, E> {
    /// The guards in front of whatever this is laid over.
    pub fn new(guards: &Guards, ask: fn(&Req) -> Ask, signal: fn(&Result<Resp, E>) -> Signal) -> Self {
        Self { guards: guards.clone(), reading: Reading { ask, signal } }
    }
}

impl<S, Req, Resp, E> Layer<S> for GuardLayer<Req, Resp, E> {
    type Service = Guarded<S, Req, Resp, E>;

    fn layer(&self, inner: S) -> Self::Service {
        Guarded { inner, layer: self.clone() }
    }
}

/// A service behind all guards.
#[derive(Debug)]
pub struct Guarded<S, Req, Resp, E> {
    inner: S,
    layer: GuardLayer<Req, Resp, E>,
}

impl<S: Clone, Req, Resp, E> Clone for Guarded<S, Req, Resp, E> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, Req> Service<Req> for Guarded<S, Req, S::Response, S::Error>
where
    S: Service<Req> + Clone + Send + 'static,
    S::Future: Send,
    S::Response: Send + 'static,
    S::Error: Send + 'static,
    Req: Send + 'static,
{
    type Response = S::Response;
    type Error = GuardError<S::Error>;
    type Future = BoxFuture<'static, Result<S::Response, GuardError<S::Error>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let (mut inner, GuardLayer { guards, reading }) = (self.inner.clone(), self.layer.clone());
        Box::pin(async move {
            let ask = (reading.ask)(&request);
            let mut admitted = guards.admit(&ask, &mut Timing::default()).await.map_err(GuardError::Refused)?;
            let service = inner.ready().await.map_err(GuardError::Inner)?;
            admitted.sending();
            let Ok(result) = guards.timed(&ask, service.call(request)).await else {
                admitted.report(Signal::Fault);
                return Err(GuardError::Elapsed);
            };
            admitted.report((reading.signal)(&result));
            result.map_err(GuardError::Inner)
        })
    }
}

#[cfg(test)]
mod tests;
