//! Crash tests for as long as one likes: `soak [--minutes N] [--seed S]`; with `worker` it is one of their workers.

use std::process::ExitCode;
use std::time::Duration;

use paysluice::env::Env;
use paysluice_tests::crash::servers::{CRASH_URL, Postgres};
use paysluice_tests::crash::{Fault, Ground, Setup, run, worker};

/// How long one storm is: long enough for every kind of fault to strike more than once.
const STORM: Duration = Duration::from_secs(25);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["worker"] => worker::work(),
        rest => asked(rest).and_then(|(minutes, seed)| soak(minutes, seed)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("soak: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn asked(args: &[&str]) -> Result<(u64, Option<u64>), Fault> {
    let (mut minutes, mut seed) = (10, None);
    for pair in args.chunks(2) {
        match pair {
            ["--minutes", value] => minutes = value.parse()?,
            ["--seed", value] => seed = Some(value.parse()?),
            _ => return Err("soak [--minutes N] [--seed S]".into()),
        }
    }
    Ok((minutes, seed))
}

/// Round after round with fresh seeds until the time is up, or something is wrong. A given seed is the first round's.
fn soak(minutes: u64, seed: Option<u64>) -> Result<(), Fault> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let (env, program) = (Env::system(), std::env::current_exe()?);
        let until = env.now() + Duration::from_secs(60 * minutes);
        let mut grounds = vec![Ground::Sqlite, Ground::Redis];
        match Postgres::named() {
            Some(server) => grounds.insert(0, Ground::Postgres(server)),
            None => eprintln!("without PostgreSQL: {CRASH_URL} names no server to crash; `cargo xtask soak` starts one"),
        }
        let mut next = seed;
        let mut rounds = 0;
        while rounds == 0 || env.now() < until {
            let seed = next.take().unwrap_or_else(|| env.rng().next_u64() % 1_000_000);
            for ground in &grounds {
                println!("seed {seed} on {} ...", ground.name());
                println!("{}", run(&env, &Setup::new(ground.clone(), seed, STORM, program.clone())).await?);
            }
            rounds += 1;
        }
        println!("{rounds} rounds on {} stores, and nothing is wrong", grounds.len());
        Ok(())
    })
}
