//! What an adapter finds when it inspects its own configuration: what is wrong, and how to mend it.

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Good,
    /// It works, and will not for long; or something is left out that most want.
    Warning,
    /// Payments or callbacks fail because of it.
    Bad,
}

/// One thing looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What was looked at, as an operator names it: `platform certificate 5157F09EFDC0…`, `webhook_secrets`. Never a secret.
    pub what: String,
    /// How much it matters.
    pub level: Level,
    /// What was found.
    pub says: String,
    /// How to mend it; `None` when there is nothing to mend.
    pub mend: Option<String>,
}

impl Finding {
    /// It is as it should be.
    pub fn good(what: impl Into<String>, says: impl Into<String>) -> Self {
        Self { what: what.into(), level: Level::Good, says: says.into(), mend: None }
    }

    /// It works, and should be mended.
    pub fn warning(what: impl Into<String>, says: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what: what.into(), level: Level::Warning, says: says.into(), mend: Some(mend.into()) }
    }

    /// It does not work until it is mended.
    pub fn bad(what: impl Into<String>, says: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what: what.into(), level: Level::Bad, says: says.into(), mend: Some(mend.into()) }
    }
}
