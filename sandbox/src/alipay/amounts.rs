//! Money as Alipay writes it, yuan with up to two decimals, and as the ledger keeps it: fen.

use serde_json::Value;

/// `88.88` of 8888 fen.
pub(super) fn yuan(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

/// The fen of a text or number: digits, and at most two after a point; from 0.01 to 100000000 yuan.
pub(super) fn fen(value: &Value) -> Option<i64> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let (whole, part) = text.split_once('.').unwrap_or((&text, "00"));
    let digits =
        |text: &str, longest: usize| (1..=longest).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole, 9) || !digits(part, 2) {
        return None;
    }
    let fen = whole.parse::<i64>().ok()? * 100 + format!("{part:0<2}").parse::<i64>().ok()?;
    (1..=10_000_000_000).contains(&fen).then_some(fen)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yuan_and_fen_are_the_same_money() {
        assert_eq!((yuan(1), yuan(8888), yuan(100)), ("0.01".to_owned(), "88.88".to_owned(), "1.00".to_owned()));
        for (value, expected) in
            [(json!("88.88"), 8888), (json!(88.8), 8880), (json!("7"), 700), (json!("100000000"), 10_000_000_000)]
        {
            assert_eq!(fen(&value), Some(expected));
        }
        for odd in [
            json!("0"),
            json!("0.00"),
            json!("1.234"),
            json!("-1"),
            json!("1e2"),
            json!(" 1"),
            json!(".5"),
            json!("1."),
            json!("100000000.01"),
        ] {
            assert_eq!(fen(&odd), None, "{odd}");
        }
    }
}
