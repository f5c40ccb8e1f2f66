//! The findings: a table for people, JSON for programs.

use std::io::{self, Write};

use comfy_table::ContentArrangement;
use paysluice::adapter::{Finding, Level};
use serde_json::{Value, json};

use crate::output::framed;

/// What a finding is about, in the order in which things are mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Area {
    Configuration,
    Keys,
    Network,
    Clock,
    Callbacks,
    Store,
}

/// All that was found.
#[derive(Debug)]
pub(super) struct Report {
    gateway: String,
    pub(super) account: Option<String>,
    pub(super) findings: Vec<(Area, Finding)>,
}

impl Area {
    fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Keys => "keys",
            Self::Network => "network",
            Self::Clock => "clock",
            Self::Callbacks => "callbacks",
            Self::Store => "store",
        }
    }
}

impl Report {
    pub(super) fn new(gateway: &str) -> Self {
        Self { gateway: gateway.to_owned(), account: None, findings: Vec::new() }
    }

    pub(super) fn add(&mut self, area: Area, findings: impl IntoIterator<Item = Finding>) {
        self.findings.extend(findings.into_iter().map(|finding| (area, finding)));
    }

    /// By area; within one, as they were found.
    pub(super) fn sort(&mut self) {
        self.findings.sort_by_key(|(area, _)| *area);
    }

    pub(super) fn is_bad(&self) -> bool {
        self.findings.iter().any(|(_, finding)| finding.level == Level::Bad)
    }

    /// Writes it to stdout.
    pub(super) fn print(&self, as_json: bool) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if as_json {
            return writeln!(out, "{}", self.json());
        }
        let mut table = framed();
        table.set_content_arrangement(ContentArrangement::Dynamic);
        for (area, finding) in &self.findings {
            table.add_row([shown(finding.level), area.name(), &finding.what, &finding.says]);
            if let Some(mend) = &finding.mend {
                table.add_row(["", "", "", &format!("mend: {mend}")]);
            }
        }
        let count = |level| self.findings.iter().filter(|(_, finding)| finding.level == level).count();
        writeln!(out, "{table}")?;
        writeln!(out, "{} good, {} to look at, {} bad", count(Level::Good), count(Level::Warning), count(Level::Bad))
    }

    fn json(&self) -> Value {
        let findings = self.findings.iter().map(|(area, Finding { what, level, says, mend, .. })| {
            json!({"area": area.name(), "what": what, "level": word(*level), "says": says, "mend": mend})
        });
        let findings: Vec<Value> = findings.collect();
        json!({"gateway": self.gateway, "account": self.account, "ok": !self.is_bad(), "findings": findings})
    }
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Good => "good",
        Level::Warning => "warning",
        Level::Bad => "bad",
    }
}

/// So that what is bad is seen in a column of small words.
fn shown(level: Level) -> &'static str {
    match level {
        Level::Good => "ok",
        Level::Warning => "LOOK",
        Level::Bad => "BAD",
    }
}
