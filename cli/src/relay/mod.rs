//! `callback serve`: receives a provider's callbacks and forwards them to an application, each at least once.
//!
//! ```text
//!  cap the body → open (verify) → insert by delivery key → answer in the provider's words
//!                                   └ claimed by the worker → POST to --forward, signed → delivered, again later, or given up
//! ```
//!
//! What was acknowledged is on disk, so a `kill -9` loses nothing: a letter that was under way comes back when its lease ends,
//! with the same `webhook-id`.

mod event;
mod intake;
mod letters;
mod list;
mod target;
mod worker;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use paysluice::adapter::{Granted, Level};
use paysluice::env::Env;
use paysluice::guard::timeout;
use paysluice::signing::StandardWebhooks;
use paysluice::store::Durability;
use paysluice::transport::NetworkTransport;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, watch};

use crate::access::Fetcher;
use crate::args::ServeAsk;
use crate::config::{Config, ConfigError};
use crate::open;
use crate::secrets::{Secrets, of_process};
use intake::{Counts, Intake};
use letters::Letters;
use target::Target;
use worker::Worker;

pub(crate) use list::{dead, replay};

/// How long the end waits for what is under way, beyond the longest attempt.
const DRAIN: Duration = Duration::from_secs(10);

/// Receives and forwards until it is told to stop.
pub(crate) async fn run(env: Env, file: &Path, ask: ServeAsk, json: bool, verbose: bool) -> Result<ExitCode, String> {
    let config = Config::read(file)?;
    let secrets = Secrets { config: &config, environment: &of_process };
    let (intake, worker) = build(&env, &secrets, &ask, verbose)?;
    let stop = stopping()?;
    let listener = TcpListener::bind(ask.listen).await;
    let listener = listener.map_err(|error| format!("--listen: must be a free address: {} ({error})", ask.listen))?;
    introduce(&intake, &worker, &listener, json).map_err(|error| format!("the address could not be written ({error})"))?;
    let (ended, end) = watch::channel(false);
    let (served, working) = (watched(end.clone()), Arc::clone(&worker).run(end));
    let app = Router::new().fallback(intake::answer).with_state(Arc::clone(&intake));
    let serving = axum::serve(listener, app).with_graceful_shutdown(served);
    let at_work = async { tokio::join!(serving, working).0 };
    tokio::pin!(at_work);
    tokio::select! {
        biased;
        () = stop => ended.send_replace(true),
        served = &mut at_work => return Err(format!("it ended by itself ({served:?})")),
    };
    let drained = timeout::run(&env, env.now() + ask.timeout + DRAIN, &mut at_work).await;
    let counts = &intake.counts;
    eprintln!(
        "paysluice: stored {}, duplicates {}, refused {}, forwarded {}{}",
        counts.stored.load(Ordering::Relaxed),
        counts.duplicates.load(Ordering::Relaxed),
        counts.refused.load(Ordering::Relaxed),
        worker.forwarded.load(Ordering::Relaxed),
        if drained.is_err() { "; something was still under way, and is left to the next start" } else { "" }
    );
    Ok(ExitCode::SUCCESS)
}

fn build(env: &Env, secrets: &Secrets<'_>, ask: &ServeAsk, verbose: bool) -> Result<(Arc<Intake>, Arc<Worker>), String> {
    let (config, name) = (secrets.config, &ask.gateway);
    let section = config.gateway(name)?;
    let signer = signer(secrets, name)?;
    let target = Target::new(env.clone(), &ask.forward, ask.allow_http, signer, ask.timeout)?;
    let adapter = open::receiver(secrets, name)?;
    for finding in adapter.inspect(&Granted::default(), env.wall()).into_iter().filter(|finding| finding.level > Level::Good) {
        eprintln!("paysluice: {}: {}; {}", finding.what, finding.says, finding.mend.unwrap_or_default());
    }
    let network = open::network(section);
    let transport = NetworkTransport::new(&network, adapter.profile().keep_alive)
        .map_err(|invalid| ConfigError::of(&config.file, &format!("gateways.{name}"), &invalid))?;
    let (store, keeps) = open::store(env, config)?;
    if keeps < Durability::Disk && !ask.accept_loss {
        return Err("the store forgets what was acknowledged when this process ends: name sqlite:PATH as store.url, or say \
                    --accept-loss"
            .to_owned());
    }
    let sealer = open::sealer(secrets, keeps)?;
    let letters = Arc::new(Letters::new(env.clone(), store, section.account.clone(), sealer));
    let bell = Arc::new(Notify::new());
    let intake = Intake {
        env: env.clone(),
        gateway: name.clone(),
        account: section.account.to_string(),
        fetcher: Fetcher::new(env.clone(), Arc::clone(&adapter), Arc::new(transport)),
        adapter,
        letters: Arc::clone(&letters),
        bell: Arc::clone(&bell),
        room: Semaphore::new(intake::ROOM),
        counts: Counts::default(),
        verbose,
    };
    let worker =
        Worker { env: env.clone(), letters, target, concurrency: ask.concurrency, bell, forwarded: AtomicU64::new(0), verbose };
    Ok((Arc::new(intake), Arc::new(worker)))
}

/// What signs for a gateway's receiver.
pub(crate) fn signer(secrets: &Secrets<'_>, name: &str) -> Result<StandardWebhooks, ConfigError> {
    let file = &secrets.config.file;
    let found = secrets.forward_secrets(name, secrets.config.gateway(name)?)?;
    let key = format!("gateways.{name}.forward_secret_env");
    if found.is_empty() {
        let rule = "must be given (or forward_secret_file): what is forwarded is signed with it, whsec_ and the base64 of 24 to 64 bytes";
        return Err(ConfigError::new(file, key, rule));
    }
    StandardWebhooks::new(&found).map_err(|invalid| ConfigError::new(file, key, format!("must be {}", invalid.rule())))
}

fn introduce(intake: &Intake, worker: &Worker, listener: &TcpListener, as_json: bool) -> io::Result<()> {
    let (address, forward) = (listener.local_addr()?, worker.target.shown());
    let (gateway, account) = (&intake.gateway, &intake.account);
    let mut out = io::stdout().lock();
    if as_json {
        writeln!(out, "{}", json!({"listen": address, "forward": forward, "gateway": gateway, "account": account}))?;
    } else {
        writeln!(out, "Callbacks for {gateway} ({account}) at http://{address}/, forwarded to {forward}. Interrupt to stop.")?;
    }
    out.flush()
}

async fn watched(mut end: watch::Receiver<bool>) {
    // The sender lives as long as the command.
    let _ = end.wait_for(|ended| *ended).await;
}

/// An interrupt, or where there is such a thing, SIGTERM. Listened for from now on.
#[cfg(unix)]
fn stopping() -> Result<impl Future<Output = ()>, String> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(|error| format!("signals cannot be waited for ({error})"));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stopping() -> Result<impl Future<Output = ()>, String> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
