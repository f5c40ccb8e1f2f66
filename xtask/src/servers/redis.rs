//! Redis for the tests: one server that all share; tests that kill, fill or empty a server start their own beside it.

use std::net::TcpStream;
use std::process::{Command, Stdio};

use super::{Folder, Server, Servers, find, free_port, install, wait_for};
use crate::run::Failed;

const URL: &str = "PAYSLUICE_TEST_REDIS";

const WANTED: &str = "the tests need redis-server, and it is neither here nor can it be installed\n\
    install it (Debian: apt-get install redis-server); some tests start a server of their own, also where PAYSLUICE_TEST_REDIS names one";

pub(super) fn start(servers: &mut Servers) -> Result<(), Failed> {
    let found = || find("redis-server", &[]);
    let program = found().or_else(|| {
        install("redis-server");
        found()
    });
    let program = program.ok_or_else(|| Failed::new(WANTED))?;
    if std::env::var_os(URL).is_some() {
        eprintln!("   Redis: the one that {URL} names");
        return Ok(());
    }
    let (folder, port) = (Folder::new("redis")?, free_port()?);
    let mut run = Command::new(&program);
    run.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]).arg(folder.path());
    let child = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let child = child.map_err(|error| Failed::new(format!("{}: {error}", program.display())))?;
    let mut server = Server::new(folder, child, None)?;
    wait_for("Redis", &mut server.child, || TcpStream::connect(("127.0.0.1", port)).is_ok())?;
    servers.tell(URL, format!("redis://127.0.0.1:{port}"));
    servers.keep(server);
    eprintln!("   Redis: {} at port {port}", program.display());
    Ok(())
}
