//! Operators' commands: what is stuck is seen, decided with a reason, and written down.

pub(crate) mod args;
mod change;
mod migrate;
mod show;
mod table;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use paysluice::env::{BoxFuture, Env};
use paysluice::gateway::{Gateway, Handler, TellAgain, Told};
use paysluice::model::{Error, Payment};

use crate::args::Command;
use crate::config::Config;
use crate::open::{self, Manner};
use crate::output::Outcome;
use crate::secrets::{Secrets, of_process};
use args::StoreAsk;

/// Carries one of them out. The exit status is as for an operation: 0 done, 1 wrong usage, else the fate.
pub(crate) async fn run(env: Env, file: &Path, command: Command, json: bool) -> Result<ExitCode, String> {
    let open = |name: &str| gateway(&env, file, name);
    match command {
        Command::Store(StoreAsk::Migrate) => migrate::run(file, json).await,
        Command::Store(StoreAsk::List(ask)) => show::list(&open(&ask.gateway)?, &ask, json).await,
        Command::Store(StoreAsk::Inspect(ask)) => show::inspect(&open(&ask.gateway)?, &ask, json).await,
        Command::Store(StoreAsk::Open(ask)) => show::open(&open(&ask.gateway)?, &ask, json).await,
        Command::Store(StoreAsk::Dead(ask)) => show::dead(&open(&ask.gateway)?, &ask, json).await,
        Command::Store(StoreAsk::Audit(ask)) => show::audit(&open(&ask.gateway)?, &ask, json).await,
        Command::Store(StoreAsk::Replay(ask)) => change::replay(&open(&ask.gateway)?, &ask, json).await,
        Command::Settle(ask) => change::settle(&open(&ask.of.gateway)?, &ask, json).await,
        Command::ResolveNow(ask) => change::resolve_now(&open(&ask.of.gateway)?, &ask, json).await,
        Command::Abandon(ask) => change::abandon(&open(&ask.of.gateway)?, &ask, json).await,
        Command::Adopt(ask) => change::adopt(&open(&ask.of.gateway)?, &ask, json).await,
        Command::Pause(ask) => change::pause(&open(&ask.gateway)?, &ask, json).await,
        Command::Resume(ask) => change::resume(&open(&ask.gateway)?, &ask, json).await,
        _ => Err("this is no operator's command".to_owned()),
    }
}

/// A gateway that works off nothing by itself. What is changed through it is left to be told by the application's own process.
fn gateway(env: &Env, file: &Path, name: &str) -> Result<Gateway, String> {
    let config = Config::read(file)?;
    let secrets = Secrets { config: &config, environment: &of_process };
    if config.sections.store.as_ref().is_some_and(|store| store.url == "memory:") {
        return Err(
            "store.url: the store is memory: it holds nothing of what your service did. Name the store that it uses".to_owned()
        );
    }
    let manner = Manner { background: false, handler: Some(Arc::new(Elsewhere)) };
    Ok(open::gateway(env, &secrets, name, manner)?)
}

/// Stands for the handler of the application, which hears what is changed here once its process looks.
#[derive(Debug)]
struct Elsewhere;

impl Handler for Elsewhere {
    fn handle<'a>(&'a self, _: &'a Told) -> BoxFuture<'a, Result<(), TellAgain>> {
        Box::pin(std::future::ready(Err(TellAgain { after: std::time::Duration::ZERO })))
    }
}

/// Prints what came of it: the payment, or the error and what may be done about it.
fn told(result: Result<Payment, Error>, asked_only: bool, json: bool, hint: &str) -> Result<ExitCode, String> {
    let outcome = Outcome { result, asked_only };
    outcome.print(json).map_err(unwritten)?;
    if outcome.result.is_err() && !json {
        eprintln!("paysluice: {hint}");
    }
    Ok(ExitCode::from(outcome.exit_code()))
}

/// The same for what answers with no payment.
fn failed(error: Error, json: bool, hint: &str) -> Result<ExitCode, String> {
    told(Err(error), true, json, hint)
}

#[allow(clippy::needless_pass_by_value, reason = "it is what map_err gives")]
fn unwritten(error: std::io::Error) -> String {
    format!("the outcome could not be written ({error})")
}
