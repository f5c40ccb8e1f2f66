//! The project's own commands: `cargo xtask test | soak | lint | layers | fuzz | deny | bench-peers | bench-stores | ci`.

mod deny;
mod fuzz;
mod layers;
mod lint;
mod run;
mod servers;
mod source;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use run::{Failed, Step};

const USAGE: &str = "\
cargo xtask COMMAND

  test [ARGS]          every test of the workspace, doctests included, or those that ARGS choose as they would of `cargo test`;
                       starts the database servers that tests need, and stops them
  soak [--minutes N] [--seed S]
                       crash tests for N minutes (10): storms of fresh seeds over workers, databases and network, the first of seed S;
                       ends at the first thing that is wrong, with its seed
  lint                 formatting, clippy on every feature set, documentation; warnings are errors
  layers               who may import whom, what no file may hold, what no channel may pull in
  fuzz [--seconds N]   every fuzz target, N seconds each (60); needs a nightly toolchain
  deny                 licences, bans, sources and advisories of the dependencies
  bench-peers          Paysluice beside its peers, with the ratios; builds for some minutes
  bench-stores [WHICH] the stores beside bare loops over their drivers, with the ratios: memory, sqlite, redis, postgres, backlog, or
                       all; starts the servers
  ci                   lint, layers, deny, test, fuzz";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["test", only @ ..] => test(only),
        ["soak", asked @ ..] => soak(asked),
        ["lint"] => lint::run(),
        ["layers"] => layers::run(),
        ["fuzz"] => fuzz::run(fuzz::DEFAULT_SECONDS),
        ["fuzz", "--seconds", seconds] => fuzz::seconds(seconds).and_then(fuzz::run),
        ["deny"] => deny::run(),
        ["bench-peers"] => bench_peers(),
        ["bench-stores", only @ ..] => bench_stores(only),
        ["ci"] => ci(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("xtask: {failed}");
            ExitCode::FAILURE
        }
    }
}

/// Every test, or those that the words given to cargo choose.
fn test(only: &[&str]) -> Result<(), Failed> {
    let servers = servers::start()?;
    let which = if only.is_empty() { &["--workspace", "--all-features"] } else { only };
    let step = Step::cargo("the tests", &[&["test"], which].concat());
    servers.names().into_iter().fold(step, |step, (name, value)| step.env(name, &value)).run()
}

/// The crash tests for as long as is asked.
fn soak(asked: &[&str]) -> Result<(), Failed> {
    let servers = servers::start()?;
    let step =
        Step::cargo("the crash tests", &[&["run", "--quiet", "-p", "paysluice-tests", "--bin", "soak", "--"], asked].concat());
    servers.names().into_iter().fold(step, |step, (name, value)| step.env(name, &value)).run()
}

fn bench_peers() -> Result<(), Failed> {
    Step::cargo("Paysluice beside its peers", &["bench", "--manifest-path", "benches/peers/Cargo.toml"]).run()
}

fn bench_stores(only: &[&str]) -> Result<(), Failed> {
    let servers = servers::start()?;
    let bench = ["bench", "-p", "paysluice-benches", "--bench", "stores", "--"];
    let step = Step::cargo("the stores beside their drivers", &[&bench, only].concat());
    servers.names().into_iter().fold(step, |step, (name, value)| step.env(name, &value)).run()
}

fn ci() -> Result<(), Failed> {
    lint::run()?;
    layers::run()?;
    deny::run()?;
    test(&[])?;
    fuzz::run_if_possible(fuzz::DEFAULT_SECONDS)
}

/// The workspace's root: where xtask's own folder lies.
fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}
