//! Granted access: tokens, platform keys and certificates that a provider hands out and that run out.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::{Failure, Reply, Request, Stamp};
use crate::model::{Error, Secret};

/// Something an adapter cannot go on without, and that the provider hands out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Want {
    /// An access token.
    Token,
    /// The provider's own current keys, whatever their ids.
    Keys,
    /// The provider's key of that id.
    Key(String),
    /// The certificate at that address. The adapter has checked the address against its allow-list.
    Certificate(String),
}

/// One thing granted.
#[derive(Clone)]
pub struct Grant {
    /// What was wanted.
    pub want: Want,
    /// It: a token, a PEM.
    pub value: Secret,
    /// When it runs out, by the wall clock; `None` is never.
    pub expires: Option<SystemTime>,
    parsed: Option<Arc<dyn Any + Send + Sync>>,
}

impl Grant {
    /// A grant.
    pub fn new(want: Want, value: Secret, expires: Option<SystemTime>) -> Self {
        Self { want, value, expires, parsed: None }
    }

    /// With what the adapter made of it, so that it is parsed once and not for each message.
    pub fn with_parsed<T: Any + Send + Sync>(mut self, parsed: T) -> Self {
        self.parsed = Some(Arc::new(parsed));
        self
    }

    /// What the adapter made of it.
    pub fn parsed<T: Any>(&self) -> Option<&T> {
        self.parsed.as_deref().and_then(|parsed| parsed.downcast_ref())
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("want", &self.want).field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// All that is granted at the moment.
#[derive(Clone, Debug, Default)]
pub struct Granted(BTreeMap<Want, Grant>);

impl Granted {
    /// What was wanted, if it is here and good at `now`.
    pub fn get(&self, want: &Want, now: SystemTime) -> Option<&Grant> {
        self.0.get(want).filter(|grant| grant.expires.is_none_or(|expires| now < expires))
    }

    /// Everything good at `now`.
    pub fn iter(&self, now: SystemTime) -> impl Iterator<Item = &Grant> {
        self.0.values().filter(move |grant| grant.expires.is_none_or(|expires| now < expires))
    }

    /// Takes a grant in.
    pub fn insert(&mut self, grant: Grant) {
        self.0.insert(grant.want.clone(), grant);
    }

    /// Lets a grant go: the provider refused it.
    pub fn remove(&mut self, want: &Want) {
        self.0.remove(want);
    }

    /// Lets a grant go that the provider refused, unless a newer one has taken its place: `used` is what the refused request was
    /// signed with. Tells whether it went.
    pub fn revoke(&mut self, want: &Want, used: &Self) -> bool {
        let same = matches!((self.0.get(want), used.0.get(want)), (Some(here), Some(used)) if here.value == used.value);
        if same {
            self.0.remove(want);
        }
        same
    }
}

/// Fetches what a [`Want`] asks for. Never needs access itself beyond the adapter's own credentials.
pub trait Access: Send + Sync {
    /// The request that fetches it. Refuses an address that is not on the provider's list.
    fn request(&self, want: &Want, stamp: &Stamp) -> Result<Request, Error>;
    /// Reads the answer: everything it grants, which may be more than was asked. Verifies as `decode` does.
    ///
    /// * A grant under `want` itself is among them, also for `Keys`, whose keys come under their ids as well. If it is not, the
    ///   provider did not grant it.
    fn read(&self, want: &Want, reply: &Reply, received: &Stamp) -> Result<Vec<Grant>, Failure>;
}

/// A harmless question, for a breaker that wants to know whether the provider is back.
pub trait Probe: Send + Sync {
    /// The question.
    fn request(&self, stamp: &Stamp, granted: &Granted) -> Result<Request, Error>;
    /// Whether the answer shows a provider at work.
    fn read(&self, reply: &Reply, received: &Stamp) -> Result<(), Failure>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_grant_that_was_refused_is_revoked() {
        let granted = |token: &str| {
            let mut granted = Granted::default();
            granted.insert(Grant::new(Want::Token, Secret::new(token), None));
            granted
        };
        let (mut newer, used) = (granted("b"), granted("a"));
        assert!(!newer.revoke(&Want::Token, &used));
        assert!(newer.get(&Want::Token, SystemTime::UNIX_EPOCH).is_some());
        assert!(newer.clone().revoke(&Want::Token, &newer) && !newer.revoke(&Want::Keys, &used));
    }
}
