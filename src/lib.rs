//! Paysluice: one payment trait over many payment channels; an order is charged at most once, and you are told the truth.

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
