//! Redis for a fleet of payment services: one rate limit, one worker at a time, and a store that says what it may lose.
//!
//! * [`RedisLimiter`]: the provider's quota kept by all processes together. Without Redis each keeps to its stated share.
//! * [`Lease`] and [`LeasedDuty`]: work that one process of a fleet does at a time, with a token that only grows.
//! * [`RedisStore`]: a store under every law, of durability [`BestEffort`](paysluice::store::Durability::BestEffort): a gateway
//!   refuses it for money unless the application says that this will do.
//!
//! ```
//! # fn build() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use paysluice::env::Env;
//! use paysluice::guard::GuardsConfig;
//! use paysluice::model::AccountRef;
//! use paysluice_redis::{Lease, LeaseOptions, LeasedDuty, LimiterOptions, RedisLimiter};
//!
//! let (url, env, guards) = ("redis://127.0.0.1", Env::system(), GuardsConfig::default());
//! let account: AccountRef = "stripe:live:acct_1".parse()?;
//! // Eight processes: when Redis is away, each goes on with an eighth.
//! let limiter = RedisLimiter::new(url, &account, &env, &guards.rate, LimiterOptions::new("1/8".parse()?))?;
//! let duty = LeasedDuty::new(Lease::new(url, &account, "resolver", &env, LeaseOptions::default())?);
//! // Gateway::builder(adapter, transport, store, env).guards(guards).limiter(Arc::new(limiter)).duty(Arc::new(duty))
//! # let _: (Arc<dyn paysluice::guard::rate::Limiter>, Arc<dyn paysluice::gateway::Duty>) = (Arc::new(limiter), Arc::new(duty));
//! # Ok(()) }
//! # build().unwrap();
//! ```
//!
//! Every decision is one script on the server, by the server's clock, on keys of one account: they share a hash tag, so that a
//! server of a cluster takes them.

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
