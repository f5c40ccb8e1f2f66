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
    /// An answer that nobody could verify, since what verifies it was not to be had.
    Unverified(Error),
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
        // The provider did not refuse this draft, which may have arrived: nothing else may go under its number. It is not sent
        // again at once, since its next answer could not be verified either.
        Miss::Unverified(error) => Decision::End(unknown(Told::of(error), here, true)),
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

#[cfg(test)]
mod tests {
    use super::*;

    const FRESH: Circumstances = Circumstances { moves: Moves::Money, doubt: false, may_replay: true, harmless: false };

    fn failed(kind: ErrorKind, again: Again) -> Miss {
        Miss::Failed(Failure::again(Error::new(kind, "x"), again))
    }

    fn same() -> Again {
        Again::SameKey { after: None, invalidate: None }
    }

    fn misses() -> Vec<Miss> {
        let mut all = vec![Miss::Wire(TransportError::Unsent("x".into())), Miss::Wire(TransportError::Lost("x".into()))];
        all.push(Miss::Unverified(Error::new(ErrorKind::Unintelligible, "x")));
        for kind in ErrorKind::ALL {
            all.extend([Again::No, same(), Again::NewKey].map(|again| failed(kind, again)));
        }
        all
    }

    fn every(mut check: impl FnMut(&Miss, Circumstances, &Decision)) {
        for miss in misses() {
            for moves in [Moves::Nothing, Moves::Money] {
                for bits in 0..8_u8 {
                    let here = Circumstances { moves, doubt: bits & 1 > 0, may_replay: bits & 2 > 0, harmless: bits & 4 > 0 };
                    check(&miss, here, &again(&miss, here));
                }
            }
        }
    }

    fn ended(decision: &Decision) -> &End {
        let (Decision::End(end) | Decision::Again { otherwise: end, .. }) = decision;
        end
    }

    /// Whether the miss is the provider's verdict on the key itself.
    fn verdict(miss: &Miss) -> bool {
        matches!(miss, Miss::Failed(Failure { error, again: Again::NewKey, .. }) if error.fate() == Fate::NotApplied)
    }

    #[test]
    fn doubt_ends_only_by_the_providers_verdict_on_the_key() {
        every(|miss, here, decision| {
            if here.doubt && matches!(ended(decision), End::Released { .. }) {
                assert!(verdict(miss), "{miss:?} {here:?} {decision:?}");
            }
        });
    }

    #[test]
    fn the_fate_that_is_told_is_the_end_it_comes_to() {
        every(|miss, here, decision| {
            let (End::Released { told, .. } | End::Doubt(told) | End::Applied(told)) = ended(decision);
            let expected = match ended(decision) {
                End::Released { .. } => Fate::NotApplied,
                End::Doubt(_) => Fate::Unknown,
                End::Applied(_) => Fate::Applied,
            };
            assert_eq!(told.kind.fate(), expected, "{miss:?} {here:?} {decision:?}");
        });
    }

    #[test]
    fn what_may_have_moved_money_is_sent_again_only_under_a_key_that_is_remembered() {
        every(|miss, here, decision| {
            let unknown = match miss {
                Miss::Unverified(_) => true,
                Miss::Wire(error) => matches!(error, TransportError::Lost(_)),
                Miss::Failed(failure) => failure.error.fate() == Fate::Unknown,
            };
            if matches!(decision, Decision::Again { .. }) && (unknown || here.doubt) {
                assert!(here.may_replay || here.harmless, "{miss:?} {here:?} {decision:?}");
            }
        });
    }

    #[test]
    fn a_step_that_moves_nothing_leaves_no_doubt_of_its_own() {
        every(|miss, here, decision| {
            if here.moves == Moves::Nothing && !here.doubt && !here.harmless {
                assert!(!matches!(ended(decision), End::Doubt(_)), "{miss:?} {here:?} {decision:?}");
            }
        });
    }

    #[test]
    fn a_no_is_a_no() {
        for kind in ErrorKind::ALL {
            assert!(matches!(again(&failed(kind, Again::No), FRESH), Decision::End(_)), "{kind:?}");
        }
        assert!(matches!(again(&Miss::Wire(TransportError::Lost("x".into())), FRESH), Decision::Again { .. }));
        let late = Circumstances { may_replay: false, ..FRESH };
        assert!(matches!(again(&Miss::Wire(TransportError::Lost("x".into())), late), Decision::End(End::Doubt(_))));
        assert!(matches!(again(&Miss::Wire(TransportError::Unsent("x".into())), late), Decision::Again { .. }));
    }

    #[test]
    fn what_was_answered_and_not_verified_stays_the_only_draft_of_its_number() {
        let miss = Miss::Unverified(Error::new(ErrorKind::Unintelligible, "x"));
        let decision = again(&miss, Circumstances { moves: Moves::Nothing, ..FRESH });
        assert!(matches!(decision, Decision::End(End::Released { resume: true, .. })), "{decision:?}");
        assert!(matches!(again(&miss, FRESH), Decision::End(End::Doubt(_))));
    }

    #[test]
    fn what_the_provider_asks_for_is_kept() {
        let asked = Some(Duration::from_secs(7));
        let told = Again::SameKey { after: asked, invalidate: Some(Want::Token) };
        let decision = again(&failed(ErrorKind::Throttled, told), FRESH);
        let Decision::Again { cause, asked: kept, invalidate, .. } = decision else { panic!("{decision:?}") };
        assert_eq!((cause, kept, invalidate), (RetryCause::Throttled, asked, Some(Want::Token)));
    }
}
