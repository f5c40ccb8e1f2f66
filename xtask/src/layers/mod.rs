//! The shape of the house, checked: who imports whom, what no file holds, what no channel pulls in.

mod files;
mod imports;
mod providers;
mod time;
mod traces;
mod trees;

use std::fs;

use crate::root;
use crate::run::{Failed, Step};
use crate::source::Source;

/// A file of the repository.
#[derive(Debug)]
struct File {
    /// From the root, with `/`.
    path: String,
    text: String,
}

impl File {
    fn is_rust(&self) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, extension)| extension == "rs")
    }
}

/// What a check found wrong.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    place: String,
    what: String,
}

impl Fault {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }

    fn at(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self::new(format!("{path}:{line}"), what)
    }
}

pub(crate) fn run() -> Result<(), Failed> {
    eprintln!("\n== the shape of the house");
    let files = files()?;
    let checks = [
        ("modules of src/ import only what lies below them", imports::check as fn(&[File]) -> Vec<Fault>),
        ("src/ names no provider, and no channel another", providers::check),
        ("every file opens with its sentence and stays short", files::check),
        ("time is read in src/env only", time::check),
        ("no file carries traces of a machine", traces::check),
    ];
    let mut faults = Vec::new();
    for (rule, check) in checks {
        let found = check(&files);
        eprintln!("   {} {rule}", if found.is_empty() { "ok  " } else { "FAIL" });
        faults.extend(found);
    }
    faults.extend(trees::check(&channels(&files))?);
    for Fault { place, what } in &faults {
        eprintln!("   {place}: {what}");
    }
    if faults.is_empty() { Ok(()) } else { Err(Failed::new(format!("cargo xtask layers: {} faults", faults.len()))) }
}

/// Everything that is tracked, or would be: text only.
fn files() -> Result<Vec<File>, Failed> {
    let listing = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
    let listed = Step::new("listing the repository's files", "git", &listing).text()?;
    let read = |path: &str| Some(File { text: fs::read_to_string(root().join(path)).ok()?, path: path.to_owned() });
    let mut files: Vec<File> = listed.split('\0').filter(|path| !path.is_empty()).filter_map(read).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files.dedup_by(|a, b| a.path == b.path);
    Ok(files)
}

/// The folders under `channels/`.
fn channels(files: &[File]) -> Vec<String> {
    let mut names: Vec<String> = files.iter().filter_map(|file| channel_of(&file.path)).map(str::to_owned).collect();
    names.dedup();
    names
}

fn channel_of(path: &str) -> Option<&str> {
    Some(path.strip_prefix("channels/")?.split_once('/')?.0)
}

#[cfg(test)]
fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}
