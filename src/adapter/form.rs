//! Form bodies (`application/x-www-form-urlencoded`): strictly read, plainly written.

use std::borrow::Cow;

use crate::model::Invalid;

/// More fields than any provider sends, so that a made-up body is not sorted for long.
const FIELDS: usize = 256;

/// The fields of a form: decoded once, in their order, every name once, values as bytes in whatever charset they came.
#[derive(Clone, Debug)]
pub struct Form<'a>(Vec<Field<'a>>);

/// A name and its value.
type Field<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

impl<'a> Form<'a> {
    /// Reads a body. Refused, by the name of what is wrong: more than 256 fields, a name twice, a `%` without two hex digits.
    ///
    /// A name that comes twice has two readings, and whoever forges would choose; nothing signed has it.
    pub fn read(body: &'a [u8]) -> Result<Self, Invalid> {
        let mut fields = Vec::new();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            if fields.len() == FIELDS {
                return Err(Invalid::new("body", format!("a form of at most {FIELDS} fields")));
            }
            let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(at) => (pair.get(..at).unwrap_or_default(), pair.get(at + 1..).unwrap_or_default()),
                None => (pair, &[][..]),
            };
            fields.push((decoded(name)?, decoded(value)?));
        }
        let mut names: Vec<&[u8]> = fields.iter().map(|(name, _)| name.as_ref()).collect();
        names.sort_unstable();
        match names.windows(2).find(|two| two.first() == two.last()) {
            Some(twice) => Err(Invalid::new(
                String::from_utf8_lossy(twice.first().copied().unwrap_or_default()).chars().take(64).collect::<String>(),
                "once in a form",
            )),
            None => Ok(Self(fields)),
        }
    }

    /// The fields in their order.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// A field's bytes, if it is there and not empty.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        let mut found = self.fields().filter(|(other, _)| *other == name.as_bytes());
        found.next().map(|(_, value)| value).filter(|value| !value.is_empty())
    }

    /// A field's text, if it is there and not empty. Refused if it is not UTF-8.
    pub fn text(&self, name: &str) -> Result<Option<&str>, Invalid> {
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| Invalid::new(name, "UTF-8"));
        self.bytes(name).map(text).transpose()
    }

    /// Writes a form: names and values percent-encoded, all but letters, digits and `-._~`.
    pub fn encode<'b>(fields: impl IntoIterator<Item = (&'b str, &'b str)>) -> String {
        let mut form = String::new();
        for (name, value) in fields {
            if !form.is_empty() {
                form.push('&');
            }
            encode(&mut form, name);
            form.push('=');
            encode(&mut form, value);
        }
        form
    }
}

fn encode(form: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            form.push(char::from(byte));
        } else {
            let digit = |of: u8| HEX.get(usize::from(of)).copied().map_or('0', char::from);
            form.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

fn decoded(raw: &[u8]) -> Result<Cow<'_, [u8]>, Invalid> {
    let escape = |text: &[u8]| text.iter().position(|byte| matches!(byte, b'%' | b'+'));
    let Some(mut at) = escape(raw) else { return Ok(Cow::Borrowed(raw)) };
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw;
    loop {
        let (plain, from) = rest.split_at(at);
        decoded.extend_from_slice(plain);
        rest = match from {
            [b'+', rest @ ..] => {
                decoded.push(b' ');
                rest
            }
            [b'%', high, low, rest @ ..] if digit(*high) < 16 && digit(*low) < 16 => {
                decoded.push((digit(*high) << 4) | digit(*low));
                rest
            }
            _ => return Err(Invalid::new("body", "a form whose every % has two hex digits after it")),
        };
        match escape(rest) {
            Some(next) => at = next,
            None => break,
        }
    }
    decoded.extend_from_slice(rest);
    Ok(Cow::Owned(decoded))
}

/// What a hex digit stands for; 16 if it is none.
const fn digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        b'A'..=b'F' => byte - b'A' + 10,
        _ => 16,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &str) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Form::read(body.as_bytes()).unwrap().fields().map(|(name, value)| (text(name), text(value))).collect()
    }

    #[test]
    fn a_value_is_decoded_once_and_ends_at_the_next_ampersand() {
        let fields = read("&a=1+2%2B3&b=x=y%3D&&c&%E5%85%83=%25e5&d=");
        let expected = [("a", "1 2+3"), ("b", "x=y="), ("c", ""), ("元", "%e5"), ("d", "")];
        assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn what_has_two_readings_is_refused_by_name() {
        for (body, field) in [("a=1&b=2&%61=3", "a"), ("a=%4", "body"), ("a=%zz", "body"), ("%=1", "body"), ("a=%+1", "body")] {
            assert_eq!(Form::read(body.as_bytes()).unwrap_err().field(), field, "{body}");
        }
        let many = |count: usize| (0..count).map(|n| format!("f{n}=1")).collect::<Vec<_>>().join("&");
        assert!(Form::read(many(256).as_bytes()).is_ok());
        assert!(Form::read(many(257).as_bytes()).is_err());
    }

    #[test]
    fn a_field_is_found_unless_it_is_empty_and_text_must_be_text() {
        let form = Form::read(b"a=1&b=&c=%d6%d0").unwrap();
        assert_eq!((form.text("a").unwrap(), form.text("b").unwrap(), form.text("d").unwrap()), (Some("1"), None, None));
        assert_eq!(form.bytes("c"), Some(&[0xd6, 0xd0][..]));
        assert_eq!(form.text("c").unwrap_err().field(), "c");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(values in proptest::collection::vec(".*", 0..8)) {
            let named: Vec<(String, String)> = values.into_iter().enumerate().map(|(n, value)| (format!("f{n}"), value)).collect();
            let body = Form::encode(named.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            prop_assert_eq!(read(&body), named);
        }

        #[test]
        fn garbage_is_refused_or_read_without_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Form::read(&body);
        }
    }
}
