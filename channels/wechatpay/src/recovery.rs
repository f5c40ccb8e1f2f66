//! How doubt about WeChat Pay is resolved, what an observation proves, and what is watched for how long.

use std::time::{Duration, SystemTime};

use paysluice::adapter::{Draft, Follow, NotFound, Recovery, RecoveryStep, Seen, WhenUp};
use paysluice::model::{Fate, Status};

use crate::time;

/// A number stands for one order or one refund for good, so the same bytes may go again at any time. Two weeks are enough.
pub(crate) const REPLAY: RecoveryStep = RecoveryStep::Replay { within: Duration::from_secs(14 * 24 * 3600) };

/// How long a payer has, if the charge does not say: as long as a `prepay_id` lives.
pub(crate) const PAYER_TIME: Duration = Duration::from_secs(2 * 3600);

/// "Poll every 3 to 5 seconds up to 45": then WeChat Pay gives a payment by barcode up, and so do we.
const BARCODE_TIME: Duration = Duration::from_secs(45);

/// A code on a payer's phone is good for a minute: what has not arrived after this cannot take money any more.
const BARCODE_DEAD: Duration = Duration::from_secs(180);

/// The product of payments by barcode, as `Method::kind` names it.
pub(crate) const BARCODE: &str = "barcode";

/// Doubt resolved by these steps, soon at first.
pub(crate) fn by(steps: &[RecoveryStep], not_found: NotFound) -> Recovery {
    let cadence = [1, 3, 10, 30, 60, 300, 900, 3600].map(Duration::from_secs).to_vec();
    Recovery { steps: steps.to_vec(), not_found, cadence }
}

/// A payment by barcode takes money at once and is not sent twice; an order only waits for a payer who was shown its link.
pub(crate) fn charge(draft: &Draft) -> Recovery {
    if !is_barcode(draft) {
        return by(&[REPLAY, RecoveryStep::Query, RecoveryStep::Cancel], NotFound::Proof);
    }
    let not_found = born(draft).and_then(dead).map_or(NotFound::Nothing, NotFound::ProofAfter);
    by(&[RecoveryStep::Query, RecoveryStep::Reverse { after: BARCODE_TIME }, RecoveryStep::Human], not_found)
}

/// When a code that was scanned for an order born then is dead.
pub(crate) fn dead(born: SystemTime) -> Option<SystemTime> {
    born.checked_add(BARCODE_DEAD)
}

/// What a payment's state proves about its charge.
pub(crate) fn judge_payment(seen: &Seen) -> Option<Fate> {
    match seen.status.as_ref()? {
        Status::AwaitingPayer | Status::Processing | Status::Authorized | Status::Paid => Some(Fate::Applied),
        Status::Declined | Status::Canceled | Status::Expired => Some(Fate::NotApplied),
        Status::Unrecognized(_) => None,
    }
}

/// What to watch of a payment, and what to do when the payer's time is up.
pub(crate) fn follow_payment(draft: &Draft, seen: &Seen) -> Option<Follow> {
    let cadence = |seconds: &[u64]| seconds.iter().copied().map(Duration::from_secs).collect();
    match &seen.status {
        Some(Status::AwaitingPayer | Status::Processing) if is_barcode(draft) => {
            let until = born(draft).and_then(|born| born.checked_add(BARCODE_TIME));
            Some(Follow { cadence: cadence(&[3, 3, 4, 5]), until, then: WhenUp::Reverse })
        }
        // "Start querying when no notice came within a minute."
        Some(Status::AwaitingPayer) => {
            Some(Follow { cadence: cadence(&[30, 30, 60, 60, 300]), until: draft.closes_at, then: WhenUp::Cancel })
        }
        Some(Status::Processing) => Some(Follow { cadence: cadence(&[5, 10, 30, 60, 300]), until: None, then: WhenUp::Leave }),
        Some(Status::Authorized | Status::Unrecognized(_)) | None => {
            Some(Follow { cadence: cadence(&[60, 300, 900, 3600]), until: None, then: WhenUp::Leave })
        }
        Some(Status::Paid | Status::Declined | Status::Canceled | Status::Expired) => None,
    }
}

pub(crate) fn is_barcode(draft: &Draft) -> bool {
    draft.carry.get("product") == Some(BARCODE)
}

/// When the operation was born, as the draft carries it.
pub(crate) fn born(draft: &Draft) -> Option<SystemTime> {
    time::from_seconds(draft.carry.get("born")?)
}
