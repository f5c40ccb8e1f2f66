//! The protocols that a gateway may speak: each has keys of its own in `paysluice.toml`, and a file of its own beside this one.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use paysluice::adapter::Adapter;
use paysluice::model::{Invalid, Secret};
use serde::de::DeserializeOwned;
use toml::Deserializer;

use super::{alipay, stripe, unionpay, wechatpay};
use crate::config::{ConfigError, GatewaySection, Many};
use crate::secrets::Secrets;

/// What of a gateway's section only its provider has, and how an adapter comes of it.
pub(crate) trait Own: Debug + Send + Sync {
    /// The adapter, for that use.
    fn open(&self, at: &At<'_>, usage: Use) -> Result<Arc<dyn Adapter>, ConfigError>;
}

/// Reads a provider's own keys.
pub(crate) type Read = fn(Deserializer<'_>) -> Result<Arc<dyn Own>, toml::de::Error>;

/// All providers, by their names. Another is one more line here, and one more file.
pub(crate) const ALL: [(&str, Read); 4] = [
    ("stripe", read::<stripe::Keys>),
    ("wechatpay", read::<wechatpay::Keys>),
    ("alipay", read::<alipay::Keys>),
    ("unionpay", read::<unionpay::Keys>),
];

fn read<K: Own + DeserializeOwned + 'static>(keys: Deserializer<'_>) -> Result<Arc<dyn Own>, toml::de::Error> {
    K::deserialize(keys).map(|keys| Arc::new(keys) as Arc<dyn Own>)
}

/// What reads the keys of the provider of that name.
pub(crate) fn named(name: &str) -> Option<Read> {
    ALL.iter().find(|(known, _)| *known == name).map(|(_, read)| *read)
}

/// The names of all, for a sentence.
pub(crate) fn names() -> String {
    ALL.map(|(name, _)| name).join(", ")
}

/// What an adapter is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Use {
    /// Whether it sends: its keys for that are looked for.
    pub(crate) sends: bool,
    /// Whether it verifies callbacks: what only they need is looked for.
    pub(crate) hears: bool,
}

impl Use {
    /// All that an adapter can do.
    pub(crate) const ALL: Self = Self { sends: true, hears: true };
    /// Reading callbacks only.
    pub(crate) const CALLBACKS: Self = Self { sends: false, hears: true };
}

/// Where a provider's keys stand: finds what they name, and tells what is wrong with them by its place.
pub(crate) struct At<'a> {
    pub(crate) secrets: &'a Secrets<'a>,
    pub(crate) name: &'a str,
    pub(crate) section: &'a GatewaySection,
}

impl At<'_> {
    /// A secret, from the variable or the file that its field names.
    pub(crate) fn secret(&self, field: &str, variable: Option<&str>, file: Option<&PathBuf>) -> Result<Secret, ConfigError> {
        self.secrets.named(self.name, field, variable, file.map(PathBuf::as_path))
    }

    /// A secret that may be left out.
    pub(crate) fn secret_if_named(
        &self,
        field: &str,
        variable: Option<&str>,
        file: Option<&PathBuf>,
    ) -> Result<Option<Secret>, ConfigError> {
        let named = variable.is_some() || file.is_some();
        named.then(|| self.secret(field, variable, file)).transpose()
    }

    /// All secrets that a field names.
    pub(crate) fn several(
        &self,
        field: &str,
        variables: &Many<String>,
        files: &Many<PathBuf>,
    ) -> Result<Vec<Secret>, ConfigError> {
        self.secrets.several(self.name, field, &variables.0, &files.0)
    }

    /// A text that is no secret, from a file: a certificate, a public key.
    pub(crate) fn text(&self, field: &str, file: &Path) -> Result<String, ConfigError> {
        self.secrets.text(self.name, field, file)
    }

    /// The same, where a file is named.
    pub(crate) fn text_if_named(&self, field: &str, file: Option<&PathBuf>) -> Result<Option<String>, ConfigError> {
        file.map(|file| self.text(field, file)).transpose()
    }

    /// A field that must be given.
    pub(crate) fn missing(&self, field: &str) -> ConfigError {
        self.wrong(field, "must be given")
    }

    /// A field that breaks a rule.
    pub(crate) fn wrong(&self, field: &str, rule: &str) -> ConfigError {
        ConfigError::new(&self.secrets.config.file, format!("gateways.{}.{field}", self.name), rule)
    }

    /// The adapter, or which of its rules is broken.
    pub(crate) fn adapter<A: Adapter + 'static>(&self, opened: Result<A, Invalid>) -> Result<Arc<dyn Adapter>, ConfigError> {
        let told = |invalid: Invalid| ConfigError::of(&self.secrets.config.file, &format!("gateways.{}", self.name), &invalid);
        Ok(Arc::new(opened.map_err(told)?))
    }
}
