//! Whose money it is: provider, environment, merchant and sub-merchant, the scope of every key, row, limit and event.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Invalid;

/// Real money or play money. A key, row or event of one never meets the other's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Real money.
    Live,
    /// The provider's test environment, or a sandbox.
    Test,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Live => "live",
            Self::Test => "test",
        })
    }
}

/// The account at a provider: the scope of every key, row, limit and event.
///
/// Cheap to clone. Its text form, `provider:mode:merchant` or `provider:mode:merchant:sub`, names it in stores, paths and metrics.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountRef(Arc<Names>);

/// Shared, since every key of every row names its account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Names {
    provider: String,
    mode: Mode,
    merchant: String,
    sub: Option<String>,
}

impl AccountRef {
    /// An account. Each name is 1 to 64 characters of `A–Z a–z 0–9 _ - .`, so that the text form is unambiguous.
    pub fn new(provider: &str, mode: Mode, merchant: &str) -> Result<Self, Invalid> {
        name("account.provider", provider)?;
        name("account.merchant", merchant)?;
        Ok(Self(Arc::new(Names { provider: provider.to_owned(), mode, merchant: merchant.to_owned(), sub: None })))
    }

    /// The same account acting for a sub-merchant or connected account.
    pub fn on_behalf_of(mut self, sub: &str) -> Result<Self, Invalid> {
        name("account.sub", sub)?;
        Arc::make_mut(&mut self.0).sub = Some(sub.to_owned());
        Ok(self)
    }

    /// The provider's name: `stripe`.
    pub fn provider(&self) -> &str {
        &self.0.provider
    }

    /// Live or test.
    pub fn mode(&self) -> Mode {
        self.0.mode
    }

    /// The merchant's or platform's own id at the provider.
    pub fn merchant(&self) -> &str {
        &self.0.merchant
    }

    /// The sub-merchant or connected account, if any.
    pub fn sub(&self) -> Option<&str> {
        self.0.sub.as_deref()
    }
}

impl Hash for AccountRef {
    /// The merchant tells accounts apart, and every row's key is hashed.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.merchant.hash(state);
    }
}

fn name(field: &'static str, value: &str) -> Result<(), Invalid> {
    let fits = (1..=64).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    if fits { Ok(()) } else { Err(Invalid::new(field, "1 to 64 characters of A-Z a-z 0-9 _ - .")) }
}

impl fmt::Display for AccountRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.0.provider, self.0.mode, self.0.merchant)?;
        self.0.sub.as_ref().map_or(Ok(()), |sub| write!(f, ":{sub}"))
    }
}

impl FromStr for AccountRef {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut parts = text.split(':');
        let (Some(provider), Some(mode), Some(merchant)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Invalid::new("account", "provider:live|test:merchant[:sub]"));
        };
        let mode = match mode {
            "live" => Mode::Live,
            "test" => Mode::Test,
            _ => return Err(Invalid::new("account.mode", "live or test")),
        };
        let account = Self::new(provider, mode, merchant)?;
        match (parts.next(), parts.next()) {
            (None, _) => Ok(account),
            (Some(sub), None) => account.on_behalf_of(sub),
            (Some(_), Some(_)) => Err(Invalid::new("account", "provider:live|test:merchant[:sub]")),
        }
    }
}

impl TryFrom<String> for AccountRef {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<AccountRef> for String {
    fn from(account: AccountRef) -> Self {
        account.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_round_trips() {
        for text in ["stripe:live:acct_1", "wechatpay:test:1900000109:sub-7"] {
            let account: AccountRef = text.parse().unwrap();
            assert_eq!(account.to_string(), text);
        }
    }

    #[test]
    fn ambiguous_names_are_refused() {
        for text in ["stripe:live:", "stripe:prod:a", "stripe:live:a:b:c", "str ipe:live:a", "stripe"] {
            assert!(text.parse::<AccountRef>().is_err(), "{text}");
        }
    }
}
