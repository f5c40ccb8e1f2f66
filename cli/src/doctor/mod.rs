//! `doctor`: looks a gateway over, says what is wrong and how to mend it. A check that fails does not keep the others from being made.

mod clock;
mod network;
mod report;
mod settings;
mod store;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use paysluice::adapter::{Adapter, Finding};
use paysluice::env::Env;
use paysluice::guard::timeout;

use crate::args::DoctorAsk;
use crate::config::{Config, ConfigError};
use crate::open;
use crate::open::provider::Use;
use crate::secrets::{Secrets, of_process};
use network::Asker;
use report::{Area, Report};

/// Looks everything over. The exit status is 1 if anything is bad.
pub(crate) async fn run(env: Env, file: &Path, ask: &DoctorAsk, json: bool) -> Result<ExitCode, String> {
    let mut report = Report::new(&ask.gateway);
    match Config::read(file) {
        Ok(config) => look_over(&env, &config, ask, &mut report).await,
        Err(error) => report.add(Area::Configuration, [misconfigured(&error)]),
    }
    report.print(json).map_err(|error| format!("the findings could not be written ({error})"))?;
    Ok(ExitCode::from(u8::from(report.is_bad())))
}

async fn look_over(env: &Env, config: &Config, ask: &DoctorAsk, report: &mut Report) {
    let deadline = env.now() + ask.timeout;
    let name = &ask.gateway;
    let section = match config.gateway(name) {
        Ok(section) => section,
        Err(error) => return report.add(Area::Configuration, [misconfigured(&error)]),
    };
    report.account = Some(section.account.to_string());
    report.add(Area::Configuration, [Finding::good("file", format!("{} is read", config.file.display()))]);
    let secrets = Secrets { config, environment: &of_process };
    let Built { adapter, has_keys, wrong } = build(&secrets, name);
    report.add(Area::Keys, wrong);
    let on_network = async {
        let mut found = Vec::new();
        let Some(adapter) = adapter else { return found };
        let mut granted = Arc::default();
        match Asker::new(env, section, name, &adapter, has_keys) {
            Ok(asker) => {
                if timeout::run(env, deadline, asker.ask(deadline, &mut found)).await.is_err() {
                    found.push((Area::Network, late()));
                }
                granted = asker.granted();
            }
            Err(finding) => found.push((Area::Network, finding)),
        }
        found.extend(network::inspected(env, &*adapter, &granted));
        found
    };
    let in_store = async {
        let mut found = Vec::new();
        let checks = store::check(env, config, &section.account, secrets.sealer(), &mut found);
        if timeout::run(env, deadline, checks).await.is_err() {
            found.push(late());
        }
        found
    };
    let (network, store) = tokio::join!(on_network, in_store);
    report.findings.extend(network);
    report.add(Area::Callbacks, settings::check(&secrets, name, section));
    report.add(Area::Store, store);
    report.sort();
}

/// The adapter as far as it can be built, and what kept it from being built whole.
struct Built {
    adapter: Option<Arc<dyn Adapter>>,
    has_keys: bool,
    wrong: Vec<Finding>,
}

/// Without webhook secrets an adapter can still ask; without its API key it still knows its callbacks, and where its provider is.
fn build(secrets: &Secrets<'_>, name: &str) -> Built {
    let mut wrong: Vec<Finding> = Vec::new();
    for (sends, hears) in [(true, true), (true, false), (false, true), (false, false)] {
        match open::adapter(secrets, name, Use { sends, hears }) {
            Ok(adapter) => {
                wrong.extend(wrong.is_empty().then(|| Finding::good("adapter", format!("{adapter:?}"))));
                return Built { adapter: Some(adapter), has_keys: sends, wrong };
            }
            Err(error) => {
                let finding = misconfigured(&error);
                if !wrong.contains(&finding) {
                    wrong.push(finding);
                }
            }
        }
    }
    Built { adapter: None, has_keys: false, wrong }
}

fn late() -> Finding {
    let mend = "give it more with --timeout; if it then ends, what it waits for is slow";
    Finding::bad("time", "the checks did not end in the time given", mend)
}

/// A configuration error names key and rule; what would be right is in the rule.
fn misconfigured(error: &ConfigError) -> Finding {
    Finding::bad(
        error.place(),
        error.rule(),
        "put it right where the configuration has it, or the variable or file that it names there",
    )
}
