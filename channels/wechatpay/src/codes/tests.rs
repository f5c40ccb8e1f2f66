//! The table of codes, row by row.

//! Tests of the codes: each row where it is said, and nowhere else.

use paysluice::model::Fate;

use super::*;

const CALLS: [Call; 7] = [Call::Order, Call::Barcode, Call::Query, Call::Close, Call::Reverse, Call::Refund, Call::QueryRefund];

fn fate(call: Call, status: u16, code: &str) -> Option<Fate> {
    match verdict(call, status, code, "").verdict {
        Verdict::Fails(kind) => Some(kind.fate()),
        Verdict::Declines(_) => Some(Fate::NotApplied),
        Verdict::PayerActs | Verdict::Missing => None,
    }
}

#[test]
fn each_word_of_the_sheet_has_its_fate_and_its_again() {
    use Fate::{Applied, NotApplied, Unknown};
    let minute = Resend::After(MINUTE);
    for (call, status, code, expected, resend) in [
        (Call::Order, 400, "PARAM_ERROR", NotApplied, Resend::No),
        (Call::Order, 400, "INVALID_REQUEST", NotApplied, Resend::No),
        (Call::Order, 400, "APPID_MCHID_NOT_MATCH", NotApplied, Resend::No),
        (Call::Order, 401, "SIGN_ERROR", NotApplied, Resend::No),
        (Call::Order, 403, "NO_AUTH", NotApplied, Resend::No),
        (Call::Order, 403, "NOAUTH", NotApplied, Resend::No),
        (Call::Order, 403, "OUT_TRADE_NO_USED", Unknown, Resend::No),
        (Call::Order, 400, "ORDERPAID", Applied, Resend::No),
        (Call::Order, 400, "ORDER_PAID", Applied, Resend::No),
        (Call::Order, 400, "ORDER_CLOSED", NotApplied, Resend::No),
        (Call::Order, 429, "FREQUENCY_LIMITED", NotApplied, Resend::Same),
        (Call::Order, 429, "RATELIMIT_EXCEEDED", NotApplied, Resend::Same),
        (Call::Order, 500, "SYSTEM_ERROR", Unknown, Resend::Same),
        (Call::Order, 202, "", Unknown, Resend::Same),
        (Call::Order, 503, "SERVICE_UNAVAILABLE", Unknown, Resend::Same),
        (Call::Order, 405, "", NotApplied, Resend::No),
        (Call::Barcode, 400, "ORDERPAID", Unknown, Resend::No),
        (Call::Barcode, 403, "NOT_ENOUGH", NotApplied, Resend::No),
        (Call::Barcode, 400, "AUTH_CODE_EXPIRED", NotApplied, Resend::No),
        (Call::Close, 400, "ORDERPAID", Unknown, Resend::No),
        (Call::Close, 429, "FREQUENCY_LIMITED", Unknown, Resend::No),
        (Call::Close, 403, "FREQUENCY_LIMITED", Unknown, Resend::No),
        (Call::Reverse, 500, "SYSTEM_ERROR", Unknown, Resend::Same),
        (Call::Refund, 403, "NOT_ENOUGH", NotApplied, Resend::No),
        (Call::Refund, 403, "USER_ACCOUNT_ABNORMAL", NotApplied, Resend::No),
        (Call::Refund, 429, "FREQUENCY_LIMITED", Unknown, minute),
        (Call::Refund, 429, "RATELIMIT_EXCEEDED", Unknown, minute),
        (Call::Refund, 500, "SYSTEM_ERROR", Unknown, Resend::Same),
        (Call::Refund, 404, "RESOURCE_NOT_EXISTS", NotApplied, Resend::No),
    ] {
        assert_eq!(fate(call, status, code), Some(expected), "{call:?} {status} {code}");
        assert_eq!(verdict(call, status, code, "").resend, resend, "{call:?} {status} {code}");
    }
    assert_eq!(verdict(Call::Barcode, 400, "USERPAYING", "").verdict, Verdict::PayerActs);
    assert_eq!(verdict(Call::Barcode, 202, "USERPAYING", "").verdict, Verdict::PayerActs);
    assert_eq!(verdict(Call::Refund, 403, "NOT_ENOUGH", "").verdict, Verdict::Fails(ErrorKind::NotNow));
    assert_eq!(verdict(Call::Order, 400, "INVALID_REQUEST", "201 商户订单号重复").verdict, DOUBTFUL);
}

#[test]
fn not_found_is_one_only_to_a_question_and_under_404() {
    for code in ["ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS"] {
        assert_eq!(verdict(Call::Query, 404, code, "").verdict, Verdict::Missing, "{code}");
        assert_eq!(fate(Call::Query, 400, code), Some(Fate::Unknown), "{code}");
        assert_eq!(fate(Call::Close, 404, code), Some(Fate::Unknown), "{code}");
    }
    assert_eq!(verdict(Call::QueryRefund, 404, "RESOURCE_NOT_EXISTS", "").verdict, Verdict::Missing);
    assert_eq!(fate(Call::Query, 404, "MCH_NOT_EXISTS"), Some(Fate::NotApplied));
}

#[test]
fn a_word_without_a_row_is_doubt_and_no_5xx_is_a_verdict() {
    for call in CALLS {
        for status in [400, 402, 403, 404, 409, 418] {
            assert_eq!(fate(call, status, "BRAND_NEW"), Some(Fate::Unknown), "{call:?} {status}");
        }
        for row in CODES {
            for status in [500, 502, 503, 599] {
                assert_eq!(fate(call, status, row.word), Some(Fate::Unknown), "{call:?} {status} {}", row.word);
            }
        }
    }
}

#[test]
fn the_states_are_the_providers_and_no_others() {
    for (word, expected) in [
        ("SUCCESS", Status::Paid),
        ("REFUND", Status::Paid),
        ("NOTPAY", Status::AwaitingPayer),
        ("USERPAYING", Status::AwaitingPayer),
        ("ACCEPT", Status::Processing),
        ("CLOSED", Status::Canceled),
        ("REVOKED", Status::Canceled),
        ("PAYERROR", Status::Declined),
        ("success", Status::Unrecognized("success".into())),
        ("", Status::Unrecognized(String::new())),
    ] {
        assert_eq!(status(word), expected);
    }
    assert_eq!(refund_status("ABNORMAL"), PartStatus::NeedsAction);
    assert_eq!(refund_status("CHANGE"), PartStatus::Unrecognized("CHANGE".into()));
}

#[test]
fn every_row_can_be_met() {
    for row in CODES {
        for call in row.on {
            let found = CODES.iter().find(|other| other.word == row.word && other.on.contains(call));
            assert!(found.is_some_and(|found| std::ptr::eq(found, row)), "{} {call:?} is hidden", row.word);
        }
        assert!(!row.word.contains('_') && !row.says.is_empty());
    }
}
