//! How doubt about Alipay is resolved, what an observation proves, and what is watched for how long.

use std::time::{Duration, SystemTime};

use paysluice::adapter::{Draft, Follow, NotFound, Recovery, RecoveryStep, Seen, WhenUp};
use paysluice::model::{Fate, Status};

use crate::time;

/// A number stands for one trade or one refund for good, so the same bytes may go again at any time. Two weeks are enough.
pub(crate) const REPLAY: RecoveryStep = RecoveryStep::Replay { within: Duration::from_secs(14 * 24 * 3600) };

/// How long a payer has, if the charge does not say. Alipay's own 15 days would leave an order open that nobody can close.
pub(crate) const PAYER_TIME: Duration = Duration::from_secs(30 * 60);

/// "Poll every 3 to 5 seconds for 30 to 60": then a payment by barcode is given up, and taken back directly after a last look.
const BARCODE_TIME: Duration = Duration::from_secs(60);

/// When Alipay closes a payment by barcode itself: after ours has been taken back, and a code on a phone has run out.
pub(crate) const BARCODE_CLOSES: Duration = Duration::from_secs(120);

/// What clocks may differ, and a trade at its last second may take: only after this is "not found" a proof.
const MARGIN: Duration = Duration::from_secs(60);

/// The product of payments by barcode, as `Method::kind` names it.
pub(crate) const BARCODE: &str = "barcode";

/// Doubt resolved by these steps, soon at first.
pub(crate) fn by(steps: &[RecoveryStep], not_found: NotFound) -> Recovery {
    let cadence = [1, 3, 10, 30, 60, 300, 900, 3600].map(Duration::from_secs).to_vec();
    Recovery { steps: steps.to_vec(), not_found, cadence }
}

/// A trade may come to be until its time is over: a payer logs in, scans, or a lost request arrives late.
///
/// Asked about every five minutes at least: when its time is over, who waits for that is not kept waiting.
pub(crate) fn charge(draft: &Draft) -> Recovery {
    let cadence = [1, 3, 10, 30, 60, 120, 300].map(Duration::from_secs).to_vec();
    Recovery { cadence, ..charge_by(draft) }
}

fn charge_by(draft: &Draft) -> Recovery {
    let not_found = over(draft).map_or(NotFound::Nothing, NotFound::ProofAfter);
    if is_barcode(draft) {
        return by(&[RecoveryStep::Query, RecoveryStep::Reverse { after: BARCODE_TIME }, RecoveryStep::Human], not_found);
    }
    // What is only shown has nothing to send again, and its payer may be at it.
    if draft.path.is_empty() {
        return by(&[RecoveryStep::Query, RecoveryStep::Human], not_found);
    }
    by(&[REPLAY, RecoveryStep::Query, RecoveryStep::Cancel, RecoveryStep::Human], not_found)
}

/// From when on a trade that is not there will never be.
pub(crate) fn over(draft: &Draft) -> Option<SystemTime> {
    draft.closes_at?.checked_add(MARGIN)
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
            let until = until.map(|until| draft.closes_at.map_or(until, |closes| until.min(closes)));
            Some(Follow { cadence: cadence(&[3, 3, 4, 5]), until, then: WhenUp::Reverse })
        }
        // `time_expire` ends it at Alipay; until then nothing can close what nobody has opened.
        Some(Status::AwaitingPayer) => {
            Some(Follow { cadence: cadence(&[30, 30, 60, 60, 300]), until: draft.closes_at, then: WhenUp::Leave })
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
fn born(draft: &Draft) -> Option<SystemTime> {
    time::from_seconds(draft.carry.get("born")?)
}
