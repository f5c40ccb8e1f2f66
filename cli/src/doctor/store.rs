//! The store: whether it opens, what it survives, what waits in it, and whether our key opens what is sealed in it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use paysluice::adapter::Finding;
use paysluice::env::Env;
use paysluice::model::AccountRef;
use paysluice::signing::{SealError, Sealer};
use paysluice::store::{Durability, Row, Space, SpaceKind, Store, StoreError};
use serde::Deserialize;

use super::misconfigured;
use crate::config::{Config, ConfigError};
use crate::open;

/// A row that has been due for longer than this lies: somebody who works would have taken it.
const LIES: Duration = Duration::from_secs(600);

/// How many intents are looked at for one that is sealed: settled ones hold nothing sealed.
const LOOK_AT: usize = 500;

/// What of an intent's row is sealed.
#[derive(Deserialize)]
struct Sealed {
    op: Option<String>,
    draft: Option<String>,
}

pub(super) async fn check(
    env: &Env,
    config: &Config,
    account: &AccountRef,
    sealer: Result<Option<Sealer>, ConfigError>,
    found: &mut Vec<Finding>,
) {
    let Some(store) = opened(env, config, found).await else {
        return found.extend(key(sealer.as_ref(), Durability::Disk));
    };
    found.extend(key(sealer.as_ref(), store.durability()));
    let looked = async {
        let mut looked = depths(&*store, account).await?;
        if let Ok(Some(sealer)) = &sealer {
            looked.extend(seal(&*store, account, sealer).await?);
        }
        Ok::<_, StoreError>(looked)
    };
    found.extend(looked.await.unwrap_or_else(|error| {
        let mend =
            "see the message: a server that is away, a full or slow disk, another process that holds it locked, or a damaged file";
        vec![Finding::bad("store.url", error.to_string(), mend)]
    }));
}

/// The store, on a thread that may wait; a file that is not there is not made.
async fn opened(env: &Env, config: &Config, found: &mut Vec<Finding>) -> Option<Arc<dyn Store>> {
    if let Some(path) = file(config).filter(|path| !path.exists()) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).map_or(PathBuf::from("."), PathBuf::from);
        found.push(if folder.is_dir() {
            Finding::good("store.url", "not there yet: the first operation makes it")
        } else {
            let says = format!("the folder {} does not exist", folder.display());
            Finding::bad("store.url", says, "make the folder, or name another place")
        });
        return None;
    }
    // The memory store is this process's own; what opens here is a file, whose lock may have to be waited for.
    let (env, section) = (env.clone(), config.sections.store.clone());
    let file = config.file.clone();
    let opened = tokio::task::spawn_blocking(move || open::store_at(&env, &file, section.as_ref())).await;
    match opened {
        Ok(Ok((store, keeps))) => {
            found.push(match keeps {
                Durability::Process => Finding::warning(
                    "store.url",
                    "memory: everything is forgotten when a command ends, and with it the promise to charge once",
                    "name sqlite:PATH",
                ),
                Durability::BestEffort => Finding::warning(
                    "store.url",
                    "may lose acknowledged commits when a machine fails",
                    "keep money-moving operations on a store that writes to disk first",
                ),
                Durability::Disk => Finding::good("store.url", "opens; a commit is on this machine's disk before it is answered"),
                Durability::Replicated => {
                    Finding::good("store.url", "opens; a commit is on several machines before it is answered")
                }
            });
            Some(store)
        }
        Ok(Err(error)) => {
            found.push(misconfigured(&error));
            None
        }
        Err(_) => None,
    }
}

fn file(config: &Config) -> Option<PathBuf> {
    let path = config.sections.store.as_ref()?.url.strip_prefix("sqlite:").filter(|path| !path.is_empty())?;
    Some(config.beside(path.as_ref()))
}

/// Whether there is a key where one is needed.
fn key(sealer: Result<&Option<Sealer>, &ConfigError>, keeps: Durability) -> Option<Finding> {
    match sealer {
        Ok(Some(_)) => Some(Finding::good("at_rest", "the key is there")),
        Ok(None) if keeps == Durability::Process => None,
        Ok(None) => Some(Finding::bad(
            "at_rest",
            "no key: what rests in the store could not be sealed, so no operation begins",
            "add [at_rest] with key_id, and key_env or key_file that holds 32 random bytes (openssl rand -hex 32)",
        )),
        Err(error) => Some(misconfigured(error)),
    }
}

/// What waits, by kind.
async fn depths(store: &dyn Store, account: &AccountRef) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for (kind, what, who) in [
        (SpaceKind::Intent, "open operations", "the application that holds the gateway resolves them while it runs"),
        (SpaceKind::Told, "changes to tell", "the application's handler must take them while it runs"),
        (SpaceKind::Inbox, "callbacks to apply", "the application that holds the gateway applies them while it runs"),
        (SpaceKind::Relay, "callbacks to forward", "run `paysluice callback serve`, and see why its target does not take them"),
    ] {
        let depth = store.depth(&Space::new(kind, account)).await?;
        let oldest = depth.oldest_due.unwrap_or_default();
        let says = format!("{} of {} due, the oldest for {} s", depth.due, depth.rows, oldest.as_secs());
        found.push(if oldest > LIES { Finding::warning(what, says, who) } else { Finding::good(what, says) });
    }
    for (kind, what, mend) in [
        (SpaceKind::Dead, "callbacks that could not be applied", "see Gateway::dead_letters, then replay or forget them"),
        (
            SpaceKind::Undelivered,
            "callbacks that were given up",
            "see `paysluice callback dead`, mend the target, then `callback replay`",
        ),
    ] {
        let rows = store.depth(&Space::new(kind, account)).await?.rows;
        let says = rows.to_string();
        found.push(if rows > 0 { Finding::warning(what, says, mend) } else { Finding::good(what, says) });
    }
    Ok(found)
}

/// Whether our key opens a row that is sealed, if there is one.
async fn seal(store: &dyn Store, account: &AccountRef, sealer: &Sealer) -> Result<Option<Finding>, StoreError> {
    // What is settled has no draft any more.
    let rows = store.page_due(&Space::new(SpaceKind::Intent, account), None, LOOK_AT).await?;
    let Some((row, field, sealed)) = rows.iter().find_map(sealed) else { return Ok(None) };
    let Row { key, .. } = row;
    // As the gateway binds a seal: to the row and the field.
    let bound_to = format!("{}\n{}\n{}\n{field}", key.space.account, key.part, key.id);
    let what = "sealed rows";
    Ok(Some(match sealer.open(&bound_to, &sealed) {
        Ok(_) => Finding::good(what, "the key opens one"),
        Err(SealError::UnknownKey) => {
            let id = sealed.split('.').next().unwrap_or_default();
            let mend = "add that key under [[at_rest.older]]: without it, open operations cannot be resolved";
            Finding::bad(what, format!("one was sealed under key {id:?}, which is not configured"), mend)
        }
        Err(SealError::Broken) => {
            let mend = "at_rest holds another key under the same key_id: put the right one back, and give a new key a new key_id";
            Finding::bad(what, "the key does not open one", mend)
        }
    }))
}

fn sealed(row: &Row) -> Option<(&Row, &'static str, String)> {
    let Sealed { op, draft } = serde_json::from_slice(&row.body).ok()?;
    draft.map(|draft| ("draft", draft)).or_else(|| op.map(|op| ("op", op))).map(|(field, sealed)| (row, field, sealed))
}
