//! Laws of what an adapter can do: no promise without the code, no doubt without a way out, nothing unfinished unwatched.

use std::time::Duration;

use super::Subject;
use super::line::each_step;
use crate::adapter::{Kind, Moves, NotFound, RecoveryStep, Seen};
use crate::model::Status;

/// A step that moves money says how its doubt is resolved, in steps that exist.
pub fn doubt_about_money_has_a_way_out(subject: &dyn Subject) {
    let adapter = subject.adapter();
    each_step(subject, |line, step| {
        let (kind, recovery) = (line.kind(), line.recovery(&step.draft));
        let at = format!("{kind} step {}", step.draft.step);
        assert!(!recovery.steps.is_empty() && !recovery.cadence.is_empty(), "{at}: no way out of doubt");
        assert!(recovery.cadence.iter().all(|wait| !wait.is_zero()), "{at}: a way out without a pause");
        for way in &recovery.steps {
            let exists = match way {
                RecoveryStep::Replay { within } => *within > Duration::ZERO,
                RecoveryStep::Query if matches!(kind, Kind::Refund | Kind::QueryRefund) => adapter.query_refund().is_some(),
                RecoveryStep::Query => adapter.query().is_some(),
                RecoveryStep::Cancel => adapter.cancel().is_some(),
                RecoveryStep::Reverse { .. } => kind == Kind::Charge && adapter.reverse().is_some(),
                RecoveryStep::Callback | RecoveryStep::Human => true,
            };
            assert!(exists, "{at}: {way:?} is promised and is not there");
        }
        let replays_only = recovery.steps.iter().all(|way| matches!(way, RecoveryStep::Replay { .. }));
        assert!(
            step.draft.moves == Moves::Nothing || !replays_only,
            "{at}: when its key is dead, doubt about money stays for ever"
        );
        let asks = recovery.steps.contains(&RecoveryStep::Query) || matches!(kind, Kind::Query | Kind::QueryRefund);
        assert!(asks || recovery.not_found == NotFound::Nothing, "{at}: \"not found\" proves something, but nothing is asked");
    });
}

/// A payment that is not settled is watched after a charge; one that ended is not.
pub fn whatever_is_unfinished_is_watched(subject: &dyn Subject) {
    each_step(subject, |line, step| {
        if line.kind() != Kind::Charge {
            return;
        }
        for status in [Status::AwaitingPayer, Status::Processing, Status::Unrecognized("odd".into())] {
            let follow = line.follow(&step.draft, &Seen::status(status.clone()));
            assert!(follow.is_some_and(|follow| !follow.cadence.is_empty()), "{status}: nobody watches it");
        }
        for status in [Status::Paid, Status::Canceled, Status::Expired] {
            assert_eq!(line.follow(&step.draft, &Seen::status(status.clone())), None, "{status}: watched for nothing");
        }
    });
}

/// The profile is of the account's provider and has room for what it reads.
pub fn the_profile_agrees_with_the_account(subject: &dyn Subject) {
    let (profile, account) = (subject.adapter().profile(), subject.adapter().account());
    assert_eq!(profile.provider, account.provider());
    for format in [profile.order_number, profile.part_number] {
        assert!(format.min >= 1 && format.min <= format.max && format.max <= 64, "{format:?}");
        assert!(format.max >= 20, "{format:?}: a hash that short meets another");
    }
    assert!(!profile.keep_alive.is_zero() && profile.reply_cap >= 1024 && profile.callback_cap >= 1024);
    assert!(profile.access.is_empty() || subject.adapter().access().is_some(), "access is wanted, and nobody fetches it");
}
