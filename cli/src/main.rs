//! The `paysluice` command: a demo, a sandbox, one operation at a time, a doctor, callbacks verified or forwarded, and operators.

mod access;
mod args;
mod config;
mod demo;
mod doctor;
mod open;
mod operate;
mod operator;
mod output;
mod relay;
mod sandbox;
mod secrets;
mod verify;

use std::process::ExitCode;

use clap::Parser;
use paysluice::env::Env;

use args::{Args, CallbackAsk, Command};

/// What the command ends with when it could not begin: wrong usage, wrong configuration, no store.
const USAGE: u8 = 1;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(said) => {
            // A closed pipe is nobody's loss here.
            let _ = said.print();
            return if said.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    run(args).unwrap_or_else(|why| {
        eprintln!("paysluice: {why}");
        ExitCode::from(USAGE)
    })
}

fn run(args: Args) -> Result<ExitCode, String> {
    if let Command::Callback(CallbackAsk::Verify(ask)) = &args.command {
        return verify::run(&args.config, ask);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no threads: {error}"))?;
    let env = Env::system();
    runtime.block_on(async {
        match args.command {
            Command::Demo(ask) => demo::run(env, &ask, args.json).await,
            Command::Doctor(ask) => doctor::run(env, &args.config, &ask, args.json).await,
            Command::Callback(CallbackAsk::Serve(ask)) => relay::run(env, &args.config, ask, args.json, args.verbose).await,
            Command::Callback(CallbackAsk::Dead(ask)) => relay::dead(env, &args.config, &ask, args.json).await,
            Command::Callback(CallbackAsk::Replay(ask)) => relay::replay(env, &args.config, &ask, args.json).await,
            Command::Sandbox(ask) => sandbox::run(env, ask, args.json).await,
            command @ (Command::Store(_)
            | Command::Settle(_)
            | Command::ResolveNow(_)
            | Command::Abandon(_)
            | Command::Adopt(_)
            | Command::Pause(_)
            | Command::Resume(_)) => operator::run(env, &args.config, command, args.json).await,
            command => operate::run(env, &args.config, command, args.json, args.verbose).await,
        }
    })
}
