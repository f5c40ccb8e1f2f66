//! What payments are made of: money, accounts, numbers, statuses, errors, secrets.

mod account;
mod currency;
pub mod decimal;
mod invalid;
mod money;

pub use account::{AccountRef, Mode};
pub use currency::Currency;
pub use invalid::Invalid;
pub use money::Money;
