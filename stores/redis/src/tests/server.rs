//! Servers for tests: one for all, and some of a test's own.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use paysluice::env::{Env, Rng, SystemRng};
use paysluice::model::{AccountRef, Mode};
use redis::Value;
use tempfile::TempDir;

use crate::link::Link;

/// The server that all tests share; each works on accounts of its own.
pub(super) fn shared() -> String {
    let Ok(url) = std::env::var("PAYSLUICE_TEST_REDIS") else {
        panic!("PAYSLUICE_TEST_REDIS must be the URL of a Redis server for tests, as `cargo xtask test` sets it")
    };
    url
}

/// One world for a whole test: instants of two cannot be compared.
pub(super) fn env() -> Env {
    static ENV: LazyLock<Env> = LazyLock::new(Env::system);
    ENV.clone()
}

/// An account that nobody else uses.
pub(super) fn account() -> AccountRef {
    AccountRef::new("conformance", Mode::Test, &format!("{:016x}", SystemRng::new().next_u64())).unwrap()
}

/// One command on a connection of its own.
pub(super) async fn say(url: &str, words: &[&str]) -> Value {
    let link = Link::new(url, &env(), Duration::from_secs(5)).unwrap();
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    link.ask(&command).await.unwrap()
}

/// A server of a test's own; killed when dropped.
#[derive(Debug)]
pub(super) struct Own {
    folder: TempDir,
    port: u16,
    settings: Vec<String>,
    child: Option<Child>,
}

impl Own {
    pub(super) async fn start(settings: &[&str]) -> Self {
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        let mut own = Self { folder: TempDir::new().unwrap(), port: Self::free_port(), settings, child: None };
        own.rise().await;
        own
    }

    /// A port that nobody listens on at the moment.
    pub(super) fn free_port() -> u16 {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(super) fn port(&self) -> String {
        self.port.to_string()
    }

    /// Starts it again, with what it had saved.
    pub(super) async fn rise(&mut self) {
        let port = self.port.to_string();
        let folder = self.folder.path().display().to_string();
        let own = ["--port", &port, "--bind", "127.0.0.1", "--dir", &folder, "--save", "", "--logfile", "log"];
        let child = Command::new("redis-server").args(own).args(&self.settings).stdout(Stdio::null()).spawn();
        self.child = Some(child.expect("redis-server must be installed: this test kills a server of its own"));
        let env = env();
        let link = Link::new(&self.url(), &env, Duration::from_secs(1)).unwrap();
        while link.ask(&redis::cmd("PING")).await.is_err() {
            env.sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Stops it without ending its connections: it answers nobody, or goes on.
    pub(super) fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    pub(super) async fn say(&self, words: &[&str]) -> Value {
        say(&self.url(), words).await
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.kill();
    }
}
