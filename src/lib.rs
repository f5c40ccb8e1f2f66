//! Paysluice: one payment trait over many payment channels; an order is charged at most once, and you are told the truth.
//!
//! An application holds a [`Gateway`](gateway::Gateway): the [adapter] of one provider with an account's credentials,
//! behind the [guards](guard), on a [store]. What it asks for goes through [`PaymentChannel`](gateway::PaymentChannel);
//! what the provider calls back with comes in through [`CallbackService`](callback::CallbackService); what changes is told to a
//! [`Handler`](gateway::Handler). Every [`Error`](model::Error) says whether the operation took effect, and what may be done next.
//!
//! Adapters live in crates of their own (`paysluice-stripe`, ...), as do durable stores (`paysluice-sqlite`, ...).
//! Without default features this crate is the model, the signing and the contract of an adapter, with no runtime: what a channel
//! crate depends on.

pub mod adapter;
#[cfg(feature = "gateway")]
pub mod callback;
pub mod env;
#[cfg(feature = "gateway")]
pub mod gateway;
#[cfg(feature = "gateway")]
pub mod guard;
pub mod model;
pub mod signing;
#[cfg(feature = "gateway")]
pub mod store;
#[cfg(feature = "gateway")]
pub mod transport;
