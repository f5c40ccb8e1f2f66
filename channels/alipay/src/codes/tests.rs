//! Tests of the codes: each row by a vector, where it is said and nowhere else.

use paysluice::model::Fate;
use serde_json::Value;

use super::*;

fn call(name: &str) -> Call {
    ALL.iter().copied().find(|call| format!("{call:?}") == name).unwrap_or_else(|| panic!("no call {name}"))
}

fn told(verdict: Verdict) -> String {
    match verdict {
        Verdict::Fails(kind) => kind.name().to_owned(),
        Verdict::Declines(advice) => format!("declines {advice:?}"),
        Verdict::Missing => "missing".to_owned(),
        Verdict::Query => "query".to_owned(),
    }
}

fn vectors() -> Vec<Value> {
    let read: Value = serde_json::from_str(include_str!("../../vectors/codes.json")).unwrap();
    read["vectors"].as_array().unwrap().clone()
}

fn found(vector: &Value) -> &'static Row {
    let text = |name: &str| vector[name].as_str().unwrap();
    verdict(call(text("call")), text("code"), text("sub_code"))
}

#[test]
fn each_vector_is_told_as_it_says() {
    for vector in vectors() {
        let row = found(&vector);
        let again = match row.resend {
            Resend::No => "no",
            Resend::Same => "same",
            Resend::After(_) => "after",
        };
        assert_eq!(told(row.verdict), vector["told"].as_str().unwrap(), "{vector}");
        assert_eq!(again, vector["again"].as_str().unwrap(), "{vector}");
    }
}

#[test]
fn every_row_has_a_vector_and_can_be_met() {
    let met: Vec<&Row> = vectors().iter().map(found).collect();
    for row in BUSINESS.iter().chain(GATEWAY).chain(CALLER).chain([&ARGUMENT, &UNLISTED]) {
        let same = |met: &&Row| (met.words, met.says, met.verdict) == (row.words, row.says, row.verdict);
        assert!(met.iter().any(same), "{:?} has no vector", row.words);
        assert!(!row.says.is_empty());
    }
    for row in BUSINESS {
        for (word, call) in row.words.iter().flat_map(|word| row.on.iter().map(move |call| (word, *call))) {
            let first = verdict(call, "40004", word);
            assert!(std::ptr::eq(first, row), "{word} {call:?} is hidden");
        }
    }
}

#[test]
fn a_word_without_a_row_is_doubt_whatever_was_called() {
    for call in ALL {
        for (code, sub) in [
            ("40004", "ACQ.BRAND_NEW"),
            ("40004", ""),
            ("40004", "acq.trade_not_exist"),
            ("99999", "ACQ.INVALID_PARAMETER"),
            ("", ""),
            ("10000", "ACQ.INVALID_PARAMETER"),
        ] {
            let Verdict::Fails(kind) = verdict(*call, code, sub).verdict else { panic!("{call:?} {code} {sub}") };
            assert_eq!(kind.fate(), Fate::Unknown, "{call:?} {code} {sub}");
        }
    }
}

#[test]
fn the_states_are_the_providers_and_no_others() {
    for (word, closed_paid, expected) in [
        ("WAIT_BUYER_PAY", false, Status::AwaitingPayer),
        ("WAIT_BUYER_PAY", true, Status::AwaitingPayer),
        ("TRADE_SUCCESS", false, Status::Paid),
        ("TRADE_FINISHED", false, Status::Paid),
        ("TRADE_CLOSED", false, Status::Canceled),
        ("TRADE_CLOSED", true, Status::Paid),
        ("trade_success", true, Status::Unrecognized("trade_success".into())),
        ("", true, Status::Unrecognized(String::new())),
    ] {
        assert_eq!(status(word, closed_paid), expected);
    }
    assert_eq!(refund_status("REFUND_SUCCESS"), PartStatus::Succeeded);
    assert_eq!(refund_status("REFUND_FAIL"), PartStatus::Unrecognized("REFUND_FAIL".into()));
}
