//! `paysluice.toml` as it is written: what may stand in it, and errors that name the file, the key and the rule.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use paysluice::gateway::GatewayConfig;
use paysluice::guard::GuardsConfig;
use paysluice::model::{AccountRef, Invalid};
use paysluice::transport::NetworkConfig;
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::open::provider::{self, Own};

/// A configuration and where it was read: paths in it are meant from there.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// The file, as it was named.
    pub(crate) file: PathBuf,
    /// What stands in it.
    pub(crate) sections: Sections,
    /// What of each gateway's section only its provider has.
    own: BTreeMap<String, Arc<dyn Own>>,
}

/// The whole file.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sections {
    /// Where orders and decisions are kept.
    #[serde(default)]
    pub(crate) store: Option<StoreSection>,
    /// The key that seals what rests in the store.
    #[serde(default)]
    pub(crate) at_rest: Option<AtRestSection>,
    /// The gateways by name.
    #[serde(default)]
    pub(crate) gateways: BTreeMap<String, GatewaySection>,
}

/// `[store]`
#[derive(Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoreSection {
    /// `sqlite:PATH`, `postgres://…`, `redis://…`, `rediss://…` or `memory:`.
    #[serde(default)]
    pub(crate) url: String,
    /// The variable that holds it: for one with a password.
    #[serde(default)]
    pub(crate) url_env: Option<String>,
    /// `best_effort`: a store that may lose what it has answered will do. Redis needs it.
    #[serde(default)]
    pub(crate) accept_durability: Option<String>,
}

impl fmt::Debug for StoreSection {
    /// Without the address: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreSection").field("accept_durability", &self.accept_durability).finish_non_exhaustive()
    }
}

/// `[at_rest]`
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AtRestSection {
    pub(crate) key_id: String,
    #[serde(default)]
    pub(crate) key_env: Option<String>,
    #[serde(default)]
    pub(crate) key_file: Option<PathBuf>,
    #[serde(default, rename = "key")]
    _inline: Option<Inline>,
    /// Keys that sealed before this one, and still open.
    #[serde(default)]
    pub(crate) older: Vec<OlderKey>,
}

/// `[[at_rest.older]]`
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OlderKey {
    pub(crate) key_id: String,
    #[serde(default)]
    pub(crate) key_env: Option<String>,
    #[serde(default)]
    pub(crate) key_file: Option<PathBuf>,
    #[serde(default, rename = "key")]
    _inline: Option<Inline>,
}

/// `[gateways.NAME]`, without what only its provider has.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatewaySection {
    pub(crate) provider: String,
    pub(crate) account: AccountRef,
    #[serde(default)]
    pub(crate) base_url: Option<String>,
    #[serde(default)]
    pub(crate) allow_http_loopback: bool,
    /// What `callback serve` signs with; several while one is rolled.
    #[serde(default)]
    pub(crate) forward_secret_env: Many<String>,
    #[serde(default)]
    pub(crate) forward_secret_file: Many<PathBuf>,
    #[serde(default, rename = "forward_secret", alias = "forward_secrets")]
    _forward_secret: Option<Inline>,
    /// The guards' settings.
    #[serde(default)]
    pub(crate) guards: GuardsConfig,
    /// The network's settings.
    #[serde(default)]
    pub(crate) network: NetworkConfig,
    /// The gateway's own settings.
    #[serde(default)]
    pub(crate) settings: GatewayConfig,
}

/// The keys of [`GatewaySection`]. All others are the provider's own.
const COMMON: [&str; 11] = [
    "provider",
    "account",
    "base_url",
    "allow_http_loopback",
    "forward_secret_env",
    "forward_secret_file",
    "forward_secret",
    "forward_secrets",
    "guards",
    "network",
    "settings",
];

/// A secret that stands in the file itself: refused unread.
#[derive(Clone, Debug)]
pub(crate) struct Inline;

impl<'de> Deserialize<'de> for Inline {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(input)?;
        Err(D::Error::custom(
            "a secret must not stand in this file: name an environment variable with …_env, or a file with …_file",
        ))
    }
}

/// One or several.
#[derive(Clone, Debug)]
pub(crate) struct Many<T>(pub(crate) Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: From<String>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged, expecting = "must be a text or a list of texts")]
        enum Said {
            One(String),
            Several(Vec<String>),
        }
        Ok(Self(match Said::deserialize(input)? {
            Said::One(one) => vec![one.into()],
            Said::Several(several) => several.into_iter().map(Into::into).collect(),
        }))
    }
}

/// What is wrong with a configuration: which file, which key, which rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConfigError {
    file: PathBuf,
    key: String,
    rule: String,
}

impl ConfigError {
    pub(crate) fn new(file: &Path, key: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { file: file.to_owned(), key: key.into(), rule: rule.into() }
    }

    /// Which key, or which file if it is about the whole.
    pub(crate) fn place(&self) -> String {
        if self.key.is_empty() { self.file.display().to_string() } else { self.key.clone() }
    }

    /// The rule that is broken: what would be right.
    pub(crate) fn rule(&self) -> &str {
        &self.rule
    }

    /// A rule of the library, broken by what stands under `section`.
    pub(crate) fn of(file: &Path, section: &str, invalid: &Invalid) -> Self {
        Self::new(file, format!("{section}.{}", invalid.field()), format!("must be {}", invalid.rule()))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, key, rule } = self;
        let file = file.display();
        if key.is_empty() { write!(f, "{file}: {rule}") } else { write!(f, "{file}: {key}: {rule}") }
    }
}

