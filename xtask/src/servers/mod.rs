//! The database servers that tests need: a user's own by its URL, or ours, started in a temporary folder and stopped at the end.

mod postgres;
mod redis;

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::run::Failed;

/// How long a server may take to start: tries, a tenth of a second each.
const STARTS_WITHIN: u32 = 300;

/// What the tests are told, and what is stopped when they have ended.
#[derive(Debug, Default)]
pub(crate) struct Servers {
    names: Vec<(&'static str, String)>,
    stopped_at_drop: Vec<Server>,
}

/// Every server that the workspace's tests need. A kind of server is one line here and one file beside this one.
pub(crate) fn start() -> Result<Servers, Failed> {
    let mut servers = Servers::default();
    postgres::start(&mut servers)?;
    redis::start(&mut servers)?;
    Ok(servers)
}

impl Servers {
    /// The variables of the environment that lead tests to the servers.
    pub(crate) fn names(&self) -> Vec<(&'static str, String)> {
        self.names.clone()
    }

    fn tell(&mut self, name: &'static str, value: String) {
        self.names.push((name, value));
    }

    fn keep(&mut self, server: Server) {
        self.stopped_at_drop.push(server);
    }
}

/// A server of ours. Dropped, it is stopped and its folder removed.
#[derive(Debug)]
struct Server {
    folder: Folder,
    child: Child,
    /// Ends what is no longer the child that was started, if anything; run before the child is killed.
    stop: Option<Command>,
    /// Does the same if we end without having done it, interrupted or killed: it waits for the end of a pipe that we hold.
    guard: Child,
}

impl Server {
    fn new(folder: Folder, child: Child, stop: Option<Command>) -> Result<Self, Failed> {
        let stops = stop.as_ref().map_or_else(|| ":".to_owned(), words);
        let (pid, path) = (child.id(), folder.path().display());
        let script = format!("trap '' INT TERM HUP; read -r _; {stops}; kill -9 {pid}; rm -rf '{path}'");
        let mut guard = Command::new("sh");
        // In a group of its own, so that what ends all of ours leaves it to do its work.
        guard.process_group(0).args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let guard = guard.spawn().map_err(|error| Failed::new(format!("sh: {error}")))?;
        Ok(Self { folder, child, stop, guard })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        if let Some(stop) = &mut self.stop {
            let _ = stop.stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A temporary folder of the user that servers run as.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Result<Self, Failed> {
        let path = std::env::temp_dir().join(format!("paysluice-{name}-{}", std::process::id()));
        let failed = |error| Failed::new(format!("no folder for a test server at {}: {error}", path.display()));
        std::fs::create_dir(&path).map_err(failed)?;
        let folder = Self(path);
        if let Some((user, group)) = servant() {
            done("chown", Command::new("chown").arg(format!("{user}:{group}")).arg(folder.path()))?;
        }
        Ok(folder)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Database servers refuse to run as root: then they run as the user that PostgreSQL's package makes.
fn servant() -> Option<(u32, u32)> {
    let id = |args: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(args).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    if id(&["-u"])? != 0 {
        return None;
    }
    Some((id(&["-u", "postgres"])?, id(&["-g", "postgres"])?))
}

/// A program, run as [`servant`] where we are root.
fn command(program: &Path) -> Command {
    match servant() {
        None => Command::new(program),
        Some((user, group)) => {
            let mut command = Command::new("setpriv");
            command.args([format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".to_owned()]).arg(program);
            command
        }
    }
}

/// A command as a shell reads it.
fn words(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| format!("'{}'", word.to_string_lossy())).collect::<Vec<_>>().join(" ")
}

/// Where a program is, in the folders of PATH and those given.
fn find(program: &str, also: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = also.iter().cloned().chain(std::env::split_paths(&path)).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Tries to install a package of Debian's, which only root can; whether it worked is seen by looking for its program.
fn install(package: &str) {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if !is_root || find("apt-get", &[]).is_none() {
        return;
    }
    eprintln!("   installing {package}, which the tests need");
    let install = ["install", "-y", "--no-install-recommends", package];
    let _ = Command::new("apt-get").args(install).env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null()).status();
}

/// A port of this machine that nobody listens on at the moment.
fn free_port() -> Result<u16, Failed> {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    port.map(|address| address.port()).map_err(|error| Failed::new(format!("no free port: {error}")))
}

/// Runs a command to its end in silence.
fn done(what: &str, command: &mut Command) -> Result<(), Failed> {
    let output = command.output().map_err(|error| Failed::new(format!("{what}: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Failed::new(format!("{what}: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

/// Waits until the server answers, or has ended.
fn wait_for(what: &str, child: &mut Child, answers: impl Fn() -> bool) -> Result<(), Failed> {
    for _ in 0..STARTS_WITHIN {
        if answers() {
            return Ok(());
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(Failed::new(format!("{what} ended while it started: {status}")));
        }
        thread::sleep(Duration::from_millis(100));
    }
    Err(Failed::new(format!("{what} did not start in time")))
}
