//! One step: a command that says what it is for before it runs, and is named when it fails.

use std::fmt;
use std::process::{Command, Output};

use crate::root;

/// Why a task ended early, in words for the person who started it.
#[derive(Debug)]
pub(crate) struct Failed(String);

impl Failed {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A command, run at the workspace's root.
#[derive(Debug)]
pub(crate) struct Step {
    purpose: String,
    shown: String,
    command: Command,
}

impl Step {
    pub(crate) fn new(purpose: &str, program: &str, args: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(args).current_dir(root());
        Self { purpose: purpose.to_owned(), shown: format!("{program} {}", args.join(" ")), command }
    }

    /// By plain `cargo`, so that a `+toolchain` argument reaches rustup.
    pub(crate) fn cargo(purpose: &str, args: &[&str]) -> Self {
        Self::new(purpose, "cargo", args)
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.shown = format!("{name}='{value}' {}", self.shown);
        self.command.env(name, value);
        self
    }

    /// Runs it with its output shown.
    pub(crate) fn run(mut self) -> Result<(), Failed> {
        eprintln!("\n== {}\n   {}", self.purpose, self.shown);
        let status = self.command.status().map_err(|err| self.failed(&err.to_string()))?;
        if status.success() { Ok(()) } else { Err(self.failed(&status.to_string())) }
    }

    /// Runs it silently and hands back what it printed, whatever its exit.
    pub(crate) fn output(mut self) -> Result<Output, Failed> {
        self.command.output().map_err(|err| self.failed(&err.to_string()))
    }

    /// Runs it silently; an exit other than success is a failure that carries what it said.
    pub(crate) fn text(mut self) -> Result<String, Failed> {
        let output = self.command.output().map_err(|err| self.failed(&err.to_string()))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(self.failed(String::from_utf8_lossy(&output.stderr).trim()))
    }

    fn failed(&self, why: &str) -> Failed {
        Failed::new(format!("{} failed: {}\n{why}", self.purpose, self.shown))
    }
}
