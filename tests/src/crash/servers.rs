//! The servers of a run: a Redis of its own, and a PostgreSQL that may be crashed, by the command that `cargo xtask` names.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

use super::Fault;

/// The URL of a PostgreSQL that nobody else uses, and the command that crashes it and starts it again.
pub const CRASH_URL: &str = "PAYSLUICE_TEST_POSTGRES_CRASH_URL";
/// See [`CRASH_URL`].
pub const CRASH_COMMAND: &str = "PAYSLUICE_TEST_POSTGRES_CRASH_COMMAND";

/// Kills the server when its input ends, which it does when this process ends, however that comes about.
const WATCHED: &str = "trap '' INT TERM HUP; \"$@\" </dev/null & server=$!; read -r _; kill -9 $server; wait $server";

/// How long a server may take to start: tries, a twentieth of a second each.
const STARTS_WITHIN: u32 = 400;

/// How often a PostgreSQL is started before it is given up.
const RESTARTS: u32 = 20;

/// A Redis of our own. Dropped, it is killed.
#[derive(Debug)]
pub(super) struct Redis {
    folder: TempDir,
    here: SocketAddr,
    /// Whether it keeps what it was told: every write is on the disk before it is answered.
    keeps: bool,
    running: Mutex<Option<Child>>,
}

impl Redis {
    pub(super) fn start(keeps: bool) -> Result<Self, Fault> {
        let here = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let redis = Self { folder: tempfile::tempdir()?, here, keeps, running: Mutex::default() };
        redis.rise()?;
        Ok(redis)
    }

    pub(super) fn here(&self) -> SocketAddr {
        self.here
    }

    /// Kills it (SIGKILL), and starts it again with what it had saved.
    pub(super) fn crash(&self) -> Result<(), Fault> {
        self.kill();
        self.rise()
    }

    fn rise(&self) -> Result<(), Fault> {
        let (port, keeps) = (self.here.port().to_string(), if self.keeps { "yes" } else { "no" });
        let child = Command::new("sh")
            .args(["-c", WATCHED, "sh", "redis-server", "--port", &port, "--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(self.folder.path())
            .args(["--appendonly", keeps, "--appendfsync", "always", "--logfile", "log"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        for _ in 0..STARTS_WITHIN {
            if TcpStream::connect(self.here).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err("redis-server did not start (Debian: apt-get install redis-server)".into())
    }

    fn kill(&self) {
        if let Some(mut child) = self.running.lock().unwrap_or_else(PoisonError::into_inner).take() {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A PostgreSQL that somebody else started and stops, for us to crash.
#[derive(Clone, Debug)]
pub struct Postgres {
    pub(super) url: String,
    command: String,
    /// One crash at a time.
    turn: Arc<Mutex<()>>,
}

impl Postgres {
    /// The one that the environment names, if it names one: a person's own server is not ours to crash.
    pub fn named() -> Option<Self> {
        Some(Self { url: std::env::var(CRASH_URL).ok()?, command: std::env::var(CRASH_COMMAND).ok()?, turn: Arc::default() })
    }

    /// Where it listens.
    pub(super) fn here(&self) -> Result<SocketAddr, Fault> {
        let after = self.url.rsplit_once('@').map_or(self.url.as_str(), |(_, after)| after);
        Ok(after.split('/').next().unwrap_or_default().replace("localhost", "127.0.0.1").parse()?)
    }

    /// Ends it at once, in the midst of everything, and starts it again.
    pub(super) fn crash(&self) -> Result<(), Fault> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut said = String::new();
        // A server refuses to start while a process of the one before it still holds its memory.
        for _ in 0..RESTARTS {
            let crashed = Command::new("sh").args(["-c", &self.command]).stdin(Stdio::null()).output()?;
            if crashed.status.success() {
                return Ok(());
            }
            said = String::from_utf8_lossy(&crashed.stderr).into_owned();
            std::thread::sleep(Duration::from_millis(300));
        }
        Err(format!("PostgreSQL could not be started again: {said}").into())
    }
}
