//! What payments are made of: money, accounts, numbers, statuses, errors, secrets.

mod account;
mod currency;
pub mod decimal;
mod error;
mod invalid;
mod money;
mod number;
mod page;
mod payment;
mod secret;
mod status;
#[cfg(feature = "gateway")]
pub mod text;

pub use account::{AccountRef, Mode};
pub use currency::Currency;
pub use error::{Error, ErrorKind, Fate, Next};
pub use invalid::Invalid;
pub use money::Money;
pub use number::{AttemptNo, CaptureNo, IdempotencyKey, OrderNo, ProviderNo, RefundNo};
pub use payment::{Action, Advice, Block, CaptureState, NextAction, PartStatus, Payment, Reason, RefundState};
pub use secret::Secret;
pub use status::{Reversal, Status, Transition};
