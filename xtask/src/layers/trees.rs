//! A channel is pure: what it is built from holds no runtime, no client and no database; nor does the core without features.

use super::Fault;
use crate::run::{Failed, Step};

/// Crates that open sockets or files, run tasks, or keep rows.
const IO: [&str; 11] =
    ["tokio", "mio", "socket2", "hyper", "reqwest", "rusqlite", "tokio-postgres", "sqlx-core", "redis", "async-std", "smol"];

pub(super) fn check(channels: &[String]) -> Result<Vec<Fault>, Failed> {
    let mut faults = pure(&["-p", "paysluice", "--no-default-features"], "paysluice without features")?;
    for channel in channels {
        let name = format!("paysluice-{channel}");
        faults.extend(pure(&["-p", &name], &name)?);
    }
    Ok(faults)
}

fn pure(package: &[&str], name: &str) -> Result<Vec<Fault>, Failed> {
    let listing = ["tree", "-e", "normal", "--prefix", "none", "--format", "{p}"];
    let tree = Step::cargo("the crates behind a package", &[listing.as_slice(), package].concat()).text()?;
    let found = io(&tree);
    eprintln!("   {} {name} is built without IO", if found.is_empty() { "ok  " } else { "FAIL" });
    Ok(found.into_iter().map(|guilty| Fault::new(name, format!("its tree holds {guilty}"))).collect())
}

/// The crates of a `cargo tree` that do IO, each once.
fn io(tree: &str) -> Vec<&str> {
    let mut found: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).filter(|name| IO.contains(name)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_that_does_io_is_found_once_by_its_whole_name() {
        assert_eq!(io("a v1.0.0\ntokio-util v0.7.0\ntokio v1.54.0\ntokio v1.54.0 (*)\nhyper v1.0.0"), ["hyper", "tokio"]);
        assert_eq!(io("a v1.0.0\nhyper-types v1.0.0"), [""; 0]);
    }
}
