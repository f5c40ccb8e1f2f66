//! Callbacks: stored, then acknowledged, then applied; each takes effect once, however and whenever it comes.
//!
//! ```text
//!  cap the body → open (verify) → insert by delivery key → answer in the provider's words
//!                                   └ claimed by a worker → the order's row changes and the tell is written, in one commit
//!                                                          → the inbox row is done
//! ```
//!
//! A callback that cannot be stored is answered with 503, so that the provider sends it again. One that was acknowledged is never
//! lost: it waits for its order if it came too early, and goes to the dead list, with the reason, if nothing can be made of it.

mod apply;
mod dead;
mod inbox;
mod service;

pub use dead::DeadLetter;
pub use inbox::{Receipt, Received};
pub use service::CallbackService;
