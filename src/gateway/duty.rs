//! Who of a fleet works off what is due: a question asked before each round of the resolver.

use std::fmt;

use crate::env::BoxFuture;

/// Says whether this process is the one that resolves an account now. A fleet of gateways on one store needs none: claims keep a
/// row from being worked on twice. A duty saves the store and the provider the questions of everybody else.
///
/// * A duty that cannot find out says yes: work done by two is harmless, work done by nobody is not.
/// * It answers within a second or so; the round waits for it.
pub trait Duty: Send + Sync + fmt::Debug + 'static {
    /// Whether this process works now. Asked again before each round.
    fn is_ours(&self) -> BoxFuture<'_, bool>;
}
