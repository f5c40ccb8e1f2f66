//! How doubt about Stripe is resolved, what an observation proves, and what is watched for how long.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use paysluice::adapter::{Draft, Follow, NotFound, Recovery, RecoveryStep, Seen, WhenUp};
use paysluice::model::{Fate, Status};

/// Keys may go "after they're at least 24 hours old", and then "We generate a new request if a key is reused"
/// (docs.stripe.com/api/idempotent_requests). An hour is kept as a margin.
pub(crate) const REPLAY: RecoveryStep = RecoveryStep::Replay { within: Duration::from_secs(23 * 3600) };

/// After this a request that was lost can neither be replayed nor still be on its way.
const KEY_LIFE: Duration = Duration::from_secs(24 * 3600);

/// How long a payer has, if the charge does not say.
const PAYER_TIME: Duration = Duration::from_secs(24 * 3600);

/// Doubt resolved by these steps, soon at first. A thing that Stripe does not find proves nothing.
pub(crate) fn by(steps: &[RecoveryStep]) -> Recovery {
    Recovery {
        steps: steps.to_vec(),
        not_found: NotFound::Nothing,
        cadence: [2, 10, 30, 60, 300, 900, 3600].map(Duration::from_secs).to_vec(),
    }
}

/// The same, for what is asked for by a number of its own: when its key is dead, a request that Stripe does not show can neither be
/// replayed nor still be on its way.
pub(crate) fn by_until_proved_absent(steps: &[RecoveryStep], draft: &Draft) -> Recovery {
    let asked = draft.carry.get("asked").and_then(|asked| asked.parse().ok()).map(Duration::from_secs);
    let dead = asked.and_then(|asked| UNIX_EPOCH.checked_add(asked)?.checked_add(KEY_LIFE));
    Recovery { not_found: dead.map_or(NotFound::Nothing, NotFound::ProofAfter), ..by(steps) }
}

/// What an intent's status proves about the step that was to put it to work.
///
/// `requires_confirmation` and an untouched `requires_payment_method` (status `None`) are no evidence: the step may be on its way.
pub(crate) fn judge_payment(seen: &Seen) -> Option<Fate> {
    match seen.status.as_ref()? {
        Status::AwaitingPayer if seen.word.as_deref() == Some("requires_confirmation") => None,
        Status::AwaitingPayer | Status::Processing | Status::Authorized | Status::Paid => Some(Fate::Applied),
        Status::Declined | Status::Canceled | Status::Expired => Some(Fate::NotApplied),
        Status::Unrecognized(_) => None,
    }
}

/// What to watch of a payment, and what to do when the payer's time is up.
pub(crate) fn follow_payment(draft: &Draft, seen: &Seen, charge_by: Option<SystemTime>, now: SystemTime) -> Option<Follow> {
    let cadence = |seconds: &[u64]| seconds.iter().copied().map(Duration::from_secs).collect();
    match &seen.status {
        // Nothing at Stripe ends an unpaid intent by itself, so we do.
        Some(Status::AwaitingPayer) => Some(Follow {
            cadence: cadence(&[10, 30, 60, 300, 900]),
            until: Some(charge_by.unwrap_or_else(|| born(draft).unwrap_or(now) + PAYER_TIME)),
            then: WhenUp::Cancel,
        }),
        // The bank's decision: it comes, in minutes or in days.
        Some(Status::Processing) => {
            Some(Follow { cadence: cadence(&[10, 60, 300, 900, 3600, 6 * 3600]), until: None, then: WhenUp::Leave })
        }
        // "Uncaptured PaymentIntents are cancelled a set number of days (7 by default) after their creation" (the API reference).
        Some(Status::Authorized) => Some(Follow { cadence: cadence(&[6 * 3600, 24 * 3600]), until: None, then: WhenUp::Leave }),
        Some(Status::Unrecognized(_)) | None => {
            Some(Follow { cadence: cadence(&[60, 300, 900, 3600]), until: None, then: WhenUp::Leave })
        }
        Some(Status::Paid | Status::Declined | Status::Canceled | Status::Expired) => None,
    }
}

/// When the payment was born, as the draft carries it.
pub(crate) fn born(draft: &Draft) -> Option<SystemTime> {
    let seconds: u64 = draft.carry.get("born")?.parse().ok()?;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// A time as the draft carries it.
pub(crate) fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intent_that_waits_for_its_confirm_proves_nothing() {
        let seen = |status: Option<Status>, word: &str| Seen { status, word: Some(word.into()), ..Seen::default() };
        assert_eq!(judge_payment(&seen(None, "requires_confirmation")), None);
        assert_eq!(judge_payment(&seen(None, "requires_payment_method")), None);
        assert_eq!(judge_payment(&seen(Some(Status::AwaitingPayer), "requires_confirmation")), None);
        assert_eq!(judge_payment(&seen(Some(Status::AwaitingPayer), "requires_action")), Some(Fate::Applied));
        assert_eq!(judge_payment(&seen(Some(Status::Paid), "succeeded")), Some(Fate::Applied));
        assert_eq!(judge_payment(&seen(Some(Status::Declined), "requires_payment_method")), Some(Fate::NotApplied));
        assert_eq!(judge_payment(&seen(Some(Status::Unrecognized("x".into())), "x")), None);
    }
}
