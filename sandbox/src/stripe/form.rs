//! Stripe's form encoding, read strictly: `a[b][0]=c`, percent-encoded, each name once.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::errors::ApiError;

/// Decoded parameters: the full name (`metadata[order]`, `expand[0]`) to its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form(BTreeMap<String, String>);

impl Form {
    pub(crate) fn parse(text: &str) -> Result<Self, ApiError> {
        let mut form = Self::default();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (mut name, value) = (decoded(name)?, decoded(value)?);
            if let Some(list) = name.strip_suffix("[]") {
                name = format!("{list}[{}]", form.list(list).len());
            }
            if !well_formed(&name) {
                return Err(ApiError::bad_request(format!("Invalid parameter name: {name}")));
            }
            if form.0.insert(name.clone(), value).is_some() {
                return Err(ApiError::invalid("parameter_invalid", &name, format!("Received {name} more than once")));
            }
        }
        Ok(form)
    }

    /// Refuses what is not in `known` (top-level names).
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        let stranger = self.0.keys().map(|name| top(name)).find(|name| !known.contains(name));
        stranger.map_or(Ok(()), |name| Err(ApiError::unknown_param(name)))
    }

    /// A value; an empty one is as good as none.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(crate) fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let digits = text.strip_prefix('-').unwrap_or(text);
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let value = text.parse().ok().filter(|_| plain);
        value.map(Some).ok_or_else(|| ApiError::invalid("parameter_invalid_integer", name, format!("Invalid integer: {text}")))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(text) => Err(ApiError::invalid("parameter_invalid_boolean", name, format!("Invalid boolean: {text}"))),
        }
    }

    /// One of a few words.
    pub(crate) fn word(&self, name: &str, words: &[&str]) -> Result<Option<String>, ApiError> {
        match self.get(name) {
            Some(text) if !words.contains(&text) => {
                let message = format!("Invalid {name}: must be one of {}", words.join(", "));
                Err(ApiError::invalid("parameter_invalid", name, message).with("param", name))
            }
            other => Ok(other.map(str::to_owned)),
        }
    }

    /// The values of `name[0]`, `name[1]`, ... in the order of their indexes.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let mut indexed: Vec<(usize, &String)> =
            self.under(name).filter_map(|(at, value)| Some((at.parse().ok()?, value))).collect();
        indexed.sort_unstable();
        indexed.into_iter().map(|(_, value)| value.clone()).collect()
    }

    /// The values one level below `name`: `metadata[a]` is `a`.
    pub(crate) fn under<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, &'a String)> {
        self.0.iter().filter_map(move |(full, value)| {
            let inner = full.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?;
            (!inner.contains(['[', ']'])).then_some((inner, value))
        })
    }

    /// Changes metadata as Stripe does: an empty value deletes a key, `metadata=` deletes all.
    pub(crate) fn metadata(&self, onto: &mut BTreeMap<String, String>) -> Result<(), ApiError> {
        if self.0.get("metadata").is_some_and(String::is_empty) {
            onto.clear();
        }
        for (key, value) in self.under("metadata") {
            if key.chars().count() > 40 || value.chars().count() > 500 {
                let message = "Metadata keys are limited to 40 characters, values to 500.";
                return Err(ApiError::invalid("parameter_invalid", "metadata", message));
            }
            if value.is_empty() {
                onto.remove(key)
            } else {
                onto.insert(key.to_owned(), value.clone())
            };
        }
        let message = "Metadata can have up to 50 keys.";
        if onto.len() > 50 { Err(ApiError::invalid("parameter_invalid", "metadata", message)) } else { Ok(()) }
    }

    /// The same for the same parameters, whatever their order.
    pub(crate) fn canonical(&self) -> String {
        self.0.iter().fold(String::new(), |text, (name, value)| text + name + "=" + &format!("{value:?};"))
    }
}

fn top(name: &str) -> &str {
    name.split('[').next().unwrap_or(name)
}

/// A plain name followed by bracketed parts, none of them empty.
fn well_formed(name: &str) -> bool {
    let (first, rest) = name.split_at(top(name).len());
    let parts = rest.strip_prefix('[').map(|inner| inner.strip_suffix(']').map(|inner| inner.split("][").collect::<Vec<_>>()));
    let rest_fits = match parts {
        None => rest.is_empty(),
        Some(None) => false,
        Some(Some(parts)) => parts.iter().all(|part| !part.is_empty() && !part.contains(['[', ']'])),
    };
    !first.is_empty() && !first.contains(']') && rest_fits
}

fn decoded(text: &str) -> Result<String, ApiError> {
    let spaced = text.replace('+', " ");
    let mut rest = spaced.as_str();
    while let Some((_, after)) = rest.split_once('%') {
        let hex = after.get(..2).filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        hex.ok_or_else(|| ApiError::bad_request("Invalid percent-encoding"))?;
        rest = after.get(2..).unwrap_or_default();
    }
    let utf8 = percent_decode_str(&spaced).decode_utf8();
    utf8.map(std::borrow::Cow::into_owned).map_err(|_| ApiError::bad_request("Invalid UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_names_and_escapes_are_read() {
        let form = Form::parse("a=1&b[c][d]=x%20y+z&e%5B0%5D=p&e[1]=q&f[]=r&f[]=s&metadata[k]=%E4%B8%AD&n=").unwrap();
        assert_eq!((form.get("b[c][d]"), form.get("metadata[k]"), form.get("n")), (Some("x y z"), Some("中"), None));
        assert_eq!((form.list("e"), form.list("f")), (vec!["p".into(), "q".into()], vec!["r".into(), "s".into()]));
        assert!(form.only(&["a", "b", "e", "f", "metadata", "n"]).is_ok());
        assert_eq!(form.only(&["a"]).unwrap_err().fields["param"], "b");
    }

    #[test]
    fn what_is_not_a_form_is_refused() {
        for bad in ["a=%zz", "a=%", "a=%ff", "a=1&a=2", "a[=1", "[a]=1", "a]=1", "a[b]c=1", "a[b][][c]=1"] {
            assert!(Form::parse(bad).is_err(), "{bad}");
        }
        let form = Form::parse("n=1.5&b=yes&m=12x").unwrap();
        assert!(form.integer("n").is_err() && form.integer("m").is_err() && form.flag("b").is_err());
    }

    #[test]
    fn metadata_is_merged_and_deleted() {
        let mut held = BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
        Form::parse("metadata[a]=&metadata[c]=3").unwrap().metadata(&mut held).unwrap();
        assert_eq!(held.keys().collect::<Vec<_>>(), ["b", "c"]);
        Form::parse("metadata=").unwrap().metadata(&mut held).unwrap();
        assert!(held.is_empty());
    }
}
