//! The numbers that name things: orders, attempts, refunds, captures, and what a provider is told they are called.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Invalid;

/// Declares a number: 1 to `$max` visible ASCII characters, parsed once and valid ever after.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $field:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            #[doc = concat!("Reads a number: 1 to ", stringify!($max), " visible ASCII characters, no spaces.")]
            pub fn new(text: impl Into<String>) -> Result<Self, Invalid> {
                let text = text.into();
                let fits = (1..=$max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
                if fits {
                    Ok(Self(text.into_boxed_str()))
                } else {
                    Err(Invalid::new($field, concat!("1 to ", stringify!($max), " visible ASCII characters, no spaces")))
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;

            fn try_from(text: String) -> Result<Self, Invalid> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(number: $name) -> Self {
                number.0.into()
            }
        }
    };
}

number!(
    /// What the application wants paid, once. The application's own number.
    OrderNo, "order_no", 64
);
number!(
    /// The application's number of one refund: the same number refunds once, however often it is asked.
    RefundNo, "refund_no", 64
);
number!(
    /// The application's number of one capture.
    CaptureNo, "capture_no", 64
);
number!(
    /// The number a provider is told, formed to the provider's charset and length; stored, never formed twice.
    ProviderNo, "provider_no", 64
);
number!(
    /// What makes two sends the same operation to a provider. Drawn from chance, never from the content.
    IdempotencyKey, "idempotency_key", 255
);

/// One try to pay an order with one method. The first is 1; after a decline the application asks for the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptNo(NonZeroU32);

impl AttemptNo {
    /// The first attempt.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// The attempt of that number; zero is none.
    pub fn new(number: u32) -> Result<Self, Invalid> {
        NonZeroU32::new(number).map(Self).ok_or_else(|| Invalid::new("attempt", "1 or more"))
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0.get()
    }

    /// The attempt after this one.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl Default for AttemptNo {
    fn default() -> Self {
        Self::FIRST
    }
}

impl fmt::Display for AttemptNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_visible_ascii_of_bounded_length() {
        assert_eq!(OrderNo::new("A-1/7").unwrap().as_str(), "A-1/7");
        for bad in ["", "a b", "é", "a\n", &"x".repeat(65)] {
            let error = OrderNo::new(bad).unwrap_err();
            assert_eq!(error.field(), "order_no", "{bad:?}");
        }
    }

    #[test]
    fn a_stored_number_is_checked_when_it_is_read() {
        assert!(serde_json::from_str::<RefundNo>("\"r 1\"").is_err());
        assert_eq!(serde_json::from_str::<RefundNo>("\"r1\"").unwrap().as_str(), "r1");
        assert!(serde_json::from_str::<AttemptNo>("0").is_err());
    }
}
