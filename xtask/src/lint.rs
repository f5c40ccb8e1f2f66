//! Formatting, clippy on every set of features that users build, and documentation without a broken link.

use crate::run::{Failed, Step};

/// Workspaces of their own, which the root's `cargo fmt` does not reach.
const OTHER_WORKSPACES: [&str; 2] = ["fuzz/Cargo.toml", "benches/peers/Cargo.toml"];

/// The core's feature sets beside the default and all of them. Within the workspace features unify, so these are for the core alone.
const CORE_FEATURES: [&[&str]; 2] = [&["--no-default-features"], &["--no-default-features", "--features", "gateway"]];

pub(crate) fn run() -> Result<(), Failed> {
    Step::cargo("formatting", &["fmt", "--all", "--check"]).run()?;
    for manifest in OTHER_WORKSPACES {
        Step::cargo("formatting", &["fmt", "--manifest-path", manifest, "--check"]).run()?;
    }
    for features in CORE_FEATURES {
        clippy("clippy on the core", &[&["-p", "paysluice"], features].concat())?;
    }
    clippy("clippy on default features", &["--workspace"])?;
    clippy("clippy on all features", &["--workspace", "--all-features"])?;
    Step::cargo("documentation", &["doc", "--workspace", "--all-features", "--no-deps"])
        .env("RUSTDOCFLAGS", "-D warnings -D rustdoc::broken_intra_doc_links")
        .run()
}

fn clippy(purpose: &str, args: &[&str]) -> Result<(), Failed> {
    Step::cargo(purpose, &[&["clippy", "--all-targets"], args, &["--", "-D", "warnings"]].concat()).run()
}
