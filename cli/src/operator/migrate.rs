//! `store migrate`: makes a store's tables, or brings them up to this version; one line for each kind of store.

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use crate::config::{Config, ConfigError};

/// Migrates the store that the configuration names.
pub(super) async fn run(file: &Path, as_json: bool) -> Result<ExitCode, String> {
    let config = Config::read(file)?;
    let url = config.sections.store.as_ref().map(|section| section.url.as_str());
    let Migrated { migrated, says } = migrated(file, url).await?;
    if as_json {
        println!("{}", json!({"migrated": migrated, "says": says}));
    } else {
        println!("{says}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether there was something to do, and what is so now.
#[derive(Debug)]
struct Migrated {
    migrated: bool,
    says: String,
}

/// Does what there is to do, by the kind of store.
async fn migrated(file: &Path, url: Option<&str>) -> Result<Migrated, ConfigError> {
    let error = |rule: String| ConfigError::new(file, "store.url", rule);
    let nothing = |why: String| Ok(Migrated { migrated: false, says: format!("nothing to do: {why}") });
    let url = url.ok_or_else(|| error("must be given: sqlite:PATH or postgres://…".to_owned()))?;
    match url.split_once(':') {
        Some(("memory", "")) => nothing("a store in memory has no tables".to_owned()),
        Some(("sqlite", path)) if !path.is_empty() => {
            nothing(format!("{path} makes its tables, and brings them up to date, whenever it is opened"))
        }
        Some(("redis" | "rediss", _)) => nothing("a store in Redis has no tables".to_owned()),
        Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
            let done = paysluice_postgres::migrate(url, &paysluice_postgres::Options::default()).await;
            done.map_err(|failure| error(format!("must be a database whose tables can be made ({failure})")))?;
            Ok(Migrated { migrated: true, says: "the tables are those of this version".to_owned() })
        }
        _ => Err(error("must be sqlite:PATH, postgres://…, redis://… or memory:".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_kind_of_store_says_what_there_is_to_do() {
        let told = async |url| migrated(Path::new("p.toml"), url).await.map_err(|error| error.to_string());
        for url in ["memory:", "sqlite:pay.db", "redis://127.0.0.1:1"] {
            assert!(told(Some(url)).await.unwrap().says.starts_with("nothing to do"), "{url}");
        }
        let unreachable = told(Some("postgres://shop:hush@127.0.0.1:1/shop")).await.unwrap_err();
        assert!(unreachable.contains("tables can be made") && !unreachable.contains("hush"), "{unreachable}");
        assert_eq!(
            told(Some("mysql:x")).await.unwrap_err(),
            "p.toml: store.url: must be sqlite:PATH, postgres://…, redis://… or memory:"
        );
        assert!(told(None).await.unwrap_err().contains("must be given"));
    }
}
