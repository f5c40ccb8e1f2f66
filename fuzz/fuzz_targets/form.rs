//! Any fields as a Stripe form: what is encoded holds no byte that could begin another field or leave ASCII.
#![no_main]

use libfuzzer_sys::fuzz_target;
use paysluice_stripe::{Value, encode};

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    let fields: Vec<(String, Value)> = text.split('\n').map(field).collect();
    let form = encode(&fields);
    assert!(form.bytes().all(|byte| byte.is_ascii_graphic()), "{form}");
    if !form.is_empty() {
        assert_eq!(form.split('&').count(), fields.len(), "{form}");
        assert!(form.split('&').all(|pair| pair.matches('=').count() == 1), "{form}");
    }
});

/// `a>b>c=text` is a text within maps; `a*text` is a list of one.
fn field(line: &str) -> (String, Value) {
    if let Some((key, text)) = line.split_once('*') {
        return (key.to_owned(), Value::List(vec![text.into()]));
    }
    let (keys, text) = line.split_once('=').unwrap_or((line, ""));
    let mut keys = keys.split('>');
    let first = keys.next().unwrap_or_default().to_owned();
    (first, keys.rev().fold(Value::from(text), |inner, key| Value::Map(vec![(key.to_owned(), inner)])))
}
