//! Bodies between the trait and the table: JSON as text that people read, anything else as bytes.

use serde::de::IgnoredAny;

/// Deeper than anybody nests, and far above what the server's stack takes.
const DEEPEST: usize = 256;

/// The body as the server's type `json` takes it and gives it back byte by byte; `None` if it is no such text.
pub(crate) fn json(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    (depth(text) <= DEEPEST).then_some(text)
}

/// How deep a text nests that is known to be JSON.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => depth += 1,
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_goes_as_text_and_anything_else_as_bytes() {
        for text in [r#"{"b":1, "a":"\u0000 \ud800 [[[ \" {"}"#, " [1] ", "null", "1e400", "\"é\""] {
            assert_eq!(json(text.as_bytes()), Some(text));
        }
        for body in [&b""[..], b"{", b"\xff", b"\"\xff\"", b"\"\0\"", b"nul", b"1 2", b"\xef\xbb\xbf1"] {
            assert_eq!(json(body), None, "{body:?}");
        }
    }

    #[test]
    fn what_nests_too_deep_goes_as_bytes() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(json(nested(DEEPEST).as_bytes()).is_some());
        assert_eq!(json(nested(DEEPEST + 1).as_bytes()), None);
        assert!(json(format!("\"{}\"", "[".repeat(1000)).as_bytes()).is_some());
    }
}
