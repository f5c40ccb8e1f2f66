//! Secrets from where the configuration says they are: an environment variable or a file, never the configuration itself.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use paysluice::model::Secret;
use paysluice::signing::Sealer;

use crate::config::{Config, ConfigError, GatewaySection};

/// Looks an environment variable up.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The process's own environment.
pub(crate) fn of_process(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Reads a configuration's secrets.
pub(crate) struct Secrets<'a> {
    pub(crate) config: &'a Config,
    pub(crate) environment: Environment<'a>,
}

impl Secrets<'_> {
    /// A secret of a gateway's, by its field, from a variable or a file.
    pub(crate) fn named(
        &self,
        name: &str,
        field: &str,
        variable: Option<&str>,
        file: Option<&Path>,
    ) -> Result<Secret, ConfigError> {
        self.one(&format!("gateways.{name}.{field}"), variable, file)
    }

    /// A text that is no secret, from a file: a certificate, a public key.
    pub(crate) fn text(&self, name: &str, field: &str, path: &Path) -> Result<String, ConfigError> {
        let key = format!("gateways.{name}.{field}");
        let bytes = self.file(&key, path)?;
        let text = bytes.expose_str().map(str::to_owned);
        text.ok_or_else(|| self.error(&format!("{key}_file"), format!("file {} must be text", path.display())))
    }

    /// The secrets that forwarded events are signed with; none if none is named.
    pub(crate) fn forward_secrets(&self, name: &str, gateway: &GatewaySection) -> Result<Vec<Secret>, ConfigError> {
        self.several(name, "forward_secret", &gateway.forward_secret_env.0, &gateway.forward_secret_file.0)
    }

    /// All secrets that a field of a gateway's names, those of variables first.
    pub(crate) fn several(
        &self,
        name: &str,
        field: &str,
        variables: &[String],
        files: &[PathBuf],
    ) -> Result<Vec<Secret>, ConfigError> {
        let key = format!("gateways.{name}.{field}");
        let variables = variables.iter().map(|variable| self.variable(&key, variable));
        variables.chain(files.iter().map(|path| self.file(&key, path))).collect()
    }

    /// What seals the rows at rest.
    pub(crate) fn sealer(&self) -> Result<Option<Sealer>, ConfigError> {
        let Some(section) = &self.config.sections.at_rest else { return Ok(None) };
        let first = ("at_rest".to_owned(), &section.key_id, section.key_env.as_deref(), section.key_file.as_deref());
        let older = section.older.iter().enumerate().map(|(index, older)| {
            (format!("at_rest.older[{index}]"), &older.key_id, older.key_env.as_deref(), older.key_file.as_deref())
        });
        let keys = std::iter::once(first).chain(older).map(|(place, id, variable, file)| {
            let source = format!("{place}.key_{}", if variable.is_some() { "env" } else { "file" });
            let text = self.one(&format!("{place}.key"), variable, file)?;
            Ok((
                id.clone(),
                thirty_two_bytes(&text).ok_or_else(|| self.error(&source, "must be 32 bytes as 64 hex digits or base64"))?,
            ))
        });
        let keys = keys.collect::<Result<Vec<_>, ConfigError>>()?;
        let sealer = Sealer::new(keys).map_err(|invalid| self.error("at_rest.key_id", format!("must be {}", invalid.rule())))?;
        Ok(Some(sealer))
    }

    fn one(&self, key: &str, variable: Option<&str>, file: Option<&Path>) -> Result<Secret, ConfigError> {
        match (variable, file) {
            (Some(variable), None) => self.variable(key, variable),
            (None, Some(file)) => self.file(key, file),
            (None, None) => Err(self.error(&format!("{key}_env"), format!("must be given (or {}_file)", last(key)))),
            (Some(_), Some(_)) => {
                Err(self.error(&format!("{key}_file"), format!("must not be given together with {}_env", last(key))))
            }
        }
    }

    fn variable(&self, key: &str, name: &str) -> Result<Secret, ConfigError> {
        let value = (self.environment)(name)
            .ok_or_else(|| self.error(&format!("{key}_env"), format!("environment variable {name} is not set")))?;
        if value.is_empty() {
            return Err(self.error(&format!("{key}_env"), format!("environment variable {name} is empty")));
        }
        Ok(Secret::new(value))
    }

    fn file(&self, key: &str, path: &Path) -> Result<Secret, ConfigError> {
        let key = format!("{key}_file");
        let mut bytes = std::fs::read(self.config.beside(path))
            .map_err(|error| self.error(&key, format!("file {} cannot be read ({})", path.display(), error.kind())))?;
        // Editors end a file with a line end; it is no part of the secret.
        // A file that is no text, as a .pfx, has no line end.
        if bytes.ends_with(b"\n") && std::str::from_utf8(&bytes).is_ok() {
            bytes.pop();
            if bytes.ends_with(b"\r") {
                bytes.pop();
            }
        }
        if bytes.is_empty() {
            return Err(self.error(&key, format!("file {} is empty", path.display())));
        }
        Ok(Secret::new(bytes))
    }

    fn error(&self, key: &str, rule: impl Into<String>) -> ConfigError {
        ConfigError::new(&self.config.file, key, rule)
    }
}

