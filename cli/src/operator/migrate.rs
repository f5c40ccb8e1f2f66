//! `store migrate`: makes a store's tables, or brings them up to this version; one line for each kind of store.

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use crate::config::{Config, ConfigError};

/// Migrates the store that the configuration names.
pub(super) fn run(file: &Path, as_json: bool) -> Result<ExitCode, String> {
    let config = Config::read(file)?;
    let url = config.sections.store.as_ref().map(|section| section.url.as_str());
    let done = migrated(file, url)?;
    if as_json {
        println!("{}", json!({"migrated": false, "says": done}));
    } else {
        println!("{done}");
    }
    Ok(ExitCode::SUCCESS)
}

/// What there was to do, by the kind of store.
fn migrated(file: &Path, url: Option<&str>) -> Result<String, ConfigError> {
    let error = |rule: &str| ConfigError::new(file, "store.url", rule.to_owned());
    let url = url.ok_or_else(|| error("must be given: sqlite:PATH"))?;
    match url.split_once(':') {
        Some(("memory", "")) => Ok("nothing to do: a store in memory has no tables".to_owned()),
        Some(("sqlite", path)) if !path.is_empty() => {
            Ok(format!("nothing to do: {path} makes its tables, and brings them up to date, whenever it is opened"))
        }
        _ => Err(error("must be sqlite:PATH or memory:")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_store_says_what_there_is_to_do() {
        let told = |url| migrated(Path::new("p.toml"), url).map_err(|error| error.to_string());
        for url in ["memory:", "sqlite:pay.db"] {
            assert!(told(Some(url)).unwrap().starts_with("nothing to do"), "{url}");
        }
        assert_eq!(told(Some("mysql:x")).unwrap_err(), "p.toml: store.url: must be sqlite:PATH or memory:");
        assert!(told(None).unwrap_err().contains("must be given"));
    }
}
