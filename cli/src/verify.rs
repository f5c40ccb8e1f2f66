//! `callback verify`: one request per line in, one verdict per line out, with a reason that a person can act on.
//!
//! The verdict is about the message: `valid` means that the provider signed it, for this endpoint, within the time allowed, and
//! that nobody altered it. A message may hold several items; one that cannot be read, or is of another account, does not spoil
//! the others: it stands in `events` with a verdict and a reason of its own, and the message's reason says how many there are.

mod line;
mod lines;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use paysluice::adapter::{Adapter, Event, Granted, Item, Opened, Want};
use paysluice::env::Env;
use paysluice::model::Error;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::args::VerifyAsk;
use crate::config::Config;
use crate::open;
use crate::secrets::{Secrets, of_process};
use line::Asked;
use lines::{Line, Lines};

/// The adapters by the gateways' names.
#[derive(Debug)]
pub(crate) struct Readers {
    by_name: BTreeMap<String, Arc<dyn Adapter>>,
    /// The gateway of lines that name none.
    usual: Option<String>,
}

/// What is said of a line.
#[derive(Debug, Serialize)]
struct Verdict {
    id: Value,
    verdict: &'static str,
    reason: Option<String>,
    events: Vec<Value>,
}

/// Reads to the end of the input.
pub(crate) fn run(file: &Path, ask: &VerifyAsk) -> Result<ExitCode, String> {
    let config = Config::read(file)?;
    let readers = Readers::open(&Secrets { config: &config, environment: &of_process }, ask.gateway.as_deref())?;
    let input: Box<dyn Read> = match &ask.input {
        Some(path) => Box::new(File::open(path).map_err(|error| format!("--input: must be a file that can be read ({error})"))?),
        None => Box::new(io::stdin().lock()),
    };
    let env = Env::system();
    let done = work(&readers, input, io::stdout().lock(), &|| env.wall());
    match done {
        // Whoever reads us has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        done => done.map(|()| ExitCode::SUCCESS).map_err(|error| format!("reading or writing failed ({error})")),
    }
}

/// Answers every line. Flushes whenever the next line is not here yet, so that a pipe gets its answers at once and a file in blocks.
fn work(readers: &Readers, input: impl Read, output: impl Write, now: &dyn Fn() -> SystemTime) -> io::Result<()> {
    let mut lines = Lines::new(BufReader::with_capacity(256 * 1024, input));
    let mut output = BufWriter::with_capacity(64 * 1024, output);
    loop {
        if !lines.has_buffered() {
            output.flush()?;
        }
        let verdict = match lines.next()? {
            None => return output.flush(),
            Some(Line::Blank) => continue,
            Some(Line::TooLong) => Verdict::invalid(Value::Null, format!("line: must be at most {} bytes long", lines::LONGEST)),
            Some(Line::Whole(text)) => readers.judge(text, now),
        };
        serde_json::to_writer(&mut output, &verdict)?;
        output.write_all(b"\n")?;
    }
}

impl Readers {
    /// The gateways of a configuration; a default must be one of them.
    fn open(secrets: &Secrets<'_>, usual: Option<&str>) -> Result<Self, String> {
        if let Some(name) = usual {
            secrets.config.gateway(name)?;
        }
        let names: Vec<&String> = secrets.config.sections.gateways.keys().collect();
        let only = if let [only] = names.as_slice() { Some(only.as_str()) } else { None };
        let usual = usual.or(only).map(str::to_owned);
        let adapters = names.into_iter().map(|name| Ok((name.clone(), open::reader(secrets, name)?)));
        Ok(Self { by_name: adapters.collect::<Result<_, String>>()?, usual })
    }

    fn judge(&self, text: &[u8], now: &dyn Fn() -> SystemTime) -> Verdict {
        let fields = match serde_json::from_slice::<Map<String, Value>>(text) {
            Ok(fields) => fields,
            Err(error) => return Verdict::invalid(Value::Null, format!("line: must be one JSON object ({error})")),
        };
        let id = fields.get("id").cloned().unwrap_or_default();
        match Asked::read(&fields).and_then(|asked| self.open_callback(asked, now)) {
            Ok(items) => Verdict::of(id, &items),
            Err(why) => Verdict::invalid(id, why),
        }
    }

