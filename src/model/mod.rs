//! What payments are made of: money, accounts, numbers, statuses, errors, secrets.

mod account;
mod invalid;

pub use account::{AccountRef, Mode};
pub use invalid::Invalid;
