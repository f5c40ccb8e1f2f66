//! Licences, bans, sources and advisories of the dependencies, by cargo-deny; what could not be checked is said.

use crate::run::{Failed, Step};

pub(crate) fn run() -> Result<(), Failed> {
    if !has_cargo_deny()? && Step::cargo("installing cargo-deny", &["install", "cargo-deny", "--locked"]).run().is_err() {
        println!("deny: not checked: cargo-deny is not here and could not be installed (cargo install cargo-deny --locked)");
        return Ok(());
    }
    Step::cargo("bans, licences and sources", &["deny", "--all-features", "check", "bans", "licenses", "sources"]).run()?;
    // Advisories come from a database on the network. Fetching it is a step of its own, so that "no network" is not mistaken
    // for "an advisory", nor the other way round.
    let fetched = Step::cargo("fetching the advisories", &["deny", "fetch", "db"]).output()?;
    if !fetched.status.success() {
        println!("deny: advisories not checked: their database could not be fetched");
        return Ok(());
    }
    Step::cargo("advisories", &["deny", "--all-features", "check", "--disable-fetch", "advisories"]).run()
}

fn has_cargo_deny() -> Result<bool, Failed> {
    Ok(Step::cargo("looking for cargo-deny", &["deny", "--version"]).output()?.status.success())
}
