//! Every fuzz target for a bounded time.

use std::fs;

use crate::root;
use crate::run::{Failed, Step};

pub(crate) const DEFAULT_SECONDS: u32 = 60;

const NO_NIGHTLY: &str = "no nightly toolchain here, and cargo-fuzz needs one.\n\
    With network: rustup toolchain install nightly --profile minimal";

pub(crate) fn seconds(text: &str) -> Result<u32, Failed> {
    match text.parse() {
        Ok(seconds) if seconds > 0 => Ok(seconds),
        _ => Err(Failed::new(format!("--seconds {text}: must be a whole number above 0"))),
    }
}

/// Fuzzes, or says that it did not and why.
pub(crate) fn run_if_possible(seconds: u32) -> Result<(), Failed> {
    if has_nightly() {
        return run(seconds);
    }
    println!("fuzz: not fuzzed: {NO_NIGHTLY}");
    Ok(())
}

pub(crate) fn run(seconds: u32) -> Result<(), Failed> {
    if !has_nightly() {
        return Err(Failed::new(NO_NIGHTLY));
    }
    install_cargo_fuzz()?;
    // One build for all targets. No sanitizer: our code forbids `unsafe`, and without one each target runs several times as
    // many inputs. Panics, overflows, hangs and runaway memory are caught all the same.
    Step::cargo("building the fuzz targets", &["+nightly", "fuzz", "build", "--sanitizer", "none"]).run()?;
    let limit = format!("-max_total_time={seconds}");
    for target in targets()? {
        fs::create_dir_all(root().join("fuzz/corpus").join(&target)).map_err(|err| Failed::new(format!("fuzz/corpus: {err}")))?;
        let (corpus, seeds) = (format!("fuzz/corpus/{target}"), format!("fuzz/seeds/{target}"));
        let args = ["+nightly", "fuzz", "run", "--sanitizer", "none", &target, &corpus, &seeds, "--"];
        let bounds = [&*limit, "-timeout=5", "-rss_limit_mb=1024", "-max_len=16384", "-print_final_stats=1", "-verbosity=0"];
        Step::cargo(&format!("fuzzing {target} for {seconds} s"), &[args.as_slice(), &bounds].concat()).run()?;
    }
    Ok(())
}

/// The targets are the files of `fuzz/fuzz_targets`.
fn targets() -> Result<Vec<String>, Failed> {
    let place = root().join("fuzz/fuzz_targets");
    let entries = fs::read_dir(&place).map_err(|err| Failed::new(format!("fuzz/fuzz_targets: {err}")))?;
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.path().file_name()?.to_str()?.strip_suffix(".rs").map(str::to_owned)).collect();
    names.sort();
    if names.is_empty() { Err(Failed::new("fuzz/fuzz_targets holds no target")) } else { Ok(names) }
}

fn install_cargo_fuzz() -> Result<(), Failed> {
    let found = Step::cargo("looking for cargo-fuzz", &["fuzz", "--version"]).output()?;
    if found.status.success() {
        return Ok(());
    }
    Step::cargo("installing cargo-fuzz", &["install", "cargo-fuzz", "--locked"]).run()
}

fn has_nightly() -> bool {
    // Asked of rustup and not of `cargo +nightly`, which some versions of rustup answer by downloading one.
    let listed = Step::new("looking for a nightly toolchain", "rustup", &["toolchain", "list"]).text();
    listed.is_ok_and(|listed| listed.lines().any(|line| line.starts_with("nightly-") || line.trim() == "nightly"))
}