impl From<ConfigError> for String {
    fn from(error: ConfigError) -> Self {
        error.to_string()
    }
}

impl Config {
    /// Reads a file.
    pub(crate) fn read(file: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(file).map_err(|error| {
            ConfigError::new(file, "", format!("must be a file that can be read ({error}); --config names another"))
        })?;
        let mut config = Self::parse(file, &text)?;
        config.find_store(&crate::secrets::of_process)?;
        Ok(config)
    }

    /// Takes the store's address from the environment, if it is there.
    fn find_store(&mut self, environment: crate::secrets::Environment<'_>) -> Result<(), ConfigError> {
        let Some(store) = &mut self.sections.store else { return Ok(()) };
        let Some(variable) = &store.url_env else { return Ok(()) };
        let wrong = |rule: String| ConfigError::new(&self.file, "store.url_env", rule);
        if !store.url.is_empty() {
            return Err(wrong("must not be given together with url".to_owned()));
        }
        let url = environment(variable).filter(|url| !url.is_empty());
        store.url = url.ok_or_else(|| wrong(format!("environment variable {variable} is not set")))?;
        Ok(())
    }

    /// Reads a text as if it stood in `file`.
    pub(crate) fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        let wrong = |error: toml::de::Error| {
            // The message only: the error's own display quotes the line, which may hold a secret.
            let key = error.span().map_or_else(String::new, |span| key_at(text, span.start));
            ConfigError::new(file, key, error.message())
        };
        let mut whole = DeTable::parse(text).map_err(wrong)?;
        let apart = providers_keys(whole.get_mut());
        let sections = Sections::deserialize(toml::Deserializer::from(whole)).map_err(wrong)?;
        let mut own = BTreeMap::new();
        for (name, gateway) in &sections.gateways {
            let section = format!("gateways.{name}");
            gateway.guards.validate().map_err(|invalid| ConfigError::of(file, &format!("{section}.guards"), &invalid))?;
            let read = provider::named(&gateway.provider).ok_or_else(|| {
                let rule = format!("must be {}: this command speaks no other protocol yet", provider::names());
                ConfigError::new(file, format!("{section}.provider"), rule)
            })?;
            let keys = apart.iter().find(|(of, _)| of == name).map(|(_, keys)| keys.clone());
            let keys = keys.unwrap_or_else(|| Spanned::new(0..0, DeTable::new()));
            own.insert(name.clone(), read(toml::Deserializer::from(keys)).map_err(wrong)?);
        }
        Ok(Self { file: file.to_owned(), sections, own })
    }

    /// A path in the file, seen from where the file is.
    pub(crate) fn beside(&self, path: &Path) -> PathBuf {
        beside(&self.file, path)
    }

    /// A gateway by its name.
    pub(crate) fn gateway(&self, name: &str) -> Result<&GatewaySection, ConfigError> {
        self.sections.gateways.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.sections.gateways.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "there are none".to_owned() } else { format!("there are: {}", known.join(", ")) };
            ConfigError::new(&self.file, format!("gateways.{name}"), format!("must be a gateway of this file ({known})"))
        })
    }

    /// What only the provider of a gateway has.
    pub(crate) fn own(&self, name: &str) -> Result<&dyn Own, ConfigError> {
        self.gateway(name)?;
        let own = self.own.get(name).map(|own| &**own);
        own.ok_or_else(|| ConfigError::new(&self.file, format!("gateways.{name}"), "must be a gateway of this file"))
    }
}

/// Takes out of each gateway's section the keys that are its provider's own: they are read by that provider, and nobody else.
fn providers_keys<'i>(whole: &mut DeTable<'i>) -> Vec<(String, Spanned<DeTable<'i>>)> {
    let gateways = whole.get_mut("gateways").and_then(|gateways| table(gateways.get_mut()));
    let sections = gateways.into_iter().flat_map(|gateways| gateways.iter_mut());
    let taken = sections.filter_map(|(name, section)| {
        let span = section.span();
        let (common, own) =
            std::mem::take(table(section.get_mut())?).into_iter().partition(|(key, _)| COMMON.contains(&key.get_ref().as_ref()));
        *table(section.get_mut())? = common;
        Some((name.get_ref().to_string(), Spanned::new(span, own)))
    });
    taken.collect()
}

fn table<'a, 'i>(value: &'a mut DeValue<'i>) -> Option<&'a mut DeTable<'i>> {
    match value {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

/// A path that stands in `file`, seen from where the file is.
pub(crate) fn beside(file: &Path, path: &Path) -> PathBuf {
    file.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
}

/// The key that the text at `offset` belongs to: the header above it and the key on its line.
fn key_at(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default().trim();
    let header = |line: &str| line.trim().strip_prefix('[').map(|rest| rest.trim_start_matches('[').to_owned());
    let named = |header: String| header.split(']').next().unwrap_or_default().trim().to_owned();
    if let Some(header) = header(line) {
        return named(header);
    }
    let section = text.get(..start).unwrap_or_default().lines().rev().find_map(header).map(named).unwrap_or_default();
    let key = line.split_once('=').map_or("", |(key, _)| key.trim());
    [section.as_str(), key].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
#[path = "config/tests.rs"]
mod tests;
