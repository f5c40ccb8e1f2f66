//! The text of an answer: fields that are not percent-encoded, with `&` and `=` inside of values, read as UnionPay's library reads.

use paysluice::adapter::Form;

/// More fields than any answer has, so that a made-up one is not sorted for long.
const MOST: usize = 256;

/// The fields of a message in their order, every name once, values as bytes.
pub(crate) struct Fields<'a>(Vec<(&'a [u8], &'a [u8])>);

impl<'a> Fields<'a> {
    /// Reads the body of an answer. Nothing is decoded: `+`, `/`, `=` and the CR LF of a certificate stand as they are signed.
    ///
    /// * One pair of braces around all is taken off.
    /// * A name ends at the first `=`. A value ends at the next `&` outside of `{…}` and `[…]`; these do not nest.
    /// * A last name without `=` has no value.
    ///
    /// A name twice is refused: it has two readings, and whoever forges would choose.
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, &'static str> {
        let body = body.strip_prefix(b"{").and_then(|body| body.strip_suffix(b"}")).unwrap_or(body);
        let mut fields = Vec::with_capacity(32);
        let mut rest = body;
        while !rest.is_empty() {
            if fields.len() == MOST {
                return Err("it has too many fields");
            }
            let (field, more) = next(rest)?;
            fields.push(field);
            rest = more;
        }
        let mut names: Vec<&[u8]> = fields.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        if names.windows(2).any(|two| two.first() == two.last()) {
            return Err("it has a field twice");
        }
        Ok(Self(fields))
    }

    /// The fields of a form, which has been decoded and has every name once.
    pub(crate) fn of(form: &'a Form<'_>) -> Self {
        Self(form.fields().collect())
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.0.iter().copied()
    }

    /// A field's bytes, if it is there and not empty.
    pub(crate) fn bytes(&self, name: &str) -> Option<&'a [u8]> {
        let found = self.0.iter().find(|(other, _)| *other == name.as_bytes());
        found.map(|(_, value)| *value).filter(|value| !value.is_empty())
    }

    /// A field's text, if it is there, not empty, and text.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        std::str::from_utf8(self.bytes(name)?).ok()
    }
}

/// A name and its value, and what follows them.
type Next<'a> = ((&'a [u8], &'a [u8]), &'a [u8]);

fn next(text: &[u8]) -> Result<Next<'_>, &'static str> {
    let (name, value) = match text.iter().position(|byte| *byte == b'=') {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default()),
        None => (text, &[][..]),
    };
    if name.is_empty() || name.contains(&b'&') {
        return Err("it has a field without a name, or a name without a value");
    }
    let mut closes = None;
    for (at, byte) in value.iter().enumerate() {
        match (closes, byte) {
            (Some(end), byte) if *byte == end => closes = None,
            (None, b'{') => closes = Some(b'}'),
            (None, b'[') => closes = Some(b']'),
            (None, b'&') => {
                let rest = value.get(at + 1..).unwrap_or_default();
                if rest.is_empty() {
                    return Err("it ends in the middle");
                }
                return Ok(((name, value.get(..at).unwrap_or_default()), rest));
            }
            _ => {}
        }
    }
    Ok(((name, value), &[]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &str) -> Result<Vec<(String, String)>, &'static str> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Ok(Fields::read(body.as_bytes())?.iter().map(|(name, value)| (text(name), text(value))).collect())
    }

    fn is(body: &str, expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(read(body), Ok(expected), "{body}");
    }

    #[test]
    fn a_value_keeps_what_a_form_would_decode() {
        is("a=1+2%2B/3==&b=\r\nx y&c=成功[0000000]", &[("a", "1+2%2B/3=="), ("b", "\r\nx y"), ("c", "成功[0000000]")]);
        is("a=&b==&c", &[("a", ""), ("b", "="), ("c", "")]);
        is("", &[]);
    }

    #[test]
    fn braces_and_brackets_hold_a_value_together_one_level_deep() {
        is("a={x=1&y=2}&b=[p&q]r&c=3", &[("a", "{x=1&y=2}"), ("b", "[p&q]r"), ("c", "3")]);
        is("a={x={1&y}&z=2}&b=3", &[("a", "{x={1&y}"), ("z", "2}"), ("b", "3")]);
        is("a={[&}&b=]&c=1", &[("a", "{[&}"), ("b", "]"), ("c", "1")]);
        is("a=x{1&b=2", &[("a", "x{1&b=2")]);
        is("a=}&b=]&c", &[("a", "}"), ("b", "]"), ("c", "")]);
    }

    #[test]
    fn one_pair_of_braces_around_all_is_taken_off() {
        is("{a=1&b={x&y}}", &[("a", "1"), ("b", "{x&y}")]);
        is("{a=1", &[("{a", "1")]);
        is("a={1}", &[("a", "{1}")]);
    }

    #[test]
    fn what_has_two_readings_is_refused() {
        for body in ["a=1&a=2", "a=1&b=2&a=", "=1", "a=1&=2", "a=1&", "a&b=1", "&a=1", "a=1&&b=2"] {
            assert!(read(body).is_err(), "{body}");
        }
        let many = |count: usize| (0..count).map(|n| format!("f{n}=1")).collect::<Vec<_>>().join("&");
        assert!(read(&many(256)).is_ok() && read(&many(257)).is_err());
    }

    proptest! {
        #[test]
        fn what_is_joined_is_read_back_and_garbage_is_survived(
            values in prop::collection::vec("[^&{}\\[\\]]*", 1..8),
            garbage in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let named: Vec<(String, String)> = values.into_iter().enumerate().map(|(n, value)| (format!("f{n}"), value)).collect();
            let body = named.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
            prop_assert_eq!(read(&body), Ok(named));
            let _ = Fields::read(&garbage);
        }
    }
}
