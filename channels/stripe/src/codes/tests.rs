//! The tables: complete, unambiguous, and in doubt where they are silent.

use std::collections::BTreeSet;

use paysluice::model::Fate;

use super::*;

#[test]
fn a_word_that_is_not_listed_proves_nothing() {
    for (status, class, code) in [
        (400, Some("invalid_request_error"), Some("brand_new_code")),
        (400, None, None),
        (402, Some("invalid_request_error"), None),
        (402, None, Some("card_declined")),
        (404, None, None),
        (418, Some("card_error"), None),
        (409, None, None),
        (424, Some("api_error"), None),
    ] {
        let Verdict::Fails(kind) = verdict(status, class, code).verdict else { panic!("{status} {code:?}") };
        assert_eq!(kind.fate(), Fate::Unknown, "{status} {code:?}");
    }
    assert_eq!(status("frobnicated", false, false, None), Some(Status::Unrecognized("frobnicated".into())));
    assert_eq!(refund_status("odd"), PartStatus::Unrecognized("odd".into()));
}

#[test]
fn no_server_error_proves_anything_whatever_its_code() {
    for status in 500..=599 {
        for code in CODES {
            assert_eq!(verdict(status, Some("card_error"), Some(code.word)).verdict, SERVER.verdict);
        }
    }
}

#[test]
fn each_word_stands_in_one_row_and_each_row_quotes_its_reason() {
    let words: BTreeSet<&str> = CODES.iter().map(|row| row.word).collect();
    assert_eq!(words.len(), CODES.len());
    assert!(CODES.iter().all(|row| !row.says.is_empty()));
}

#[test]
fn what_is_sent_again_under_a_new_key_is_proved_not_applied() {
    for row in CODES.iter().filter(|row| row.resend == Resend::NewKey) {
        let Verdict::Fails(kind) = row.verdict else { panic!("{}", row.word) };
        assert_eq!(kind.fate(), Fate::NotApplied, "{}", row.word);
    }
}

#[test]
fn statuses_are_those_of_the_api_reference() {
    let cases = [
        ("requires_payment_method", false, false, None),
        ("requires_payment_method", true, false, Some(Status::Declined)),
        ("requires_payment_method", true, true, Some(Status::AwaitingPayer)),
        ("requires_confirmation", false, false, None),
        ("requires_action", false, false, Some(Status::AwaitingPayer)),
        ("processing", false, false, Some(Status::Processing)),
        ("requires_capture", false, false, Some(Status::Authorized)),
        ("succeeded", true, false, Some(Status::Paid)),
        ("canceled", true, false, Some(Status::Canceled)),
    ];
    for (word, failed, open, expected) in cases {
        assert_eq!(status(word, failed, open, None), expected, "{word}");
    }
    assert_eq!(status("canceled", false, false, Some("automatic")), Some(Status::Expired));
}

#[derive(serde::Deserialize)]
struct Vectors {
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    status: Option<u16>,
    stripe_should_retry: Option<String>,
    retry: bool,
}

#[test]
fn the_official_retry_decisions_are_ours_but_for_one() {
    let vectors: Vectors = serde_json::from_str(include_str!("../../vectors/retry_decision.json")).unwrap();
    assert_eq!(vectors.cases.len(), 16);
    for case in vectors.cases {
        let Some(status) = case.status.filter(|status| *status >= 400) else { continue };
        let row = verdict(status, (status == 402).then_some("card_error"), None);
        let ours = resend(row, case.stripe_should_retry.as_deref(), false, status) == Resend::SameKey;
        // The SDKs give a bare 429 to the caller; it was not executed, so our loop may wait and send it again.
        let expected = case.retry || (status == 429 && case.stripe_should_retry.is_none());
        assert_eq!(ours, expected, "{status} {:?}", case.stripe_should_retry);
    }
    assert_eq!(resend(&SERVER, Some("true"), true, 500), Resend::No);
}
