//! Redis for Paysluice.

mod errors;
mod limiter;
mod link;
mod names;
mod script;
#[cfg(test)]
mod tests;

pub use limiter::{LimiterOptions, RedisLimiter, Share};

/// What all keys begin with, if nothing else is said.
const PREFIX: &str = "paysluice";
