//! Tests of the codes: each row has a vector, and each vector holds.

use paysluice::model::Fate;
use serde_json::Value;

use super::*;

const CALLS: [(&str, Call); 5] = [
    ("order", Call::Order),
    ("barcode", Call::Barcode),
    ("query", Call::Query),
    ("refund", Call::Refund),
    ("reverse", Call::Reverse),
];

fn vectors() -> Vec<Value> {
    let read: Value = serde_json::from_str(include_str!("../../vectors/codes.json")).unwrap();
    read["codes"].as_array().unwrap().clone()
}

fn named(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "good",
        Verdict::Missing => "missing",
        Verdict::Declines(_) => "declines",
        Verdict::Fails(kind) => kind.name(),
    }
}

#[test]
fn each_code_means_what_its_vector_says_for_each_call_and_as_a_state() {
    for vector in vectors() {
        let code = vector["code"].as_str().unwrap();
        for (name, call) in CALLS {
            assert_eq!(Some(named(verdict(call, code))), vector[name].as_str(), "{name} {code}");
        }
        let state = match state(code) {
            State::Done => "done",
            State::Open => "open",
            State::Payer => "payer",
            State::Failed(_) => "failed",
            State::Undone => "undone",
            State::Unrecognized => "unrecognized",
        };
        assert_eq!(Some(state), vector["state"].as_str(), "state {code}");
    }
}

#[test]
fn every_row_has_a_vector_and_stands_once() {
    let vectors = vectors();
    for row in CODES {
        assert!(vectors.iter().any(|vector| vector["code"] == row.code), "{} has no vector", row.code);
        assert_eq!(CODES.iter().filter(|other| other.code == row.code).count(), 1, "{}", row.code);
        assert!(!row.says.is_empty());
    }
}

#[test]
fn a_code_without_a_row_is_doubt_for_every_call() {
    for code in ["ZZ", "100", "0", "", "OO", "00 ", "成功"] {
        for (name, call) in CALLS {
            let Verdict::Fails(kind) = verdict(call, code) else { panic!("{name} {code:?}") };
            assert_eq!(kind.fate(), Fate::Unknown, "{name} {code:?}");
        }
        assert_eq!(state(code), State::Unrecognized, "{code:?}");
    }
}
