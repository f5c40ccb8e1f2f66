//! What payments are made of: money, accounts, numbers, statuses, errors, secrets.

mod account;
mod error;
mod invalid;
mod number;
mod payment;
mod secret;
mod status;

pub use account::{AccountRef, Mode};
pub use error::{Error, ErrorKind, Fate, Next};
pub use invalid::Invalid;
pub use number::{AttemptNo, CaptureNo, IdempotencyKey, OrderNo, ProviderNo, RefundNo};
pub use payment::{Action, Advice, Block, CaptureState, NextAction, PartStatus, Payment, Reason, RefundState};
pub use secret::Secret;
pub use status::{Reversal, Status, Transition};
