//! How doubt about UnionPay is resolved, what an observation proves, and what is watched for how long.

use std::time::{Duration, SystemTime};

use paysluice::adapter::{Draft, Follow, NotFound, Recovery, RecoveryStep, Seen, SeenPart, WhenUp};
use paysluice::model::{Fate, PartStatus, Status};

use crate::time;

/// The product of payments by the code on the payer's phone, as `Method::kind` names it.
pub(crate) const BARCODE: &str = "barcode";

/// "Now and 15 minutes": how long a payer has, if the charge does not say.
pub(crate) const PAYER_TIME: Duration = Duration::from_secs(15 * 60);

/// The same at a till.
pub(crate) const BARCODE_TIME: Duration = Duration::from_secs(5 * 60);

/// How far UnionPay's clock may lie from ours, and a payment that was begun in time may still come.
const SKEW: Duration = Duration::from_secs(5 * 60);

/// "`txnTime` must be current": what has not arrived after this is refused for its time, and cannot arrive any more.
const STALE: Duration = Duration::from_secs(15 * 60);

/// A request that nobody was shown the answer of goes again within this time of its own `txnTime`.
const CURRENT: Duration = Duration::from_secs(2 * 60);

/// Six questions, 1, 2, 4, 8, 16 and 32 s apart; who stands at a till is told something then.
const TILL: Duration = Duration::from_secs(63);

/// A reversal is of the same clearing day, and is harmless however often it is sent.
const REVERSIBLE: Duration = Duration::from_secs(30 * 60);

/// "Of back-type trades at most six queries, at 1, 2, 4, 8, 16 and 32 s"; then slowly, for nothing unfinished goes unwatched: among
/// others just after a payment at a till has ended for good (10 min), and just after a refund's time is stale (15 min).
const BACK: [u64; 12] = [1, 2, 4, 8, 16, 32, 300, 250, 300, 900, 3600, 6 * 3600];

/// "Of front-type trades 5, 10, 30, 60 and 120 min after", and twice more about the usual end of 15 min, so that it is seen when it
/// comes.
const FRONT: [u64; 7] = [300, 300, 300, 360, 540, 1800, 3600];

fn cadence(seconds: &[u64]) -> Vec<Duration> {
    seconds.iter().copied().map(Duration::from_secs).collect()
}

/// When a failure is final, and "not found" proves that nothing will come.
pub(crate) fn final_after(closes_at: SystemTime) -> SystemTime {
    closes_at.checked_add(SKEW).unwrap_or(closes_at)
}

/// A charge's doubt. The number is kept in a new generation, its time is not: within a day UnionPay takes a number once, so that
/// whatever may still come under the old time excludes the new one.
pub(crate) fn charge(draft: &Draft) -> Recovery {
    let not_found = ended(draft);
    let (steps, cadence) = match draft.carry.get("product") {
        Some(BARCODE) => {
            let steps = vec![RecoveryStep::Query, RecoveryStep::Reverse { after: TILL }, RecoveryStep::Human];
            (steps, cadence(&BACK))
        }
        Some("web" | "wap") => (vec![RecoveryStep::Query, RecoveryStep::Callback], cadence(&FRONT)),
        // Nobody was shown it: the same again, or it ends by its payTimeout.
        _ => (vec![RecoveryStep::Replay { within: CURRENT }, RecoveryStep::Query], cadence(&BACK)),
    };
    Recovery { steps, not_found, cadence }
}

/// A refund's doubt. It is asked about and never sent twice by itself: under another time it would be another refund.
pub(crate) fn refund(draft: &Draft) -> Recovery {
    let stale = born(draft).and_then(|born| born.checked_add(STALE));
    let not_found = stale.map_or(NotFound::Nothing, NotFound::ProofAfter);
    Recovery { steps: vec![RecoveryStep::Query, RecoveryStep::Human], not_found, cadence: cadence(&BACK) }
}

/// A reversal's doubt: "the same may be sent again". A payment that is not found when its time is over for good never arrived: there
/// was nothing to take back, and the reversal ends without a person.
pub(crate) fn reverse(draft: &Draft) -> Recovery {
    if draft.carry.get("part").is_some() {
        return refund(draft);
    }
    let steps = vec![RecoveryStep::Replay { within: REVERSIBLE }, RecoveryStep::Query, RecoveryStep::Human];
    Recovery { steps, not_found: ended(draft), cadence: cadence(&BACK) }
}

/// From when on "not found" proves that a payment never was.
fn ended(draft: &Draft) -> NotFound {
    draft.closes_at.map_or(NotFound::Nothing, |at| NotFound::ProofAfter(final_after(at)))
}

/// A question's.
pub(crate) fn question() -> Recovery {
    Recovery { steps: vec![RecoveryStep::Query], not_found: NotFound::Nothing, cadence: cadence(&BACK) }
}

/// What a payment's state proves about its charge.
pub(crate) fn judge_payment(seen: &Seen) -> Option<Fate> {
    match seen.status.as_ref()? {
        Status::AwaitingPayer | Status::Processing | Status::Authorized | Status::Paid => Some(Fate::Applied),
        Status::Declined | Status::Canceled | Status::Expired => Some(Fate::NotApplied),
        Status::Unrecognized(_) => None,
    }
}

/// What to watch of a payment. Nothing closes an order but its `payTimeout`; a payment at a till is taken back.
pub(crate) fn follow_payment(draft: &Draft, seen: &Seen) -> Option<Follow> {
    if seen.status.as_ref().is_some_and(|status| status.is_unpaid_end() || *status == Status::Paid) {
        return None;
    }
    if draft.carry.get("product") == Some(BARCODE) {
        let until = born(draft).and_then(|born| born.checked_add(TILL));
        return Some(Follow { cadence: cadence(&BACK), until, then: WhenUp::Reverse });
    }
    let cadence = match seen.status {
        Some(Status::Processing) => cadence(&BACK),
        _ => cadence(&FRONT),
    };
    Some(Follow { cadence, until: None, then: WhenUp::Leave })
}

/// What to watch of a refund.
pub(crate) fn follow_refund(part: &SeenPart) -> Option<Follow> {
    match part.status {
        PartStatus::Succeeded | PartStatus::Failed | PartStatus::Canceled => None,
        PartStatus::Pending | PartStatus::NeedsAction | PartStatus::Unrecognized(_) => {
            Some(Follow { cadence: cadence(&BACK), until: None, then: WhenUp::Leave })
        }
    }
}

/// The refund of the draft's own number.
pub(crate) fn ours<'a>(draft: &Draft, seen: &'a Seen) -> Option<&'a SeenPart> {
    let number = draft.carry.get("part")?;
    seen.refunds.iter().find(|part| part.number.as_deref() == Some(number))
}

/// When the operation was born, as the draft carries it.
fn born(draft: &Draft) -> Option<SystemTime> {
    time::from_seconds(draft.carry.get("born")?)
}
