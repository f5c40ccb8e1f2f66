//! A request's JSON, read field by field: what is missing, too long or unknown is refused by name.

use serde_json::{Map, Value};

use super::errors::ApiError;

/// An object with the path that leads to it.
pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: String,
}

impl<'a> Fields<'a> {
    /// The body itself.
    pub(super) fn body(value: &'a Value) -> Result<Self, ApiError> {
        let map = value.as_object().ok_or_else(|| ApiError::bad_param("the body must be a JSON object"))?;
        Ok(Self { map, path: String::new() })
    }

    /// A refusal of a field.
    pub(super) fn wrong(&self, name: &str, issue: impl Into<String>) -> ApiError {
        ApiError::param(&format!("{}{name}", self.path), self.map.get(name).unwrap_or(&Value::Null), issue)
    }

    pub(super) fn only(&self, known: &[&[&str]]) -> Result<(), ApiError> {
        match self.map.keys().find(|key| !known.iter().any(|names| names.contains(&key.as_str()))) {
            Some(key) => Err(self.wrong(key, "is no field of this request")),
            None => Ok(()),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// A text of 1 to `longest` characters.
    pub(super) fn text(&self, name: &str, longest: usize) -> Result<Option<&'a str>, ApiError> {
        let Some(value) = self.map.get(name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| self.wrong(name, "must be a string"))?;
        match text.chars().count() {
            count if (1..=longest).contains(&count) => Ok(Some(text)),
            _ => Err(self.wrong(name, format!("must have 1 to {longest} characters"))),
        }
    }

    pub(super) fn need(&self, name: &str, longest: usize) -> Result<&'a str, ApiError> {
        self.text(name, longest)?.ok_or_else(|| self.wrong(name, "is required"))
    }

    /// A text of ASCII letters, digits and some more characters.
    pub(super) fn number(&self, name: &str, shortest: usize, longest: usize, more: &str) -> Result<&'a str, ApiError> {
        let text = self.need(name, longest)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
        if text.len() >= shortest && text.chars().all(fits) {
            return Ok(text);
        }
        Err(self.wrong(name, format!("must be {shortest} to {longest} letters, digits, or of {more}")))
    }

    /// A whole number from `least` up.
    pub(super) fn integer(&self, name: &str, least: i64) -> Result<Option<i64>, ApiError> {
        let Some(value) = self.map.get(name) else { return Ok(None) };
        let number = value.as_i64().filter(|number| *number >= least);
        number.map(Some).ok_or_else(|| self.wrong(name, format!("must be a whole number from {least}")))
    }

    pub(super) fn need_integer(&self, name: &str, least: i64) -> Result<i64, ApiError> {
        self.integer(name, least)?.ok_or_else(|| self.wrong(name, "is required"))
    }

    pub(super) fn flag(&self, name: &str) -> Result<(), ApiError> {
        match self.map.get(name) {
            None | Some(Value::Bool(_)) => Ok(()),
            Some(_) => Err(self.wrong(name, "must be true or false")),
        }
    }

    pub(super) fn object(&self, name: &str) -> Result<Option<Fields<'a>>, ApiError> {
        let Some(value) = self.map.get(name) else { return Ok(None) };
        let map = value.as_object().ok_or_else(|| self.wrong(name, "must be an object"))?;
        Ok(Some(Fields { map, path: format!("{}{name}.", self.path) }))
    }

    pub(super) fn need_object(&self, name: &str) -> Result<Fields<'a>, ApiError> {
        self.object(name)?.ok_or_else(|| self.wrong(name, "is required"))
    }

    /// A list of objects; an absent one is empty.
    pub(super) fn objects(&self, name: &str) -> Result<Vec<Fields<'a>>, ApiError> {
        let Some(value) = self.map.get(name) else { return Ok(Vec::new()) };
        let items = value.as_array().ok_or_else(|| self.wrong(name, "must be a list"))?;
        let item = |(at, item): (usize, &'a Value)| {
            let map = item.as_object().ok_or_else(|| self.wrong(name, "must hold objects"))?;
            Ok(Fields { map, path: format!("{}{name}[{at}].", self.path) })
        };
        items.iter().enumerate().map(item).collect()
    }

    /// A list of words out of `known`.
    pub(super) fn words(&self, name: &str, known: &[&str]) -> Result<(), ApiError> {
        let Some(value) = self.map.get(name) else { return Ok(()) };
        let all_known = |items: &Vec<Value>| items.iter().all(|item| item.as_str().is_some_and(|word| known.contains(&word)));
        if value.as_array().is_some_and(all_known) {
            return Ok(());
        }
        Err(self.wrong(name, format!("must be a list of {}", known.join(", "))))
    }
}
