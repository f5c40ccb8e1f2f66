//! What the demo's payments live in: the sandbox on a socket, a till per channel on one SQLite, and a listener for callbacks.

use std::time::Duration;

use axum::Router;
use paysluice::callback::CallbackService;
use paysluice::env::Env;
use paysluice::model::{Invalid, Secret};
use paysluice::signing::Sealer;
use paysluice::store::{Space, SpaceKind, Store};
use paysluice_sandbox::{Sandbox, ServerHandle};
use paysluice_sqlite::{Options, SqliteStore};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::till::Till;
use super::{channel, faults};
use crate::args::DemoAsk;

/// How long callbacks that are on their way may take to arrive after the last payment.
const CALM: Duration = Duration::from_secs(3);

/// How long the resolver may take for what no customer waits for: its second look at a doubt is 12 s after it began.
const RESOLVED: Duration = Duration::from_secs(13);

/// Everything that lives as long as the demo.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) tills: Vec<Till>,
    pub(crate) store: SqliteStore,
    _server: ServerHandle,
    /// Dropped when the listener for callbacks is to close.
    _open: watch::Sender<()>,
    _folder: TempDir,
}

impl World {
    pub(crate) async fn begin(env: &Env, seed: u64, ask: &DemoAsk) -> Result<Self, String> {
        let sandbox = Sandbox::new(env.clone(), channel::bank(seed));
        let server = sandbox.serve(listener().await?).map_err(|error| format!("the sandbox cannot be served ({error})"))?;
        let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder ({error})"))?;
        let store = SqliteStore::open(folder.path().join("demo.db"), env.clock().clone(), Options::default());
        let store = store.map_err(|error| format!("no store ({error})"))?;
        let callbacks = listener().await?;
        let address = callbacks.local_addr().map_err(|error| format!("a port without an address ({error})"))?;
        let at_rest = Secret::new([env.rng().next_u128().to_be_bytes(), env.rng().next_u128().to_be_bytes()].concat());
        let mut tills = Vec::new();
        for channel in channel::all(&sandbox) {
            let account = channel.account().map_err(told)?;
            let adapter = channel.open(account.clone(), server.url(), format!("http://{address}/callbacks/{account}"));
            let adapter = adapter.map_err(told)?;
            let sealer = Sealer::new([("demo".to_owned(), at_rest.clone())]).map_err(told)?;
            tills.push(Till::open(env, channel, adapter, &store, sealer, ask.concurrency).map_err(told)?);
        }
        let open = watch::channel(());
        take_callbacks(env, callbacks, &tills, open.1);
        faults::strike(&sandbox, seed, ask.faults, tills.iter().map(|till| &*till.channel));
        Ok(Self { sandbox, tills, store, _server: server, _open: open.0, _folder: folder })
    }

    /// Lets the last doubts be resolved, and the callbacks that are on their way arrive and be applied.
    pub(crate) async fn calm(&self, env: &Env) {
        let until = env.now() + RESOLVED;
        while env.now() < until && self.doubts().await {
            env.sleep(Duration::from_millis(100)).await;
        }
        let until = env.now() + CALM;
        while env.now() < until {
            let counts = self.sandbox.callbacks().counts();
            let first = counts.accepted.saturating_sub(counts.duplicates);
            let on_their_way = counts.events.saturating_sub(counts.missing + counts.given_up + first);
            if on_their_way == 0 && self.waiting().await == 0 {
                return;
            }
            env.sleep(Duration::from_millis(50)).await;
        }
    }

    async fn doubts(&self) -> bool {
        for till in &self.tills {
            if till.gateway.doubts(1).await.map_or(true, |doubts| !doubts.is_empty()) {
                return true;
            }
        }
        false
    }

    /// Callbacks that are stored and not applied.
    async fn waiting(&self) -> u64 {
        let mut waiting = 0;
        for till in &self.tills {
            let inbox = Space::new(SpaceKind::Inbox, till.adapter.account());
            waiting += self.store.depth(&inbox).await.map_or(1, |depth| depth.due);
        }
        waiting
    }

    /// Ends in order: no callback is taken that could not be applied.
    pub(crate) async fn end(self) {
        self.sandbox.callbacks().stop();
        for till in &self.tills {
            till.gateway.drain(Duration::from_secs(5)).await;
        }
    }
}

async fn listener() -> Result<TcpListener, String> {
    TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| format!("no port of the loopback is free ({error})"))
}

/// Mounts the callbacks of all tills where the sandbox can call.
fn take_callbacks(env: &Env, listener: TcpListener, tills: &[Till], mut open: watch::Receiver<()>) {
    let service = CallbackService::new(tills.iter().map(|till| till.gateway.clone()));
    let router = Router::new().route_service("/callbacks/{account}", service);
    let closed = async move {
        // Errs when the sender is gone: that is the sign.
        let _ = open.changed().await;
    };
    env.spawn(async move {
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(closed).await {
            eprintln!("paysluice: callbacks are not taken any more ({error})");
        }
    });
}

fn told(invalid: Invalid) -> String {
    invalid.to_string()
}