    fn open_callback(&self, asked: Asked, now: &dyn Fn() -> SystemTime) -> Result<Vec<Item>, String> {
        let name = asked.gateway.as_deref().or(self.usual.as_deref());
        let name = name.ok_or("gateway: must be given: the configuration has several, and --gateway names none")?;
        let adapter = self.by_name.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.by_name.keys().map(String::as_str).collect();
            format!("gateway: must be one of the configuration: {}", known.join(", "))
        })?;
        let cap = adapter.profile().callback_cap;
        if asked.request.body.len() > cap {
            return Err(format!("body_b64: must be at most {cap} bytes when decoded: this provider sends no larger callbacks"));
        }
        let at = asked.now.unwrap_or_else(now);
        match adapter.callbacks().open(&asked.request, at, &Granted::default()) {
            Ok(Opened::Items(items)) => Ok(items),
            Ok(Opened::Need(Want::Key(serial))) => Err(not_held(&**adapter, &serial, at)),
            Ok(Opened::Need(want)) => Err(format!("cannot be verified without {want:?}, which is fetched from the provider")),
            Err(error) => Err(told(&error)),
        }
    }
}

impl Verdict {
    fn invalid(id: Value, reason: String) -> Self {
        Self { id, verdict: "invalid", reason: Some(reason), events: Vec::new() }
    }

    fn of(id: Value, items: &[Item]) -> Self {
        let unread = items.iter().filter(|item| item.verdict.is_err()).count();
        let first = items.iter().find_map(|item| item.verdict.as_ref().err());
        let reason = first.map(|error| {
            format!("the message is the provider's, but {unread} of its {} items cannot be used: {}", items.len(), told(error))
        });
        Self { id, verdict: "valid", reason, events: items.iter().map(event).collect() }
    }
}

fn event(item: &Item) -> Value {
    match &item.verdict {
        Ok(event) => shown(&item.delivery_key, event),
        Err(error) => json!({"verdict": "invalid", "delivery_key": item.delivery_key, "reason": told(error)}),
    }
}

fn shown(delivery_key: &str, event: &Event) -> Value {
    let (about, seen) = (event.about(), event.seen());
    let (order, attempt) = about.order.as_ref().map(|(order, attempt)| (order.as_str(), attempt.get())).unzip();
    let ids: Map<String, Value> = about.refs.iter().map(|(name, id)| (name.to_owned(), id.into())).collect();
    json!({
        "verdict": "valid",
        "name": event.name(),
        "delivery_key": delivery_key,
        "order": order,
        "attempt": attempt,
        "number": about.number.as_ref().map(paysluice::model::ProviderNo::as_str),
        "change": event.change(),
        "status": seen.status.as_ref().map(ToString::to_string),
        "money": seen.money.map(|money| money.to_string()),
        "captured": seen.captured.map(|money| money.to_string()),
        "refunded": seen.refunded.map(|money| money.to_string()),
        "trust": event.trust(),
        "ids": ids,
    })
}

/// Which certificate is missing, and which keys there are. A gateway would fetch it; this command asks nobody.
fn not_held(adapter: &dyn Adapter, serial: &str, at: SystemTime) -> String {
    let findings = adapter.inspect(&Granted::default(), at).into_iter().map(|finding| finding.what);
    let held: Vec<String> =
        findings.filter(|what| what.starts_with("platform certificate ") || what.contains("PUB_KEY_ID_")).collect();
    let held = if held.is_empty() { "none is configured".to_owned() } else { format!("held are {}", held.join(", ")) };
    format!(
        "certificate of serial {serial} is not held: {held}; name its file in platform_certificate_file (a gateway fetches it by itself, \
         this command fetches nothing)"
    )
}

/// The sentence, without the kind that programs read.
fn told(error: &Error) -> String {
    error.message().to_owned()
}

#[cfg(test)]
mod tests;
