//! Redis for Paysluice.

mod check;
mod errors;
mod lease;
mod limiter;
mod link;
mod names;
mod rows;
mod script;
mod store;
#[cfg(test)]
mod tests;

pub use lease::{Claim, Held, Lease, LeaseOptions, LeasedDuty};
pub use limiter::{LimiterOptions, RedisLimiter, Share};
pub use store::{RedisStore, StoreOptions};

/// What all keys begin with, if nothing else is said.
const PREFIX: &str = "paysluice";
