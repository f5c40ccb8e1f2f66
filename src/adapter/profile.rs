//! What is fixed about a provider: number formats, currencies, windows, trust.

use std::time::Duration;

use super::Want;
use crate::model::{AccountRef, AttemptNo, Currency, Error, ErrorKind, Invalid, Money, OrderNo, ProviderNo};
use crate::signing::sha256_hex;

/// The facts of a provider that the gateway must know. Each is a decision of the adapter; there are no defaults.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The provider's name, as in `AccountRef`.
    pub provider: &'static str,
    /// How the provider's number of an attempt is formed.
    pub order_number: NumberFormat,
    /// How the provider's number of a refund, a reversal or a capture is formed.
    pub part_number: NumberFormat,
    /// The rule of each currency it takes; `None` refuses the currency.
    pub currency: fn(Currency) -> Option<CurrencyRule>,
    /// The name of the ref that is the provider's id of a payment: what its support asks for.
    pub payment_ref: &'static str,
    /// Whether a declined attempt can still be paid at the provider (with another card, through the payer's own page) until it
    /// is canceled. Then the gateway cancels it, and sees it dead, before the next attempt opens.
    pub declined_stays_payable: bool,
    /// What every send needs ready before any guard is asked: a token, platform keys.
    pub access: &'static [Want],
    /// The provider closes idle connections after this time; ours must close earlier.
    pub keep_alive: Duration,
    /// Whether error answers that carry no signature are believed.
    pub unsigned_errors: UnsignedErrors,
    /// The largest answer that is read, in bytes.
    pub reply_cap: usize,
    /// The largest callback that is read, in bytes.
    pub callback_cap: usize,
}

/// What an error answer without a signature is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsignedErrors {
    /// The connection vouches for it (TLS to the provider's own host).
    Trust,
    /// It proves nothing: the outcome stays unknown.
    Unknown,
}

/// The form of a provider's numbers: letters and digits, and `extra`.
#[derive(Clone, Copy, Debug)]
pub struct NumberFormat {
    /// Fewest characters.
    pub min: usize,
    /// Most characters.
    pub max: usize,
    /// Bytes allowed beside letters and digits.
    pub extra: &'static [u8],
}

impl NumberFormat {
    /// Whether a text is such a number.
    pub fn fits(&self, text: &str) -> bool {
        (self.min..=self.max).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || self.extra.contains(&byte))
    }

    /// The provider's number of an attempt: the order's own for the first where it fits, else a hash of account, order and
    /// attempt. The same in every process, so that two of them cannot form two.
    pub fn form(&self, account: &AccountRef, order: &OrderNo, attempt: AttemptNo) -> Result<ProviderNo, Invalid> {
        if attempt == AttemptNo::FIRST && self.fits(order.as_str()) {
            return ProviderNo::new(order.as_str());
        }
        self.hash(&[account.to_string().as_bytes(), order.as_str().as_bytes(), &attempt.get().to_be_bytes()])
    }

    /// The provider's number of a refund or capture `number`: itself where it fits, else a hash.
    /// Unique across orders only if the application's is, so the order takes part in the hash.
    pub fn form_part(&self, account: &AccountRef, order: &OrderNo, number: &str) -> Result<ProviderNo, Invalid> {
        if self.fits(number) {
            return ProviderNo::new(number);
        }
        self.hash(&[account.to_string().as_bytes(), order.as_str().as_bytes(), number.as_bytes()])
    }

    /// Upper-case hex of a SHA-256, as long as the format allows: 32 characters are 128 bits, beyond any collision.
    fn hash(&self, parts: &[&[u8]]) -> Result<ProviderNo, Invalid> {
        let lengths: Vec<[u8; 8]> =
            parts.iter().map(|part| u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes()).collect();
        let framed: Vec<&[u8]> = lengths.iter().zip(parts).flat_map(|(length, part)| [length.as_slice(), *part]).collect();
        let digest = sha256_hex(&framed).to_uppercase();
        ProviderNo::new(digest.chars().take(self.max.min(32)).collect::<String>())
    }
}

/// How a provider counts one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrencyRule {
    /// Decimals of the unit that the provider counts in. May differ from ISO 4217.
    pub exponent: u8,
    /// Amounts must be multiples of this many of the provider's units.
    pub step: i64,
    /// The least amount, in the provider's units.
    pub min: i64,
    /// The largest amount, in the provider's units.
    pub max: i64,
}

impl Profile {
    /// An amount in the provider's units. Refuses, never rounds; the error names the currency and the rule.
    pub fn to_provider(&self, money: Money) -> Result<i64, Error> {
        let rule = self.rule(money.currency())?;
        let amount = scale(money.minor(), money.currency().exponent(), rule.exponent).ok_or_else(|| {
            Error::new(
                ErrorKind::Invalid,
                format!("money: {} takes at most {} decimals of {}", self.provider, rule.exponent, money.currency()),
            )
        })?;
        let broken = if amount % rule.step != 0 {
            format!("a multiple of {} units", rule.step)
        } else if amount < rule.min {
            format!("at least {} units", rule.min)
        } else if amount > rule.max {
            format!("at most {} units", rule.max)
        } else {
            return Ok(amount);
        };
        Err(Error::new(ErrorKind::Invalid, format!("money: {} in {} must be {broken}", money.currency(), self.provider)))
    }

    /// Money from the provider's units.
    pub fn from_provider(&self, amount: i64, currency: Currency) -> Result<Money, Error> {
        let rule = self.rule(currency)?;
        scale(amount, rule.exponent, currency.exponent()).and_then(|minor| Money::new(minor, currency).ok()).ok_or_else(|| {
            Error::new(
                ErrorKind::Unintelligible,
                format!("{} named an amount of {currency} that cannot be: {amount}", self.provider),
            )
        })
    }

    fn rule(&self, currency: Currency) -> Result<CurrencyRule, Error> {
        (self.currency)(currency)
            .ok_or_else(|| Error::new(ErrorKind::Unsupported, format!("money: {} does not take {currency}", self.provider)))
    }
}

/// Moves an amount from one number of decimals to another, exactly or not at all.
fn scale(amount: i64, from: u8, to: u8) -> Option<i64> {
    let factor = 10_i64.checked_pow(u32::from(from.abs_diff(to)))?;
    if to >= from {
        amount.checked_mul(factor)
    } else if amount % factor == 0 {
        Some(amount / factor)
    } else {
        None
    }
}
