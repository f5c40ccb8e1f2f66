//! The promise under kill -9, stopped processes, crashed databases and cut networks: a short run on every store.
//!
//! `PAYSLUICE_CRASH_SEED=N` makes the storm of that seed; `cargo xtask soak --minutes N` makes storms for longer.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests, helpers included")]

use std::time::Duration;

use paysluice::env::{Env, Rng, SystemRng};
use paysluice_tests::crash::servers::{CRASH_COMMAND, CRASH_URL, Postgres};
use paysluice_tests::crash::{Ground, Setup, run};

const STORM: Duration = Duration::from_secs(14);

/// The seed that is asked for, or any: every run of the tests tries another.
fn seed() -> u64 {
    match std::env::var("PAYSLUICE_CRASH_SEED") {
        Ok(seed) => seed.parse().expect("PAYSLUICE_CRASH_SEED must be a number"),
        Err(_) => SystemRng::new().next_u64() % 1_000_000,
    }
}

fn storm_on(ground: Ground) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let setup = Setup::new(ground, seed(), STORM, env!("CARGO_BIN_EXE_soak").into());
    // Printed before it begins, so that a run that hangs can be made again, too.
    println!("seed {} on {}", setup.seed, setup.ground.name());
    match runtime.block_on(async { run(&Env::system(), &setup).await }) {
        Ok(report) => println!("{report}"),
        Err(wrong) => panic!("{wrong}"),
    }
}

#[test]
fn a_storm_over_workers_on_one_sqlite_file_charges_nobody_twice_and_loses_nothing() {
    storm_on(Ground::Sqlite);
}

#[test]
fn a_storm_over_workers_on_a_postgresql_that_crashes_charges_nobody_twice_and_loses_nothing() {
    match Postgres::named() {
        Some(server) => storm_on(Ground::Postgres(server)),
        // A person's own server is not ours to crash; `cargo xtask test` starts one for this.
        None => eprintln!("not run: {CRASH_URL} and {CRASH_COMMAND} name no server to crash; `cargo xtask test` starts one"),
    }
}

#[test]
fn a_storm_over_workers_on_a_redis_that_is_killed_charges_nobody_twice_and_loses_nothing() {
    storm_on(Ground::Redis);
}
