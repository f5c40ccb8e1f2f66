//! The contract of an adapter as tests that any adapter can be put through.
//!
//! A channel's own tests implement [`Subject`] and run [`all`]; each law is a function of its own, so that a failure names it.
//! The laws are the bullets of [`Adapter`], [`Codec`](super::Codec) and [`Callbacks`](super::Callbacks). One of them no test can
//! see: a cancel never returns captured money. That one is read, in the provider's documentation.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test suite: a panic is its verdict"
)]

pub mod abilities;
pub mod answers;
pub mod callbacks;
pub mod drafts;
mod garbage;
mod line;
pub mod secrecy;

use std::fmt;
use std::time::{Duration, SystemTime};

use super::{Adapter, Charge, Draft, Granted, Kind, Known, Reply, Request};

/// What the suite needs of an adapter under test: recordings of a provider that answers well.
///
/// The suite makes the other operations from the charge: round 1 of its confirm, capture `cap-1`, refund `ref-1` and reversal
/// `rev-1` of all its money, and the questions. All are numbered as the profile forms it.
pub trait Subject: Send + Sync + fmt::Debug {
    /// The adapter, its credentials in place.
    fn adapter(&self) -> &dyn Adapter;
    /// The moment of the recordings.
    fn now(&self) -> SystemTime;
    /// What access had granted at that moment.
    fn granted(&self) -> Granted;
    /// A charge that the provider takes.
    fn charge(&self) -> Charge;
    /// What is known of that payment once it was charged.
    fn known(&self) -> Known;
    /// Good answers to that operation, one for each step, the last of which ends it. Signed where the provider signs.
    /// Empty where nothing is sent.
    fn replies(&self, kind: Kind) -> Vec<Reply>;
    /// The same for an operation, but the last answer says a status that does not exist. Empty where none can be made.
    fn unknown_word(&self, kind: Kind) -> Vec<Reply>;
    /// Answers by which the provider refuses, with proof, to do what it was asked. Under a 5xx the same words prove nothing;
    /// leave out those that the provider itself sends under a 5xx as proof.
    fn refusals(&self) -> Vec<Reply>;
    /// Whether the request carries the draft's path, body and key byte for byte. Most use [`verbatim`]; providers that sign
    /// inside the body or the path look inside.
    fn carries(&self, request: &Request, draft: &Draft) -> bool;
    /// Good callbacks, signed at [`now`](Self::now).
    fn callbacks(&self) -> Vec<Request>;
    /// The headers that a callback's signature is in or covers; empty where the body holds all.
    fn proving_headers(&self) -> Vec<&'static str>;
    /// How far a callback's time may lie from ours, either way; `None` where the provider signs no time.
    fn callback_window(&self) -> Option<Duration>;
    /// Every secret that was configured or granted, as text. None may ever be printed.
    fn secrets(&self) -> Vec<String>;
}

/// The request goes to the draft's path with the draft's body, and names the draft's key in a header where it is sent as one.
pub fn verbatim(request: &Request, draft: &Draft, key_header: Option<&str>) -> bool {
    let path =
        request.url.find("://").and_then(|at| request.url.get(at.checked_add(3)?..)).and_then(|rest| rest.get(rest.find('/')?..));
    let key = key_header.is_none_or(|name| super::single_header(&request.headers, name) == Some(draft.key.as_str()));
    request.method == draft.method && path == Some(draft.path.as_str()) && request.body == draft.body.as_bytes() && key
}

/// A law: it panics when the adapter breaks it.
pub type Law = fn(&dyn Subject);

/// Every law by its name.
pub const LAWS: [(&str, Law); 24] = [
    ("the_same_arguments_give_the_same_draft", drafts::the_same_arguments_give_the_same_draft),
    ("each_step_has_the_key_of_its_seed", drafts::each_step_has_the_key_of_its_seed),
    ("a_stored_draft_reads_back_as_it_was", drafts::a_stored_draft_reads_back_as_it_was),
    ("every_send_carries_the_drafts_own_bytes", drafts::every_send_carries_the_drafts_own_bytes),
    ("an_unknown_format_is_refused", drafts::an_unknown_format_is_refused),
    ("money_is_refused_and_never_rounded", drafts::money_is_refused_and_never_rounded),
    ("good_answers_lead_to_an_end", answers::good_answers_lead_to_an_end),
    ("the_same_answer_is_read_the_same", answers::the_same_answer_is_read_the_same),
    ("garbage_is_never_good_news", answers::garbage_is_never_good_news),
    ("a_damaged_answer_is_survived", answers::a_damaged_answer_is_survived),
    ("a_server_error_proves_nothing", answers::a_server_error_proves_nothing),
    ("an_answer_to_another_draft_is_not_believed", answers::an_answer_to_another_draft_is_not_believed),
    ("an_unknown_word_is_unrecognized", answers::an_unknown_word_is_unrecognized),
    ("nothing_seen_proves_nothing", answers::nothing_seen_proves_nothing),
    ("doubt_about_money_has_a_way_out", abilities::doubt_about_money_has_a_way_out),
    ("whatever_is_unfinished_is_watched", abilities::whatever_is_unfinished_is_watched),
    ("the_profile_agrees_with_the_account", abilities::the_profile_agrees_with_the_account),
    ("a_good_callback_is_told_under_one_key", callbacks::a_good_callback_is_told_under_one_key),
    ("asking_first_needs_a_query", callbacks::asking_first_needs_a_query),
    ("one_flipped_bit_of_a_callback_is_refused", callbacks::one_flipped_bit_of_a_callback_is_refused),
    ("a_callback_without_its_headers_is_refused", callbacks::a_callback_without_its_headers_is_refused),
    ("a_callback_of_another_hour_is_refused", callbacks::a_callback_of_another_hour_is_refused),
    ("garbage_is_no_callback", callbacks::garbage_is_no_callback),
    ("no_secret_is_printed", secrecy::no_secret_is_printed),
];

/// Puts the adapter through every law, and panics at the first that it breaks.
pub fn all(subject: &dyn Subject) {
    for (_, law) in LAWS {
        law(subject);
    }
}