fn last(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

fn thirty_two_bytes(text: &Secret) -> Option<Secret> {
    let bytes = match text.len() {
        64 => hex::decode(text.expose()).ok()?,
        _ => STANDARD.decode(text.expose()).ok()?,
    };
    (bytes.len() == 32).then(|| Secret::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Environment<'static> = &|_| None;

    fn config(text: &str) -> Config {
        Config::parse(Path::new("paysluice.toml"), text).unwrap()
    }

    fn gateway(lines: &str) -> Config {
        config(&format!("[gateways.shop]\nprovider = \"stripe\"\naccount = \"stripe:test:acct_1\"\n{lines}"))
    }

    fn key_error(lines: &str) -> String {
        let config = gateway(lines);
        let secrets = Secrets { config: &config, environment: NONE };
        crate::open::with_keys(&secrets, "shop").unwrap_err().to_string()
    }

    #[test]
    fn a_missing_secret_is_told_by_file_key_and_rule() {
        assert_eq!(
            key_error("secret_key_env = \"STRIPE_KEY\""),
            "paysluice.toml: gateways.shop.secret_key_env: environment variable STRIPE_KEY is not set"
        );
        assert_eq!(key_error(""), "paysluice.toml: gateways.shop.secret_key_env: must be given (or secret_key_file)");
        assert_eq!(
            key_error("secret_key_file = \"no/such.txt\""),
            "paysluice.toml: gateways.shop.secret_key_file: file no/such.txt cannot be read (entity not found)"
        );
        assert_eq!(
            key_error("secret_key_file = \"a\"\nsecret_key_env = \"B\""),
            "paysluice.toml: gateways.shop.secret_key_file: must not be given together with secret_key_env"
        );
    }

    #[test]
    fn a_file_loses_one_line_end_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        for (written, read) in
            [("whsec_a", "whsec_a"), ("whsec_a\n", "whsec_a"), ("whsec_a\r\n", "whsec_a"), ("whsec_a\n\n", "whsec_a\n")]
        {
            std::fs::write(folder.path().join("s"), written).unwrap();
            let text = "[gateways.shop]\nprovider = \"stripe\"\naccount = \"stripe:test:acct_1\"\nforward_secret_file = \"s\"";
            let config = Config::parse(&folder.path().join("paysluice.toml"), text).unwrap();
            let secrets = Secrets { config: &config, environment: NONE };
            let found = secrets.forward_secrets("shop", config.gateway("shop").unwrap()).unwrap();
            assert_eq!(found, [Secret::new(read)]);
        }
    }

    #[test]
    fn the_key_at_rest_is_hex_or_base64_of_32_bytes() {
        let config = config("[at_rest]\nkey_id = \"k1\"\nkey_env = \"K\"");
        for (value, fits) in [
            (&*"0f".repeat(32), true),
            ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", true),
            ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", false),
            ("secret", false),
        ] {
            let environment = |_: &str| Some(value.to_owned());
            let sealer = Secrets { config: &config, environment: &environment }.sealer();
            assert_eq!(sealer.is_ok(), fits, "{value}");
            if let Err(error) = sealer {
                assert_eq!(error.to_string(), "paysluice.toml: at_rest.key_env: must be 32 bytes as 64 hex digits or base64");
            }
        }
    }
}
