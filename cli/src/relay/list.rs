//! `callback dead` and `callback replay`: what was given up, shown to a person and put back by one.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use paysluice::env::Env;
use paysluice::store::Durability;
use serde_json::json;

use super::letters::{Letter, Letters};
use crate::args::{DeadAsk, ReplayAsk};
use crate::config::Config;
use crate::open;
use crate::output::framed;
use crate::secrets::{Secrets, of_process};

/// How many are read at once.
const PAGE: usize = 500;

/// Lists what was given up.
pub(crate) async fn dead(env: Env, file: &Path, ask: &DeadAsk, json: bool) -> Result<ExitCode, String> {
    let letters = letters(&env, file, &ask.gateway)?;
    let mut found: Vec<Letter> = Vec::new();
    while found.len() < ask.max {
        let after = found.last().map(|letter| letter.delivery_key.clone());
        let page = letters.given_up(after.as_deref(), PAGE.min(ask.max - found.len())).await;
        let page = page.map_err(|error| error.to_string())?;
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    print(&letters, &found, json).map_err(|error| format!("the list could not be written ({error})"))?;
    Ok(ExitCode::SUCCESS)
}

/// Puts one back, due at once.
pub(crate) async fn replay(env: Env, file: &Path, ask: &ReplayAsk, json: bool) -> Result<ExitCode, String> {
    letters(&env, file, &ask.gateway)?.replay(&ask.id).await?;
    if json {
        println!("{}", json!({"replayed": ask.id}));
    } else {
        println!("{} is due again; a running `paysluice callback serve` forwards it", ask.id);
    }
    Ok(ExitCode::SUCCESS)
}

fn letters(env: &Env, file: &Path, name: &str) -> Result<Letters, String> {
    let config = Config::read(file)?;
    let account = config.gateway(name)?.account.clone();
    let (store, keeps) = open::store(env, &config)?;
    if keeps < Durability::Disk {
        return Err("the store is memory: it holds nothing that another process gave up".to_owned());
    }
    let secrets = Secrets { config: &config, environment: &of_process };
    Ok(Letters::new(env.clone(), store, account, open::sealer(&secrets, keeps)?))
}

fn print(letters: &Letters, found: &[Letter], as_json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if as_json {
        let listed = found.iter().map(|letter| {
            let Letter { delivery_key, name, failed, why, .. } = letter;
            let replayable = name.is_some();
            json!({"id": delivery_key, "webhook_id": letters.id(delivery_key), "name": name, "failed": failed, "why": why, "replayable": replayable})
        });
        return writeln!(out, "{}", json!({"dead": listed.collect::<Vec<_>>()}));
    }
    if found.is_empty() {
        return writeln!(out, "nothing was given up");
    }
    let mut table = framed();
    table.set_header(["id", "event", "attempts", "why"]);
    for letter in found {
        let name = letter.name.as_deref().unwrap_or("(cannot be read)");
        let why = letter.why.as_deref().unwrap_or_default();
        table.add_row([letter.delivery_key.as_str(), name, &letter.failed.to_string(), why]);
    }
    writeln!(out, "{table}")
}
