//! The text that form protocols sign: every field that has a value, sorted by name.

/// `name=value` of every field with a value, sorted by name in byte order, joined by `&`, names and values as they are.
///
/// Alipay's gateway and UnionPay's ACP sign this; each leaves other fields out before. Fields of one name keep their order.
pub fn canonical<'a>(fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Vec<u8> {
    let mut fields: Vec<_> = fields.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    fields.sort_by_key(|(name, _)| *name);
    let mut text = Vec::with_capacity(fields.iter().map(|(name, value)| name.len() + value.len() + 2).sum());
    for (name, value) in fields {
        if !text.is_empty() {
            text.push(b'&');
        }
        text.extend_from_slice(name);
        text.push(b'=');
        text.extend_from_slice(value);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &[(&str, &str)]) -> String {
        let bytes = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        String::from_utf8(canonical(bytes)).unwrap()
    }

    #[test]
    fn names_are_sorted_by_their_bytes_and_values_stay_as_they_are() {
        let fields = [("b", "1+1=2&x"), ("a_b", "元"), ("ab", " "), ("aB", "0"), ("B", "%20")];
        assert_eq!(of(&fields), "B=%20&aB=0&a_b=元&ab= &b=1+1=2&x");
    }

    #[test]
    fn a_field_without_a_value_takes_no_part() {
        assert_eq!(of(&[("b", ""), ("a", "1"), ("c", "")]), "a=1");
        assert_eq!(of(&[("b", "")]), "");
        assert_eq!(of(&[]), "");
    }
}
