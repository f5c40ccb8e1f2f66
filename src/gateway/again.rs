//! The decision after a send: settle, send again, or stop, and with which truth. Pure, so that all of it can be tested.

use std::time::Duration;

use super::verdict::Told;
use crate::adapter::{Again, Failure, Moves, Want};
use crate::guard::RetryCause;
use crate::model::{Error, ErrorKind, Fate};
use crate::transport::TransportError;

/// What one send came to, when it was not an answer that settles.
#[derive(Debug)]
pub(crate) enum Miss {
    /// Proved unsent, or no answer.
    Wire(TransportError),
    /// An answer that says no.
    Failed(Failure),
}

/// What the decision depends on beside the send itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    /// Whether the step can move money.
    pub(crate) moves: Moves,
    /// Something that moves money was sent before and its fate is not proved.
    pub(crate) doubt: bool,
    /// The provider still remembers the key, the charge's time is not up, and no cancel is wanted.
    pub(crate) may_replay: bool,
    /// The operation can be sent at any time without harm: a query.
    pub(crate) harmless: bool,
}

/// What is done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Send the same again, if time and budget allow; otherwise end as `otherwise` says.
    Again { cause: RetryCause, asked: Option<Duration>, invalidate: Option<Want>, otherwise: End },
    /// It ends here.
    End(End),
}

/// How it ends without an answer that settles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Proved not applied. `resume`: the same draft and key may be used when it is asked for again.
    Released { resume: bool, told: Told },
    /// Its fate is unknown: the resolver's.
    Doubt(Told),
    /// Proved applied, though the answer was an error.
    Applied(Told),
}

/// Decides.
///
/// * Doubt is sticky: once a send of money was lost, only the provider's verdict on that very key makes it "not applied".
/// * A step that moves nothing is never in doubt about money.
/// * Only what the provider's rules allow is sent again.
pub(crate) fn again(miss: &Miss, here: Circumstances) -> Decision {
    match miss {
        Miss::Wire(TransportError::Unsent(why)) => {
            let told = Told::of(&Error::new(ErrorKind::Unreachable, why.clone()));
            let otherwise = end(told, here.doubt, true);
            if here.doubt && !here.may_replay {
                return Decision::End(otherwise);
            }
            Decision::Again { cause: RetryCause::Transient, asked: None, invalidate: None, otherwise }
        }
        Miss::Wire(TransportError::Lost(why)) => {
            let told = Told::of(&Error::new(ErrorKind::Lost, why.clone()));
            resend(told, here, RetryCause::Transient, None, None)
        }
        Miss::Failed(failure) => answered(failure, here),
    }
}

fn answered(failure: &Failure, here: Circumstances) -> Decision {
    let told = Told::of(&failure.error);
    match (&failure.again, failure.error.fate()) {
        (_, Fate::Applied) => Decision::End(End::Applied(told)),
        // The provider's verdict on this very key: nothing was applied under it, and nothing will be.
        (Again::NewKey, Fate::NotApplied) => Decision::End(End::Released { resume: false, told }),
        (Again::SameKey { after, invalidate }, Fate::NotApplied) => {
            let cause = if told.kind == ErrorKind::Throttled { RetryCause::Throttled } else { RetryCause::Transient };
            let otherwise = end(told, here.doubt, true);
            if here.doubt && !here.may_replay {
                return Decision::End(otherwise);
            }
            Decision::Again { cause, asked: *after, invalidate: invalidate.clone(), otherwise }
        }
        (Again::No, Fate::NotApplied) => Decision::End(end(told, here.doubt, false)),
        (Again::SameKey { after, invalidate }, Fate::Unknown) => {
            resend(told, here, RetryCause::Transient, *after, invalidate.clone())
        }
        // The provider answers this key so for good (a stored 500): another key, where nothing can have moved.
        (Again::No | Again::NewKey, Fate::Unknown) => Decision::End(unknown(told, here, false)),
    }
}

/// Nobody knows what this send did: the same key may find out.
fn resend(told: Told, here: Circumstances, cause: RetryCause, asked: Option<Duration>, invalidate: Option<Want>) -> Decision {
    let otherwise = unknown(told, here, true);
    if here.harmless || here.may_replay {
        Decision::Again { cause, asked, invalidate, otherwise }
    } else {
        Decision::End(otherwise)
    }
}

fn unknown(told: Told, here: Circumstances, resume: bool) -> End {
    if here.moves == Moves::Nothing && !here.doubt && !here.harmless {
        // Nothing that moves money was ever sent, so nothing was moved.
        return End::Released { resume, told: told.unmoved() };
    }
    End::Doubt(told)
}

fn end(told: Told, doubt: bool, resume: bool) -> End {
    if doubt { End::Doubt(told.in_doubt()) } else { End::Released { resume, told } }
}
