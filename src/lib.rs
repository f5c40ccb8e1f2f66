//! Paysluice: one payment trait over many payment channels; an order is charged at most once, and you are told the truth.

pub mod env;
pub mod model;
#[cfg(feature = "gateway")]
pub mod store;
