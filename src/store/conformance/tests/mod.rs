//! Proof of the suite: stores that break one law each, and the law that must notice.

mod broken;

use std::sync::Arc;
use std::time::Duration;

use super::{Bench, LAWS, ManualClock};
use crate::env::BoxFuture;
use crate::store::{MemoryStore, Store};
use broken::{Broken, Fault};

/// What goes wrong, and the law that notices it at the latest.
const NOTICED: [(Fault, &str); 29] = [
    (Fault::ChecksThenWrites, "of_64_inserts_exactly_one_wins"),
    (Fault::ChecksThenWrites, "of_32_refunds_that_exceed_only_one_wins"),
    (Fault::IgnoresVersions, "a_put_needs_the_version_it_names"),
    (Fault::WritesOneByOne, "a_commit_is_all_or_none"),
    (Fault::WritesOneByOne, "readers_never_see_half_a_commit"),
    (Fault::WritesOneByOne, "a_commit_dropped_at_any_await_is_whole_or_undone"),
    (Fault::KeepsOldDue, "a_tombstone_stays_and_is_never_due"),
    (Fault::LosesWhatIsLeft, "a_claim_dropped_at_any_await_comes_back"),
    (Fault::KeepsBodiesAsText, "bodies_of_any_bytes_come_back"),
    (Fault::RefusesNothing, "puts_that_break_the_rules_are_refused"),
    (Fault::ForgetsOps, "the_same_op_gets_the_same_answer"),
    (Fault::ForgetsLostOps, "a_refusal_is_remembered_too"),
    (Fault::LeasesNothing, "a_due_row_goes_to_one_claimer"),
    (Fault::ClaimKeepsVersion, "a_stale_holder_loses"),
    (Fault::NewestFirst, "the_longest_due_goes_first"),
    (Fault::CountsNoTries, "tries_count_until_the_next_put"),
    (Fault::ClaimsOneMore, "a_claim_of_none_takes_none"),
    (Fault::ExpiredStillCounts, "an_expired_row_is_gone_at_once"),
    (Fault::VersionsBeginAgain, "a_version_never_comes_back"),
    (Fault::PurgesAll, "purge_is_bounded_and_spares_the_living"),
    (Fault::PagesSkip, "pages_have_no_gap_and_no_double"),
    (Fault::DuePagesAreAll, "due_pages_hold_what_is_or_will_be_due"),
    (Fault::DuePagesAreNow, "due_pages_hold_what_is_or_will_be_due"),
    (Fault::DuePagesByTime, "a_walk_over_what_is_due_misses_nothing_that_stays_due"),
    (Fault::TimesByTheClient, "a_client_with_a_wrong_clock_does_no_harm"),
    (Fault::WritesOneByOne, "work_dropped_at_any_await_is_ended_once_by_another"),
    (Fault::LosesWhatIsLeft, "work_dropped_at_any_await_is_ended_once_by_another"),
    (Fault::DepthIsAllDue, "depth_counts_the_visible_and_the_due"),
    (Fault::SubsAreOne, "accounts_never_touch_each_other"),
];

#[derive(Debug)]
struct BrokenBench(Arc<ManualClock>, Arc<Broken>);

impl BrokenBench {
    fn new(fault: Option<Fault>) -> Self {
        let clock = Arc::new(ManualClock::new());
        Self(clock.clone(), Arc::new(Broken::new(MemoryStore::new(clock), fault)))
    }
}

impl Bench for BrokenBench {
    fn store(&self) -> Arc<dyn Store> {
        self.1.clone()
    }

    fn store_of_client(&self, wrong_by: i64) -> Arc<dyn Store> {
        Arc::new(self.1.of_client(wrong_by))
    }

    fn advance(&self, time: Duration) -> BoxFuture<'_, ()> {
        self.0.advance(time);
        Box::pin(async {})
    }
}

/// Runs a law in a task of its own, so that its panic is an answer.
async fn is_kept(name: &str, bench: BrokenBench) -> bool {
    let (_, law) = *LAWS.iter().find(|(law, _)| *law == name).expect("a law of that name");
    tokio::task::JoinSet::from_iter([async move { law(&bench).await }]).join_next().await.expect("one task").is_ok()
}

#[tokio::test]
async fn each_broken_store_is_noticed_by_the_law_it_breaks() {
    for (fault, law) in NOTICED {
        assert!(!is_kept(law, BrokenBench::new(Some(fault))).await, "{fault:?} was not noticed by {law}");
    }
}

#[tokio::test]
async fn the_store_behind_them_without_a_fault_keeps_every_law() {
    for (law, _) in LAWS {
        assert!(is_kept(law, BrokenBench::new(None)).await, "{law}");
    }
}
