//! The laws of a store as tests that any store can be put through.
//!
//! A store's own tests implement [`Bench`] and run [`all`]; each law is a function of its own, so that a failure names it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc, reason = "a test suite: a panic is its verdict")]

pub mod claims;
mod clock;
pub mod commits;
pub mod due;
pub mod expiry;
mod ground;
pub mod races;
pub mod replays;
pub mod skew;
#[cfg(test)]
mod tests;
pub mod views;
pub mod work;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Store;
use crate::env::BoxFuture;

pub use clock::ManualClock;

/// What the suite needs of a store under test. The store need not be empty: each law works on accounts of its own.
pub trait Bench: Send + Sync + fmt::Debug {
    /// A handle to the one store under test. Each call may open another, of this process or with a connection of its own:
    /// what one handle writes all must see.
    fn store(&self) -> Arc<dyn Store>;

    /// A handle of a client whose own clock is wrong by so many seconds, ahead if they are positive. By default any handle: where
    /// clients' clocks are not asked at all, or all share one machine's.
    fn store_of_client(&self, wrong_by: i64) -> Arc<dyn Store> {
        let _ = wrong_by;
        self.store()
    }

    /// Lets `time` pass for the store: virtual time where its clock is injected, a wait where it is not.
    fn advance(&self, time: Duration) -> BoxFuture<'_, ()>;
}

/// A law: it panics when the store on the bench breaks it.
pub type Law = for<'a> fn(&'a dyn Bench) -> BoxFuture<'a, ()>;

/// Every law by its name. They need a tokio runtime, best with several threads.
pub const LAWS: [(&str, Law); 33] = [
    ("of_64_inserts_exactly_one_wins", |bench| Box::pin(commits::of_64_inserts_exactly_one_wins(bench))),
    ("a_put_needs_the_version_it_names", |bench| Box::pin(commits::a_put_needs_the_version_it_names(bench))),
    ("a_commit_is_all_or_none", |bench| Box::pin(commits::a_commit_is_all_or_none(bench))),
    ("readers_never_see_half_a_commit", |bench| Box::pin(commits::readers_never_see_half_a_commit(bench))),
    ("rows_read_back_as_they_were_put", |bench| Box::pin(commits::rows_read_back_as_they_were_put(bench))),
    ("bodies_of_any_bytes_come_back", |bench| Box::pin(commits::bodies_of_any_bytes_come_back(bench))),
    ("puts_that_break_the_rules_are_refused", |bench| Box::pin(commits::puts_that_break_the_rules_are_refused(bench))),
    ("the_same_op_gets_the_same_answer", |bench| Box::pin(replays::the_same_op_gets_the_same_answer(bench))),
    ("a_refusal_is_remembered_too", |bench| Box::pin(replays::a_refusal_is_remembered_too(bench))),
    ("twins_of_one_op_write_once", |bench| Box::pin(replays::twins_of_one_op_write_once(bench))),
    ("a_commit_dropped_at_any_await_is_whole_or_undone", |bench| {
        Box::pin(replays::a_commit_dropped_at_any_await_is_whole_or_undone(bench))
    }),
    ("a_due_row_goes_to_one_claimer", |bench| Box::pin(claims::a_due_row_goes_to_one_claimer(bench))),
    ("a_lease_ends_and_the_row_returns", |bench| Box::pin(claims::a_lease_ends_and_the_row_returns(bench))),
    ("a_claim_dropped_at_any_await_comes_back", |bench| Box::pin(claims::a_claim_dropped_at_any_await_comes_back(bench))),
    ("a_stale_holder_loses", |bench| Box::pin(claims::a_stale_holder_loses(bench))),
    ("the_longest_due_goes_first", |bench| Box::pin(claims::the_longest_due_goes_first(bench))),
    ("tries_count_until_the_next_put", |bench| Box::pin(claims::tries_count_until_the_next_put(bench))),
    ("a_claim_of_none_takes_none", |bench| Box::pin(claims::a_claim_of_none_takes_none(bench))),
    ("an_expired_row_is_gone_at_once", |bench| Box::pin(expiry::an_expired_row_is_gone_at_once(bench))),
    ("the_last_put_decides_how_long", |bench| Box::pin(expiry::the_last_put_decides_how_long(bench))),
    ("a_version_never_comes_back", |bench| Box::pin(expiry::a_version_never_comes_back(bench))),
    ("a_tombstone_stays_and_is_never_due", |bench| Box::pin(expiry::a_tombstone_stays_and_is_never_due(bench))),
    ("purge_is_bounded_and_spares_the_living", |bench| Box::pin(expiry::purge_is_bounded_and_spares_the_living(bench))),
    ("pages_have_no_gap_and_no_double", |bench| Box::pin(views::pages_have_no_gap_and_no_double(bench))),
    ("due_pages_hold_what_is_or_will_be_due", |bench| Box::pin(due::due_pages_hold_what_is_or_will_be_due(bench))),
    ("a_walk_over_what_is_due_misses_nothing_that_stays_due", |bench| {
        Box::pin(due::a_walk_over_what_is_due_misses_nothing_that_stays_due(bench))
    }),
    ("a_client_with_a_wrong_clock_does_no_harm", |bench| Box::pin(skew::a_client_with_a_wrong_clock_does_no_harm(bench))),
    ("work_dropped_at_any_await_is_ended_once_by_another", |bench| {
        Box::pin(work::work_dropped_at_any_await_is_ended_once_by_another(bench))
    }),
    ("depth_counts_the_visible_and_the_due", |bench| Box::pin(views::depth_counts_the_visible_and_the_due(bench))),
    ("spaces_are_those_that_hold_rows", |bench| Box::pin(views::spaces_are_those_that_hold_rows(bench))),
    ("accounts_never_touch_each_other", |bench| Box::pin(views::accounts_never_touch_each_other(bench))),
    ("of_32_refunds_that_exceed_only_one_wins", |bench| Box::pin(races::of_32_refunds_that_exceed_only_one_wins(bench))),
    ("a_cancel_before_its_charge_blocks_it", |bench| Box::pin(races::a_cancel_before_its_charge_blocks_it(bench))),
];

/// Puts the store on the bench through every law, and panics at the first that it breaks.
pub async fn all(bench: &dyn Bench) {
    for (_, law) in LAWS {
        law(bench).await;
    }
}
