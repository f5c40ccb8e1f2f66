//! A value that breaks a rule: which field, which rule.

use std::fmt;

/// Bad input: the field and the rule it breaks. It never repeats the value, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    field: String,
    rule: String,
}

impl Invalid {
    /// `field` breaks `rule`; the rule says what would be right.
    pub fn new(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { field: field.into(), rule: rule.into() }
    }

    /// The field, as a path: `charge.money`.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What would be right.
    pub fn rule(&self) -> &str {
        &self.rule
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: must be {}", self.field, self.rule)
    }
}

impl std::error::Error for Invalid {}
